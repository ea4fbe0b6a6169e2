/* SPDX-License-Identifier: Apache-2.0 */
/* From a stream to Kafka in transactions: who reads what is committed sees each message once and in
 * order, whatever ends in between. (A reader of librdkafka reads what is committed.) Of several
 * processes: test_kafka_lease.c. */
#include "support/bridge.h"
#include "support/kafka_broker.h"
#include "support/kafka_client.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/numbered.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT 24000
#define KILLS 6
#define SIZE 200

static struct nwt_folder *folder;
static struct nwt_kafka *kafka;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static struct nwt_numbered *n;
static char topic[60], name[60], group[100];

static void set_up(void)
{
    folder = nwt_folder_new();
    kafka = nwt_kafka_shared(folder);
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    n = nwt_numbered_new(COUNT, SIZE, true);
    snprintf(name, sizeof name, "transaction%d", (int)getpid());
    snprintf(topic, sizeof topic, "transaction-%d", (int)getpid());
    snprintf(group, sizeof group, "natsway/%s/out", name);
    nwt_topic_add(kafka->brokers, topic, 1);
    nwt_stream_add(client, "OUT", "out.>");
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

/* A broker that is stopped is of this test alone. */
static void take_own_broker(void)
{
    nwt_kafka_free(kafka);
    kafka = nwt_kafka_new(folder, NULL);
    nwt_topic_add(kafka->brokers, topic, 1);
}

TestSuite(kafka_transaction, .init = set_up, .fini = tear_down, .timeout = 600);

/* more: lines of the route. */
#define ROUTE                                                                                \
    "name: %s\nshutdown_timeout: 5s\nnats: {url: \"%s\"}\nconnections:\n  kafka: {brokers: " \
    "\"%s\"}\n"                                                                              \
    "dead_letter: dlq.x\nroutes:\n  out:\n    from: {jetstream: \"%s\"}\n%s"                 \
    "    to: {kafka: %s, transactional: true, transaction_messages: %d}\n"

static struct nwt_bridge *make_bridge(const char *file, const char *filter, const char *more,
                                      int messages)
{
    return nwt_bridge_new(folder, file, ROUTE, name, nats->url, kafka->brokers, filter, more, topic,
                          messages);
}

static void publish(const char *subject, const void *payload, size_t len)
{
    natsMsg *message = NULL;
    NWT_NATS(natsMsg_Create(&message, subject, NULL, payload, (int)len));
    nwt_stream_publish(client, message);
}

static void publish_numbers(size_t from, size_t to)
{
    nwt_stream_publish_numbers(client, "out.x", n, from, to);
}

/* What a reader sees now. */
static size_t arrived(void)
{
    return nwt_topic_read_numbers(kafka->brokers, topic, n);
}

/* Where the route is, as the group has it: behind the highest sequence. */
static int64_t position(void)
{
    return nwt_group_committed(kafka->brokers, group, topic);
}

static void expect_each_once(size_t count)
{
    cr_assert(NWT_WAIT(30000, arrived() >= count), "%zu of %zu arrived, the first missing is %zu",
              n->total, count, nwt_numbered_first_missing(n));
    cr_assert_eq(n->total, count, "%zu arrived, %zu of them repeats", n->total, n->duplicates);
    cr_assert_eq(n->distinct, count);
    cr_assert_eq(n->wrong, 0);
    cr_assert_eq(n->disordered, 0);
}

/* While a part of the messages is on its way, natsway is killed; once the broker is stopped, too.
 */
Test(kafka_transaction, killed_again_and_again_each_message_arrives_once)
{
    take_own_broker();
    bridge = make_bridge("bridge", "out.>", "", 150);
    nwt_bridge_run(bridge);
    for (size_t i = 0; i < KILLS; i++) {
        size_t from = i * COUNT / KILLS, to = (i + 1) * COUNT / KILLS;
        publish_numbers(from, to);
        cr_assert(NWT_WAIT(30000, position() > (int64_t)(from + 500)));
        if (i == KILLS / 2) {
            nwt_kafka_stop(kafka);
            nwt_kafka_start(kafka);
        }
        nwt_bridge_kill(bridge);
        nwt_bridge_run(bridge);
    }
    cr_assert(NWT_WAIT(60000, position() == COUNT + 1));
    expect_each_once(COUNT);
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "out", "in_flight") == 0));
    cr_assert(nwt_bridge_ledger_adds_up(bridge, "out"));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

static bool later(struct nwt_bridge *b, const char *field, int64_t least)
{
    return NWT_WAIT(60000, nwt_bridge_number(b, "out", field) >= least);
}

/* The server forgets what was acknowledged last, and gives it again. */
Test(kafka_transaction, what_the_stream_gives_again_is_not_sent_again)
{
    bridge = make_bridge("bridge", "out.>", "", 500);
    nwt_bridge_run(bridge);
    for (size_t i = 0; i < 4; i++) {
        publish_numbers(i * COUNT / 8, (i + 1) * COUNT / 8);
        cr_assert(NWT_WAIT(30000, position() > (int64_t)(i * COUNT / 8 + 2000)));
        nwt_process_kill(&nats->process);
        nwt_nats_start(nats);
    }
    cr_assert(NWT_WAIT(60000, position() == COUNT / 2 + 1));
    expect_each_once(COUNT / 2);
}

/* The broker goes and comes back under a bridge that runs on. */
Test(kafka_transaction, the_broker_stops_and_comes_back)
{
    take_own_broker();
    bridge = make_bridge("bridge", "out.>", "", 1000);
    nwt_bridge_run(bridge);
    publish_numbers(0, COUNT / 2);
    cr_assert(NWT_WAIT(30000, position() > 1000));
    nwt_kafka_stop(kafka);
    publish_numbers(COUNT / 2, COUNT);
    cr_assert(NWT_WAIT(20000, !nwt_bridge_ready(bridge)));
    nwt_kafka_start(kafka);
    cr_assert(NWT_WAIT(60000, position() == COUNT + 1));
    expect_each_once(COUNT);
    cr_assert(NWT_WAIT(20000, nwt_bridge_ready(bridge)));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

static bool take_number(void *context, const rd_kafka_message_t *message)
{
    (void)context;
    int64_t number = message->len < 7 ? -1 : strtoll((const char *)message->payload + 5, NULL, 10);
    nwt_numbered_note(n, number, 0);
    return true;
}

static size_t numbers_arrived(void)
{
    nwt_numbered_reset(n);
    nwt_topic_read(kafka->brokers, topic, take_number, NULL);
    return n->total;
}

/* The map refuses one, and later ones are stored. When the map is right and all comes again, that
 * one is sent, with a lower number in the stream than what is stored, and the others are not. */
Test(kafka_transaction, what_the_map_refused_is_not_taken_for_stored)
{
    const size_t bad = 50, count = 2000;
    char payload[64];
    for (size_t i = 0; i < count; i++) {
        int len = snprintf(payload, sizeof payload, "{\"%s\":%zu}", i == bad ? "m" : "n", i);
        publish("out.x", payload, (size_t)len);
    }
    nwt_stream_flush(client);
    bridge = make_bridge("bridge", "out.>",
                         "    map: [{check: {required: [n]}}]\n    on_error: {then: drop}\n", 1000);
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(30000, position() == (int64_t)count + 1));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    cr_assert(NWT_WAIT(20000, numbers_arrived() == count - 1), "%zu arrived", n->total);
    nwt_bridge_write(bridge, ROUTE, name, nats->url, kafka->brokers, "out.>\", durable: \"again",
                     "", topic, 1000);
    nwt_bridge_run(bridge);
    cr_assert(later(bridge, "delivered", (int64_t)count));
    cr_assert(NWT_WAIT(20000, numbers_arrived() >= count), "%zu arrived", n->total);
    cr_assert_eq(n->total, count);
    cr_assert_eq(n->distinct, count, "number %zu is missing", nwt_numbered_first_missing(n));
}

/* Refused by the broker: alone, and what was in one transaction with it is stored once. */
Test(kafka_transaction, what_the_broker_refuses_is_a_dead_letter_and_the_rest_is_stored_once)
{
    static char large[20000];
    const size_t count = 6000;
    nwt_stream_add(client, "DLQ", "dlq.>");
    snprintf(topic, sizeof topic, "transaction-small-%d", (int)getpid());
    nwt_topic_add_with(kafka->brokers, topic, 1, "max.message.bytes", "10000");
    for (size_t i = 0; i < 3; i++) {
        publish_numbers(i * count / 3, (i + 1) * count / 3);
        publish("out.large", large, sizeof large);
    }
    nwt_stream_flush(client);
    bridge = make_bridge("bridge", "out.>", "", 1000);
    nwt_bridge_run(bridge);
    cr_assert(later(bridge, "delivered", (int64_t)count / 2));
    nwt_bridge_kill(bridge);
    nwt_bridge_run(bridge);
    expect_each_once(count);
    cr_assert(NWT_WAIT(30000, nwt_stream_count(client, "DLQ") == 3));
}

/* Of a stream of which the route takes few messages each has a number of its own in the position,
 * which goes over several partitions. */
Test(kafka_transaction, a_filter_that_takes_few_messages)
{
    const size_t count = 6000, apart = 20;
    char payload[SIZE];
    snprintf(topic, sizeof topic, "transaction-wide-%d", (int)getpid());
    nwt_topic_add(kafka->brokers, topic, 4);
    for (size_t i = 0; i < count; i++) {
        nwt_numbered_payload(n, i, payload);
        publish("out.x", payload, sizeof payload);
        for (size_t j = 1; j < apart; j++) {
            publish("out.other", "", 0);
        }
        if (i % 200 == 199) {
            nwt_stream_flush(client);
        }
    }
    nwt_stream_flush(client);
    bridge = make_bridge("bridge", "out.x", "", 400);
    nwt_bridge_run(bridge);
    for (int64_t i = 1; i < 4; i++) {
        cr_assert(NWT_WAIT(30000, position() > i * (int64_t)(count * apart) / 4));
        nwt_bridge_kill(bridge);
        nwt_bridge_run(bridge);
    }
    cr_assert(NWT_WAIT(60000, arrived() >= count), "%zu arrived", n->total);
    cr_assert_eq(n->total, count);
    cr_assert_eq(n->distinct, count);
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "out", "in_flight") == 0));
}

/* A stream that was deleted and made again begins at 1. */
Test(kafka_transaction, a_stream_made_anew_is_not_taken_for_the_old_one)
{
    bridge = make_bridge("bridge", "out.>", "", 1000);
    nwt_bridge_run(bridge);
    publish_numbers(0, 1000);
    cr_assert(NWT_WAIT(30000, position() == 1001));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    NWT_NATS(js_DeleteStream(client->js, "OUT", NULL, NULL));
    nwt_stream_add(client, "OUT", "out.>");
    publish_numbers(1000, 2000);
    nwt_bridge_run(bridge);
    expect_each_once(2000);
}

/* Asked to end while the broker is away, it does, and what was not committed is sent by the next.
 */
Test(kafka_transaction, stopped_while_the_broker_is_away)
{
    take_own_broker();
    bridge = make_bridge("bridge", "out.>", "    max_in_flight: 1000\n", 200);
    nwt_bridge_run(bridge);
    publish_numbers(0, COUNT / 4);
    cr_assert(NWT_WAIT(30000, position() > 500));
    nwt_kafka_stop(kafka);
    cr_assert(NWT_WAIT(30000, nwt_bridge_logged(bridge, "level=warning msg=\"down")));
    cr_assert_geq(nwt_bridge_stop(bridge), 0);
    nwt_kafka_start(kafka);
    nwt_bridge_run(bridge);
    expect_each_once(COUNT / 4);
}

/* A producer with a position of the route's group in a transaction that is not over. */
static rd_kafka_t *hold_the_position_up(void)
{
    char id[60], text[300];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata_new(group);

    snprintf(id, sizeof id, "other-%d", (int)getpid());
    rd_kafka_conf_set(conf, "bootstrap.servers", kafka->brokers, text, sizeof text);
    rd_kafka_conf_set(conf, "transactional.id", id, text, sizeof text);
    rd_kafka_conf_set(conf, "transaction.timeout.ms", "600000", text, sizeof text);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    cr_assert_not_null(producer, "%s", text);
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = 7;
    cr_assert_null(rd_kafka_init_transactions(producer, 30000));
    cr_assert_null(rd_kafka_begin_transaction(producer));
    cr_assert_null(rd_kafka_send_offsets_to_transaction(producer, list, metadata, 30000));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    return producer;
}

/* Where the position cannot be read because a transaction of it is not over, one of the route's own
 * that the broker may have forgotten is ended. What that writes is seen by nobody; and where it was
 * not the route's own, as here, the route waits. */
Test(kafka_transaction, what_holds_the_position_up_is_ended_or_waited_for)
{
    bridge = make_bridge("bridge", "out.>", "", 100);
    nwt_bridge_run(bridge);
    publish_numbers(0, 1000);
    cr_assert(NWT_WAIT(30000, position() == 1001));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    rd_kafka_t *other = hold_the_position_up();
    publish_numbers(1000, 2000);
    nwt_bridge_start(bridge, NULL);
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(bridge, "the brokers have not ended it")));
    cr_assert_eq(arrived(), 1000);
    cr_assert_null(rd_kafka_abort_transaction(other, 30000));
    rd_kafka_destroy(other);
    expect_each_once(2000);
}
