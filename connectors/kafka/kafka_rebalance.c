/* SPDX-License-Identifier: Apache-2.0 */
/* Taking and giving up partitions. On the source's thread. */
#include "kafka_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_MS 5000                      /* the longest that one request may hold the thread */
#define AGAIN_NS (KAFKA_SECOND_NS / 4)       /* between tries to find where to begin */
#define REVOKE_WAIT_NS (5 * KAFKA_SECOND_NS) /* for what is in flight of revoked partitions */

static bool is_cooperative(const struct kafka_source *s)
{
    return strcmp(rd_kafka_rebalance_protocol(s->rk), "COOPERATIVE") == 0;
}

static rd_kafka_topic_partition_list_t *list_of(const struct kafka_source *s)
{
    return rd_kafka_event_topic_partition_list(s->rebalance);
}

static bool is_assign(const struct kafka_source *s)
{
    return rd_kafka_event_error(s->rebalance) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
}

/* ---- where to begin ---- */

bool nw_kafka_offset_of(struct kafka_source *s, const char *topic, int32_t partition, int64_t when,
                        int timeout_ms, int64_t *offset)
{
    rd_kafka_topic_partition_list_t *one = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *found = rd_kafka_topic_partition_list_add(one, topic, partition);
    bool ok;

    found->offset = when;
    ok = rd_kafka_offsets_for_times(s->rk, one, timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR &&
         found->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (ok) {
        *offset = found->offset;
    }
    rd_kafka_topic_partition_list_destroy(one);
    return ok;
}

/* The end of the partition as a number, so that it can be committed at once: a restart before the
 * first message must not skip what came in between. */
static bool find_end(struct kafka_source *s, rd_kafka_topic_partition_t *at)
{
    return nw_kafka_offset_of(s, at->topic, at->partition, RD_KAFKA_OFFSET_END, REQUEST_MS,
                              &at->offset);
}

static bool find_since(struct kafka_source *s, rd_kafka_topic_partition_t *at)
{
    bool ok = nw_kafka_offset_of(s, at->topic, at->partition, s->since_ms, REQUEST_MS, &at->offset);

    return ok && (at->offset >= 0 || find_end(s, at)); /* nothing that new: from the end */
}

/* Who waits for these partitions must see why. */
static bool not_found(struct kafka_source *s, rd_kafka_resp_err_t error)
{
    char text[256];

    (void)snprintf(text, sizeof text, "group %.120s: where it stands is not known yet: %.100s",
                   s->group, rd_kafka_err2str(error));
    nw_endpoint_state(s->endpoint, NW_STATE_DOWN, text);
    return false;
}

/* Every partition begins where the group stands, or else where `start` says. False: ask again. */
static bool find_offsets(struct kafka_source *s, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t error =
        list->cnt == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_committed(s->rk, list, REQUEST_MS);
    bool answers = true;

    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return not_found(s, error);
    }
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *at = &list->elems[i];
        bool found = at->err == RD_KAFKA_RESP_ERR_NO_ERROR;
        if (found && at->offset >= 0) {
            answers = answers && nw_kafka_removed_at_start(s, at);
        } else if (found) {
            switch (s->options->start.index) {
            case KAFKA_START_LATEST:
                found = find_end(s, at);
                break;
            case KAFKA_START_SINCE:
                found = find_since(s, at);
                break;
            default:
                at->offset = RD_KAFKA_OFFSET_BEGINNING;
                break;
            }
        }
        if (!found) {
            return not_found(
                s, at->err != RD_KAFKA_RESP_ERR_NO_ERROR ? at->err : RD_KAFKA_RESP_ERR__TIMED_OUT);
        }
    }
    return true;
}

/* ---- taking ---- */

static bool add_partition(struct kafka_source *s, const rd_kafka_topic_partition_t *at)
{
    struct kafka_partition *p = nw_kafka_partition_new(at->topic, at->partition, at->offset);
    rd_kafka_queue_t *queue;

    if (p == NULL) {
        return false;
    }
    queue = rd_kafka_queue_get_partition(s->rk, at->topic, at->partition);
    if (queue == NULL) {
        nw_kafka_partition_free(p);
        return false;
    }
    rd_kafka_queue_forward(queue, s->messages);
    rd_kafka_queue_destroy(queue);
    (void)pthread_mutex_lock(&s->lock);
    s->partitions[s->partition_count++] = p;
    (void)pthread_mutex_unlock(&s->lock);
    return true;
}

static bool reserve(struct kafka_source *s, size_t more)
{
    size_t capacity = s->partition_count + more;
    struct kafka_partition **larger;

    if (capacity <= s->partition_capacity) {
        return true;
    }
    (void)pthread_mutex_lock(&s->lock);
    larger = realloc(s->partitions, capacity * sizeof(struct kafka_partition *));
    if (larger != NULL) {
        s->partitions = larger;
        s->partition_capacity = capacity;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return larger != NULL;
}

static void say(struct kafka_source *s, rd_kafka_error_t *error)
{
    if (error != NULL) {
        nw_log(s->endpoint, NW_LOG_WARNING, "rebalance: %s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    }
}

static struct kafka_partition *find(struct kafka_source *s, const rd_kafka_topic_partition_t *at)
{
    for (size_t i = 0; i < s->partition_count; i++) {
        struct kafka_partition *p = s->partitions[i];
        if (p->number == at->partition && p->state != KAFKA_PARTITION_GONE &&
            strcmp(p->topic, at->topic) == 0) {
            return p;
        }
    }
    return NULL;
}

static void answer_assign(struct kafka_source *s, const rd_kafka_topic_partition_list_t *list)
{
    if (is_cooperative(s)) {
        say(s, rd_kafka_incremental_assign(s->rk, list));
    } else {
        (void)rd_kafka_assign(s->rk, list);
    }
}

static bool assign(struct kafka_source *s)
{
    rd_kafka_topic_partition_list_t *list = list_of(s);

    if (nw_clock_monotonic_ns() < s->try_again_ns) {
        return false;
    }
    if (!find_offsets(s, list) || !reserve(s, (size_t)list->cnt)) {
        s->try_again_ns = nw_clock_monotonic_ns() + AGAIN_NS;
        return false;
    }
    for (int i = 0; i < list->cnt; i++) {
        /* Those that an earlier try has added are there. */
        if (find(s, &list->elems[i]) == NULL && !add_partition(s, &list->elems[i])) {
            nw_log(s->endpoint, NW_LOG_WARNING, "no memory for a partition, trying again");
            s->try_again_ns = nw_clock_monotonic_ns() + AGAIN_NS;
            return false;
        }
    }
    answer_assign(s, list);
    s->joined = true;
    s->next_topic_check_ns = 0;
    return true;
}

/* ---- giving up ---- */

/* Put the listed partitions into a state. Returns how many messages of them are in flight. */
static size_t set_states(struct kafka_source *s, const rd_kafka_topic_partition_list_t *list,
                         enum kafka_partition_state state)
{
    size_t in_flight = 0;

    (void)pthread_mutex_lock(&s->lock);
    for (int i = 0; i < list->cnt; i++) {
        struct kafka_partition *p = find(s, &list->elems[i]);
        if (p != NULL) {
            p->state = state;
            in_flight += p->in_flight;
        }
    }
    s->thread_waits |= in_flight > 0;
    (void)pthread_mutex_unlock(&s->lock);
    return in_flight;
}

static void answer_revoke(struct kafka_source *s, const rd_kafka_topic_partition_list_t *list)
{
    if (is_cooperative(s)) {
        say(s, rd_kafka_incremental_unassign(s->rk, list));
    } else {
        (void)rd_kafka_assign(s->rk, NULL);
    }
}

/* The commit goes out before the answer: both pass through the same queue of librdkafka. */
static bool revoke(struct kafka_source *s)
{
    rd_kafka_topic_partition_list_t *list = list_of(s);
    bool lost = rd_kafka_assignment_lost(s->rk) != 0;
    size_t in_flight = set_states(s, list, KAFKA_PARTITION_REVOKING);

    if (in_flight > 0 && !lost && nw_clock_monotonic_ns() < s->rebalance_until_ns) {
        return false;
    }
    if (in_flight > 0 && !lost) {
        nw_log(s->endpoint, NW_LOG_WARNING,
               "%zu messages of partitions that were given up will come again elsewhere",
               in_flight);
    }
    if (!lost) {
        nw_kafka_commit(s);
    }
    (void)set_states(s, list, KAFKA_PARTITION_GONE);
    answer_revoke(s, list);
    s->latest = NULL;
    s->joined = s->joined && !lost && is_cooperative(s);
    return true;
}

/* ---- the event ---- */

void nw_kafka_rebalance_begin(struct kafka_source *s, rd_kafka_event_t *event)
{
    if (s->rebalance != NULL) { /* cannot be: librdkafka waits for the answer to the first */
        rd_kafka_event_destroy(s->rebalance);
    }
    s->rebalance = event;
    s->rebalance_until_ns = nw_clock_monotonic_ns() + REVOKE_WAIT_NS;
    s->try_again_ns = 0;
}

void nw_kafka_rebalance_go_on(struct kafka_source *s)
{
    if (s->rebalance == NULL || !(is_assign(s) ? assign(s) : revoke(s))) {
        return;
    }
    rd_kafka_event_destroy(s->rebalance);
    s->rebalance = NULL;
    nw_kafka_rebalance_sweep(s);
    nw_kafka_consumer_report(s);
}

void nw_kafka_rebalance_lose_all(struct kafka_source *s)
{
    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->partition_count; i++) {
        s->partitions[i]->state = KAFKA_PARTITION_GONE;
    }
    (void)pthread_mutex_unlock(&s->lock);
    s->latest = NULL;
    s->joined = false;
    if (s->rebalance != NULL) {
        rd_kafka_event_destroy(s->rebalance);
        s->rebalance = NULL;
    }
}

void nw_kafka_rebalance_sweep(struct kafka_source *s)
{
    size_t kept = 0;

    (void)pthread_mutex_lock(&s->lock);
    s->thread_waits = false;
    for (size_t i = 0; i < s->partition_count; i++) {
        struct kafka_partition *p = s->partitions[i];
        if (p->state == KAFKA_PARTITION_GONE && p->in_flight == 0) {
            nw_kafka_partition_free(p);
        } else {
            s->partitions[kept++] = p;
        }
    }
    s->partition_count = kept;
    (void)pthread_mutex_unlock(&s->lock);
}
