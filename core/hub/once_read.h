/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading back what a stream has stored, headers only: an ephemeral consumer that pushes from one
 * sequence to another, with flow control, so that a long piece does not flood the connection. Loop
 * thread.
 */
#ifndef NATSWAY_HUB_ONCE_READ_H
#define NATSWAY_HUB_ONCE_READ_H

#include "hub/js_api.h"

enum nw_once_read_end {
    NW_ONCE_READ_ALL,
    NW_ONCE_READ_TOO_MUCH, /* more messages than wanted: none was read */
    NW_ONCE_READ_FAILED    /* a message is missing, or the server is silent: try again */
};

/* What to read: of the stream what the subject takes (NULL: all), behind `after` and up to `until`,
 * unless that is more than `most` messages. The texts are not kept. */
struct nw_once_piece {
    const char *stream, *subject;
    uint64_t after, until, most;
};

struct nw_once_read {
    struct nw_js_call call;
    struct nw_hub *hub;
    struct nw_timer timer;
    natsSubscription *sub; /* NULL: not reading */
    bool made;
    uint64_t next, until, most;
    int64_t heard_ns;
    void *context;
    void (*each)(void *context, uint64_t sequence, natsMsg *msg);
    /* May begin the next one. text: of a failure. */
    void (*done)(void *context, enum nw_once_read_end end, const struct nw_js_response *failure,
                 const char *text);
};

/* each and done are set by the caller afterwards. */
void nw_once_read_init(struct nw_once_read *r, struct nw_hub *hub, void *context);
/* There is a session. done is called once, unless nw_once_read_stop comes first. */
void nw_once_read_begin(struct nw_once_read *r, const struct nw_once_piece *piece);
/* Something came over the connection. */
void nw_once_read_received(struct nw_once_read *r);
void nw_once_read_stop(struct nw_once_read *r);

#endif
