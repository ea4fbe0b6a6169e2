/* SPDX-License-Identifier: Apache-2.0 */
/* The broker refuses some records for good: they go to the dead letters alone, and those of their
 * batch arrive, in order. What the broker stored beside a refused batch may come again. */
#include "support/bridge.h"
#include "support/kafka_broker.h"
#include "support/kafka_client.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/numbered.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <string.h>

#define COUNT 12000
#define FIRST 100
#define SIZE 256

static struct nwt_folder *folder;
static struct nwt_kafka *kafka;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static struct nwt_numbered *n;

static void set_up(void)
{
    folder = nwt_folder_new();
    kafka = nwt_kafka_shared(folder);
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    n = nwt_numbered_new(COUNT, SIZE, true);
    nwt_stream_add(client, "OUT", "out.>");
    nwt_stream_add(client, "DLQ", "dlq.>");
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

TestSuite(kafka_refused, .init = set_up, .fini = tear_down, .timeout = 600);

/* The subject is the record's key, but for "out.none", which has none. */
static void publish(const char *subject, const void *payload, size_t len)
{
    natsMsg *message = NULL;
    NWT_NATS(natsMsg_Create(&message, subject, NULL, payload, (int)len));
    if (strcmp(subject, "out.none") != 0) {
        NWT_NATS(natsMsgHeader_Set(message, "Natsway-Key", subject));
    }
    nwt_stream_publish(client, message);
}

static void publish_numbers(size_t from, size_t to)
{
    char payload[SIZE], subject[32];
    for (size_t i = from; i < to; i++) {
        nwt_numbered_payload(n, i, payload);
        snprintf(subject, sizeof subject, "out.%zu", i);
        publish(subject, payload, sizeof payload);
    }
}

static bool take(void *context, const rd_kafka_message_t *message)
{
    (void)context;
    nwt_numbered_take(n, message->payload, message->len, (unsigned)message->partition);
    return true;
}

/* A producer that the broker does not know yet may begin anywhere: what it does with refused
 * records shows when some were stored. */
static void start(const char *topic)
{
    publish_numbers(0, FIRST);
    nwt_stream_flush(client);
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\nconnections:\n  kafka: {brokers: \"%s\"}\n"
                            "routes:\n  out:\n    from: {jetstream: \"out.>\", ack_wait: 5m}\n"
                            "    to: {kafka: %s}\n"
                            "    on_error: {dead_letter: dlq.out, backoff: 10ms..1s}\n",
                            nats->url, kafka->brokers, topic);
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(bridge, "out", "delivered") == FIRST));
}

static void all_but_three_came(const char *topic)
{
    nwt_stream_flush(client);
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(bridge, "out", "delivered") == COUNT));
    cr_assert(NWT_WAIT(10000, nwt_stream_count(client, "DLQ") == 3));
    nwt_topic_read(kafka->brokers, topic, take, NULL);
    cr_assert(nwt_numbered_complete(n, true));
    cr_assert(nwt_bridge_ledger_adds_up(bridge, "out"));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

/* Larger than a batch that the topic takes, so alone in its own. */
Test(kafka_refused, too_large_for_the_topic)
{
    char large[60000];
    memset(large, 'x', sizeof large);
    nwt_topic_add_with(kafka->brokers, "refused-large", 1, "max.message.bytes", "50000");
    start("refused-large");
    for (size_t part = 0; part < 3; part++) {
        publish_numbers(part == 0 ? FIRST : part * COUNT / 3, (part + 1) * COUNT / 3);
        publish("out.large", large, sizeof large);
    }
    all_but_three_came("refused-large");
}

/* A compacted topic takes no record without a key: small ones, in the middle of a batch. */
Test(kafka_refused, invalid_for_the_topic)
{
    nwt_topic_add_with(kafka->brokers, "refused-invalid", 1, "cleanup.policy", "compact");
    start("refused-invalid");
    publish_numbers(FIRST, COUNT / 2);
    publish("out.none", "none", 4);
    publish_numbers(COUNT / 2, COUNT / 2 + 100);
    publish("out.none", "none", 4);
    publish("out.none", "none", 4);
    publish_numbers(COUNT / 2 + 100, COUNT);
    all_but_three_came("refused-invalid");
}
