/* SPDX-License-Identifier: Apache-2.0 */
/* natsway ends in the middle of a flow with Kafka, in an orderly way or not, and goes on. */
#include "support/bridge.h"
#include "support/kafka_broker.h"
#include "support/kafka_mixed.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT 20000
#define PARTITIONS 4
#define GIVEN_UP_MS 300000 /* after that Kafka gives up a member it has not heard of */

static struct nwt_folder *folder;
static struct nwt_kafka *kafka;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static char name[40], topic[60];

static void set_up(void)
{
    folder = nwt_folder_new();
    kafka = nwt_kafka_shared(folder);
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    snprintf(name, sizeof name, "restart%d", (int)getpid());
    snprintf(topic, sizeof topic, "restart-%d", (int)getpid());
    nwt_topic_add(kafka->brokers, topic, PARTITIONS);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_kafka_free(kafka);
    nwt_folder_free(folder);
}

TestSuite(kafka_restart, .init = set_up, .fini = tear_down, .timeout = 600);

static struct nwt_bridge *make_bridge(const char *file, const char *route)
{
    return nwt_bridge_new(folder, file,
                          "name: %s\nnats: {url: \"%s\"}\n"
                          "connections:\n  kafka: {brokers: \"%s\"}\nroutes:\n%s",
                          name, nats->url, kafka->brokers, route);
}

static struct nwt_bridge *make_inward_bridge(const char *file, int given_up_ms)
{
    char route[300];
    snprintf(route, sizeof route,
             "  in:\n    from: {kafka: %s, properties: {session.timeout.ms: %d}}\n"
             "    to: {jetstream: \"in.{{partition}}\"}\n",
             topic, given_up_ms);
    return make_bridge(file, route);
}

static bool take_from_nats(void *context, natsMsg *message)
{
    struct nwt_numbered *n = context;
    const char *number = nwt_nats_header(message, "n");
    nwt_numbered_note(n, number == NULL ? -1 : strtoll(number, NULL, 10),
                      (unsigned)strtoul(natsMsg_GetSubject(message) + 3, NULL, 10));
    return n->total < n->count;
}

/* Started again, it goes on without waiting for its former self to be given up. */
static void start_again_quickly(void)
{
    int64_t began = nwt_now_ms();
    nwt_bridge_run(bridge);
    cr_assert_lt(nwt_now_ms() - began, GIVEN_UP_MS * 3 / 4, "joining took %d ms",
                 (int)(nwt_now_ms() - began));
}

static void move_with_interruptions(bool kill)
{
    struct nwt_numbered *n = nwt_numbered_new(COUNT, NWT_MIXED_SIZE, true);
    nwt_stream_add(client, "IN", "in.>");
    bridge = make_inward_bridge("bridge", GIVEN_UP_MS);
    nwt_bridge_run(bridge);
    rd_kafka_t *producer = nwt_producer_new(kafka->brokers);
    for (size_t part = 0; part < 4; part++) {
        nwt_mixed_produce(producer, topic, PARTITIONS, n, part * COUNT / 4, (part + 1) * COUNT / 4);
        int64_t some = (int64_t)(part * COUNT / 4 + 1000);
        cr_assert(NWT_WAIT(30000, nwt_stream_count(client, "IN") >= some));
        if (kill) {
            nwt_bridge_kill(bridge);
        } else {
            cr_assert_eq(nwt_bridge_stop(bridge), 0);
        }
        start_again_quickly();
    }
    nwt_producer_free(producer);
    cr_assert(NWT_WAIT(30000, nwt_stream_count(client, "IN") >= COUNT));
    nwt_stream_read(client, "IN", "in.>", take_from_nats, n);
    /* What came again was recognised by its id. */
    cr_assert(nwt_numbered_complete(n, false));
    cr_assert_eq(nwt_stream_count(client, "IN"), COUNT);
    nwt_numbered_free(n);
}

Test(kafka_restart, killed_while_it_moves_to_jetstream)
{
    move_with_interruptions(true);
}

Test(kafka_restart, stopped_while_it_moves_to_jetstream)
{
    move_with_interruptions(false);
}

static bool take_from_kafka(void *context, const rd_kafka_message_t *message)
{
    nwt_numbered_take(context, message->payload, message->len, (unsigned)message->partition);
    return true;
}

/* Kafka has no ids: what was confirmed by Kafka and not yet acknowledged comes twice. */
Test(kafka_restart, killed_while_it_moves_to_kafka)
{
    struct nwt_numbered *n = nwt_numbered_new(COUNT, NWT_MIXED_SIZE, true);
    char route[300], payload[NWT_MIXED_SIZE];
    nwt_stream_add(client, "OUT", "out.>");
    snprintf(route, sizeof route,
             "  out:\n    from: {jetstream: \"out.>\", ack_wait: 5m}\n"
             "    to: {kafka: %s, partition: \"0\"}\n",
             topic);
    bridge = make_bridge("bridge", route);
    nwt_bridge_run(bridge);
    for (size_t i = 0; i < COUNT; i++) {
        natsMsg *message = NULL;
        nwt_numbered_payload(n, i, payload);
        NWT_NATS(natsMsg_Create(&message, "out.x", NULL, payload, sizeof payload));
        nwt_stream_publish(client, message);
        if (i % 5000 == 4999) {
            nwt_stream_flush(client);
            cr_assert(NWT_WAIT(30000, nwt_topic_count(kafka->brokers, topic) > (int64_t)i - 4000));
            nwt_bridge_kill(bridge);
            nwt_bridge_run(bridge);
        }
    }
    cr_assert(NWT_WAIT(30000, nwt_topic_count(kafka->brokers, topic) >= COUNT));
    cr_assert(NWT_WAIT(30000, (nwt_topic_read(kafka->brokers, topic, take_from_kafka, n),
                               nwt_numbered_distinct(n) == COUNT)));
    cr_assert_eq(n->wrong, 0);
    nwt_numbered_free(n);
}

static int64_t delivered(struct nwt_bridge *of)
{
    return nwt_bridge_number(of, "in", "delivered");
}

/* Two processes share the partitions; when one goes, the other takes over what it had. */
Test(kafka_restart, two_share_and_one_takes_over)
{
    struct nwt_numbered *n = nwt_numbered_new(COUNT, NWT_MIXED_SIZE, true);
    nwt_stream_add(client, "IN", "in.>");
    bridge = make_inward_bridge("one", 10000);
    struct nwt_bridge *other = make_inward_bridge("two", 10000);
    nwt_bridge_run(bridge);
    nwt_bridge_run(other);
    rd_kafka_t *producer = nwt_producer_new(kafka->brokers);
    cr_assert(NWT_WAIT(20000, nwt_bridge_logged(bridge, "2 partitions") &&
                                  nwt_bridge_logged(other, "2 partitions")));
    nwt_mixed_produce(producer, topic, PARTITIONS, n, 0, COUNT / 2);
    cr_assert(NWT_WAIT(30000, delivered(bridge) + delivered(other) == COUNT / 2));
    cr_assert_eq(delivered(bridge), COUNT / 4);
    nwt_bridge_kill(other);
    nwt_mixed_produce(producer, topic, PARTITIONS, n, COUNT / 2, COUNT);
    cr_assert(NWT_WAIT(40000, nwt_stream_count(client, "IN") == COUNT));
    nwt_stream_read(client, "IN", "in.>", take_from_nats, n);
    cr_assert(nwt_numbered_complete(n, false));
    nwt_producer_free(producer);
    nwt_bridge_free(other);
    nwt_numbered_free(n);
}

/* A process that stood still for so long that Kafka gave it up joins again and goes on. */
Test(kafka_restart, it_joins_again_after_it_was_given_up)
{
    struct nwt_numbered *n = nwt_numbered_new(COUNT, NWT_MIXED_SIZE, true);
    char group[80];
    nwt_stream_add(client, "IN", "in.>");
    snprintf(group, sizeof group, "%s-in", name);
    bridge = make_inward_bridge("bridge", 6000);
    nwt_bridge_run(bridge);
    rd_kafka_t *producer = nwt_producer_new(kafka->brokers);
    for (size_t part = 0; part < 3; part++) {
        nwt_mixed_produce(producer, topic, PARTITIONS, n, part * COUNT / 3, (part + 1) * COUNT / 3);
        cr_assert(NWT_WAIT(30000, nwt_stream_count(client, "IN") > (int64_t)(part * COUNT / 3)));
        nwt_process_signal(&bridge->process, SIGSTOP);
        cr_assert(NWT_WAIT(30000, nwt_group_members(kafka->brokers, group) == 0));
        nwt_process_signal(&bridge->process, SIGCONT);
    }
    nwt_producer_free(producer);
    cr_assert(NWT_WAIT(30000, nwt_stream_count(client, "IN") == COUNT));
    nwt_stream_read(client, "IN", "in.>", take_from_nats, n);
    cr_assert(nwt_numbered_complete(n, false));
    nwt_numbered_free(n);
}

/* More lanes than partitions: the one without a partition is ready all the same. */
Test(kafka_restart, a_lane_without_partitions_is_ready)
{
    char route[300];
    nwt_stream_add(client, "IN", "in.>");
    snprintf(route, sizeof route,
             "  in:\n    from: {kafka: %s}\n    lanes: 6\n    to: {jetstream: in.x}\n", topic);
    bridge = make_bridge("bridge", route);
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(10000, nwt_bridge_logged(bridge, " 0 partitions")));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}
