/* SPDX-License-Identifier: Apache-2.0 */
/* What the admin listener shows: lanes summed into routes, each lane at one moment. Any thread. */
#include <stdio.h>
#include <stdlib.h>

#include "pump/bridge_state.h"

/* What one lane adds to its route. The lock makes it one moment of the lane. */
struct lane_view {
    struct nw_ledger ledger;
    bool holding, stopped;
};

static struct lane_view view_lane(struct nw_lane *lane, struct nw_route_snapshot *r)
{
    struct lane_view v;
    uint64_t lost;

    (void)pthread_mutex_lock(&lane->lock);
    v = (struct lane_view){lane->published, lane->published_holding, lane->published_stopped};
    if (lane->error_time_ns > r->error_time_ns) {
        r->error_time_ns = lane->error_time_ns;
        (void)snprintf(r->error, sizeof r->error, "%s", lane->error);
    }
    (void)pthread_mutex_unlock(&lane->lock);
    lost = atomic_load(&lane->lost);
    v.ledger.received += lost;
    v.ledger.dropped += lost;
    return v;
}

static void add_ledger(struct nw_route_snapshot *r, const struct nw_ledger *l)
{
    r->received += l->received;
    r->delivered += l->delivered;
    r->filtered += l->filtered;
    r->dead_lettered += l->dead_lettered;
    r->dropped += l->dropped;
    r->in_flight += l->in_flight;
    r->retries += l->retries;
    r->returned += l->returned;
    r->mismatches += l->mismatches;
    r->seconds_count += l->seconds_count;
    r->seconds_sum += (double)l->seconds_sum_ns / 1e9;
    for (size_t i = 0; i <= NW_DELIVERY_BUCKETS; i++) {
        r->seconds_buckets[i] += l->seconds_buckets[i];
    }
}

static void view_endpoint(struct nw_endpoint *e, const char *end, struct nw_route_snapshot *r)
{
    char text[256];

    if (!e->required || nw_endpoint_status(e, text, sizeof text) == NW_STATE_READY) {
        return;
    }
    if (r->ready) {
        (void)snprintf(r->waiting_for, sizeof r->waiting_for, "%s %s: %.200s", end, e->type, text);
    }
    r->ready = false;
}

static void add_lane(struct nw_lane *lane, struct nw_route_snapshot *r, bool *holding,
                     bool *stopped)
{
    struct lane_view v = view_lane(lane, r);
    int64_t lag = atomic_load(&lane->lag);

    add_ledger(r, &v.ledger);
    *holding |= v.holding;
    *stopped |= v.stopped;
    if (lag >= 0) {
        r->lag = (r->lag < 0 ? 0 : r->lag) + lag;
    }
    r->spooled += nw_spooler_size(&lane->spooler);
    r->memory += atomic_load_explicit(&lane->credit.held, memory_order_relaxed);
    view_endpoint(&lane->source, "from", r);
    for (size_t i = 0; i < lane->target_count; i++) {
        view_endpoint(&lane->targets[i].sink, "to", r);
    }
}

static void add_counts(struct nw_route_snapshot *r, const struct nw_counts *c)
{
    r->received += c->delivered + c->filtered + c->dead_lettered + c->dropped;
    r->delivered += c->delivered;
    r->filtered += c->filtered;
    r->dead_lettered += c->dead_lettered;
    r->dropped += c->dropped;
    r->retries += c->retries;
    r->returned += c->returned;
}

static void add_past(const struct nw_past *past, struct nw_route_snapshot *r)
{
    add_ledger(r, &past->ledger);
    if (past->error_time_ns > r->error_time_ns) {
        r->error_time_ns = past->error_time_ns;
        (void)snprintf(r->error, sizeof r->error, "%s", past->error);
    }
}

/* Who does not run the route waits for nothing: its ends are not open. */
static void view_lease(struct nw_route *route, struct nw_route_snapshot *r, bool stopped)
{
    r->leased = nw_gate_view(route, &r->lease);
    if (!r->leased || r->lease.phase == NW_LEASE_HELD || stopped) {
        return;
    }
    r->ready = r->lease.phase == NW_LEASE_STANDBY;
    (void)snprintf(r->waiting_for, sizeof r->waiting_for, "its lease: %.250s", r->lease.text);
}

static void view_route(struct nw_route *route, struct nw_route_snapshot *r)
{
    const struct nw_route_spec *spec = route->spec;
    bool holding = false, stopped = !spec->enabled;
    struct nw_counts ended;

    *r = (struct nw_route_snapshot){.route = spec, .lag = -1, .ready = true};
    for (size_t i = 0; i < route->lane_count; i++) {
        add_lane(&route->lanes[i], r, &holding, &stopped);
    }
    if (spec->enabled && route->lane_count == 0) {
        r->ready = false;
        (void)snprintf(r->waiting_for, sizeof r->waiting_for, "it is being reloaded");
    }
    view_lease(route, r, stopped);
    add_past(&route->past, r);
    nw_totals_of(route->bridge->totals, spec->name, &r->before, &ended);
    add_counts(r, &r->before);
    add_counts(r, &ended);
    r->taken = r->received + r->returned;
    if (stopped) {
        r->state = NW_ROUTE_STOPPED;
    } else if (!r->ready) {
        r->state = NW_ROUTE_CONNECTING;
    } else if (r->leased && r->lease.phase == NW_LEASE_STANDBY) {
        r->state = NW_ROUTE_STANDBY;
    } else {
        r->state = holding ? NW_ROUTE_HOLDING : NW_ROUTE_RUNNING;
    }
    if (!spec->enabled) {
        r->ready = true; /* nobody waits for a route that is switched off */
    }
}

static void view_connection(struct nw_connection *c, struct nw_connection_snapshot *out)
{
    *out = (struct nw_connection_snapshot){
        .name = c->spec->name, .type = c->spec->connector->name, .spec = c->spec};
    (void)pthread_mutex_lock(&c->lock);
    out->up = c->status == NW_STATE_READY;
    (void)snprintf(out->text, sizeof out->text, "%s", c->text);
    (void)pthread_mutex_unlock(&c->lock);
}

static int add_counter(struct nw_bridge_snapshot *out, const char *route, const char *name,
                       uint64_t value)
{
    struct nw_counter_snapshot *counters;

    for (size_t i = 0; i < out->counter_count; i++) {
        if (strcmp(out->counters[i].route, route) == 0 &&
            strcmp(out->counters[i].name, name) == 0) {
            out->counters[i].value += value;
            return 0;
        }
    }
    counters = realloc(out->counters, (out->counter_count + 1) * sizeof *counters);
    if (counters == NULL) {
        return NW_ENOMEM;
    }
    out->counters = counters;
    counters[out->counter_count++] = (struct nw_counter_snapshot){route, name, value};
    return 0;
}

static int add_counters(struct nw_bridge_snapshot *out, const char *route,
                        const struct nw_counter *counters)
{
    int rc = 0;

    for (const struct nw_counter *c = counters; rc == 0 && c != NULL; c = c->next) {
        rc = add_counter(out, route, c->name, atomic_load(&c->value));
    }
    return rc;
}

static int count_endpoint(struct nw_bridge_snapshot *out, struct nw_endpoint *e)
{
    int rc;

    (void)pthread_mutex_lock(&e->lock);
    rc = add_counters(out, e->lane->route->name, e->counters);
    (void)pthread_mutex_unlock(&e->lock);
    return rc;
}

static int count_route(struct nw_bridge_snapshot *out, const struct nw_route *route)
{
    int rc = add_counters(out, route->spec->name, route->past.counters);

    for (size_t i = 0; rc == 0 && i < route->lane_count; i++) {
        struct nw_lane *l = &route->lanes[i];
        rc = count_endpoint(out, &l->source);
        for (size_t t = 0; rc == 0 && t < l->target_count; t++) {
            rc = count_endpoint(out, &l->targets[t].sink);
        }
    }
    return rc;
}

static int view(struct nw_bridge *bridge, struct nw_bridge_snapshot *out)
{
    size_t connections = 0;
    int rc = 0;

    for (struct nw_connection *c = bridge->connections; c != NULL; c = c->next) {
        connections++;
    }
    out->routes = calloc(bridge->route_count + 1, sizeof *out->routes);
    out->connections = calloc(connections + 1, sizeof *out->connections);
    if (out->routes == NULL || out->connections == NULL) {
        return NW_ENOMEM;
    }
    for (size_t i = 0; rc == 0 && i < bridge->route_count; i++) {
        view_route(bridge->routes[i], &out->routes[out->route_count++]);
        rc = count_route(out, bridge->routes[i]);
    }
    for (struct nw_connection *c = bridge->connections; c != NULL; c = c->next) {
        view_connection(c, &out->connections[out->connection_count++]);
    }
    return rc;
}

int nw_bridge_snapshot(struct nw_bridge *bridge, struct nw_bridge_snapshot *out)
{
    int rc;

    (void)pthread_rwlock_rdlock(&bridge->shape);
    *out = (struct nw_bridge_snapshot){.bridge = bridge,
                                       .memory = bridge->budget.total,
                                       .memory_free = nw_budget_free(&bridge->budget)};
    rc = view(bridge, out);
    if (rc != 0) {
        nw_bridge_snapshot_done(out);
    }
    return rc;
}

void nw_bridge_snapshot_done(struct nw_bridge_snapshot *s)
{
    free(s->routes);
    free(s->connections);
    free(s->counters);
    (void)pthread_rwlock_unlock(&s->bridge->shape);
    *s = (struct nw_bridge_snapshot){0};
}
