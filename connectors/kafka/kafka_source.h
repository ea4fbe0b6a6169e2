/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source: one consumer of a group, with a thread of its own that does all that may wait.
 *
 *     librdkafka ──► messages ──► thread ──nw_offer──► lane
 *          │                        ▲ │
 *          └──► control ────────────┘ └──► commits, every second
 *
 * Messages of all partitions are led into one queue, everything else (rebalances, errors, results
 * of commits) into another: without credit the thread leaves the messages where they are and still
 * takes part in the group. librdkafka stops fetching when queued.max.messages.kbytes are reached.
 * Both queues and the worker wake the thread through one eventfd.
 *
 * Rebalance. Partitions that are to be given up are offered no more; when what is in flight of them
 * is settled, or time is up, their watermarks are committed and they are let go.
 */
#ifndef NATSWAY_CONNECTORS_KAFKA_SOURCE_H
#define NATSWAY_CONNECTORS_KAFKA_SOURCE_H

#include <stdatomic.h>

#include "kafka_partition.h"

#define KAFKA_BATCH 256
#define KAFKA_SECOND_NS INT64_C(1000000000)

struct kafka_source {
    struct nw_endpoint *endpoint;
    const struct nw_endpoint_config *config;
    const struct kafka_source_options *options;
    struct kafka_connection *connection;
    char *group, *group_instance;
    int64_t since_ms;
    int wake;               /* eventfd */
    atomic_bool closing;    /* the worker wants the thread to end */
    atomic_size_t borrowed; /* messages of librdkafka that somebody still reads */

    pthread_mutex_t lock;                /* guards what follows, and each partition */
    bool stopped;                        /* nothing is offered any more */
    bool thread_waits;                   /* for a partition to have nothing in flight */
    struct kafka_partition **partitions; /* changed by the thread only */
    size_t partition_count, partition_capacity;

    /* The thread's own. */
    rd_kafka_t *rk; /* NULL: to be made anew */
    rd_kafka_queue_t *control, *messages;
    struct kafka_partition *latest; /* where the last message was; found first */
    rd_kafka_event_t *rebalance;    /* to be answered */
    int64_t rebalance_until_ns, try_again_ns;
    bool joined, down, commit_pending;
    bool sought;        /* `natsway seek`: it was done, or refused */
    bool stuck;         /* librdkafka does not get into the group: a new consumer is due */
    int64_t outside_ns; /* since when it is not in the group though it could be; 0: it is */
    char outage[256];   /* why brokers are away */
    char missing[256];  /* a topic that is not there or not ours to read */
    char fatal[256];    /* why there is no consumer */
    int64_t make_at_ns, next_second_ns, next_topic_check_ns;
};

/* ---- kafka_consumer.c ---- */

/* Make the consumer and subscribe. 0, or an error with librdkafka's reason. */
int nw_kafka_consumer_make(struct kafka_source *s, struct nw_error *error);
/* Give up what make made, as far as it came. No message is borrowed any more. */
void nw_kafka_consumer_unmake(struct kafka_source *s);
/* The thread; its end is nw_closed() and s is gone. */
void *nw_kafka_consumer_run(void *source);
void nw_kafka_consumer_wake(struct kafka_source *s);
/* Tell the pump where the source stands. Thread. */
void nw_kafka_consumer_report(struct kafka_source *s);

/* ---- kafka_rebalance.c ---- */

/* Take a rebalance event; it is answered by nw_kafka_rebalance_go_on. Owns the event. */
void nw_kafka_rebalance_begin(struct kafka_source *s, rd_kafka_event_t *event);
/* One step towards the answer. */
void nw_kafka_rebalance_go_on(struct kafka_source *s);
/* All partitions are gone; without commit. */
void nw_kafka_rebalance_lose_all(struct kafka_source *s);
/* Free partitions that are gone and have nothing in flight. */
void nw_kafka_rebalance_sweep(struct kafka_source *s);
/* Ask the broker for the first offset of a time in milliseconds (negative if there is none), or of
 * RD_KAFKA_OFFSET_BEGINNING or …_END. False without an answer in time. Not by
 * rd_kafka_query_watermark_offsets(), which waits for socket.timeout.ms, whatever its time limit
 * says (seen with 2.0.2). */
bool nw_kafka_offset_of(struct kafka_source *s, const char *topic, int32_t partition, int64_t when,
                        int timeout_ms, int64_t *offset);

/* ---- kafka_commit.c ---- */

/* Send the watermarks that are not committed yet; the result comes as an event. */
void nw_kafka_commit(struct kafka_source *s);
void nw_kafka_commit_result(struct kafka_source *s, rd_kafka_event_t *event);
/* Commit what is left and wait for the result, up to timeout_ms. */
void nw_kafka_commit_last(struct kafka_source *s, int timeout_ms);
/* Tell the pump how many messages wait. */
void nw_kafka_lag(struct kafka_source *s);

/* ---- kafka_removed.c ---- */

/* Where the group stands may be removed by now: then `at` is what comes first. False: the broker
 * does not answer. */
bool nw_kafka_removed_at_start(struct kafka_source *s, rd_kafka_topic_partition_t *at);
/* A message of this offset has come. */
void nw_kafka_removed_note(struct kafka_source *s, struct kafka_partition *p, int64_t offset);
/* Find out what a gap is. Once a second. */
void nw_kafka_removed_look(struct kafka_source *s);

/* ---- kafka_seek.c ---- */

/* Do what the configuration's `seek` says, once, when the group is joined. */
void nw_kafka_seek(struct kafka_source *s);

/* ---- kafka_source.c ---- */

/* What names the consumer of a lane for the group's coordinator; to be freed. NULL: no memory. */
char *nw_kafka_group_instance(const struct nw_endpoint_config *config, unsigned lane);

/* Free s, whose thread has ended. */
void nw_kafka_source_free(struct kafka_source *s);

#endif
