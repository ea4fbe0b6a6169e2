/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the Kafka connector share: the options, and the connection. The rows that fill
 * the options are in kafka.c.
 */
#ifndef NATSWAY_CONNECTORS_KAFKA_H
#define NATSWAY_CONNECTORS_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <natsway/connector.h>
#include <pthread.h>

struct kafka_tls_options {
    bool enabled;
    const char *ca, *cert, *key;
    const char *key_password;
    bool verify;
};

enum kafka_mechanism { KAFKA_PLAIN, KAFKA_SCRAM_SHA_256, KAFKA_SCRAM_SHA_512 };

struct kafka_connection_options {
    struct nw_list brokers;
    const char *user, *password;
    struct nw_choice mechanism; /* enum kafka_mechanism */
    struct kafka_tls_options tls;
    struct nw_pairs properties;
};

enum kafka_start { KAFKA_START_EARLIEST, KAFKA_START_LATEST, KAFKA_START_SINCE };
enum kafka_isolation { KAFKA_READ_COMMITTED, KAFKA_READ_UNCOMMITTED };

struct kafka_source_options {
    const char *group; /* NULL: bridge and route */
    struct nw_list topics;
    struct nw_choice start;     /* enum kafka_start */
    struct nw_choice isolation; /* enum kafka_isolation */
    struct nw_pairs properties;
};

enum kafka_timestamp { KAFKA_TIMESTAMP_KEEP, KAFKA_TIMESTAMP_NOW };
enum kafka_tombstones { KAFKA_TOMBSTONES_MARKED, KAFKA_TOMBSTONES_EMPTY, KAFKA_TOMBSTONES_NEVER };

struct kafka_sink_options {
    uint32_t key; /* read by the host, which puts it into the message */
    uint32_t partition;
    struct nw_choice partitioner;
    struct nw_choice timestamp;  /* enum kafka_timestamp */
    struct nw_choice tombstones; /* enum kafka_tombstones */
    int64_t request_ms;
    bool transactional;
    int64_t transaction_ms, transaction_messages;
    const char *position_topic; /* NULL: the address */
    struct nw_pairs properties;
};

/* The names of the choices of `partitioner`, as librdkafka spells them. */
#define KAFKA_PARTITIONERS \
    "murmur2_random|murmur2|consistent_random|consistent|fnv1a_random|fnv1a|random"

extern const struct nw_connection_kind nw_kafka_connection_kind;
extern const struct nw_source_kind nw_kafka_source_kind;
extern const struct nw_sink_kind nw_kafka_sink_kind;
extern const struct nw_option nw_kafka_connection_rows[], nw_kafka_source_rows[],
    nw_kafka_sink_rows[];

struct kafka_producer;

/* The state of a connection: how to reach the brokers, and the producers that its sinks share. */
struct kafka_connection {
    struct nw_connection *host;
    const struct nw_connection_config *config;
    const struct kafka_connection_options *options;
    pthread_mutex_t lock; /* guards producers */
    struct kafka_producer *producers;
};

#endif
