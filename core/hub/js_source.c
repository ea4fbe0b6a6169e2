/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source `jetstream: subject`: a durable consumer that is pulled from. Each message is
 * acknowledged by itself when the pump has settled it (an ack of all before it would lose what a
 * killed process had pending). While one is in flight the server is told so, long before ack_wait.
 *
 * All state is on the loop thread; lock guards `stopped` against an offer.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hub/jetstream_ends.h"
#include "hub/js_consumer.h"
#include "hub/js_parse.h"
#include "hub/js_pull.h"
#include "hub/receive.h"
#include "hub/settle.h"

#define OFFER 256

/* A message that is offered and not settled, in the order of the last sign of life. Lives in the
 * message's own memory; its cookie. */
struct in_flight {
    struct in_flight *next, *previous;
    natsMsg *msg;
    uint64_t sequence;
    int64_t touched_ns;
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
    struct in_flight *oldest, *newest;
    struct nw_timer progress;                   /* in-progress acks */
    struct nw_settlement *unsent, **unsent_end; /* settled without a session */
    bool ending; /* pulls do not come back; acknowledgments still go out */

    pthread_mutex_t lock; /* guards stopped; held while offering */
    bool stopped;
};

#define SOURCE_OF(pointer, member) \
    ((struct js_source *)((char *)(pointer)-offsetof(struct js_source, member)))

/* ---- what is in flight ---- */

static void append(struct js_source *s, struct in_flight *f)
{
    f->touched_ns = nw_loop_now(s->hub->loop);
    f->next = NULL;
    f->previous = s->newest;
    if (s->newest == NULL) {
        s->oldest = f;
    } else {
        s->newest->next = f;
    }
    s->newest = f;
}

static void take_out(struct js_source *s, struct in_flight *f)
{
    if (f->previous == NULL) {
        s->oldest = f->next;
    } else {
        f->previous->next = f->next;
    }
    if (f->next == NULL) {
        s->newest = f->previous;
    } else {
        f->next->previous = f->previous;
    }
}

static bool is_in_flight(const struct js_source *s, uint64_t sequence)
{
    for (const struct in_flight *f = s->oldest; f != NULL; f = f->next) {
        if (f->sequence == sequence) {
            return true;
        }
    }
    return false;
}

static int64_t progress_after_ns(const struct js_source *s)
{
    return s->options->ack_wait_ms * NW_MILLISECOND_NS / 2;
}

/* Say that what has been in flight for half the ack wait is still being worked on. */
static void on_progress(struct nw_timer *timer)
{
    struct js_source *s = SOURCE_OF(timer, progress);
    int64_t now = nw_loop_now(s->hub->loop), before = now - progress_after_ns(s);
    struct in_flight *f;

    while ((f = s->oldest) != NULL && f->touched_ns <= before) {
        if (s->hub->nc != NULL) {
            (void)natsConnection_Publish(s->hub->nc, natsMsg_GetReply(f->msg), "+WPI", 4);
        }
        take_out(s, f);
        append(s, f);
    }
    if (s->oldest != NULL) {
        nw_loop_set_timer(s->hub->loop, &s->progress, s->oldest->touched_ns + progress_after_ns(s));
    }
}

static void hold(struct js_source *s, struct in_flight *f)
{
    append(s, f);
    s->consumer.in_flight++;
    if (s->progress.link == NULL) {
        nw_loop_set_timer(s->hub->loop, &s->progress, f->touched_ns + progress_after_ns(s));
    }
}

/* ---- offering ---- */

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
static struct nw_message *make_message(struct js_source *s, natsMsg *msg)
{
    struct nw_js_metadata meta;
    struct nw_message *m = NULL;
    struct in_flight *f;

    /* Delivered again while it is being worked on: one of them is enough. */
    if (!nw_js_parse_metadata(natsMsg_GetReply(msg), &meta) ||
        (meta.delivered > 1 && is_in_flight(s, meta.sequence))) {
        natsMsg_Destroy(msg);
        return NULL;
    }
    m = nw_receive(s->endpoint, msg, true, meta.timestamp_ns);
    if (m == NULL) {
        natsMsg_Destroy(msg); /* it comes again after the ack wait */
        return NULL;
    }
    f = nw_message_alloc(m, sizeof *f);
    if (f == NULL || !set_fields(m, msg, &meta)) {
        nw_message_unref(m);
        return NULL;
    }
    *f = (struct in_flight){.msg = msg, .sequence = meta.sequence};
    nw_message_set_cookie(m, (uintptr_t)f);
    hold(s, f);
    s->consumer.pending = (int64_t)meta.pending;
    if (meta.sequence > s->consumer.last_sequence) {
        s->consumer.last_sequence = meta.sequence;
    }
    return m;
}

/* Lock held, not stopped. Up to OFFER of `there` messages. Returns how many were looked at. */
static size_t offer_some(struct js_source *s, size_t there)
{
    struct nw_message *batch[OFFER];
    size_t n = 0, looked = 0, unused = 0;

    while (looked < there && n < OFFER && s->pull.sub != NULL) {
        natsMsg *msg = nw_js_pull_next(&s->pull);
        looked++;
        if (msg != NULL) {
            batch[n] = make_message(s, msg);
            if (batch[n] != NULL) {
                n++;
            } else {
                unused++;
            }
        }
    }
    if (n > 0) {
        nw_offer(s->endpoint, batch, n);
        nw_lag(s->endpoint, s->consumer.pending);
    }
    if (unused > 0) {
        nw_credit_return(s->endpoint, unused);
    }
    return looked;
}

/* Stopped: what is still under way goes back at once, so that another process may have it. */
static void refuse_all(struct js_source *s, size_t there)
{
    for (; there > 0 && s->pull.sub != NULL; there--) {
        natsMsg *msg = nw_js_pull_next(&s->pull);
        if (msg != NULL) {
            (void)natsConnection_Publish(s->hub->nc, natsMsg_GetReply(msg), "-NAK", 4);
            natsMsg_Destroy(msg);
            nw_credit_return(s->endpoint, 1);
        }
    }
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
        while (there > 0 && s->pull.sub != NULL) {
            there -= offer_some(s, there);
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
    nw_js_pull_more(&s->pull);
}

/* ---- acknowledging ---- */

static void acknowledge(struct js_source *s, const struct nw_settled *item)
{
    struct in_flight *f = (struct in_flight *)nw_message_cookie(item->message);
    const char *reply = natsMsg_GetReply(f->msg);
    char text[64];
    int len;

    if (item->outcome == NW_RETRY && item->retry_after_ms > 0) {
        len = snprintf(text, sizeof text, "-NAK {\"delay\": %lld}",
                       (long long)item->retry_after_ms * NW_MILLISECOND_NS);
    } else {
        len = snprintf(text, sizeof text, "%s",
                       item->outcome == NW_ACK     ? "+ACK"
                       : item->outcome == NW_RETRY ? "-NAK"
                                                   : "+TERM");
    }
    (void)natsConnection_Publish(s->hub->nc, reply, text, len);
}

static void send_acknowledgments(struct js_source *s, struct nw_settlement *b)
{
    for (size_t i = 0; i < b->count; i++) {
        acknowledge(s, &b->items[i]);
    }
    nw_hub_published(s->hub, b->count * 100);
    nw_settlement_free(b);
}

static void take_settled(struct nw_settlement *b)
{
    struct js_source *s = b->owner;

    for (size_t i = 0; i < b->count; i++) {
        take_out(s, (struct in_flight *)nw_message_cookie(b->items[i].message));
        s->consumer.in_flight--;
    }
    if (s->hub->nc != NULL) {
        send_acknowledgments(s, b);
    } else {
        *s->unsent_end = b; /* they hold when the server is back */
        s->unsent_end = &b->next;
    }
    nw_js_pull_more(&s->pull);
}

static void send_unsent(struct js_source *s)
{
    struct nw_settlement *b = s->unsent, *next;

    s->unsent = NULL;
    s->unsent_end = &s->unsent;
    for (; b != NULL; b = next) {
        next = b->next;
        send_acknowledgments(s, b);
    }
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
    if (nw_js_pull_start(&s->pull, s->consumer.stream, s->consumer.durable)) {
        nw_endpoint_state(s->endpoint, NW_STATE_READY, NULL);
    }
}

static void on_broken(struct nw_js_pull *pull, int64_t wait_ms, const char *text)
{
    struct js_source *s = SOURCE_OF(pull, pull);

    nw_js_pull_stop(pull);
    if (text != NULL) {
        nw_endpoint_state(s->endpoint, NW_STATE_DOWN, text);
    }
    if (!s->ending) {
        nw_js_consumer_begin(&s->consumer, wait_ms);
    }
}

static void on_up(struct nw_listener *listener)
{
    struct js_source *s = SOURCE_OF(listener, listener);

    send_unsent(s);
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
    (void)snprintf(why, sizeof why, "NATS: %.240s", text);
    nw_endpoint_state(s->endpoint, NW_STATE_DOWN, why);
}

/* ---- the contract ---- */

static void run_open(struct nw_task *task)
{
    struct js_source *s = SOURCE_OF(task, open_task);

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

    nw_js_consumer_stop(&s->consumer);
    nw_js_pull_stop(&s->pull);
    s->ending = true;
}

static void run_close(struct nw_task *task)
{
    struct js_source *s = SOURCE_OF(task, close_task);
    struct nw_endpoint *endpoint = s->endpoint;
    struct nw_settlement *b, *next;

    nw_hub_unlisten(&s->listener);
    nw_js_pull_stop(&s->pull);
    nw_js_consumer_free(&s->consumer);
    nw_loop_cancel_timer(&s->progress);
    for (b = s->unsent; b != NULL; b = next) {
        next = b->next;
        nw_settlement_free(b);
    }
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

static int open_source(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
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
    s->unsent_end = &s->unsent;
    rc = nw_js_consumer_init(&s->consumer, endpoint, config, on_consumer, s, error);
    if (rc != 0) {
        nw_js_consumer_free(&s->consumer);
        free(s);
        return rc;
    }
    nw_js_pull_init(&s->pull, s->hub, endpoint, batch_of(config, s->options), on_broken);
    (void)pthread_mutex_init(&s->lock, NULL);
    s->listener.up = on_up;
    s->listener.down = on_down;
    s->listener.received = on_received;
    s->progress.fire = on_progress;
    s->open_task.run = run_open;
    s->credit_task.run = run_credit;
    s->stop_task.run = run_stop;
    s->close_task.run = run_close;
    *state = s;
    nw_endpoint_state(endpoint, NW_STATE_CONNECTING, NULL);
    nw_loop_post(s->hub->loop, &s->open_task);
    return 0;
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
