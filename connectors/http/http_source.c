/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The served endpoint: a lane's source. A request waits, suspended, from the moment it is offered
 * until it is settled; what settle says becomes its response.
 */
#include <stdio.h>
#include <stdlib.h>

#include "http_listener.h"
#include "http_text.h"

#define BATCH 64

static void check_respond(const struct http_respond *respond, struct nw_check *report)
{
    if (respond->body != 0 && (respond->status == 204 || respond->status == 304)) {
        nw_check_error(report, "respond.status", "a response with this status has no body");
    }
    for (size_t i = 0; i < respond->headers.count; i++) {
        struct nw_slice name = http_slice(respond->headers.names[i]);
        char option[120];
        snprintf(option, sizeof option, "respond.headers.%.100s", name.data);
        if (!http_header_name_valid(name) || http_name_equal(name, http_slice("Date")) ||
            !http_header_goes_out(name)) {
            nw_check_error(report, option, "this header cannot be set");
        }
    }
}

static void check(const char *address, const void *options, const void *connection_options,
                  struct nw_check *report)
{
    struct http_address parsed = http_address_parse(address);
    struct nw_error error;

    http_verify_check(&((const struct http_serve_options *)options)->verify, report);
    check_respond(&((const struct http_serve_options *)options)->respond, report);
    if (http_route_check(parsed.methods, parsed.target, &error) != 0) {
        nw_check_error(report, NULL, "%s", error.text);
    }
    if (connection_options == NULL) {
        nw_check_error(report, NULL,
                       "a served path needs a connection that says where to listen, like http: "
                       "{listen: \"127.0.0.1:8080\"}; if there are several, choose one with "
                       "connection:");
    }
}

static int source_open(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                       void **state, struct nw_error *error)
{
    struct http_source *source = calloc(1, sizeof *source);

    if (source == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    source->endpoint = endpoint;
    source->listener = config->connection;
    source->options = config->options;
    source->memory = config->memory;
    source->waiting.duration_ns =
        (source->options->timeout_ms + HTTP_SETTLE_GRACE_MS) * INT64_C(1000000);
    source->accepts = source->options->respond.when.index == HTTP_ACCEPTED;
    source->in_outage = config->spool;
    pthread_mutex_init(&source->offering, NULL);
    int rc = source->accepts || source->in_outage ? http_store_open(source, error) : 0;
    rc = rc != 0
             ? rc
             : http_listener_add(source->listener, source, config->address, config->route, error);
    if (rc != 0) {
        http_store_close(source->store);
        pthread_mutex_destroy(&source->offering);
        free(source);
        return rc;
    }
    *state = source;
    nw_endpoint_state(endpoint, NW_STATE_READY, NULL);
    return 0;
}

/* Requests without credit are answered at once, not kept: there is nothing to wake up. */
static void source_credit(void *state)
{
    (void)state;
}

/* ---- The loop's share ---- */

/* Answer what cannot be offered. */
static void turn_away(struct http_request *request, const char *why, bool stopping)
{
    struct http_peer *peer = request->peer;
    struct http_answer answer = {
        .status = 503, .retry_after_s = 1, .close = stopping, .text = http_slice(why)};

    http_peer_detach(peer);
    http_peer_answer(peer, &answer);
}

/* What cannot be offered now. */
static void put_off(struct http_source *source, struct http_request *request)
{
    if (source->store != NULL) {
        nw_message_ref(request->message); /* for the way back */
        http_store_put(source->store, request, request);
    } else {
        turn_away(request, "too many requests are waiting", false);
    }
}

/* Offer up to BATCH of them; returns what is left. */
static struct http_request *offer(struct http_source *source, struct http_request *first)
{
    struct nw_message *messages[BATCH];
    struct http_request *request = first;
    size_t n = 0;

    while (n < BATCH && request != NULL) {
        messages[n++] = request->message;
        request = request->next;
    }
    size_t granted = nw_credit_take(source->endpoint, n);
    for (size_t i = 0; i < granted; i++) {
        nw_message_ref(messages[i]); /* the pump's; ours is held until the answer is queued */
        http_request_uncount((struct http_request *)nw_message_cookie(messages[i]));
    }
    /* From here on the offered ones may be settled, and their `next` be in use. */
    if (granted > 0) {
        nw_offer(source->endpoint, messages, granted);
    }
    for (size_t i = granted; i < n; i++) {
        put_off(source, (struct http_request *)nw_message_cookie(messages[i]));
    }
    return request;
}

/* All of the batch to the spool. */
static void accept_all(struct http_source *source)
{
    struct http_request *first = source->batch_first, *last = source->batch_last;

    source->batch_first = source->batch_last = NULL;
    for (struct http_request *r = first; r != NULL; r = r->next) {
        nw_message_ref(r->message); /* for the way back */
    }
    http_store_put(source->store, first, last);
}

void http_source_flush(struct http_source *source)
{
    struct http_request *request = source->batch_first;

    if (request == NULL) {
        return;
    }
    if (source->accepts && !atomic_load(&source->closing)) {
        accept_all(source);
        return;
    }
    source->batch_first = source->batch_last = NULL;
    pthread_mutex_lock(&source->offering);
    while (request != NULL && !source->stopping) {
        request = offer(source, request);
    }
    pthread_mutex_unlock(&source->offering);
    while (request != NULL) {
        struct http_request *next = request->next;
        turn_away(request, "this route is stopping", true);
        request = next;
    }
}

static void cut_all(struct http_source *source, struct http_fifo *fifo)
{
    for (struct http_peer *peer = fifo->first; peer != NULL; peer = peer->next) {
        if (peer->source == source) {
            shutdown(peer->fd, SHUT_RDWR);
        }
    }
}

bool http_source_try_close(struct http_source *source)
{
    struct http_listener *l = source->listener;
    struct nw_endpoint *endpoint = source->endpoint;

    if (source->active > 0) {
        if (source->close_by_ns == 0) {
            source->close_by_ns = l->now_ns + INT64_C(1000000000);
        } else if (source->close_by_ns <= l->now_ns) {
            cut_all(source, &l->reading);
            cut_all(source, &l->sending);
            source->close_by_ns = l->now_ns + INT64_C(1000000000);
        }
        return false;
    }
    http_store_close(source->store);
    pthread_mutex_destroy(&source->offering);
    free(source);
    nw_closed(endpoint);
    return true;
}

/* ---- Called by the lane ---- */

static void settle_one(const struct nw_result *result, struct http_request *request)
{
    request->outcome = result->outcome;
    request->cause = result->cause;
    request->retry_after_ms = result->retry_after_ms;
    request->reply = NULL;
    request->reason = (struct nw_slice){NULL, 0};
    if (result->reply != NULL && result->outcome == NW_ACK) {
        request->reply = nw_message_ref(result->reply);
    }
    if (result->reason != NULL && result->outcome != NW_ACK) {
        request->reason = nw_message_copy(request->message, result->reason, strlen(result->reason));
    }
}

struct chain {
    struct http_request *first, *last;
};

static void add(struct chain *chain, struct http_request *request)
{
    request->next = NULL;
    *(chain->last == NULL ? &chain->first : &chain->last->next) = request;
    chain->last = request;
}

/* Can it not be delivered now, and is it to be kept? */
static bool is_kept(const struct http_source *source, const struct nw_result *result)
{
    return source->in_outage && result->outcome == NW_RETRY && result->cause == NW_CAUSE_OUTAGE &&
           result->reply == NULL;
}

static void source_settle(void *state, const struct nw_result *results, size_t n)
{
    struct http_source *source = state;
    struct chain settled = {0}, kept = {0};

    for (size_t i = 0; i < n; i++) {
        struct http_request *request = (struct http_request *)nw_message_cookie(results[i].message);
        nw_message_ref(results[i].message); /* until the loop has seen it */
        if (is_kept(source, &results[i])) {
            add(&kept, request);
        } else {
            settle_one(&results[i], request);
            add(&settled, request);
        }
    }
    if (kept.first != NULL) {
        http_store_put(source->store, kept.first, kept.last);
    }
    if (settled.first != NULL) {
        http_listener_settled(source->listener, settled.first, settled.last);
    }
}

static void source_stop(void *state)
{
    struct http_source *source = state;

    pthread_mutex_lock(&source->offering);
    source->stopping = true;
    pthread_mutex_unlock(&source->offering);
}

static void source_close(void *state)
{
    struct http_source *source = state;
    http_listener_remove(source->listener, source);
}

const struct nw_source_kind http_serve_kind = {
    .options = http_serve_rows,
    .options_size = sizeof(struct http_serve_options),
    .address = NW_ADDRESS_HTTP_PATH,
    .has = NW_HAS(NW_META_METHOD) | NW_HAS(NW_META_REMOTE) | NW_HAS(NW_META_PARAM) |
           NW_HAS(NW_META_QUERY),
    .address_doc =
        "what is served: METHOD /path/{param}; GET|POST for several, ANY for all; HEAD is "
        "answered where GET is",
    .promise =
        "answers 2xx only after every target has confirmed, or the request is in the spool where "
        "the route asks for it; a caller that repeats a delivery with its id (X-GitHub-Delivery, "
        "Idempotency-Key, …) is recognised",
    .check = check,
    .open = source_open,
    .credit = source_credit,
    .settle = source_settle,
    .stop = source_stop,
    .close = source_close,
};
