/* SPDX-License-Identifier: Apache-2.0 */
/* The text of an offset: "natsway1 COMMITS PARTS " and the PART of the set's that is here. */
#include "kafka_positions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "kafka_connection.h"
#include "kafka_properties.h"

#define ASK_MS 1000
#define READ_MS 5000
#define ROOM 4096 /* brokers take so much (offset.metadata.max.bytes) unless told otherwise */
#define HEAD 48
#define PART (ROOM - HEAD)
#define PARTS_MAX 16

/* ---- reading ---- */

int nw_kafka_positions_count(rd_kafka_t *rk, const char *topic, struct nw_error *error)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t code = handle == NULL ? rd_kafka_last_error()
                                              : rd_kafka_metadata(rk, 0, handle, &metadata, ASK_MS);
    int count = 0;

    if (handle != NULL) {
        rd_kafka_topic_destroy(handle);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)nw_error_set(error, NW_EAGAIN, "%s", rd_kafka_err2str(code));
        return 0;
    }
    count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
    if (count == 0) {
        (void)nw_error_set(error, NW_EAGAIN, "the topic %s does not exist", topic);
    }
    rd_kafka_metadata_destroy(metadata);
    return count;
}

static int configure(const struct kafka_positions *p, rd_kafka_conf_t *conf, const char *isolation,
                     struct nw_error *error)
{
    int rc = nw_kafka_property_set(conf, "group.id", p->group, error);

    rc = rc != 0 ? rc : nw_kafka_property_set(conf, "isolation.level", isolation, error);
    rc = rc != 0 ? rc : nw_kafka_property_set(conf, "retry.backoff.ms", "5", error);
    nw_kafka_log_to(conf, p->connection);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR); /* nobody takes them: they are said */
    return rc;
}

/* isolation "read_committed": what a transaction that is not over yet has written is waited for. */
static int make_consumer(const struct kafka_positions *p, const char *isolation, rd_kafka_t **out,
                         struct nw_error *error)
{
    static const struct nw_pairs none = {.count = 0};
    rd_kafka_conf_t *conf;
    char text[300];
    int rc;

    if (*out != NULL) {
        return 0;
    }
    rc = nw_kafka_properties_conf(RD_KAFKA_CONSUMER, p->connection->options, &none, &conf, error);
    if (rc != 0) {
        return rc;
    }
    rc = configure(p, conf, isolation, error);
    *out = rc != 0 ? NULL : rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (*out == NULL) {
        rd_kafka_conf_destroy(conf);
        rc = rc != 0 ? rc : nw_error_set(error, NW_EAGAIN, "%s", text);
    }
    return rc;
}

void nw_kafka_positions_done(struct kafka_positions *p)
{
    if (p->consumer != NULL) {
        rd_kafka_destroy(p->consumer);
        p->consumer = NULL;
    }
}

/* The part that a partition has. NW_ENOTFOUND: none. */
static int read_part(const rd_kafka_topic_partition_t *at, uint64_t *commits, int *parts,
                     struct nw_slice *out)
{
    char head[HEAD + 1];
    int used = 0;
    size_t len = at->metadata_size < HEAD ? at->metadata_size : HEAD;

    if (at->offset < 0) {
        return NW_ENOTFOUND;
    }
    (void)snprintf(head, sizeof head, "%.*s", (int)len, (const char *)at->metadata);
    if (sscanf(head, "natsway1 %" SCNu64 " %d%n", commits, parts, &used) != 2 ||
        head[used] != ' ' || *parts < 1 || *parts > PARTS_MAX) {
        return NW_EINVAL;
    }
    *out = (struct nw_slice){(const char *)at->metadata + used + 1,
                             at->metadata_size - (size_t)used - 1};
    return 0;
}

/* What is there now. A jump sees to it that two who go on from the same place, because one of them
 * does not know that the other has taken over, do not write the same. */
static void note_commits(struct kafka_positions *p, uint64_t there)
{
    uint32_t jump = 0;

    p->foreign = p->known && there != p->commits && there != p->before;
    p->known = true;
    p->before = there;
    (void)getrandom(&jump, sizeof jump, 0);
    p->commits = there + jump;
}

static int read_parts(const rd_kafka_topic_partition_list_t *list, struct kafka_stored *out,
                      uint64_t *there)
{
    char text[PARTS_MAX * PART];
    size_t len = 0;
    int parts = 1;

    for (int i = 0; i < parts; i++) {
        struct nw_slice part;
        uint64_t commits;
        int said;
        int rc = i < list->cnt ? read_part(&list->elems[i], &commits, &said, &part) : NW_EINVAL;
        if (rc == NW_ENOTFOUND && i == 0) {
            return 0; /* nothing was committed yet */
        }
        if (rc != 0 || part.len > sizeof text - len ||
            (i > 0 && (commits != *there || said != parts))) {
            return NW_EINVAL;
        }
        parts = said;
        *there = commits;
        (void)memcpy(text + len, part.data, part.len);
        len += part.len;
    }
    return nw_kafka_stored_read(out, text, len);
}

static rd_kafka_topic_partition_list_t *list_partitions(const struct kafka_positions *p, int count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);

    for (int i = 0; list != NULL && i < count; i++) {
        (void)rd_kafka_topic_partition_list_add(list, p->topic, i);
    }
    return list;
}

static rd_kafka_resp_err_t fetch(rd_kafka_t *consumer, rd_kafka_topic_partition_list_t *list,
                                 int timeout_ms)
{
    rd_kafka_resp_err_t code = rd_kafka_committed(consumer, list, timeout_ms);

    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++) {
        code = list->elems[i].err;
    }
    return code;
}

int nw_kafka_positions_read(struct kafka_positions *p, rd_kafka_t *rk, struct kafka_stored *out,
                            struct nw_error *error)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t code;
    uint64_t there = 0;
    int rc = 0;

    p->partitions = nw_kafka_positions_count(rk, p->topic, error);
    p->partitions = p->partitions > PARTS_MAX ? PARTS_MAX : p->partitions;
    if (p->partitions == 0 || make_consumer(p, "read_committed", &p->consumer, error) != 0) {
        return NW_EAGAIN;
    }
    list = list_partitions(p, p->partitions);
    code = fetch(p->consumer, list, READ_MS);
    nw_kafka_stored_done(out);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rc = nw_error_set(error, NW_EAGAIN, "the position cannot be read: %s",
                          rd_kafka_err2str(code));
    } else if (read_parts(list, out, &there) == 0) {
        note_commits(p, there);
    } else {
        nw_kafka_stored_done(out);
        rc = nw_error_set(error, NW_EINVAL, "the group %s has offsets that natsway did not write",
                          p->group);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

bool nw_kafka_positions_hangs(struct kafka_positions *p)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_t *hasty = NULL;
    rd_kafka_resp_err_t code;

    if (p->partitions == 0 || make_consumer(p, "read_uncommitted", &hasty, NULL) != 0) {
        return false;
    }
    list = list_partitions(p, p->partitions);
    code = fetch(hasty, list, READ_MS);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(hasty);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

int nw_kafka_positions_confirm(struct kafka_positions *p)
{
    rd_kafka_topic_partition_list_t *list = list_partitions(p, 1);
    struct nw_slice part;
    uint64_t commits;
    int parts, rc = NW_EAGAIN;

    if (fetch(p->consumer, list, ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rc = read_part(&list->elems[0], &commits, &parts, &part);
        rc = rc == 0 && commits == p->commits ? 0 : NW_ENOTFOUND;
        p->before = rc == 0 ? commits : p->before;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

/* ---- writing ---- */

static bool set_part(rd_kafka_topic_partition_t *at, const struct kafka_positions *p, int parts,
                     int64_t offset, struct nw_slice part)
{
    char *text = malloc(ROOM);
    int head;

    if (text == NULL) {
        return false;
    }
    head = snprintf(text, ROOM, "natsway1 %" PRIu64 " %d ", p->commits, parts);
    (void)memcpy(text + head, part.data, part.len);
    at->offset = offset;
    at->metadata = text; /* the list's now */
    at->metadata_size = (size_t)head + part.len;
    return true;
}

rd_kafka_topic_partition_list_t *nw_kafka_positions_list(struct kafka_positions *p,
                                                         const struct kafka_stored *stored)
{
    char text[PARTS_MAX * PART];
    size_t len = nw_kafka_stored_write(stored, text, (size_t)p->partitions * PART, &p->left);
    int parts = len == 0 ? 1 : (int)((len + PART - 1) / PART);
    rd_kafka_topic_partition_list_t *list = list_partitions(p, parts);
    bool ok = list != NULL;

    p->commits++; /* then said in each part */
    for (int i = 0; ok && i < parts; i++) {
        size_t at = (size_t)i * PART, rest = len - at;
        ok = set_part(&list->elems[i], p, parts, (int64_t)nw_kafka_stored_highest(stored) + 1,
                      (struct nw_slice){text + at, rest < PART ? rest : PART});
    }
    if (!ok && list != NULL) {
        rd_kafka_topic_partition_list_destroy(list);
    }
    return ok ? list : NULL;
}
