/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch is a list of BATCH messages linked by `next`. The shared list holds batches: the first
 * message of each points to the next batch through `original`, which is free to use while a message
 * lies in the pool. A cache holds up to two batches, so that a thread that takes and gives around
 * the edge of one does not trade each time.
 */
#include "message/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "message/message.h"

#define BATCH 64

/* What one thread keeps. `taken` is written by that thread only; others read it for the sum. */
struct cache {
    struct nw_message *first, *second; /* messages to take next; a full batch or NULL */
    size_t first_count;
    atomic_long taken; /* takes minus gives; negative where messages are only freed */
    struct cache *next, *previous;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct nw_message *batches; /* guarded by lock */
static struct nw_message *loose;   /* guarded by lock: what ended threads left, in any number */
static struct cache *caches;       /* guarded by lock */
static long taken_by_ended;        /* guarded by lock */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t cache_key;
static _Thread_local struct cache *own_cache;

static void push_batch(struct nw_message *batch)
{
    pthread_mutex_lock(&lock);
    batch->original = batches;
    batches = batch;
    pthread_mutex_unlock(&lock);
}

/* Runs when a thread ends. */
static void cache_free(void *pointer)
{
    struct cache *c = pointer;

    if (c->second != NULL) {
        push_batch(c->second);
    }
    pthread_mutex_lock(&lock);
    while (c->first != NULL) {
        struct nw_message *m = c->first;
        c->first = m->next;
        m->next = loose;
        loose = m;
    }
    taken_by_ended += atomic_load_explicit(&c->taken, memory_order_relaxed);
    *(c->previous == NULL ? &caches : &c->previous->next) = c->next;
    if (c->next != NULL) {
        c->next->previous = c->previous;
    }
    pthread_mutex_unlock(&lock);
    own_cache = NULL;
    free(c);
}

static void make_key(void)
{
    (void)pthread_key_create(&cache_key, cache_free);
}

static struct cache *cache_make(void)
{
    struct cache *c = calloc(1, sizeof *c);

    if (c == NULL) {
        return NULL;
    }
    (void)pthread_once(&once, make_key);
    if (pthread_setspecific(cache_key, c) != 0) {
        free(c);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    c->next = caches;
    if (caches != NULL) {
        caches->previous = c;
    }
    caches = c;
    pthread_mutex_unlock(&lock);
    own_cache = c;
    return c;
}

static struct cache *cache_get(void)
{
    return own_cache != NULL ? own_cache : cache_make();
}

static void cache_count(struct cache *c, long change)
{
    /* One writer: no read-modify-write needed. */
    atomic_store_explicit(&c->taken, atomic_load_explicit(&c->taken, memory_order_relaxed) + change,
                          memory_order_relaxed);
}

/* Up to a batch from the shared list or from malloc; returns how many. */
static size_t refill(struct nw_message **out)
{
    struct nw_message *block;
    size_t n = 0;

    pthread_mutex_lock(&lock);
    if (batches != NULL) {
        *out = batches;
        batches = batches->original;
        n = BATCH;
    } else {
        for (; loose != NULL && n < BATCH; n++) {
            struct nw_message *m = loose;
            loose = m->next;
            m->next = *out;
            *out = m;
        }
    }
    pthread_mutex_unlock(&lock);
    if (n > 0) {
        return n;
    }
    block = aligned_alloc(_Alignof(struct nw_message), BATCH * sizeof *block);
    if (block == NULL) {
        return 0;
    }
    for (size_t i = 0; i < BATCH; i++) {
        block[i].next = i + 1 < BATCH ? &block[i + 1] : NULL;
    }
    *out = block;
    return BATCH;
}

struct nw_message *nw_pool_take(void)
{
    struct cache *c = cache_get();
    struct nw_message *m;

    if (c == NULL) {
        return NULL;
    }
    if (NW_MESSAGE_POOL_BYPASS) {
        m = aligned_alloc(_Alignof(struct nw_message), sizeof *m);
        if (m != NULL) {
            cache_count(c, 1);
        }
        return m;
    }
    if (c->first == NULL) {
        if (c->second != NULL) {
            c->first = c->second;
            c->second = NULL;
            c->first_count = BATCH;
        } else {
            c->first_count = refill(&c->first);
            if (c->first_count == 0) {
                return NULL;
            }
        }
    }
    m = c->first;
    c->first = m->next;
    c->first_count--;
    cache_count(c, 1);
    return m;
}

/* A thread that cannot even have a cache leaves its message for the others. */
static void give_without_cache(struct nw_message *m)
{
    pthread_mutex_lock(&lock);
    m->next = loose;
    loose = m;
    taken_by_ended--;
    pthread_mutex_unlock(&lock);
}

void nw_pool_give(struct nw_message *m)
{
    struct cache *c = cache_get();

    if (c == NULL) {
        give_without_cache(m);
        return;
    }
    cache_count(c, -1);
    if (NW_MESSAGE_POOL_BYPASS) {
        free(m);
        return;
    }
    if (c->first_count == BATCH) {
        if (c->second != NULL) {
            push_batch(c->second);
        }
        c->second = c->first;
        c->first = NULL;
        c->first_count = 0;
    }
    m->next = c->first;
    c->first = m;
    c->first_count++;
}

size_t nw_pool_taken(void)
{
    long sum;

    pthread_mutex_lock(&lock);
    sum = taken_by_ended;
    for (struct cache *c = caches; c != NULL; c = c->next) {
        sum += atomic_load_explicit(&c->taken, memory_order_relaxed);
    }
    pthread_mutex_unlock(&lock);
    return sum < 0 ? 0 : (size_t)sum;
}
