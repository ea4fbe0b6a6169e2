/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a consumer for messages: up to three requests of a batch are outstanding, so that the
 * server always has one to fill. Every message asked for has its credit taken before. Requests are
 * renewed when they end, and the silence of the server is noticed by missing heartbeats.
 *
 * Which request a message answers cannot be told, so only the sum of what may still come is kept.
 *
 * Loop thread.
 */
#ifndef NATSWAY_HUB_JS_PULL_H
#define NATSWAY_HUB_JS_PULL_H

#include "hub/connection.h"
#include "hub/lease.h"

struct nw_js_pull {
    struct nw_hub *hub;
    struct nw_endpoint *endpoint;
    natsSubscription *sub; /* NULL: not pulling */
    struct nw_timer timer; /* looks for missing heartbeats */
    int64_t heard_ns;
    size_t batch;
    size_t memory;                /* bytes that may be on their way */
    int64_t expires_ns;           /* after which a request ends by itself */
    const struct nw_lease *lease; /* nothing is asked for without it; NULL: none is needed */
    bool got;                     /* a message, since a request ended last */
    bool quiet;         /* a request ended without: less is asked for until messages come again */
    size_t outstanding; /* messages asked for that may still come; as many credits are held */
    uint64_t requests;
    char subject[600], inbox[64];
    /* The pulls ended and must be set up again after wait_ms; text: why, NULL: nothing to say. */
    void (*broken)(struct nw_js_pull *pull, int64_t wait_ms, const char *text);
};

void nw_js_pull_init(struct nw_js_pull *pull, struct nw_hub *hub, struct nw_endpoint *endpoint,
                     size_t batch, size_t memory,
                     void (*broken)(struct nw_js_pull *pull, int64_t wait_ms, const char *text));
/* Subscribe and ask; there is a session. false: it failed. */
bool nw_js_pull_start(struct nw_js_pull *pull, const char *stream, const char *durable);
/* Unsubscribe, and give back the credits of what will not come. Allowed when not pulling. */
void nw_js_pull_stop(struct nw_js_pull *pull);
/* Ask for more if there is room and credit. */
void nw_js_pull_more(struct nw_js_pull *pull);

/* Messages that wait in the subscription. */
size_t nw_js_pull_waiting(struct nw_js_pull *pull);
/* The next one, the caller's; its credit is now the caller's, too. NULL: there was none, or it was
 * a message of the server to us. May stop the pulls. */
natsMsg *nw_js_pull_next(struct nw_js_pull *pull);

#endif
