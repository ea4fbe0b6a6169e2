/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "schemas/request.h"

#define MOST_SCHEMAS 1000
#define MISSING_NS (60 * NW_SECOND_NS) /* how long an id is believed not to exist */
#define FIRST_WAIT_MS 100
#define LONGEST_WAIT_MS 10000

enum state { WANTED, HERE, MISSING };

struct entry {
    uint32_t id;
    enum state state;
    struct nw_avro_schema *schema; /* HERE */
    char *why;                     /* MISSING; NULL without memory */
    int64_t until_ns;              /* MISSING */
    uint64_t used;                 /* by the count of askings */
};

/* Invariant: entries are sorted by id; wanted is how many are WANTED. */
struct nw_client {
    const struct nw_avro_registry *registry;
    struct nw_request *request; /* of the thread; only its end is anybody's */
    pthread_t thread;
    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t changed;
    struct entry entries[MOST_SCHEMAS];
    size_t count, wanted;
    uint64_t askings;
    struct nw_subject_state *subjects; /* wanted */
    char trouble[400];                 /* why the last request failed; "": it did not */
    struct nw_backoff backoff;
    bool fresh; /* something is wanted that was not when the last wait began */
    bool ending;
};

/* ---- the cache; with the lock held ---- */

/* Where id is, or would be. */
static size_t place_of(const struct nw_client *c, uint32_t id)
{
    size_t low = 0, high = c->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c->entries[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct entry *find(struct nw_client *c, uint32_t id)
{
    size_t at = place_of(c, id);

    return at < c->count && c->entries[at].id == id ? &c->entries[at] : NULL;
}

static void forget(struct entry *e)
{
    nw_avro_schema_unref(e->schema);
    free(e->why);
    e->schema = NULL;
    e->why = NULL;
}

/* The one that was asked for the longest time ago, those that do not exist first. */
static void make_room(struct nw_client *c)
{
    struct entry *oldest = NULL;
    size_t at;

    for (size_t i = 0; i < c->count; i++) {
        struct entry *e = &c->entries[i];
        if (e->state == WANTED) {
            continue;
        }
        if (oldest == NULL || (e->state == MISSING && oldest->state != MISSING) ||
            (e->state == oldest->state && e->used < oldest->used)) {
            oldest = e;
        }
    }
    if (oldest == NULL) {
        return;
    }
    forget(oldest);
    at = (size_t)(oldest - c->entries);
    memmove(oldest, oldest + 1, (c->count - at - 1) * sizeof *oldest);
    c->count--;
}

static void want(struct nw_client *c, uint32_t id)
{
    size_t at;

    if (c->count == MOST_SCHEMAS) {
        make_room(c);
    }
    if (c->count == MOST_SCHEMAS) {
        return; /* as many are under way: it is asked for again */
    }
    at = place_of(c, id);
    memmove(&c->entries[at + 1], &c->entries[at], (c->count - at) * sizeof c->entries[0]);
    c->entries[at] = (struct entry){.id = id, .state = WANTED, .used = ++c->askings};
    c->count++;
    c->wanted++;
    c->fresh = true;
    (void)pthread_cond_signal(&c->changed);
}

/* ---- asking ---- */

static int not_yet(struct nw_client *c, struct nw_error *error, const char *what)
{
    if (c->trouble[0] != '\0') {
        return nw_error_set(error, NW_EAGAIN, "%s", c->trouble);
    }
    return nw_error_set(error, NW_EAGAIN, "schema registry %.120s: %s", c->registry->url, what);
}

static int look_up(struct nw_client *c, uint32_t id, struct nw_avro_schema **out,
                   struct nw_error *error)
{
    struct entry *e = find(c, id);

    if (e == NULL) {
        want(c, id);
        return not_yet(c, error, "a schema is being fetched");
    }
    if (e->state == MISSING && nw_clock_monotonic_ns() >= e->until_ns) {
        forget(e);
        e->state = WANTED;
        c->wanted++;
        c->fresh = true;
        (void)pthread_cond_signal(&c->changed);
    }
    e->used = ++c->askings;
    switch (e->state) {
    case HERE:
        nw_avro_schema_ref(e->schema);
        *out = e->schema;
        return 0;
    case MISSING:
        return nw_error_set(error, NW_ENOTFOUND, "%s",
                            e->why == NULL ? "avro: there is no such schema" : e->why);
    default:
        return not_yet(c, error, "a schema is being fetched");
    }
}

int nw_client_schema(struct nw_client *c, uint32_t id, struct nw_avro_schema **out,
                     struct nw_error *error)
{
    int rc;

    (void)pthread_mutex_lock(&c->lock);
    rc = look_up(c, id, out, error);
    (void)pthread_mutex_unlock(&c->lock);
    return rc;
}

int nw_client_id(struct nw_client *c, struct nw_subject_state *state,
                 const struct nw_avro_subject *subject, uint32_t *out, struct nw_error *error)
{
    int rc = 0;

    (void)pthread_mutex_lock(&c->lock);
    if (state->subject == NULL) {
        state->subject = subject;
        state->next = c->subjects;
        c->subjects = state;
        c->fresh = true;
        (void)pthread_cond_signal(&c->changed);
    }
    if (state->known) {
        *out = state->id;
    } else {
        rc = not_yet(c, error,
                     subject->only_look_up ? "the schema is being looked up"
                                           : "the schema is being registered");
    }
    (void)pthread_mutex_unlock(&c->lock);
    return rc;
}

/* ---- the thread; with the lock held, but while it asks ---- */

static void keep(struct nw_client *c, uint32_t id, int rc, struct nw_avro_schema *schema,
                 const struct nw_error *error)
{
    struct entry *e = find(c, id); /* what is wanted is never forgotten */

    c->wanted--;
    e->state = rc == 0 ? HERE : MISSING;
    e->schema = rc == 0 ? schema : NULL;
    e->why = rc == 0 ? NULL : strdup(error->text);
    e->until_ns = nw_clock_monotonic_ns() + MISSING_NS;
}

static int fetch_schema(struct nw_client *c, struct nw_error *error)
{
    struct nw_avro_schema *schema = NULL;
    struct entry *e = c->entries;
    uint32_t id;
    int rc;

    while (e->state != WANTED) {
        e++;
    }
    id = e->id;
    (void)pthread_mutex_unlock(&c->lock);
    rc = nw_request_schema(c->request, id, &schema, error);
    (void)pthread_mutex_lock(&c->lock);
    if (rc == NW_EAGAIN) {
        return rc;
    }
    keep(c, id, rc, schema, error);
    return 0;
}

/* More may be put in front meanwhile, but nobody else takes one out. */
static int fetch_id(struct nw_client *c, struct nw_error *error)
{
    struct nw_subject_state **at = &c->subjects, *state = c->subjects;
    uint32_t id = 0;
    int rc;

    (void)pthread_mutex_unlock(&c->lock);
    rc = nw_request_subject(c->request, state->subject, &id, error);
    (void)pthread_mutex_lock(&c->lock);
    if (rc != 0) {
        return rc;
    }
    while (*at != state) {
        at = &(*at)->next;
    }
    *at = state->next;
    state->known = true;
    state->id = id;
    return 0;
}

/* What comes meanwhile does not wait for what has failed. */
static void wait_ms(struct nw_client *c, uint32_t ms)
{
    int64_t until_ns = nw_clock_monotonic_ns() + (int64_t)ms * NW_MILLISECOND_NS;
    struct timespec until = {until_ns / NW_SECOND_NS, until_ns % NW_SECOND_NS};

    c->fresh = false;
    while (!c->ending && !c->fresh && nw_clock_monotonic_ns() < until_ns) {
        (void)pthread_cond_timedwait(&c->changed, &c->lock, &until);
    }
}

static void *run(void *context)
{
    struct nw_client *c = context;
    bool ids_next =
        true; /* in turns: one that never succeeds must not keep the others from theirs */

    (void)pthread_mutex_lock(&c->lock);
    while (!c->ending) {
        struct nw_error error = {.text = ""};
        int rc;
        if (c->wanted == 0 && c->subjects == NULL) {
            (void)pthread_cond_wait(&c->changed, &c->lock);
            continue;
        }
        ids_next = c->wanted == 0 || (c->subjects != NULL && ids_next);
        rc = ids_next ? fetch_id(c, &error) : fetch_schema(c, &error);
        ids_next = !ids_next;
        if (rc == 0) {
            c->trouble[0] = '\0';
            nw_backoff_reset(&c->backoff);
            continue;
        }
        (void)snprintf(c->trouble, sizeof c->trouble, "%s", error.text);
        wait_ms(c, nw_backoff_next(&c->backoff));
    }
    (void)pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* ---- its life ---- */

static bool start(struct nw_client *c)
{
    pthread_condattr_t monotonic;
    bool started;

    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&c->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    started = pthread_create(&c->thread, NULL, run, c) == 0;
    if (started) {
        (void)pthread_setname_np(c->thread, "schemas");
    }
    return started;
}

static void release(struct nw_client *c)
{
    for (size_t i = 0; i < c->count; i++) {
        forget(&c->entries[i]);
    }
    (void)pthread_cond_destroy(&c->changed);
    (void)pthread_mutex_destroy(&c->lock);
    nw_request_free(c->request);
    free(c);
}

struct nw_client *nw_client_new(const struct nw_avro_registry *registry)
{
    struct nw_client *c = calloc(1, sizeof *c);

    if (c == NULL) {
        return NULL;
    }
    c->registry = registry;
    c->request = nw_request_new(registry);
    nw_backoff_init(&c->backoff, (struct nw_backoff_range){FIRST_WAIT_MS, LONGEST_WAIT_MS},
                    (uint64_t)nw_clock_monotonic_ns() ^ (uintptr_t)c);
    if (c->request == NULL) {
        free(c);
        return NULL;
    }
    if (!start(c)) {
        release(c);
        return NULL;
    }
    return c;
}

void nw_client_free(struct nw_client *c)
{
    if (c == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&c->lock);
    c->ending = true;
    (void)pthread_cond_signal(&c->changed);
    (void)pthread_mutex_unlock(&c->lock);
    nw_request_end(c->request);
    (void)pthread_join(c->thread, NULL);
    release(c);
}
