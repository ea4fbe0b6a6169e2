/* SPDX-License-Identifier: Apache-2.0 */
#include "pump/route.h"

#include <stdio.h>
#include <stdlib.h>

#include "log/log.h"
#include "pump/bridge_state.h"

struct nw_route *nw_route_new(struct nw_bridge *bridge, struct nw_generation *g,
                              const struct nw_route_spec *spec)
{
    struct nw_route *route = calloc(1, sizeof *route);

    if (route != NULL) {
        *route = (struct nw_route){.bridge = bridge, .generation = g, .spec = spec};
        nw_gate_init(&route->gate);
        g->routes++;
    }
    return route;
}

/* ---- its lanes ---- */

static struct nw_worker *least_busy(struct nw_bridge *bridge)
{
    struct nw_worker *best = &bridge->workers[0];

    for (size_t i = 1; i < bridge->worker_count; i++) {
        if (bridge->workers[i].lanes < best->lanes) {
            best = &bridge->workers[i];
        }
    }
    return best;
}

static void free_lanes(struct nw_lane *lanes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        lanes[i].worker->lanes--;
        nw_lane_done(&lanes[i]);
    }
    free(lanes);
}

static int make_lane(struct nw_route *route, struct nw_lane *lane, unsigned index)
{
    struct nw_worker *w = least_busy(route->bridge);
    int rc = nw_lane_init(lane, route->bridge, route->spec, index, w);

    w->lanes++;
    lane->fetcher =
        route->generation->schemas == NULL ? NULL : nw_schemas_fetcher(route->generation->schemas);
    nw_credit_init(lane, &route->bridge->budget, route->bridge->lane_count);
    return rc;
}

static int open_lanes(struct nw_route *route, size_t wanted, struct nw_seek *seek)
{
    struct nw_lane *lanes = calloc(wanted, sizeof *lanes);
    size_t count = 0;
    int rc = lanes == NULL
                 ? NW_ENOMEM
                 : nw_windows_open(route->spec, route->bridge->state_dir, &route->windows);

    while (rc == 0 && count < wanted) {
        rc = make_lane(route, &lanes[count], (unsigned)count);
        lanes[count++].seek = seek;
    }
    if (rc != 0) {
        free_lanes(lanes, count);
        nw_windows_close(route->windows);
        route->windows = NULL;
        return rc;
    }
    (void)pthread_rwlock_wrlock(&route->bridge->shape);
    route->lanes = lanes;
    route->lane_count = count;
    (void)pthread_rwlock_unlock(&route->bridge->shape);
    return 0;
}

int nw_route_open(struct nw_route *route)
{
    return route->spec->enabled ? open_lanes(route, route->spec->lanes, NULL) : 0;
}

int nw_route_open_seek(struct nw_route *route, struct nw_seek *seek)
{
    return open_lanes(route, 1, seek);
}

void nw_route_start(struct nw_route *route)
{
    struct nw_log_field fields[] = {{"route", route->spec->name}, {NULL, NULL}};
    struct nw_error error;

    if (route->lane_count > 0 && nw_gate_open(route, &error) != 0) {
        nw_log_write(NW_LOG_ERROR, fields, "the route stands still: %s", error.text);
    }
}

void nw_route_stop(struct nw_route *route)
{
    nw_gate_shut(route);
    for (size_t i = 0; i < route->lane_count; i++) {
        nw_lane_stop(&route->lanes[i]);
    }
}

void nw_route_give_up(struct nw_route *route)
{
    for (size_t i = 0; i < route->lane_count; i++) {
        nw_lane_give_up(&route->lanes[i]);
    }
}

bool nw_route_is_closed(const struct nw_route *route)
{
    for (size_t i = 0; i < route->lane_count; i++) {
        if (!route->lanes[i].closed) {
            return false;
        }
    }
    return true;
}

/* ---- what it has counted ---- */

static void keep_counters(struct nw_past *past, struct nw_endpoint *e)
{
    struct nw_counter *c;

    while ((c = e->counters) != NULL) {
        struct nw_counter *same = past->counters;
        e->counters = c->next;
        while (same != NULL && strcmp(same->name, c->name) != 0) {
            same = same->next;
        }
        if (same == NULL) {
            c->next = past->counters;
            past->counters = c;
        } else {
            atomic_fetch_add(&same->value, atomic_load(&c->value));
            free(c);
        }
    }
}

static void keep_lane(struct nw_past *past, struct nw_lane *lane)
{
    struct nw_ledger *sum = &past->ledger;

    sum->mismatches += lane->ledger.mismatches;
    sum->seconds_count += lane->ledger.seconds_count;
    sum->seconds_sum_ns += lane->ledger.seconds_sum_ns;
    for (size_t i = 0; i <= NW_DELIVERY_BUCKETS; i++) {
        sum->seconds_buckets[i] += lane->ledger.seconds_buckets[i];
    }
    keep_counters(past, &lane->source);
    for (size_t i = 0; i < lane->target_count; i++) {
        keep_counters(past, &lane->targets[i].sink);
    }
    if (lane->error_time_ns > past->error_time_ns) {
        past->error_time_ns = lane->error_time_ns;
        (void)snprintf(past->error, sizeof past->error, "%s", lane->error);
    }
    nw_totals_leave(lane->bridge->totals, lane); /* with `shape`: the sum is never less */
}

void nw_route_close(struct nw_route *route)
{
    struct nw_lane *lanes = route->lanes;
    size_t count = route->lane_count;

    nw_gate_forget(route);
    for (size_t i = 0; i < count; i++) {
        nw_worker_pass(lanes[i].worker);
    }
    (void)pthread_rwlock_wrlock(&route->bridge->shape);
    for (size_t i = 0; i < count; i++) {
        keep_lane(&route->past, &lanes[i]);
    }
    route->lanes = NULL;
    route->lane_count = 0;
    (void)pthread_rwlock_unlock(&route->bridge->shape);
    free_lanes(lanes, count);
    nw_windows_close(route->windows);
    route->windows = NULL;
}

void nw_route_free(struct nw_route *route)
{
    if (route == NULL) {
        return;
    }
    while (route->past.counters != NULL) {
        struct nw_counter *next = route->past.counters->next;
        free(route->past.counters);
        route->past.counters = next;
    }
    route->generation->routes--;
    nw_gate_release(route);
    nw_gate_done(&route->gate);
    free(route);
}

size_t nw_routes_count_lanes(const struct nw_config *config)
{
    size_t count = 0;

    for (size_t i = 0; i < config->route_count; i++) {
        count += config->routes[i]->enabled ? config->routes[i]->lanes : 0;
    }
    return count;
}

void nw_routes_share_memory(struct nw_bridge *bridge)
{
    for (size_t r = 0; r < bridge->route_count; r++) {
        for (size_t i = 0; i < bridge->routes[r]->lane_count; i++) {
            nw_credit_share(&bridge->routes[r]->lanes[i], bridge->lane_count);
        }
    }
}
