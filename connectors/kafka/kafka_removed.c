/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker has removed, by retention or by hand, before it could be read. Kafka passes over
 * it in silence; here it is said and counted. On the source's thread. */
#include <inttypes.h>

#include "kafka_source.h"

#define ASK_MS 300

static void say(struct kafka_source *s, const char *topic, int32_t number, int64_t from, int64_t to)
{
    nw_log(s->endpoint, NW_LOG_WARNING,
           "%s/%" PRId32 ": the broker removed offsets %" PRId64 " to %" PRId64
           " before they were read",
           topic, number, from, to - 1);
    nw_metric_count(s->endpoint, "kafka_removed", (uint64_t)(to - from));
    nw_metric_count(s->endpoint, "source_gaps", 1);
}

static bool ask(struct kafka_source *s, const char *topic, int32_t number, int64_t *low)
{
    return nw_kafka_offset_of(s, topic, number, RD_KAFKA_OFFSET_BEGINNING, ASK_MS, low);
}

bool nw_kafka_removed_at_start(struct kafka_source *s, rd_kafka_topic_partition_t *at)
{
    int64_t low;

    if (!ask(s, at->topic, at->partition, &low)) {
        return false;
    }
    if (low > at->offset) {
        say(s, at->topic, at->partition, at->offset, low);
        at->offset = low;
    }
    return true;
}

void nw_kafka_removed_note(struct kafka_source *s, struct kafka_partition *p, int64_t offset)
{
    if (offset < p->repeats_to) {
        nw_metric_count(s->endpoint, "source_repeats", 1);
    }
    if (p->next >= 0 && offset > p->next && p->gap_to == 0) {
        p->gap_from = p->next;
        p->gap_to = offset;
    }
    p->next = offset + 1;
}

/* A gap may as well be what compaction or a transaction leaves. */
void nw_kafka_removed_look(struct kafka_source *s)
{
    for (size_t i = 0; i < s->partition_count; i++) {
        struct kafka_partition *p = s->partitions[i];
        int64_t low;

        if (p->gap_to == 0 || p->state == KAFKA_PARTITION_GONE) {
            continue;
        }
        if (ask(s, p->topic, p->number, &low)) {
            low = low < p->gap_to ? low : p->gap_to;
            if (low > p->gap_from) {
                say(s, p->topic, p->number, p->gap_from, low);
            }
            p->gap_to = 0;
        }
        return; /* one each second */
    }
}
