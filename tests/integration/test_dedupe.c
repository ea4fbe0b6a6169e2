/* SPDX-License-Identifier: Apache-2.0 */
/* The step dedupe with real servers: repeats are dropped, also those of before a kill, and nothing
 * is lost with them. */
#include "support/bridge.h"
#include "support/http_client.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/numbered.h"
#include "support/port.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 6000
#define SIZE 64

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;

static void set_up(void)
{
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(dedupe, .init = set_up, .fini = tear_down, .timeout = 600);

static void publish(const struct nwt_numbered *n, size_t i)
{
    char payload[SIZE], id[32];
    natsMsg *m = NULL;

    nwt_numbered_payload(n, i, payload);
    snprintf(id, sizeof id, "order-%zu", i);
    NWT_NATS(natsMsg_Create(&m, "in.orders", NULL, payload, SIZE));
    NWT_NATS(natsMsgHeader_Set(m, "Order", id));
    nwt_stream_publish(client, m);
}

/* Each twice: the repeats stand 1 and 100 behind. */
static void publish_all_twice(const struct nwt_numbered *n)
{
    for (size_t i = 0; i < n->count + 100; i++) {
        if (i < n->count) {
            publish(n, i);
        }
        if (i < n->count && i % 2 == 0) {
            publish(n, i);
        }
        if (i >= 100 && i % 2 == 1) {
            publish(n, i - 100);
        }
    }
    nwt_stream_flush(client);
}

static bool take(void *context, natsMsg *m)
{
    struct nwt_numbered *n = context;

    (void)nwt_numbered_take(n, natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), 0);
    return true;
}

/* Everything of the stream is acknowledged. */
static bool is_done(void)
{
    jsConsumerInfo *info = NULL;
    bool done = false;

    if (js_GetConsumerInfo(&info, client->js, "IN", "d", NULL, NULL) == NATS_OK) {
        done = info->NumPending == 0 && info->NumAckPending == 0;
        jsConsumerInfo_Destroy(info);
    }
    return done;
}

static void new_bridge(const char *window, unsigned lanes)
{
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\nroutes:\n  once:\n    lanes: %u\n"
                            "    max_in_flight: 400\n"
                            "    from: {jetstream: \"in.>\", durable: d}\n"
                            "    map: [{dedupe: {id: \"{{header('Order')}}\", window: %s}}]\n"
                            "    to: {jetstream: out, stream: {name: OUT, subjects: [out]}}\n",
                            nats->url, lanes, window);
}

/* Killed twice in the middle, by lanes that share the window; what was not confirmed comes again
 * and must pass, what others of the same id were must not. */
static void run_with_kills(unsigned lanes)
{
    struct nwt_numbered *n = nwt_numbered_new(COUNT, SIZE, false);

    nwt_stream_add(client, "IN", "in.>");
    new_bridge("1h", lanes);
    publish_all_twice(n);
    for (int64_t part = 1; part <= 2; part++) {
        nwt_bridge_run(bridge);
        cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "OUT") >= part * COUNT / 3));
        nwt_bridge_kill(bridge);
    }
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "OUT") >= COUNT && is_done()));
    nwt_bridge_kill(bridge);
    for (size_t i = 0; i < COUNT; i++) { /* all of them once more */
        publish(n, i);
    }
    nwt_stream_flush(client);
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(60000, is_done()));
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "once", "filtered") >= COUNT));
    cr_assert(nwt_bridge_ledger_adds_up(bridge, "once"));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    nwt_stream_read(client, "OUT", "out", take, n);
    cr_assert_eq(n->wrong, 0);
    cr_assert_eq(nwt_numbered_distinct(n), COUNT, "number %zu is missing",
                 nwt_numbered_first_missing(n));
    cr_assert_eq(n->duplicates, 0);
    nwt_numbered_free(n);
}

Test(dedupe, every_id_arrives_once_though_the_bridge_is_killed)
{
    run_with_kills(1);
}

Test(dedupe, lanes_share_the_window)
{
    run_with_kills(3);
}

Test(dedupe, what_is_older_than_the_window_passes_again)
{
    struct nwt_numbered *n = nwt_numbered_new(10, SIZE, false);

    nwt_stream_add(client, "IN", "in.>");
    new_bridge("1ms", 1);
    nwt_bridge_run(bridge);
    publish(n, 3);
    nwt_stream_flush(client);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "OUT") == 1 && is_done()));
    publish(n, 3);
    nwt_stream_flush(client);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "OUT") == 2));
    nwt_numbered_free(n);
}

static int post(const char *url, const char *delivery)
{
    char header[64];
    const char *headers[] = {header, NULL};
    struct nwt_http_answer answer;
    int status;

    snprintf(header, sizeof header, "X-Delivery: %s", delivery);
    answer = nwt_http_request("POST", url, headers, "{}", 2, 30000);
    status = answer.status;
    nwt_http_done(&answer);
    return status;
}

/* Who was told of a failure sends it again, and that is no repeat. */
Test(dedupe, what_was_refused_may_be_sent_again)
{
    int port = nwt_port_free();
    char url[64];

    nwt_stream_add(client, "OUT", "out");
    snprintf(url, sizeof url, "http://127.0.0.1:%d/hook", port);
    bridge = nwt_bridge_new(
        folder, "bridge",
        "nats: {url: \"%s\"}\nconnections:\n  http: {listen: \"127.0.0.1:%d\"}\nroutes:\n  hook:\n"
        "    from: {http: \"POST /hook\", timeout: 1s}\n"
        "    map: [{dedupe: {id: \"{{header('X-Delivery')}}\", window: 1h}}]\n"
        "    to: {jetstream: out}\n",
        nats->url, port);
    nwt_bridge_run(bridge);
    nwt_nats_stop(nats);
    cr_expect_eq(post(url, "d-1"), 503);
    nwt_nats_start(nats);
    cr_assert(NWT_WAIT(60000, nwt_bridge_ready(bridge)));
    cr_assert(NWT_WAIT(60000, post(url, "d-1") / 100 == 2)); /* until the server has its stream */
    cr_expect_eq(post(url, "d-1") / 100, 2);
    cr_expect_eq(post(url, "d-2") / 100, 2);
    nwt_bridge_kill(bridge);
    nwt_bridge_run(bridge);
    cr_expect_eq(post(url, "d-1") / 100, 2);
    cr_expect_eq(post(url, "d-2") / 100, 2);
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "hook", "filtered") == 2));
    cr_expect_eq(nwt_stream_count(client, "OUT"), 2);
}
