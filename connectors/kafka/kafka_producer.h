/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A producer: one librdkafka producer and a thread that takes its delivery reports. The sinks of a
 * connection share one; those with properties or a partitioner of their own share another.
 *
 * Order. librdkafka keeps the order of a partition through every outage. When the broker refuses a
 * record for good (too large, invalid), all records of its batch fail with it, and later ones must
 * not pass: the producer stops itself (enable.gapless.guarantee), everything unconfirmed goes back
 * to the pump as RETRY, and a new producer takes over. A record larger than a batch was alone in
 * its own, and becomes REJECT at once. If it was the batch that is too large for the topic, the new
 * producer makes batches of half the size. It is *careful* at first: one record is under way at a
 * time, so that a refusal is the record's own and becomes REJECT. That also makes it known to the
 * brokers: to one that knows nothing of a producer any number is the first of a sequence, so of
 * two batches it could take the second though it refused the first.
 *
 * Threads: send runs on workers, delivery reports on the producer's thread. sink->lock keeps the
 * order between messages that wait (librdkafka's queue was full, or a new producer is being made)
 * and those sent after them. Locks are taken in the order producer, sink.
 */
#ifndef NATSWAY_CONNECTORS_KAFKA_PRODUCER_H
#define NATSWAY_CONNECTORS_KAFKA_PRODUCER_H

#include <stdatomic.h>

#include "kafka_outlet.h"

struct kafka_sink;
struct kafka_transaction;

struct kafka_producer {
    struct kafka_producer *next; /* of the connection; guarded by its lock */
    struct kafka_connection *connection;
    struct nw_pairs properties; /* a copy */
    char *partitioner;
    pthread_t thread;

    /* Recursive: while the thread goes over the sinks, one of them may end and leave the list. */
    pthread_mutex_t lock; /* guards sinks, rk, queue, state and text */
    struct kafka_sink *sinks;
    rd_kafka_t *rk; /* NULL while none can be made */
    rd_kafka_queue_t *queue;
    enum nw_state state;
    char text[256];

    atomic_bool stopping, waiting, purge;

    /* The thread's own. */
    char outage[256];     /* what librdkafka said last of brokers that are away */
    bool careful;         /* one record at a time; the lock is held to change it */
    bool careful_sent;    /* … and that one is under way */
    size_t careful_left;  /* messages still to be delivered so */
    size_t careful_first; /* … by the producer to be made */
    bool replacing;
    bool refuses;               /* some topic has refused a record, at any time */
    bool refused, refused_size; /* a record, or a batch for its size, since rk was made */
    bool rejected;              /* the refused record is known */
    size_t batch_size;          /* bytes; what rk has */
    size_t smaller_batch_size;  /* than the properties say; 0: as they say */
    int drain_left;             /* messages that were not back at the last look */
    int64_t drain_until_ns, make_at_ns;
};

struct kafka_sink {
    struct nw_endpoint *endpoint;
    struct kafka_transaction *transaction; /* not NULL: it does all, and nothing below is used */
    bool fixed_topic;                      /* the address is no template */
    bool topic_missing;                    /* said so; producer's thread */
    struct kafka_producer *producer;
    struct kafka_sink *next;   /* guarded by the producer's lock */
    atomic_size_t outstanding; /* with librdkafka, and one more until close */

    pthread_mutex_t lock;        /* guards what follows */
    struct kafka_outlet outlet;  /* without rk while a new one is being made */
    bool careful;                /* only the producer's thread hands over */
    struct nw_message **waiting; /* a ring, oldest first */
    size_t waiting_first, waiting_count, waiting_capacity;
};

/* The connection's producer for these properties and partitioner, made if there is none. 0 or an
 * error with librdkafka's reason. Worker thread. */
int nw_kafka_producer_get(struct kafka_connection *connection, const struct kafka_sink_options *own,
                          struct kafka_producer **out, struct nw_error *error);

/* The name of the chosen partitioner, out of the row's choices. */
void nw_kafka_partitioner_name(int index, char *out, size_t size);

/* From now on the sink sends through p and is told its state; it ends when outstanding is 0. */
void nw_kafka_producer_attach(struct kafka_producer *p, struct kafka_sink *sink);
/* Any thread, once: the last message is back and the sink is closed. */
void nw_kafka_producer_detach(struct kafka_producer *p, struct kafka_sink *sink);

/* Some messages of a sink wait: try again with the next delivery reports. Any thread. */
void nw_kafka_producer_waiting(struct kafka_producer *p);
/* A sink closes: give up what librdkafka still has. Any thread. */
void nw_kafka_producer_purge(struct kafka_producer *p);

/* Make the first librdkafka producer of p and start the thread. 0 or an error with the reason. */
int nw_kafka_producer_start(struct kafka_producer *p, struct nw_error *error);
/* Let the thread look at what is to be done. Any thread. */
void nw_kafka_producer_wake(struct kafka_producer *p);

/* Stop all producers of the connection; no sink is attached any more. */
void nw_kafka_producers_stop(struct kafka_connection *connection);

/* ---- what the producer's thread calls of a sink ---- */

/* Hand up to `most` of what waits to rk, until it is full again; returns how many. Takes the lock.
 */
size_t nw_kafka_sink_send_waiting(struct kafka_sink *sink, size_t most);
/* Take all that waits out, as RETRY. Takes the lock. */
void nw_kafka_sink_return_waiting(struct kafka_sink *sink, const char *reason);
/* Set another rk (or NULL), forgetting the topics of the old. Takes the lock. */
void nw_kafka_sink_use(struct kafka_sink *sink, rd_kafka_t *rk, bool careful);
/* From now on send hands over by itself. Takes the lock. */
void nw_kafka_sink_end_careful(struct kafka_sink *sink);
/* `n` messages are back. The last one of a closed sink closes it. */
void nw_kafka_sink_returned(struct kafka_sink *sink, size_t n);

/* What an error of librdkafka means for a message. alone: it was in no batch with others. Writes
 * the reason, which must live until nw_done. */
struct nw_result nw_kafka_sink_result(bool fixed_topic, struct nw_message *message,
                                      rd_kafka_resp_err_t error, bool alone);

/* Whether the broker refuses the record itself (or one in the same batch). */
bool nw_kafka_is_refusal(rd_kafka_resp_err_t error);

#endif
