/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credit: how many more messages a lane takes now. It counts messages; bytes are kept in budget by
 * moving the limit with the mean size of what comes, which rises at once with large messages and
 * falls slowly. One message is always let in when nothing is in flight.
 */
#include "pump/lane.h"

/* What a message costs beside its bytes: two pooled objects. */
#define OVERHEAD (2 * sizeof(struct nw_message))

void nw_credit_init(struct nw_lane *lane, size_t budget)
{
    struct nw_credit *c = &lane->credit;

    c->most = lane->route->max_in_flight;
    c->budget = budget;
    c->mean = 0;
    atomic_init(&c->used, 0);
    atomic_init(&c->reserved, 0);
    atomic_init(&c->starved, false);
    atomic_init(&c->limit, 0);
    nw_credit_observe(lane, 256);
}

void nw_credit_observe(struct nw_lane *lane, size_t size)
{
    struct nw_credit *c = &lane->credit;
    size_t limit;

    if (size > c->mean) {
        c->mean += (size - c->mean) / 4 + 1;
    } else {
        c->mean -= (c->mean - size) / 256;
    }
    limit = c->budget / (c->mean + OVERHEAD);
    limit = limit > c->most ? c->most : limit;
    atomic_store_explicit(&c->limit, limit < 1 ? 1 : (long)limit, memory_order_relaxed);
}

static long free_credits(struct nw_credit *c)
{
    return atomic_load(&c->limit) - atomic_load(&c->used);
}

size_t nw_lane_credit_take(struct nw_lane *lane, size_t want)
{
    struct nw_credit *c = &lane->credit;

    for (;;) {
        long used = atomic_load(&c->used);
        long room = atomic_load(&c->limit) - used;
        long give = want > (size_t)(room < 0 ? 0 : room) ? room : (long)want;
        if (give > 0) {
            if (atomic_compare_exchange_weak(&c->used, &used, used + give)) {
                atomic_fetch_add(&c->reserved, give);
                return (size_t)give;
            }
            continue;
        }
        /* Say that somebody waits, then look again: a settle in between has not seen it. */
        atomic_store(&c->starved, true);
        if (free_credits(c) <= 0 || !atomic_exchange(&c->starved, false)) {
            return 0;
        }
    }
}

/* Call the source when enough is free to be worth it. */
static void feed(struct nw_lane *lane)
{
    struct nw_credit *c = &lane->credit;
    long free_now = free_credits(c);

    if (!atomic_load(&c->starved) || (free_now * 4 < atomic_load(&c->limit) && free_now < 64) ||
        free_now <= 0 || !atomic_exchange(&c->starved, false)) {
        return;
    }
    nw_spooler_credit(&lane->spooler);
    if (lane->source.open && lane->phase == NW_PHASE_RUNNING &&
        lane->source.source->credit != NULL) {
        lane->source.source->credit(lane->source.state);
    }
}

void nw_credit_settled(struct nw_lane *lane, size_t n)
{
    atomic_fetch_sub(&lane->credit.used, (long)n);
    feed(lane);
}

void nw_lane_credit_give_back(struct nw_lane *lane, size_t n)
{
    atomic_fetch_sub(&lane->credit.reserved, (long)n);
    atomic_fetch_sub(&lane->credit.used, (long)n);
    if (atomic_load(&lane->credit.starved) && !atomic_exchange(&lane->credit_posted, true)) {
        nw_worker_post(lane->worker, &lane->credit_post);
    }
}

void nw_credit_run(void *context)
{
    struct nw_lane *lane = context;

    atomic_store(&lane->credit_posted, false);
    feed(lane);
}
