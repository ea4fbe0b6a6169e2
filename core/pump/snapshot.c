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

/* The lanes of a route stand together, in the order of the routes: next is where they begin. */
static void view_route(struct nw_bridge *bridge, const struct nw_route_spec *route, size_t *next,
                       struct nw_route_snapshot *r)
{
    bool holding = false, stopped = !route->enabled;
    struct nw_counts ended;

    *r = (struct nw_route_snapshot){.route = route, .lag = -1, .ready = true};
    for (; *next < bridge->lane_count && bridge->lanes[*next].route == route; (*next)++) {
        add_lane(&bridge->lanes[*next], r, &holding, &stopped);
    }
    nw_totals_of(bridge->totals, route->name, &r->before, &ended);
    add_counts(r, &r->before);
    add_counts(r, &ended);
    r->taken = r->received + r->returned;
    if (stopped) {
        r->state = NW_ROUTE_STOPPED;
    } else if (!r->ready) {
        r->state = NW_ROUTE_CONNECTING;
    } else {
        r->state = holding ? NW_ROUTE_HOLDING : NW_ROUTE_RUNNING;
    }
    if (!route->enabled) {
        r->ready = true; /* nobody waits for a route that is switched off */
    }
}

static void view_connection(struct nw_connection *c, struct nw_connection_snapshot *out)
{
    *out = (struct nw_connection_snapshot){.name = c->spec->name, .type = c->spec->connector->name};
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
        if (out->counters[i].route == route && strcmp(out->counters[i].name, name) == 0) {
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

static int add_counters(struct nw_bridge_snapshot *out, struct nw_endpoint *e)
{
    int rc = 0;

    (void)pthread_mutex_lock(&e->lock);
    for (struct nw_counter *c = e->counters; rc == 0 && c != NULL; c = c->next) {
        rc = add_counter(out, e->lane->route->name, c->name, atomic_load(&c->value));
    }
    (void)pthread_mutex_unlock(&e->lock);
    return rc;
}

int nw_bridge_snapshot(struct nw_bridge *bridge, struct nw_bridge_snapshot *out)
{
    const struct nw_config *config = bridge->config;
    size_t lane = 0;
    int rc = 0;

    *out = (struct nw_bridge_snapshot){.route_count = config->route_count,
                                       .connection_count = bridge->connection_count,
                                       .memory = bridge->budget.total,
                                       .memory_free = nw_budget_free(&bridge->budget)};
    out->routes = calloc(out->route_count + 1, sizeof *out->routes);
    out->connections = calloc(out->connection_count + 1, sizeof *out->connections);
    if (out->routes == NULL || out->connections == NULL) {
        nw_bridge_snapshot_done(out);
        return NW_ENOMEM;
    }
    for (size_t i = 0; i < out->route_count; i++) {
        view_route(bridge, config->routes[i], &lane, &out->routes[i]);
    }
    for (size_t i = 0; i < out->connection_count; i++) {
        view_connection(&bridge->connections[i], &out->connections[i]);
    }
    for (size_t i = 0; rc == 0 && i < bridge->lane_count; i++) {
        struct nw_lane *l = &bridge->lanes[i];
        rc = add_counters(out, &l->source);
        for (size_t t = 0; rc == 0 && t < l->target_count; t++) {
            rc = add_counters(out, &l->targets[t].sink);
        }
    }
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
    *s = (struct nw_bridge_snapshot){0};
}
