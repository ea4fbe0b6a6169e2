/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to Kafka that stay open while all they carry vanishes, for ever: they are given up
 * when answers are missing for socket.timeout.ms, and messages move again over new ones. */
#include "support/bridge.h"
#include "support/kafka_broker.h"
#include "support/kafka_mixed.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/port.h"
#include "support/proxy.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 6000
#define ROUNDS 2

static struct nwt_folder *folder;
static struct nwt_kafka *kafka;
static struct nwt_proxy *proxy;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static struct nwt_numbered *n;

static void set_up(void)
{
    int port = nwt_port_free(), behind;

    folder = nwt_folder_new();
    kafka = nwt_kafka_new_behind(folder, port, &behind);
    proxy = nwt_proxy_new_on(port, behind);
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    n = nwt_numbered_new(COUNT, NWT_MIXED_SIZE, true);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_proxy_free(proxy);
    nwt_kafka_free(kafka);
    nwt_folder_free(folder);
    nwt_numbered_free(n);
}

TestSuite(kafka_half_open, .init = set_up, .fini = tear_down, .timeout = 600);

static void run_bridge(const char *route)
{
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\nconnections:\n  kafka: {brokers: "
                            "\"127.0.0.1:%d\", properties: {socket.timeout.ms: 2000}}\n"
                            "routes:\n%s",
                            nats->url, nwt_proxy_port(proxy), route);
    nwt_bridge_run(bridge);
}

/* All connections there are carry nothing any more; those that come do. */
static void break_connections(void)
{
    nwt_proxy_set(proxy, NWT_PROXY_VANISH);
    nwt_proxy_set(proxy, NWT_PROXY_OPEN);
}

static int64_t delivered(void)
{
    return nwt_bridge_number(bridge, "r", "delivered");
}

/* The part of the messages that belongs to a round. */
static size_t until(int round)
{
    return (size_t)(round + 1) * COUNT / (ROUNDS + 1);
}

static bool take_stored(void *context, natsMsg *message)
{
    const char *number = nwt_nats_header(message, "n");

    (void)context;
    nwt_numbered_note(n, number == NULL ? -1 : strtoll(number, NULL, 10), 0);
    return true;
}

/* Will the kernel of natsway ask within half a minute whether a silent broker is still there? Of
 * Linux's table of connections: state 01 is established, timer 02 the keepalive's, due in 1/100 s.
 */
static bool asks_when_silent(void)
{
    char line[300], wanted[10];
    bool asks = false;
    FILE *file = fopen("/proc/net/tcp", "r");

    cr_assert_not_null(file);
    snprintf(wanted, sizeof wanted, ":%04X", (unsigned)nwt_proxy_port(proxy));
    while (fgets(line, sizeof line, file) != NULL) {
        char to[20];
        unsigned state, timer, due;
        asks |= sscanf(line, " %*[^:]: %*s %19s %x %*x:%*x %x:%x", to, &state, &timer, &due) == 4 &&
                strcmp(to + 8, wanted) == 0 && state == 1 && timer == 2 && due <= 3000;
    }
    fclose(file);
    return asks;
}

Test(kafka_half_open, the_kernel_asks_when_nothing_is_sent)
{
    nwt_topic_add(kafka->brokers, "out", 1);
    run_bridge("  r: {from: {nats: out}, to: {kafka: out}}\n");
    cr_expect(NWT_WAIT(20000, asks_when_silent()));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}

Test(kafka_half_open, a_source_goes_on_over_new_connections)
{
    rd_kafka_t *producer;

    nwt_topic_add(kafka->brokers, "in", 1);
    nwt_stream_add(client, "IN", "in.>");
    run_bridge("  r: {from: {kafka: in}, to: {jetstream: in.x}}\n");
    producer = nwt_producer_new(kafka->brokers);
    nwt_mixed_produce(producer, "in", 1, n, 0, until(0));
    cr_assert(NWT_WAIT(20000, delivered() == (int64_t)until(0)));
    for (int round = 1; round <= ROUNDS; round++) {
        break_connections();
        nwt_mixed_produce(producer, "in", 1, n, until(round - 1), until(round));
        cr_assert(NWT_WAIT(30000, nwt_stream_count(client, "IN") == (int64_t)until(round)), "%lld",
                  (long long)nwt_stream_count(client, "IN"));
    }
    nwt_producer_free(producer);
    nwt_stream_read(client, "IN", "in.>", take_stored, NULL);
    cr_expect(nwt_numbered_complete(n, false));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}

static void publish(size_t from, size_t to)
{
    nwt_stream_publish_numbers(client, "out.x", n, from, to);
}

static bool take_from_kafka(void *context, const rd_kafka_message_t *message)
{
    (void)context;
    nwt_numbered_take(n, message->payload, message->len, 0);
    return true;
}

/* What was under way is sent again, and stored once: the producer is idempotent. */
Test(kafka_half_open, a_target_goes_on_over_new_connections)
{
    nwt_topic_add(kafka->brokers, "out", 1);
    nwt_stream_add(client, "OUT", "out.>");
    run_bridge("  r: {from: {jetstream: \"out.>\"}, to: {kafka: out}}\n");
    publish(0, until(0));
    cr_assert(NWT_WAIT(20000, delivered() == (int64_t)until(0)));
    for (int round = 1; round <= ROUNDS; round++) {
        break_connections();
        publish(until(round - 1), until(round));
        cr_assert(NWT_WAIT(30000, delivered() == (int64_t)until(round)), "%lld",
                  (long long)delivered());
    }
    nwt_topic_read(kafka->brokers, "out", take_from_kafka, NULL);
    cr_expect(nwt_numbered_complete(n, false));
    cr_expect(nwt_bridge_ledger_adds_up(bridge, "r"));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}
