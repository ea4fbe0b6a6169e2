/* SPDX-License-Identifier: Apache-2.0 */
/* What a transaction asks of librdkafka, and what its answers mean. Each call waits a second at
 * most, and is made again as long as the answer is that it goes on. */
#include <stdio.h>
#include <string.h>

#include "kafka_connection.h"
#include "kafka_producer.h"
#include "kafka_properties.h"
#include "kafka_transaction.h"

#define CALL_MS 1000
#define PROBE_MS 500
#define FLUSHES 5
#define CONFIRMS 10
#define FOREIGN_MS 6000
/* Reads in a row that a transaction stands in the way of: a quarter of a minute. */
#define HANGS 3

/* ---- state ---- */

void nw_kafka_transaction_up(struct kafka_transaction *t)
{
    t->down = t->suspect = false;
    nw_endpoint_state(t->endpoint, NW_STATE_READY, NULL);
}

void nw_kafka_transaction_down(struct kafka_transaction *t, const char *why)
{
    t->down = true;
    nw_endpoint_state(t->endpoint, NW_STATE_DOWN, why);
}

bool nw_kafka_transaction_look(struct kafka_transaction *t)
{
    bool there = true;

    if (t->outlet.rk == NULL) {
        return false;
    }
    (void)rd_kafka_poll(t->outlet.rk, 0);
    if (!t->suspect && !t->down) {
        return true;
    }
    there = nw_kafka_reachable(t->outlet.rk, PROBE_MS);
    if (!there) {
        nw_kafka_transaction_down(t, t->outage[0] != '\0' ? t->outage : "no broker answers");
    } else if (t->ready && t->held_count == 0) {
        nw_kafka_transaction_up(t); /* otherwise the next commit says so */
    }
    t->suspect = false;
    return there;
}

/* ---- callbacks; the thread's, from the calls below ---- */

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct kafka_transaction *t = rd_kafka_opaque(rk);

    (void)level;
    nw_connection_log(t->connection->host, NW_LOG_DEBUG, "librdkafka %s: %s", facility, text);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_transaction *t = opaque;

    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        t->suspect = true;
    } else if (nw_kafka_is_outage((rd_kafka_resp_err_t)code)) {
        nw_kafka_plain_text(reason, t->outage, sizeof t->outage);
    }
}

/* Only of records that were not stored. The first that failed by itself says why. */
static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *report, void *opaque)
{
    struct kafka_transaction *t = opaque;

    (void)rk;
    if (t->failed == RD_KAFKA_RESP_ERR_NO_ERROR && report->err != RD_KAFKA_RESP_ERR__PURGE_QUEUE &&
        report->err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
        t->failed = report->err;
    }
}

/* ---- making ---- */

static bool is_given(const struct nw_pairs *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Unless the user sets it. */
static int set_unless(struct kafka_transaction *t, rd_kafka_conf_t *conf, const char *name,
                      const char *value, struct nw_error *error)
{
    return is_given(&t->options->properties, name) ||
                   is_given(&t->connection->options->properties, name)
               ? 0
               : nw_kafka_property_set(conf, name, value, error);
}

/* A failed record fails the transaction, so that there are no gaps anyway; and it may not outlive
 * the transaction. */
static int configure(struct kafka_transaction *t, rd_kafka_conf_t *conf, struct nw_error *error)
{
    char partitioner[32], timeout[24];
    size_t len = sizeof timeout;
    /* For so long the messages of a process that ends stop those who read behind them. */
    int rc = set_unless(t, conf, "transaction.timeout.ms", "30000", error);

    nw_kafka_partitioner_name(t->options->partitioner.index, partitioner, sizeof partitioner);
    (void)rd_kafka_conf_get(conf, "transaction.timeout.ms", timeout, &len);
    rc = rc != 0 ? rc : nw_kafka_property_set(conf, "transactional.id", t->name, error);
    rc = rc != 0 ? rc : nw_kafka_property_set(conf, "partitioner", partitioner, error);
    rc = rc != 0 ? rc : nw_kafka_property_set(conf, "enable.gapless.guarantee", "false", error);
    rc = rc != 0 ? rc : nw_kafka_property_set(conf, "message.timeout.ms", timeout, error);
    rc = rc != 0 ? rc : nw_kafka_property_set(conf, "delivery.report.only.error", "true", error);
    /* A broker is not ready for the next transaction for a few milliseconds after each. */
    rc = rc != 0 ? rc : set_unless(t, conf, "retry.backoff.ms", "10", error);
    /* A call that sends the position waits for so long. */
    rc = rc != 0 ? rc : set_unless(t, conf, "socket.timeout.ms", "10000", error);
    rd_kafka_conf_set_opaque(conf, t);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    return rc;
}

int nw_kafka_transaction_make(struct kafka_transaction *t, struct nw_error *error)
{
    rd_kafka_conf_t *conf;
    rd_kafka_t *rk = NULL;
    char text[400];
    int rc = nw_kafka_properties_conf(RD_KAFKA_PRODUCER, t->connection->options,
                                      &t->options->properties, &conf, error);

    if (rc != 0) {
        return rc;
    }
    rc = configure(t, conf, error);
    if (rc == 0) {
        rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
        rc = rk != NULL ? 0 : nw_error_set(error, NW_EINVAL, "%s", text);
    }
    if (rc != 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    nw_kafka_outlet_use(&t->outlet, rk);
    t->ready = t->open = false;
    return 0;
}

void nw_kafka_transaction_unmake(struct kafka_transaction *t)
{
    rd_kafka_t *rk = t->outlet.rk;

    nw_kafka_outlet_use(&t->outlet, NULL);
    if (rk != NULL) {
        rd_kafka_destroy(rk);
    }
    t->ready = t->open = false;
}

/* ---- calls ---- */

static enum kafka_outcome meaning(rd_kafka_error_t *error)
{
    return rd_kafka_error_is_fatal(error)             ? KAFKA_ANEW
           : rd_kafka_error_txn_requires_abort(error) ? KAFKA_ABORT
           : rd_kafka_error_is_retriable(error)       ? KAFKA_DONE
                                                      : KAFKA_ANEW;
}

/* Why it cannot go on. A record that failed has its own reason. */
static void say(struct kafka_transaction *t, rd_kafka_error_t *error)
{
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);

    if (code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
        code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH) {
        nw_kafka_transaction_down(t,
                                  "another process runs this route: its producer has taken over");
    } else if (t->failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
        nw_kafka_transaction_down(t, rd_kafka_error_string(error));
    }
}

/* Make the call until it is done or has failed. */
static enum kafka_outcome carry_out(struct kafka_transaction *t,
                                    rd_kafka_error_t *(*call)(struct kafka_transaction *t))
{
    for (;;) {
        rd_kafka_error_t *error;
        enum kafka_outcome outcome;
        atomic_store(&t->calling_since_ns, nw_clock_monotonic_ns());
        error = call(t);
        atomic_store(&t->calling_since_ns, 0);
        outcome = error == NULL ? KAFKA_DONE : meaning(error);
        if (error == NULL) {
            return KAFKA_DONE;
        }
        if (outcome != KAFKA_DONE) {
            say(t, error);
        } else if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__TIMED_OUT) {
            nw_kafka_transaction_pause(t);
        }
        rd_kafka_error_destroy(error);
        if (outcome != KAFKA_DONE) {
            return outcome;
        }
        if (nw_kafka_transaction_closes(t)) {
            return KAFKA_ANEW;
        }
        t->suspect = true;
        (void)nw_kafka_transaction_look(t);
    }
}

static rd_kafka_error_t *call_init(struct kafka_transaction *t)
{
    return rd_kafka_init_transactions(t->outlet.rk, CALL_MS);
}

static rd_kafka_error_t *call_begin(struct kafka_transaction *t)
{
    return rd_kafka_begin_transaction(t->outlet.rk);
}

static rd_kafka_error_t *call_send_position(struct kafka_transaction *t)
{
    rd_kafka_topic_partition_list_t *list = nw_kafka_positions_list(&t->positions, &t->next);
    rd_kafka_error_t *error;

    if (list == NULL) {
        return rd_kafka_error_new(RD_KAFKA_RESP_ERR__FAIL, "out of memory");
    }
    error = rd_kafka_send_offsets_to_transaction(t->outlet.rk, list, t->group, CALL_MS);
    rd_kafka_topic_partition_list_destroy(list);
    return error;
}

static rd_kafka_error_t *call_commit(struct kafka_transaction *t)
{
    return rd_kafka_commit_transaction(t->outlet.rk, CALL_MS);
}

static rd_kafka_error_t *call_abort(struct kafka_transaction *t)
{
    return rd_kafka_abort_transaction(t->outlet.rk, CALL_MS);
}

enum kafka_outcome nw_kafka_transaction_begin(struct kafka_transaction *t)
{
    enum kafka_outcome outcome = carry_out(t, call_begin);

    t->open = outcome == KAFKA_DONE;
    return outcome;
}

enum kafka_outcome nw_kafka_transaction_send_position(struct kafka_transaction *t)
{
    return carry_out(t, call_send_position);
}

/* All records to the brokers: while those are away, this is where it is noticed. Where they are
 * there and take none, the next call says why. */
enum kafka_outcome nw_kafka_transaction_flush(struct kafka_transaction *t)
{
    int left = FLUSHES;

    while (left > 0 && t->failed == RD_KAFKA_RESP_ERR_NO_ERROR &&
           rd_kafka_flush(t->outlet.rk, CALL_MS) == RD_KAFKA_RESP_ERR__TIMED_OUT) {
        if (nw_kafka_transaction_closes(t)) {
            return KAFKA_ANEW;
        }
        t->suspect = true;
        left -= nw_kafka_transaction_look(t) ? 1 : 0;
    }
    return t->failed == RD_KAFKA_RESP_ERR_NO_ERROR ? KAFKA_DONE : KAFKA_ABORT;
}

/* Read back that it is committed. A broker says so when it has noted the commit, before it has told
 * it to the partitions; up to 4.4 Apache Kafka forgets to where a partition has no leader at that
 * moment, as when its only broker stops, and the transaction is aborted later. The next one could
 * not begin before this is over anyway. */
static enum kafka_outcome confirm(struct kafka_transaction *t)
{
    int left = CONFIRMS, rc;

    while ((rc = nw_kafka_positions_confirm(&t->positions)) == NW_EAGAIN && left > 0) {
        if (nw_kafka_transaction_closes(t)) {
            return KAFKA_ANEW;
        }
        t->suspect = true;
        left -= nw_kafka_transaction_look(t) ? 1 : 0;
    }
    if (rc != 0) {
        nw_log(t->endpoint, NW_LOG_WARNING,
               "a transaction that the broker said to be committed is not: it is sent again");
    }
    return rc == 0 ? KAFKA_DONE : KAFKA_ANEW;
}

enum kafka_outcome nw_kafka_transaction_commit(struct kafka_transaction *t)
{
    enum kafka_outcome outcome = nw_kafka_transaction_flush(t);

    outcome = outcome != KAFKA_DONE ? outcome : nw_kafka_transaction_send_position(t);
    if (outcome == KAFKA_DONE && t->positions.left > 0 && !t->told_left) {
        t->told_left = true;
        nw_log(t->endpoint, NW_LOG_WARNING,
               "the position has room for the newest messages only: what comes again and is older "
               "than those is sent twice. More partitions of %s give it more room",
               t->positions.topic);
    }
    outcome = outcome != KAFKA_DONE ? outcome : carry_out(t, call_commit);
    t->open = outcome != KAFKA_DONE;
    return outcome != KAFKA_DONE ? outcome : confirm(t);
}

enum kafka_outcome nw_kafka_transaction_abort(struct kafka_transaction *t)
{
    enum kafka_outcome outcome = carry_out(t, call_abort);

    t->open = outcome != KAFKA_DONE;
    return outcome == KAFKA_DONE ? KAFKA_DONE : KAFKA_ANEW;
}

/* ---- getting ready ---- */

static bool read_stored(struct kafka_transaction *t)
{
    struct nw_error error;
    int rc = nw_kafka_positions_read(&t->positions, t->outlet.rk, &t->stored, &error);

    if (rc == NW_EINVAL) {
        nw_log(t->endpoint, NW_LOG_WARNING, "%s: what it was sent already may come twice",
               error.text);
    } else if (rc != 0) {
        nw_kafka_transaction_down(t, error.text);
        return false;
    }
    nw_log(t->endpoint, NW_LOG_INFO, "the transactions of %s go on behind %s %llu", t->name,
           t->stored.count == 0 ? "no message of the stream" : t->stored.stream,
           (unsigned long long)nw_kafka_stored_highest(&t->stored));
    return true;
}

/* Somebody else has stored messages since this producer has: another process has the route now, and
 * this one has not noticed, because it stood still. What it holds was that one's to send, and may
 * be older than what is stored. It is given the time to notice. */
static void stand_back(struct kafka_transaction *t)
{
    t->positions.foreign = false;
    nw_kafka_transaction_down(t, "another process runs this route: it has stored messages");
    nw_kafka_transaction_rest(t, FOREIGN_MS);
}

void nw_kafka_transaction_prepare(struct kafka_transaction *t)
{
    struct nw_error error;

    if (t->outlet.rk == NULL && nw_kafka_transaction_make(t, &error) != 0) {
        nw_kafka_transaction_down(t, error.text);
        return;
    }
    if (carry_out(t, call_init) != KAFKA_DONE) {
        nw_kafka_transaction_unmake(t);
        return;
    }
    t->hangs = 0;
    while (!nw_kafka_transaction_closes(t)) {
        if (read_stored(t)) {
            if (t->positions.foreign) {
                stand_back(t);
            }
            t->ready = true;
            if (!t->watched) {
                nw_kafka_transaction_watch(t);
            }
            nw_kafka_transaction_up(t);
            return;
        }
        t->hangs = nw_kafka_positions_hangs(&t->positions) ? t->hangs + 1 : 0;
        if (t->hangs == HANGS && nw_kafka_transaction_resolve(t) != KAFKA_DONE) {
            nw_kafka_transaction_unmake(t);
            return;
        }
        nw_kafka_transaction_pause(t);
    }
}
