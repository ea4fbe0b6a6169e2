/* SPDX-License-Identifier: Apache-2.0 */
#include "pump/target.h"

#include <stdlib.h>

#include "base/clock.h"
#include "pump/lane.h"

/* With `order: relaxed` and `key`, as many failures in a row as say that it is the target, not the
 * message.
 */
#define FAILURES_OF_A_TARGET 16
/* A target that has said nothing for so long confirms by the batch or the interval: it is there. */
#define CAUTION_NS (10 * NW_SECOND_NS)

static struct nw_lane *lane_of(struct nw_target *t)
{
    return t->sink.lane;
}

static void when_due(void *context)
{
    struct nw_target *t = context;

    t->due = true;
    t->proven |= !t->holding;
    while (t->waiting != NULL) {
        struct nw_message *m = t->waiting;
        t->waiting = m->next;
        m->next = NULL;
        nw_target_queue(t, m);
    }
    nw_lane_touch(lane_of(t));
}

void nw_target_queue(struct nw_target *t, struct nw_message *m)
{
    m->state = NW_MSG_QUEUED;
    m->next = NULL;
    if (t->tail == NULL) {
        t->head = m;
    } else {
        t->tail->next = m;
    }
    t->tail = m;
    t->queued++;
}

/* Back into the queue at its place. Failures come back mostly in order, so the search begins where
 * the last one went in. */
static void queue_again(struct nw_target *t, struct nw_message *m)
{
    struct nw_message **at = &t->head;

    m->state = NW_MSG_QUEUED;
    if (t->last_again != NULL && nw_comes_before(t->last_again, m)) {
        at = &t->last_again->next;
    }
    while (*at != NULL && nw_comes_before(*at, m)) {
        at = &(*at)->next;
    }
    m->next = *at;
    *at = m;
    if (m->next == NULL) {
        t->tail = m;
    }
    t->queued++;
    t->last_again = m;
}

static struct nw_message *unqueue(struct nw_target *t)
{
    struct nw_message *m = t->head;

    t->head = m->next;
    if (t->head == NULL) {
        t->tail = NULL;
    }
    if (t->last_again == m) {
        t->last_again = NULL;
    }
    m->next = NULL;
    t->queued--;
    return m;
}

/* ---- order: key ---- */

static void take_back(void *context, struct nw_message *m)
{
    struct nw_target *t = context;

    queue_again(t, m);
    nw_lane_touch(lane_of(t));
}

/* m is out of the queue: is it its turn? Otherwise it waits for its key, or it went back. */
static bool enter(struct nw_target *t, struct nw_message *m)
{
    enum nw_keys_entered entered = t->keys == NULL ? NW_KEYS_SEND : nw_keys_enter(t->keys, m);

    if (entered == NW_KEYS_NO_MEMORY) {
        nw_lane_finish_outgoing(lane_of(t), m, NW_FATE_RETURNED);
    }
    return entered == NW_KEYS_SEND;
}

/* What has entered comes to its end. */
static void leave(struct nw_target *t, const struct nw_message *m)
{
    if (t->keys != NULL) {
        nw_keys_leave(t->keys, m);
    }
}

/* ---- making ---- */

void nw_target_init(struct nw_target *t, struct nw_lane *lane, const struct nw_sink_spec *spec,
                    unsigned index)
{
    *t = (struct nw_target){.spec = spec, .index = index};
    nw_endpoint_init(&t->sink, lane, spec->connector->name);
    t->sink.sink = spec->kind;
    t->sink.required = true;
    nw_backoff_init(&t->backoff, lane->route->backoff,
                    (uint64_t)nw_clock_monotonic_ns() ^ (uintptr_t)t);
    t->timer.run = when_due;
    t->timer.context = t;
    if (lane->route->order == NW_ORDER_KEY && spec != lane->route->dead_letter) {
        /* Without memory all wait for each other. */
        t->keys =
            nw_keys_new(lane->worker, lane->route->backoff, spec->several_at_once, take_back, t);
    }
}

void nw_target_done(struct nw_target *t)
{
    nw_keys_free(t->keys);
    nw_endpoint_done(&t->sink);
}

/* ---- sending ---- */

/* Nobody knows yet whether the target is there, and a part of a window must not get ahead. */
static bool is_cautious(const struct nw_target *t)
{
    return !t->proven && t->sink.lane->route->order != NW_ORDER_RELAXED &&
           nw_message_original(t->head)->deadline_ns == 0;
}

/* How many of the queue, which is not empty, may be sent now. */
static size_t allowance(const struct nw_target *t)
{
    if (!t->sink.open || t->sink.lane->phase >= NW_PHASE_RETURNING || nw_retry_pending(&t->sink)) {
        return 0;
    }
    if (t->holding) {
        return t->due && !t->probing && t->in_flight == 0 ? 1 : 0;
    }
    if (is_cautious(t)) {
        return t->in_flight == 0 ? 1 : 0;
    }
    return t->window > t->in_flight ? t->window - t->in_flight : 0;
}

static bool is_away(struct nw_target *t)
{
    char text[sizeof t->sink.text];

    return nw_endpoint_status(&t->sink, text, sizeof text) != NW_STATE_READY;
}

/* Does somebody wait for m, who is to be told what became of it? With a spool it is soon told that
 * it was stored there: on_error is for what comes from the spool. */
static bool is_awaited(struct nw_target *t, struct nw_message *m)
{
    const struct nw_route_spec *route = lane_of(t)->route;

    return nw_message_original(m)->deadline_ns != 0 &&
           (!route->on_error_given || route->spool_in_outage);
}

/* Too late for whoever waits: an answer now is better than a delivery that nobody expects. */
static bool is_late(struct nw_target *t, struct nw_message *m)
{
    return is_awaited(t, m) && lane_of(t)->worker->now_ns >= nw_message_original(m)->deadline_ns;
}

/* May what somebody waits for be given back at the first sign of trouble? */
static bool is_given_up(struct nw_target *t)
{
    return lane_of(t)->route->spool_in_outage || is_away(t);
}

/* Who waits is told at once when the target is known to be away: it may take long. What nobody
 * waits for stays, and what is behind it. */
static void answer_awaited(struct nw_target *t)
{
    if (!t->holding || t->queued == 0 || !is_awaited(t, t->head) || !is_given_up(t)) {
        return;
    }
    while (t->queued > 0 && is_awaited(t, t->head)) {
        struct nw_message *m = unqueue(t);
        if (enter(t, m)) {
            leave(t, m);
            nw_lane_answer(lane_of(t), m, NW_RETRY, NW_CAUSE_OUTAGE, "the target is away");
        }
    }
}

void nw_target_flush(struct nw_target *t)
{
    struct nw_message *batch[NW_LANE_BATCH];
    size_t allowed, n;

    while (t->queued > 0 && (allowed = allowance(t)) > 0) {
        for (n = 0; n < NW_LANE_BATCH && n < allowed && t->queued > 0;) {
            struct nw_message *m = unqueue(t);
            if (!enter(t, m)) {
                continue;
            }
            if (is_late(t, m)) {
                leave(t, m);
                nw_lane_answer(lane_of(t), m, NW_RETRY, NW_CAUSE_OUTAGE,
                               "the target was not there in time");
                continue;
            }
            m->state = NW_MSG_SENT;
            batch[n++] = m;
        }
        if (n == 0) {
            continue;
        }
        t->probing = t->holding;
        t->in_flight += n;
        if (!t->proven && lane_of(t)->route->order != NW_ORDER_RELAXED) {
            (void)nw_worker_arm(lane_of(t)->worker, &t->timer,
                                lane_of(t)->worker->now_ns + CAUTION_NS);
        }
        t->sink.sink->send(t->sink.state, batch, n);
    }
    answer_awaited(t);
}

/* Begin or go on waiting; said once, when it begins. */
static void hold(struct nw_target *t, struct nw_message *m, uint32_t wait_ms)
{
    struct nw_lane *lane = lane_of(t);
    const char *why = m->reason == NULL ? "it is not there" : m->reason;

    nw_lane_set_error(lane, why);
    if (t->holding && !t->probing) {
        return; /* the rest of the window that failed; the wait has begun */
    }
    if (!t->holding) {
        nw_lane_log(lane, NW_LOG_WARNING, m, "holding: %s: %s", t->sink.type, why);
    }
    t->holding = true;
    t->probing = false;
    t->due = false;
    if (nw_worker_arm(lane->worker, &t->timer,
                      lane->worker->now_ns + (int64_t)wait_ms * NW_MILLISECOND_NS) != 0) {
        t->due = true; /* without memory for a timer it is tried at once */
    }
}

static void release_hold(struct nw_target *t)
{
    t->proven = true;
    t->failures = 0;
    if (!t->probing) {
        return;
    }
    nw_lane_log(lane_of(t), NW_LOG_INFO, NULL, "going on: %s answers again", t->sink.type);
    t->holding = t->probing = t->due = false;
    nw_backoff_reset(&t->backoff);
}

/* Try m again later, by itself or with the whole target. */
static void retry(struct nw_target *t, struct nw_message *m, uint32_t wait_ms)
{
    struct nw_lane *lane = lane_of(t);
    bool alone = lane->route->order == NW_ORDER_RELAXED && !t->holding && !t->is_dead_letter &&
                 ++t->failures < FAILURES_OF_A_TARGET;

    if (alone &&
        (t->timer.index != 0 ||
         nw_worker_arm(lane->worker, &t->timer,
                       lane->worker->now_ns + (int64_t)wait_ms * NW_MILLISECOND_NS) == 0)) {
        nw_lane_set_error(lane, m->reason == NULL ? "the target refused for now" : m->reason);
        m->next = t->waiting;
        t->waiting = m;
        return;
    }
    if (lane->route->order == NW_ORDER_RELAXED && !t->is_dead_letter) {
        nw_target_queue(t, m); /* the next probe is another one: it may be this one alone */
    } else {
        queue_again(t, m);
    }
    hold(t, m, wait_ms);
}

/* Try m again later, and what is of its key behind it. */
static void retry_key(struct nw_target *t, struct nw_message *m, uint32_t wait_ms)
{
    (void)nw_keys_hold(t->keys, m, m->retry_after_ms);
    nw_lane_set_error(lane_of(t), m->reason == NULL ? "the target refused for now" : m->reason);
    if (++t->failures >= FAILURES_OF_A_TARGET || t->holding) {
        hold(t, m, wait_ms);
    }
}

static uint32_t wait_for(struct nw_target *t, const struct nw_message *m)
{
    bool key_only = t->keys != NULL && !t->holding && t->failures + 1 < FAILURES_OF_A_TARGET;
    bool begins = !key_only && (!t->holding || t->probing);
    uint32_t wait_ms = begins ? nw_backoff_next(&t->backoff) : 0;

    if (begins) {
        t->wait_is_asked = m->retry_after_ms > wait_ms;
    }
    return m->retry_after_ms > wait_ms ? m->retry_after_ms : wait_ms;
}

/* Is m at its end, with no further try? Then *cause says what to tell who waits. */
static bool is_last_try(struct nw_target *t, struct nw_message *m, bool awaited, uint32_t wait_ms,
                        enum nw_cause *cause)
{
    const struct nw_lane *lane = lane_of(t);
    int64_t deadline_ns = nw_message_original(m)->deadline_ns;

    *cause = (enum nw_cause)m->cause;
    if (awaited && (*cause == NW_CAUSE_TIMEOUT || *cause == NW_CAUSE_NO_RESPONDER)) {
        return true;
    }
    *cause = NW_CAUSE_OUTAGE;
    if (awaited && (is_given_up(t) ||
                    lane->worker->now_ns + (int64_t)wait_ms * NW_MILLISECOND_NS >= deadline_ns)) {
        return true;
    }
    return !t->is_dead_letter && lane->route->retries >= 0 &&
           (int64_t)m->attempts > lane->route->retries;
}

static void take_retry(struct nw_target *t, struct nw_message *m)
{
    struct nw_lane *lane = lane_of(t);
    bool awaited = is_awaited(t, m);
    enum nw_cause cause;
    uint32_t wait_ms;

    if (lane->phase >= NW_PHASE_RETURNING) {
        leave(t, m);
        nw_lane_finish_outgoing(lane, m, NW_FATE_RETURNED);
        return;
    }
    if (awaited && m->reply != NULL) { /* it has answered: whoever waits decides what to do now */
        release_hold(t);
        leave(t, m);
        nw_lane_answer(lane, m, NW_RETRY, (enum nw_cause)m->cause, m->reason);
        return;
    }
    m->attempts++;
    lane->ledger.retries++;
    wait_ms = wait_for(t, m);
    if (!is_last_try(t, m, awaited, wait_ms, &cause)) {
        nw_lane_drop_reply(m); /* the answer is what the last try gets */
        (t->keys != NULL ? retry_key : retry)(t, m, wait_ms);
        return;
    }
    leave(t, m);
    if (t->probing || cause == NW_CAUSE_OUTAGE) {
        hold(t, m, wait_ms); /* the next message is the next probe */
    }
    if (awaited) {
        nw_lane_answer(lane, m, NW_RETRY, cause, m->reason);
    } else {
        nw_lane_reject(lane, m, NW_CAUSE_OUTAGE, m->reason);
    }
}

void nw_target_take_done(struct nw_target *t, struct nw_message *m)
{
    struct nw_lane *lane = lane_of(t);

    t->in_flight--;
    t->sink.retries_taken += m->outcome == NW_RETRY ? 1 : 0;
    if (m->outcome == NW_REJECT && t->is_dead_letter) {
        nw_lane_log(lane, NW_LOG_ERROR, m, "the dead letter was refused, so it is held: %s",
                    m->reason == NULL ? "no reason given" : m->reason);
        m->outcome = NW_RETRY;
    }
    switch (m->outcome) {
    case NW_ACK:
        release_hold(t);
        leave(t, m);
        nw_lane_finish_outgoing(lane, m,
                                t->is_dead_letter ? NW_FATE_DEAD_LETTERED : NW_FATE_DELIVERED);
        break;
    case NW_REJECT: /* an answer all the same: the target is there */
        release_hold(t);
        leave(t, m);
        nw_lane_reject(lane, m, (enum nw_cause)m->cause, m->reason);
        break;
    default:
        take_retry(t, m);
        break;
    }
}

void nw_target_is_ready(struct nw_target *t)
{
    if (t->keys != NULL) {
        nw_keys_release_all(t->keys);
    }
    if (t->holding && !t->probing && !t->wait_is_asked) {
        nw_worker_disarm(lane_of(t)->worker, &t->timer);
        nw_backoff_reset(&t->backoff);
        when_due(t);
    }
}

bool nw_target_is_idle(const struct nw_target *t)
{
    return t->in_flight == 0 && t->queued == 0 && t->waiting == NULL &&
           (t->keys == NULL || nw_keys_waiting(t->keys) == 0);
}

bool nw_target_holds(const struct nw_target *t)
{
    return t->holding && (t->queued > 0 || t->in_flight > 0);
}

void nw_target_return_queued(struct nw_target *t)
{
    nw_worker_disarm(lane_of(t)->worker, &t->timer);
    when_due(t); /* those that wait alone join the queue */
    if (t->keys != NULL) {
        nw_keys_drain(t->keys);
    }
    while (t->queued > 0) {
        nw_lane_finish_outgoing(lane_of(t), unqueue(t), NW_FATE_RETURNED);
    }
}
