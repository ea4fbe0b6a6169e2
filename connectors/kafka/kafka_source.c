/* SPDX-License-Identifier: Apache-2.0 */
/* The source as the pump sees it: checking, opening, settling, closing. The work is done by its
 * thread, in kafka_consumer.c. */
#include "kafka_source.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kafka_message.h"
#include "kafka_properties.h"
#include "kafka_since.h"

#define NAME_MAX_LEN 249 /* of topics, and of group.instance.id */
#define LEGAL "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

/* ---- checking ---- */

static void check_topic(const char *topic, const char *option, struct nw_check *to)
{
    if (*topic == '^') {
        regex_t regex;
        char text[200];
        int rc = regcomp(&regex, topic, REG_EXTENDED | REG_NOSUB);
        if (rc != 0) {
            (void)regerror(rc, &regex, text, sizeof text);
            nw_check_error(to, option, "\"%s\" is no regular expression: %s", topic, text);
            return;
        }
        regfree(&regex);
        return;
    }
    if (*topic == '\0' || strspn(topic, LEGAL) != strlen(topic) || strlen(topic) > NAME_MAX_LEN ||
        strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0) {
        nw_check_error(to, option,
                       "\"%s\" is no topic: up to %d letters, digits, '.', '_' and '-', or a "
                       "regular expression that begins with '^'",
                       topic, NAME_MAX_LEN);
    }
}

static void check(const char *address, const void *options, const void *connection_options,
                  struct nw_check *to)
{
    const struct kafka_source_options *o = options;
    struct nw_error error;
    int64_t since_ms;

    (void)connection_options;
    if (address != NULL && *address != '\0') {
        check_topic(address, NULL, to);
    } else if (o->topics.count == 0) {
        nw_check_error(to, NULL, "a topic is needed, or a list of `topics`");
    }
    for (size_t i = 0; i < o->topics.count; i++) {
        check_topic(o->topics.items[i], "topics", to);
    }
    if (o->group != NULL && *o->group == '\0') {
        nw_check_error(to, "group", "a group needs a name");
    }
    if (o->start.index == KAFKA_START_SINCE &&
        nw_kafka_since_parse(o->start.value, 0, &since_ms, &error) != 0) {
        nw_check_error(to, "start", "%s", error.text);
    }
    nw_kafka_properties_check(&o->properties, to);
}

/* ---- opening ---- */

/* What names this consumer for the group's coordinator across restarts. Kafka takes few bytes in
 * it; a name that loses some gets a number made from all of it. */
char *nw_kafka_group_instance(const struct nw_endpoint_config *config, unsigned lane)
{
    char *name = NULL, *out = NULL;
    uint32_t hash = 2166136261u;
    bool same = true;

    if (asprintf(&name, "%s.%s.%u", config->instance, config->route, lane) < 0) {
        return NULL;
    }
    for (char *p = name; *p != '\0'; p++) {
        hash = (hash ^ (unsigned char)*p) * 16777619u;
        if (strchr(LEGAL, *p) == NULL) {
            *p = '_';
            same = false;
        }
    }
    if (same && strlen(name) <= NAME_MAX_LEN) {
        return name;
    }
    if (asprintf(&out, "%.230s-%08x", name, hash) < 0) {
        out = NULL;
    }
    free(name);
    return out;
}

static struct kafka_source *make(struct nw_endpoint *endpoint,
                                 const struct nw_endpoint_config *config)
{
    struct kafka_source *s = calloc(1, sizeof *s);

    if (s == NULL) {
        return NULL;
    }
    s->endpoint = endpoint;
    s->config = config;
    s->options = config->options;
    s->connection = config->connection;
    s->group_instance = nw_kafka_group_instance(config, config->lane);
    if (s->options->group != NULL) {
        s->group = strdup(s->options->group);
    } else if (asprintf(&s->group, "%s-%s", config->bridge, config->route) < 0) {
        s->group = NULL;
    }
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)pthread_mutex_init(&s->lock, NULL);
    if (s->group == NULL || s->group_instance == NULL || s->wake < 0) {
        nw_kafka_source_free(s);
        return NULL;
    }
    return s;
}

void nw_kafka_source_free(struct kafka_source *s)
{
    for (size_t i = 0; i < s->partition_count; i++) {
        nw_kafka_partition_free(s->partitions[i]);
    }
    if (s->wake >= 0) {
        (void)close(s->wake);
    }
    (void)pthread_mutex_destroy(&s->lock);
    free(s->partitions);
    free(s->group);
    free(s->group_instance);
    free(s);
}

static int start_thread(struct kafka_source *s, struct nw_error *error)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int rc;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    rc = pthread_create(&thread, &attributes, nw_kafka_consumer_run, s);
    (void)pthread_attr_destroy(&attributes);
    return rc == 0 ? 0 : nw_error_set(error, NW_EIO, "no thread for the consumer");
}

static int source_open(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                       void **state, struct nw_error *error)
{
    struct kafka_source *s = make(endpoint, config);
    int rc = 0;

    if (s == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    if (s->options->start.index == KAFKA_START_SINCE) {
        rc = nw_kafka_since_parse(s->options->start.value, nw_clock_real_ns() / 1000000,
                                  &s->since_ms, error);
    }
    rc = rc != 0 ? rc : nw_kafka_consumer_make(s, error);
    nw_metric_count(endpoint, "source_gaps", 0);
    nw_metric_count(endpoint, "source_repeats", 0);
    rc = rc != 0 ? rc : start_thread(s, error);
    if (rc != 0) {
        nw_kafka_consumer_unmake(s);
        nw_kafka_source_free(s);
        return rc;
    }
    *state = s;
    return 0;
}

/* ---- running ---- */

static void credit(void *state)
{
    nw_kafka_consumer_wake(state);
}

static void settle(void *state, const struct nw_result *results, size_t n)
{
    struct kafka_source *s = state;
    bool wake = false;

    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < n; i++) {
        struct kafka_taken *taken = (struct kafka_taken *)nw_message_cookie(results[i].message);
        struct kafka_partition *p = taken->partition;
        bool delivered = results[i].outcome != NW_RETRY;
        nw_kafka_partition_settle(p, taken->sequence, delivered);
        if (!delivered && p->state == KAFKA_PARTITION_ACTIVE && !s->stopped) {
            p->state = KAFKA_PARTITION_REWINDING;
            p->rewind_at_ns = nw_clock_monotonic_ns() + KAFKA_SECOND_NS;
        }
        wake |= s->thread_waits && p->in_flight == 0;
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (wake) {
        nw_kafka_consumer_wake(s);
    }
}

static void stop(void *state)
{
    struct kafka_source *s = state;

    (void)pthread_mutex_lock(&s->lock);
    s->stopped = true;
    (void)pthread_mutex_unlock(&s->lock);
}

static void source_close(void *state)
{
    struct kafka_source *s = state;

    /* The thread may be awake: it waits for this lock before it frees anything. */
    (void)pthread_mutex_lock(&s->lock);
    atomic_store(&s->closing, true);
    nw_kafka_consumer_wake(s);
    (void)pthread_mutex_unlock(&s->lock);
}

const struct nw_source_kind nw_kafka_source_kind = {
    .options = nw_kafka_source_rows,
    .options_size = sizeof(struct kafka_source_options),
    .address = NW_ADDRESS_TOPIC_KAFKA,
    .has = NW_HAS(NW_META_KEY) | NW_HAS(NW_META_PARTITION) | NW_HAS(NW_META_OFFSET),
    .address_doc = "topic, or a regular expression of topics that begins with ^",
    .promise = "At least once, in order within a partition: only the contiguous delivered offset "
               "of a partition is committed",
    .check = check,
    .open = source_open,
    .credit = credit,
    .settle = settle,
    .stop = stop,
    .close = source_close,
};
