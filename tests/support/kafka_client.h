/* SPDX-License-Identifier: Apache-2.0 */
/* A Kafka client for tests: librdkafka with the errors taken care of (they fail the test). */
#ifndef NATSWAY_TESTS_KAFKA_CLIENT_H
#define NATSWAY_TESTS_KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Make a topic, and wait until the broker knows it. */
void nwt_topic_add(const char *brokers, const char *topic, int partitions);
/* The same with a setting of the topic. */
void nwt_topic_add_with(const char *brokers, const char *topic, int partitions, const char *name,
                        const char *value);

/* Delete a topic; returns when the broker has done it. */
void nwt_topic_delete(const char *brokers, const char *topic);

/* Remove what a partition holds before an offset, as retention does. */
void nwt_topic_remove(const char *brokers, const char *topic, int32_t partition, int64_t before);

/* An idempotent producer; use librdkafka on it (rd_kafka_producev with RD_KAFKA_V_…), and
 * nwt_producer_flush, which fails the test if one message was not stored. */
rd_kafka_t *nwt_producer_new(const char *brokers);
void nwt_producer_flush(rd_kafka_t *producer);
void nwt_producer_free(rd_kafka_t *producer);

/* Read all partitions of a topic from their start to their end, without a group, or until `each`
 * says false; returns how many were read. */
size_t nwt_topic_read(const char *brokers, const char *topic,
                      bool (*each)(void *context, const rd_kafka_message_t *message),
                      void *context);

struct nwt_numbered;
/* Take all that the topic has into n, which is reset before; its partition is the group of each.
 * Returns how many that were. */
size_t nwt_topic_read_numbers(const char *brokers, const char *topic, struct nwt_numbered *n);

/* Who reads all partitions of a topic from their start, what is committed; to be polled. */
rd_kafka_t *nwt_topic_reader(const char *brokers, const char *topic);
void nwt_reader_free(rd_kafka_t *reader);

/* How many messages the topic holds in all partitions; -1 if it cannot be asked. */
int64_t nwt_topic_count(const char *brokers, const char *topic);

/* How many members a group has; -1 if nobody says. */
int nwt_group_members(const char *brokers, const char *group);
/* The sum of the offsets that the group has committed on the topic; 0 for none. */
int64_t nwt_group_committed(const char *brokers, const char *group, const char *topic);

#endif
