/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credit: how many more messages a lane takes now. It counts messages; bytes are kept within what
 * the lane has of the budget by moving the limit: the bytes of what is in flight are known, those
 * of what comes are taken for the mean, which rises at once with large messages and falls slowly.
 * One message is always let in when nothing is in flight.
 *
 * The worker alone counts and moves the limit, once a round unless messages become larger; sources
 * only read it. So what was let in before the worker has seen it may be larger than was thought;
 * but that was in the hands of the source's library before, and is bounded there.
 */
#include "base/clock.h"
#include "pump/lane.h"

#define FIRST_MEAN 4096 /* until messages were seen */
#define CHUNK ((size_t)64 << 10)
#define CHUNK_MOST ((size_t)8 << 20)
#define IDLE_NS NW_SECOND_NS

/* One writer: no locked instruction. */
static size_t held_of(const struct nw_credit *c)
{
    return atomic_load_explicit(&c->held, memory_order_relaxed);
}

static void set_held(struct nw_credit *c, size_t bytes)
{
    atomic_store_explicit(&c->held, bytes, memory_order_relaxed);
}

/* As many messages as fit into so many bytes, with those in flight. */
static void set_limit(struct nw_credit *c, size_t bytes)
{
    size_t held = held_of(c);
    size_t limit = c->counted + (bytes > held ? (bytes - held) / c->mean : 0);

    limit = limit > c->most ? c->most : limit;
    atomic_store_explicit(&c->limit, limit < 1 ? 1 : (long)limit, memory_order_relaxed);
}

void nw_credit_init(struct nw_lane *lane, struct nw_budget *budget, size_t lanes)
{
    struct nw_credit *c = &lane->credit;

    c->most = lane->route->max_in_flight;
    /* What a message costs beside its bytes: a pooled object, and one for each target. */
    c->overhead = (1 + lane->target_count) * sizeof(struct nw_message);
    c->mean = FIRST_MEAN;
    atomic_init(&c->used, 0);
    atomic_init(&c->reserved, 0);
    atomic_init(&c->starved, false);
    atomic_init(&c->held, 0);
    atomic_init(&c->limit, 0);
    nw_budget_join(budget, lanes, &c->account);
    set_limit(c, c->account.granted);
}

/* The round that follows gives back what is more than fair now. */
void nw_credit_share_run(void *context)
{
    struct nw_lane *lane = context;

    atomic_store(&lane->share_posted, false);
    nw_budget_share(&lane->credit.account, atomic_load(&lane->sharing));
    nw_lane_touch(lane);
}

void nw_credit_share(struct nw_lane *lane, size_t lanes)
{
    atomic_store(&lane->sharing, lanes);
    if (!atomic_exchange(&lane->share_posted, true)) {
        nw_worker_post(lane->worker, &lane->share_post);
    }
}

void nw_credit_end(struct nw_lane *lane)
{
    nw_worker_disarm(lane->worker, &lane->credit_timer);
    nw_budget_leave(&lane->credit.account);
}

/* ---- what messages cost; worker thread ---- */

void nw_credit_came(struct nw_lane *lane, struct nw_message *m)
{
    struct nw_credit *c = &lane->credit;

    m->size = nw_message_size(m) + c->overhead;
    c->counted++;
    c->peak = c->peak < c->counted ? c->counted : c->peak;
    set_held(c, held_of(c) + m->size);
    if (m->size > c->mean) {
        c->mean += (m->size - c->mean) / 4 + 1;
        set_limit(c, c->account.granted);
    } else {
        c->mean -= (c->mean - m->size) / 64;
    }
}

void nw_credit_made(struct nw_lane *lane, const struct nw_message *original, struct nw_message *m)
{
    uintptr_t begin = (uintptr_t)original->payload.data, data = (uintptr_t)m->payload.data;

    if (data < begin || data >= begin + original->payload.len) {
        m->size = m->payload.len;
        set_held(&lane->credit, held_of(&lane->credit) + m->size);
    }
}

void nw_credit_gone(struct nw_lane *lane, const struct nw_message *m)
{
    lane->credit.earned += m->size;
    lane->credit.settled += m->size;
    set_held(&lane->credit, held_of(&lane->credit) - m->size);
}

/* ---- more of the budget, or less ---- */

/* Its source was given none though nothing is in flight: it gathers what it will offer at once. */
static bool is_gathering(struct nw_credit *c)
{
    return c->peak == 0 && atomic_load_explicit(&c->starved, memory_order_relaxed);
}

/* Beyond its equal part a lane borrows no more than it has let go since the last time: one that
 * moves doubles what it has with each turn, one whose target is away or stands still gets none. */
static size_t wish(struct nw_credit *c)
{
    size_t part = c->account.share + c->account.part;
    size_t want = c->account.granted < part ? part - c->account.granted : c->earned;

    want = is_gathering(c) ? CHUNK_MOST : want;
    return want < CHUNK ? 0 : want > CHUNK_MOST ? CHUNK_MOST : want;
}

static bool is_idle(const struct nw_lane *lane)
{
    return lane->worker->now_ns - lane->credit.busy_ns >= IDLE_NS;
}

/* What the lane may have from now on. in_use: with what was promised to its source. */
static size_t suitable(struct nw_lane *lane, size_t in_use)
{
    struct nw_credit *c = &lane->credit;
    size_t limit = (size_t)atomic_load_explicit(&c->limit, memory_order_relaxed);
    size_t fair, want, keep = c->account.granted;

    if ((c->peak > 0 && c->peak >= limit / 4) || is_gathering(c)) {
        c->busy_ns = lane->worker->now_ns;
        want = limit < c->most && in_use >= keep - keep / 4 ? wish(c) : 0;
        if (want > 0) {
            keep += nw_budget_borrow(&c->account, want);
            c->earned = 0;
        }
    } else if (is_idle(lane)) {
        keep = 2 * held_of(c);
    }
    fair = nw_budget_fair(&c->account);
    return keep > fair ? fair : keep;
}

/* Borrow where there is use for it, give back what is not needed or more than fair. */
static void adjust(struct nw_lane *lane)
{
    struct nw_credit *c = &lane->credit;
    long used = atomic_load(&c->used);
    size_t promised = used > (long)c->counted ? (size_t)used - c->counted : 0;
    size_t in_use = held_of(c) + promised * c->mean;
    size_t keep = suitable(lane, in_use + c->settled);

    if (keep < c->account.granted) {
        nw_budget_return(&c->account,
                         keep < in_use ? in_use : keep); /* the rest comes back later */
    }
    c->peak = c->counted;
    c->settled = 0;
    set_limit(c, c->account.granted);
    if (c->account.granted > c->account.share && lane->credit_timer.index == 0) {
        (void)nw_worker_arm(lane->worker, &lane->credit_timer, lane->worker->now_ns + IDLE_NS);
    }
}

/* ---- giving ---- */

static long free_credits(struct nw_credit *c)
{
    return atomic_load(&c->limit) - atomic_load(&c->used);
}

static void post_round(struct nw_lane *lane)
{
    if (!atomic_exchange(&lane->credit_posted, true)) {
        nw_worker_post(lane->worker, &lane->credit_post);
    }
}

/* Nothing is left, but there could be more: unless messages are in flight, whose settling looks,
 * nobody else has the worker look. */
static void ask_for_more(struct nw_lane *lane)
{
    const struct nw_credit *c = &lane->credit;

    if (atomic_load_explicit(&c->held, memory_order_relaxed) == 0 &&
        atomic_load(&c->limit) < (long)c->most) {
        post_round(lane);
    }
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
            ask_for_more(lane);
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
    lane->credit.counted -= n;
    atomic_fetch_sub(&lane->credit.used, (long)n);
    nw_credit_round(lane);
}

void nw_credit_round(struct nw_lane *lane)
{
    if (lane->credit.account.budget != NULL) { /* not after the end */
        adjust(lane);
        feed(lane);
    }
}

void nw_lane_credit_give_back(struct nw_lane *lane, size_t n)
{
    atomic_fetch_sub(&lane->credit.reserved, (long)n);
    atomic_fetch_sub(&lane->credit.used, (long)n);
    if (atomic_load(&lane->credit.starved)) {
        post_round(lane);
    }
}

void nw_credit_run(void *context)
{
    struct nw_lane *lane = context;

    atomic_store(&lane->credit_posted, false);
    nw_credit_round(lane);
}

void nw_credit_look(void *context)
{
    nw_credit_round(context);
}
