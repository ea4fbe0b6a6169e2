/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a lane: opening, one round, settling, closing. What happens to a message on the way
 * is in deliver.c and target.c. */
#include "pump/lane.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "log/log.h"
#include "mappings/dedupe.h"
#include "pump/bridge_state.h"

const double nw_delivery_bounds[NW_DELIVERY_BUCKETS] = {
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
    0.05,   0.1,     0.25,   0.5,   1,      2.5,   10,   60};

/* ---- saying things ---- */

void nw_lane_log(struct nw_lane *lane, enum nw_level level, const struct nw_message *m,
                 const char *format, ...)
{
    char origin[160], text[600];
    struct nw_log_field fields[] = {{"route", lane->route->name}, {"origin", NULL}, {NULL, NULL}};
    va_list args;

    if (!nw_log_enabled(level)) {
        return;
    }
    if (m != NULL && m->origin.data != NULL) {
        (void)snprintf(origin, sizeof origin, "%.*s", (int)m->origin.len, m->origin.data);
        fields[1].value = origin;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    nw_log_write(level, fields, "%s", text);
}

void nw_lane_set_error(struct nw_lane *lane, const char *text)
{
    (void)pthread_mutex_lock(&lane->lock);
    (void)snprintf(lane->error, sizeof lane->error, "%s", text);
    lane->error_time_ns = nw_clock_real_ns();
    (void)pthread_mutex_unlock(&lane->lock);
}

/* ---- rounds ---- */

void nw_lane_touch(struct nw_lane *lane)
{
    if (!lane->is_touched) {
        lane->is_touched = true;
        lane->touched = lane->worker->touched;
        lane->worker->touched = lane;
    }
}

struct nw_lane *nw_lane_untouch(struct nw_lane *lane)
{
    lane->is_touched = false;
    return lane->touched;
}

static void take_offered(struct nw_lane *lane, struct nw_message *m)
{
    lane->ledger.received++;
    lane->ledger.in_flight++;
    m->number = ++lane->next_number;
    nw_credit_came(lane, m);
    if (lane->phase >= NW_PHASE_RETURNING) {
        m->worst = NW_FATE_RETURNED;
        nw_lane_finish(lane, m);
        return;
    }
    nw_lane_deliver(lane, m);
}

void nw_lane_take(struct nw_lane *lane, struct nw_message *m)
{
    nw_lane_touch(lane);
    if (m->state == NW_MSG_OFFERED) {
        take_offered(lane, m);
    } else {
        nw_target_take_done((struct nw_target *)m->endpoint, m);
    }
}

static size_t all_targets(const struct nw_lane *lane)
{
    return lane->target_count + (lane->dead_letter != NULL ? 1 : 0);
}

/* Have the counts written, some time, if they are others than the last time. */
static void keep_counts(struct nw_lane *lane)
{
    const struct nw_ledger *l = &lane->ledger;
    uint64_t sum = l->received + l->returned + l->delivered + l->filtered + l->dead_lettered +
                   l->dropped + l->retries;

    if (sum != lane->published_sum) {
        lane->published_sum = sum;
        nw_state_touch(lane->bridge->state);
    }
}

static void publish(struct nw_lane *lane)
{
    struct nw_ledger *l = &lane->ledger;
    bool holding = lane->later.told;

    if (l->received != l->delivered + l->filtered + l->dead_lettered + l->dropped + l->in_flight) {
        l->mismatches++;
        nw_lane_log(lane, NW_LOG_ERROR, NULL, "the ledger does not add up");
    }
    for (size_t i = 0; i < all_targets(lane); i++) {
        holding |= nw_target_holds(&lane->targets[i]);
    }
    (void)pthread_mutex_lock(&lane->lock);
    lane->published = *l;
    lane->published_holding = holding;
    lane->published_stopped = lane->stopped;
    (void)pthread_mutex_unlock(&lane->lock);
    keep_counts(lane);
}

static void settle(struct nw_lane *lane);
static void close_sinks(struct nw_lane *lane);
static void give_up(struct nw_lane *lane);

/* While the lane drains: has all come to its end but what belongs to targets that have failed? They
 * would take it only after a change, so nothing is won by waiting. */
static bool is_hopeless(struct nw_lane *lane)
{
    bool failed = false;

    for (size_t i = 0; i < all_targets(lane); i++) {
        struct nw_target *t = &lane->targets[i];
        char text[sizeof t->sink.text];
        if (nw_endpoint_status(&t->sink, text, sizeof text) == NW_STATE_FAILED) {
            failed = true;
        } else if (!nw_target_is_idle(t)) {
            return false;
        }
    }
    return failed;
}

void nw_lane_flush(struct nw_lane *lane)
{
    for (size_t i = 0; i < all_targets(lane); i++) {
        nw_target_flush(&lane->targets[i]);
    }
    if (lane->phase == NW_PHASE_DRAINING && lane->all_taken &&
        lane->ledger.in_flight == lane->later.count) {
        nw_later_return_all(lane); /* behind all that is under way, as in return_queued */
    }
    if (lane->phase == NW_PHASE_DRAINING && lane->all_taken && lane->ledger.in_flight > 0 &&
        is_hopeless(lane)) {
        nw_lane_log(lane, NW_LOG_WARNING, NULL,
                    "a target has failed: %llu messages are not confirmed and will come again",
                    (unsigned long long)lane->ledger.in_flight);
        give_up(lane);
    }
    publish(lane);
    if (lane->settling_count > 0) {
        settle(lane);
    } else {
        nw_credit_round(lane);
    }
    if (lane->phase == NW_PHASE_DRAINING && lane->all_taken && lane->ledger.in_flight == 0) {
        close_sinks(lane);
    }
}

/* ---- finishing and settling ---- */

static void count_delivery(struct nw_ledger *l, int64_t took_ns)
{
    double seconds = (double)took_ns / 1e9;
    size_t bucket = 0;

    while (bucket < NW_DELIVERY_BUCKETS && seconds > nw_delivery_bounds[bucket]) {
        bucket++;
    }
    l->seconds_buckets[bucket]++;
    l->seconds_count++;
    l->seconds_sum_ns += took_ns;
}

static void write_ledger(struct nw_lane *lane, const struct nw_message *m)
{
    struct nw_ledger *l = &lane->ledger;

    l->in_flight--;
    switch ((enum nw_fate)m->worst) {
    case NW_FATE_FILTERED:
        l->filtered++;
        break;
    case NW_FATE_DELIVERED:
        l->delivered++;
        count_delivery(l, nw_clock_monotonic_ns() - m->offered_ns);
        break;
    case NW_FATE_DEAD_LETTERED:
        l->dead_lettered++;
        break;
    case NW_FATE_RETURNED: /* it was never ours: it is still at its source */
        l->received--;
        l->returned++;
        break;
    case NW_FATE_ANSWERED:
        if (m->cause == NW_CAUSE_OUTAGE && lane->route->spool_in_outage) {
            l->received--; /* it comes again, from the spool, or has been refused without a trace */
        } else {
            l->dropped++;
        }
        break;
    default:
        l->dropped++;
        break;
    }
}

struct nw_mapper *nw_lane_mapper(struct nw_lane *lane)
{
    struct nw_mapper *mapper = lane->worker->mapper;

    nw_mapper_set_fetcher(mapper, lane->fetcher);
    nw_mapper_message(mapper, lane->route->map_timeout_ms);
    return mapper;
}

/* The answer on its way back passes the route's reply rules. Who waits for one that cannot be
 * mapped yet is told so: it would be too late, and the request has been made. */
static struct nw_message *map_reply(struct nw_lane *lane, struct nw_message *m,
                                    struct nw_result *result)
{
    struct nw_message *reply = m->reply;
    struct nw_mapped mapped;

    if (reply == NULL || lane->route->reply == NULL || nw_map_is_empty(lane->route->reply)) {
        return reply;
    }
    if (nw_map_run(lane->route->reply, nw_lane_mapper(lane), reply, &mapped) != 0 ||
        mapped.outcome != NW_MAPPED) {
        nw_message_unref(reply);
        if (mapped.outcome == NW_MAP_LATER && m->deadline_ns != 0) {
            nw_lane_set_error(lane, mapped.error.text);
            result->outcome = NW_RETRY;
            result->cause = NW_CAUSE_OUTAGE;
            result->reason =
                nw_message_copy(m, mapped.error.text, strlen(mapped.error.text) + 1).data;
        }
        return NULL;
    }
    nw_message_unref(reply); /* what came out of it holds it */
    return mapped.messages;
}

static struct nw_result result_of(struct nw_lane *lane, struct nw_message *m)
{
    struct nw_result result = {.message = m, .outcome = NW_ACK};

    if (m->worst == NW_FATE_RETURNED) {
        result.outcome = NW_RETRY;
        result.cause = NW_CAUSE_STOPPING;
        return result;
    }
    if ((m->deadline_ns != 0 || lane->route->then == NW_THEN_KEEP) && m->outcome != NW_ACK) {
        result.outcome = (enum nw_outcome)m->outcome;
        result.cause = (enum nw_cause)m->cause;
        result.reason = m->reason;
        result.reply = m->reply; /* as it came: reply rules are for what they ask for */
        return result;
    }
    m->reply = map_reply(lane, m, &result);
    result.reply = m->reply;
    return result;
}

void nw_lane_finish(struct nw_lane *lane, struct nw_message *m)
{
    write_ledger(lane, m);
    if (m->claims != NULL && m->worst < NW_FATE_ANSWERED) {
        nw_dedupe_confirm(m);
    }
    lane->settling[lane->settling_count++] = result_of(lane, m);
    if (lane->settling_count == NW_LANE_BATCH) {
        publish(lane); /* who is answered must find it counted */
        settle(lane);
    }
}

/* Spooled messages are settled by the spool, the others by their source. */
static void settle(struct nw_lane *lane)
{
    struct nw_result *results = lane->settling;
    size_t n = lane->settling_count, kept = 0, credits = n;

    if (n == 0) {
        return;
    }
    if (nw_spooler_is_open(&lane->spooler)) {
        nw_spooler_settle(&lane->spooler, results, n);
    }
    for (size_t i = 0; i < n; i++) {
        if (results[i].message->spool_row == 0) {
            struct nw_result r = results[i];
            results[i] = results[kept];
            results[kept++] = r;
        }
    }
    if (kept > 0 && lane->source.open) {
        lane->source.source->settle(lane->source.state, results, kept);
    }
    for (size_t i = 0; i < n; i++) {
        struct nw_message *m = results[i].message;
        nw_credit_gone(lane, m);
        nw_lane_drop_reply(m);
        nw_message_unref(m);
    }
    lane->settling_count = 0;
    nw_credit_settled(lane, credits);
}

/* ---- opening and closing ---- */

/* Those that are not open yet. */
static int open_endpoints(struct nw_lane *lane)
{
    for (size_t i = 0; lane->seek == NULL && i < all_targets(lane); i++) {
        struct nw_target *t = &lane->targets[i];
        int rc = t->sink.open ? 0 : nw_endpoint_open(&t->sink);
        if (rc != 0) {
            return rc;
        }
        t->window = t->sink.window == 0 ? lane->route->max_in_flight : t->sink.window;
    }
    if (lane->seek == NULL) {
        nw_spooler_start(&lane->spooler); /* what was left comes before anything newer */
    }
    return nw_endpoint_open(&lane->source);
}

/* Memory that is refused may be given again: it is tried until it is. */
static void try_to_open(void *context)
{
    struct nw_lane *lane = context;
    int rc;

    nw_lane_touch(lane);
    if (lane->phase != NW_PHASE_RUNNING) {
        return;
    }
    rc = open_endpoints(lane);
    if (rc != 0 && (rc != NW_ENOMEM || nw_worker_arm(lane->worker, &lane->open_timer,
                                                     lane->worker->now_ns + NW_SECOND_NS) != 0)) {
        nw_lane_halt(lane);
    }
}

static void on_start(void *context)
{
    struct nw_lane *lane = context;

    nw_lane_touch(lane);
    if (lane->phase == NW_PHASE_NEW) {
        lane->phase = NW_PHASE_RUNNING;
        try_to_open(lane);
    }
}

static void close_source(struct nw_lane *lane)
{
    lane->phase = NW_PHASE_CLOSING_SOURCE;
    settle(lane);
    lane->open_endpoints = 1;
    nw_endpoint_close(&lane->source);
}

/* What is queued goes back to the source behind what is under way: a stream gives it again in the
 * order in which it comes back. closed: nothing is under way any more. */
static void return_queued(struct nw_lane *lane, bool closed)
{
    for (size_t i = 0; i < all_targets(lane); i++) {
        if (closed || lane->targets[i].in_flight == 0) {
            nw_target_return_queued(&lane->targets[i]);
        }
    }
    if (closed) {
        nw_later_return_all(lane);
    }
}

static void close_sinks(struct nw_lane *lane)
{
    lane->phase = NW_PHASE_CLOSING_SINKS;
    lane->open_endpoints = (unsigned)all_targets(lane);
    for (size_t i = 0; i < all_targets(lane); i++) {
        nw_endpoint_close(&lane->targets[i].sink);
    }
}

void nw_lane_closed(struct nw_lane *lane)
{
    nw_lane_touch(lane);
    if (--lane->open_endpoints > 0) {
        return;
    }
    if (lane->phase == NW_PHASE_CLOSING_SINKS) {
        return_queued(lane, true);
        close_source(lane);
        return;
    }
    lane->phase = NW_PHASE_CLOSED;
    nw_worker_disarm(lane->worker, &lane->open_timer); /* the worker goes on without it */
    for (size_t i = 0; i < all_targets(lane); i++) {
        nw_worker_disarm(lane->worker, &lane->targets[i].timer);
    }
    publish(lane);
    nw_credit_end(lane);
    nw_bridge_lane_closed(lane);
}

/* Runs a round after the source has stopped: all that it offered has come in. */
static void on_drained(void *context)
{
    struct nw_lane *lane = context;

    nw_lane_touch(lane);
    lane->all_taken = true;
}

static void on_stop(void *context)
{
    struct nw_lane *lane = context;

    nw_lane_touch(lane);
    if (lane->phase == NW_PHASE_RUNNING) {
        nw_worker_disarm(lane->worker, &lane->open_timer);
        nw_spooler_stop(&lane->spooler);
        if (lane->source.open) {
            lane->source.source->stop(lane->source.state);
            atomic_store(&lane->source.told_stopped, true);
        }
    }
    lane->phase = NW_PHASE_DRAINING;
    /* What the source offered before it stopped comes in with the next round. */
    nw_worker_post(lane->worker, &lane->drained_post);
}

static void give_up(struct nw_lane *lane)
{
    lane->phase = NW_PHASE_RETURNING;
    return_queued(lane, false);
    close_sinks(lane);
}

static void on_give_up(void *context)
{
    struct nw_lane *lane = context;

    nw_lane_touch(lane);
    if (lane->phase == NW_PHASE_DRAINING) {
        give_up(lane);
    }
}

void nw_lane_start(struct nw_lane *lane)
{
    nw_worker_post(lane->worker, &lane->open_post);
}

void nw_lane_stop(struct nw_lane *lane)
{
    if (!atomic_exchange(&lane->stop_posted, true)) {
        nw_worker_post(lane->worker, &lane->stop_post);
    }
}

void nw_lane_halt(struct nw_lane *lane)
{
    lane->stopped = true;
    nw_lane_stop(lane);
}

void nw_lane_give_up(struct nw_lane *lane)
{
    if (!atomic_exchange(&lane->return_posted, true)) {
        nw_worker_post(lane->worker, &lane->return_post);
    }
}

/* ---- making ---- */

static int init_targets(struct nw_lane *lane)
{
    const struct nw_route_spec *route = lane->route;
    size_t count = route->sink_count + (route->dead_letter != NULL ? 1 : 0);

    lane->targets = calloc(count, sizeof *lane->targets);
    if (lane->targets == NULL) {
        return NW_ENOMEM;
    }
    for (size_t i = 0; i < route->sink_count; i++) {
        nw_target_init(&lane->targets[i], lane, &route->sinks[i], (unsigned)i);
    }
    lane->target_count = route->sink_count;
    if (route->dead_letter != NULL) {
        lane->dead_letter = &lane->targets[route->sink_count];
        nw_target_init(lane->dead_letter, lane, route->dead_letter, (unsigned)route->sink_count);
        lane->dead_letter->is_dead_letter = true;
        lane->dead_letter->sink.required = false;
    }
    for (size_t i = 0; i < count; i++) {
        struct nw_target *t = &lane->targets[i];
        t->sink.connection = nw_connections_find(lane->bridge, t->spec->connection);
    }
    return 0;
}

int nw_lane_init(struct nw_lane *lane, struct nw_bridge *bridge, const struct nw_route_spec *route,
                 unsigned index, struct nw_worker *worker)
{
    lane->bridge = bridge;
    lane->route = route;
    lane->index = index;
    lane->worker = worker;
    lane->open_post = (struct nw_post){.run = on_start, .context = lane};
    lane->stop_post = (struct nw_post){.run = on_stop, .context = lane};
    lane->return_post = (struct nw_post){.run = on_give_up, .context = lane};
    lane->drained_post = (struct nw_post){.run = on_drained, .context = lane};
    lane->credit_post = (struct nw_post){.run = nw_credit_run, .context = lane};
    lane->share_post = (struct nw_post){.run = nw_credit_share_run, .context = lane};
    lane->open_timer = (struct nw_timer){.run = try_to_open, .context = lane};
    lane->credit_timer = (struct nw_timer){.run = nw_credit_look, .context = lane};
    (void)pthread_mutex_init(&lane->lock, NULL);
    atomic_init(&lane->lag, -1);
    lane->foreign = route->source.kind->address != NW_ADDRESS_SUBJECT;
    nw_endpoint_init(&lane->source, lane, route->source.connector->name);
    lane->source.source = route->source.kind;
    lane->source.required = true;
    lane->source.connection = nw_connections_find(bridge, route->source.connection);
    nw_spooler_init(&lane->spooler, lane);
    nw_later_init(lane);
    if (nw_totals_join(bridge->totals, lane) != 0) {
        return NW_ENOMEM;
    }
    if (asprintf(&lane->via, "%s/%s", bridge->name, route->name) < 0) {
        lane->via = NULL;
        return NW_ENOMEM;
    }
    return init_targets(lane);
}

void nw_lane_done(struct nw_lane *lane)
{
    nw_totals_leave(lane->bridge->totals, lane);
    nw_budget_leave(&lane->credit.account); /* unless it ran */
    for (size_t i = 0; lane->targets != NULL && i < all_targets(lane); i++) {
        nw_target_done(&lane->targets[i]);
    }
    nw_spooler_done(&lane->spooler);
    nw_endpoint_done(&lane->source);
    (void)pthread_mutex_destroy(&lane->lock);
    free(lane->targets);
    free(lane->via);
}
