/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane's end of the spool, for sources whose library confirms before NATS can have the message,
 * and for callers who are not to wait for it.
 *
 * nw_store() writes messages to the spool and, when nothing older waits on disk and there is
 * credit, offers them at once from memory; otherwise they are read back, in order, by the bridge's
 * replay thread when there is credit again. Either way a row is removed when its message is
 * settled. What a killed process left is replayed at start, before anything newer; also when the
 * route does not use its spool any more.
 */
#ifndef NATSWAY_PUMP_SPOOLER_H
#define NATSWAY_PUMP_SPOOLER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <natsway/connector.h>

#include "store/spool.h"

struct nw_lane;

struct nw_spooler {
    struct nw_lane *lane;
    pthread_mutex_t lock; /* guards all below but the atomics; held while offering, so that order
                             holds between nw_store and replay */
    _Atomic(struct nw_spool_route *) spool; /* NULL until the first use */
    uint64_t offered_row;                   /* the last row that was offered */
    uint64_t last_row;                      /* the last row that was written */
    struct nw_spool_dropped told;           /* what was said to be dropped */
    bool running;
    atomic_bool wanted;   /* the replay thread should look */
    atomic_bool behind;   /* rows wait that were not offered */
    atomic_ulong offered; /* messages of the spool that are offered and not settled */
};

void nw_spooler_init(struct nw_spooler *s, struct nw_lane *lane);
void nw_spooler_done(struct nw_spooler *s);

/* Worker thread. start opens the route's spool if there is anything in it; after stop nothing is
 * offered any more. */
void nw_spooler_start(struct nw_spooler *s);
void nw_spooler_stop(struct nw_spooler *s);

/* Any thread. */
bool nw_spooler_is_open(struct nw_spooler *s);
/* How many messages are in it. */
uint64_t nw_spooler_size(struct nw_spooler *s);
/* Whether anything of it waits to be delivered, so that what is newer would overtake it. */
bool nw_spooler_waits(struct nw_spooler *s);
/* There is credit again. */
void nw_spooler_credit(struct nw_spooler *s);
/* See nw_store(). What was offered before comes back from disk, as another message. */
int nw_spooler_store(struct nw_spooler *s, struct nw_message *const *messages, size_t n,
                     struct nw_error *error);
/* Remove the rows of what is settled for good; what is to come again stays. */
void nw_spooler_settle(struct nw_spooler *s, const struct nw_result *results, size_t n);

/* Replay thread: offer what credit allows from disk. */
void nw_spooler_replay(struct nw_spooler *s);

#endif
