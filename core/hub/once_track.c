/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/once_track.h"

#include <stdlib.h>

#define FIRST_CAPACITY ((size_t)256)

static struct nw_once_entry *at(const struct nw_once_track *t, uint64_t index)
{
    return &t->entries[index & (t->capacity - 1)];
}

void nw_once_track_done(struct nw_once_track *t)
{
    free(t->entries);
    *t = (struct nw_once_track){0};
}

void nw_once_track_restart(struct nw_once_track *t, int64_t offset)
{
    t->head = t->open = t->tail;
    t->last_offset = -1;
    t->last_part = 0;
    t->next = offset;
}

/* Over what is finished, and with it the groups that are. */
static void advance(struct nw_once_track *t)
{
    while (t->open < t->tail && at(t, t->open)->finished) {
        t->open++;
        if (t->open < t->tail && at(t, t->open)->offset != at(t, t->open - 1)->offset) {
            t->head = t->open;
        }
    }
}

/* Make place for one more. */
static int reserve(struct nw_once_track *t)
{
    size_t capacity = t->capacity == 0 ? FIRST_CAPACITY : t->capacity * 2;
    struct nw_once_entry *entries;

    if (t->tail - t->head < t->capacity) {
        return 0;
    }
    if (t->capacity == NW_ONCE_ENTRIES_MOST) {
        at(t, t->open)->finished = true; /* a message that was given up, most likely */
        advance(t);
        t->head = t->open;
        return 0;
    }
    entries = malloc(capacity * sizeof *entries);
    if (entries == NULL) {
        return NW_ENOMEM;
    }
    for (uint64_t i = t->head; i < t->tail; i++) {
        entries[i & (capacity - 1)] = *at(t, i);
    }
    free(t->entries);
    t->entries = entries;
    t->capacity = capacity;
    return 0;
}

int nw_once_track_add(struct nw_once_track *t, int64_t offset, uint32_t part, uint64_t floor,
                      int64_t now_ns, uint64_t *index)
{
    if (reserve(t) != 0) {
        return NW_ENOMEM;
    }
    if (t->open == t->tail && (t->head == t->tail || at(t, t->tail - 1)->offset != offset)) {
        t->head = t->tail;
    }
    *index = t->tail++;
    *at(t, *index) = (struct nw_once_entry){.offset = offset, .floor = floor, .sent_ns = now_ns};
    t->last_offset = offset;
    t->last_part = part;
    t->next = offset + 1;
    return 0;
}

const struct nw_once_entry *nw_once_track_at(const struct nw_once_track *t, uint64_t index)
{
    return index >= t->head && index < t->tail ? at(t, index) : NULL;
}

void nw_once_track_finish(struct nw_once_track *t, uint64_t index)
{
    if (index >= t->open && index < t->tail) {
        at(t, index)->finished = true;
        advance(t);
    }
}

void nw_once_track_lower(struct nw_once_track *t, uint64_t floor)
{
    for (uint64_t i = t->head; i < t->tail; i++) {
        struct nw_once_entry *e = at(t, i);
        e->floor = e->floor > floor ? floor : e->floor;
    }
}

bool nw_once_track_all_finished(const struct nw_once_track *t)
{
    return t->open == t->tail;
}

bool nw_once_track_came_back(const struct nw_once_track *t, int64_t offset, uint32_t part)
{
    return offset < t->last_offset || (offset == t->last_offset && part <= t->last_part);
}

struct nw_once_point nw_once_track_point(const struct nw_once_track *t, uint64_t last_sequence)
{
    if (nw_once_track_all_finished(t)) {
        return (struct nw_once_point){t->next, last_sequence};
    }
    return (struct nw_once_point){at(t, t->head)->offset, at(t, t->head)->floor};
}
