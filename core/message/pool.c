/* SPDX-License-Identifier: Apache-2.0 */
#include "message/pool.h"

#include <pthread.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define POOL_BYPASSED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_BYPASSED 1
#endif
#endif

static atomic_size_t alive;

size_t nw_message_alive(void)
{
    return atomic_load(&alive);
}

#ifdef POOL_BYPASSED

struct nw_message *nw_pool_get(void)
{
    struct nw_message *m = malloc(sizeof *m);

    if (m != NULL) {
        atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
    }
    return m;
}

void nw_pool_put(struct nw_message *m)
{
    atomic_fetch_sub_explicit(&alive, 1, memory_order_relaxed);
    free(m);
}

#else

/* Objects move between threads in batches of this many. */
#define BATCH 64

/* A batch is linked by `next`; batches are linked by `original` of their first object. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct nw_message *batches; /* guarded by lock */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

/* What a thread keeps: up to two batches, so that a get and a put in turn do not touch the lock. */
struct cache {
    struct nw_message *free, *full;
    size_t count; /* in free */
};
static _Thread_local struct cache cache;
static _Thread_local bool registered;

static void give_batch(struct nw_message *first)
{
    (void)pthread_mutex_lock(&lock);
    first->original = batches;
    batches = first;
    (void)pthread_mutex_unlock(&lock);
}

/* At the end of a thread its objects go to the others. */
static void leave(void *context)
{
    struct cache *c = context;

    if (c->free != NULL) {
        give_batch(c->free);
    }
    if (c->full != NULL) {
        give_batch(c->full);
    }
    *c = (struct cache){NULL, NULL, 0};
    registered = false;
}

static void make_key(void)
{
    (void)pthread_key_create(&key, leave);
}

static void enter(void)
{
    (void)pthread_once(&once, make_key);
    (void)pthread_setspecific(key, &cache);
    registered = true;
}

static struct nw_message *make_batch(void)
{
    struct nw_message *objects = malloc(BATCH * sizeof *objects);

    if (objects == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < BATCH; i++) {
        objects[i].next = i + 1 < BATCH ? &objects[i + 1] : NULL;
    }
    return objects;
}

static struct nw_message *take_batch(void)
{
    struct nw_message *first;

    (void)pthread_mutex_lock(&lock);
    first = batches;
    if (first != NULL) {
        batches = first->original;
    }
    (void)pthread_mutex_unlock(&lock);
    return first != NULL ? first : make_batch();
}

static bool refill(void)
{
    if (!registered) {
        enter();
    }
    if (cache.full != NULL) {
        cache.free = cache.full;
        cache.full = NULL;
    } else {
        cache.free = take_batch();
    }
    cache.count = 0;
    for (struct nw_message *m = cache.free; m != NULL; m = m->next) {
        cache.count++;
    }
    return cache.free != NULL;
}

struct nw_message *nw_pool_get(void)
{
    struct nw_message *m;

    if (cache.free == NULL && !refill()) {
        return NULL;
    }
    m = cache.free;
    cache.free = m->next;
    cache.count--;
    atomic_fetch_add_explicit(&alive, 1, memory_order_relaxed);
    return m;
}

void nw_pool_put(struct nw_message *m)
{
    if (!registered) {
        enter();
    }
    atomic_fetch_sub_explicit(&alive, 1, memory_order_relaxed);
    if (cache.count >= BATCH) {
        if (cache.full != NULL) {
            give_batch(cache.full);
        }
        cache.full = cache.free;
        cache.free = NULL;
        cache.count = 0;
    }
    m->next = cache.free;
    cache.free = m;
    cache.count++;
}

#endif
