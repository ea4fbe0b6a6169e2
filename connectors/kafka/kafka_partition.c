/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 256

enum entry_state { ENTRY_TAKEN, ENTRY_DELIVERED, ENTRY_RETURNED };

struct kafka_entry {
    int64_t offset;
    enum entry_state state;
};

struct kafka_partition *nw_kafka_partition_new(const char *topic, int32_t number, int64_t start)
{
    struct kafka_partition *p = calloc(1, sizeof *p);
    size_t size = strlen(topic) + 32;

    if (p == NULL) {
        return NULL;
    }
    p->topic = strdup(topic);
    p->origin = malloc(size);
    p->capacity = FIRST_CAPACITY;
    p->entries = calloc(p->capacity, sizeof *p->entries);
    if (p->topic == NULL || p->origin == NULL || p->entries == NULL) {
        nw_kafka_partition_free(p);
        return NULL;
    }
    p->origin_len = (size_t)snprintf(p->origin, size, "kafka:%s/%d/", topic, (int)number);
    p->number = number;
    p->start = start;
    p->watermark = start >= 0 ? start : KAFKA_NO_OFFSET;
    p->committed = KAFKA_NO_OFFSET;
    p->next = p->watermark;
    return p;
}

void nw_kafka_partition_free(struct kafka_partition *p)
{
    if (p != NULL) {
        free(p->topic);
        free(p->origin);
        free(p->entries);
        free(p);
    }
}

static struct kafka_entry *entry_at(struct kafka_partition *p, uint64_t sequence)
{
    return &p->entries[sequence & (p->capacity - 1)];
}

static bool grow(struct kafka_partition *p)
{
    size_t capacity = p->capacity * 2;
    struct kafka_entry *entries = calloc(capacity, sizeof *entries);

    if (entries == NULL) {
        return false;
    }
    for (uint64_t s = p->tail; s != p->head; s++) {
        entries[s & (capacity - 1)] = *entry_at(p, s);
    }
    free(p->entries);
    p->entries = entries;
    p->capacity = capacity;
    return true;
}

bool nw_kafka_partition_take(struct kafka_partition *p, int64_t offset, uint64_t *sequence)
{
    if (p->head - p->tail == p->capacity && !grow(p)) {
        return false;
    }
    *entry_at(p, p->head) = (struct kafka_entry){offset, ENTRY_TAKEN};
    *sequence = p->head++;
    p->in_flight++;
    return true;
}

void nw_kafka_partition_settle(struct kafka_partition *p, uint64_t sequence, bool delivered)
{
    entry_at(p, sequence)->state = delivered ? ENTRY_DELIVERED : ENTRY_RETURNED;
    p->in_flight--;
    while (p->tail != p->head && entry_at(p, p->tail)->state == ENTRY_DELIVERED) {
        p->watermark = entry_at(p, p->tail)->offset + 1;
        p->tail++;
    }
}

int64_t nw_kafka_partition_rewind(struct kafka_partition *p)
{
    p->tail = p->head;
    return p->watermark == KAFKA_NO_OFFSET ? p->start : p->watermark;
}
