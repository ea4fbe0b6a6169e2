/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_producer.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka_connection.h"
#include "kafka_properties.h"

#define IDLE_POLL_MS 1000
#define BUSY_POLL_MS 50 /* something is to be done that no event announces */
#define PROBE_MS 500
#define DRAIN_NS \
    (INT64_C(1000000000) / 2)        /* without any answer; then what is under way is given up */
#define AGAIN_NS INT64_C(1000000000) /* between a fatal error and the next producer */
#define CAREFUL_FIRST 100            /* delivered one by one before batches are tried */
#define CAREFUL_SEARCH 1000          /* … when a record that was refused is among them */
#define SMALLEST_BATCH 16384
#define REPORTS_MAX 256
#define PURGE_ALL \
    (RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING)

/* ---- state ---- */

static void set_state(struct kafka_producer *p, enum nw_state state, const char *text)
{
    (void)pthread_mutex_lock(&p->lock);
    if (p->state != state || strcmp(p->text, text) != 0) {
        p->state = state;
        (void)snprintf(p->text, sizeof p->text, "%s", text);
        nw_connection_state(p->connection->host, state, text);
        for (struct kafka_sink *s = p->sinks; s != NULL; s = s->next) {
            nw_endpoint_state(s->endpoint, state, text);
        }
    }
    (void)pthread_mutex_unlock(&p->lock);
}

/* Ask the brokers as long as they are not known to be there. */
static void probe(struct kafka_producer *p)
{
    if (p->state == NW_STATE_READY || p->rk == NULL) {
        return;
    }
    if (nw_kafka_reachable(p->rk, PROBE_MS)) {
        set_state(p, NW_STATE_READY, "");
    } else if (p->outage[0] != '\0') {
        set_state(p, NW_STATE_DOWN, p->outage);
    }
}

/* ---- making ---- */

/* Where records are refused, one batch is under way, and it goes when it can: a second one to a
 * partition that does not know this producer yet could get ahead of the refused first. */
static int set_batch(struct kafka_producer *p, rd_kafka_conf_t *conf, struct nw_error *error)
{
    char number[24];
    size_t len = sizeof number;
    int rc = 0;

    if (p->refuses) {
        rc = nw_kafka_property_set(conf, "max.in.flight", "1", error);
        rc = rc != 0 ? rc : nw_kafka_property_set(conf, "linger.ms", "0", error);
    }
    if (rc == 0 && p->smaller_batch_size != 0) {
        (void)snprintf(number, sizeof number, "%zu", p->smaller_batch_size);
        rc = nw_kafka_property_set(conf, "batch.size", number, error);
    }
    if (rc == 0 && rd_kafka_conf_get(conf, "batch.size", number, &len) == RD_KAFKA_CONF_OK) {
        p->batch_size = strtoul(number, NULL, 10);
    }
    return rc;
}

static int make(struct kafka_producer *p, rd_kafka_t **out, struct nw_error *error)
{
    rd_kafka_conf_t *conf;
    char text[400];
    int rc = nw_kafka_properties_conf(RD_KAFKA_PRODUCER, p->connection->options, &p->properties,
                                      &conf, error);

    if (rc != 0) {
        return rc;
    }
    rc = nw_kafka_property_set(conf, "partitioner", p->partitioner, error);
    rc = rc != 0 ? rc : set_batch(p, conf, error);
    if (rc != 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    nw_kafka_log_to(conf, p->connection);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    *out = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (*out == NULL) {
        rd_kafka_conf_destroy(conf);
        return nw_error_set(error, NW_EINVAL, "%s", text);
    }
    return 0;
}

static void install(struct kafka_producer *p, rd_kafka_t *rk)
{
    (void)pthread_mutex_lock(&p->lock);
    p->rk = rk;
    p->queue = rd_kafka_queue_get_main(rk);
    p->careful = p->refuses;
    p->careful_sent = false;
    p->careful_left = p->careful_first;
    for (struct kafka_sink *s = p->sinks, *next; s != NULL; s = next) {
        next = s->next;
        nw_kafka_sink_use(s, rk, p->careful);
    }
    (void)pthread_mutex_unlock(&p->lock);
}

/* ---- replacing ---- */

/* No sink hands over more; what librdkafka has comes back. */
static void begin_replacing(struct kafka_producer *p)
{
    p->replacing = true;
    p->drain_left = 0;
    (void)pthread_mutex_lock(&p->lock);
    for (struct kafka_sink *s = p->sinks, *next; s != NULL; s = next) {
        next = s->next;
        nw_kafka_sink_use(s, NULL, false);
    }
    (void)pthread_mutex_unlock(&p->lock);
}

static void remove_old(struct kafka_producer *p)
{
    rd_kafka_t *rk = p->rk;

    (void)pthread_mutex_lock(&p->lock);
    rd_kafka_queue_destroy(p->queue);
    p->queue = NULL;
    p->rk = NULL;
    (void)pthread_mutex_unlock(&p->lock);
    rd_kafka_destroy(rk);
}

/* After an error, what was sent after the messages that failed must not pass them. */
static void return_waiting(struct kafka_producer *p)
{
    (void)pthread_mutex_lock(&p->lock);
    for (struct kafka_sink *s = p->sinks, *next; s != NULL; s = next) {
        next = s->next;
        nw_kafka_sink_return_waiting(s, "the producer starts anew");
    }
    (void)pthread_mutex_unlock(&p->lock);
}

/* What was refused, and is not known: find it, by smaller batches where those are too large. */
static void choose_batches(struct kafka_producer *p)
{
    size_t half = p->batch_size / 2;

    p->careful_first = CAREFUL_FIRST;
    if (!p->refused || p->rejected) {
        return;
    }
    if (p->refused_size && p->batch_size > SMALLEST_BATCH) {
        p->smaller_batch_size = half < SMALLEST_BATCH ? SMALLEST_BATCH : half;
        nw_connection_log(p->connection->host, NW_LOG_INFO,
                          "a topic takes no batches of %zu bytes; trying %zu", p->batch_size,
                          p->smaller_batch_size);
    } else {
        p->careful_first = CAREFUL_SEARCH;
    }
}

static void make_new(struct kafka_producer *p)
{
    struct nw_error error;
    rd_kafka_t *rk;

    if (nw_clock_monotonic_ns() < p->make_at_ns) {
        return;
    }
    if (make(p, &rk, &error) != 0) {
        set_state(p, NW_STATE_FAILED, error.text);
        p->make_at_ns = nw_clock_monotonic_ns() + 10 * AGAIN_NS;
        return;
    }
    p->replacing = p->refused = p->refused_size = p->rejected = false;
    install(p, rk);
}

/* After an error librdkafka gives up what was not sent yet, but what comes back to its queue later
 * stays there; what is under way to the brokers has its time to be answered. */
static void hurry_drain(struct kafka_producer *p, int left)
{
    int64_t now_ns = nw_clock_monotonic_ns();

    if (left != p->drain_left) {
        p->drain_left = left;
        p->drain_until_ns = now_ns + DRAIN_NS;
    }
    (void)rd_kafka_purge(p->rk, now_ns > p->drain_until_ns
                                    ? PURGE_ALL
                                    : RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

/* One step: first everything must be back, then a new one is made. */
static void go_on_replacing(struct kafka_producer *p)
{
    if (p->rk != NULL) {
        int left = rd_kafka_outq_len(p->rk);
        if (left > 0) {
            hurry_drain(p, left);
            return;
        }
        remove_old(p);
        return_waiting(p);
        choose_batches(p);
    }
    make_new(p);
}

/* ---- events ---- */

static void on_fatal(struct kafka_producer *p)
{
    char text[400];
    rd_kafka_resp_err_t error = rd_kafka_fatal_error(p->rk, text, sizeof text);

    if (p->replacing) {
        return; /* told again */
    }
    if (error == RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE) {
        nw_connection_log(p->connection->host, NW_LOG_DEBUG, "a new producer: %s", text);
        p->refused = p->refuses = true;
    } else {
        nw_connection_log(p->connection->host, NW_LOG_WARNING, "a new producer: %s", text);
        set_state(p, NW_STATE_DOWN, text);
        p->make_at_ns = nw_clock_monotonic_ns() + AGAIN_NS;
    }
    begin_replacing(p);
}

static void on_error(struct kafka_producer *p, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);

    if (error == RD_KAFKA_RESP_ERR__FATAL || rd_kafka_event_error_is_fatal(event)) {
        on_fatal(p);
    } else if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        /* Also when the only connection was closed for being idle: ask before saying so. */
        if (!nw_kafka_reachable(p->rk, PROBE_MS)) {
            set_state(p, NW_STATE_DOWN, p->outage[0] != '\0' ? p->outage : "no broker answers");
        }
    } else if (nw_kafka_is_outage(error)) {
        nw_kafka_plain_text(rd_kafka_event_error_string(event), p->outage, sizeof p->outage);
    } else {
        nw_connection_log(p->connection->host, NW_LOG_WARNING, "%s",
                          rd_kafka_event_error_string(event));
    }
}

static void note_topic(struct kafka_producer *p, struct kafka_sink *sink,
                       const rd_kafka_message_t *report)
{
    rd_kafka_resp_err_t error = report->err;
    char text[300];
    bool missing = error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
                   error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;

    if (!sink->fixed_topic || missing == sink->topic_missing ||
        (!missing && error != RD_KAFKA_RESP_ERR_NO_ERROR)) {
        return;
    }
    sink->topic_missing = missing;
    (void)snprintf(text, sizeof text, "the topic %s does not exist",
                   report->rkt == NULL ? "" : rd_kafka_topic_name(report->rkt));
    nw_endpoint_state(sink->endpoint, missing ? NW_STATE_DOWN : p->state, missing ? text : p->text);
}

/* Whether m was in no batch with others: librdkafka puts one that is larger than a batch into one
 * of its own. */
static bool was_alone(const struct kafka_producer *p, const struct nw_message *m)
{
    return p->careful || nw_message_payload(m).len > p->batch_size;
}

static void note_refusal(struct kafka_producer *p, rd_kafka_resp_err_t error, bool alone)
{
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        p->careful_left -= p->careful_left > 0 ? 1 : 0;
    } else if (nw_kafka_is_refusal(error)) {
        p->refused_size |= error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
        p->rejected |= alone;
    }
}

/* Reports of one sink in a row go to the pump in one call. */
static void take_reports(struct kafka_producer *p, const rd_kafka_message_t **reports, size_t n)
{
    struct nw_result results[REPORTS_MAX];
    size_t i = 0;

    p->careful_sent = false;
    while (i < n) {
        struct nw_message *first = reports[i]->_private;
        struct kafka_sink *sink = (struct kafka_sink *)nw_message_cookie(first);
        size_t count = 0;
        for (; i < n; i++) {
            struct nw_message *m = reports[i]->_private;
            if ((struct kafka_sink *)nw_message_cookie(m) != sink) {
                break;
            }
            bool alone = was_alone(p, m);
            note_refusal(p, reports[i]->err, alone);
            note_topic(p, sink, reports[i]);
            results[count++] = nw_kafka_sink_result(sink->fixed_topic, m, reports[i]->err, alone);
        }
        nw_done(sink->endpoint, results, count);
        nw_kafka_sink_returned(sink, count);
    }
}

static void on_reports(struct kafka_producer *p, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *reports[REPORTS_MAX];
    size_t n;

    while ((n = rd_kafka_event_message_array(event, reports, REPORTS_MAX)) > 0) {
        take_reports(p, reports, n);
    }
}

static void serve(struct kafka_producer *p, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_DR:
        on_reports(p, event);
        break;
    case RD_KAFKA_EVENT_ERROR:
        on_error(p, event);
        break;
    default:
        break;
    }
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
}

/* ---- the thread ---- */

static void send_waiting(struct kafka_producer *p)
{
    if (p->replacing || p->careful_sent || !atomic_exchange(&p->waiting, false)) {
        return;
    }
    (void)pthread_mutex_lock(&p->lock);
    for (struct kafka_sink *s = p->sinks, *next; s != NULL && !p->careful_sent; s = next) {
        next = s->next;
        p->careful_sent =
            nw_kafka_sink_send_waiting(s, p->careful ? 1 : SIZE_MAX) > 0 && p->careful;
    }
    (void)pthread_mutex_unlock(&p->lock);
    if (p->careful_sent) {
        atomic_store(&p->waiting, true); /* other sinks were not looked at */
    }
}

static void end_careful(struct kafka_producer *p)
{
    if (!p->careful || p->replacing || p->careful_left > 0) {
        return;
    }
    (void)pthread_mutex_lock(&p->lock);
    p->careful = false;
    for (struct kafka_sink *s = p->sinks, *next; s != NULL; s = next) {
        next = s->next;
        nw_kafka_sink_end_careful(s);
    }
    (void)pthread_mutex_unlock(&p->lock);
}

static void *run(void *context)
{
    struct kafka_producer *p = context;

    while (!atomic_load(&p->stopping)) {
        bool busy = p->state != NW_STATE_READY || p->replacing || atomic_load(&p->waiting);
        if (p->queue == NULL) {
            (void)poll(NULL, 0, BUSY_POLL_MS);
        } else {
            serve(p, rd_kafka_queue_poll(p->queue, busy ? BUSY_POLL_MS : IDLE_POLL_MS));
        }
        if (p->rk != NULL && atomic_exchange(&p->purge, false)) {
            (void)rd_kafka_purge(p->rk, PURGE_ALL);
        }
        end_careful(p);
        if (p->replacing) {
            go_on_replacing(p);
        }
        send_waiting(p);
        probe(p);
    }
    if (p->rk != NULL) {
        remove_old(p);
    }
    return NULL;
}

void nw_kafka_producer_wake(struct kafka_producer *p)
{
    (void)pthread_mutex_lock(&p->lock);
    if (p->queue != NULL) {
        rd_kafka_queue_yield(p->queue);
    }
    (void)pthread_mutex_unlock(&p->lock);
}

void nw_kafka_producer_waiting(struct kafka_producer *p)
{
    if (!atomic_exchange(&p->waiting, true)) {
        nw_kafka_producer_wake(p);
    }
}

void nw_kafka_producer_purge(struct kafka_producer *p)
{
    atomic_store(&p->purge, true);
    nw_kafka_producer_wake(p);
}

/* ---- life ---- */

void nw_kafka_producer_attach(struct kafka_producer *p, struct kafka_sink *sink)
{
    (void)pthread_mutex_lock(&p->lock);
    sink->producer = p;
    sink->next = p->sinks;
    p->sinks = sink;
    nw_kafka_sink_use(sink, p->rk, p->careful);
    nw_endpoint_state(sink->endpoint, p->state, p->text);
    (void)pthread_mutex_unlock(&p->lock);
}

void nw_kafka_producer_detach(struct kafka_producer *p, struct kafka_sink *sink)
{
    (void)pthread_mutex_lock(&p->lock);
    for (struct kafka_sink **at = &p->sinks; *at != NULL; at = &(*at)->next) {
        if (*at == sink) {
            *at = sink->next;
            break;
        }
    }
    (void)pthread_mutex_unlock(&p->lock);
}

int nw_kafka_producer_start(struct kafka_producer *p, struct nw_error *error)
{
    rd_kafka_t *rk;
    int rc = make(p, &rk, error);

    if (rc != 0) {
        return rc;
    }
    install(p, rk);
    if (pthread_create(&p->thread, NULL, run, p) != 0) {
        remove_old(p);
        return nw_error_set(error, NW_EIO, "no thread for the producer");
    }
    return 0;
}
