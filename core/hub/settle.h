/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settlements on their way from the worker to the loop thread: what settle() was told, with its own
 * references on the messages and copies of the reasons.
 */
#ifndef NATSWAY_HUB_SETTLE_H
#define NATSWAY_HUB_SETTLE_H

#include "hub/loop.h"

struct nw_settled {
    struct nw_message *message, *reply;
    char *reason; /* may be NULL */
    enum nw_outcome outcome;
    enum nw_cause cause;
    uint32_t retry_after_ms;
};

struct nw_settlement {
    struct nw_task task;
    struct nw_settlement *next; /* the owner's */
    void (*take)(struct nw_settlement *settlement);
    void *owner;
    size_t count;
    struct nw_settled items[];
};

/* Worker thread. take is called on the loop thread and frees the settlement. Without memory the
 * results are forgotten: a stored message comes again, and who waits runs into the timeout. */
void nw_settlement_post(struct nw_loop *loop, const struct nw_result *results, size_t n,
                        void *owner, void (*take)(struct nw_settlement *settlement));

/* Let go of all messages, and free it. */
void nw_settlement_free(struct nw_settlement *settlement);

#endif
