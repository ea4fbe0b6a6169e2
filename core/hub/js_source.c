/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources `jetstream: subject` and `kv: bucket/pattern`: a durable consumer that is pulled
 * from. Each message is acknowledged by itself when the pump has settled it (an ack of all before
 * it would lose what a killed process had pending).
 *
 * All state is on the loop thread; lock guards `stopped` against an offer.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hub/jetstream_ends.h"
#include "hub/js_backlog.h"
#include "hub/js_consumer.h"
#include "hub/js_flight.h"
#include "hub/js_parse.h"
#include "hub/js_pull.h"
#include "hub/kv_key.h"
#include "hub/receive.h"

#define OFFER 256
/* How long the gathering of what is delivered again waits for the next one. */
#define BACKLOG_NS NW_SECOND_NS
/* What a process asked for that lost the route's lease while it stood still must be over before
 * another one reads, or messages would go to it. Less than it takes to get the lease. */
#define LEASED_EXPIRES_NS (3 * NW_SECOND_NS)

/* Messages on their way to nw_offer. */
struct offering {
    struct nw_message *messages[OFFER];
    size_t count;
    size_t unused; /* credits of what is not offered */
};

struct js_source {
    struct nw_endpoint *endpoint;
    const struct nw_endpoint_config *config;
    const struct nw_js_source_options *options;
    struct nw_hub *hub;
    struct nw_listener listener;
    struct nw_task open_task, credit_task, stop_task, close_task;
    atomic_bool credit_posted;
    struct nw_js_consumer consumer;
    struct nw_js_pull pull;
    struct nw_js_backlog backlog;
    struct nw_timer backlog_timer;
    struct nw_js_flight flight;
    bool kv;     /* messages are entries of a bucket */
    bool ending; /* pulls do not come back; acknowledgments still go out */

    pthread_mutex_t lock; /* guards stopped; held while offering */
    bool stopped;
};

#define SOURCE_OF(pointer, member) \
    ((struct js_source *)((char *)(pointer)-offsetof(struct js_source, member)))

/* ---- offering ---- */

/* What stands behind $KV. and the bucket: address and key. */
static void set_key(struct nw_message *m)
{
    struct nw_slice key = nw_message_address(m);
    size_t before = sizeof NW_KV_SUBJECTS - 1;
    const char *dot = key.len <= before ? NULL : memchr(key.data + before, '.', key.len - before);

    if (dot != NULL) {
        key = (struct nw_slice){dot + 1, (size_t)(key.data + key.len - dot - 1)};
    }
    nw_message_set_address(m, key);
    nw_message_set_key(m, key);
}

static bool set_fields(struct nw_message *m, natsMsg *msg, const struct nw_js_metadata *meta)
{
    size_t room = meta->stream.len + 32;
    char *origin = nw_message_alloc(m, room);
    int n;

    if (origin == NULL) {
        return false;
    }
    n = snprintf(origin, room, "js:%.*s/%llu", (int)meta->stream.len, meta->stream.data,
                 (unsigned long long)meta->sequence);
    nw_message_set_origin(m, (struct nw_slice){origin, (size_t)n});
    nw_message_set_address(m, nw_slice_text(natsMsg_GetSubject(msg)));
    nw_message_set_number(m, NW_META_SEQUENCE, (int64_t)meta->sequence);
    nw_message_set_text(m, NW_META_STREAM, meta->stream);
    return true;
}

/* The message to offer, or NULL: it is not offered, and its credit is free. */
static struct nw_message *make_message(struct js_source *s, natsMsg *msg,
                                       const struct nw_js_metadata *meta)
{
    struct nw_message *m;

    if (meta->delivered > 1 && nw_js_flight_holds(&s->flight, meta->sequence)) {
        natsMsg_Destroy(msg); /* it is being worked on: one of them is enough */
        return NULL;
    }
    m = nw_receive(s->endpoint, msg, s->kv ? NW_FROM_BUCKET : NW_FROM_STREAM, meta->timestamp_ns);
    if (m == NULL) {
        natsMsg_Destroy(msg); /* it comes again after the ack wait */
        return NULL;
    }
    if (!set_fields(m, msg, meta) || nw_js_flight_hold(&s->flight, m, msg, meta->sequence) != 0) {
        nw_message_unref(m);
        return NULL;
    }
    if (s->kv) {
        set_key(m);
    }
    if (meta->delivered > 1) {
        nw_metric_count(s->endpoint, "source_repeats", 1);
    }
    s->consumer.in_flight = s->flight.count;
    s->consumer.pending = (int64_t)meta->pending;
    if (meta->sequence > s->consumer.last_sequence) {
        s->consumer.last_sequence = meta->sequence;
    }
    return m;
}

static void offer(struct js_source *s, struct offering *o)
{
    if (o->count > 0) {
        nw_offer(s->endpoint, o->messages, o->count);
        nw_lag(s->endpoint, s->consumer.pending);
    }
    if (o->unused > 0) {
        nw_credit_return(s->endpoint, o->unused);
    }
    o->count = o->unused = 0;
}

static void add(struct js_source *s, struct offering *o, natsMsg *msg,
                const struct nw_js_metadata *meta)
{
    struct nw_message *m = make_message(s, msg, meta);

    if (m == NULL) {
        o->unused++;
        return;
    }
    o->messages[o->count++] = m;
    if (o->count == OFFER) {
        offer(s, o);
    }
}

/* The gathering of what is delivered again is over. */
static void add_backlog(struct js_source *s, struct offering *o)
{
    struct nw_js_metadata meta;

    nw_js_backlog_end(&s->backlog);
    nw_loop_cancel_timer(&s->backlog_timer);
    for (size_t i = 0; i < s->backlog.count; i++) {
        natsMsg *msg = s->backlog.items[i].msg;
        if (nw_js_parse_metadata(natsMsg_GetReply(msg), &meta)) {
            add(s, o, msg, &meta);
        }
    }
    nw_js_backlog_done(&s->backlog);
}

/* A message may have come twice, where who had it before gave it back meanwhile. */
static bool is_gathered(struct js_source *s, struct offering *o)
{
    if (nw_js_backlog_is_complete(&s->backlog)) {
        o->unused += nw_js_backlog_unite(&s->backlog);
    }
    return nw_js_backlog_is_complete(&s->backlog);
}

static void take(struct js_source *s, struct offering *o, natsMsg *msg)
{
    struct nw_js_metadata meta;

    if (!nw_js_parse_metadata(natsMsg_GetReply(msg), &meta)) {
        natsMsg_Destroy(msg);
        o->unused++;
        return;
    }
    if (s->backlog.expected > 0 && !nw_js_flight_holds(&s->flight, meta.sequence)) {
        if (nw_js_backlog_keep(&s->backlog, msg, meta.delivered, meta.sequence)) {
            if (is_gathered(s, o)) {
                (void)nw_js_consumer_came_back(&s->consumer, true);
                add_backlog(s, o);
            }
            return;
        }
        (void)nw_js_consumer_came_back(&s->consumer, true);
        add_backlog(s, o);
    }
    add(s, o, msg, &meta);
}

static void wait_for_backlog(struct js_source *s)
{
    if (s->backlog.expected > 0) {
        nw_loop_set_timer(s->hub->loop, &s->backlog_timer, nw_loop_now(s->hub->loop) + BACKLOG_NS);
    }
}

/* Lock held. */
static void offer_all(struct js_source *s, size_t there)
{
    struct offering o = {.count = 0};

    for (; there > 0 && s->pull.sub != NULL; there--) {
        natsMsg *msg = nw_js_pull_next(&s->pull);
        if (msg != NULL) {
            take(s, &o, msg);
        }
    }
    offer(s, &o);
    wait_for_backlog(s);
}

/* Lock held. Stopped: what still comes goes back, so that another process may have it. */
static void refuse_all(struct js_source *s, size_t there)
{
    for (; there > 0 && s->pull.sub != NULL; there--) {
        natsMsg *msg = nw_js_pull_next(&s->pull);
        if (msg != NULL) {
            nw_js_flight_refuse(&s->flight, msg);
            nw_credit_return(s->endpoint, 1);
        }
    }
}

/* The gathered messages are not offered: the pulls end. */
static void refuse_backlog(struct js_source *s)
{
    for (size_t i = 0; i < s->backlog.count; i++) {
        nw_js_flight_refuse(&s->flight, s->backlog.items[i].msg);
    }
    if (s->backlog.count > 0) {
        nw_credit_return(s->endpoint, s->backlog.count);
    }
    nw_loop_cancel_timer(&s->backlog_timer);
    nw_js_backlog_done(&s->backlog);
}

static void on_received(struct nw_listener *listener)
{
    struct js_source *s = SOURCE_OF(listener, listener);
    size_t there = nw_js_pull_waiting(&s->pull);

    if (there == 0) {
        return;
    }
    (void)pthread_mutex_lock(&s->lock);
    if (s->stopped) {
        refuse_all(s, there);
    } else {
        offer_all(s, there);
    }
    (void)pthread_mutex_unlock(&s->lock);
    nw_js_pull_more(&s->pull);
}

static void take_settled(struct nw_settlement *b)
{
    struct js_source *s = b->owner;

    nw_js_flight_settle(&s->flight, b);
    s->consumer.in_flight = s->flight.count;
    nw_js_pull_more(&s->pull);
}

/* ---- session and consumer ---- */

static void on_consumer(void *context, const char *failure)
{
    struct js_source *s = context;

    if (failure != NULL) {
        nw_endpoint_state(s->endpoint, NW_STATE_DOWN, failure);
        return;
    }
    nw_lag(s->endpoint, s->consumer.pending);
    nw_js_backlog_expect(&s->backlog, s->consumer.taken_back);
    wait_for_backlog(s);
    if (nw_js_pull_start(&s->pull, s->consumer.stream, s->consumer.durable)) {
        nw_endpoint_state(s->endpoint, NW_STATE_READY, NULL);
    }
}

static void on_broken(struct nw_js_pull *pull, int64_t wait_ms, const char *text)
{
    struct js_source *s = SOURCE_OF(pull, pull);

    nw_js_pull_stop(pull);
    refuse_backlog(s);
    if (text != NULL) {
        nw_endpoint_state(s->endpoint, NW_STATE_DOWN, text);
    }
    if (!s->ending) {
        nw_js_consumer_begin(&s->consumer, wait_ms);
    }
}

/* No more of them come. What is older and still out must not come behind what is new: all goes back
 * and is taken back together. */
static void on_backlog_timer(struct nw_timer *timer)
{
    struct js_source *s = SOURCE_OF(timer, backlog_timer);
    struct offering o = {.count = 0};

    if (!nw_js_consumer_came_back(&s->consumer, false)) {
        on_broken(&s->pull, 0, NULL);
        return;
    }
    (void)pthread_mutex_lock(&s->lock);
    if (s->stopped) {
        refuse_backlog(s);
    } else {
        add_backlog(s, &o);
        offer(s, &o);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

static void on_up(struct nw_listener *listener)
{
    struct js_source *s = SOURCE_OF(listener, listener);

    nw_js_flight_send_unsent(&s->flight);
    if (!s->ending) {
        nw_js_consumer_begin(&s->consumer, 0);
    }
}

static void on_down(struct nw_listener *listener, const char *text)
{
    struct js_source *s = SOURCE_OF(listener, listener);
    char why[256];

    nw_js_consumer_stop(&s->consumer);
    nw_js_pull_stop(&s->pull);
    refuse_backlog(s);
    (void)snprintf(why, sizeof why, "NATS: %.240s", text);
    nw_endpoint_state(s->endpoint, NW_STATE_CONNECTING, why); /* the connection says it once */
}

/* ---- the contract ---- */

static void run_open(struct nw_task *task)
{
    struct js_source *s = SOURCE_OF(task, open_task);

    s->pull.lease = nw_lease_find(s->hub, s->config->route);
    if (s->pull.lease != NULL) {
        s->consumer.leased = true;
        s->pull.expires_ns = LEASED_EXPIRES_NS;
    }
    nw_hub_listen(s->hub, &s->listener);
}

static void run_credit(struct nw_task *task)
{
    struct js_source *s = SOURCE_OF(task, credit_task);

    atomic_store(&s->credit_posted, false);
    nw_js_pull_more(&s->pull);
}

static void run_stop(struct nw_task *task)
{
    struct js_source *s = SOURCE_OF(task, stop_task);

    nw_js_consumer_leave(&s->consumer);
    nw_js_pull_stop(&s->pull);
    refuse_backlog(s);
    s->ending = true;
}

static void run_close(struct nw_task *task)
{
    struct js_source *s = SOURCE_OF(task, close_task);
    struct nw_endpoint *endpoint = s->endpoint;

    nw_hub_unlisten(&s->listener);
    nw_js_pull_stop(&s->pull);
    refuse_backlog(s);
    nw_js_consumer_free(&s->consumer);
    nw_js_flight_done(&s->flight);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
    nw_closed(endpoint);
}

static void credit(void *state)
{
    struct js_source *s = state;

    if (!atomic_exchange(&s->credit_posted, true)) {
        nw_loop_post(s->hub->loop, &s->credit_task);
    }
}

static void settle(void *state, const struct nw_result *results, size_t n)
{
    struct js_source *s = state;

    nw_settlement_post(s->hub->loop, results, n, s, take_settled);
}

static void stop(void *state)
{
    struct js_source *s = state;

    (void)pthread_mutex_lock(&s->lock);
    s->stopped = true;
    (void)pthread_mutex_unlock(&s->lock);
    nw_loop_post(s->hub->loop, &s->stop_task);
}

static void close_source(void *state)
{
    struct js_source *s = state;

    nw_loop_post(s->hub->loop, &s->close_task);
}

/* A third of what may be in flight, so that there is room beside what is asked for. */
static size_t batch_of(const struct nw_endpoint_config *config,
                       const struct nw_js_source_options *options)
{
    size_t most = config->max_in_flight / 3;
    size_t batch = (size_t)options->batch;

    batch = batch > most ? most : batch;
    return batch < 1 ? 1 : batch;
}

static int open_kind(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config, bool kv,
                     void **state, struct nw_error *error)
{
    struct js_source *s = calloc(1, sizeof *s);
    int rc;

    if (s == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    s->endpoint = endpoint;
    s->config = config;
    s->options = config->options;
    s->hub = config->connection;
    s->kv = kv;
    nw_js_flight_init(&s->flight, s->hub, s->options->ack_wait_ms);
    rc = nw_js_consumer_init(&s->consumer, endpoint, config, on_consumer, s, error);
    rc = rc == 0 && kv ? nw_js_consumer_watch(&s->consumer, error) : rc;
    if (rc != 0) {
        nw_js_consumer_free(&s->consumer);
        free(s);
        return rc;
    }
    nw_js_pull_init(&s->pull, s->hub, endpoint, batch_of(config, s->options), config->memory,
                    on_broken);
    (void)pthread_mutex_init(&s->lock, NULL);
    s->listener.up = on_up;
    s->listener.down = on_down;
    s->listener.received = on_received;
    s->backlog_timer.fire = on_backlog_timer;
    s->open_task.run = run_open;
    s->credit_task.run = run_credit;
    s->stop_task.run = run_stop;
    s->close_task.run = run_close;
    *state = s;
    nw_metric_count(endpoint, "source_repeats", 0);
    nw_endpoint_state(endpoint, NW_STATE_CONNECTING, NULL);
    nw_loop_post(s->hub->loop, &s->open_task);
    return 0;
}

static int open_source(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                       void **state, struct nw_error *error)
{
    return open_kind(endpoint, config, false, state, error);
}

static int open_kv(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                   void **state, struct nw_error *error)
{
    return open_kind(endpoint, config, true, state, error);
}

const struct nw_source_kind nw_jetstream_source = {
    .options = nw_js_source_rows,
    .options_size = sizeof(struct nw_js_source_options),
    .address = NW_ADDRESS_SUBJECT,
    .has = NW_HAS(NW_META_KEY) | NW_HAS(NW_META_SEQUENCE) | NW_HAS(NW_META_STREAM),
    .address_doc =
        "the subjects of the stream that are read; may be empty where `stream:` is given",
    .promise = "at least once: acknowledged when every target has confirmed",
    .check = nw_js_source_check,
    .open = open_source,
    .credit = credit,
    .settle = settle,
    .stop = stop,
    .close = close_source,
};

const struct nw_source_kind nw_kv_source = {
    .options = nw_kv_source_rows,
    .options_size = sizeof(struct nw_js_source_options),
    .address = NW_ADDRESS_SUBJECT,
    .has = NW_HAS(NW_META_KEY) | NW_HAS(NW_META_SEQUENCE) | NW_HAS(NW_META_STREAM),
    .address_doc = "bucket/pattern: the keys that are watched, with `*` and `>` as in subjects; "
                   "the bucket alone: all. For templates the address, and the key, is the key "
                   "without the bucket, and sequence the revision; a deleted or purged key is a "
                   "message without payload (a tombstone)",
    .promise = "at least once: acknowledged when every target has confirmed; a value that another "
               "one replaces before it is read may be passed over, the newest never is",
    .check = nw_kv_source_check,
    .open = open_kv,
    .credit = credit,
    .settle = settle,
    .stop = stop,
    .close = close_source,
};
