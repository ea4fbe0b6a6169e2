/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka to JetStream and back: everything that a message has arrives, in order. */
#include "support/bridge.h"
#include "support/kafka_broker.h"
#include "support/kafka_mixed.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT 12000
#define PARTITIONS 4

static struct nwt_folder *folder;
static struct nwt_kafka *kafka;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static char name[40], topic[60], second_topic[60];

static void set_up(void)
{
    folder = nwt_folder_new();
    kafka = nwt_kafka_shared(folder);
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    /* The broker is shared: names, also of the groups, must be this test's own. */
    snprintf(name, sizeof name, "bridge%d", (int)getpid());
    snprintf(topic, sizeof topic, "in-%d", (int)getpid());
    snprintf(second_topic, sizeof second_topic, "out-%d", (int)getpid());
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_kafka_free(kafka);
    nwt_folder_free(folder);
}

TestSuite(kafka, .init = set_up, .fini = tear_down, .timeout = 600);

static void run_bridge(const char *routes)
{
    bridge = nwt_bridge_new(folder, name,
                            "nats: {url: \"%s\"}\n"
                            "connections:\n  kafka: {brokers: \"%s\"}\n"
                            "routes:\n%s",
                            nats->url, kafka->brokers, routes);
    nwt_bridge_run(bridge);
}

static void produce_all(const struct nwt_numbered *n)
{
    rd_kafka_t *producer = nwt_producer_new(kafka->brokers);
    nwt_mixed_produce(producer, topic, PARTITIONS, n, 0, n->count);
    nwt_producer_free(producer);
}

/* "kafka:TOPIC/PARTITION/OFFSET" */
static unsigned partition_of(const char *origin)
{
    const char *slash = origin == NULL ? NULL : strchr(origin, '/');
    return slash == NULL ? 0 : (unsigned)strtoul(slash + 1, NULL, 10);
}

static const char *compare_with_nats(const struct nwt_mixed *m, natsMsg *message)
{
    const char *key = nwt_nats_header(message, "Natsway-Key");
    const char *tombstone = nwt_nats_header(message, "Natsway-Tombstone");
    const char **values = NULL;
    int count = 0;
    if (m->key_null != (key == NULL) || (key != NULL && strcmp(key, m->key) != 0)) {
        return "key";
    }
    if (m->tombstone != (tombstone != NULL) ||
        (size_t)natsMsg_GetDataLength(message) != m->payload_len ||
        memcmp(natsMsg_GetData(message), m->payload, m->payload_len) != 0) {
        return "payload";
    }
    if (natsMsgHeader_Values(message, "trace", &values, &count) == NATS_OK) {
        bool same = count == 2 && strcmp(values[0], m->values[1]) == 0 &&
                    strcmp(values[1], m->values[2]) == 0;
        free((void *)values);
        if (!same) {
            return "values of a header";
        }
    }
    return nwt_nats_header(message, "Nats-Msg-Id") == NULL ? "id" : NULL;
}

static bool take_from_nats(void *context, natsMsg *message)
{
    struct nwt_numbered *n = context;
    struct nwt_mixed expected;
    const char *number = nwt_nats_header(message, "n");
    const char *what = "number";
    if (number != NULL) {
        nwt_mixed_make(n, strtoul(number, NULL, 10), &expected);
        what = compare_with_nats(&expected, message);
    }
    if (what != NULL) {
        fprintf(stderr, "message %s: %s differs\n", number, what);
    }
    nwt_numbered_note(n, what == NULL ? strtoll(number, NULL, 10) : -1,
                      partition_of(nwt_nats_header(message, "Natsway-Origin")));
    return n->distinct < n->count;
}

Test(kafka, to_jetstream_with_all_that_a_message_has)
{
    struct nwt_numbered *n = nwt_numbered_new(COUNT, NWT_MIXED_SIZE, true);
    nwt_topic_add(kafka->brokers, topic, PARTITIONS);
    nwt_stream_add(client, "IN", "in.>");
    char routes[300];
    snprintf(routes, sizeof routes,
             "  in:\n    from: {kafka: %s}\n    to: {jetstream: \"in.{{partition}}\"}\n", topic);
    run_bridge(routes);
    produce_all(n);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "IN") >= COUNT));
    nwt_stream_read(client, "IN", "in.>", take_from_nats, n);
    cr_assert(nwt_numbered_complete(n, false));
    cr_assert(NWT_WAIT(5000, nwt_bridge_number(bridge, "in", "delivered") == COUNT));
    cr_assert(nwt_bridge_ledger_adds_up(bridge, "in"));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    char group[60];
    snprintf(group, sizeof group, "%s-in", name);
    cr_assert_eq(nwt_group_committed(kafka->brokers, group, topic), COUNT);
    nwt_numbered_free(n);
}

static bool take_from_kafka(void *context, const rd_kafka_message_t *message)
{
    struct nwt_numbered *n = context;
    nwt_mixed_take(n, message, PARTITIONS);
    return n->total < n->count;
}

/* Two routes with a stream between them. The number of the partition keeps the order visible. */
Test(kafka, through_jetstream_to_kafka_nothing_is_changed)
{
    struct nwt_numbered *n = nwt_numbered_new(COUNT, NWT_MIXED_SIZE, true);
    nwt_topic_add(kafka->brokers, topic, PARTITIONS);
    nwt_topic_add(kafka->brokers, second_topic, PARTITIONS);
    nwt_stream_add(client, "MID", "mid.>");
    char routes[500];
    snprintf(routes, sizeof routes,
             "  in:\n    from: {kafka: %s}\n    to: {jetstream: \"mid.{{partition}}\"}\n"
             "  out:\n    from: {jetstream: \"mid.>\", ack_wait: 5m}\n"
             "    to: {kafka: %s, partition: \"{{token(2)}}\"}\n",
             topic, second_topic);
    run_bridge(routes);
    produce_all(n);
    cr_assert(NWT_WAIT(60000, nwt_topic_count(kafka->brokers, second_topic) >= COUNT));
    nwt_topic_read(kafka->brokers, second_topic, take_from_kafka, n);
    cr_assert(nwt_numbered_complete(n, false));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    nwt_numbered_free(n);
}

/* "7" for the key seven, "-" for none. */
static bool note_key(void *context, const rd_kafka_message_t *message)
{
    char *keys = context;
    bool seven = message->key_len == 5 && memcmp(message->key, "seven", 5) == 0;
    strcat(keys, seven ? "7" : message->key == NULL ? "-" : "?");
    return strlen(keys) < 2;
}

Test(kafka, key_template_and_missing_key)
{
    nwt_topic_add(kafka->brokers, topic, 1);
    nwt_stream_add(client, "K", "k.>");
    char routes[500];
    snprintf(routes, sizeof routes,
             "  keyed:\n    from: {jetstream: \"k.with.*\"}\n"
             "    to: {kafka: %s, key: \"{{token(3)}}\"}\n"
             "  plain:\n    from: {jetstream: \"k.without\"}\n    to: {kafka: %s}\n",
             topic, topic);
    run_bridge(routes);
    NWT_NATS(natsConnection_PublishString(client->connection, "k.with.seven", "a"));
    NWT_NATS(natsConnection_PublishString(client->connection, "k.without", "b"));
    cr_assert(NWT_WAIT(20000, nwt_topic_count(kafka->brokers, topic) == 2));
    char keys[8] = "";
    nwt_topic_read(kafka->brokers, topic, note_key, keys);
    cr_assert(strcmp(keys, "7-") == 0 || strcmp(keys, "-7") == 0, "%s", keys);
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

Test(kafka, a_topic_that_is_not_there_is_said_and_waited_for)
{
    nwt_stream_add(client, "T", "t.>");
    bridge = nwt_bridge_new(folder, name,
                            "nats: {url: \"%s\"}\nconnections:\n  kafka: {brokers: \"%s\"}\n"
                            "routes:\n  in:\n    from: {kafka: %s}\n    to: {jetstream: t.x}\n",
                            nats->url, kafka->brokers, topic);
    nwt_bridge_start(bridge, NULL);
    cr_assert(NWT_WAIT(20000, nwt_bridge_logged(bridge, "not available") ||
                                  nwt_bridge_logged(bridge, "does not exist")));
    cr_assert(!nwt_bridge_ready(bridge));
    nwt_topic_add(kafka->brokers, topic, 2);
    cr_assert(NWT_WAIT(40000, nwt_bridge_ready(bridge)));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

static void produce_plain(const char *to, int count)
{
    rd_kafka_t *producer = nwt_producer_new(kafka->brokers);

    for (int i = 0; i < count; i++) {
        cr_assert_eq(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(to), RD_KAFKA_V_PARTITION(0),
                                       RD_KAFKA_V_VALUE("x", 1), RD_KAFKA_V_END),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    nwt_producer_flush(producer);
    nwt_producer_free(producer);
}

/* Of 200 messages 100 were read; then all before an offset are removed. */
static void remove_before(int64_t offset)
{
    char removed[120], own[80], routes[300];

    snprintf(own, sizeof own, "%s-removed", topic);
    snprintf(routes, sizeof routes, "  r: {from: {kafka: %s, group: %s}, to: {nats: out}}\n", own,
             own);
    nwt_topic_add(kafka->brokers, own, 1);
    produce_plain(own, 100);
    run_bridge(routes);
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(bridge, "r", "delivered") == 100));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    produce_plain(own, 100);
    nwt_topic_remove(kafka->brokers, own, 0, offset);
    nwt_bridge_run(bridge);
    snprintf(removed, sizeof removed,
             "%s/0: the broker removed offsets 100 to %lld before they were read", own,
             (long long)offset - 1);
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(bridge, removed)));
    cr_expect(NWT_WAIT(5000, nwt_bridge_number(bridge, "r", "gaps") == 1));
    cr_expect_eq(nwt_bridge_number(bridge, "r", "repeats"), 0);
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(bridge, "r", "delivered") == 300 - offset));
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(bridge, "r", "lag") == 0));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

/* What Kafka no longer has cannot be read, but it is not passed over in silence. */
Test(kafka, what_was_removed_before_it_was_read_is_said)
{
    remove_before(150);
}

/* No message comes then that would show the gap. */
Test(kafka, all_that_was_left_is_removed)
{
    remove_before(200);
}

static rd_kafka_t *transactional_producer(const char *id)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *producer;
    char text[200];

    rd_kafka_conf_set(conf, "bootstrap.servers", kafka->brokers, text, sizeof text);
    rd_kafka_conf_set(conf, "transactional.id", id, text, sizeof text);
    producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    cr_assert(producer != NULL, "%s", text);
    cr_assert(rd_kafka_init_transactions(producer, 30000) == NULL);
    return producer;
}

/* false: what a busy coordinator makes of it now and then; the producer is of no use any more. */
static bool in_transaction(rd_kafka_t *producer, const char *to, bool commit)
{
    rd_kafka_error_t *error = rd_kafka_begin_transaction(producer);
    bool fatal;

    cr_assert(error == NULL);
    cr_assert_eq(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(to), RD_KAFKA_V_PARTITION(0),
                                   RD_KAFKA_V_VALUE("x", 1), RD_KAFKA_V_END),
                 RD_KAFKA_RESP_ERR_NO_ERROR);
    error = commit ? rd_kafka_commit_transaction(producer, 30000)
                   : rd_kafka_abort_transaction(producer, 30000);
    fatal = error != NULL && rd_kafka_error_is_fatal(error);
    cr_assert(error == NULL || fatal, "%s", rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return !fatal;
}

static void in_transactions(const char *to, int count)
{
    rd_kafka_t *producer = transactional_producer(to);

    for (int i = 0; i < count;) {
        if (in_transaction(producer, to, i % 2 == 0)) {
            i++;
        } else {
            rd_kafka_destroy(producer);
            producer = transactional_producer(to);
        }
    }
    rd_kafka_destroy(producer);
}

static bool any_record(void *context, const rd_kafka_message_t *message)
{
    (void)context;
    (void)message;
    return true;
}

/* The records that end transactions, and what was aborted, leave holes that are none of ours. */
Test(kafka, holes_of_transactions_are_no_gaps)
{
    char own[80], routes[300];
    int64_t committed;

    snprintf(own, sizeof own, "%s-holes", topic);
    snprintf(routes, sizeof routes, "  r: {from: {kafka: %s, group: %s}, to: {nats: out}}\n", own,
             own);
    nwt_topic_add(kafka->brokers, own, 1);
    in_transactions(own, 10);
    committed = (int64_t)nwt_topic_read(kafka->brokers, own, any_record, NULL);
    cr_assert_geq(committed, 5);
    run_bridge(routes);
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(bridge, "r", "delivered") == committed));
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(bridge, "r", "lag") == 0));
    cr_expect_eq(nwt_bridge_number(bridge, "r", "gaps"), 0);
    cr_expect_eq(nwt_bridge_number(bridge, "r", "repeats"), 0);
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

Test(kafka, wrong_properties_are_errors_with_their_place)
{
    bridge = nwt_bridge_new(folder, name,
                            "connections:\n"
                            "  kafka:\n"
                            "    brokers: \"%s\"\n"
                            "    properties:\n"
                            "      linger.milliseconds: 5\n"
                            "      session.timeout.ms: never\n"
                            "      enable.auto.commit: true\n"
                            "routes:\n  in:\n    from: {kafka: x}\n    to: {jetstream: x}\n",
                            kafka->brokers);
    cr_assert_eq(nwt_bridge_command(bridge, "check"), 1);
    char *said = nwt_file_read(bridge->log, NULL);
    char *printed = nwt_file_read(bridge->out, NULL);
    char both[4000];
    snprintf(both, sizeof both, "%s%s", said, printed);
    cr_assert(strstr(both, ".yaml:5:7: ") != NULL || strstr(both, ".yaml:5:28: ") != NULL, "%s",
              both);
    cr_assert(strstr(both, "No such configuration property: \"linger.milliseconds\"") != NULL, "%s",
              both);
    cr_assert(strstr(both, "properties.session.timeout.ms") != NULL, "%s", both);
    cr_assert(strstr(both, "enable.auto.commit cannot be set") != NULL, "%s", both);
    free(said);
    free(printed);
}
