/* SPDX-License-Identifier: Apache-2.0 */
#include "pump/keys.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/siphash.h"

#define FIRST_BUCKETS 64 /* a power of two */

struct key {
    struct key *next; /* in its bucket, or among the idle ones */
    struct key *next_held, **held_by;
    struct nw_hash128 hash;
    struct nw_message *head, *tail;    /* those that wait, in order */
    const struct nw_message *released; /* given back to the queue to be sent alone; not read */
    size_t under_way;
    unsigned tries;      /* that failed since the last one that did not */
    bool holding, asked; /* asked: by the target, for this long */
    int64_t due_ns;
    struct nw_backoff backoff;
};

struct nw_keys {
    struct nw_worker *worker;
    struct nw_backoff_range range;
    bool single;
    nw_keys_release *release;
    void *context;
    struct key **buckets;
    size_t bucket_count, count, waiting;
    struct key *idle, *held;
    struct nw_timer timer;
    struct nw_hash128 seed;
};

/* ---- finding ---- */

static struct nw_hash128 hash_of(const struct nw_keys *k, const struct nw_message *m)
{
    return m->key.data == NULL ? (struct nw_hash128){{0, 0}} : nw_siphash(k->seed, m->key);
}

static struct key **bucket_of(const struct nw_keys *k, struct nw_hash128 hash)
{
    return &k->buckets[hash.words[0] & (k->bucket_count - 1)];
}

static struct key *find(const struct nw_keys *k, struct nw_hash128 hash)
{
    struct key *key = *bucket_of(k, hash);

    while (key != NULL &&
           (key->hash.words[0] != hash.words[0] || key->hash.words[1] != hash.words[1])) {
        key = key->next;
    }
    return key;
}

/* Twice as many buckets; without memory the lists grow longer. */
static void grow(struct nw_keys *k)
{
    struct key **old = k->buckets;
    size_t count = k->bucket_count;
    struct key **more = calloc(count * 2, sizeof *more);

    if (more == NULL) {
        return;
    }
    k->buckets = more;
    k->bucket_count = count * 2;
    for (size_t i = 0; i < count; i++) {
        while (old[i] != NULL) {
            struct key *key = old[i], **bucket = bucket_of(k, key->hash);
            old[i] = key->next;
            key->next = *bucket;
            *bucket = key;
        }
    }
    free(old);
}

static struct key *add(struct nw_keys *k, struct nw_hash128 hash)
{
    struct key *key = k->idle, **bucket;

    if (k->count >= k->bucket_count * 2) {
        grow(k);
    }
    if (key != NULL) {
        k->idle = key->next;
    } else if ((key = malloc(sizeof *key)) == NULL) {
        return NULL;
    }
    bucket = bucket_of(k, hash);
    *key = (struct key){.next = *bucket, .hash = hash};
    *bucket = key;
    k->count++;
    return key;
}

static void forget(struct nw_keys *k, struct key *key)
{
    struct key **at = bucket_of(k, key->hash);

    while (*at != key) {
        at = &(*at)->next;
    }
    *at = key->next;
    key->next = k->idle;
    k->idle = key;
    k->count--;
}

/* ---- waiting ---- */

/* What fails comes back mostly in order, and before all that waits behind it. */
static void put(struct nw_keys *k, struct key *key, struct nw_message *m)
{
    struct nw_message **at = &key->head;

    if (key->tail != NULL && nw_comes_before(key->tail, m)) {
        at = &key->tail->next;
    }
    while (*at != NULL && nw_comes_before(*at, m)) {
        at = &(*at)->next;
    }
    m->next = *at;
    *at = m;
    if (m->next == NULL) {
        key->tail = m;
    }
    k->waiting++;
}

static void stop_holding(struct key *key)
{
    if (key->holding) {
        key->holding = false;
        *key->held_by = key->next_held;
        if (key->next_held != NULL) {
            key->next_held->held_by = key->held_by;
        }
    }
}

static void give_back(struct nw_keys *k, struct key *key)
{
    struct nw_message *m = key->head;

    key->head = m->next;
    if (key->head == NULL) {
        key->tail = NULL;
    }
    m->next = NULL;
    k->waiting--;
    k->release(k->context, m);
}

/* What waits goes back to the queue, or the first of it; a key of which nothing is left is
 * forgotten. While one of it is under way, that one decides. */
static void release(struct nw_keys *k, struct key *key)
{
    if (key->holding || key->under_way > 0 || key->released != NULL) {
        return;
    }
    if (key->head != NULL && (k->single || key->tries > 0)) {
        key->released = key->head;
        give_back(k, key);
        return;
    }
    while (key->head != NULL) {
        give_back(k, key);
    }
    if (key->tries == 0) {
        forget(k, key);
    }
}

static void arm(struct nw_keys *k)
{
    int64_t due_ns = INT64_MAX;

    for (const struct key *key = k->held; key != NULL; key = key->next_held) {
        due_ns = key->due_ns < due_ns ? key->due_ns : due_ns;
    }
    if (due_ns == INT64_MAX) {
        nw_worker_disarm(k->worker, &k->timer);
    } else if (k->timer.index == 0 || k->timer.due_ns != due_ns) {
        (void)nw_worker_arm(k->worker, &k->timer, due_ns);
    }
}

/* all: also those that are not due, but for what the target asked for. */
static void release_due(struct nw_keys *k, bool all)
{
    int64_t now_ns = k->worker->now_ns;

    for (struct key *key = k->held, *next; key != NULL; key = next) {
        next = key->next_held;
        if (key->due_ns <= now_ns || (all && !key->asked)) {
            stop_holding(key);
            release(k, key);
        }
    }
    arm(k);
}

static void when_due(void *context)
{
    struct nw_keys *k = context;

    release_due(k, false);
}

/* ---- for the target ---- */

struct nw_keys *nw_keys_new(struct nw_worker *worker, struct nw_backoff_range backoff, bool single,
                            nw_keys_release *release_one, void *context)
{
    struct nw_keys *k = calloc(1, sizeof *k);

    if (k == NULL || (k->buckets = calloc(FIRST_BUCKETS, sizeof *k->buckets)) == NULL) {
        free(k);
        return NULL;
    }
    k->worker = worker;
    k->range = backoff;
    k->single = single;
    k->release = release_one;
    k->context = context;
    k->bucket_count = FIRST_BUCKETS;
    k->timer.run = when_due;
    k->timer.context = k;
    k->seed.words[0] = (uint64_t)nw_clock_real_ns();
    k->seed.words[1] = (uint64_t)(uintptr_t)k;
    return k;
}

void nw_keys_free(struct nw_keys *k)
{
    if (k == NULL) {
        return;
    }
    for (size_t i = 0; i < k->bucket_count; i++) {
        while (k->buckets[i] != NULL) {
            forget(k, k->buckets[i]);
        }
    }
    while (k->idle != NULL) {
        struct key *next = k->idle->next;
        free(k->idle);
        k->idle = next;
    }
    free(k->buckets);
    free(k);
}

enum nw_keys_entered nw_keys_enter(struct nw_keys *k, struct nw_message *m)
{
    struct nw_hash128 hash = hash_of(k, m);
    struct key *key = find(k, hash);

    if (key == NULL && (key = add(k, hash)) == NULL) {
        return NW_KEYS_NO_MEMORY;
    }
    if (key->released == m) {
        key->released = NULL;
        key->under_way++;
        return NW_KEYS_SEND;
    }
    /* After a failure one of it at a time, until one is through. */
    if (key->released != NULL || key->holding || key->head != NULL ||
        (key->under_way > 0 && (k->single || key->tries > 0))) {
        put(k, key, m);
        return NW_KEYS_WAITS;
    }
    key->under_way++;
    return NW_KEYS_SEND;
}

void nw_keys_leave(struct nw_keys *k, const struct nw_message *m)
{
    struct key *key = find(k, hash_of(k, m));

    key->under_way--;
    if (!key->holding) {
        key->tries = 0;
    }
    release(k, key);
}

uint32_t nw_keys_hold(struct nw_keys *k, struct nw_message *m, uint32_t at_least_ms)
{
    struct key *key = find(k, hash_of(k, m));
    uint32_t wait_ms = 0;
    int64_t due_ns;

    key->under_way--;
    put(k, key, m);
    if (!key->holding) {
        if (key->tries++ == 0) {
            nw_backoff_init(&key->backoff, k->range,
                            (uint64_t)nw_clock_monotonic_ns() ^ (uintptr_t)key);
        }
        wait_ms = nw_backoff_next(&key->backoff);
        key->holding = true;
        key->due_ns = 0;
        key->next_held = k->held;
        key->held_by = &k->held;
        if (k->held != NULL) {
            k->held->held_by = &key->next_held;
        }
        k->held = key;
    }
    key->asked = at_least_ms > wait_ms;
    wait_ms = key->asked ? at_least_ms : wait_ms;
    due_ns = k->worker->now_ns + (int64_t)wait_ms * NW_MILLISECOND_NS;
    key->due_ns = due_ns > key->due_ns ? due_ns : key->due_ns;
    arm(k);
    return wait_ms;
}

void nw_keys_release_all(struct nw_keys *k)
{
    release_due(k, true);
}

void nw_keys_drain(struct nw_keys *k)
{
    for (size_t i = 0; i < k->bucket_count; i++) {
        while (k->buckets[i] != NULL) {
            struct key *key = k->buckets[i];
            stop_holding(key);
            while (key->head != NULL) {
                give_back(k, key);
            }
            forget(k, key);
        }
    }
    arm(k);
}

size_t nw_keys_waiting(const struct nw_keys *k)
{
    return k->waiting;
}
