/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing of endpoints, and the verbs that connectors call. */
#include "pump/endpoint.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "log/log.h"
#include "pump/bridge_state.h"
#include "pump/lane.h"

static const char *const state_words[] = {"connecting", "ready", "down", "failed"};

/* A connector broke the contract: an abort where it is developed, a line where it runs. */
static void broken(struct nw_endpoint *e, const char *what)
{
    nw_log(e, NW_LOG_ERROR, "the connector broke its contract: %s", what);
    assert(0 && "the connector broke its contract");
}

/* What a sink was sent must be back. */
static void check_all_done(struct nw_endpoint *e)
{
    const struct nw_target *t = (const struct nw_target *)(const void *)e;
    char text[80];

    if (e->source == NULL && t->in_flight > 0) {
        (void)snprintf(text, sizeof text, "nw_closed(), and %zu messages are not done",
                       t->in_flight);
        broken(e, text);
    }
}

/* The close is counted a round later than it is told, because done() calls before it may still be
 * on their way in. */
static void on_closed(void *context)
{
    struct nw_endpoint *e = context;

    if (!e->closed_once) {
        e->closed_once = true;
        nw_worker_post(e->lane->worker, &e->closed_post);
        return;
    }
    check_all_done(e);
    nw_lane_closed(e->lane);
}

/* A target that is there again is tried at once. */
static void on_ready(void *context)
{
    struct nw_endpoint *e = context;

    atomic_store(&e->ready_posted, false);
    nw_target_is_ready((struct nw_target *)(void *)e);
}

void nw_endpoint_init(struct nw_endpoint *e, struct nw_lane *lane, const char *type)
{
    *e = (struct nw_endpoint){.lane = lane, .type = type, .status = NW_STATE_CONNECTING};
    e->closed_post = (struct nw_post){.run = on_closed, .context = e};
    e->ready_post = (struct nw_post){.run = on_ready, .context = e};
    (void)pthread_mutex_init(&e->lock, NULL);
}

void nw_endpoint_done(struct nw_endpoint *e)
{
    while (e->counters != NULL) {
        struct nw_counter *next = e->counters->next;
        free(e->counters);
        e->counters = next;
    }
    (void)pthread_mutex_destroy(&e->lock);
}

static void fill_config(struct nw_endpoint *e)
{
    struct nw_lane *lane = e->lane;
    const struct nw_route_spec *route = lane->route;
    const struct nw_target *t = (const struct nw_target *)(const void *)e;

    e->config = (struct nw_endpoint_config){
        .bridge = lane->bridge->name,
        .instance = lane->bridge->instance,
        .route = route->name,
        .lane = lane->index,
        .lanes = route->lanes,
        .address = e->source != NULL ? route->source.address : t->spec->address,
        .options = e->source != NULL ? route->source.options : t->spec->options,
        .connection = e->connection,
        .order = route->order,
        .max_in_flight = route->max_in_flight,
        .retry_first_ms = route->backoff.first_ms,
        .retry_longest_ms = route->backoff.longest_ms,
        .reply = route->source.reply,
        .memory = e->source != NULL ? lane->credit.account.library : 0,
        .spool = e->source != NULL && route->spool_in_outage,
        .seek = e->source != NULL ? lane->seek : NULL,
    };
}

int nw_endpoint_open(struct nw_endpoint *e)
{
    struct nw_error error = {.text = "no reason given"};
    int rc;

    fill_config(e);
    e->open = true; /* it may offer before its open returns */
    if (e->source != NULL) {
        rc = e->source->open(e, &e->config, &e->state, &error);
    } else {
        rc = e->sink->open(e, &e->config, &e->state, &error);
    }
    if (rc != 0) {
        e->open = false;
        nw_endpoint_state(e, rc == NW_ENOMEM ? NW_STATE_DOWN : NW_STATE_FAILED, error.text);
    }
    return rc;
}

void nw_endpoint_close(struct nw_endpoint *e)
{
    if (!e->open) {
        nw_closed(e);
        return;
    }
    if (e->source != NULL) {
        e->source->close(e->state);
    } else {
        e->sink->close(e->state);
    }
}

enum nw_state nw_endpoint_status(struct nw_endpoint *e, char *text, size_t size)
{
    enum nw_state status;

    (void)pthread_mutex_lock(&e->lock);
    status = e->status;
    (void)snprintf(text, size, "%s", e->text[0] != '\0' ? e->text : state_words[status]);
    (void)pthread_mutex_unlock(&e->lock);
    return status;
}

/* ---- the verbs ---- */

struct nw_message *nw_message_new(struct nw_endpoint *endpoint)
{
    struct nw_message *m = nw_message_make();

    if (m != NULL) {
        m->lane = endpoint->lane;
        m->endpoint = endpoint;
    }
    return m;
}

/* What its source does not date was made when it came. */
void nw_stamp(struct nw_message *const *messages, size_t n)
{
    int64_t now = nw_clock_real_ns();

    for (size_t i = 0; i < n; i++) {
        if (messages[i]->timestamp_ns == 0) {
            messages[i]->timestamp_ns = now;
        }
    }
}

void nw_lane_offer(struct nw_lane *lane, struct nw_message *const *messages, size_t n)
{
    int64_t now = nw_clock_monotonic_ns();

    if (n == 0) {
        return;
    }
    nw_stamp(messages, n);
    for (size_t i = 0; i < n; i++) {
        struct nw_message *m = messages[i];
        m->state = NW_MSG_OFFERED;
        m->lane = lane;
        m->offered_ns = now;
        m->next = i == 0 ? NULL : messages[i - 1];
    }
    atomic_fetch_sub(&lane->credit.reserved, (long)n);
    nw_worker_push(lane->worker, messages[n - 1], messages[0]);
}

void nw_offer(struct nw_endpoint *source, struct nw_message *const *messages, size_t n)
{
    struct nw_credit *c = &source->lane->credit;

    if (atomic_load(&source->told_stopped)) {
        broken(source, "it offered messages after stop()");
    }
    if (atomic_load(&c->reserved) < (long)n) {
        broken(source, "it offered messages without credit");
        atomic_fetch_add(&c->reserved, (long)n);
        atomic_fetch_add(&c->used, (long)n);
    }
    nw_lane_offer(source->lane, messages, n);
}

size_t nw_credit_take(struct nw_endpoint *source, size_t want)
{
    return nw_lane_credit_take(source->lane, want);
}

void nw_credit_return(struct nw_endpoint *source, size_t unused)
{
    if (unused > 0) {
        nw_lane_credit_give_back(source->lane, unused);
    }
}

int nw_store(struct nw_endpoint *source, struct nw_message *const *messages, size_t n,
             struct nw_error *error)
{
    return nw_spooler_store(&source->lane->spooler, messages, n, error);
}

static void keep_result(struct nw_message *m, const struct nw_result *r)
{
    m->outcome = (uint8_t)r->outcome;
    m->cause = (uint8_t)r->cause;
    m->retry_after_ms = r->retry_after_ms;
    m->reply = r->reply;
    m->reason = NULL;
    if (r->outcome != NW_ACK && r->reason != NULL) {
        m->reason = nw_message_copy(m, r->reason, strlen(r->reason) + 1).data;
    }
    m->state = NW_MSG_DONE;
}

void nw_done(struct nw_endpoint *sink, const struct nw_result *results, size_t n)
{
    struct nw_message *newest = NULL, *oldest = NULL;

    for (size_t i = 0; i < n; i++) {
        struct nw_message *m = results[i].message;
        if (m->state != NW_MSG_SENT) {
            broken(sink, "done for a message that it does not hold");
            continue;
        }
        keep_result(m, &results[i]);
        if (m->outcome == NW_RETRY) {
            atomic_fetch_add(&sink->retries_told, 1);
        }
        m->next = newest;
        newest = m;
        oldest = oldest == NULL ? m : oldest;
    }
    if (newest != NULL) {
        nw_worker_push(sink->lane->worker, newest, oldest);
    }
}

bool nw_retry_pending(const struct nw_endpoint *sink)
{
    return atomic_load(&sink->retries_told) != sink->retries_taken &&
           sink->config.order != NW_ORDER_RELAXED;
}

void nw_sink_window(struct nw_endpoint *sink, size_t messages)
{
    sink->window = messages < 1 ? 1 : messages;
}

void nw_closed(struct nw_endpoint *endpoint)
{
    struct nw_bridge *bridge = endpoint->lane->bridge;

    atomic_fetch_add(&bridge->closers, 1);
    if (!atomic_exchange(&endpoint->told_closed, true)) {
        nw_worker_post(endpoint->lane->worker, &endpoint->closed_post);
    } else { /* a post is in one list at a time */
        broken(endpoint, "nw_closed() twice");
    }
    atomic_fetch_sub(&bridge->closers, 1);
}

void nw_endpoint_state(struct nw_endpoint *e, enum nw_state state, const char *text)
{
    static const enum nw_level levels[] = {NW_LOG_DEBUG, NW_LOG_INFO, NW_LOG_WARNING, NW_LOG_ERROR};
    bool changed, becomes_ready;

    (void)pthread_mutex_lock(&e->lock);
    becomes_ready = e->status != state && state == NW_STATE_READY;
    changed = e->status != state || (text != NULL && strncmp(e->text, text, sizeof e->text - 1));
    e->status = state;
    (void)snprintf(e->text, sizeof e->text, "%s", text == NULL ? "" : text);
    (void)pthread_mutex_unlock(&e->lock);
    if (!changed) {
        return;
    }
    nw_log(e, levels[state], "%s%s%s", state_words[state],
           text == NULL || *text == '\0' ? "" : ": ", text == NULL ? "" : text);
    if (state == NW_STATE_DOWN || state == NW_STATE_FAILED) {
        nw_lane_set_error(e->lane, text == NULL ? state_words[state] : text);
    }
    if (becomes_ready && e->sink != NULL && !atomic_exchange(&e->ready_posted, true)) {
        nw_worker_post(e->lane->worker, &e->ready_post);
    }
}
