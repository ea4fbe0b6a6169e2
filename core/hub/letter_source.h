/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source of no user's configuration: it offers chosen dead letters of a stream, each as the
 * message that it was, and removes from the stream what is settled with ACK. All else stays there.
 * It makes no consumer and keeps no place.
 */
#ifndef NATSWAY_HUB_LETTER_SOURCE_H
#define NATSWAY_HUB_LETTER_SOURCE_H

#include <natsway/connector.h>

/* What became of a letter. */
enum nw_letter_end {
    NW_LETTER_REMOVED,     /* delivered, and not in the stream any more */
    NW_LETTER_NOT_REMOVED, /* delivered, but it could not be removed */
    NW_LETTER_REFUSED,     /* it stays */
    NW_LETTER_RETURNED,    /* not now: it stays */
    NW_LETTER_GONE         /* it was not there any more */
};

struct nw_letter_place {
    const char *stream;
    uint64_t sequence;
};

/* What its options are. restore makes of the message, which is as it lies in the stream, what it
 * was: 0, or NW_EINVAL with the reason why it is not to be sent. tell is called once for each
 * letter, unless the source is closed before its turn. Both on the loop thread. */
struct nw_letter_source_options {
    const struct nw_letter_place *places;
    size_t count;
    void *context;
    int (*restore)(void *context, size_t index, struct nw_message *m, struct nw_error *error);
    void (*tell)(void *context, size_t index, enum nw_letter_end end, const char *reason);
};

/* Its connection is the hub's. address and has are to be those of the source it stands for. */
extern const struct nw_source_kind nw_hub_letter_source;

#endif
