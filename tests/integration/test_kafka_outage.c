/* SPDX-License-Identifier: Apache-2.0 */
/* The broker goes away in the middle of a flow, in an orderly way, killed or frozen, and comes
 * back: nothing is lost, and order holds. */
#include "support/bridge.h"
#include "support/kafka_broker.h"
#include "support/kafka_mixed.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

#define COUNT 12000
#define PARTITIONS 2

static struct nwt_folder *folder;
static struct nwt_kafka *kafka;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static struct nwt_numbered *n;

static void set_up(void)
{
    folder = nwt_folder_new();
    kafka = nwt_kafka_new(folder, NULL);
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    n = nwt_numbered_new(COUNT, NWT_MIXED_SIZE, true);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_kafka_free(kafka);
    nwt_folder_free(folder);
    nwt_numbered_free(n);
}

TestSuite(kafka_outage, .init = set_up, .fini = tear_down, .timeout = 600);

static void run_bridge(const char *routes)
{
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\n"
                            "shutdown_timeout: 3s\n"
                            "connections:\n  kafka: {brokers: \"%s\"}\n"
                            "routes:\n%s",
                            nats->url, kafka->brokers, routes);
    nwt_bridge_run(bridge);
}

static void publish(size_t from, size_t to)
{
    nwt_stream_publish_numbers(client, "out.x", n, from, to);
}

static bool take_from_kafka(void *context, const rd_kafka_message_t *message)
{
    (void)context;
    nwt_numbered_take(n, message->payload, message->len, (unsigned)message->partition);
    return n->total < n->count;
}

/* To the end, whatever comes again. */
static bool take_any(void *context, const rd_kafka_message_t *message)
{
    (void)context;
    nwt_numbered_take(n, message->payload, message->len, (unsigned)message->partition);
    return true;
}

static int64_t delivered(const char *route)
{
    return nwt_bridge_number(bridge, route, "delivered");
}

static void go_to_kafka(void)
{
    nwt_topic_add(kafka->brokers, "out", 1);
    nwt_stream_add(client, "OUT", "out.>");
    run_bridge("  out:\n    from: {jetstream: \"out.>\", ack_wait: 5m}\n    to: {kafka: out}\n");
    publish(0, COUNT / 3);
    cr_assert(NWT_WAIT(20000, delivered("out") > 100));
}

static void all_came_to_kafka(bool repeats)
{
    cr_assert(NWT_WAIT(60000, delivered("out") == COUNT));
    nwt_topic_read(kafka->brokers, "out", take_from_kafka, NULL);
    cr_assert(nwt_numbered_complete(n, repeats));
    cr_assert(nwt_bridge_ledger_adds_up(bridge, "out"));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

/* The idempotent producer waits it out: each message once, in order. */
Test(kafka_outage, target_stopped_and_started)
{
    go_to_kafka();
    nwt_kafka_stop(kafka);
    publish(COUNT / 3, COUNT * 2 / 3);
    cr_assert(NWT_WAIT(30000, !nwt_bridge_ready(bridge)));
    nwt_kafka_start(kafka);
    publish(COUNT * 2 / 3, COUNT);
    cr_assert(NWT_WAIT(30000, nwt_bridge_ready(bridge)));
    all_came_to_kafka(false);
}

Test(kafka_outage, target_frozen)
{
    go_to_kafka();
    nwt_process_signal(&kafka->process, SIGSTOP);
    publish(COUNT / 3, COUNT);
    int64_t stuck = delivered("out");
    cr_assert(NWT_WAIT(5000, nwt_bridge_number(bridge, "out", "in_flight") > 0));
    cr_assert_lt(stuck, COUNT);
    nwt_process_signal(&kafka->process, SIGCONT);
    all_came_to_kafka(false);
}

/* With the broker away the bridge ends within its time, and what it had comes again. */
Test(kafka_outage, stopped_while_the_target_is_away)
{
    go_to_kafka();
    nwt_kafka_stop(kafka);
    publish(COUNT / 3, COUNT);
    cr_assert(NWT_WAIT(30000, !nwt_bridge_ready(bridge)));
    int64_t before = nwt_now_ms();
    int code = nwt_bridge_stop(bridge);
    cr_assert(code == 0 && nwt_now_ms() - before < 25000, "exit code %d after %d ms", code,
              (int)(nwt_now_ms() - before));
    nwt_kafka_start(kafka);
    nwt_bridge_run(bridge);
    /* What comes again counts too: only reading tells when all are there. */
    cr_assert(NWT_WAIT(90000, (nwt_topic_read(kafka->brokers, "out", take_any, NULL),
                               nwt_numbered_distinct(n) == COUNT)));
    cr_assert_eq(n->wrong, 0);
}

static bool take_from_nats(void *context, natsMsg *message)
{
    (void)context;
    const char *number = nwt_nats_header(message, "n");
    nwt_numbered_note(n, number == NULL ? -1 : strtoll(number, NULL, 10),
                      (unsigned)strtoul(natsMsg_GetSubject(message) + 3, NULL, 10));
    return n->total < n->count;
}

static void produce(size_t from, size_t to)
{
    rd_kafka_t *producer = nwt_producer_new(kafka->brokers);
    nwt_mixed_produce(producer, "in", PARTITIONS, n, from, to);
    nwt_producer_free(producer);
}

static void go_to_jetstream(void)
{
    nwt_topic_add(kafka->brokers, "in", PARTITIONS);
    nwt_stream_add(client, "IN", "in.>");
    run_bridge("  in:\n    from: {kafka: in}\n    to: {jetstream: \"in.{{partition}}\"}\n");
    produce(0, COUNT / 3);
    cr_assert(NWT_WAIT(20000, nwt_stream_count(client, "IN") > 100));
}

static void all_came_to_jetstream(void)
{
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "IN") == COUNT));
    nwt_stream_read(client, "IN", "in.>", take_from_nats, NULL);
    cr_assert(nwt_numbered_complete(n, false));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

Test(kafka_outage, source_stopped_and_started)
{
    go_to_jetstream();
    nwt_kafka_stop(kafka);
    cr_assert(NWT_WAIT(30000, !nwt_bridge_ready(bridge)));
    nwt_kafka_start(kafka);
    produce(COUNT / 3, COUNT);
    cr_assert(NWT_WAIT(40000, nwt_bridge_ready(bridge)));
    all_came_to_jetstream();
}

Test(kafka_outage, source_killed_and_started)
{
    go_to_jetstream();
    nwt_process_kill(&kafka->process);
    nwt_kafka_start(kafka);
    produce(COUNT / 3, COUNT);
    all_came_to_jetstream();
}

/* NATS goes away instead: Kafka's messages wait, and the group is kept. */
Test(kafka_outage, nats_stopped_and_started)
{
    go_to_jetstream();
    nwt_nats_stop(nats);
    produce(COUNT / 3, COUNT);
    cr_assert(NWT_WAIT(30000, !nwt_bridge_ready(bridge)));
    nwt_nats_start(nats);
    all_came_to_jetstream();
}

/* The broker is started after natsway. */
Test(kafka_outage, not_there_at_start)
{
    nwt_topic_add(kafka->brokers, "in", PARTITIONS);
    nwt_stream_add(client, "IN", "in.>");
    nwt_kafka_stop(kafka);
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\nconnections:\n  kafka: {brokers: \"%s\"}\n"
                            "routes:\n"
                            "  in:\n    from: {kafka: in}\n    to: {jetstream: \"in.x\"}\n"
                            "  out:\n    from: {nats: other}\n    to: {kafka: in}\n",
                            nats->url, kafka->brokers);
    nwt_bridge_start(bridge, NULL);
    cr_assert(NWT_WAIT(20000, nwt_bridge_logged(bridge, "Connection refused")));
    nwt_kafka_start(kafka);
    cr_assert(NWT_WAIT(40000, nwt_bridge_ready(bridge)));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}
