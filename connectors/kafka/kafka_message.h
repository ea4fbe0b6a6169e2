/* SPDX-License-Identifier: Apache-2.0 */
/* From librdkafka's message to ours: key, headers and payload stay where they are, borrowed. */
#ifndef NATSWAY_CONNECTORS_KAFKA_MESSAGE_H
#define NATSWAY_CONNECTORS_KAFKA_MESSAGE_H

#include "kafka_source.h"

/* What settle and release need of a message; it lives in the message, which has it as cookie. */
struct kafka_taken {
    struct kafka_source *source;
    rd_kafka_message_t *message;
    struct kafka_partition *partition; /* valid until the message is settled */
    uint64_t sequence;
};

/* Takes m, which is destroyed when the last reader is done. NULL without memory: m is still the
 * caller's. The message must be given to nw_kafka_partition_take before it is offered. */
struct nw_message *nw_kafka_message(struct kafka_source *s, struct kafka_partition *p,
                                    rd_kafka_message_t *m);

#endif
