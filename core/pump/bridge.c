/* SPDX-License-Identifier: Apache-2.0 */
#include "pump/bridge.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "log/log.h"
#include "pump/bridge_state.h"

/* How long endpoints may take to close when nothing is in flight any more. */
#define CLOSE_TIMEOUT_MS 5000

void nw_bridge_lane_closed(struct nw_bridge *bridge)
{
    (void)pthread_mutex_lock(&bridge->lock);
    bridge->open_lanes--;
    (void)pthread_cond_broadcast(&bridge->changed);
    (void)pthread_mutex_unlock(&bridge->lock);
}

void *nw_bridge_connection(struct nw_bridge *bridge, const struct nw_connection_spec *spec)
{
    for (size_t i = 0; spec != NULL && i < bridge->connection_count; i++) {
        if (bridge->connections[i].spec == spec) {
            return bridge->connections[i].state;
        }
    }
    return NULL;
}

/* ---- the spool and its replay thread ---- */

void nw_bridge_want_replay(struct nw_bridge *bridge)
{
    (void)pthread_mutex_lock(&bridge->lock);
    bridge->replay_wanted = true;
    (void)pthread_cond_broadcast(&bridge->changed);
    (void)pthread_mutex_unlock(&bridge->lock);
}

static void *replay(void *context)
{
    struct nw_bridge *bridge = context;

    (void)pthread_mutex_lock(&bridge->lock);
    while (!bridge->ending) {
        if (!bridge->replay_wanted) {
            (void)pthread_cond_wait(&bridge->changed, &bridge->lock);
            continue;
        }
        bridge->replay_wanted = false;
        (void)pthread_mutex_unlock(&bridge->lock);
        for (size_t i = 0; i < bridge->lane_count; i++) {
            nw_spooler_replay(&bridge->lanes[i].spooler);
        }
        (void)pthread_mutex_lock(&bridge->lock);
    }
    (void)pthread_mutex_unlock(&bridge->lock);
    return NULL;
}

struct nw_spool *nw_bridge_spool(struct nw_bridge *bridge, struct nw_error *error)
{
    struct nw_spool *spool;
    char *moved_to = NULL;

    (void)pthread_mutex_lock(&bridge->lock);
    if (bridge->spool == NULL) {
        (void)nw_spool_open(bridge->config->state_dir, &bridge->spool, &moved_to, error);
    }
    spool = bridge->spool;
    if (spool != NULL && !bridge->replay_running && !bridge->ending) {
        bridge->replay_running = pthread_create(&bridge->replay_thread, NULL, replay, bridge) == 0;
    }
    (void)pthread_mutex_unlock(&bridge->lock);
    if (moved_to != NULL) {
        nw_log_write(NW_LOG_ERROR, NULL,
                     "the spool was damaged: what could be read of it was kept, it is now %s",
                     moved_to);
        free(moved_to);
    }
    return spool;
}

static void end_replay(struct nw_bridge *bridge)
{
    (void)pthread_mutex_lock(&bridge->lock);
    bridge->ending = true;
    (void)pthread_cond_broadcast(&bridge->changed);
    (void)pthread_mutex_unlock(&bridge->lock);
    if (bridge->replay_running) {
        (void)pthread_join(bridge->replay_thread, NULL);
        bridge->replay_running = false;
    }
}

/* ---- start ---- */

static bool is_used(const struct nw_config *config, const struct nw_connection_spec *spec)
{
    for (size_t r = 0; r < config->route_count; r++) {
        const struct nw_route_spec *route = config->routes[r];
        bool used = route->source.connection == spec ||
                    (route->dead_letter != NULL && route->dead_letter->connection == spec);
        for (size_t i = 0; i < route->sink_count; i++) {
            used |= route->sinks[i].connection == spec;
        }
        if (route->enabled && used) {
            return true;
        }
    }
    return spec == config->nats && nw_tables_need_hub(config);
}

static int open_connection(struct nw_bridge *bridge, const struct nw_connection_spec *spec,
                           struct nw_error *error)
{
    struct nw_connection *c = &bridge->connections[bridge->connection_count];

    if (!is_used(bridge->config, spec)) {
        return 0;
    }
    c->spec = spec;
    (void)pthread_mutex_init(&c->lock, NULL);
    c->config = (struct nw_connection_config){bridge->config->name, bridge->instance, spec->name,
                                              spec->options};
    bridge->connection_count++;
    if (spec->kind->open(c, &c->config, &c->state, error) != 0) {
        char text[400];
        (void)snprintf(text, sizeof text, "%.399s", error->text);
        return nw_error_set(error, error->code == 0 ? NW_EIO : error->code, "%s: %s", spec->name,
                            text);
    }
    c->open = true;
    return 0;
}

static int open_connections(struct nw_bridge *bridge, struct nw_error *error)
{
    const struct nw_config *config = bridge->config;
    int rc;

    bridge->connections = calloc(config->connection_count + 1, sizeof *bridge->connections);
    if (bridge->connections == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    rc = open_connection(bridge, config->nats, error);
    for (size_t i = 0; rc == 0 && i < config->connection_count; i++) {
        if (config->connections[i] != config->nats) {
            rc = open_connection(bridge, config->connections[i], error);
        }
    }
    return rc;
}

static int start_workers(struct nw_bridge *bridge, struct nw_error *error)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count =
        bridge->config->workers != 0 ? bridge->config->workers : (size_t)(cores < 1 ? 1 : cores);

    bridge->workers = calloc(count, sizeof *bridge->workers);
    if (bridge->workers == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        int rc = nw_worker_start(&bridge->workers[i], (unsigned)i);
        if (rc != 0) {
            return nw_error_set(error, rc, "no worker thread could be started");
        }
        if (bridge->schemas != NULL) {
            nw_mapper_set_fetcher(bridge->workers[i].mapper, nw_schemas_fetcher(bridge->schemas));
        }
        bridge->worker_count++;
    }
    return 0;
}

static int open_schemas(struct nw_bridge *bridge, struct nw_error *error)
{
    const struct nw_config *config = bridge->config;

    if (config->avro_registries == 0) {
        return 0;
    }
    bridge->schemas = nw_schemas_new(config->avro_registries, config->avro_subjects);
    return bridge->schemas == NULL ? nw_error_set(error, NW_ENOMEM, "out of memory") : 0;
}

static size_t count_lanes(const struct nw_config *config)
{
    size_t count = 0;

    for (size_t i = 0; i < config->route_count; i++) {
        count += config->routes[i]->enabled ? config->routes[i]->lanes : 0;
    }
    return count;
}

static int make_lanes(struct nw_bridge *bridge, struct nw_error *error)
{
    const struct nw_config *config = bridge->config;
    size_t count = count_lanes(config);

    bridge->lanes = calloc(count + 1, sizeof *bridge->lanes);
    if (bridge->lanes == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < config->route_count; i++) {
        const struct nw_route_spec *route = config->routes[i];
        for (unsigned l = 0; route->enabled && l < route->lanes; l++) {
            struct nw_lane *lane = &bridge->lanes[bridge->lane_count];
            struct nw_worker *w = &bridge->workers[bridge->lane_count % bridge->worker_count];
            int rc = nw_lane_init(lane, bridge, route, l, w);
            bridge->lane_count++;
            if (rc != 0) {
                return nw_error_set(error, rc, "out of memory");
            }
            nw_credit_init(lane, &bridge->budget, count);
        }
    }
    return 0;
}

static int open_state(struct nw_bridge *bridge, struct nw_error *error)
{
    const struct nw_config *config = bridge->config;
    int rc = nw_state_open(config->state_dir, &bridge->state, error);

    rc = rc != 0 ? rc : nw_totals_open(bridge->state, &bridge->totals, error);
    if (rc != 0) {
        return rc;
    }
    if (config->instance != NULL) {
        bridge->instance = strdup(config->instance);
        return bridge->instance == NULL ? nw_error_set(error, NW_ENOMEM, "out of memory") : 0;
    }
    return nw_state_instance(bridge->state, &bridge->instance, error);
}

static void free_bridge(struct nw_bridge *bridge)
{
    end_replay(bridge);
    while (atomic_load(&bridge->closers) > 0) {
        (void)sched_yield(); /* a few instructions more */
    }
    for (size_t i = 0; i < bridge->worker_count; i++) {
        nw_worker_stop(&bridge->workers[i]);
    }
    nw_schemas_free(bridge->schemas);
    nw_tables_stop(bridge->tables);
    for (size_t i = bridge->connection_count; i-- > 0;) {
        struct nw_connection *c = &bridge->connections[i];
        if (c->open) {
            c->spec->kind->close(c->state);
        }
        (void)pthread_mutex_destroy(&c->lock);
    }
    for (size_t i = 0; i < bridge->lane_count; i++) {
        nw_lane_done(&bridge->lanes[i]);
    }
    nw_spool_close(bridge->spool);
    nw_windows_close(bridge->windows);
    nw_state_close(bridge->state);
    nw_totals_close(bridge->totals);
    (void)pthread_cond_destroy(&bridge->changed);
    (void)pthread_mutex_destroy(&bridge->lock);
    free(bridge->connections);
    free(bridge->workers);
    free(bridge->lanes);
    free(bridge->instance);
    free(bridge);
}

int nw_bridge_start(const struct nw_config *config, struct nw_bridge **out, struct nw_error *error)
{
    struct nw_bridge *bridge = calloc(1, sizeof *bridge);
    pthread_condattr_t monotonic;
    int rc;

    if (bridge == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    bridge->config = config;
    nw_budget_init(&bridge->budget, (size_t)config->memory);
    (void)pthread_mutex_init(&bridge->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&bridge->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    rc = open_state(bridge, error);
    rc = rc != 0 ? rc : open_schemas(bridge, error);
    if (rc == 0 && nw_windows_open(config, &bridge->windows) != 0) {
        rc = nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    rc = rc != 0 ? rc : start_workers(bridge, error);
    rc = rc != 0 ? rc : make_lanes(bridge, error);
    rc = rc != 0 ? rc : open_connections(bridge, error);
    rc = rc != 0 ? rc
                 : nw_tables_start(config, nw_bridge_connection(bridge, config->nats),
                                   &bridge->tables, error);
    if (rc != 0) {
        free_bridge(bridge);
        return rc;
    }
    bridge->open_lanes = bridge->lane_count;
    for (size_t i = 0; i < bridge->lane_count; i++) {
        nw_lane_start(&bridge->lanes[i]);
    }
    *out = bridge;
    return 0;
}

/* ---- stop ---- */

/* True when all lanes are closed. */
static bool wait_for_lanes(struct nw_bridge *bridge, int64_t timeout_ms)
{
    int64_t until = nw_clock_monotonic_ns() + timeout_ms * NW_MILLISECOND_NS;
    struct timespec t = {until / NW_SECOND_NS, until % NW_SECOND_NS};
    bool closed;

    (void)pthread_mutex_lock(&bridge->lock);
    while (bridge->open_lanes > 0 &&
           pthread_cond_timedwait(&bridge->changed, &bridge->lock, &t) != ETIMEDOUT) {
    }
    closed = bridge->open_lanes == 0;
    (void)pthread_mutex_unlock(&bridge->lock);
    return closed;
}

static void say_what_is_left(struct nw_bridge *bridge)
{
    for (size_t i = 0; i < bridge->lane_count; i++) {
        struct nw_lane *lane = &bridge->lanes[i];
        uint64_t left;
        (void)pthread_mutex_lock(&lane->lock);
        left = lane->published.in_flight;
        (void)pthread_mutex_unlock(&lane->lock);
        if (left > 0) {
            nw_lane_log(lane, NW_LOG_WARNING, NULL,
                        "out of time: %llu messages are not confirmed and will come again",
                        (unsigned long long)left);
        }
    }
}

static void add_count(struct nw_buffer *out, uint64_t n, const char *what)
{
    if (n > 0) {
        nw_buffer_add_format(out, "%s%" PRIu64 " %s", out->len == 0 ? "" : ", ", n, what);
    }
}

/* What a route has done since the start, and where the rest is. */
static void report_route(const struct nw_route_snapshot *r)
{
    struct nw_log_field fields[] = {{"route", r->route->name}, {NULL, NULL}};
    const struct nw_counts *before = &r->before;
    struct nw_buffer text = {0};

    add_count(&text, r->delivered - before->delivered, "delivered");
    add_count(&text, r->filtered - before->filtered, "filtered");
    add_count(&text, r->dead_lettered - before->dead_lettered, "dead-lettered");
    add_count(&text, r->dropped - before->dropped, "dropped");
    add_count(&text, r->in_flight, "not confirmed, which come again");
    add_count(&text, r->spooled, "in the spool");
    add_count(&text, r->lag < 0 ? 0 : (uint64_t)r->lag, "waiting at the source");
    if (text.len > 0) {
        nw_log_write(NW_LOG_INFO, fields, "%s", nw_buffer_text(&text));
    }
    nw_buffer_done(&text);
}

static void report(struct nw_bridge *bridge)
{
    struct nw_bridge_snapshot s;

    if (nw_bridge_snapshot(bridge, &s) == 0) {
        for (size_t i = 0; i < s.route_count; i++) {
            report_route(&s.routes[i]);
        }
        nw_bridge_snapshot_done(&s);
    }
}

void nw_bridge_keep_counts(struct nw_bridge *bridge)
{
    nw_state_hurry(bridge->state);
}

bool nw_bridge_stop(struct nw_bridge *bridge, int64_t timeout_ms)
{
    bool drained;

    for (size_t i = 0; i < bridge->lane_count; i++) {
        nw_lane_stop(&bridge->lanes[i]);
    }
    drained = wait_for_lanes(bridge, timeout_ms);
    report(bridge);
    if (!drained) {
        say_what_is_left(bridge);
        for (size_t i = 0; i < bridge->lane_count; i++) {
            nw_lane_give_up(&bridge->lanes[i]);
        }
        if (!wait_for_lanes(bridge, CLOSE_TIMEOUT_MS)) {
            /* An endpoint hangs. Freeing what it still uses would be worse than leaving it. */
            nw_log_write(NW_LOG_ERROR, NULL, "some endpoints did not close in time");
            nw_state_flush(bridge->state);
            return false;
        }
    }
    free_bridge(bridge);
    return true;
}
