/* SPDX-License-Identifier: Apache-2.0 */
#include "pump/bridge.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "log/log.h"
#include "pump/bridge_state.h"

#define LOOK_NS (NW_SECOND_NS / 10) /* how often somebody who may be in a hurry is asked */

void nw_bridge_lane_closed(struct nw_lane *lane)
{
    struct nw_bridge *bridge = lane->bridge;

    (void)pthread_mutex_lock(&bridge->lock);
    lane->closed = true;
    (void)pthread_cond_broadcast(&bridge->changed);
    (void)pthread_mutex_unlock(&bridge->lock);
    nw_bridge_want_attention(bridge);
}

/* ---- start ---- */

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
        bridge->worker_count++;
    }
    return 0;
}

static int make_routes(struct nw_bridge *bridge, struct nw_error *error)
{
    const struct nw_config *config = bridge->config;

    bridge->lane_count = nw_routes_count_lanes(config);
    bridge->routes = calloc(config->route_count + 1, sizeof *bridge->routes);
    if (bridge->routes == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < config->route_count; i++) {
        struct nw_route *route = nw_route_new(bridge, bridge->generations, config->routes[i]);
        if (route == NULL) {
            return nw_error_set(error, NW_ENOMEM, "out of memory");
        }
        bridge->routes[bridge->route_count++] = route;
        if (nw_route_open(route) != 0) {
            return nw_error_set(error, NW_ENOMEM, "out of memory");
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

static struct nw_bridge *new_bridge(const struct nw_config *config)
{
    struct nw_bridge *bridge = calloc(1, sizeof *bridge);
    pthread_condattr_t monotonic;

    if (bridge == NULL) {
        return NULL;
    }
    bridge->config = config;
    nw_budget_init(&bridge->budget, (size_t)config->memory);
    bridge->name = strdup(config->name);
    bridge->state_dir = strdup(config->state_dir);
    bridge->generations = nw_generation_new(config, false);
    bridge->attention_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (bridge->name == NULL || bridge->state_dir == NULL || bridge->generations == NULL ||
        bridge->attention_fd < 0) {
        (void)close(bridge->attention_fd);
        nw_generation_free(bridge->generations);
        free(bridge->state_dir);
        free(bridge->name);
        free(bridge);
        return NULL;
    }
    (void)pthread_rwlock_init(&bridge->shape, NULL);
    (void)pthread_mutex_init(&bridge->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&bridge->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return bridge;
}

/* The last one opened is closed first. */
static void close_connections(struct nw_bridge *bridge)
{
    while (bridge->connections != NULL) {
        struct nw_connection *last = bridge->connections;
        while (last->next != NULL) {
            last = last->next;
        }
        nw_connection_close(bridge, last);
    }
}

static void free_bridge(struct nw_bridge *bridge)
{
    nw_bridge_end_replay(bridge);
    while (atomic_load(&bridge->closers) > 0) {
        (void)sched_yield(); /* a few instructions more */
    }
    for (size_t i = 0; i < bridge->route_count; i++) {
        nw_route_close(bridge->routes[i]);
        nw_gate_leave(bridge->routes[i]);
    }
    for (size_t i = 0; i < bridge->route_count; i++) {
        nw_gate_release(bridge->routes[i]);
    }
    for (size_t i = 0; i < bridge->worker_count; i++) {
        nw_worker_stop(&bridge->workers[i]);
    }
    for (struct nw_generation *g = bridge->generations; g != NULL; g = g->next) {
        nw_generation_quiet(g);
    }
    close_connections(bridge);
    for (size_t i = 0; i < bridge->route_count; i++) {
        nw_route_free(bridge->routes[i]);
    }
    while (bridge->generations != NULL) {
        struct nw_generation *next = bridge->generations->next;
        nw_generation_free(bridge->generations);
        bridge->generations = next;
    }
    nw_spool_close(bridge->spool);
    nw_state_close(bridge->state);
    nw_totals_close(bridge->totals);
    (void)pthread_cond_destroy(&bridge->changed);
    (void)pthread_mutex_destroy(&bridge->lock);
    (void)pthread_rwlock_destroy(&bridge->shape);
    (void)close(bridge->attention_fd);
    free(bridge->workers);
    free(bridge->routes);
    free(bridge->identity);
    free(bridge->instance);
    free(bridge->state_dir);
    free(bridge->name);
    free(bridge);
}

int nw_bridge_start(const struct nw_config *config, struct nw_bridge **out, struct nw_error *error)
{
    struct nw_routes all = {(const struct nw_route_spec *const *)config->routes,
                            config->route_count};
    struct nw_bridge *bridge = new_bridge(config);
    struct nw_generation *g;
    int rc;

    if (bridge == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    g = bridge->generations;
    rc = open_state(bridge, error);
    if (rc == 0) {
        nw_windows_sweep(config);
    }
    rc = rc != 0 ? rc : start_workers(bridge, error);
    rc = rc != 0 ? rc : nw_connections_open(bridge, g, &all, error);
    rc = rc != 0 ? rc
                 : nw_generation_start(g, &all, nw_connections_find(bridge, config->nats), error);
    rc = rc != 0 ? rc : make_routes(bridge, error);
    if (rc != 0) {
        free_bridge(bridge);
        return rc;
    }
    for (size_t i = 0; i < bridge->route_count; i++) {
        nw_route_start(bridge->routes[i]);
    }
    *out = bridge;
    return 0;
}

/* ---- stop ---- */

static bool are_closed(struct nw_route *const *routes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!nw_route_is_closed(routes[i])) {
            return false;
        }
    }
    return true;
}

bool nw_bridge_wait(struct nw_bridge *bridge, struct nw_route *const *routes, size_t count,
                    int64_t timeout_ms, bool (*hurry)(void))
{
    int64_t until_ns = nw_clock_monotonic_ns() + timeout_ms * NW_MILLISECOND_NS, now_ns;
    bool closed;

    (void)pthread_mutex_lock(&bridge->lock);
    while (!(closed = are_closed(routes, count)) && (hurry == NULL || !hurry()) &&
           (now_ns = nw_clock_monotonic_ns()) < until_ns) {
        int64_t wake_ns =
            hurry != NULL && now_ns + LOOK_NS < until_ns ? now_ns + LOOK_NS : until_ns;
        struct timespec t = {wake_ns / NW_SECOND_NS, wake_ns % NW_SECOND_NS};
        (void)pthread_cond_timedwait(&bridge->changed, &bridge->lock, &t);
    }
    (void)pthread_mutex_unlock(&bridge->lock);
    return closed;
}

static void say_what_is_left(const struct nw_route *route)
{
    for (size_t i = 0; i < route->lane_count; i++) {
        struct nw_lane *lane = &route->lanes[i];
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

static bool give_up(struct nw_bridge *bridge, struct nw_route *const *routes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        say_what_is_left(routes[i]);
        nw_route_give_up(routes[i]);
    }
    return nw_bridge_wait(bridge, routes, count, NW_CLOSE_TIMEOUT_MS, NULL);
}

bool nw_bridge_drain(struct nw_bridge *bridge, struct nw_route *const *routes, size_t count,
                     int64_t timeout_ms, bool (*hurry)(void))
{
    for (size_t i = 0; i < count; i++) {
        nw_route_stop(routes[i]);
    }
    return nw_bridge_wait(bridge, routes, count, timeout_ms, hurry) ||
           give_up(bridge, routes, count);
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
    struct nw_route *const *routes = bridge->routes;
    size_t count = bridge->route_count;
    bool drained;

    for (size_t i = 0; i < count; i++) {
        nw_route_stop(routes[i]);
    }
    drained = nw_bridge_wait(bridge, routes, count, timeout_ms, NULL);
    report(bridge);
    if (!drained && !give_up(bridge, routes, count)) {
        /* An endpoint hangs. Freeing what it still uses would be worse than leaving it. */
        nw_log_write(NW_LOG_ERROR, NULL, "some endpoints did not close in time");
        nw_state_flush(bridge->state);
        return false;
    }
    free_bridge(bridge);
    return true;
}
