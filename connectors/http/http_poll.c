/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The polled endpoint: a lane's source that asks a URL at intervals. One answer is on its way at a
 * time; the next question is asked when it is settled. What identifies the newest settled answer
 * (ETag, Last-Modified) is kept in the route's state, so that a restart does not repeat it.
 *
 * All but open, settle, stop and close runs on the client's thread.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "http_remote.h"

#define STATE_KEY "http.poll"
#define LONGEST_MARK 1000 /* of an ETag or date that is remembered */

/* What is known of the newest answer. `number` counts settled answers for ever: with it an answer
 * that comes again after a crash has the id that it had, and one that is equal to an older one has
 * an id of its own. */
struct mark {
    uint64_t number;
    char etag[LONGEST_MARK], modified[LONGEST_MARK];
};

struct http_poll {
    struct http_caller caller; /* first */
    struct nw_endpoint *endpoint;
    const struct http_poll_options *options;
    const char *address;
    /* The client's thread. */
    struct http_exchange *exchange;
    bool running;
    int64_t next_ns;
    struct nw_message *unoffered; /* waits for credit */
    /* Held also while offering, so that stop() returns only between offers. */
    pthread_mutex_t lock;
    struct mark settled, offered;
    bool outstanding, stopping;
};

/* ---- The mark, as it is kept ---- */

static void read_mark(struct http_poll *poll)
{
    void *data = NULL;
    size_t len;

    if (nw_state_read(poll->endpoint, STATE_KEY, &data, &len) != 0) {
        return;
    }
    char text[2 * LONGEST_MARK + 40];
    snprintf(text, sizeof text, "%.*s", (int)len, (const char *)data);
    free(data);
    char *etag = strchr(text, '\n');
    char *modified = etag == NULL ? NULL : strchr(etag + 1, '\n');
    if (modified != NULL) {
        *modified = '\0';
        poll->settled.number = strtoull(text, NULL, 10);
        snprintf(poll->settled.etag, LONGEST_MARK, "%s", etag + 1);
        snprintf(poll->settled.modified, LONGEST_MARK, "%s", modified + 1);
    }
}

static void write_mark(struct http_poll *poll)
{
    char text[2 * LONGEST_MARK + 40];
    int len = snprintf(text, sizeof text, "%" PRIu64 "\n%s\n%s", poll->settled.number,
                       poll->settled.etag, poll->settled.modified);
    nw_state_write(poll->endpoint, STATE_KEY, text, (size_t)len);
}

/* Too long to be kept: rather asked again than remembered in part. */
static void remember(const struct http_exchange *x, const char *name, char *out)
{
    struct curl_header *header = NULL;

    out[0] = '\0';
    if (curl_easy_header(x->transfer.easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
        strlen(header->value) < LONGEST_MARK) {
        strcpy(out, header->value);
    }
}

/* ---- Offering ---- */

static void offer(struct http_poll *poll)
{
    pthread_mutex_lock(&poll->lock);
    if (poll->stopping) {
        nw_message_unref(poll->unoffered);
        poll->unoffered = NULL;
    } else if (nw_credit_take(poll->endpoint, 1) == 1) {
        poll->outstanding = true;
        nw_offer(poll->endpoint, &poll->unoffered, 1);
        poll->unoffered = NULL;
    } /* else credit() wakes us */
    pthread_mutex_unlock(&poll->lock);
}

static uint64_t hash(struct nw_slice bytes)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a: tells contents apart, keeps no secret */

    for (size_t i = 0; i < bytes.len; i++) {
        h = (h ^ (unsigned char)bytes.data[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

static int describe(struct http_poll *poll, struct nw_message *m)
{
    char url[300], origin[400];
    const char *target = http_address_parse(poll->address).target;
    const char *path = strstr(target, "://");

    path = path == NULL ? NULL : strchr(path + 3, '/');
    struct nw_slice address =
        path == NULL ? http_slice("/") : (struct nw_slice){path, strcspn(path, "?#")};
    http_url_public(target, url, sizeof url);
    int len = snprintf(origin, sizeof origin, "http:%s#%" PRIu64 ".%016" PRIx64, url,
                       poll->offered.number, hash(nw_message_payload(m)));
    struct nw_slice kept = nw_message_copy(m, origin, (size_t)len);
    nw_message_set_address(m, address); /* the configuration's: it lives longer */
    nw_message_set_origin(m, kept);
    return kept.data == NULL ? NW_ENOMEM : 0;
}

static void take_answer(struct http_poll *poll)
{
    struct nw_message *m = http_exchange_message(poll->exchange, poll->endpoint);

    pthread_mutex_lock(&poll->lock);
    poll->offered.number = poll->settled.number + 1;
    pthread_mutex_unlock(&poll->lock);
    remember(poll->exchange, "ETag", poll->offered.etag);
    remember(poll->exchange, "Last-Modified", poll->offered.modified);
    if (m == NULL || describe(poll, m) != 0) {
        nw_message_unref(m);
        return; /* out of memory: asked again at the next interval */
    }
    poll->unoffered = m;
    offer(poll);
}

/* ---- Asking ---- */

static void finished(struct http_transfer *transfer, CURLcode code)
{
    struct http_poll *poll = (struct http_poll *)transfer->caller;
    long status = http_exchange_status(poll->exchange);
    int64_t wait_ns = http_exchange_retry_after_ms(poll->exchange) * INT64_C(1000000);
    int64_t now_ns = nw_clock_monotonic_ns();

    poll->running = false;
    if (code == CURLE_OK && (status == 304 || (status >= 200 && status <= 299))) {
        nw_endpoint_state(poll->endpoint, NW_STATE_READY, NULL);
        if (status != 304) {
            take_answer(poll);
        }
    } else {
        char text[400];
        http_exchange_describe(poll->exchange, code, text, sizeof text);
        nw_endpoint_state(poll->endpoint, NW_STATE_DOWN, text);
        if (poll->next_ns < now_ns + wait_ns) {
            poll->next_ns = now_ns + wait_ns;
        }
    }
    poll->caller.due_ns = poll->next_ns;
}

static int fill(struct http_poll *poll)
{
    struct http_exchange *x = poll->exchange;
    const struct nw_pairs *headers = &poll->options->headers;

    http_exchange_clear(x);
    int rc = http_exchange_set_address(x, http_slice(poll->address), "GET");
    for (size_t i = 0; i < headers->count && rc == 0; i++) {
        rc = http_exchange_add_header(x, http_slice(headers->names[i]),
                                      http_slice(headers->texts[i]));
    }
    pthread_mutex_lock(&poll->lock);
    struct mark mark = poll->settled;
    pthread_mutex_unlock(&poll->lock);
    if (rc == 0 && poll->options->etag && mark.etag[0] != '\0') {
        rc = http_exchange_add_header(x, http_slice("If-None-Match"), http_slice(mark.etag));
    }
    if (rc == 0 && poll->options->etag && mark.modified[0] != '\0') {
        rc =
            http_exchange_add_header(x, http_slice("If-Modified-Since"), http_slice(mark.modified));
    }
    http_exchange_set_body(x, (struct nw_slice){"", 0});
    return rc;
}

static void ask(struct http_poll *poll)
{
    poll->next_ns = nw_clock_monotonic_ns() + poll->options->every_ms * INT64_C(1000000);
    if (fill(poll) == 0 &&
        http_exchange_start(poll->exchange, poll->options->remote.timeout_ms) == 0) {
        poll->running = true;
    } else {
        poll->caller.due_ns = poll->next_ns;
    }
}

static void end(struct http_poll *poll)
{
    struct nw_endpoint *endpoint = poll->endpoint;

    if (poll->running) {
        http_client_cancel(&poll->exchange->transfer);
    }
    nw_message_unref(poll->unoffered);
    http_exchange_free(poll->exchange);
    http_client_leave(&poll->caller);
    pthread_mutex_destroy(&poll->lock);
    free(poll);
    nw_closed(endpoint);
}

static void work(struct http_caller *caller)
{
    struct http_poll *poll = (struct http_poll *)caller;

    pthread_mutex_lock(&poll->lock);
    bool rests = poll->stopping || poll->outstanding;
    pthread_mutex_unlock(&poll->lock);
    if (caller->ends) {
        end(poll);
    } else if (poll->unoffered != NULL) {
        offer(poll);
    } else if (!rests && !poll->running) {
        if (nw_clock_monotonic_ns() >= poll->next_ns) {
            ask(poll);
        } else {
            poll->caller.due_ns = poll->next_ns;
        }
    }
}

static void flush(struct http_caller *caller)
{
    (void)caller;
}

/* ---- Called by the lane ---- */

static void check(const char *address, const void *options, const void *connection_options,
                  struct nw_check *report)
{
    const struct http_poll_options *poll = options;
    struct http_address parsed = http_address_parse(address);

    (void)connection_options;
    if (strncmp(parsed.target, "http://", 7) != 0 && strncmp(parsed.target, "https://", 8) != 0) {
        nw_check_error(report, NULL, "expected a method and a URL, like \"GET https://…\"");
    }
    http_remote_check(&poll->remote, report);
}

static int poll_open(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                     void **state, struct nw_error *error)
{
    struct http_poll *poll = calloc(1, sizeof *poll);

    if (poll == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    poll->endpoint = endpoint;
    poll->options = config->options;
    poll->address = config->address;
    poll->caller.work = work;
    poll->caller.flush = flush;
    poll->exchange = http_exchange_new(&poll->caller, &poll->options->remote);
    int rc = poll->exchange == NULL ? nw_error_set(error, NW_ENOMEM, "out of memory")
                                    : http_client_join(&poll->caller, error);
    if (rc != 0) {
        http_exchange_free(poll->exchange);
        free(poll);
        return rc;
    }
    poll->exchange->transfer.finished = finished;
    poll->exchange->wants_body = true;
    pthread_mutex_init(&poll->lock, NULL);
    read_mark(poll);
    *state = poll;
    if (config->lane > 0) {
        poll->stopping = true; /* one lane asks; more would only repeat it */
        nw_endpoint_state(endpoint, NW_STATE_READY, NULL);
    }
    http_client_wake(&poll->caller);
    return 0;
}

static void poll_credit(void *state)
{
    http_client_wake(&((struct http_poll *)state)->caller);
}

static void poll_settle(void *state, const struct nw_result *results, size_t n)
{
    struct http_poll *poll = state;

    pthread_mutex_lock(&poll->lock);
    for (size_t i = 0; i < n; i++) {
        poll->outstanding = false;
        if (results[i].outcome == NW_ACK) {
            poll->settled = poll->offered;
            write_mark(poll);
        }
    }
    pthread_mutex_unlock(&poll->lock);
    http_client_wake(&poll->caller);
}

static void poll_stop(void *state)
{
    struct http_poll *poll = state;

    pthread_mutex_lock(&poll->lock);
    poll->stopping = true;
    pthread_mutex_unlock(&poll->lock);
}

static void poll_close(void *state)
{
    http_client_end(&((struct http_poll *)state)->caller);
}

const struct nw_source_kind http_poll_kind = {
    .options = http_poll_rows,
    .options_size = sizeof(struct http_poll_options),
    .address = NW_ADDRESS_HTTP_PATH,
    .has = NW_HAS(NW_META_STATUS),
    .address_doc = "what is asked: METHOD http(s)://host/path; GET if left out",
    .promise =
        "every answer that is taken is delivered; changes between two questions are not seen",
    .check = check,
    .open = poll_open,
    .credit = poll_credit,
    .settle = poll_settle,
    .stop = poll_stop,
    .close = poll_close,
};
