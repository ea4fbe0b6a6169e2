/* SPDX-License-Identifier: Apache-2.0 */
/* Committing watermarks, and the lag. On the source's thread. */
#include "kafka_source.h"

#include <string.h>

/* The partitions whose watermark has moved since the last commit; they count as committed. NULL if
 * there are none. */
static rd_kafka_topic_partition_list_t *list_moved(struct kafka_source *s)
{
    rd_kafka_topic_partition_list_t *list = NULL;

    if (s->config->seek != NULL) {
        return NULL; /* what is committed is what was sought */
    }
    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->partition_count; i++) {
        struct kafka_partition *p = s->partitions[i];
        if (p->state == KAFKA_PARTITION_GONE || p->watermark == KAFKA_NO_OFFSET ||
            p->watermark == p->committed) {
            continue;
        }
        if (list == NULL) {
            list = rd_kafka_topic_partition_list_new((int)s->partition_count);
        }
        rd_kafka_topic_partition_list_add(list, p->topic, p->number)->offset = p->watermark;
        p->committed = p->watermark;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return list;
}

void nw_kafka_commit(struct kafka_source *s)
{
    rd_kafka_topic_partition_list_t *list = list_moved(s);

    if (list != NULL) {
        s->commit_pending = rd_kafka_commit_queue(s->rk, list, s->control, NULL, NULL) ==
                            RD_KAFKA_RESP_ERR_NO_ERROR;
        rd_kafka_topic_partition_list_destroy(list);
    }
}

/* Commit it again with the next round. */
static void forget_commit(struct kafka_source *s, const rd_kafka_topic_partition_t *failed)
{
    for (size_t i = 0; i < s->partition_count; i++) {
        struct kafka_partition *p = s->partitions[i];
        if (p->number == failed->partition && p->state != KAFKA_PARTITION_GONE &&
            strcmp(p->topic, failed->topic) == 0) {
            p->committed = KAFKA_NO_OFFSET;
        }
    }
}

void nw_kafka_commit_result(struct kafka_source *s, rd_kafka_event_t *event)
{
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);

    s->commit_pending = false;
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        nw_log(s->endpoint, NW_LOG_DEBUG, "commit: %s", rd_kafka_err2str(error));
    }
    (void)pthread_mutex_lock(&s->lock);
    for (int i = 0; list != NULL && i < list->cnt; i++) {
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR ||
            list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            forget_commit(s, &list->elems[i]);
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
}

void nw_kafka_commit_last(struct kafka_source *s, int timeout_ms)
{
    rd_kafka_topic_partition_list_t *list = list_moved(s);
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event = NULL;

    if (list == NULL) {
        return;
    }
    queue = rd_kafka_queue_new(s->rk);
    if (rd_kafka_commit_queue(s->rk, list, queue, NULL, NULL) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        event = rd_kafka_queue_poll(queue, timeout_ms);
    }
    if (event == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        nw_log(s->endpoint, NW_LOG_WARNING,
               "the last offsets could not be committed (%s): some messages will come again",
               event == NULL ? "no answer" : rd_kafka_err2str(rd_kafka_event_error(event)));
    }
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(list);
}

/* From what librdkafka knows without asking. */
static int64_t lag_of(struct kafka_source *s, const struct kafka_partition *p)
{
    int64_t low = 0, high = 0, from;

    if (rd_kafka_get_watermark_offsets(s->rk, p->topic, p->number, &low, &high) !=
            RD_KAFKA_RESP_ERR_NO_ERROR ||
        high < 0) {
        return 0;
    }
    from = p->watermark == KAFKA_NO_OFFSET ? low : p->watermark;
    return high > from && from >= 0 ? high - from : 0;
}

void nw_kafka_lag(struct kafka_source *s)
{
    int64_t sum = 0;

    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->partition_count; i++) {
        if (s->partitions[i]->state != KAFKA_PARTITION_GONE) {
            sum += lag_of(s, s->partitions[i]);
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
    nw_lag(s->endpoint, sum);
}
