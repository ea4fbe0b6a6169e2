/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server took back and delivers again comes mostly, but not always, in the order of the
 * stream: a message that met a closed connection goes before the others, and new ones may come in
 * between. So after taking back everything is gathered until all that comes again is there, and
 * goes on sorted. Loop thread.
 */
#ifndef NATSWAY_HUB_JS_BACKLOG_H
#define NATSWAY_HUB_JS_BACKLOG_H

#include <nats/nats.h>
#include <natsway/connector.h>

struct nw_js_again {
    natsMsg *msg;
    uint64_t sequence;
    bool again; /* it was delivered before */
};

struct nw_js_backlog {
    struct nw_js_again *items;
    size_t count, capacity;
    size_t again;    /* so many of the items */
    size_t expected; /* so many are; 0: nothing is gathered */
};

/* Gather until so many came again. */
void nw_js_backlog_expect(struct nw_js_backlog *b, size_t expected);
/* Keep msg. false: there is no memory, and with it the gathering is over. */
bool nw_js_backlog_keep(struct nw_js_backlog *b, natsMsg *msg, uint64_t delivered,
                        uint64_t sequence);
/* Forget what is there twice; how many that were. */
size_t nw_js_backlog_unite(struct nw_js_backlog *b);
bool nw_js_backlog_is_complete(const struct nw_js_backlog *b);
/* End the gathering; the items are sorted. */
void nw_js_backlog_end(struct nw_js_backlog *b);
/* Free; the messages must have been taken. */
void nw_js_backlog_done(struct nw_js_backlog *b);

#endif
