/* SPDX-License-Identifier: Apache-2.0 */
#include "pump/totals.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/table.h"
#include "log/log.h"
#include "pump/lane.h"

#define KEY "ledger"
/* The first number is for the order of those behind it. */
#define FORM 1
#define ROW_TEXT 200

/* One route. All but its name is guarded by the lock. */
struct nw_total {
    struct nw_total *next;
    char *route;
    struct nw_counts before, ended;
    struct nw_lane *lanes; /* those that run, by total_next */
    char written[ROW_TEXT];
};

struct nw_totals {
    pthread_mutex_t lock;
    struct nw_state_store *store;
    struct nw_table by_route;
    struct nw_total *first;
    bool complained; /* of the writer's thread */
    bool no_memory;  /* while reading */
};

static void add(struct nw_counts *to, const struct nw_counts *c)
{
    to->delivered += c->delivered;
    to->filtered += c->filtered;
    to->dead_lettered += c->dead_lettered;
    to->dropped += c->dropped;
    to->retries += c->retries;
    to->returned += c->returned;
}

static struct nw_total *total_of(struct nw_totals *t, const char *route)
{
    struct nw_total *total = nw_table_find(&t->by_route, nw_slice_text(route));

    if (total != NULL) {
        return total;
    }
    total = calloc(1, sizeof *total);
    if (total == NULL || (total->route = strdup(route)) == NULL ||
        nw_table_put(&t->by_route, nw_slice_text(total->route), total) != 0) {
        free(total == NULL ? NULL : total->route);
        free(total);
        return NULL;
    }
    total->next = t->first;
    t->first = total;
    return total;
}

/* What a lane has counted, and how many it has in flight. */
static uint64_t count_lane(struct nw_lane *lane, struct nw_counts *c)
{
    struct nw_ledger *l = &lane->published;
    uint64_t in_flight;

    (void)pthread_mutex_lock(&lane->lock);
    *c = (struct nw_counts){l->delivered, l->filtered, l->dead_lettered,
                            l->dropped,   l->retries,  l->returned};
    in_flight = l->in_flight;
    (void)pthread_mutex_unlock(&lane->lock);
    c->dropped += atomic_load(&lane->lost);
    return in_flight;
}

/* ---- on disk ---- */

static void read_one(void *context, const char *owner, struct nw_slice value)
{
    struct nw_totals *t = context;
    struct nw_counts c = {0};
    struct nw_total *total;
    char text[ROW_TEXT];
    uint64_t in_flight;
    int form;

    (void)snprintf(text, sizeof text, "%.*s", (int)value.len, value.data == NULL ? "" : value.data);
    if (sscanf(text,
               "%d %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
               " %" SCNu64,
               &form, &c.delivered, &c.filtered, &c.dead_lettered, &c.dropped, &c.retries,
               &c.returned, &in_flight) != 8 ||
        form != FORM) {
        return; /* of another version: counting begins anew */
    }
    c.returned += in_flight;
    total = total_of(t, owner);
    if (total == NULL) {
        t->no_memory = true;
        return;
    }
    total->before = c;
}

static void write_one(struct nw_total *total, bool again, struct nw_state_writer *to)
{
    struct nw_counts c = total->before, of_lane;
    uint64_t in_flight = 0;
    char text[ROW_TEXT];
    int n;

    add(&c, &total->ended);
    for (struct nw_lane *lane = total->lanes; lane != NULL; lane = lane->total_next) {
        in_flight += count_lane(lane, &of_lane);
        add(&c, &of_lane);
    }
    n = snprintf(
        text, sizeof text,
        "%d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, FORM,
        c.delivered, c.filtered, c.dead_lettered, c.dropped, c.retries, c.returned, in_flight);
    if (again || strcmp(text, total->written) != 0) {
        memcpy(total->written, text, (size_t)n + 1);
        nw_state_put(to, total->route, KEY, text, (size_t)n);
    }
}

static void collect(void *context, bool failed, struct nw_state_writer *to)
{
    struct nw_totals *t = context;
    char trouble[200];

    if (failed && !t->complained) {
        nw_state_trouble(t->store, trouble, sizeof trouble);
        nw_log_write(NW_LOG_WARNING, NULL,
                     "the counts of the routes cannot be kept, a restart may forget them: %s",
                     trouble);
    }
    t->complained = failed;
    (void)pthread_mutex_lock(&t->lock);
    for (struct nw_total *total = t->first; total != NULL; total = total->next) {
        write_one(total, failed, to);
    }
    (void)pthread_mutex_unlock(&t->lock);
}

/* ---- the contract ---- */

int nw_totals_open(struct nw_state_store *store, struct nw_totals **out, struct nw_error *error)
{
    struct nw_totals *t = calloc(1, sizeof *t);
    int rc;

    if (t == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    (void)pthread_mutex_init(&t->lock, NULL);
    t->store = store;
    rc = nw_state_each(store, KEY, read_one, t);
    if (rc != 0 || t->no_memory) {
        nw_totals_close(t);
        return rc != 0 ? nw_error_set(error, rc, "the counts of the routes cannot be read")
                       : nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    nw_state_collect(store, collect, t);
    *out = t;
    return 0;
}

void nw_totals_close(struct nw_totals *t)
{
    if (t == NULL) {
        return;
    }
    while (t->first != NULL) {
        struct nw_total *total = t->first;
        t->first = total->next;
        free(total->route);
        free(total);
    }
    nw_table_done(&t->by_route);
    (void)pthread_mutex_destroy(&t->lock);
    free(t);
}

int nw_totals_join(struct nw_totals *t, struct nw_lane *lane)
{
    struct nw_total *total;

    (void)pthread_mutex_lock(&t->lock);
    total = total_of(t, lane->route->name);
    if (total != NULL) {
        lane->total = total;
        lane->total_next = total->lanes;
        total->lanes = lane;
    }
    (void)pthread_mutex_unlock(&t->lock);
    return total == NULL ? NW_ENOMEM : 0;
}

void nw_totals_leave(struct nw_totals *t, struct nw_lane *lane)
{
    struct nw_total *total = lane->total;
    struct nw_lane **at;
    struct nw_counts c;

    if (total == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&t->lock);
    for (at = &total->lanes; *at != lane; at = &(*at)->total_next) {
    }
    *at = lane->total_next;
    lane->total = NULL;
    (void)count_lane(lane, &c);
    add(&total->ended, &c);
    (void)pthread_mutex_unlock(&t->lock);
}

void nw_totals_of(struct nw_totals *t, const char *route, struct nw_counts *before,
                  struct nw_counts *ended)
{
    const struct nw_total *total;

    (void)pthread_mutex_lock(&t->lock);
    total = nw_table_find(&t->by_route, nw_slice_text(route));
    *before = total == NULL ? (struct nw_counts){0} : total->before;
    *ended = total == NULL ? (struct nw_counts){0} : total->ended;
    (void)pthread_mutex_unlock(&t->lock);
}
