/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a message to a record of librdkafka: topic, partition, key, headers, timestamp. The payload
 * is not copied: it stays in the message until librdkafka is done with it. Used by one thread at a
 * time.
 */
#ifndef NATSWAY_CONNECTORS_KAFKA_OUTLET_H
#define NATSWAY_CONNECTORS_KAFKA_OUTLET_H

#include "kafka.h"

#define KAFKA_TOPIC_SLOTS 64 /* a power of two */

struct kafka_outlet {
    const struct kafka_sink_options *options;
    rd_kafka_t *rk;                              /* NULL: there is none at the moment */
    rd_kafka_topic_t *topics[KAFKA_TOPIC_SLOTS]; /* of rk; by hash of the name, the latest stays */
};

/* Use another rk (or NULL), forgetting the topics of the old one, which still is. */
void nw_kafka_outlet_use(struct kafka_outlet *o, rd_kafka_t *rk);

/* Hand one message to librdkafka, which has it until its delivery report, unless there is an error.
 */
rd_kafka_resp_err_t nw_kafka_outlet_produce(struct kafka_outlet *o, struct nw_message *m);

#endif
