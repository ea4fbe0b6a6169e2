/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/sink.h"

#include <stdio.h>
#include <stdlib.h>

#include "hub/subject.h"

/* What a batch on its way to the loop is carried in. */
struct batch {
    struct nw_task task;
    struct nw_hub_sink *sink;
    unsigned failures; /* that the worker knew of */
    bool late;         /* and it had not yet taken the last one */
    size_t count;
    struct nw_message *messages[];
};

#define SINK_OF(pointer, member) \
    ((struct nw_hub_sink *)((char *)(pointer)-offsetof(struct nw_hub_sink, member)))

/* ---- ends ---- */

static void return_behind(struct nw_hub_sink *sink);

/* Counted when it is told: a worker that has seen the count sees that it is still to be taken. */
void nw_hub_sink_flush(struct nw_hub_sink *sink)
{
    size_t n = sink->done_count;
    bool failed = sink->failed;

    if (n > 0) {
        sink->done_count = 0;
        sink->failed = false;
        nw_done(sink->endpoint, sink->done, n);
    }
    if (failed) {
        atomic_fetch_add(&sink->failures, 1);
        return_behind(sink);
    }
}

static void gather(struct nw_hub_sink *sink, const struct nw_result *result)
{
    if (sink->done_count == NW_SINK_DONE) {
        nw_hub_sink_flush(sink);
    }
    sink->done[sink->done_count++] = *result;
    sink->failed |= result->outcome == NW_RETRY && sink->config->order == NW_ORDER_STRICT;
}

void nw_hub_sink_done(struct nw_hub_sink *sink, struct nw_message *m, enum nw_outcome outcome,
                      enum nw_cause cause, const char *reason)
{
    gather(sink,
           &(struct nw_result){.message = m, .outcome = outcome, .cause = cause, .reason = reason});
}

void nw_hub_sink_ack(struct nw_hub_sink *sink, struct nw_message *m, struct nw_message *reply)
{
    gather(sink, &(struct nw_result){.message = m, .outcome = NW_ACK, .reply = reply});
}

bool nw_hub_sink_subject(struct nw_hub_sink *sink, struct nw_message *m, struct nw_slice *subject)
{
    struct nw_error error;

    *subject = nw_message_address(m);
    if (nw_subject_check(*subject, &error) == 0) {
        return true;
    }
    nw_hub_sink_done(sink, m, NW_REJECT, NW_CAUSE_REFUSED, error.text);
    nw_hub_sink_flush(sink);
    return false;
}

bool nw_hub_sink_unanswered(struct nw_hub_sink *sink, struct nw_message *m, enum nw_reply_kind kind)
{
    switch (kind) {
    case NW_REPLY_MESSAGE:
        return false;
    case NW_REPLY_NO_RESPONDER:
        nw_hub_sink_done(sink, m, NW_RETRY, NW_CAUSE_NO_RESPONDER, "nobody listens on the subject");
        return true;
    case NW_REPLY_TIMEOUT:
        nw_hub_sink_done(sink, m, NW_RETRY, NW_CAUSE_TIMEOUT, "no answer in time");
        return true;
    case NW_REPLY_DENIED:
        nw_hub_sink_done(sink, m, NW_RETRY, NW_CAUSE_REFUSED,
                         "the NATS server does not permit to publish to the subject");
        return true;
    case NW_REPLY_CANCELLED:
        nw_hub_sink_done(sink, m, NW_RETRY, NW_CAUSE_STOPPING, "the route stops");
        return true;
    case NW_REPLY_LOST:
    default:
        nw_hub_sink_done(sink, m, NW_RETRY, NW_CAUSE_OUTAGE, "the connection to NATS was lost");
        return true;
    }
}

/* ---- the queue ---- */

static bool push(struct nw_hub_sink *sink, struct nw_message *m)
{
    if (sink->count == sink->capacity) {
        size_t capacity = sink->capacity == 0 ? 512 : sink->capacity * 2;
        struct nw_message **queue = malloc(capacity * sizeof *queue);
        if (queue == NULL) {
            return false;
        }
        for (size_t i = 0; i < sink->count; i++) {
            queue[i] = sink->queue[(sink->head + i) & (sink->capacity - 1)];
        }
        free(sink->queue);
        sink->queue = queue;
        sink->capacity = capacity;
        sink->head = 0;
    }
    sink->queue[(sink->head + sink->count++) & (sink->capacity - 1)] = m;
    return true;
}

static struct nw_message *pop(struct nw_hub_sink *sink)
{
    struct nw_message *m = sink->queue[sink->head & (sink->capacity - 1)];

    sink->head = (sink->head + 1) & (sink->capacity - 1);
    sink->count--;
    return m;
}

static void return_queue(struct nw_hub_sink *sink, enum nw_cause cause, const char *why)
{
    while (sink->count > 0) {
        nw_hub_sink_done(sink, pop(sink), NW_RETRY, cause, why);
    }
    nw_hub_sink_flush(sink);
}

/* What somebody waits for has no place in the order: its caller would be told of a failure that is
 * none of its own. */
static bool keeps_order(const struct nw_hub_sink *sink, const struct nw_message *m)
{
    return sink->config->order == NW_ORDER_STRICT && nw_message_deadline(m) == 0;
}

static void return_one(struct nw_hub_sink *sink, struct nw_message *m)
{
    nw_hub_sink_done(sink, m, NW_RETRY, NW_CAUSE_OUTAGE, "it is behind one that failed");
}

/* What waits is behind the one that failed. */
static void return_behind(struct nw_hub_sink *sink)
{
    if (sink->returning) {
        return;
    }
    sink->returning = true;
    for (size_t left = sink->count; left > 0; left--) {
        struct nw_message *m = pop(sink);
        if (keeps_order(sink, m)) {
            return_one(sink, m);
        } else {
            (void)push(sink, m); /* there is room: it came from there */
        }
    }
    nw_hub_sink_flush(sink);
    sink->returning = false;
}

static enum nw_admission admit_first(struct nw_hub_sink *sink)
{
    return sink->ops->admit == NULL ? NW_ADMIT
                                    : sink->ops->admit(sink, nw_hub_sink_waiting(sink, 0));
}

void nw_hub_sink_feed(struct nw_hub_sink *sink)
{
    bool some = false;

    while (sink->ready && sink->count > 0 && nw_hub_can_publish(sink->hub)) {
        enum nw_admission admission = admit_first(sink);
        if (admission == NW_ADMIT_LATER) {
            break;
        }
        if (admission == NW_ADMIT_STORED) {
            nw_hub_sink_ack(sink, pop(sink), NULL);
            continue;
        }
        sink->ops->publish(sink, pop(sink));
        some = true;
        if (sink->failed) {
            nw_hub_sink_flush(sink);
        }
    }
    if (some && sink->ops->published != NULL) {
        sink->ops->published(sink);
    }
    nw_hub_sink_flush(sink);
}

static void take_batch(struct nw_task *task)
{
    struct batch *b = (struct batch *)task;
    struct nw_hub_sink *sink = b->sink;
    bool refused = sink->hub->away || sink->why[0] != '\0';
    bool behind = b->late || b->failures != atomic_load(&sink->failures);

    for (size_t i = 0; i < b->count; i++) {
        if (behind && !refused && keeps_order(sink, b->messages[i])) {
            return_one(sink, b->messages[i]);
        } else if (refused || !push(sink, b->messages[i])) {
            nw_hub_sink_done(sink, b->messages[i], NW_RETRY, NW_CAUSE_OUTAGE,
                             sink->why[0] != '\0' ? sink->why
                             : refused            ? sink->hub->down_text
                                                  : "out of memory");
        }
    }
    free(b);
    nw_hub_sink_feed(sink);
}

void nw_hub_sink_send(void *state, struct nw_message *const *messages, size_t n)
{
    struct nw_hub_sink *sink = state;
    struct batch *b = malloc(sizeof *b + n * sizeof(struct nw_message *));

    if (b == NULL) {
        for (size_t i = 0; i < n; i++) {
            struct nw_result r = {.message = messages[i],
                                  .outcome = NW_RETRY,
                                  .cause = NW_CAUSE_OUTAGE,
                                  .reason = "out of memory"};
            nw_done(sink->endpoint, &r, 1);
        }
        return;
    }
    b->task.run = take_batch;
    b->sink = sink;
    b->failures = atomic_load(&sink->failures);
    b->late = nw_retry_pending(sink->endpoint);
    b->count = n;
    memcpy(b->messages, messages, n * sizeof(struct nw_message *));
    nw_loop_post(sink->hub->loop, &b->task);
}

/* ---- the session ---- */

void nw_hub_sink_ready(struct nw_hub_sink *sink)
{
    sink->ready = true;
    sink->why[0] = '\0';
    nw_endpoint_state(sink->endpoint, NW_STATE_READY, NULL);
    nw_hub_sink_feed(sink);
}

void nw_hub_sink_not_ready(struct nw_hub_sink *sink, const char *text)
{
    sink->ready = false;
    (void)snprintf(sink->why, sizeof sink->why, "%s", text);
    nw_endpoint_state(sink->endpoint, NW_STATE_DOWN, sink->why);
    return_queue(sink, NW_CAUSE_OUTAGE, sink->why);
}

static void on_ready(struct nw_listener *listener)
{
    struct nw_hub_sink *sink = SINK_OF(listener, listener);

    if (sink->ops->prepare != NULL) {
        sink->ops->prepare(sink);
    } else {
        nw_hub_sink_ready(sink);
    }
}

static void on_down(struct nw_listener *listener, const char *text)
{
    struct nw_hub_sink *sink = SINK_OF(listener, listener);
    char why[256];

    sink->ready = false;
    sink->why[0] = '\0';
    (void)snprintf(why, sizeof why, "NATS: %.240s", text);
    return_queue(sink, NW_CAUSE_OUTAGE, why);
    if (sink->ops->lost != NULL) {
        sink->ops->lost(sink);
    }
    nw_endpoint_state(sink->endpoint, NW_STATE_CONNECTING, why);
}

static void on_feed(struct nw_listener *listener)
{
    nw_hub_sink_feed(SINK_OF(listener, listener));
}

static void on_denied(struct nw_listener *listener, bool publish, struct nw_slice subject,
                      const char *text)
{
    struct nw_hub_sink *sink = SINK_OF(listener, listener);

    if (publish && sink->ops->denied != NULL) {
        sink->ops->denied(sink, subject, text);
    }
}

static void run_open(struct nw_task *task)
{
    struct nw_hub_sink *sink = SINK_OF(task, open_task);

    nw_hub_listen(sink->hub, &sink->listener);
}

void nw_hub_sink_open(struct nw_hub_sink *sink, struct nw_endpoint *endpoint,
                      const struct nw_endpoint_config *config, const struct nw_hub_sink_ops *ops)
{
    sink->endpoint = endpoint;
    sink->config = config;
    sink->ops = ops;
    sink->hub = config->connection;
    sink->listener.ready = on_ready;
    sink->listener.down = on_down;
    sink->listener.feed = on_feed;
    sink->listener.denied = on_denied;
    sink->open_task.run = run_open;
    nw_endpoint_state(endpoint, NW_STATE_CONNECTING, NULL);
    nw_loop_post(sink->hub->loop, &sink->open_task);
}

static void run_close(struct nw_task *task)
{
    struct nw_hub_sink *sink = SINK_OF(task, close_task);
    struct nw_endpoint *endpoint = sink->endpoint;

    nw_hub_unlisten(&sink->listener);
    sink->ready = false;
    return_queue(sink, NW_CAUSE_STOPPING, "the route stops");
    nw_requester_cancel(sink->hub->requester, &sink->client);
    nw_hub_sink_flush(sink);
    free(sink->queue);
    sink->ops->closed(sink);
    nw_closed(endpoint);
}

void nw_hub_sink_close(void *state)
{
    struct nw_hub_sink *sink = state;

    sink->close_task.run = run_close;
    nw_loop_post(sink->hub->loop, &sink->close_task);
}
