/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of the Kafka connector and the rows of its options. */
#include "kafka.h"

#define CONNECTION(member) offsetof(struct kafka_connection_options, member)
#define TLS(member) offsetof(struct kafka_tls_options, member)
#define SOURCE(member) offsetof(struct kafka_source_options, member)
#define SINK(member) offsetof(struct kafka_sink_options, member)

static const struct nw_option tls_rows[] = {
    {.name = "enabled",
     .type = NW_OPTION_BOOL,
     .offset = TLS(enabled),
     .standard = "false",
     .doc = "Use TLS; any of the files below says so too"},
    {.name = "ca",
     .type = NW_OPTION_PATH,
     .offset = TLS(ca),
     .doc = "Certificates that the brokers' are checked with; without it the system's"},
    {.name = "cert", .type = NW_OPTION_PATH, .offset = TLS(cert), .doc = "Own certificate"},
    {.name = "key", .type = NW_OPTION_PATH, .offset = TLS(key), .doc = "Own private key"},
    {.name = "key_password",
     .type = NW_OPTION_SECRET,
     .offset = TLS(key_password),
     .doc = "What the private key is encrypted with"},
    {.name = "verify",
     .type = NW_OPTION_BOOL,
     .offset = TLS(verify),
     .standard = "true",
     .doc = "Check the brokers' certificates and names"},
    {.name = NULL}};

const struct nw_option nw_kafka_connection_rows[] = {
    {.name = "brokers",
     .type = NW_OPTION_LIST,
     .offset = CONNECTION(brokers),
     .flags = NW_OPTION_REQUIRED,
     .doc = "Brokers to begin with, host:port; the others are found through them"},
    {.name = "user", .type = NW_OPTION_TEXT, .offset = CONNECTION(user), .doc = "User name (SASL)"},
    {.name = "password",
     .type = NW_OPTION_SECRET,
     .offset = CONNECTION(password),
     .doc = "Password of the user"},
    {.name = "mechanism",
     .type = NW_OPTION_CHOICE,
     .offset = CONNECTION(mechanism),
     .standard = "plain",
     .choices = "plain|scram-sha-256|scram-sha-512",
     .doc = "How user and password are presented"},
    {.name = "tls",
     .type = NW_OPTION_GROUP,
     .offset = CONNECTION(tls),
     .rows = tls_rows,
     .doc = "TLS towards the brokers"},
    {.name = "properties",
     .type = NW_OPTION_PAIRS,
     .offset = CONNECTION(properties),
     .doc = "Any property of librdkafka, for all endpoints of the connection"},
    {.name = NULL}};

const struct nw_option nw_kafka_source_rows[] = {
    {.name = "group",
     .type = NW_OPTION_TEXT,
     .offset = SOURCE(group),
     .doc = "Consumer group; default: bridge and route"},
    {.name = "topics",
     .type = NW_OPTION_LIST,
     .offset = SOURCE(topics),
     .doc = "Further topics; the address may then be empty"},
    {.name = "start",
     .type = NW_OPTION_CHOICE,
     .offset = SOURCE(start),
     .standard = "earliest",
     .choices = "earliest|latest|since=",
     .doc = "Where to begin in a partition that the group has no position in; since: a time "
            "(2026-01-31T12:00:00Z) or a duration back from now (2h)"},
    {.name = "isolation",
     .type = NW_OPTION_CHOICE,
     .offset = SOURCE(isolation),
     .standard = "read_committed",
     .choices = "read_committed|read_uncommitted",
     .doc = "Whether messages of open and aborted transactions are read"},
    {.name = "properties",
     .type = NW_OPTION_PAIRS,
     .offset = SOURCE(properties),
     .doc = "Any property of librdkafka, for this consumer; wins over the connection's"},
    {.name = NULL}};

const struct nw_option nw_kafka_sink_rows[] = {
    {.name = "key",
     .type = NW_OPTION_TEMPLATE,
     .offset = SINK(key),
     .fill = NW_FILL_TEXT,
     .doc = "Key; without it the message's own, which may be none"},
    {.name = "partition",
     .type = NW_OPTION_TEMPLATE,
     .offset = SINK(partition),
     .fill = NW_FILL_TEXT,
     .doc = "Number of the partition; without it the partitioner chooses"},
    {.name = "partitioner",
     .type = NW_OPTION_CHOICE,
     .offset = SINK(partitioner),
     .standard = "murmur2_random",
     .choices = KAFKA_PARTITIONERS,
     .doc = "How the key chooses the partition; murmur2_random is what Java clients do"},
    {.name = "timestamp",
     .type = NW_OPTION_CHOICE,
     .offset = SINK(timestamp),
     .standard = "keep",
     .choices = "keep|now",
     .doc = "Keep the message's timestamp, or set the time of sending"},
    {.name = "tombstones",
     .type = NW_OPTION_CHOICE,
     .offset = SINK(tombstones),
     .standard = "marked",
     .choices = "marked|empty|never",
     .doc = "What becomes a tombstone: messages that are marked as one, every empty message, none"},
    {.name = "request",
     .type = NW_OPTION_DURATION,
     .offset = SINK(request_ms),
     .doc = "Not available yet"},
    {.name = "transactional",
     .type = NW_OPTION_BOOL,
     .offset = SINK(transactional),
     .standard = "false",
     .doc =
         "Send in transactions, with the position in the stream: exactly once for consumers that "
         "read what is committed. From a JetStream source, with one lane; of several processes one "
         "runs the route, by a lease in the KV bucket natsway-leases"},
    {.name = "transaction_time",
     .type = NW_OPTION_DURATION,
     .offset = SINK(transaction_ms),
     .standard = "100ms",
     .min = 1,
     .max = 10000,
     .doc = "How long a transaction takes messages before it is committed"},
    {.name = "transaction_messages",
     .type = NW_OPTION_INT,
     .offset = SINK(transaction_messages),
     .standard = "10000",
     .min = 1,
     .max = 1000000,
     .doc = "How many messages it takes; no more than half of the route's max_in_flight"},
    {.name = "position_topic",
     .type = NW_OPTION_TEXT,
     .offset = SINK(position_topic),
     .doc = "Topic that the position is kept on, as an offset of the group natsway/BRIDGE/ROUTE; "
            "default: the address, if it is no template"},
    {.name = "properties",
     .type = NW_OPTION_PAIRS,
     .offset = SINK(properties),
     .doc = "Any property of librdkafka; sinks with properties have a producer of their own"},
    {.name = NULL}};

static const struct nw_connector connector = {
    NW_CONNECTOR_HEAD,
    .name = "kafka",
    .version = "0.1.0",
    .summary = "Apache Kafka and what speaks its protocol, through librdkafka",
    .connection = &nw_kafka_connection_kind,
    .source = &nw_kafka_source_kind,
    .sink = &nw_kafka_sink_kind,
};

NW_CONNECTOR(kafka)
{
    return &connector;
}
