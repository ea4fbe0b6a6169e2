/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The called endpoint: a lane's sink. Each message becomes one request; its status decides what
 * becomes of the message. The lane's thread only chains what is sent into the inbox; the rest runs
 * on the client's thread.
 */
#include <pthread.h>
#include <stdlib.h>

#include "http_remote.h"

#define USUAL_CONCURRENCY 16
#define BATCH 64
#define REASON_SIZE 400

struct http_call {
    struct http_exchange *exchange;
    struct nw_message *message;
    struct nw_result result;
    struct http_call *next, *previous; /* in one of the sink's lists */
    char reason[REASON_SIZE];
};

struct http_sink {
    struct http_caller caller; /* first */
    struct nw_endpoint *endpoint;
    const struct http_call_options *options;
    struct http_codes ok, retry_on;
    bool wants_reply;
    /* The client's thread. */
    struct http_call *idle, *running, *finished;
    enum nw_state state;
    /* Under the lock: messages chained by their cookies. */
    pthread_mutex_t lock;
    struct nw_message *first, *last;
};

/* ---- Outcomes ---- */

static void say_state(struct http_sink *sink, enum nw_state state, const char *text)
{
    if (sink->state != state) {
        sink->state = state;
        nw_endpoint_state(sink->endpoint, state, text);
    }
}

/* Whoever waits gets the refusal as it came, with its status and its bytes. */
static void add_refusal(struct http_sink *sink, struct http_call *call)
{
    if (sink->wants_reply && nw_message_deadline(call->message) != 0) {
        call->result.reply = http_exchange_message(call->exchange, sink->endpoint);
    }
}

static void judge_answer(struct http_sink *sink, struct http_call *call)
{
    long status = http_exchange_status(call->exchange);
    struct nw_result *result = &call->result;

    if (http_codes_has(&sink->ok, status)) {
        result->outcome = NW_ACK;
        if (sink->wants_reply) {
            result->reply = http_exchange_message(call->exchange, sink->endpoint);
        }
        if (sink->wants_reply && result->reply == NULL) {
            result->outcome = NW_RETRY;
            result->cause = NW_CAUSE_OUTAGE;
        }
    } else if (http_codes_has(&sink->retry_on, status)) {
        result->outcome = NW_RETRY;
        result->cause = NW_CAUSE_OUTAGE;
        result->retry_after_ms = http_exchange_retry_after_ms(call->exchange);
        add_refusal(sink, call);
    } else {
        result->outcome = NW_REJECT;
        result->cause = status == 413 ? NW_CAUSE_TOO_LARGE : NW_CAUSE_REFUSED;
        add_refusal(sink, call);
    }
}

static void judge_failure(struct http_call *call, CURLcode code)
{
    struct nw_result *result = &call->result;

    if (call->exchange->is_too_large) {
        result->outcome = NW_REJECT;
        result->cause = NW_CAUSE_TOO_LARGE;
    } else if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
        result->outcome = NW_REJECT;
        result->cause = NW_CAUSE_REFUSED;
    } else {
        result->outcome = NW_RETRY;
        result->cause = code == CURLE_OPERATION_TIMEDOUT ? NW_CAUSE_TIMEOUT : NW_CAUSE_OUTAGE;
    }
}

/* ---- Lists of calls ---- */

static void push(struct http_call **list, struct http_call *call)
{
    call->previous = NULL;
    call->next = *list;
    if (*list != NULL) {
        (*list)->previous = call;
    }
    *list = call;
}

static void take_out(struct http_call **list, struct http_call *call)
{
    *(call->previous == NULL ? list : &call->previous->next) = call->next;
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
}

static void free_calls(struct http_call *call)
{
    while (call != NULL) {
        struct http_call *next = call->next;
        http_exchange_free(call->exchange);
        free(call);
        call = next;
    }
}

/* The reasons live in the calls until nw_done has copied them. */
static void flush(struct http_caller *caller)
{
    struct http_sink *sink = (struct http_sink *)caller;
    struct nw_result results[BATCH];

    while (sink->finished != NULL) {
        size_t n = 0;
        struct http_call *done = NULL;
        while (sink->finished != NULL && n < BATCH) {
            struct http_call *call = sink->finished;
            take_out(&sink->finished, call);
            results[n++] = call->result;
            push(&done, call);
        }
        nw_done(sink->endpoint, results, n);
        while (done != NULL) {
            struct http_call *call = done;
            take_out(&done, call);
            push(&sink->idle, call);
        }
    }
}

static void finish(struct http_sink *sink, struct http_call *call)
{
    if (call->result.outcome != NW_ACK) {
        call->result.reason = call->reason;
    }
    push(&sink->finished, call);
    http_client_touch(&sink->caller);
}

static void finished(struct http_transfer *transfer, CURLcode code)
{
    struct http_sink *sink = (struct http_sink *)transfer->caller;
    struct http_call *call = transfer->owner;

    take_out(&sink->running, call);
    call->result = (struct nw_result){.message = call->message};
    if (code == CURLE_OK) {
        judge_answer(sink, call);
    } else {
        judge_failure(call, code);
    }
    if (call->result.outcome != NW_ACK) {
        http_exchange_describe(call->exchange, code, call->reason, sizeof call->reason);
    }
    /* Whoever waits for an answer is told; the route only shows what holds it. */
    if (call->result.outcome != NW_RETRY) {
        say_state(sink, NW_STATE_READY, NULL);
    } else if (nw_message_deadline(call->message) == 0) {
        say_state(sink, NW_STATE_DOWN, call->reason);
    }
    finish(sink, call);
}

/* ---- From a message to a request ---- */

static bool is_replaced(const struct nw_pairs *headers, struct nw_slice name)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (http_name_equal(http_slice(headers->names[i]), name)) {
            return true;
        }
    }
    return false;
}

static int add_headers(struct http_sink *sink, struct http_exchange *x, const struct nw_message *m)
{
    const struct nw_pairs *set = &sink->options->headers;
    struct nw_slice name, value;
    int rc = 0;

    for (size_t i = 0; i < nw_message_header_count(m) && rc == 0; i++) {
        nw_message_header(m, i, &name, &value);
        if (http_header_goes_out(name) && !is_replaced(set, name)) {
            rc = http_exchange_add_header(x, name, value);
        }
    }
    for (size_t i = 0; i < set->count && rc == 0; i++) {
        rc = http_exchange_add_header(x, http_slice(set->names[i]),
                                      nw_message_value(m, set->slots[i]));
    }
    if (rc == 0 && x->sends_body && !http_exchange_has_header(x, "Content-Type")) {
        rc = http_exchange_add_header(x, http_slice("Content-Type"),
                                      http_slice(http_content_type_guess(nw_message_payload(m))));
    }
    return rc != 0 ? rc : http_exchange_stop_expecting(x);
}

static int64_t time_for(const struct http_sink *sink, const struct nw_message *m)
{
    int64_t timeout_ms = sink->options->remote.timeout_ms;
    int64_t deadline_ns = nw_message_deadline(m);

    if (deadline_ns != 0) {
        int64_t left_ms = (deadline_ns - nw_clock_monotonic_ns()) / 1000000;
        timeout_ms = left_ms < timeout_ms ? left_ms : timeout_ms;
    }
    return timeout_ms < 1 ? 1 : timeout_ms;
}

static struct http_call *take_idle(struct http_sink *sink)
{
    struct http_call *call = sink->idle;

    if (call != NULL) {
        take_out(&sink->idle, call);
        return call;
    }
    call = calloc(1, sizeof *call);
    if (call == NULL) {
        return NULL;
    }
    call->exchange = http_exchange_new(&sink->caller, &sink->options->remote);
    if (call->exchange == NULL) {
        free(call);
        return NULL;
    }
    call->exchange->transfer.owner = call;
    call->exchange->transfer.finished = finished;
    call->exchange->wants_body = sink->wants_reply;
    return call;
}

static void start(struct http_sink *sink, struct nw_message *m)
{
    struct http_call *call = take_idle(sink);

    if (call == NULL) {
        struct nw_result result = {m, NW_RETRY, NW_CAUSE_OUTAGE, 0, "out of memory", NULL};
        nw_done(sink->endpoint, &result, 1);
        return;
    }
    struct http_exchange *x = call->exchange;
    call->message = m;
    http_exchange_clear(x);
    int rc = http_exchange_set_address(x, nw_message_address(m), "POST");
    rc = rc != 0 ? rc : add_headers(sink, x, m);
    if (rc == 0) {
        http_exchange_set_body(x, nw_message_payload(m));
        rc = http_exchange_start(x, time_for(sink, m));
    }
    if (rc == 0) {
        push(&sink->running, call);
        return;
    }
    bool refused = rc == NW_EINVAL;
    call->result = (struct nw_result){.message = m,
                                      .outcome = refused ? NW_REJECT : NW_RETRY,
                                      .cause = refused ? NW_CAUSE_REFUSED : NW_CAUSE_OUTAGE};
    strcpy(call->reason, refused ? "the address is no \"METHOD http(s)://…\""
                                 : "the request could not be started");
    finish(sink, call);
}

/* ---- Work on the client's thread ---- */

static struct nw_message *take_inbox(struct http_sink *sink)
{
    pthread_mutex_lock(&sink->lock);
    struct nw_message *first = sink->first;
    sink->first = sink->last = NULL;
    pthread_mutex_unlock(&sink->lock);
    return first;
}

static void give_back(struct http_sink *sink, struct nw_message *m)
{
    struct nw_result result = {m, NW_RETRY, NW_CAUSE_STOPPING, 0, "the bridge is stopping", NULL};
    nw_done(sink->endpoint, &result, 1);
}

static void end(struct http_sink *sink)
{
    struct nw_endpoint *endpoint = sink->endpoint;

    while (sink->running != NULL) {
        struct http_call *call = sink->running;
        http_client_cancel(&call->exchange->transfer);
        take_out(&sink->running, call);
        give_back(sink, call->message);
        push(&sink->idle, call);
    }
    flush(&sink->caller);
    free_calls(sink->idle);
    http_client_leave(&sink->caller);
    pthread_mutex_destroy(&sink->lock);
    free(sink);
    nw_closed(endpoint);
}

static void work(struct http_caller *caller)
{
    struct http_sink *sink = (struct http_sink *)caller;
    struct nw_message *m = take_inbox(sink);

    while (m != NULL) {
        struct nw_message *next = (struct nw_message *)nw_message_cookie(m);
        if (caller->ends) {
            give_back(sink, m);
        } else {
            start(sink, m);
        }
        m = next;
    }
    if (caller->ends) {
        end(sink);
    }
}

/* ---- Called by the lane ---- */

static void check(const char *address, const void *options, const void *connection_options,
                  struct nw_check *report)
{
    const struct http_call_options *call = options;
    struct http_codes codes;
    struct nw_error error;

    (void)connection_options;
    struct http_address parsed = http_address_parse(address);
    if (strncmp(parsed.target, "http://", 7) != 0 && strncmp(parsed.target, "https://", 8) != 0 &&
        strncmp(parsed.target, "{{", 2) != 0 && strstr(address, "}}") == NULL) {
        nw_check_error(report, NULL, "expected a method and a URL, like \"POST https://…\"");
    }
    if (http_codes_parse(&call->ok, &codes, &error) != 0) {
        nw_check_error(report, "ok", "%s", error.text);
    }
    if (http_codes_parse(&call->retry_on, &codes, &error) != 0) {
        nw_check_error(report, "retry_on", "%s", error.text);
    }
    http_remote_check(&call->remote, report);
}

static int choose_window(struct http_sink *sink, const struct nw_endpoint_config *config,
                         struct nw_error *error)
{
    int64_t concurrency = sink->options->concurrency;

    if (config->order == NW_ORDER_STRICT) {
        if (concurrency > 1) {
            return nw_error_set(error, NW_EINVAL,
                                "concurrency %lld cannot keep the order: set order: relaxed or "
                                "order: key",
                                (long long)concurrency);
        }
        concurrency = 1;
    } else if (concurrency == 0) {
        concurrency = USUAL_CONCURRENCY;
    }
    nw_sink_window(sink->endpoint, (size_t)concurrency);
    return 0;
}

static int sink_open(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                     void **state, struct nw_error *error)
{
    struct http_sink *sink = calloc(1, sizeof *sink);

    if (sink == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    sink->endpoint = endpoint;
    sink->options = config->options;
    sink->wants_reply = config->reply;
    sink->caller.work = work;
    sink->caller.flush = flush;
    int rc = http_codes_parse(&sink->options->ok, &sink->ok, error);
    rc = rc != 0 ? rc : http_codes_parse(&sink->options->retry_on, &sink->retry_on, error);
    rc = rc != 0 ? rc : choose_window(sink, config, error);
    rc = rc != 0 ? rc : http_client_join(&sink->caller, error);
    if (rc != 0) {
        free(sink);
        return rc;
    }
    pthread_mutex_init(&sink->lock, NULL);
    *state = sink;
    /* There is nothing to connect to before there is something to say. */
    sink->state = NW_STATE_READY;
    nw_endpoint_state(endpoint, NW_STATE_READY, NULL);
    return 0;
}

static void sink_send(void *state, struct nw_message *const *messages, size_t n)
{
    struct http_sink *sink = state;

    for (size_t i = 0; i < n; i++) {
        nw_message_set_cookie(messages[i], i + 1 < n ? (uintptr_t)messages[i + 1] : 0);
    }
    pthread_mutex_lock(&sink->lock);
    if (sink->last == NULL) {
        sink->first = messages[0];
    } else {
        nw_message_set_cookie(sink->last, (uintptr_t)messages[0]);
    }
    sink->last = messages[n - 1];
    pthread_mutex_unlock(&sink->lock);
    http_client_wake(&sink->caller);
}

static void sink_close(void *state)
{
    http_client_end(&((struct http_sink *)state)->caller);
}

const struct nw_sink_kind http_call_kind = {
    .options = http_call_rows,
    .options_size = sizeof(struct http_call_options),
    .address = NW_FILL_URL,
    .address_doc = "what is called: METHOD http(s)://host/path, a template; POST if left out",
    .promise = "a message is confirmed by a status of `ok`; one of `retry_on`, or no answer, is "
               "tried again; any other rejects it",
    .check = check,
    .open = sink_open,
    .send = sink_send,
    .close = sink_close,
};
