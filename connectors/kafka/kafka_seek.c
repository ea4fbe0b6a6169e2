/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving where a group reads on (`natsway seek`). The one lane that runs then joins its group as
 * the member that it always is, sees that all members are this route's (the other lanes are away
 * and keep their places), and commits another offset for each partition. A member may commit for
 * partitions of others, too. On the source's thread.
 */
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka_source.h"

#define REQUEST_MS 10000

static void tell(struct kafka_source *s, bool moved, const char *text)
{
    s->sought = true;
    s->config->seek->done(s->config->seek, moved, text);
}

/* A refusal for good. */
static void refuse(struct kafka_source *s, const char *what, rd_kafka_resp_err_t error)
{
    char text[300];

    (void)snprintf(text, sizeof text, "group %.120s: %s: %s", s->group, what,
                   rd_kafka_err2str(error));
    tell(s, false, text);
}

/* ---- who is in the group ---- */

/* The broker makes the name of a static member of its instance and a number. */
static bool is_ours(const struct kafka_source *s, const char *member)
{
    bool ours = false;

    for (unsigned lane = 0; !ours && lane < s->config->lanes; lane++) {
        char *instance = nw_kafka_group_instance(s->config, lane);
        size_t len = instance == NULL ? 0 : strlen(instance);
        ours = len > 0 && strncmp(member, instance, len) == 0 && member[len] == '-';
        free(instance);
    }
    return ours;
}

static bool is_alone(struct kafka_source *s)
{
    const struct rd_kafka_group_list *list = NULL;
    rd_kafka_resp_err_t error = rd_kafka_list_groups(s->rk, s->group, &list, REQUEST_MS);
    const char *other = NULL;
    char text[300];

    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        refuse(s, "its members are not known", error);
        return false;
    }
    for (int g = 0; g < list->group_cnt; g++) {
        const struct rd_kafka_group_info *group = &list->groups[g];
        for (int m = 0; m < group->member_cnt; m++) {
            if (!is_ours(s, group->members[m].member_id)) {
                other = group->members[m].client_host;
            }
        }
    }
    if (other != NULL) {
        (void)snprintf(text, sizeof text,
                       "group %.120s has another member (at %.60s): the route runs elsewhere, too; "
                       "stop it there",
                       s->group, other);
        tell(s, false, text);
    }
    rd_kafka_group_list_destroy(list);
    return other == NULL;
}

/* ---- all its partitions ---- */

static bool fits(const char *wanted, const char *topic)
{
    regex_t regex;
    bool match;

    if (wanted == NULL || wanted[0] != '^') {
        return wanted != NULL && strcmp(wanted, topic) == 0;
    }
    if (regcomp(&regex, wanted, REG_EXTENDED | REG_NOSUB) != 0) {
        return false;
    }
    match = regexec(&regex, topic, 0, NULL, 0) == 0;
    regfree(&regex);
    return match;
}

static bool is_read(const struct kafka_source *s, const char *topic)
{
    bool read = fits(s->config->address, topic);

    for (size_t i = 0; !read && i < s->options->topics.count; i++) {
        read = fits(s->options->topics.items[i], topic);
    }
    return read;
}

/* NULL after having told why. */
static rd_kafka_topic_partition_list_t *list_partitions(struct kafka_source *s)
{
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t error = rd_kafka_metadata(s->rk, 1, NULL, &metadata, REQUEST_MS);
    rd_kafka_topic_partition_list_t *list;

    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        refuse(s, "its topics are not known", error);
        return NULL;
    }
    list = rd_kafka_topic_partition_list_new(16);
    for (int t = 0; t < metadata->topic_cnt; t++) {
        const rd_kafka_metadata_topic_t *topic = &metadata->topics[t];
        for (int p = 0; is_read(s, topic->topic) && p < topic->partition_cnt; p++) {
            rd_kafka_topic_partition_list_add(list, topic->topic, topic->partitions[p].id);
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return list;
}

/* ---- where to ---- */

/* Offsets behind the first message that is so new; negative: there is none. */
static rd_kafka_resp_err_t find_times(struct kafka_source *s, rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        list->elems[i].offset = s->config->seek->value / 1000000;
    }
    return rd_kafka_offsets_for_times(s->rk, list, REQUEST_MS);
}

static rd_kafka_resp_err_t find_offset(struct kafka_source *s, rd_kafka_topic_partition_t *at)
{
    int64_t low = 0, high = 0, wanted = s->config->seek->value;
    rd_kafka_resp_err_t error =
        rd_kafka_query_watermark_offsets(s->rk, at->topic, at->partition, &low, &high, REQUEST_MS);

    switch (s->config->seek->to) {
    case NW_SEEK_TIME:
        at->offset = at->offset < 0 ? high : at->offset;
        break;
    case NW_SEEK_SEQUENCE:
        at->offset = wanted < low ? low : wanted > high ? high : wanted;
        break;
    case NW_SEEK_END:
        at->offset = high;
        break;
    case NW_SEEK_BEGINNING:
    default:
        at->offset = low;
        break;
    }
    return error;
}

static rd_kafka_resp_err_t find_all(struct kafka_source *s, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t error =
        s->config->seek->to == NW_SEEK_TIME ? find_times(s, list) : RD_KAFKA_RESP_ERR_NO_ERROR;

    for (int i = 0; error == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        error = find_offset(s, &list->elems[i]);
    }
    return error;
}

/* ---- all of it ---- */

/* "orders/0 from 100 to 0, …" */
static void tell_moved(struct kafka_source *s, const rd_kafka_topic_partition_list_t *from,
                       const rd_kafka_topic_partition_list_t *to)
{
    char text[400];
    size_t len = (size_t)snprintf(text, sizeof text, "the group %.120s:", s->group);

    for (int i = 0; i < to->cnt && len < sizeof text - 1; i++) {
        const rd_kafka_topic_partition_t *a = &from->elems[i], *b = &to->elems[i];
        char begun[24] = "nowhere";
        if (a->offset >= 0) {
            (void)snprintf(begun, sizeof begun, "%" PRId64, a->offset);
        }
        len +=
            (size_t)snprintf(text + len, sizeof text - len, "%s %s/%" PRId32 " from %s to %" PRId64,
                             i == 0 ? "" : ",", b->topic, b->partition, begun, b->offset);
    }
    tell(s, true, text);
}

static void move(struct kafka_source *s, rd_kafka_topic_partition_list_t *to)
{
    rd_kafka_topic_partition_list_t *from = rd_kafka_topic_partition_list_copy(to);
    rd_kafka_resp_err_t error = rd_kafka_committed(s->rk, from, REQUEST_MS);

    error = error != RD_KAFKA_RESP_ERR_NO_ERROR ? error : find_all(s, to);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        refuse(s, "where to is not known", error);
    } else {
        error = rd_kafka_commit(s->rk, to, 0);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            refuse(s, "the offsets cannot be committed", error);
        } else {
            tell_moved(s, from, to);
        }
    }
    rd_kafka_topic_partition_list_destroy(from);
}

void nw_kafka_seek(struct kafka_source *s)
{
    rd_kafka_topic_partition_list_t *list;

    if (!s->joined || s->sought || !is_alone(s)) {
        return;
    }
    list = list_partitions(s);
    if (list == NULL) {
        return;
    }
    if (list->cnt == 0) {
        tell(s, false, "there is no such topic");
    } else {
        move(s, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
}
