/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries are counted by a *sequence*: entry s is in the area s / PER_AREA, so that an area that is
 * found again is used where it lies. Invariants, with the lock held:
 *   all entries that are remembered are in head <= s < tail, the times not falling;
 *   the shards have those of them that may be found, each once, by the low 32 bits of s (0: none)
 *   and 32 bits of the hash, so that moving a slot, and passing one, needs no look at its entry;
 *   count is how many there are in all shards.
 */
#include "mappings/window.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define MAGIC UINT64_C(0x3170757465646577) /* in the byte order of the machine */
#define SHARDS ((size_t)256)
#define SHARD_LEAST ((size_t)16)
#define FORGET_AT_ONCE 8

struct entry {
    uint64_t stamp; /* milliseconds and 16 bits that check the whole; 0: there is none */
    struct nw_hash128 id;
    uint64_t owner;
};

struct head {
    uint64_t magic;
    struct nw_hash128 key;
    uint64_t number; /* of areas, in the order in which they were begun */
    int64_t length_ms;
    uint64_t check;
    uint64_t unused[2];
};

#define PER_AREA ((NW_WINDOW_AREA - sizeof(struct head)) / sizeof(struct entry))

struct shard {
    uint64_t *slots;        /* tag, and the low half of the sequence */
    size_t capacity, count; /* a power of two, or 0; at least a quarter is free */
};

struct area {
    struct entry *entries;
    void *start;
    bool own; /* from malloc: the caller had none */
};

struct nw_window {
    pthread_mutex_t lock;
    int64_t length_ms;
    size_t most;
    struct nw_hash128 key; /* fixed from the first id on */
    struct nw_window_memory memory;
    struct area *areas;
    size_t area_count, area_capacity;
    uint64_t first; /* sequence / PER_AREA of areas[0] */
    uint64_t next_number;
    uint64_t head, tail;
    struct shard shards[SHARDS];
    size_t count;
    bool said_full, said_unstored;
};

/* ---- entries ---- */

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    return x * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t stamp_of(const struct nw_hash128 *id, uint64_t owner, int64_t now_ms)
{
    uint64_t time = (uint64_t)now_ms & UINT64_C(0xffffffffffff);
    uint64_t check = mix(mix(mix(id->words[0] + time) + id->words[1]) + owner) >> 48;

    return time << 16 | check;
}

static int64_t time_of(const struct entry *e)
{
    return (int64_t)(e->stamp >> 16);
}

static bool is_good(const struct entry *e)
{
    return e->stamp == stamp_of(&e->id, e->owner, time_of(e));
}

/* The stamp comes last: without it there is no entry, whenever we are killed. */
static void write_entry(struct entry *e, const struct nw_window_entry *from, int64_t now_ms)
{
    e->id = from->id;
    e->owner = from->owner;
    __atomic_store_n(&e->stamp, stamp_of(&from->id, from->owner, now_ms), __ATOMIC_RELEASE);
}

static struct entry *at(const struct nw_window *w, uint64_t sequence)
{
    return &w->areas[sequence / PER_AREA - w->first].entries[sequence % PER_AREA];
}

static uint64_t check_of(const struct head *h)
{
    return mix(mix(mix(mix(h->magic + h->number) + h->key.words[0]) + h->key.words[1]) +
               (uint64_t)h->length_ms);
}

/* ---- shards ---- */

static struct shard *shard_of(struct nw_window *w, const struct nw_hash128 *id)
{
    return &w->shards[id->words[0] % SHARDS];
}

/* The upper half of a slot. */
static uint32_t tag_of(const struct nw_hash128 *id)
{
    return (uint32_t)(id->words[0] >> 32);
}

static size_t home_of(const struct shard *s, uint64_t slot)
{
    return (size_t)(slot >> 32) & (s->capacity - 1);
}

static uint64_t sequence_of(const struct nw_window *w, uint64_t slot)
{
    return w->head + (uint32_t)((uint32_t)slot - (uint32_t)w->head);
}

static bool is_equal(const struct nw_hash128 *a, const struct nw_hash128 *b)
{
    return a->words[0] == b->words[0] && a->words[1] == b->words[1];
}

/* The slot of id, or the free one where it would be. The shard has room. */
static uint64_t *find(const struct nw_window *w, const struct shard *s, const struct nw_hash128 *id)
{
    size_t i = tag_of(id) & (s->capacity - 1);

    while (s->slots[i] != 0 && ((uint32_t)(s->slots[i] >> 32) != tag_of(id) ||
                                !is_equal(&at(w, sequence_of(w, s->slots[i]))->id, id))) {
        i = (i + 1) & (s->capacity - 1);
    }
    return &s->slots[i];
}

static bool resize(struct shard *s, size_t capacity)
{
    struct shard old = *s;
    uint64_t *slots = calloc(capacity, sizeof *slots);

    if (slots == NULL) {
        return false;
    }
    *s = (struct shard){slots, capacity, old.count};
    for (size_t i = 0; i < old.capacity; i++) {
        if (old.slots[i] != 0) {
            size_t place = home_of(s, old.slots[i]);
            while (slots[place] != 0) {
                place = (place + 1) & (capacity - 1);
            }
            slots[place] = old.slots[i];
        }
    }
    free(old.slots);
    return true;
}

static bool has_room(struct shard *s)
{
    size_t wanted = s->capacity == 0 ? SHARD_LEAST : s->capacity * 2;

    return s->count + 1 <= s->capacity / 4 * 3 || resize(s, wanted);
}

/* Close the gap, so that what lies behind it is still found. */
static void take_out(struct nw_window *w, struct shard *s, const uint64_t *slot)
{
    size_t mask = s->capacity - 1, gap = (size_t)(slot - s->slots);

    for (size_t i = (gap + 1) & mask; s->slots[i] != 0; i = (i + 1) & mask) {
        if (((i - home_of(s, s->slots[i])) & mask) >= ((i - gap) & mask)) {
            s->slots[gap] = s->slots[i];
            gap = i;
        }
    }
    s->slots[gap] = 0;
    s->count--;
    w->count--;
    if (s->capacity > SHARD_LEAST && s->count * 8 < s->capacity) {
        (void)resize(s, s->capacity / 2);
    }
}

/* The entry `sequence`, which lies in its area, is the one of its id from now on. */
static bool put_in(struct nw_window *w, uint64_t sequence)
{
    const struct nw_hash128 *id = &at(w, sequence)->id;
    struct shard *s = shard_of(w, id);
    uint64_t *slot;

    if (!has_room(s)) {
        return false;
    }
    slot = find(w, s, id);
    if (*slot == 0) {
        s->count++;
        w->count++;
    }
    *slot = (uint64_t)tag_of(id) << 32 | (uint32_t)sequence;
    return true;
}

/* ---- areas ---- */

static void give_area(struct nw_window *w, const struct area *area)
{
    if (area->own) {
        free(area->start);
    } else {
        memset(area->start, 0,
               sizeof(uint64_t)); /* from now on it is none, whenever we are killed */
        w->memory.give(w->memory.context, area->start);
    }
}

static bool make_place(struct nw_window *w)
{
    size_t capacity = w->area_capacity == 0 ? 4 : w->area_capacity * 2;
    struct area *more;

    if (w->area_count < w->area_capacity) {
        return true;
    }
    more = realloc(w->areas, capacity * sizeof *more);
    if (more != NULL) {
        w->areas = more;
        w->area_capacity = capacity;
    }
    return more != NULL;
}

static void hold_area(struct nw_window *w, void *start, bool own)
{
    w->areas[w->area_count++] =
        (struct area){(struct entry *)(void *)((char *)start + sizeof(struct head)), start, own};
}

/* The head says last what it is: an area without one is empty. */
static bool begin_area(struct nw_window *w)
{
    struct head head = {.key = w->key, .number = w->next_number, .length_ms = w->length_ms};
    void *start = NULL;
    bool own;

    if (!make_place(w)) {
        return false;
    }
    if (w->memory.take != NULL) {
        start = w->memory.take(w->memory.context);
    }
    own = start == NULL;
    start = own ? calloc(1, NW_WINDOW_AREA) : start;
    if (start == NULL) {
        return false;
    }
    memcpy(start, &head, sizeof head);
    head.magic = MAGIC;
    head.check = check_of(&head);
    memcpy(start, &head, sizeof head);
    w->next_number++;
    hold_area(w, start, own);
    return true;
}

/* ---- forgetting ---- */

static void forget_oldest(struct nw_window *w)
{
    struct entry *e = at(w, w->head);

    if (e->stamp != 0) {
        struct shard *s = shard_of(w, &e->id);
        uint64_t *slot = s->capacity == 0 ? NULL : find(w, s, &e->id);
        if (slot != NULL && (uint32_t)*slot == (uint32_t)w->head) {
            take_out(w, s, slot);
        }
    }
    w->head++;
    if (w->head % PER_AREA == 0) {
        give_area(w, &w->areas[0]);
        w->area_count--;
        w->first++;
        memmove(w->areas, w->areas + 1, w->area_count * sizeof *w->areas);
    }
}

static bool is_over(const struct nw_window *w, const struct entry *e, int64_t now_ms)
{
    return e->stamp == 0 || time_of(e) + w->length_ms <= now_ms;
}

static void forget(struct nw_window *w, int64_t now_ms)
{
    for (unsigned i = 0; i < FORGET_AT_ONCE && w->head < w->tail; i++) {
        if (!is_over(w, at(w, w->head), now_ms)) {
            return;
        }
        forget_oldest(w);
    }
}

/* ---- asking ---- */

/* Room for one more entry at tail. */
static bool make_room(struct nw_window *w)
{
    if ((uint32_t)w->tail == 0) {
        w->tail++; /* that is how shards say "none" */
    }
    return w->tail / PER_AREA - w->first < w->area_count || begin_area(w);
}

/* What a user should know, once; NULL: nothing. */
static const char *trouble(struct nw_window *w, bool full)
{
    if (full && !w->said_full) {
        w->said_full = true;
        return "the window of dedupe is full (max_entries): the oldest ids are forgotten before "
               "their time, and repeats of them pass";
    }
    if (!w->said_unstored && w->memory.take != NULL && w->area_count > 0 &&
        w->areas[w->area_count - 1].own) {
        w->said_unstored = true;
        return "there is no room on disk for the window of dedupe: its newest ids are kept in "
               "memory only, and a restart forgets them";
    }
    return NULL;
}

/* Without memory nothing is remembered: better a repeat than a loss. */
static const char *remember(struct nw_window *w, const struct nw_window_entry *e, int64_t now_ms)
{
    bool full = false;

    while (w->count >= w->most && w->head < w->tail) {
        full |= !is_over(w, at(w, w->head), now_ms);
        forget_oldest(w);
    }
    if (make_room(w)) {
        write_entry(at(w, w->tail), e, now_ms);
        if (put_in(w, w->tail)) {
            w->tail++;
        } else {
            at(w, w->tail)->stamp = 0;
        }
    }
    return trouble(w, full);
}

static const struct entry *look(struct nw_window *w, const struct nw_hash128 *id, int64_t now_ms)
{
    const struct shard *s = shard_of(w, id);
    uint64_t slot = s->capacity == 0 ? 0 : *find(w, s, id);
    const struct entry *e = slot == 0 ? NULL : at(w, sequence_of(w, slot));

    return e == NULL || is_over(w, e, now_ms) ? NULL : e;
}

enum nw_window_answer nw_window_ask(struct nw_window *w, const struct nw_window_entry *e,
                                    int64_t now_ms, bool enter)
{
    enum nw_window_answer answer = NW_WINDOW_NEW;
    const struct entry *there;
    const char *text = NULL;

    (void)pthread_mutex_lock(&w->lock);
    forget(w, now_ms);
    there = look(w, &e->id, now_ms);
    if (there != NULL) {
        answer = there->owner == e->owner ? NW_WINDOW_AGAIN : NW_WINDOW_REPEAT;
    } else if (enter) {
        text = remember(w, e, now_ms);
    }
    (void)pthread_mutex_unlock(&w->lock);
    if (text != NULL && w->memory.say != NULL) {
        w->memory.say(w->memory.context, text);
    }
    return answer;
}

/* A message is its origin, its row in the spool where it has one, and which part of a split. */
struct nw_window_entry nw_window_entry(const struct nw_window *w, struct nw_slice id,
                                       const struct nw_message *m)
{
    const struct nw_message *original = m;
    struct nw_hash128 origin = nw_siphash(w->key, m->origin);
    uint64_t whole[4] = {origin.words[0], origin.words[1], 0, 0};

    while (original->original != NULL) {
        original = original->original;
    }
    whole[2] = original->spool_row;
    whole[3] = m->part.data == NULL ? 0 : (uint64_t)m->split_index + 1;
    return (struct nw_window_entry){
        .id = nw_siphash(w->key, id),
        .owner = nw_siphash(w->key, (struct nw_slice){(const char *)whole, sizeof whole}).words[0]};
}

size_t nw_window_count(struct nw_window *w)
{
    size_t count;

    (void)pthread_mutex_lock(&w->lock);
    count = w->count;
    (void)pthread_mutex_unlock(&w->lock);
    return count;
}

/* ---- what was found ---- */

static bool read_head(const void *area, struct head *head)
{
    memcpy(head, area, sizeof *head);
    return head->magic == MAGIC && head->check == check_of(head);
}

bool nw_window_is_area(const void *area)
{
    struct head head;

    memcpy(&head, area, sizeof head);
    return head.magic == 0 || read_head(area, &head);
}

bool nw_window_is_over(const void *area, int64_t now_ms)
{
    const struct entry *entries = (const void *)((const char *)area + sizeof(struct head));
    struct head head;

    if (!read_head(area, &head)) {
        return true;
    }
    for (size_t i = 0; i < PER_AREA; i++) {
        if (entries[i].stamp != 0 && time_of(&entries[i]) + head.length_ms > now_ms) {
            return false;
        }
    }
    return true;
}

static int by_number(const void *a, const void *b)
{
    struct head x, y;

    memcpy(&x, *(void *const *)a, sizeof x);
    memcpy(&y, *(void *const *)b, sizeof y);
    return x.number < y.number ? -1 : x.number > y.number;
}

/* Take over the entries of the newest area held. Returns how many were bad. */
static size_t take_entries(struct nw_window *w, int64_t now_ms)
{
    uint64_t start = (w->first + w->area_count - 1) * PER_AREA;
    struct entry *entries = w->areas[w->area_count - 1].entries;
    size_t bad = 0;

    for (size_t i = 0; i < PER_AREA; i++) {
        struct entry *e = &entries[i];
        if (e->stamp == 0) {
            continue;
        }
        w->tail = start + i + 1;
        if (!is_good(e) || !put_in(w, start + i)) {
            *e = (struct entry){.stamp = 0};
            bad++;
        } else if (time_of(e) > now_ms) { /* the clock was set back */
            e->stamp = stamp_of(&e->id, e->owner, now_ms);
        }
    }
    return bad;
}

/* Use the key of the newest area, and all areas that have it, the oldest first. */
static size_t take_areas(struct nw_window *w, void **areas, size_t count, int64_t now_ms)
{
    struct head head, newest = {.number = 0};
    size_t bad = 0;

    qsort(areas, count, sizeof *areas, by_number);
    if (count > 0 && read_head(areas[count - 1], &newest)) {
        w->key = newest.key;
        w->next_number = newest.number + 1;
    }
    for (size_t i = 0; i < count; i++) {
        if (!read_head(areas[i], &head) || !is_equal(&head.key, &newest.key) || !make_place(w)) {
            w->memory.give(w->memory.context, areas[i]);
            continue;
        }
        hold_area(w, areas[i], false);
        w->tail = (w->first + w->area_count - 1) * PER_AREA + 1;
        bad += take_entries(w, now_ms);
        if (i + 1 < count) { /* only the last one is gone on with */
            w->tail = (w->first + w->area_count) * PER_AREA;
        }
    }
    return bad;
}

size_t nw_window_open(struct nw_window *w, const struct nw_window_memory *memory,
                      void *const *areas, size_t count, int64_t now_ms)
{
    void **sorted = calloc(count + 1, sizeof *sorted);
    size_t bad = 0;

    nw_window_close(w);
    (void)pthread_mutex_lock(&w->lock);
    w->memory = *memory;
    if (sorted != NULL) {
        if (count > 0) {
            memcpy(sorted, areas, count * sizeof *sorted);
        }
        bad = take_areas(w, sorted, count, now_ms);
        while (w->head < w->tail && (w->count > w->most || is_over(w, at(w, w->head), now_ms))) {
            forget_oldest(w);
        }
    }
    (void)pthread_mutex_unlock(&w->lock);
    free(sorted);
    return bad;
}

/* ---- making ---- */

void nw_window_close(struct nw_window *w)
{
    (void)pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->area_count; i++) {
        if (w->areas[i].own) {
            free(w->areas[i].start);
        }
    }
    for (size_t i = 0; i < SHARDS; i++) {
        free(w->shards[i].slots);
        w->shards[i] = (struct shard){NULL, 0, 0};
    }
    w->area_count = w->count = 0;
    w->first = 1; /* not 0: that is how shards say "none" */
    w->head = w->tail = PER_AREA;
    w->memory = (struct nw_window_memory){.context = NULL};
    (void)pthread_mutex_unlock(&w->lock);
}

struct nw_window *nw_window_new(int64_t length_ms, size_t most)
{
    struct nw_window *w = calloc(1, sizeof *w);

    _Static_assert(sizeof(struct entry) == 32 && sizeof(struct head) == 64, "as in the files");
    if (w == NULL) {
        return NULL;
    }
    if (getrandom(&w->key, sizeof w->key, 0) != (ssize_t)sizeof w->key) {
        free(w);
        return NULL;
    }
    (void)pthread_mutex_init(&w->lock, NULL);
    w->length_ms = length_ms;
    w->most = most;
    nw_window_close(w);
    return w;
}

void nw_window_free(struct nw_window *w)
{
    if (w == NULL) {
        return;
    }
    nw_window_close(w);
    (void)pthread_mutex_destroy(&w->lock);
    free(w->areas);
    free(w);
}
