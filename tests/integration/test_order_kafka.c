/* SPDX-License-Identifier: Apache-2.0 */
/* `order: key` from one partition of Kafka, in which keys are mixed, into a stream for each key:
 * one of these is missing or refuses what comes, and the other keys go on, each in its order. */
#include "support/bridge.h"
#include "support/kafka_broker.h"
#include "support/kafka_client.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/numbered.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNT 2000
#define SIZE 100
#define KEYS 5
#define BAD 2 /* the key whose stream is the trouble */
#define GOOD_COUNT (COUNT - COUNT / KEYS)

static struct nwt_folder *folder;
static struct nwt_kafka *kafka;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static struct nwt_numbered *numbers;
static char name[40], topic[60];

static void set_up(void)
{
    static unsigned test;

    folder = nwt_folder_new();
    kafka = nwt_kafka_shared(folder);
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    numbers = nwt_numbered_new(COUNT, SIZE, true);
    snprintf(name, sizeof name, "order%d-%u", (int)getpid(), ++test);
    snprintf(topic, sizeof topic, "%s", name);
    nwt_topic_add(kafka->brokers, topic, 1);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_kafka_free(kafka);
    nwt_numbered_free(numbers);
    nwt_folder_free(folder);
}

TestSuite(order_kafka, .init = set_up, .fini = tear_down, .timeout = 600);

/* largest: of its messages; -1: any. */
static void add_stream(int key, int32_t largest)
{
    char stream[24], subject[40];
    const char *subjects[] = {subject};
    jsStreamConfig config;

    snprintf(stream, sizeof stream, "COPY%d", key);
    snprintf(subject, sizeof subject, "copy.%d", key);
    NWT_NATS(jsStreamConfig_Init(&config));
    config.Name = stream;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.MaxMsgSize = largest;
    NWT_NATS(js_AddStream(NULL, client->js, &config, NULL, NULL));
}

static void run_bridge(void)
{
    bridge = nwt_bridge_new(folder, "bridge",
                            "name: %s\nnats: {url: \"%s\"}\n"
                            "connections: {kafka: {brokers: \"%s\"}}\n"
                            "dead_letter: dlq.r\n"
                            "routes:\n"
                            "  r:\n    order: key\n    from: {kafka: %s}\n"
                            "    to: {jetstream: \"copy.{{key}}\"}\n"
                            "    on_error: {backoff: 5ms..20ms}\n",
                            name, nats->url, kafka->brokers, topic);
    nwt_bridge_run(bridge);
}

static void produce(size_t from, size_t to)
{
    rd_kafka_t *producer = nwt_producer_new(kafka->brokers);

    for (size_t i = from; i < to; i++) {
        char payload[SIZE], key = (char)('0' + i % KEYS);
        nwt_numbered_payload(numbers, i, payload);
        cr_assert_eq(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
                                       RD_KAFKA_V_KEY(&key, 1), RD_KAFKA_V_VALUE(payload, SIZE),
                                       RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    nwt_producer_flush(producer);
    nwt_producer_free(producer);
}

static int64_t copied(void)
{
    int64_t sum = 0;

    for (int i = 0; i < KEYS; i++) {
        char stream[24];
        snprintf(stream, sizeof stream, "COPY%d", i);
        int64_t count = nwt_stream_count(client, stream);
        sum += count < 0 ? 0 : count;
    }
    return sum;
}

static bool take_copy(void *context, natsMsg *message)
{
    nwt_numbered_take(context, natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message),
                      (unsigned)atoi(natsMsg_GetSubject(message) + 5));
    return true;
}

/* Each key's messages stand in its stream, in their order and once. */
static void read_copies(void)
{
    for (int i = 0; i < KEYS; i++) {
        char stream[24];
        snprintf(stream, sizeof stream, "COPY%d", i);
        nwt_stream_read(client, stream, "copy.*", take_copy, numbers);
    }
    cr_expect_eq(numbers->duplicates, 0, "%zu twice", numbers->duplicates);
    cr_expect_eq(numbers->wrong, 0);
}

static void expect_all(void)
{
    cr_assert(NWT_WAIT(60000, copied() == COUNT), "%lld", (long long)copied());
    read_copies();
    cr_expect(nwt_numbered_complete(numbers, false));
    cr_expect(NWT_WAIT(20000, nwt_bridge_number(bridge, "r", "in_flight") == 0));
    cr_expect(nwt_bridge_ledger_adds_up(bridge, "r"));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}

static void add_good_streams(void)
{
    for (int i = 0; i < KEYS; i++) {
        if (i != BAD) {
            add_stream(i, -1);
        }
    }
}

Test(order_kafka, the_other_keys_go_on_while_one_has_an_outage)
{
    add_good_streams();
    run_bridge();
    produce(0, COUNT);
    cr_assert(NWT_WAIT(60000, copied() == GOOD_COUNT), "%lld", (long long)copied());
    cr_expect(NWT_WAIT(20000, nwt_bridge_number(bridge, "r", "in_flight") == COUNT / KEYS));
    add_stream(BAD, -1);
    expect_all();
}

/* Nothing of the key that waits is committed, so that it comes again; what is stored is known. */
Test(order_kafka, killed_while_one_key_waits)
{
    add_good_streams();
    run_bridge();
    produce(0, COUNT / 2);
    cr_assert(NWT_WAIT(60000, copied() == GOOD_COUNT / 2), "%lld", (long long)copied());
    nwt_bridge_kill(bridge);
    produce(COUNT / 2, COUNT);
    nwt_bridge_start(bridge, NULL); /* it is not ready */
    cr_assert(NWT_WAIT(60000, copied() == GOOD_COUNT), "%lld", (long long)copied());
    add_stream(BAD, -1);
    expect_all();
}

static bool count_in_order(void *context, natsMsg *message)
{
    int *next = context;

    nwt_numbered_take(numbers, natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message),
                      BAD);
    ++*next;
    return true;
}

Test(order_kafka, the_other_keys_go_on_while_one_is_refused)
{
    int letters = 0;

    nwt_stream_add(client, "DLQ", "dlq.>");
    add_good_streams();
    add_stream(BAD, SIZE / 2);
    run_bridge();
    produce(0, COUNT);
    cr_assert(
        NWT_WAIT(60000, copied() == GOOD_COUNT && nwt_stream_count(client, "DLQ") == COUNT / KEYS),
        "%lld", (long long)copied());
    read_copies();
    nwt_stream_read(client, "DLQ", "dlq.r", count_in_order, &letters);
    cr_expect_eq(letters, COUNT / KEYS);
    cr_expect(nwt_numbered_complete(numbers, false), "also the dead letters are in their order");
    cr_expect(nwt_bridge_ledger_adds_up(bridge, "r"));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}
