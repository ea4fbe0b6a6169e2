/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source `nats: subject`. Core NATS does not wait, so what comes without credit waits here, up
 * to a bound; beyond it messages are lost, and counted. With `reply: true` whoever asked gets the
 * route's answer, or an error in the way of NATS services.
 *
 * Threads: the subscription and the settling live on the loop thread. The waiting messages are
 * offered from the loop (new ones) and from the worker (new credit), under lock; stop() takes it
 * too, so that nothing is offered after it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hub/connection.h"
#include "hub/nats_ends.h"
#include "hub/publish.h"
#include "hub/receive.h"
#include "hub/settle.h"
#include "hub/subject.h"
#include "hub/token.h"

#define WAITING_MAX 65536
#define OFFER 128

struct nats_source_options {
    const char *queue;
    bool reply;
    int64_t timeout_ms;
};

struct nats_source {
    struct nw_endpoint *endpoint;
    const struct nw_endpoint_config *config;
    const struct nats_source_options *options;
    struct nw_hub *hub;
    struct nw_listener listener;
    struct nw_task open_task, stop_task, close_task;
    natsSubscription *sub; /* loop thread */
    char denied[200];

    pthread_mutex_t lock; /* guards what follows */
    bool stopped;
    natsMsg **waiting; /* a ring of WAITING_MAX, made when first needed */
    size_t head, count, bytes;
    uint64_t number;
    char prefix[NW_TOKEN_RANDOM + 8];
};

static const struct nw_option rows[] = {
    {.name = "queue",
     .type = NW_OPTION_TEXT,
     .offset = offsetof(struct nats_source_options, queue),
     .doc = "queue group: its members share the messages"},
    {.name = "reply",
     .type = NW_OPTION_BOOL,
     .offset = offsetof(struct nats_source_options, reply),
     .standard = "false",
     .doc = "answer requests with the route's reply"},
    {.name = "timeout",
     .type = NW_OPTION_DURATION,
     .offset = offsetof(struct nats_source_options, timeout_ms),
     .standard = "5s",
     .min = 1,
     .max = 24 * 3600 * 1000,
     .doc = "with reply: how long the answer may take; not given: as long as the target may, if "
            "that is given and longer"},
    {.name = NULL},
};

#define SOURCE_OF(pointer, member) \
    ((struct nats_source *)((char *)(pointer)-offsetof(struct nats_source, member)))

/* ---- offering; lock held ---- */

static struct nw_message *make_message(struct nats_source *s, natsMsg *msg)
{
    struct nw_message *m = nw_receive(s->endpoint, msg, false, 0);
    char origin[64];
    int n;

    if (m == NULL) {
        return NULL;
    }
    n = snprintf(origin, sizeof origin, "%s/%llu", s->prefix, (unsigned long long)++s->number);
    nw_message_set_address(m, nw_slice_text(natsMsg_GetSubject(msg)));
    nw_message_set_origin(m, nw_message_copy(m, origin, (size_t)n));
    nw_message_set_cookie(m, (uintptr_t)msg);
    if (s->options->reply && natsMsg_GetReply(msg) != NULL) {
        nw_message_set_deadline(m, nw_clock_monotonic_ns() +
                                       s->options->timeout_ms * NW_MILLISECOND_NS);
    }
    return m;
}

static natsMsg *pop(struct nats_source *s)
{
    natsMsg *msg = s->waiting[s->head];

    s->head = (s->head + 1) % WAITING_MAX;
    s->count--;
    s->bytes -= (size_t)natsMsg_GetDataLength(msg);
    return msg;
}

static void offer_waiting(struct nats_source *s)
{
    struct nw_message *batch[OFFER];
    size_t credit, n;

    while (!s->stopped && s->count > 0 &&
           (credit = nw_credit_take(s->endpoint, s->count < OFFER ? s->count : OFFER)) > 0) {
        size_t failed = 0;
        for (n = 0; n + failed < credit;) {
            natsMsg *msg = pop(s);
            batch[n] = make_message(s, msg);
            if (batch[n] == NULL) {
                natsMsg_Destroy(msg);
                failed++;
            } else {
                n++;
            }
        }
        nw_offer(s->endpoint, batch, n);
        if (failed > 0) {
            nw_credit_return(s->endpoint, failed);
            nw_lost(s->endpoint, failed, "out of memory");
        }
    }
}

/* ---- loop thread ---- */

/* false: there is no room. */
static bool push(struct nats_source *s, natsMsg *msg)
{
    size_t len = (size_t)natsMsg_GetDataLength(msg);

    if (s->waiting == NULL) {
        s->waiting = malloc(WAITING_MAX * sizeof(natsMsg *));
    }
    if (s->waiting == NULL || s->count == WAITING_MAX ||
        (s->count > 0 && s->bytes + len > s->config->memory)) {
        natsMsg_Destroy(msg);
        return false;
    }
    s->waiting[(s->head + s->count++) % WAITING_MAX] = msg;
    s->bytes += len;
    return true;
}

static void on_received(struct nw_listener *listener)
{
    struct nats_source *s = SOURCE_OF(listener, listener);
    uint64_t there = 0, lost = 0;
    natsMsg *msg;

    if (s->sub == NULL || natsSubscription_QueuedMsgs(s->sub, &there) != NATS_OK || there == 0) {
        return;
    }
    (void)pthread_mutex_lock(&s->lock);
    for (; there > 0; there--) {
        if (natsSubscription_NextMsg(&msg, s->sub, 0) == NATS_OK && !push(s, msg)) {
            lost++;
        }
    }
    offer_waiting(s);
    (void)pthread_mutex_unlock(&s->lock);
    if (lost > 0) {
        nw_lost(s->endpoint, lost,
                "core NATS does not wait, and more came than the route could take");
    }
}

static void on_up(struct nw_listener *listener)
{
    struct nats_source *s = SOURCE_OF(listener, listener);
    const char *subject = s->config->address, *queue = s->options->queue;
    natsStatus st;

    s->denied[0] = '\0';
    st = queue == NULL ? natsConnection_SubscribeSync(&s->sub, s->hub->nc, subject)
                       : natsConnection_QueueSubscribeSync(&s->sub, s->hub->nc, subject, queue);
    if (st == NATS_OK) {
        st = natsSubscription_SetPendingLimits(s->sub, -1, -1);
    }
    if (st != NATS_OK) {
        (void)snprintf(s->denied, sizeof s->denied, "cannot subscribe: %s", natsStatus_GetText(st));
    }
}

static void on_ready(struct nw_listener *listener)
{
    struct nats_source *s = SOURCE_OF(listener, listener);

    if (s->denied[0] == '\0') {
        nw_endpoint_state(s->endpoint, NW_STATE_READY, NULL);
    } else {
        nw_endpoint_state(s->endpoint, NW_STATE_DOWN, s->denied);
    }
}

static void unsubscribe(struct nats_source *s)
{
    natsSubscription_Destroy(s->sub);
    s->sub = NULL;
}

static void on_down(struct nw_listener *listener, const char *text)
{
    struct nats_source *s = SOURCE_OF(listener, listener);
    char why[256];

    unsubscribe(s);
    (void)snprintf(why, sizeof why, "NATS: %.240s", text);
    nw_endpoint_state(s->endpoint, NW_STATE_CONNECTING, why); /* the connection says it once */
}

static void on_denied(struct nw_listener *listener, bool publish, struct nw_slice subject,
                      const char *text)
{
    struct nats_source *s = SOURCE_OF(listener, listener);

    if (!publish && nw_slice_equal(subject, nw_slice_text(s->config->address))) {
        (void)snprintf(s->denied, sizeof s->denied, "%.199s", text);
        nw_endpoint_state(s->endpoint, NW_STATE_DOWN, s->denied);
    }
}

static void run_open(struct nw_task *task)
{
    struct nats_source *s = SOURCE_OF(task, open_task);

    nw_hub_listen(s->hub, &s->listener);
}

static void run_stop(struct nw_task *task)
{
    struct nats_source *s = SOURCE_OF(task, stop_task);

    nw_hub_unlisten(&s->listener);
    unsubscribe(s);
}

static void run_close(struct nw_task *task)
{
    struct nats_source *s = SOURCE_OF(task, close_task);
    struct nw_endpoint *endpoint = s->endpoint;

    nw_hub_unlisten(&s->listener);
    unsubscribe(s);
    (void)pthread_mutex_lock(&s->lock);
    while (s->count > 0) {
        natsMsg_Destroy(pop(s));
    }
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_mutex_destroy(&s->lock);
    free(s->waiting);
    free(s);
    nw_closed(endpoint);
}

/* ---- answers ---- */

static int code_of(enum nw_cause cause)
{
    switch (cause) {
    case NW_CAUSE_MAPPING:
        return 422;
    case NW_CAUSE_REFUSED:
        return 400;
    case NW_CAUSE_TOO_LARGE:
        return 413;
    case NW_CAUSE_TIMEOUT:
        return 504;
    case NW_CAUSE_NO_RESPONDER:
    case NW_CAUSE_OUTAGE:
    case NW_CAUSE_STOPPING:
        return 503;
    case NW_CAUSE_NONE:
    default:
        return 500;
    }
}

static int code_of_settled(const struct nw_settled *item)
{
    int64_t status;

    if (item->reply != NULL && nw_message_number(item->reply, NW_META_STATUS, &status)) {
        return (int)status;
    }
    return code_of(item->cause);
}

static void answer(struct nats_source *s, const struct nw_settled *item)
{
    natsMsg *request = (natsMsg *)nw_message_cookie(item->message);
    const char *to = natsMsg_GetReply(request);
    struct nw_slice subject = nw_slice_text(to);
    struct nw_publication p = {.message = item->reply, .subject = subject, .bare = true};

    if (s->hub->nc == NULL || to == NULL || nw_subject_check(subject, NULL) != 0) {
        return;
    }
    if (item->outcome != NW_ACK) {
        p.error_code = code_of_settled(item);
        p.error = item->reason == NULL ? "not delivered" : item->reason;
    }
    if (item->reply != NULL) {
        if (nw_hub_publish(s->hub, &p) == NATS_MAX_PAYLOAD) {
            (void)nw_hub_publish_error(s->hub, to, 413, "the answer is too large");
        }
    } else if (p.error_code != 0) {
        (void)nw_hub_publish_error(s->hub, to, p.error_code, p.error);
    } else {
        (void)natsConnection_Publish(s->hub->nc, to, "", 0);
    }
}

static void take_settled(struct nw_settlement *b)
{
    for (size_t i = 0; i < b->count; i++) {
        answer(b->owner, &b->items[i]);
    }
    nw_settlement_free(b);
}

/* ---- the contract ---- */

static void settle(void *state, const struct nw_result *results, size_t n)
{
    struct nats_source *s = state;

    if (s->options->reply) {
        nw_settlement_post(s->hub->loop, results, n, s, take_settled);
    }
}

static void credit(void *state)
{
    struct nats_source *s = state;

    (void)pthread_mutex_lock(&s->lock);
    offer_waiting(s);
    (void)pthread_mutex_unlock(&s->lock);
}

static void stop(void *state)
{
    struct nats_source *s = state;

    (void)pthread_mutex_lock(&s->lock);
    s->stopped = true;
    (void)pthread_mutex_unlock(&s->lock);
    nw_loop_post(s->hub->loop, &s->stop_task);
}

static void close_source(void *state)
{
    struct nats_source *s = state;

    nw_loop_post(s->hub->loop, &s->close_task);
}

static int open_source(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                       void **state, struct nw_error *error)
{
    struct nats_source *s = calloc(1, sizeof *s);
    char token[NW_TOKEN_RANDOM];

    if (s == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    s->endpoint = endpoint;
    s->config = config;
    s->options = config->options;
    s->hub = config->connection;
    nw_token_random(token);
    (void)snprintf(s->prefix, sizeof s->prefix, "nats:%.12s", token);
    (void)pthread_mutex_init(&s->lock, NULL);
    s->listener.up = on_up;
    s->listener.ready = on_ready;
    s->listener.down = on_down;
    s->listener.received = on_received;
    s->listener.denied = on_denied;
    s->open_task.run = run_open;
    s->stop_task.run = run_stop;
    s->close_task.run = run_close;
    *state = s;
    nw_endpoint_state(endpoint, NW_STATE_CONNECTING, NULL);
    nw_loop_post(s->hub->loop, &s->open_task);
    return 0;
}

static void check(const char *address, const void *options, const void *connection_options,
                  struct nw_check *c)
{
    const struct nats_source_options *o = options;
    struct nw_error error;

    (void)connection_options;
    if (nw_subject_check_pattern(nw_slice_text(address == NULL ? "" : address), &error) != 0) {
        nw_check_error(c, NULL, "%s", error.text);
    }
    if (o->queue != NULL && nw_subject_check(nw_slice_text(o->queue), &error) != 0) {
        nw_check_error(c, "queue", "expected a word without blanks and wildcards");
    }
}

const struct nw_source_kind nw_nats_source = {
    .options = rows,
    .options_size = sizeof(struct nats_source_options),
    .address = NW_ADDRESS_SUBJECT,
    .has = NW_HAS(NW_META_KEY),
    .address_doc = "the subject to subscribe to, with NATS's wildcards",
    .promise =
        "none: core NATS has no confirmation; what comes while the route cannot take it is "
        "lost beyond 65,536 messages or the route's part of `memory` (up to 64 MiB), and counted",
    .check = check,
    .open = open_source,
    .credit = credit,
    .settle = settle,
    .stop = stop,
    .close = close_source,
};
