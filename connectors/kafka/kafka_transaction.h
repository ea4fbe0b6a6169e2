/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transactional sink: a producer and a thread of its own, because what begins and ends a
 * transaction waits for the brokers.
 *
 *     send ──► incoming ──► held ──► transaction: messages, and which of the stream they are
 *                            ▲              │ commit                    │ abort
 *                            └──────────────┼───────────────────────────┘
 *                                           ▼
 *                                     done, all of them
 *
 * The messages of a transaction stay held until it is committed: when it is aborted they are
 * produced again, in order. Which messages of the stream are stored (kafka_stored.h) is written in
 * the same transaction, and read back whenever the producer is new (kafka_positions.h): so what
 * comes again though it was stored is confirmed without being sent. Who makes a producer of the
 * same name ends the transactions of the former one for good.
 *
 * A record that the broker refuses ends its transaction. The next one takes half as many messages,
 * until the refused record is alone in one: that is rejected, and transactions grow again.
 *
 * Threads: send and close run on a worker and only touch what `lock` guards; all else is the
 * thread's.
 */
#ifndef NATSWAY_CONNECTORS_KAFKA_TRANSACTION_H
#define NATSWAY_CONNECTORS_KAFKA_TRANSACTION_H

#include <stdatomic.h>

#include "kafka_outlet.h"
#include "kafka_positions.h"

struct kafka_transaction {
    struct nw_endpoint *endpoint;
    const struct nw_endpoint_config *config;
    const struct kafka_sink_options *options;
    struct kafka_connection *connection;
    char *name; /* of the producer and of the group: natsway/BRIDGE/ROUTE */
    bool fixed_topic;

    pthread_mutex_t lock;         /* guards incoming, closing and waits */
    pthread_cond_t wake;          /* for the thread, which waits */
    struct nw_message **incoming; /* as held, has room for all that may be in flight */
    size_t incoming_count;
    bool closing, waits;

    /* The thread's own. */
    struct kafka_outlet outlet; /* with rk, or without while there is none */
    struct kafka_positions positions;
    rd_kafka_consumer_group_metadata_t *group;
    bool ready;                 /* rk may begin transactions, and stored is known */
    struct kafka_stored stored; /* with the last transaction that was committed */
    struct kafka_stored next;   /* and with the one that is open */

    struct nw_message **held; /* in order */
    size_t held_count;
    size_t taken;    /* of them, from the first: in the transaction, or done already (NULL) */
    size_t produced; /* of those taken */
    bool open;       /* there is a transaction */
    size_t most;     /* messages of one */
    size_t limit;    /* of this one */
    int64_t until_ns;
    rd_kafka_resp_err_t failed; /* a record of this one, and why */

    int hangs;        /* so often a transaction that is not over was in the way of the position */
    int64_t wait_ms;  /* before the next try, when something fails now */
    unsigned aborted; /* so many transactions in a row, and no record was why */
    char outage[256]; /* what librdkafka said last of brokers that are away */
    bool suspect;     /* … and that none is there */
    bool down;        /* said so */
    bool told_left;

    _Atomic int64_t calling_since_ns; /* a call to librdkafka; 0: none is under way */
    pthread_t watcher;                /* looks at it */
    pthread_cond_t watch_wake;
    bool watched;
};

/* What became of a call to librdkafka. */
enum kafka_outcome {
    KAFKA_DONE,
    KAFKA_ABORT, /* the transaction has failed */
    KAFKA_ANEW   /* this producer has: another one is needed */
};

/* ---- kafka_transaction.c: as the sink is called; worker thread ---- */

int nw_kafka_transaction_open(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                              struct kafka_transaction **out, struct nw_error *error);
void nw_kafka_transaction_send(struct kafka_transaction *t, struct nw_message *const *messages,
                               size_t n);
/* Ends with nw_closed(). */
void nw_kafka_transaction_close(struct kafka_transaction *t);

/* ---- kafka_transaction_run.c: its thread ---- */

void *nw_kafka_transaction_run(void *transaction);
/* Wait until there are messages, which are held then, the sink closes, or the time is over; whether
 * there are. */
bool nw_kafka_transaction_wait(struct kafka_transaction *t, int64_t until_ns);
/* Wait so long, less when the sink closes. */
void nw_kafka_transaction_rest(struct kafka_transaction *t, int64_t ms);
/* Wait before the next try, longer each time; less when the sink closes. */
void nw_kafka_transaction_pause(struct kafka_transaction *t);
bool nw_kafka_transaction_closes(struct kafka_transaction *t);
/* The thread has ended. */
void nw_kafka_transaction_free(struct kafka_transaction *t);

/* ---- kafka_transaction_watch.c: from when stored is known until the end ---- */

void nw_kafka_transaction_watch(struct kafka_transaction *t);
/* Waits until it has ended; the sink closes. */
void nw_kafka_transaction_unwatch(struct kafka_transaction *t);

/* ---- kafka_transaction_calls.c: its producer ---- */

/* Make it. 0, or an error that will not go away by itself. */
int nw_kafka_transaction_make(struct kafka_transaction *t, struct nw_error *error);
void nw_kafka_transaction_unmake(struct kafka_transaction *t);
/* One try to get ready, and to read what is stored. */
void nw_kafka_transaction_prepare(struct kafka_transaction *t);
enum kafka_outcome nw_kafka_transaction_begin(struct kafka_transaction *t);
enum kafka_outcome nw_kafka_transaction_flush(struct kafka_transaction *t);
/* As it is in `next`. */
enum kafka_outcome nw_kafka_transaction_send_position(struct kafka_transaction *t);
/* With what is stored then. */
enum kafka_outcome nw_kafka_transaction_commit(struct kafka_transaction *t);
enum kafka_outcome nw_kafka_transaction_abort(struct kafka_transaction *t);
/* kafka_transaction_resolve.c: end what a broker has forgotten to end. */
enum kafka_outcome nw_kafka_transaction_resolve(struct kafka_transaction *t);
/* Take what librdkafka has to say, and find out whether brokers are there, if that is in doubt. */
bool nw_kafka_transaction_look(struct kafka_transaction *t);
/* Tell the pump that it works, or why not. */
void nw_kafka_transaction_up(struct kafka_transaction *t);
void nw_kafka_transaction_down(struct kafka_transaction *t, const char *why);

#endif
