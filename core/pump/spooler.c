/* SPDX-License-Identifier: Apache-2.0 */
#include "pump/spooler.h"

#include <stdio.h>

#include "pump/bridge_state.h"
#include "pump/lane.h"

#define REPLAY_BATCH 256

void nw_spooler_init(struct nw_spooler *s, struct nw_lane *lane)
{
    *s = (struct nw_spooler){.lane = lane};
    (void)pthread_mutex_init(&s->lock, NULL);
}

void nw_spooler_done(struct nw_spooler *s)
{
    (void)pthread_mutex_destroy(&s->lock);
}

bool nw_spooler_is_open(struct nw_spooler *s)
{
    return atomic_load(&s->spool) != NULL;
}

uint64_t nw_spooler_size(struct nw_spooler *s)
{
    struct nw_spool_route *spool = atomic_load(&s->spool);
    uint64_t messages = 0, bytes;

    if (spool != NULL) {
        nw_spool_size(spool, &messages, &bytes);
    }
    return messages;
}

/* The route's spool, with the lock held. */
static struct nw_spool_route *open_spool(struct nw_spooler *s, struct nw_error *error)
{
    const struct nw_route_spec *route = s->lane->route;
    struct nw_spool_limits limits = {.max_size = route->spool_max_size,
                                     .max_age_ms = route->spool_max_age_ms,
                                     .drop_oldest = route->spool_drop_oldest};
    struct nw_spool_route *spool_route = atomic_load(&s->spool);
    struct nw_spool *spool;
    char name[256];

    if (spool_route != NULL) {
        return spool_route;
    }
    (void)snprintf(name, sizeof name, s->lane->index == 0 ? "%s" : "%s#%u", route->name,
                   s->lane->index);
    spool = nw_bridge_spool(s->lane->bridge, error);
    if (spool == NULL || nw_spool_route(spool, name, &limits, &spool_route, error) != 0) {
        return NULL;
    }
    s->last_row = nw_spool_last_row(spool_route);
    atomic_store(&s->spool, spool_route);
    return spool_route;
}

void nw_spooler_start(struct nw_spooler *s)
{
    struct nw_error error;
    bool behind;

    if (!s->lane->source.source->spooled) {
        return;
    }
    (void)pthread_mutex_lock(&s->lock);
    s->running = true;
    if (open_spool(s, &error) == NULL) {
        nw_lane_log(s->lane, NW_LOG_ERROR, NULL, "the spool cannot be used: %s", error.text);
        nw_lane_set_error(s->lane, error.text);
    }
    behind = s->offered_row < s->last_row;
    (void)pthread_mutex_unlock(&s->lock);
    if (behind) {
        nw_spooler_credit(s);
    }
}

void nw_spooler_stop(struct nw_spooler *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->running = false;
    (void)pthread_mutex_unlock(&s->lock);
}

void nw_spooler_credit(struct nw_spooler *s)
{
    if (nw_spooler_is_open(s) && !atomic_exchange(&s->wanted, true)) {
        nw_bridge_want_replay(s->lane->bridge);
    }
}

/* With the lock held: the messages are on disk as s->last_row and before. */
static void pass_on(struct nw_spooler *s, struct nw_message *const *messages, size_t n,
                    uint64_t before)
{
    size_t given = 0;

    if (s->running && s->offered_row == before) {
        given = nw_lane_credit_take(s->lane, n);
    }
    if (given > 0) {
        s->offered_row = messages[given - 1]->spool_row;
        nw_lane_offer(s->lane, messages, given);
    }
    for (size_t i = given; i < n; i++) {
        nw_message_unref(messages[i]); /* it comes back from disk when there is credit */
    }
}

int nw_spooler_store(struct nw_spooler *s, struct nw_message *const *messages, size_t n,
                     struct nw_error *error)
{
    struct nw_spool_route *spool;
    int rc = NW_EIO;

    (void)pthread_mutex_lock(&s->lock);
    spool = open_spool(s, error);
    if (spool != NULL) {
        uint64_t before = s->last_row;
        nw_stamp(messages, n);
        rc = nw_spool_append(spool, messages, n, error);
        if (rc >= 0 && n > 0) {
            s->last_row = messages[n - 1]->spool_row;
            pass_on(s, messages, n, before);
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}

void nw_spooler_settle(struct nw_spooler *s, const struct nw_result *results, size_t n)
{
    uint64_t rows[NW_LANE_BATCH];
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        const struct nw_message *m = results[i].message;
        if (m->spool_row != 0 && results[i].outcome != NW_RETRY) {
            rows[count++] = m->spool_row;
        }
    }
    if (count > 0) {
        nw_spool_remove(atomic_load(&s->spool), rows, count);
    }
}

/* With the lock held; false when there is nothing more to do now. */
static bool replay_batch(struct nw_spooler *s, struct nw_spool_route *spool)
{
    struct nw_message *batch[REPLAY_BATCH];
    size_t credit, n;

    if (!s->running || s->offered_row >= s->last_row) {
        return false;
    }
    credit = nw_lane_credit_take(s->lane, REPLAY_BATCH);
    if (credit == 0) {
        return false;
    }
    n = nw_spool_read(spool, s->offered_row, batch, credit);
    if (n < credit) {
        nw_lane_credit_give_back(s->lane, credit - n);
    }
    if (n == 0) {
        s->offered_row = s->last_row; /* what was there has been dropped, being too old */
        return false;
    }
    s->offered_row = batch[n - 1]->spool_row;
    nw_lane_offer(s->lane, batch, n);
    return true;
}

void nw_spooler_replay(struct nw_spooler *s)
{
    bool more = true;

    if (!atomic_exchange(&s->wanted, false)) {
        return;
    }
    while (more) {
        (void)pthread_mutex_lock(&s->lock);
        more = replay_batch(s, atomic_load(&s->spool));
        (void)pthread_mutex_unlock(&s->lock);
    }
}
