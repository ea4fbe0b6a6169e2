/* SPDX-License-Identifier: Apache-2.0 */
/* The counts of a route go on after a restart, and none of the metrics becomes less. */
#include "support/bridge.h"
#include "support/http_client.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/port.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUTE                           \
    "nats: {url: \"%s\"}\n"             \
    "shutdown_timeout: 1s\n"            \
    "dead_letter: \"dlq.{{route}}\"\n"  \
    "routes:\n"                         \
    "  r:\n"                            \
    "    from: {jetstream: \"in.>\"}\n" \
    "    map: [{filter: '.n != 7'}]\n"  \
    "    lanes: 2\n"                    \
    "    to: {jetstream: \"out.a\", stream: {name: OUT, subjects: [\"out.>\", \"dlq.>\"]}}\n"

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;

static void set_up(void)
{
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    nwt_stream_add(client, "S", "in.>");
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(ledger, .init = set_up, .fini = tear_down, .timeout = 600);

static void publish(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        natsMsg *message = NULL;
        char text[32];
        int n = snprintf(text, sizeof text, "{\"n\":%zu}", i % 10);
        NWT_NATS(natsMsg_Create(&message, "in.a", NULL, text, n));
        nwt_stream_publish(client, message);
    }
    nwt_stream_flush(client);
}

static int64_t number(const char *field)
{
    return nwt_bridge_number(bridge, "r", field);
}

static int64_t metric(const char *name)
{
    char url[100], line[120];
    struct nwt_http_answer answer;
    const char *at;
    int64_t n = -1;

    (void)snprintf(url, sizeof url, "%s/metrics", bridge->admin);
    (void)snprintf(line, sizeof line, "\n%s{route=\"r\"} ", name);
    answer = nwt_http_request("GET", url, NULL, NULL, 0, 5000);
    at = strstr(answer.body, line);
    if (at != NULL) {
        n = strtoll(at + strlen(line), NULL, 10);
    }
    nwt_http_done(&answer);
    return n;
}

static void start(void)
{
    bridge = nwt_bridge_new(folder, "bridge", ROUTE, nats->url);
    nwt_bridge_run(bridge);
}

Test(ledger, goes_on_after_a_restart)
{
    start();
    publish(100);
    cr_assert(NWT_WAIT(20000, number("delivered") + number("filtered") == 100));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    nwt_bridge_run(bridge);
    cr_expect_eq(number("received"), 100);
    cr_expect_eq(number("delivered"), 90);
    cr_expect_eq(number("filtered"), 10);
    cr_expect_eq(number("in_flight"), 0);
    publish(100);
    cr_assert(NWT_WAIT(20000, number("delivered") + number("filtered") == 200));
    cr_expect(nwt_bridge_ledger_adds_up(bridge, "r"));
    cr_expect_eq(metric("natsway_messages_received_total"), 200);
    cr_expect_eq(metric("natsway_messages_delivered_total"), 180);
    cr_expect_eq(metric("natsway_ledger_mismatch"), 0);
    cr_expect_eq(metric("natsway_source_repeats_total"), 0);
}

/* What a process that stops says in its log is what it did itself. */
Test(ledger, of_a_stop_is_that_of_the_process)
{
    start();
    publish(100);
    cr_assert(NWT_WAIT(20000, number("delivered") == 90));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    nwt_bridge_run(bridge);
    publish(50);
    cr_assert(NWT_WAIT(20000, number("delivered") == 135));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    cr_expect(nwt_bridge_logged(bridge, "90 delivered, 10 filtered"));
    cr_expect(nwt_bridge_logged(bridge, "45 delivered, 5 filtered"));
}

static const char *const counters[] = {
    "natsway_messages_received_total", "natsway_messages_delivered_total",
    "natsway_messages_filtered_total", "natsway_messages_dead_lettered_total",
    "natsway_messages_dropped_total",  "natsway_retries_total",
    "natsway_messages_returned_total",
};
#define COUNTERS (sizeof counters / sizeof counters[0])

static void expect_no_less(int64_t *last)
{
    for (size_t i = 0; i < COUNTERS; i++) {
        int64_t now = metric(counters[i]);
        cr_expect_geq(now, last[i], "%s was %lld and is %lld", counters[i], (long long)last[i],
                      (long long)now);
        last[i] = now;
    }
}

/* Whether the counts are on disk: as text, in the log of the database. */
static bool is_kept(int64_t delivered, int64_t filtered)
{
    char path[300], text[80], *log;
    size_t len = 0;
    bool kept;

    (void)snprintf(path, sizeof path, "%s/state.db-wal", bridge->state_dir);
    (void)snprintf(text, sizeof text, "1 %lld %lld 0 0 ", (long long)delivered,
                   (long long)filtered);
    log = nwt_file_read(path, &len);
    kept = log != NULL && memmem(log, len, text, strlen(text)) != NULL;
    free(log);
    return kept;
}

/* The kill comes as soon as what was shown is written, which it is at once. */
Test(ledger, never_becomes_less_by_a_kill)
{
    int64_t last[COUNTERS] = {0};

    start();
    for (int64_t round = 1; round <= 5; round++) {
        int64_t before = number("delivered");
        publish(2000);
        cr_assert(NWT_WAIT(20000, number("delivered") > before));
        expect_no_less(last);
        cr_assert(NWT_WAIT(20000, number("delivered") + number("filtered") >= round * 2000));
        expect_no_less(last);
        cr_assert(NWT_WAIT(20000, is_kept(number("delivered"), number("filtered"))));
        nwt_bridge_kill(bridge);
        nwt_bridge_run(bridge);
        expect_no_less(last);
        cr_expect(nwt_bridge_ledger_adds_up(bridge, "r"));
    }
}

/* A target that is away: what is in flight is taken anew after a kill. */
Test(ledger, adds_up_when_what_was_in_flight_comes_again)
{
    int64_t taken;

    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\nroutes:\n  r:\n"
                            "    from: {jetstream: \"in.>\"}\n"
                            "    to: {http: \"POST http://127.0.0.1:%d/\"}\n",
                            nats->url, nwt_port_free());
    nwt_bridge_start(bridge, NULL);
    publish(500);
    cr_assert(NWT_WAIT(20000, number("in_flight") == 500));
    taken = metric("natsway_messages_received_total");
    cr_expect_eq(taken, 500);
    nwt_bridge_stop(bridge);
    nwt_bridge_start(bridge, NULL);
    cr_assert(NWT_WAIT(20000, number("in_flight") == 500));
    cr_expect_eq(number("received"), 500);
    cr_expect_eq(number("repeats"), 500, "it says what the stream has delivered again");
    cr_expect_eq(metric("natsway_source_repeats_total"), 500);
    cr_expect_eq(metric("natsway_messages_received_total"), 1000);
    cr_expect_eq(metric("natsway_messages_returned_total"), 500);
    cr_expect(nwt_bridge_ledger_adds_up(bridge, "r"));
}
