/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dead letters in streams, for commands: a connection of its own, and calls that wait for the
 * server's answer. What the bridge itself needs is in dead_letter.c and letter_source.c; none of
 * this runs beside a loop.
 */
#ifndef NATSWAY_HUB_LETTERS_H
#define NATSWAY_HUB_LETTERS_H

#include <natsway/connector.h>

struct nw_letters;

/* A message as it lies in its stream. */
struct nw_stored {
    const char *stream, *subject;
    uint64_t sequence;
    int64_t stored_ns;
    size_t size;             /* of the payload */
    struct nw_slice headers; /* its lines */
    struct nw_slice payload; /* absent: it was not asked for */
};

/* hub_options: of the `nats:` block. 0; NW_EINVAL: they are wrong; NW_EIO: there is no server. The
 * errors below are NW_EIO where NATS or JetStream cannot be reached, NW_EINVAL where it refuses. */
int nw_letters_open(const void *hub_options, struct nw_letters **out, struct nw_error *error);
/* NULL is allowed. */
void nw_letters_close(struct nw_letters *l);

/* The names of the streams that take a subject of the pattern, told one by one. */
int nw_letters_streams(struct nw_letters *l, const char *pattern,
                       void (*tell)(void *context, const char *name), void *context,
                       struct nw_error *error);

/* Tell all that lies in the stream under subjects of pattern, from the sequence `from` on, in their
 * order, until tell says false. The headers only, or the payload as well. */
int nw_letters_read(struct nw_letters *l, const char *stream, const char *pattern, uint64_t from,
                    bool headers_only, bool (*tell)(void *context, const struct nw_stored *stored),
                    void *context, struct nw_error *error);

/* Tell one. Also NW_ENOTFOUND. */
int nw_letters_get(struct nw_letters *l, const char *stream, uint64_t sequence,
                   bool (*tell)(void *context, const struct nw_stored *stored), void *context,
                   struct nw_error *error);

/* Fill m, which is new, with payload, headers, key, timestamp and so on. The bytes are borrowed.
 * 0 or NW_ENOMEM. */
int nw_letters_fill(struct nw_message *m, const struct nw_stored *stored);

struct nw_letter_header {
    const char *name;
    const char *value; /* NULL: there is to be none */
};

/* What is to be changed of one. */
struct nw_letter_edit {
    struct nw_slice payload;              /* absent: it stays */
    const char *id;                       /* its new Nats-Msg-Id */
    const struct nw_letter_header *items; /* each in place of all of its name */
    size_t count;
};

/* Publish the stored one with the change, to its own subject. *sequence: the new one's, once the
 * stream has confirmed it. NW_EINVAL also if another stream took it. */
int nw_letters_publish(struct nw_letters *l, const struct nw_stored *stored,
                       const struct nw_letter_edit *edit, uint64_t *sequence,
                       struct nw_error *error);

/* Remove one. Also NW_ENOTFOUND: it is not there (any more). */
int nw_letters_remove(struct nw_letters *l, const char *stream, uint64_t sequence,
                      struct nw_error *error);

#endif
