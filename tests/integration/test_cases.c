/* SPDX-License-Identifier: Apache-2.0 */
/* Ways in which bridges fail their users that no other test shows: docs/cases.md has them all. */
#include "support/bridge.h"
#include "support/http_client.h"
#include "support/http_server.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/port.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT 5000
#define FEW 20

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge, *other;
static struct nwt_http_server *server;
static atomic_int visits, refusals;

static void set_up(void)
{
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_bridge_free(other);
    nwt_http_server_free(server);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(cases, .init = set_up, .fini = tear_down, .timeout = 600);

static struct nwt_bridge *new_bridge(const char *name, const char *routes)
{
    return nwt_bridge_new(folder, name, "name: shared\nnats: {url: \"%s\"}\nroutes:\n%s", nats->url,
                          routes);
}

static void publish(const char *subject, int count)
{
    for (int i = 0; i < count; i++) {
        char text[24];
        natsMsg *message = NULL;
        int n = snprintf(text, sizeof text, "%d", i);
        NWT_NATS(natsMsg_Create(&message, subject, NULL, text, n));
        nwt_stream_publish(client, message);
    }
    nwt_stream_flush(client);
}

static int64_t number(const char *route, const char *field)
{
    return nwt_bridge_number(bridge, route, field);
}

/* Two processes of one configuration share the consumer's messages: each comes to one of them. */
Test(cases, two_bridges_share_a_durable)
{
    const char *routes = "  r: {from: {jetstream: \"in.>\", ack_wait: 5m}, to: {nats: out}}\n";

    nwt_stream_add(client, "IN", "in.>");
    bridge = new_bridge("one", routes);
    other = new_bridge("two", routes);
    nwt_bridge_run(bridge);
    nwt_bridge_run(other);
    publish("in.a", COUNT);
    cr_assert(NWT_WAIT(
        60000, number("r", "delivered") + nwt_bridge_number(other, "r", "delivered") >= COUNT));
    cr_assert_eq(number("r", "received") + nwt_bridge_number(other, "r", "received"), COUNT);
    cr_assert_gt(number("r", "received"), 0);
    cr_assert_gt(nwt_bridge_number(other, "r", "received"), 0);
    cr_assert_eq(nwt_bridge_stop(other), 0);
    publish("in.a", FEW);
    cr_assert(NWT_WAIT(60000, number("r", "in_flight") == 0 && number("r", "lag") == 0));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

/* The durable stays when its route stops: the next start goes on where it was. */
Test(cases, a_stop_and_a_start_repeat_nothing)
{
    nwt_stream_add(client, "IN", "in.>");
    bridge = new_bridge("one", "  r: {from: {jetstream: \"in.>\"}, to: {nats: out}}\n");
    nwt_bridge_run(bridge);
    publish("in.a", COUNT);
    cr_assert(NWT_WAIT(60000, number("r", "delivered") == COUNT));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    nwt_bridge_run(bridge);
    publish("in.a", 1);
    cr_assert(NWT_WAIT(60000, number("r", "lag") == 0 && number("r", "in_flight") == 0));
    cr_assert(NWT_WAIT(60000, number("r", "received") % COUNT == 1));
}

static void slow(void *context, struct nwt_http_visit *visit)
{
    (void)context;
    (void)visit;
    atomic_fetch_add(&visits, 1);
    (void)usleep(3500000); /* the work that takes longer than ack_wait is what is tested */
}

/* The server is told that a message is being worked on, for as long as that is so. */
Test(cases, work_that_takes_longer_than_ack_wait_is_done_once)
{
    char routes[300];

    nwt_stream_add(client, "IN", "in.>");
    server = nwt_http_server_new(slow, NULL);
    snprintf(routes, sizeof routes,
             "  r:\n    from: {jetstream: \"in.>\", ack_wait: 1s}\n"
             "    to: {http: \"POST %s/\", timeout: 60s}\n",
             nwt_http_server_url(server));
    bridge = new_bridge("one", routes);
    nwt_bridge_run(bridge);
    publish("in.a", 2);
    cr_assert(NWT_WAIT(60000, number("r", "delivered") == 2));
    cr_assert_eq(atomic_load(&visits), 2);
    cr_assert_eq(number("r", "received"), 2);
}

static void refuse_first(void *context, struct nwt_http_visit *visit)
{
    int n = atomic_fetch_add(&refusals, 1);

    (void)context;
    visit->status = n < 2 ? 401 : n < 4 ? 403 : 200;
    if (visit->status == 200) {
        atomic_fetch_add(&visits, 1);
    }
}

/* Who one is may be set right: nothing is given up for it, and the route says what it waits for. */
Test(cases, a_target_that_does_not_know_us_holds_the_route)
{
    char routes[300], url[60];

    nwt_stream_add(client, "IN", "in.>");
    server = nwt_http_server_new(refuse_first, NULL);
    snprintf(routes, sizeof routes,
             "  r:\n    from: {jetstream: \"in.>\"}\n    to: {http: \"POST %s/\"}\n"
             "    on_error: {backoff: 100ms..200ms}\n",
             nwt_http_server_url(server));
    bridge = new_bridge("one", routes);
    nwt_bridge_run(bridge);
    publish("in.a", FEW);
    cr_assert(NWT_WAIT(60000, number("r", "delivered") == FEW));
    cr_assert_eq(atomic_load(&visits), FEW);
    cr_assert_geq(number("r", "retries"), 4);
    snprintf(url, sizeof url, "%s/api/routes", bridge->admin);
    struct nwt_http_answer answer = nwt_http_request("GET", url, NULL, NULL, 0, 5000);
    cr_assert(strstr(answer.body, "403") != NULL, "%s", answer.body);
    nwt_http_done(&answer);
}

/* An inbox that a publisher names belongs to who answers: a bridge that only forwards is silent. */
Test(cases, messages_of_core_nats_are_never_acknowledged)
{
    natsSubscription *inbox = NULL;
    natsMsg *first = NULL;

    bridge = new_bridge("one", "  r: {from: {nats: in}, to: {nats: out}}\n");
    nwt_bridge_run(bridge);
    NWT_NATS(natsConnection_SubscribeSync(&inbox, client->connection, "who.asks"));
    for (int i = 0; i < FEW; i++) {
        NWT_NATS(natsConnection_PublishRequestString(client->connection, "in", "who.asks", "x"));
    }
    cr_assert(NWT_WAIT(60000, number("r", "delivered") == FEW));
    NWT_NATS(natsConnection_PublishString(client->connection, "who.asks", "the test"));
    NWT_NATS(natsSubscription_NextMsg(&first, inbox, 10000));
    cr_assert_str_eq(natsMsg_GetData(first), "the test");
    natsMsg_Destroy(first);
    natsSubscription_Destroy(inbox);
}

/* What a bridge has moved comes back to it over the other route: it goes no further. */
Test(cases, two_routes_in_a_circle_move_a_message_once)
{
    nwt_stream_add(client, "LEFT", "left.>");
    nwt_stream_add(client, "RIGHT", "right.>");
    bridge =
        new_bridge("one", "  a: {from: {jetstream: left.>}, to: {jetstream: \"right.{{$1}}\"}}\n"
                          "  b: {from: {jetstream: right.>}, to: {jetstream: \"left.{{$1}}\"}}\n");
    nwt_bridge_run(bridge);
    publish("left.x", FEW);
    cr_assert(NWT_WAIT(60000, number("a", "filtered") == FEW), "%lld",
              (long long)number("a", "filtered"));
    cr_assert_eq(number("a", "delivered"), FEW);
    cr_assert_eq(number("b", "delivered"), FEW);
    cr_assert_eq(nwt_stream_count(client, "LEFT"), 2 * FEW);
    cr_assert_eq(nwt_stream_count(client, "RIGHT"), FEW);
}

/* A stream that has no subjects of its own is found by its name. */
Test(cases, a_mirror_is_read_by_its_name)
{
    jsStreamConfig config;
    jsStreamSource source;

    nwt_stream_add(client, "IN", "in.>");
    NWT_NATS(jsStreamConfig_Init(&config));
    NWT_NATS(jsStreamSource_Init(&source));
    source.Name = "IN";
    config.Name = "COPY";
    config.Mirror = &source;
    NWT_NATS(js_AddStream(NULL, client->js, &config, NULL, NULL));
    bridge = new_bridge("one", "  a: {from: {jetstream: \"in.>\", stream: COPY}, to: {nats: out}}\n"
                               "  b: {from: {jetstream: \"\", stream: COPY}, to: {nats: out}}\n");
    nwt_bridge_run(bridge);
    publish("in.a", FEW);
    cr_assert(NWT_WAIT(60000, number("a", "delivered") == FEW && number("b", "delivered") == FEW));
}

static int post(const char *url, const char *const *headers)
{
    struct nwt_http_answer answer = nwt_http_request("POST", url, headers, "{}", 2, 10000);
    int status = answer.status;

    nwt_http_done(&answer);
    return status;
}

/* A sender that has missed the answer sends again: the stream knows the delivery. */
Test(cases, a_webhook_that_is_sent_twice_is_stored_once)
{
    const char *first[] = {"X-GitHub-Delivery: d-1", NULL};
    const char *second[] = {"X-GitHub-Delivery: d-2", NULL};
    char routes[300], url[60];
    int port = nwt_port_free();

    nwt_stream_add(client, "HOOKS", "hooks.>");
    snprintf(routes, sizeof routes,
             "  r: {from: {http: \"POST /hook\"}, to: {jetstream: hooks.a}}\n"
             "connections: {http: {listen: \"127.0.0.1:%d\"}}\n",
             port);
    bridge = new_bridge("one", routes);
    nwt_bridge_run(bridge);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/hook", port);
    cr_assert_eq(post(url, first) / 100, 2);
    cr_assert_eq(post(url, first) / 100, 2);
    cr_assert_eq(post(url, second) / 100, 2);
    cr_assert_eq(nwt_stream_count(client, "HOOKS"), 2);
}
