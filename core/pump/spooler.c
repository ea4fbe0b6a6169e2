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

bool nw_spooler_waits(struct nw_spooler *s)
{
    return atomic_load(&s->behind) || atomic_load(&s->offered) > 0;
}

/* With the lock held, whenever one of the two has changed. */
static void set_offered(struct nw_spooler *s, uint64_t row)
{
    s->offered_row = row;
    atomic_store(&s->behind, s->offered_row < s->last_row);
}

/* With the lock held: what the spool dropped since the last time was received, and is lost. */
static void tell_dropped(struct nw_spooler *s, struct nw_spool_route *spool)
{
    struct nw_spool_dropped now = nw_spool_dropped(spool);

    nw_lost(&s->lane->source, now.aged - s->told.aged, "older than spool.max_age");
    nw_lost(&s->lane->source, now.full - s->told.full,
            "the spool was full and spool.full is drop_oldest");
    s->told = now;
}

/* The route's spool, with the lock held. */
static struct nw_spool_route *open_spool(struct nw_spooler *s, struct nw_error *error)
{
    const struct nw_route_spec *route = s->lane->route;
    struct nw_spool_limits limits = {.max_size = route->spool_max_size,
                                     .max_age_ms = route->spool_max_age_ms,
                                     .drop_oldest = route->spool_drop_oldest,
                                     .sync = route->spool_sync};
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

/* Does the route use its spool, or may there be something in it from when it did? */
static bool is_wanted(struct nw_spooler *s)
{
    const struct nw_route_spec *route = s->lane->route;

    return route->spool_used ||
           (route->spool_possible && nw_spool_exists(s->lane->bridge->state_dir));
}

void nw_spooler_start(struct nw_spooler *s)
{
    struct nw_error error;
    bool behind;

    if (!is_wanted(s)) {
        return;
    }
    (void)pthread_mutex_lock(&s->lock);
    if (s->running) { /* and is started anew, because the source could not be opened */
        (void)pthread_mutex_unlock(&s->lock);
        return;
    }
    s->running = true;
    if (open_spool(s, &error) == NULL) {
        nw_lane_log(s->lane, NW_LOG_ERROR, NULL, "the spool cannot be used: %s", error.text);
        nw_lane_set_error(s->lane, error.text);
    }
    set_offered(s, s->offered_row);
    behind = s->offered_row < s->last_row;
    if (!behind && !s->lane->route->spool_used) {
        atomic_store(&s->spool, NULL); /* nothing of before, and nothing to come */
    }
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

/* None was offered before: what was settled once belongs to who settled it. */
static bool all_new(struct nw_message *const *messages, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (messages[i]->state != NW_MSG_NEW) {
            return false;
        }
    }
    return true;
}

/* With the lock held: the messages are on disk as s->last_row and before. */
static void pass_on(struct nw_spooler *s, struct nw_message *const *messages, size_t n,
                    uint64_t before)
{
    bool is_new = all_new(messages, n);
    size_t given = 0;

    if (s->running && is_new && s->offered_row == before) {
        given = nw_lane_credit_take(s->lane, n);
    }
    if (given > 0) {
        atomic_fetch_add(&s->offered, given);
        nw_spool_given(atomic_load(&s->spool), messages[given - 1]->spool_row);
        s->offered_row = messages[given - 1]->spool_row;
        nw_lane_offer(s->lane, messages, given);
    }
    set_offered(s, s->offered_row);
    for (size_t i = given; i < n; i++) {
        nw_message_unref(messages[i]); /* it comes back from disk when there is credit */
    }
    if (!is_new) {
        nw_spooler_credit(s);
    }
}

static int store(struct nw_spooler *s, struct nw_message *const *messages, size_t n, uint64_t *row,
                 struct nw_error *error)
{
    struct nw_spool_route *spool = open_spool(s, error);
    uint64_t before = s->last_row;
    int rc;

    if (spool == NULL) {
        return NW_EIO;
    }
    for (size_t i = 0; i < n; i++) {
        int rendered = nw_lane_render_source(s->lane, messages[i], error);
        if (rendered != 0) {
            return rendered;
        }
    }
    nw_stamp(messages, n);
    rc = nw_spool_append(spool, messages, n, error);
    if (rc >= 0 && n > 0) {
        s->last_row = *row = messages[n - 1]->spool_row;
        pass_on(s, messages, n, before);
        tell_dropped(s, spool);
    }
    return rc;
}

/* What is passed on before it is synced may be delivered before: that is what it is for. The
 * caller's own references outlive that, should the sync fail. */
int nw_spooler_store(struct nw_spooler *s, struct nw_message *const *messages, size_t n,
                     struct nw_error *error)
{
    bool syncs = s->lane->route->spool_sync && n > 0;
    uint64_t row = 0;
    int rc, synced = 0;

    for (size_t i = 0; syncs && i < n; i++) {
        (void)nw_message_ref(messages[i]);
    }
    (void)pthread_mutex_lock(&s->lock);
    rc = store(s, messages, n, &row, error);
    (void)pthread_mutex_unlock(&s->lock);
    if (syncs && rc >= 0) {
        synced = nw_spool_sync(atomic_load(&s->spool), row, error);
    }
    for (size_t i = 0; syncs && synced == 0 && i < n; i++) {
        nw_message_unref(messages[i]);
    }
    return synced != 0 ? synced : rc;
}

void nw_spooler_settle(struct nw_spooler *s, const struct nw_result *results, size_t n)
{
    uint64_t rows[NW_LANE_BATCH];
    size_t count = 0, spooled = 0;

    for (size_t i = 0; i < n; i++) {
        const struct nw_message *m = results[i].message;
        spooled += m->spool_row != 0 ? 1 : 0;
        if (m->spool_row != 0 && results[i].outcome != NW_RETRY) {
            rows[count++] = m->spool_row;
        }
    }
    atomic_fetch_sub(&s->offered, spooled);
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
    tell_dropped(s, spool);
    atomic_fetch_add(&s->offered, n);
    /* n 0: what was there has been dropped, being too old */
    set_offered(s, n == 0 ? s->last_row : batch[n - 1]->spool_row);
    nw_lane_offer(s->lane, batch, n);
    return n > 0;
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
