/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP: served to many callers who repeat what was not confirmed; asked at intervals; called. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "support/fail.h"
#include "support/http_client.h"
#include "support/http_server.h"
#include "support/port.h"
#include "support/wait.h"

const char *const nwc_connector = "http";

/* ---- served: each caller has one request under way, so there are more than credit is for ---- */

#define CALLERS 70

static char served[100], address[100];
static pthread_t callers[CALLERS];
static size_t caller_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static size_t next_number, last_number;
static const char *test_name;
static atomic_bool ending;

static void start(struct nwt_folder *folder)
{
    int port = nwt_port_free();

    (void)folder;
    (void)snprintf(served, sizeof served, "http: {listen: \"127.0.0.1:%d\"}", port);
    (void)snprintf(address, sizeof address, "http://127.0.0.1:%d", port);
}

static void begin_served(const char *name)
{
    next_number = last_number = caller_count = 0;
    test_name = name;
    atomic_store(&ending, false);
}

/* False when there is none. */
static bool take_number(size_t *number)
{
    bool any;

    (void)pthread_mutex_lock(&lock);
    any = next_number < last_number;
    if (any) {
        *number = next_number++;
    }
    (void)pthread_mutex_unlock(&lock);
    return any;
}

/* Until it is confirmed. The delivery's id is the same each time. */
static void post(size_t number)
{
    struct nwc_text payload = nwc_payload(number);
    char url[200], header[64], id[100];
    const char *headers[] = {header, id, NULL};
    int status = 0;

    (void)snprintf(url, sizeof url, "%s/%s/%zu", address, test_name, number);
    (void)snprintf(header, sizeof header, NWC_HEADER ": %zu", number);
    (void)snprintf(id, sizeof id, "Idempotency-Key: %s-%zu", test_name, number);
    while (!atomic_load(&ending) && status / 100 != 2) {
        struct nwt_http_answer answer =
            nwt_http_request("POST", url, headers, payload.data, payload.len, 100000);
        status = answer.status;
        nwt_http_done(&answer);
        (void)NWT_WAIT(status / 100 == 2 ? 0 : 50, atomic_load(&ending));
    }
}

static void *call(void *context)
{
    size_t number;

    (void)context;
    while (!atomic_load(&ending)) {
        if (take_number(&number)) {
            post(number);
        } else {
            (void)NWT_WAIT(50, atomic_load(&ending));
        }
    }
    return NULL;
}

static void put_served(const char *name, size_t from, size_t to)
{
    (void)name;
    (void)from;
    (void)pthread_mutex_lock(&lock);
    last_number = to;
    (void)pthread_mutex_unlock(&lock);
    for (; caller_count < CALLERS; caller_count++) {
        if (pthread_create(&callers[caller_count], NULL, call, NULL) != 0) {
            nwt_fail("no thread for a caller");
        }
    }
}

static void finish_served(const char *name)
{
    (void)name;
    atomic_store(&ending, true);
    for (; caller_count > 0; caller_count--) {
        (void)pthread_join(callers[caller_count - 1], NULL);
    }
}

/* ---- asked: each answer's ETag is its number, and the next one follows on it ---- */

static struct nwt_http_server *server;
static char asked[200], called[200], called_briefly[200];
static atomic_size_t available;
static atomic_bool frozen;
static atomic_int troubles; /* so many calls go wrong */

static void answer_next(struct nwt_http_visit *visit)
{
    static _Thread_local struct nwc_text payload;
    static _Thread_local char etag[32];
    const char *have = nwt_http_visit_header(visit, "If-None-Match");
    size_t number = have == NULL ? 0 : (size_t)strtoul(have + 1, NULL, 10) + 1;

    if (number >= atomic_load(&available)) {
        visit->status = have == NULL ? 503 : 304;
        return;
    }
    payload = nwc_payload(number);
    (void)snprintf(etag, sizeof etag, "\"%zu\"", number);
    visit->answer = payload.data;
    visit->answer_len = payload.len;
    visit->header_names[0] = "ETag";
    visit->header_values[0] = etag;
}

static void take_visit(struct nwt_http_visit *visit)
{
    const char *header = nwt_http_visit_header(visit, NWC_HEADER);

    if (visit->body_len > 5 && memcmp(visit->body, "spoil", 5) == 0) {
        visit->status = 400;
        return;
    }
    if (atomic_load(&troubles) > 0 && atomic_fetch_sub(&troubles, 1) > 0) {
        visit->status = 503;
        return;
    }
    nwc_arrived((struct nw_slice){visit->body, visit->body_len}, (struct nw_slice){NULL, 0},
                (struct nw_slice){header, header == NULL ? 0 : strlen(header)});
    visit->status = 204;
}

/* Frozen, it takes requests and says nothing. */
static void serve(void *context, struct nwt_http_visit *visit)
{
    (void)context;
    while (atomic_load(&frozen)) {
        (void)nwt_wait_step(nwt_now_ms() + 1000);
    }
    if (strcmp(visit->method, "GET") == 0) {
        answer_next(visit);
    } else {
        take_visit(visit);
    }
}

static void start_server(struct nwt_folder *folder)
{
    (void)folder;
    server = nwt_http_server_new(serve, NULL);
    (void)snprintf(asked, sizeof asked, "{http: \"GET %s/@\", every: 10ms}",
                   nwt_http_server_url(server));
    (void)snprintf(called, sizeof called, "{http: \"POST %s/@\"}", nwt_http_server_url(server));
    (void)snprintf(called_briefly, sizeof called_briefly, "{http: \"POST %s/@\", timeout: 200ms}",
                   nwt_http_server_url(server));
}

static void end_server(void)
{
    nwt_http_server_free(server);
}

static void begin_asked(const char *name)
{
    (void)name;
    atomic_store(&available, 1); /* without any answer it is not ready */
}

static void put_asked(const char *name, size_t from, size_t to)
{
    (void)name;
    (void)from;
    atomic_store(&available, to);
}

static void begin_called(const char *name)
{
    (void)name;
}

static void freeze(void)
{
    atomic_store(&frozen, true);
}

static void thaw(void)
{
    atomic_store(&frozen, false);
}

static void away(void)
{
    nwt_http_server_stop(server);
}

static void back(void)
{
    nwt_http_server_start(server);
}

static void disturb(const char *name)
{
    (void)name;
    atomic_store(&troubles, 5);
}

/* The server refuses it for good, with 400. */
static void spoil(struct nw_message *m)
{
    nw_message_set_payload(m, (struct nw_slice){"spoilt", 6});
}

static const struct nwc_adapter served_source = {
    .name = "http, served",
    .some = 80,
    .connection = served,
    .source = "{http: \"POST /@/{number}\", timeout: 100s}",
    .impatient = "{http: \"POST /@/{number}\", timeout: 300ms}",
    .headers = true,
    .start = start,
    .begin = begin_served,
    .finish = finish_served,
    .put = put_served};
/* Confirmed when they are in the spool: all of them, or those that cannot be delivered. */
static const struct nwc_adapter accepted_source = {
    .name = "http, accepted",
    .connection = served,
    .source = "{http: \"POST /@/{number}\", respond: accepted}",
    .headers = true,
    .under_way = NWC_MAX,
    .begin = begin_served,
    .finish = finish_served,
    .put = put_served};
static const struct nwc_adapter spooled_source = {.name = "http, spooled in outages",
                                                  .connection = served,
                                                  .source =
                                                      "{http: \"POST /@/{number}\", timeout: 100s}",
                                                  .more = "    spool: {max_size: 1MiB}\n",
                                                  .headers = true,
                                                  .under_way = NWC_MAX,
                                                  .begin = begin_served,
                                                  .finish = finish_served,
                                                  .put = put_served};
static const struct nwc_adapter asked_source = {.name = "http, asked",
                                                .source = asked,
                                                .at_once = 1,
                                                .some = 50,
                                                .alone = true, /* it would get the same answers */
                                                .start = start_server,
                                                .begin = begin_asked,
                                                .put = put_asked,
                                                .freeze = freeze,
                                                .thaw = thaw,
                                                .away = away,
                                                .back = back};
static const struct nwc_adapter called_sink = {.name = "http, called",
                                               .sink = called,
                                               .impatient = called_briefly,
                                               .disturb = disturb,
                                               .some = 80,
                                               .headers = true,
                                               .end = end_server,
                                               .begin = begin_called,
                                               .freeze = freeze,
                                               .thaw = thaw,
                                               .away = away,
                                               .back = back,
                                               .spoil = spoil};

const struct nwc_adapter *const nwc_adapters[] = {&served_source, &accepted_source, &spooled_source,
                                                  &asked_source,  &called_sink,     NULL};
