/* SPDX-License-Identifier: Apache-2.0 */
/* The source's thread: makes the consumer, moves its messages, and keeps it in the group. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kafka_connection.h"
#include "kafka_message.h"
#include "kafka_properties.h"

#define PROBE_MS 300
#define SEEK_MS 1000
#define STEP_NS (KAFKA_SECOND_NS / 20) /* between looks at what no event announces */
#define LAST_COMMIT_MS 2000
#define BORROWED_MS 2000
#define NEW_CONSUMER_NS (5 * KAFKA_SECOND_NS)
#define TOPIC_CHECK_NS (5 * KAFKA_SECOND_NS)
#define OUTSIDE_NS (45 * KAFKA_SECOND_NS)

/* ---- making ---- */

static int configure(struct kafka_source *s, rd_kafka_conf_t *conf, struct nw_error *error)
{
    static const char *const levels[] = {"read_committed", "read_uncommitted"};
    int rc = nw_kafka_property_set(conf, "group.id", s->group, error);

    rc = rc != 0 ? rc : nw_kafka_property_set(conf, "group.instance.id", s->group_instance, error);
    rc = rc != 0 ? rc
                 : nw_kafka_property_set(conf, "isolation.level",
                                         levels[s->options->isolation.index], error);
    rc = rc != 0 ? rc
                 : nw_kafka_properties_fetch(conf, s->connection->options, &s->options->properties,
                                             s->config->memory, error);
    nw_kafka_log_to(conf, s->connection);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT |
                                       RD_KAFKA_EVENT_ERROR);
    return rc;
}

static int subscribe(struct kafka_source *s, struct nw_error *error)
{
    const struct nw_list *topics = &s->options->topics;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)topics->count + 1);
    rd_kafka_resp_err_t rc;

    if (s->config->address != NULL && *s->config->address != '\0') {
        rd_kafka_topic_partition_list_add(list, s->config->address, RD_KAFKA_PARTITION_UA);
    }
    for (size_t i = 0; i < topics->count; i++) {
        rd_kafka_topic_partition_list_add(list, topics->items[i], RD_KAFKA_PARTITION_UA);
    }
    rc = rd_kafka_subscribe(s->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return rc == RD_KAFKA_RESP_ERR_NO_ERROR
               ? 0
               : nw_error_set(error, NW_EINVAL, "cannot subscribe: %s", rd_kafka_err2str(rc));
}

/* Everything but messages comes to `control`. Both wake the thread. */
static void make_queues(struct kafka_source *s)
{
    static const uint64_t one = 1;

    (void)rd_kafka_poll_set_consumer(s->rk);
    s->control = rd_kafka_queue_get_consumer(s->rk);
    s->messages = rd_kafka_queue_new(s->rk);
    rd_kafka_queue_io_event_enable(s->control, s->wake, &one, sizeof one);
    rd_kafka_queue_io_event_enable(s->messages, s->wake, &one, sizeof one);
}

int nw_kafka_consumer_make(struct kafka_source *s, struct nw_error *error)
{
    rd_kafka_conf_t *conf;
    char text[400];
    int rc = nw_kafka_properties_conf(RD_KAFKA_CONSUMER, s->connection->options,
                                      &s->options->properties, &conf, error);

    if (rc != 0) {
        return rc;
    }
    rc = configure(s, conf, error);
    if (rc == 0) {
        s->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
        rc = s->rk == NULL ? nw_error_set(error, NW_EINVAL, "%s", text) : 0;
    }
    if (rc != 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    make_queues(s);
    s->commit_pending = false;
    return subscribe(s, error);
}

/* Without leaving the group: a static member that comes back finds its partitions. */
void nw_kafka_consumer_unmake(struct kafka_source *s)
{
    if (s->rk == NULL) {
        return;
    }
    rd_kafka_queue_io_event_enable(s->control, -1, NULL, 0);
    rd_kafka_queue_io_event_enable(s->messages, -1, NULL, 0);
    rd_kafka_queue_destroy(s->messages);
    rd_kafka_queue_destroy(s->control);
    rd_kafka_destroy_flags(s->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    s->rk = NULL;
}

/* ---- state ---- */

void nw_kafka_consumer_report(struct kafka_source *s)
{
    struct nw_connection *host = s->connection->host;
    char text[256];

    if (s->fatal[0] != '\0') {
        nw_endpoint_state(s->endpoint, NW_STATE_FAILED, s->fatal);
    } else if (s->down) {
        const char *why = s->outage[0] != '\0' ? s->outage : "no broker answers";
        nw_endpoint_state(s->endpoint, NW_STATE_DOWN, why);
        nw_connection_state(host, NW_STATE_DOWN, why);
    } else if (s->missing[0] != '\0') {
        nw_endpoint_state(s->endpoint, NW_STATE_DOWN, s->missing);
    } else if (s->joined) {
        (void)snprintf(text, sizeof text, "group %.180s, %zu partitions", s->group,
                       s->partition_count);
        nw_endpoint_state(s->endpoint, NW_STATE_READY, text);
        nw_connection_state(host, NW_STATE_READY, "");
    } else {
        (void)snprintf(text, sizeof text, "joining group %.200s", s->group);
        nw_endpoint_state(s->endpoint, NW_STATE_CONNECTING, text);
    }
}

static void on_fatal(struct kafka_source *s)
{
    char text[200];
    rd_kafka_resp_err_t error = rd_kafka_fatal_error(s->rk, text, sizeof text);

    if (error == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
        (void)snprintf(s->fatal, sizeof s->fatal,
                       "another process has taken the place of this one in group %.100s: give each "
                       "its own `instance`",
                       s->group);
    } else {
        (void)snprintf(s->fatal, sizeof s->fatal, "%s", text);
    }
    s->make_at_ns = nw_clock_monotonic_ns() + NEW_CONSUMER_NS;
    nw_kafka_rebalance_lose_all(s);
    nw_kafka_consumer_report(s);
}

static void on_error(struct kafka_source *s, rd_kafka_resp_err_t error, const char *text)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR__FATAL:
        on_fatal(s);
        break;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        /* Also when the only connection was closed for being idle: ask before saying so. */
        s->down = !nw_kafka_reachable(s->rk, PROBE_MS);
        nw_kafka_consumer_report(s);
        break;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        nw_kafka_plain_text(text, s->missing, sizeof s->missing);
        s->next_topic_check_ns = nw_clock_monotonic_ns() + TOPIC_CHECK_NS;
        nw_kafka_consumer_report(s);
        break;
    default:
        if (nw_kafka_is_outage(error)) {
            nw_kafka_plain_text(text, s->outage, sizeof s->outage);
        }
        nw_log(s->endpoint, NW_LOG_DEBUG, "%s", text);
        break;
    }
}

/* ---- control ---- */

/* True if the event is kept. */
static bool serve_event(struct kafka_source *s, rd_kafka_event_t *event)
{
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_REBALANCE:
        nw_kafka_rebalance_begin(s, event);
        return true;
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
        nw_kafka_commit_result(s, event);
        return false;
    case RD_KAFKA_EVENT_ERROR:
        on_error(s, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
        return false;
    default:
        return false;
    }
}

static void serve_control(struct kafka_source *s)
{
    rd_kafka_event_t *event;

    while ((event = rd_kafka_queue_poll(s->control, 0)) != NULL) {
        if (!serve_event(s, event)) {
            rd_kafka_event_destroy(event);
        }
    }
}

/* ---- messages ---- */

static bool is_of(const struct kafka_partition *p, const rd_kafka_message_t *m)
{
    return p->number == m->partition && p->state != KAFKA_PARTITION_GONE &&
           (p->handle == m->rkt || strcmp(p->topic, rd_kafka_topic_name(m->rkt)) == 0);
}

static struct kafka_partition *find_partition(struct kafka_source *s, const rd_kafka_message_t *m)
{
    if (s->latest != NULL && is_of(s->latest, m)) {
        return s->latest;
    }
    for (size_t i = 0; i < s->partition_count; i++) {
        if (is_of(s->partitions[i], m)) {
            s->latest = s->partitions[i];
            s->latest->handle = m->rkt;
            return s->latest;
        }
    }
    return NULL;
}

/* It cannot be taken for want of memory: read it again later, and nothing behind it before. */
static void rewind_later(struct kafka_source *s, struct kafka_partition *p)
{
    (void)pthread_mutex_lock(&s->lock);
    if (p->state == KAFKA_PARTITION_ACTIVE) {
        p->state = KAFKA_PARTITION_REWINDING;
        p->rewind_at_ns = nw_clock_monotonic_ns() + KAFKA_SECOND_NS;
    }
    (void)pthread_mutex_unlock(&s->lock);
}

/* Ours for librdkafka's, which is taken; NULL if it is not to be offered. */
static struct nw_message *convert(struct kafka_source *s, rd_kafka_message_t *m)
{
    struct kafka_partition *p = NULL;
    struct nw_message *message = NULL;

    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        on_error(s, m->err, rd_kafka_message_errstr(m));
    } else {
        p = find_partition(s, m);
    }
    if (p != NULL && p->state == KAFKA_PARTITION_ACTIVE) {
        message = nw_kafka_message(s, p, m);
        if (message == NULL) {
            rewind_later(s, p);
        } else {
            nw_kafka_removed_note(s, p, m->offset);
        }
    }
    if (message == NULL) {
        rd_kafka_message_destroy(m);
    }
    return message;
}

/* Holds the lock. */
static bool take(struct nw_message *message)
{
    struct kafka_taken *taken = (struct kafka_taken *)nw_message_cookie(message);
    struct kafka_partition *p = taken->partition;

    if (p->state != KAFKA_PARTITION_ACTIVE) {
        return false;
    }
    if (!nw_kafka_partition_take(p, taken->message->offset, &taken->sequence)) {
        p->state = KAFKA_PARTITION_REWINDING;
        p->rewind_at_ns = nw_clock_monotonic_ns() + KAFKA_SECOND_NS;
        return false;
    }
    return true;
}

/* Offer them, unless the source has stopped. Returns how many were. */
static size_t offer(struct kafka_source *s, struct nw_message **messages, size_t n)
{
    struct nw_message *left[KAFKA_BATCH];
    size_t offered = 0, not = 0;

    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < n; i++) {
        if (!s->stopped && take(messages[i])) {
            messages[offered++] = messages[i];
        } else {
            left[not ++] = messages[i];
        }
    }
    if (offered > 0) {
        nw_offer(s->endpoint, messages, offered);
    }
    (void)pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < not ; i++) {
        nw_message_unref(left[i]);
    }
    return offered;
}

/* Move as much as credit allows. True if there may be more. */
static bool move_messages(struct kafka_source *s)
{
    rd_kafka_message_t *batch[KAFKA_BATCH];
    struct nw_message *messages[KAFKA_BATCH];
    size_t credits = s->partition_count == 0 ? 0 : nw_credit_take(s->endpoint, KAFKA_BATCH);
    size_t n = 0, offered;
    ssize_t got;

    if (credits == 0) {
        return false;
    }
    got = rd_kafka_consume_batch_queue(s->messages, 0, batch, credits);
    for (ssize_t i = 0; i < got; i++) {
        struct nw_message *message = convert(s, batch[i]);
        if (message != NULL) {
            messages[n++] = message;
        }
    }
    offered = offer(s, messages, n);
    nw_credit_return(s->endpoint, credits - offered);
    return got == (ssize_t)credits;
}

/* ---- what takes its time ---- */

static void seek(struct kafka_source *s, struct kafka_partition *p)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *to = rd_kafka_topic_partition_list_add(list, p->topic, p->number);
    rd_kafka_error_t *error;

    to->offset = p->watermark == KAFKA_NO_OFFSET ? p->start : p->watermark;
    error = rd_kafka_seek_partitions(s->rk, list, SEEK_MS);
    (void)pthread_mutex_lock(&s->lock);
    if (error == NULL && to->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        p->repeats_to = p->next > p->repeats_to ? p->next : p->repeats_to;
        p->next = nw_kafka_partition_rewind(p);
        p->state = KAFKA_PARTITION_ACTIVE;
    } else {
        p->rewind_at_ns = nw_clock_monotonic_ns() + KAFKA_SECOND_NS;
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (error != NULL) {
        rd_kafka_error_destroy(error);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* Partitions of which a message must come again, once nothing of them is in flight. */
static void rewind_partitions(struct kafka_source *s, int64_t now_ns)
{
    for (size_t i = 0; i < s->partition_count; i++) {
        struct kafka_partition *p = s->partitions[i];
        bool due;
        (void)pthread_mutex_lock(&s->lock);
        due = p->state == KAFKA_PARTITION_REWINDING && p->in_flight == 0 &&
              now_ns >= p->rewind_at_ns && !s->stopped;
        (void)pthread_mutex_unlock(&s->lock);
        if (due) {
            seek(s, p);
        }
    }
}

static bool topic_exists(struct kafka_source *s, const char *topic)
{
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_topic_t *handle;
    bool exists;

    if (topic == NULL || *topic == '\0' || *topic == '^') {
        return true;
    }
    handle = rd_kafka_topic_new(s->rk, topic, NULL);
    exists =
        rd_kafka_metadata(s->rk, 0, handle, &metadata, PROBE_MS) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (metadata != NULL) {
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(handle);
    return exists;
}

/* librdkafka says once that a topic is not there, and never that it has come. */
static void check_topics(struct kafka_source *s, int64_t now_ns)
{
    bool all = s->joined;

    if (s->missing[0] == '\0' || now_ns < s->next_topic_check_ns || s->down) {
        return;
    }
    s->next_topic_check_ns = now_ns + TOPIC_CHECK_NS;
    all = all && topic_exists(s, s->config->address);
    for (size_t i = 0; all && i < s->options->topics.count; i++) {
        all = topic_exists(s, s->options->topics.items[i]);
    }
    if (all) {
        s->missing[0] = '\0';
        nw_kafka_consumer_report(s);
    }
}

/* It happens that librdkafka never joins again after it has lost its partitions (seen with a broker
 * that came back under load). A new consumer of the same static member does. */
static void notice_stuck(struct kafka_source *s, int64_t now_ns)
{
    if (s->joined || s->down || s->rebalance != NULL || s->missing[0] != '\0') {
        s->outside_ns = 0;
    } else if (s->outside_ns == 0) {
        s->outside_ns = now_ns;
    } else if (now_ns - s->outside_ns > OUTSIDE_NS) {
        nw_log(s->endpoint, NW_LOG_WARNING,
               "group %.180s: not taken in for %d seconds, joining anew", s->group,
               (int)(OUTSIDE_NS / KAFKA_SECOND_NS));
        s->stuck = true;
        s->make_at_ns = now_ns;
        nw_kafka_rebalance_lose_all(s);
    }
}

static bool is_over(const struct kafka_source *s)
{
    return s->fatal[0] != '\0' || s->stuck;
}

static void every_second(struct kafka_source *s, int64_t now_ns)
{
    if (now_ns < s->next_second_ns) {
        return;
    }
    s->next_second_ns = now_ns + KAFKA_SECOND_NS;
    if (s->down && nw_kafka_reachable(s->rk, PROBE_MS)) {
        s->down = false;
        s->outage[0] = '\0';
        nw_kafka_consumer_report(s);
    }
    if (!s->commit_pending) {
        nw_kafka_commit(s);
    }
    check_topics(s, now_ns);
    nw_kafka_lag(s);
    nw_kafka_removed_look(s);
    nw_kafka_rebalance_sweep(s);
    notice_stuck(s, now_ns);
}

/* ---- the thread ---- */

void nw_kafka_consumer_wake(struct kafka_source *s)
{
    uint64_t one = 1;

    (void)!write(s->wake, &one, sizeof one);
}

static void wait_for_something(struct kafka_source *s)
{
    struct pollfd wake = {.fd = s->wake, .events = POLLIN};
    int64_t now_ns = nw_clock_monotonic_ns(), until_ns = s->next_second_ns;
    uint64_t count;

    if (s->rebalance != NULL || is_over(s)) {
        until_ns = now_ns + STEP_NS;
    }
    if (until_ns > now_ns) {
        (void)poll(&wake, 1, (int)((until_ns - now_ns) / 1000000) + 1);
    }
    (void)!read(s->wake, &count, sizeof count);
}

/* After a fatal error, or stuck: what is in flight must come back, then a new consumer joins. */
static void start_anew(struct kafka_source *s)
{
    struct nw_error error;

    if (atomic_load(&s->borrowed) > 0 || nw_clock_monotonic_ns() < s->make_at_ns) {
        return;
    }
    nw_kafka_rebalance_sweep(s);
    nw_kafka_consumer_unmake(s);
    if (nw_kafka_consumer_make(s, &error) != 0) {
        nw_kafka_consumer_unmake(s);
        (void)snprintf(s->fatal, sizeof s->fatal, "%.255s", error.text);
        s->make_at_ns = nw_clock_monotonic_ns() + NEW_CONSUMER_NS;
    } else {
        s->fatal[0] = '\0';
    }
    s->stuck = false;
    s->outside_ns = 0;
    nw_kafka_consumer_report(s);
}

static void run_once(struct kafka_source *s)
{
    bool more;

    serve_control(s);
    if (s->fatal[0] != '\0') {
        return;
    }
    nw_kafka_rebalance_go_on(s);
    more = move_messages(s);
    if (s->fatal[0] == '\0') {
        int64_t now_ns = nw_clock_monotonic_ns();
        rewind_partitions(s, now_ns);
        every_second(s, now_ns);
    }
    if (!more) {
        wait_for_something(s);
    }
}

/* Instead of all that: see kafka_seek.c. */
static void seek_once(struct kafka_source *s)
{
    serve_control(s);
    if (s->fatal[0] != '\0') {
        return;
    }
    nw_kafka_rebalance_go_on(s);
    nw_kafka_seek(s);
    s->next_second_ns = nw_clock_monotonic_ns() + STEP_NS;
    wait_for_something(s);
}

/* All is settled; give the messages' last readers a moment, because librdkafka must not go before
 * its messages. */
static void finish(struct kafka_source *s)
{
    struct nw_endpoint *endpoint = s->endpoint;
    int64_t until_ns = nw_clock_monotonic_ns() + BORROWED_MS * INT64_C(1000000);

    (void)pthread_mutex_lock(&s->lock); /* close() has left it then */
    (void)pthread_mutex_unlock(&s->lock);
    if (s->rk != NULL && s->fatal[0] == '\0') {
        nw_kafka_commit_last(s, LAST_COMMIT_MS);
    }
    nw_kafka_rebalance_lose_all(s);
    while (atomic_load(&s->borrowed) > 0 && nw_clock_monotonic_ns() < until_ns) {
        (void)poll(NULL, 0, 1);
    }
    if (atomic_load(&s->borrowed) > 0) {
        nw_log(endpoint, NW_LOG_ERROR, "%zu messages are still held; the consumer stays in memory",
               atomic_load(&s->borrowed));
        nw_closed(endpoint);
        return;
    }
    nw_kafka_consumer_unmake(s);
    nw_kafka_source_free(s);
    nw_closed(endpoint);
}

void *nw_kafka_consumer_run(void *source)
{
    struct kafka_source *s = source;

    nw_kafka_consumer_report(s);
    while (!atomic_load(&s->closing)) {
        if (is_over(s)) {
            start_anew(s);
            wait_for_something(s);
        } else if (s->config->seek != NULL) {
            seek_once(s);
        } else {
            run_once(s);
        }
    }
    finish(s);
    return NULL;
}
