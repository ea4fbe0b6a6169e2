/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the set of stored messages is kept: as the metadata of offsets that a group of the route's
 * own has on a topic, which go into the transaction with the messages. The offset is the highest
 * sequence plus one; the text begins on partition 0, and goes on on the next ones where it is too
 * long for one. All calls are the transaction thread's; what they ask the brokers may wait.
 */
#ifndef NATSWAY_CONNECTORS_KAFKA_POSITIONS_H
#define NATSWAY_CONNECTORS_KAFKA_POSITIONS_H

#include "kafka.h"
#include "kafka_stored.h"

struct kafka_positions {
    struct kafka_connection *connection;
    const char *topic;
    const char *group;
    int partitions;   /* of the topic, that are used */
    uint64_t commits; /* of what was sent last; another one each time, and for each who sends */
    uint64_t before;  /* of what was there before that */
    bool known;       /* was read once */
    bool foreign;     /* read: somebody else has stored messages since the last time */
    size_t left;      /* runs that had no place the last time */
    rd_kafka_t *consumer;
};

/* Read the set, and whether it is still ours; *out is replaced. rk: any client. 0; NW_EAGAIN, with
 * the reason: the brokers, or the topic, are not there; NW_EINVAL: what is there is not ours, and
 * *out is empty; NW_ENOMEM. */
int nw_kafka_positions_read(struct kafka_positions *p, rd_kafka_t *rk, struct kafka_stored *out,
                            struct nw_error *error);

/* After a read that failed: whether nothing but a transaction that is not over stands in its way.
 */
bool nw_kafka_positions_hangs(struct kafka_positions *p);
/* How many partitions a topic has; 0: it is not there, or nobody answers. */
int nw_kafka_positions_count(rd_kafka_t *rk, const char *topic, struct nw_error *error);

/* What to send for the set; the caller destroys it. NULL without memory. */
rd_kafka_topic_partition_list_t *nw_kafka_positions_list(struct kafka_positions *p,
                                                         const struct kafka_stored *stored);

/* After the commit: 0, what was sent for it last is what is kept; NW_EAGAIN: nobody says, or it is
 * not over yet; NW_ENOTFOUND: something else is. Waits up to a second. */
int nw_kafka_positions_confirm(struct kafka_positions *p);

void nw_kafka_positions_done(struct kafka_positions *p);

#endif
