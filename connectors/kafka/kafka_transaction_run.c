/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of a transactional sink: one transaction after the other. */
#include <stdlib.h>
#include <string.h>

#include "kafka_producer.h"
#include "kafka_transaction.h"

#define MILLISECOND_NS INT64_C(1000000)
#define SECOND_NS (1000 * MILLISECOND_NS)
#define IDLE_NS SECOND_NS
#define FULL_MS 50
#define RESULTS_MAX 256

/* ---- waiting ---- */

bool nw_kafka_transaction_closes(struct kafka_transaction *t)
{
    bool closes;

    (void)pthread_mutex_lock(&t->lock);
    closes = t->closing;
    (void)pthread_mutex_unlock(&t->lock);
    return closes;
}

/* Lock held. False: the time is over. */
static bool wait_until(struct kafka_transaction *t, int64_t until_ns)
{
    struct timespec until = {until_ns / SECOND_NS, until_ns % SECOND_NS};
    int rc;

    t->waits = true;
    rc = pthread_cond_timedwait(&t->wake, &t->lock, &until);
    t->waits = false;
    return rc == 0;
}

bool nw_kafka_transaction_wait(struct kafka_transaction *t, int64_t until_ns)
{
    size_t n;

    (void)pthread_mutex_lock(&t->lock);
    while (t->incoming_count == 0 && !t->closing && wait_until(t, until_ns)) {
    }
    n = t->incoming_count;
    (void)memcpy(t->held + t->held_count, t->incoming, n * sizeof(struct nw_message *));
    t->held_count += n;
    t->incoming_count = 0;
    (void)pthread_mutex_unlock(&t->lock);
    return n > 0;
}

void nw_kafka_transaction_rest(struct kafka_transaction *t, int64_t ms)
{
    int64_t until_ns = nw_clock_monotonic_ns() + ms * MILLISECOND_NS;

    (void)pthread_mutex_lock(&t->lock);
    while (!t->closing && wait_until(t, until_ns)) {
    }
    (void)pthread_mutex_unlock(&t->lock);
}

void nw_kafka_transaction_pause(struct kafka_transaction *t)
{
    nw_kafka_transaction_rest(t, t->wait_ms);
    t->wait_ms =
        t->wait_ms * 2 > t->config->retry_longest_ms ? t->config->retry_longest_ms : t->wait_ms * 2;
}

/* ---- into the transaction ---- */

/* The next of those held is done without having been sent. */
static void finish_one(struct kafka_transaction *t, const struct nw_result *result)
{
    t->held[t->taken++] = NULL;
    nw_done(t->endpoint, result, 1);
}

static void reject(struct kafka_transaction *t, struct nw_message *m, const char *reason)
{
    finish_one(
        t, &(struct nw_result){
               .message = m, .outcome = NW_REJECT, .cause = NW_CAUSE_REFUSED, .reason = reason});
}

/* librdkafka has no room: what it has is committed first. */
static enum kafka_outcome make_room(struct kafka_transaction *t)
{
    if (t->produced > 0) {
        t->limit = t->produced;
        return KAFKA_DONE;
    }
    (void)rd_kafka_poll(t->outlet.rk, FULL_MS);
    return nw_kafka_transaction_closes(t) ? KAFKA_ANEW : KAFKA_DONE;
}

/* librdkafka did not take it. */
static enum kafka_outcome not_produced(struct kafka_transaction *t, struct nw_message *m,
                                       rd_kafka_resp_err_t error)
{
    struct nw_result result = nw_kafka_sink_result(t->fixed_topic, m, error, true);

    if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return make_room(t);
    }
    if (result.outcome == NW_REJECT) {
        finish_one(t, &result);
        return KAFKA_DONE;
    }
    if (t->failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
        t->failed = error;
    }
    return rd_kafka_fatal_error(t->outlet.rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR ? KAFKA_ANEW
                                                                                     : KAFKA_ABORT;
}

static enum kafka_outcome produce(struct kafka_transaction *t, struct nw_message *m,
                                  struct nw_slice stream, uint64_t sequence)
{
    enum kafka_outcome outcome = t->open ? KAFKA_DONE : nw_kafka_transaction_begin(t);
    rd_kafka_resp_err_t error;

    if (outcome != KAFKA_DONE) {
        return outcome;
    }
    error = nw_kafka_outlet_produce(&t->outlet, m);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return not_produced(t, m, error);
    }
    t->taken++;
    t->produced++;
    return nw_kafka_stored_add(&t->next, stream, sequence, nw_message_timestamp(m)) == 0
               ? KAFKA_DONE
               : KAFKA_ABORT;
}

/* The next of those held: into the transaction, unless it is stored already. */
static enum kafka_outcome take_one(struct kafka_transaction *t)
{
    struct nw_message *m = t->held[t->taken];
    struct nw_slice stream = nw_message_text(m, NW_META_STREAM);
    int64_t sequence, timestamp_ns = nw_message_timestamp(m);

    if (!nw_message_number(m, NW_META_SEQUENCE, &sequence) || sequence < 1 || stream.len == 0 ||
        stream.len >= KAFKA_STREAM_MAX) {
        reject(t, m, "it has no place in a stream");
        return KAFKA_DONE;
    }
    if (nw_kafka_stored_has(&t->stored, stream, (uint64_t)sequence, timestamp_ns)) {
        nw_metric_count(t->endpoint, "kafka_already_stored", 1);
        finish_one(t, &(struct nw_result){.message = m, .outcome = NW_ACK});
        return KAFKA_DONE;
    }
    if (t->open && nw_kafka_stored_has(&t->next, stream, (uint64_t)sequence, timestamp_ns)) {
        t->taken++; /* twice in one transaction: stored once, confirmed twice */
        return KAFKA_DONE;
    }
    return produce(t, m, stream, (uint64_t)sequence);
}

/* Until there are enough, or the time is over. */
static enum kafka_outcome fill(struct kafka_transaction *t)
{
    enum kafka_outcome outcome = KAFKA_DONE;

    while (outcome == KAFKA_DONE && t->produced < t->limit) {
        if (t->taken < t->held_count) {
            outcome = take_one(t);
            continue;
        }
        (void)rd_kafka_poll(t->outlet.rk, 0);
        if (t->failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
            return KAFKA_ABORT;
        }
        if (!t->open || nw_clock_monotonic_ns() >= t->until_ns ||
            !nw_kafka_transaction_wait(t, t->until_ns)) {
            break;
        }
    }
    return outcome;
}

/* ---- its end ---- */

/* Those that are done go out of the list. */
static void forget_done(struct kafka_transaction *t)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->held_count; i++) {
        if (t->held[i] != NULL) {
            t->held[kept++] = t->held[i];
        }
    }
    t->held_count = kept;
    t->taken = t->produced = 0;
    t->failed = RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Tell the pump of the first n of those held, and forget them. */
static void finish_held(struct kafka_transaction *t, size_t n, struct nw_result as)
{
    struct nw_result results[RESULTS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        if (t->held[i] == NULL) {
            continue;
        }
        as.message = t->held[i];
        results[count++] = as;
        t->held[i] = NULL;
        if (count == RESULTS_MAX) {
            nw_done(t->endpoint, results, count);
            count = 0;
        }
    }
    nw_done(t->endpoint, results, count);
    forget_done(t);
}

static void committed(struct kafka_transaction *t)
{
    struct kafka_stored before = t->stored;

    t->stored = t->next;
    t->next = before;
    t->limit = t->limit * 2 > t->most ? t->most : t->limit * 2;
    t->wait_ms = t->config->retry_first_ms;
    t->aborted = 0;
    nw_metric_count(t->endpoint, "kafka_transactions", 1);
    nw_kafka_transaction_up(t);
    finish_held(t, t->taken, (struct nw_result){.outcome = NW_ACK});
}

/* The record that was alone in its transaction. */
static struct nw_message **find_alone(struct kafka_transaction *t)
{
    size_t i = 0;

    while (i < t->taken && t->held[i] == NULL) {
        i++;
    }
    return i < t->taken ? &t->held[i] : NULL;
}

/* Whether a record was refused, so that the next try is another one. */
static bool narrow_down(struct kafka_transaction *t)
{
    struct nw_message **alone = find_alone(t);
    struct nw_result result;

    if (t->failed == RD_KAFKA_RESP_ERR_NO_ERROR || alone == NULL) {
        return false;
    }
    result = nw_kafka_sink_result(t->fixed_topic, *alone, t->failed, true);
    if (result.outcome != NW_REJECT) {
        bool late = t->failed == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT && t->outage[0] != '\0';
        nw_kafka_transaction_down(t, late ? t->outage : result.reason);
        return false;
    }
    if (t->produced > 1) {
        t->limit = t->produced / 2;
    } else {
        *alone = NULL;
        nw_done(t->endpoint, &result, 1);
    }
    return true;
}

/* No record was refused, and yet no transaction comes to its end: another producer may do better.
 * (Seen once: "group generation id is not valid" for minutes, where there is no generation.) */
#define ABORTED_MOST 3

/* All that is held is produced again. */
static void failed(struct kafka_transaction *t, enum kafka_outcome outcome)
{
    bool narrower;

    nw_metric_count(t->endpoint, "kafka_transactions_failed", 1);
    if (outcome == KAFKA_ABORT && t->open) {
        outcome = nw_kafka_transaction_abort(t);
    }
    narrower = narrow_down(t);
    t->aborted = narrower ? 0 : t->aborted + 1;
    if (outcome == KAFKA_ANEW || t->aborted >= ABORTED_MOST) {
        t->aborted = 0;
        nw_kafka_transaction_unmake(t);
    }
    forget_done(t);
    if (!narrower) {
        nw_kafka_transaction_pause(t);
    }
}

static void transact(struct kafka_transaction *t)
{
    enum kafka_outcome outcome;

    if (nw_kafka_stored_copy(&t->stored, &t->next) != 0) {
        nw_kafka_transaction_pause(t);
        return;
    }
    t->until_ns = nw_clock_monotonic_ns() + t->options->transaction_ms * MILLISECOND_NS;
    outcome = fill(t);
    if (outcome == KAFKA_DONE && t->open) {
        outcome = nw_kafka_transaction_commit(t);
    }
    if (outcome != KAFKA_DONE) {
        failed(t, outcome);
    } else if (t->produced > 0) {
        committed(t);
    } else {
        forget_done(t);
    }
}

/* ---- the thread ---- */

/* What was not committed comes again, and what was is known then. */
static void end(struct kafka_transaction *t)
{
    struct nw_endpoint *endpoint = t->endpoint;

    if (t->open) {
        rd_kafka_error_t *error = rd_kafka_abort_transaction(t->outlet.rk, 1000);
        if (error != NULL) {
            rd_kafka_error_destroy(error);
        }
    }
    nw_kafka_transaction_unmake(t);
    nw_kafka_transaction_unwatch(t);
    (void)nw_kafka_transaction_wait(t, 0);
    finish_held(t, t->held_count,
                (struct nw_result){
                    .outcome = NW_RETRY, .cause = NW_CAUSE_OUTAGE, .reason = "the bridge stops"});
    nw_kafka_transaction_free(t);
    nw_closed(endpoint);
}

void *nw_kafka_transaction_run(void *transaction)
{
    struct kafka_transaction *t = transaction;

    while (!nw_kafka_transaction_closes(t)) {
        if (!t->ready) {
            nw_kafka_transaction_prepare(t);
            if (!t->ready) {
                nw_kafka_transaction_pause(t);
            }
            continue;
        }
        if (t->held_count == 0) {
            (void)nw_kafka_transaction_wait(t, nw_clock_monotonic_ns() + IDLE_NS);
        }
        (void)nw_kafka_transaction_look(t);
        if (t->held_count > 0) {
            transact(t);
        }
    }
    end(t);
    return NULL;
}
