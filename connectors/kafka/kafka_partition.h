/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One assigned partition of a source, and which of its messages are in flight.
 *
 * Messages are settled in any order; committed is only what is contiguous. A ring holds one entry
 * for each message from the first unsettled one on. Offsets need not be contiguous (compaction,
 * transaction markers) and may even fall (a topic made anew), so entries are counted by sequence
 * numbers of our own.
 *
 *     tail                          head
 *      v                             v
 *      [ taken | settled | taken ... ]      watermark: behind the last entry that left at the tail
 *
 * All functions are called with the source's lock held.
 */
#ifndef NATSWAY_CONNECTORS_KAFKA_PARTITION_H
#define NATSWAY_CONNECTORS_KAFKA_PARTITION_H

#include "kafka.h"

#define KAFKA_NO_OFFSET INT64_C(-1)

enum kafka_partition_state {
    KAFKA_PARTITION_ACTIVE,
    KAFKA_PARTITION_REWINDING, /* a message must come again: nothing is offered until we sought */
    KAFKA_PARTITION_REVOKING,  /* nothing is offered any more */
    KAFKA_PARTITION_GONE       /* not ours any more; freed with its last message in flight */
};

/* Invariants: tail <= head; head - tail <= capacity; in_flight <= head - tail. */
struct kafka_partition {
    char *topic;
    int32_t number;
    enum kafka_partition_state state;
    const rd_kafka_topic_t *handle; /* of its messages; NULL before the first */
    int64_t start;                  /* where the assignment began; may be logical */
    int64_t watermark;              /* next offset to commit; KAFKA_NO_OFFSET: nothing yet */
    int64_t committed;              /* handed to the last commit */
    int64_t rewind_at_ns;           /* rewinding: not before */
    /* Of the source's thread: the offset behind the last message, and the first gap (to 0: none)
     * of which it is not known yet what it is. */
    int64_t next, gap_from, gap_to;
    int64_t repeats_to; /* of the source's thread: what is before it was read already */
    uint64_t head, tail;
    size_t in_flight; /* offered and not settled */
    struct kafka_entry *entries;
    size_t capacity; /* a power of two */
    char *origin;    /* "kafka:TOPIC/NUMBER/" */
    size_t origin_len;
};

/* NULL without memory. */
struct kafka_partition *nw_kafka_partition_new(const char *topic, int32_t number, int64_t start);
void nw_kafka_partition_free(struct kafka_partition *p);

/* A message with this offset is about to be offered. Its sequence number into *sequence; false
 * without memory. */
bool nw_kafka_partition_take(struct kafka_partition *p, int64_t offset, uint64_t *sequence);

/* It is settled; `delivered` false: it must come again, and the watermark stays before it. */
void nw_kafka_partition_settle(struct kafka_partition *p, uint64_t sequence, bool delivered);

/* Forget all entries: reading begins again at the returned offset (which may be logical). Nothing
 * may be in flight. */
int64_t nw_kafka_partition_rewind(struct kafka_partition *p);

#endif
