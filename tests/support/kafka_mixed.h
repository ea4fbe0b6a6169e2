/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka messages of every kind, made from their number: keys that are null, empty or text; headers
 * with several values, with bytes that NATS cannot carry, and empty ones; payloads of all bytes,
 * empty ones and tombstones; timestamps of their own. Each has its number in the header "n".
 */
#ifndef NATSWAY_TESTS_KAFKA_MIXED_H
#define NATSWAY_TESTS_KAFKA_MIXED_H

#include "support/kafka_client.h"
#include "support/numbered.h"

#define NWT_MIXED_SIZE 200
/* Message i has this timestamp, plus i milliseconds. */
#define NWT_MIXED_TIME_MS INT64_C(1700000000123)

struct nwt_mixed {
    char key[32];
    size_t key_len;
    bool key_null;
    char payload[NWT_MIXED_SIZE];
    size_t payload_len;
    bool tombstone;
    int64_t timestamp_ms;
    /* Headers in order, beginning with "n". */
    const char *names[6];
    char values[6][40];
    size_t value_lens[6], header_count;
};

/* Message i of n, whose payload_size must be NWT_MIXED_SIZE. */
void nwt_mixed_make(const struct nwt_numbered *n, size_t i, struct nwt_mixed *out);

/* Produce numbers [from, to) of n to the topic; number i goes to partition i % partitions. */
void nwt_mixed_produce(rd_kafka_t *producer, const char *topic, int partitions,
                       const struct nwt_numbered *n, size_t from, size_t to);

/* Note a message that came out of Kafka in n, in the group of its number % groups, after comparing
 * it with what it was; what differs is said and counts as wrong. Headers that begin with Natsway-
 * or Nats- are passed over. */
void nwt_mixed_take(struct nwt_numbered *n, const rd_kafka_message_t *message, unsigned groups);

#endif
