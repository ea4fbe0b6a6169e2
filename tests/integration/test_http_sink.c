/* SPDX-License-Identifier: Apache-2.0 */
/* JetStream into HTTP: confirmed in JetStream when the other side said 2xx, in order. */
#include "support/bridge.h"
#include "support/http_server.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/numbered.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 10000
#define SIZE 256

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static struct nwt_http_server *server;
static struct nwt_numbered *numbers;

/* What the other side does; it counts what it took. */
static struct {
    atomic_int visits, refusals, at_once, most_at_once, odd;
    bool waits_for_company;        /* until two visits were there at once */
    int refuse_every, refuse_with; /* every n-th visit; 0: none */
    const char *retry_after;
} other;

static void take(void *context, struct nwt_http_visit *visit)
{
    int at_once = atomic_fetch_add(&other.at_once, 1) + 1;
    int visits = atomic_fetch_add(&other.visits, 1) + 1;
    (void)context;
    int most = other.most_at_once;
    while (at_once > most && !atomic_compare_exchange_weak(&other.most_at_once, &most, at_once)) {
    }
    if (other.waits_for_company) {
        (void)NWT_WAIT(2000, other.most_at_once > 1);
    }
    if (other.refuse_every > 0 && visits % other.refuse_every == 0) {
        atomic_fetch_add(&other.refusals, 1);
        visit->status = other.refuse_with;
        if (other.retry_after != NULL) {
            visit->header_names[0] = "Retry-After";
            visit->header_values[0] = other.retry_after;
        }
    } else {
        int64_t number = nwt_numbered_take(numbers, visit->body, visit->body_len, 0);
        const char *n = nwt_http_visit_header(visit, "N"), *s = nwt_http_visit_header(visit, "S");
        char path[60];
        snprintf(path, sizeof path, "/take/%lld", (long long)number);
        if (n == NULL || atoll(n) != number || s == NULL || strcmp(s, "out.x") != 0 ||
            strcmp(path, visit->path) != 0 || strcmp(visit->method, "PUT") != 0 ||
            nwt_http_visit_header(visit, "Nats-Msg-Id") != NULL) {
            atomic_fetch_add(&other.odd, 1);
        }
    }
    atomic_fetch_sub(&other.at_once, 1);
}

static void set_up(void)
{
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    nwt_stream_add(client, "OUT", "out.>");
    nwt_stream_add(client, "DEAD", "dead.>");
    numbers = nwt_numbered_new(COUNT, SIZE, true);
    server = nwt_http_server_new(take, NULL);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_http_server_free(server);
    nwt_numbered_free(numbers);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(http_sink, .init = set_up, .fini = tear_down, .timeout = 600);

static void run_bridge(const char *sink_options, const char *route_options)
{
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\n"
                            "routes:\n"
                            "  out:\n"
                            "    from: {jetstream: \"out.>\", ack_wait: 5m}\n"
                            "    to:\n"
                            "      http: \"PUT %s/take/{{header('N')}}\"\n"
                            "      headers: {S: \"{{subject}}\"}\n"
                            "%s"
                            "    on_error: {backoff: 20ms..200ms, dead_letter: dead.out}\n"
                            "%s",
                            nats->url, nwt_http_server_url(server), sink_options, route_options);
    nwt_bridge_run(bridge);
}

static void publish(size_t count)
{
    char payload[SIZE], number[24];
    for (size_t i = 0; i < count; i++) {
        natsMsg *message = NULL;
        nwt_numbered_payload(numbers, i, payload);
        snprintf(number, sizeof number, "%zu", i);
        NWT_NATS(natsMsg_Create(&message, "out.x", NULL, payload, SIZE));
        NWT_NATS(natsMsgHeader_Set(message, "N", number));
        NWT_NATS(natsMsgHeader_Set(message, "Nats-Msg-Id", number));
        nwt_stream_publish(client, message);
    }
    nwt_stream_flush(client);
}

static bool all_settled(size_t count)
{
    return nwt_bridge_number(bridge, "out", "delivered") >= (int64_t)count &&
           nwt_bridge_number(bridge, "out", "in_flight") == 0;
}

Test(http_sink, every_message_arrives_in_order)
{
    publish(COUNT);
    run_bridge("", "");
    cr_expect(NWT_WAIT(60000, nwt_numbered_distinct(numbers) == COUNT));
    cr_expect(NWT_WAIT(5000, all_settled(COUNT)));
    /* On a machine that stands still for longer than a request may take, it is asked again. */
    cr_expect(nwt_numbered_complete(numbers, true));
    cr_expect_eq(other.most_at_once, 1);
    cr_expect_eq(other.odd, 0);
    cr_expect(nwt_bridge_ledger_adds_up(bridge, "out"));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}

Test(http_sink, many_go_at_once_where_order_does_not_matter)
{
    other.waits_for_company = true;
    publish(COUNT);
    run_bridge("      concurrency: 8\n", "    order: relaxed\n");
    cr_expect(NWT_WAIT(60000, nwt_numbered_distinct(numbers) == COUNT));
    cr_expect(NWT_WAIT(5000, all_settled(COUNT)));
    cr_expect_eq(numbers->wrong, 0);
    cr_expect_eq(numbers->duplicates, 0);
    cr_expect_eq(other.odd, 0);
    cr_expect_leq(other.most_at_once, 8);
    cr_expect_gt(other.most_at_once, 1);
}

Test(http_sink, a_busy_server_is_asked_again_in_order)
{
    other.refuse_every = 100;
    other.refuse_with = 503;
    publish(COUNT / 4);
    run_bridge("", "");
    cr_expect(NWT_WAIT(60000, nwt_numbered_distinct(numbers) == COUNT / 4));
    cr_expect(NWT_WAIT(5000, all_settled(COUNT / 4)));
    cr_expect_eq(numbers->disordered, 0);
    cr_expect_eq(numbers->duplicates, 0);
    cr_expect_gt(other.refusals, 10);
    cr_expect_eq(nwt_stream_count(client, "DEAD"), 0);
}

Test(http_sink, retry_after_is_heeded)
{
    other.refuse_every = 2;
    other.refuse_with = 429;
    other.retry_after = "1";
    publish(4);
    int64_t begun_ms = nwt_now_ms();
    run_bridge("", "");
    cr_expect(NWT_WAIT(20000, nwt_numbered_distinct(numbers) == 4));
    cr_expect_geq(nwt_now_ms() - begun_ms, 3000); /* three refusals */
    cr_expect_eq(numbers->disordered, 0);
}

Test(http_sink, what_is_refused_is_a_dead_letter_and_the_rest_goes_on)
{
    other.refuse_every = 10;
    other.refuse_with = 400;
    publish(1000);
    run_bridge("", "");
    cr_expect(NWT_WAIT(30000, nwt_bridge_number(bridge, "out", "dead_lettered") == 100));
    cr_expect(NWT_WAIT(5000, nwt_bridge_number(bridge, "out", "delivered") == 900));
    cr_expect_eq(nwt_numbered_distinct(numbers), 900);
    cr_expect_eq(nwt_stream_count(client, "DEAD"), 100);
    natsMsg *dead = NULL;
    NWT_NATS(js_GetMsg(&dead, client->js, "DEAD", 1, NULL, NULL));
    cr_expect(strstr(nwt_nats_header(dead, "Natsway-Error"), "answered 400 Bad Request") != NULL,
              "%s", nwt_nats_header(dead, "Natsway-Error"));
    cr_expect_eq(natsMsg_GetDataLength(dead), SIZE);
    natsMsg_Destroy(dead);
}

Test(http_sink, a_server_that_is_away_holds_the_route)
{
    publish(COUNT);
    run_bridge("", "");
    cr_assert(NWT_WAIT(30000, nwt_numbered_distinct(numbers) > COUNT / 10));
    nwt_http_server_stop(server);
    cr_expect(NWT_WAIT(10000, !nwt_bridge_ready(bridge)));
    nwt_http_server_start(server);
    cr_expect(NWT_WAIT(60000, nwt_numbered_distinct(numbers) == COUNT));
    cr_expect(NWT_WAIT(5000, all_settled(COUNT)));
    cr_expect(nwt_numbered_complete(numbers, true)); /* the answer to one may have been lost */
    cr_expect(NWT_WAIT(5000, nwt_bridge_ready(bridge)));
}

Test(http_sink, a_restart_in_the_middle_loses_nothing)
{
    publish(COUNT);
    run_bridge("", "");
    cr_assert(NWT_WAIT(30000, nwt_numbered_distinct(numbers) > COUNT / 10));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    size_t before = numbers->duplicates;
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(30000, nwt_numbered_distinct(numbers) > COUNT / 2));
    /* An orderly stop repeats nothing; the server may, when it is told of the same message twice.
     */
    cr_expect_leq(numbers->duplicates, before + 2, "%zu repeated", numbers->duplicates - before);
    nwt_bridge_kill(bridge);
    nwt_bridge_run(bridge);
    cr_expect(NWT_WAIT(60000, nwt_numbered_distinct(numbers) == COUNT));
    cr_expect(NWT_WAIT(10000, nwt_bridge_number(bridge, "out", "in_flight") == 0));
    cr_expect_eq(numbers->wrong, 0);
}

Test(http_sink, nats_comes_back_and_it_goes_on)
{
    publish(COUNT);
    run_bridge("", "");
    cr_assert(NWT_WAIT(30000, nwt_numbered_distinct(numbers) > COUNT / 10));
    nwt_nats_stop(nats);
    cr_expect(NWT_WAIT(10000, !nwt_bridge_ready(bridge)));
    nwt_nats_start(nats);
    cr_expect(NWT_WAIT(60000, nwt_numbered_distinct(numbers) == COUNT));
    cr_expect_eq(numbers->wrong, 0);
}

/* ---- Polling ---- */

static struct {
    atomic_int visits, unchanged;
    atomic_int version;
} polled;

static void serve_version(void *context, struct nwt_http_visit *visit)
{
    static _Thread_local char body[40], tag[40];
    const char *known = nwt_http_visit_header(visit, "If-None-Match");
    int version = polled.version;
    (void)context;
    atomic_fetch_add(&polled.visits, 1);
    snprintf(tag, sizeof tag, "\"v%d\"", version);
    visit->header_names[0] = "ETag";
    visit->header_values[0] = tag;
    if (known != NULL && strcmp(known, tag) == 0) {
        visit->status = 304;
        atomic_fetch_add(&polled.unchanged, 1);
        return;
    }
    visit->answer_len = (size_t)snprintf(body, sizeof body, "version %d", version);
    visit->answer = body;
}

Test(http_sink, a_polled_url_gives_what_changed_once)
{
    struct nwt_http_server *source = nwt_http_server_new(serve_version, NULL);
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\n"
                            "routes:\n"
                            "  poll:\n"
                            "    from: {http: \"GET %s/now\", every: 30ms}\n"
                            "    to: {jetstream: out.polled}\n",
                            nats->url, nwt_http_server_url(source));
    nwt_bridge_run(bridge);
    cr_expect(NWT_WAIT(5000, nwt_stream_count(client, "OUT") == 1));
    cr_expect(NWT_WAIT(5000, polled.unchanged >= 3));
    polled.version = 1;
    cr_expect(NWT_WAIT(5000, nwt_stream_count(client, "OUT") == 2));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    int unchanged = polled.unchanged;
    nwt_bridge_run(bridge); /* it remembers */
    cr_expect(NWT_WAIT(5000, polled.unchanged >= unchanged + 3));
    cr_expect_eq(nwt_stream_count(client, "OUT"), 2);
    polled.version = 0; /* equal to an older answer, and yet a change */
    cr_expect(NWT_WAIT(5000, nwt_stream_count(client, "OUT") == 3));
    nwt_http_server_free(source);
}
