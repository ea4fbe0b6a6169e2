/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink: hands messages to its producer, without copying the payload, which stays in the message
 * until the delivery report. What librdkafka has no room for waits here in order.
 */
#include <stdlib.h>
#include <string.h>

#include "kafka_producer.h"
#include "kafka_properties.h"

#define TOPIC_MAX 249
#define NANOSECONDS_IN_MS 1000000

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
    nw_kafka_properties_check(&o->properties, to);
}

static int sink_open(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                     void **state, struct nw_error *error)
{
    struct kafka_sink *sink = calloc(1, sizeof *sink);
    struct kafka_producer *producer = NULL;
    int rc;

    if (sink == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    rc = nw_kafka_producer_get(config->connection, config->options, &producer, error);
    if (rc != 0) {
        free(sink);
        return rc;
    }
    sink->endpoint = endpoint;
    sink->options = config->options;
    sink->fixed_topic = strstr(config->address, "{{") == NULL;
    atomic_init(&sink->outstanding, 1);
    (void)pthread_mutex_init(&sink->lock, NULL);
    *state = sink;
    nw_kafka_producer_attach(producer, sink);
    return 0;
}

/* ---- one message ---- */

static size_t slot_of(struct nw_slice topic)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < topic.len; i++) {
        hash = (hash ^ (unsigned char)topic.data[i]) * 16777619u;
    }
    return hash & (KAFKA_TOPIC_SLOTS - 1);
}

/* The handle of the topic; NULL with *error if the name cannot be one. */
static rd_kafka_topic_t *find_topic(struct kafka_sink *sink, struct nw_slice name,
                                    rd_kafka_resp_err_t *error)
{
    rd_kafka_topic_t **slot = &sink->topics[slot_of(name)];
    char text[TOPIC_MAX + 1];

    if (*slot != NULL) {
        const char *known = rd_kafka_topic_name(*slot);
        if (strlen(known) == name.len && memcmp(known, name.data, name.len) == 0) {
            return *slot;
        }
    }
    if (name.len == 0 || name.len > TOPIC_MAX) {
        *error = RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
        return NULL;
    }
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    if (*slot != NULL) {
        rd_kafka_topic_destroy(*slot);
    }
    *slot = rd_kafka_topic_new(sink->rk, text, NULL);
    if (*slot == NULL) {
        *error = rd_kafka_last_error();
    }
    return *slot;
}

/* A number from the template, or RD_KAFKA_PARTITION_UA without one; false if it is no number. */
static bool find_partition(const struct kafka_sink *sink, const struct nw_message *m, int32_t *out)
{
    struct nw_slice value;
    int64_t number = 0;

    *out = RD_KAFKA_PARTITION_UA;
    if (sink->options->partition == 0) {
        return true;
    }
    value = nw_message_value(m, sink->options->partition);
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9' || number > INT32_MAX) {
            return false;
        }
        number = number * 10 + (value.data[i] - '0');
    }
    *out = (int32_t)number;
    return value.len > 0 && number <= INT32_MAX;
}

static rd_kafka_headers_t *make_headers(const struct nw_message *m)
{
    size_t count = nw_message_header_count(m);
    rd_kafka_headers_t *headers;

    if (count == 0) {
        return NULL;
    }
    headers = rd_kafka_headers_new(count);
    for (size_t i = 0; i < count; i++) {
        struct nw_slice name, value;
        nw_message_header(m, i, &name, &value);
        (void)rd_kafka_header_add(headers, name.data, (ssize_t)name.len, value.data,
                                  (ssize_t)value.len);
    }
    return headers;
}

static struct nw_slice find_payload(const struct kafka_sink *sink, const struct nw_message *m)
{
    struct nw_slice payload = nw_message_payload(m);

    switch (sink->options->tombstones.index) {
    case KAFKA_TOMBSTONES_EMPTY:
        return payload.len == 0 ? (struct nw_slice){NULL, 0} : payload;
    case KAFKA_TOMBSTONES_NEVER:
        return payload.data == NULL ? (struct nw_slice){"", 0} : payload;
    default:
        return payload;
    }
}

/* Hand one message to librdkafka, which has it until its delivery report. Holds the lock. */
static rd_kafka_resp_err_t produce(struct kafka_sink *sink, struct nw_message *m)
{
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__INVALID_ARG;
    rd_kafka_topic_t *topic = find_topic(sink, nw_message_address(m), &error);
    struct nw_slice key = nw_message_key(m), payload = find_payload(sink, m);
    int64_t timestamp_ms = 0; /* now */
    rd_kafka_headers_t *headers;
    int32_t partition;

    if (topic == NULL) {
        return error;
    }
    if (!find_partition(sink, m, &partition)) {
        return RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    }
    if (sink->options->timestamp.index == KAFKA_TIMESTAMP_KEEP) {
        timestamp_ms = nw_message_timestamp(m) / NANOSECONDS_IN_MS;
    }
    headers = make_headers(m);
    error = rd_kafka_producev(sink->rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition),
                              RD_KAFKA_V_VALUE((void *)payload.data, payload.len),
                              RD_KAFKA_V_KEY((const void *)key.data, key.len),
                              RD_KAFKA_V_TIMESTAMP(timestamp_ms), RD_KAFKA_V_OPAQUE(m),
                              RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR && headers != NULL) {
        rd_kafka_headers_destroy(headers);
    }
    return error;
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
    struct nw_result result = nw_kafka_sink_result(sink, m, error, true);

    nw_done(sink->endpoint, &result, 1);
    nw_kafka_sink_returned(sink, 1);
}

/* Hand over up to `most`; returns how many. Holds the lock. */
static size_t send_waiting(struct kafka_sink *sink, size_t most)
{
    size_t sent = 0;

    while (sent < most && sink->waiting_count > 0 && sink->rk != NULL) {
        struct nw_message *m = sink->waiting[sink->waiting_first];
        rd_kafka_resp_err_t error = produce(sink, m);
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
    for (size_t i = 0; i < KAFKA_TOPIC_SLOTS; i++) {
        if (sink->topics[i] != NULL) {
            rd_kafka_topic_destroy(sink->topics[i]);
            sink->topics[i] = NULL;
        }
    }
    sink->rk = rk;
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
    if (sink->waiting_count == 0 && sink->rk != NULL && !sink->careful) {
        error = produce(sink, m);
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

struct nw_result nw_kafka_sink_result(struct kafka_sink *sink, struct nw_message *message,
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
        result.outcome = sink->fixed_topic ? NW_RETRY : NW_REJECT;
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
    .promise = "At least once, in order within a partition: a message counts as delivered when all "
               "in-sync replicas have it (acks=all, idempotent producer)",
    .check = check,
    .open = sink_open,
    .send = sink_send,
    .close = sink_close,
};
