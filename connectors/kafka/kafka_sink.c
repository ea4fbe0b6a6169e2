/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink: hands messages to its producer, without copying the payload, which stays in the message
 * until the delivery report. What librdkafka has no room for waits here in order.
 */
#include <stdlib.h>
#include <string.h>

#include "kafka_producer.h"
#include "kafka_properties.h"
#include "kafka_transaction.h"

/* ---- checking and opening ---- */

static void check(const char *address, const void *options, const void *connection_options,
                  struct nw_check *to)
{
    const struct kafka_sink_options *o = options;

    (void)connection_options;
    if (address == NULL || *address == '\0') {
        nw_check_error(to, NULL, "a topic is needed");
    }
    if (o->request_ms != 0) {
        nw_check_error(to, "request", "requests over Kafka are not available yet");
    }
    if (o->transactional && o->position_topic == NULL && address != NULL &&
        strstr(address, "{{") != NULL) {
        nw_check_error(to, "transactional",
                       "where the topic is a template, the position in the stream needs a topic "
                       "to be kept on: name one with `position_topic`");
    }
    nw_kafka_properties_check(&o->properties, to);
}

static int sink_open(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                     void **state, struct nw_error *error)
{
    const struct kafka_sink_options *options = config->options;
    struct kafka_sink *sink = calloc(1, sizeof *sink);
    struct kafka_producer *producer = NULL;
    int rc;

    if (sink == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    if (options->transactional) {
        rc = nw_kafka_transaction_open(endpoint, config, &sink->transaction, error);
    } else {
        rc = nw_kafka_producer_get(config->connection, options, &producer, error);
    }
    if (rc != 0) {
        free(sink);
        return rc;
    }
    *state = sink;
    if (options->transactional) {
        return 0;
    }
    sink->endpoint = endpoint;
    sink->outlet.options = options;
    sink->fixed_topic = strstr(config->address, "{{") == NULL;
    atomic_init(&sink->outstanding, 1);
    (void)pthread_mutex_init(&sink->lock, NULL);
    nw_kafka_producer_attach(producer, sink);
    return 0;
}

/* ---- waiting ---- */

static bool grow_waiting(struct kafka_sink *sink)
{
    size_t capacity = sink->waiting_capacity == 0 ? 256 : sink->waiting_capacity * 2;
    struct nw_message **ring;

    if (sink->waiting_count < sink->waiting_capacity) {
        return true;
    }
    ring = calloc(capacity, sizeof(struct nw_message *));
    if (ring == NULL) {
        return false;
    }
    for (size_t i = 0; i < sink->waiting_count; i++) {
        ring[i] = sink->waiting[(sink->waiting_first + i) % sink->waiting_capacity];
    }
    free(sink->waiting);
    sink->waiting = ring;
    sink->waiting_first = 0;
    sink->waiting_capacity = capacity;
    return true;
}

static bool wait_in_ring(struct kafka_sink *sink, struct nw_message *m)
{
    if (!grow_waiting(sink)) {
        return false;
    }
    sink->waiting[(sink->waiting_first + sink->waiting_count++) % sink->waiting_capacity] = m;
    return true;
}

static struct nw_message *take_waiting(struct kafka_sink *sink)
{
    struct nw_message *m = sink->waiting[sink->waiting_first];

    sink->waiting_first = (sink->waiting_first + 1) % sink->waiting_capacity;
    sink->waiting_count--;
    return m;
}

/* Not now, but soon: room comes with delivery reports, a new producer after a fatal error. */
static bool is_for_later(rd_kafka_resp_err_t error)
{
    return error == RD_KAFKA_RESP_ERR__QUEUE_FULL || error == RD_KAFKA_RESP_ERR__FATAL;
}

static void refuse(struct kafka_sink *sink, struct nw_message *m, rd_kafka_resp_err_t error)
{
    struct nw_result result = nw_kafka_sink_result(sink->fixed_topic, m, error, true);

    nw_done(sink->endpoint, &result, 1);
    nw_kafka_sink_returned(sink, 1);
}

/* Hand over up to `most`; returns how many. Holds the lock. */
static size_t send_waiting(struct kafka_sink *sink, size_t most)
{
    size_t sent = 0;

    while (sent < most && sink->waiting_count > 0 && sink->outlet.rk != NULL) {
        struct nw_message *m = sink->waiting[sink->waiting_first];
        rd_kafka_resp_err_t error = nw_kafka_outlet_produce(&sink->outlet, m);
        if (is_for_later(error)) {
            break;
        }
        (void)take_waiting(sink);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            sent++;
        } else {
            refuse(sink, m, error);
        }
    }
    if (sink->waiting_count > 0) {
        atomic_store(&sink->producer->waiting, true);
    }
    return sent;
}

size_t nw_kafka_sink_send_waiting(struct kafka_sink *sink, size_t most)
{
    size_t sent;

    (void)pthread_mutex_lock(&sink->lock);
    sent = send_waiting(sink, most);
    (void)pthread_mutex_unlock(&sink->lock);
    return sent;
}

/* Back to the pump, which tries it again; then nw_kafka_sink_returned is due. */
static void return_one(struct kafka_sink *sink, struct nw_message *m, const char *reason)
{
    struct nw_result result = {
        .message = m, .outcome = NW_RETRY, .cause = NW_CAUSE_OUTAGE, .reason = reason};

    nw_done(sink->endpoint, &result, 1);
}

void nw_kafka_sink_return_waiting(struct kafka_sink *sink, const char *reason)
{
    size_t returned = 0;

    (void)pthread_mutex_lock(&sink->lock);
    while (sink->waiting_count > 0) {
        return_one(sink, take_waiting(sink), reason);
        returned++;
    }
    (void)pthread_mutex_unlock(&sink->lock);
    nw_kafka_sink_returned(sink, returned);
}

void nw_kafka_sink_use(struct kafka_sink *sink, rd_kafka_t *rk, bool careful)
{
    (void)pthread_mutex_lock(&sink->lock);
    nw_kafka_outlet_use(&sink->outlet, rk);
    sink->careful = careful;
    (void)send_waiting(sink, careful ? 0 : SIZE_MAX);
    (void)pthread_mutex_unlock(&sink->lock);
}

void nw_kafka_sink_end_careful(struct kafka_sink *sink)
{
    (void)pthread_mutex_lock(&sink->lock);
    sink->careful = false;
    (void)send_waiting(sink, SIZE_MAX);
    (void)pthread_mutex_unlock(&sink->lock);
}

/* ---- sending and closing ---- */

/* One message: to librdkafka, or behind those that wait. Holds the lock. */
static void send_one(struct kafka_sink *sink, struct nw_message *m)
{
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__QUEUE_FULL;

    nw_message_set_cookie(m, (uintptr_t)sink);
    if (sink->waiting_count == 0 && sink->outlet.rk != NULL && !sink->careful) {
        error = nw_kafka_outlet_produce(&sink->outlet, m);
    }
    if (is_for_later(error) && wait_in_ring(sink, m)) {
        return;
    }
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        refuse(sink, m, error);
    }
}

static void sink_send(void *state, struct nw_message *const *messages, size_t n)
{
    struct kafka_sink *sink = state;
    bool failed, waits;

    if (sink->transaction != NULL) {
        nw_kafka_transaction_send(sink->transaction, messages, n);
        return;
    }
    atomic_fetch_add(&sink->outstanding, n);
    (void)pthread_mutex_lock(&sink->lock);
    failed = nw_retry_pending(sink->endpoint);
    for (size_t i = 0; i < n; i++) {
        if (failed) {
            return_one(sink, messages[i], "it is behind one that failed");
        } else {
            send_one(sink, messages[i]);
        }
    }
    waits = sink->waiting_count > 0;
    (void)pthread_mutex_unlock(&sink->lock);
    if (waits) {
        nw_kafka_producer_waiting(sink->producer);
    }
    if (failed) {
        nw_kafka_sink_returned(sink, n);
    }
}

static void finish(struct kafka_sink *sink)
{
    struct nw_endpoint *endpoint = sink->endpoint;

    nw_kafka_producer_detach(sink->producer, sink);
    nw_kafka_sink_use(sink, NULL, false);
    (void)pthread_mutex_destroy(&sink->lock);
    free(sink->waiting);
    free(sink);
    nw_closed(endpoint);
}

void nw_kafka_sink_returned(struct kafka_sink *sink, size_t n)
{
    if (n > 0 && atomic_fetch_sub(&sink->outstanding, n) == n) {
        finish(sink);
    }
}

/* Usually nothing is outstanding. Otherwise the brokers are away and the bridge has waited long
 * enough: the producer gives up what it has, and the last report closes. */
static void sink_close(void *state)
{
    struct kafka_sink *sink = state;

    if (sink->transaction != NULL) {
        nw_kafka_transaction_close(sink->transaction);
        free(sink);
        return;
    }
    if (atomic_load(&sink->outstanding) > 1) {
        struct kafka_producer *producer = sink->producer;
        nw_kafka_sink_return_waiting(sink, "the bridge stops");
        nw_kafka_producer_purge(producer);
    }
    nw_kafka_sink_returned(sink, 1);
}

/* ---- outcomes ---- */

bool nw_kafka_is_refusal(rd_kafka_resp_err_t error)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
        return true;
    default:
        return false;
    }
}

/* The topic or partition is wrong. Where every message goes to the same topic that is a mistake of
 * the configuration, or a topic still to be made: held, so that nothing is lost. */
static bool is_wrong_place(rd_kafka_resp_err_t error)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        return true;
    default:
        return false;
    }
}

struct nw_result nw_kafka_sink_result(bool fixed_topic, struct nw_message *message,
                                      rd_kafka_resp_err_t error, bool alone)
{
    struct nw_result result = {.message = message,
                               .outcome = NW_RETRY,
                               .cause = NW_CAUSE_OUTAGE,
                               .reason = rd_kafka_err2str(error)};

    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return (struct nw_result){.message = message, .outcome = NW_ACK};
    }
    if (nw_kafka_is_refusal(error) && alone) {
        result.outcome = NW_REJECT;
        result.cause =
            error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? NW_CAUSE_TOO_LARGE : NW_CAUSE_REFUSED;
    } else if (error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
        result.outcome = NW_REJECT;
        result.cause = NW_CAUSE_REFUSED;
        result.reason = "the topic has no such partition";
    } else if (error == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
               error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
        result.reason = "the producer starts anew";
    } else if (is_wrong_place(error)) {
        result.outcome = fixed_topic ? NW_RETRY : NW_REJECT;
        result.cause = NW_CAUSE_REFUSED;
        result.reason = "the topic does not exist";
    }
    return result;
}

const struct nw_sink_kind nw_kafka_sink_kind = {
    .options = nw_kafka_sink_rows,
    .options_size = sizeof(struct kafka_sink_options),
    .address = NW_FILL_KAFKA_TOPIC,
    .address_doc = "topic",
    .promise =
        "At least once, in order within a partition: a message counts as delivered when all "
        "in-sync replicas have it (acks=all, idempotent producer). With `transactional: true` "
        "exactly once for consumers that read what is committed",
    .check = check,
    .open = sink_open,
    .send = sink_send,
    .close = sink_close,
};
