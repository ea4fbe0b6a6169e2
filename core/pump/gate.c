/* SPDX-License-Identifier: Apache-2.0 */
#include "pump/gate.h"

#include <stdarg.h>
#include <stdio.h>

#include "log/log.h"
#include "pump/bridge_state.h"

void nw_gate_init(struct nw_gate *gate)
{
    (void)pthread_mutex_init(&gate->lock, NULL);
}

void nw_gate_done(struct nw_gate *gate)
{
    (void)pthread_mutex_destroy(&gate->lock);
}

static void __attribute__((format(printf, 3, 4)))
say(const struct nw_route *route, enum nw_level level, const char *format, ...)
{
    struct nw_log_field fields[] = {{"route", route->spec->name}, {NULL, NULL}};
    char text[600];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    nw_log_write(level, fields, "%s", text);
}

/* ---- what the lease tells; the hub's loop ---- */

/* With the lock. */
static void start_lanes(struct nw_route *route)
{
    route->gate.started = true;
    for (size_t i = 0; i < route->lane_count; i++) {
        nw_lane_start(&route->lanes[i]);
    }
}

static void on_held(void *context)
{
    struct nw_route *route = context;
    struct nw_gate *gate = &route->gate;

    (void)pthread_mutex_lock(&gate->lock);
    gate->held = true;
    say(route, NW_LOG_INFO, "this process has the lease of the route and runs it");
    if (gate->wanted && !gate->started) {
        start_lanes(route);
    }
    (void)pthread_mutex_unlock(&gate->lock);
}

/* At once, without waiting for what is under way: another process may be about to begin. */
static void on_lost(void *context, const char *text)
{
    struct nw_route *route = context;
    struct nw_gate *gate = &route->gate;

    (void)pthread_mutex_lock(&gate->lock);
    gate->held = false;
    gate->lost = true;
    say(route, NW_LOG_WARNING,
        "the lease of the route is lost, and what is under way goes back: %s", text);
    if (gate->started) {
        for (size_t i = 0; i < route->lane_count; i++) {
            nw_lane_stop(&route->lanes[i]);
            nw_lane_give_up(&route->lanes[i]);
        }
    }
    (void)pthread_mutex_unlock(&gate->lock);
    nw_bridge_want_attention(route->bridge);
}

static void on_stands_by(void *context, const struct nw_lease_holder *holder)
{
    say(context, NW_LOG_INFO, "standing by: %s runs the route, since %s", holder->name,
        holder->since);
}

static void on_trouble(void *context, const char *text)
{
    say(context, NW_LOG_WARNING, "the route waits for its lease: %s", text);
}

/* ---- main thread ---- */

static int make_lease(struct nw_route *route, struct nw_error *error)
{
    struct nw_bridge *bridge = route->bridge;
    struct nw_lease_watcher watcher = {route, on_held, on_lost, on_stands_by, on_trouble};
    struct nw_lease_names names = {bridge->name, route->spec->name, bridge->instance, NULL};
    struct nw_lease *lease = NULL;
    int rc =
        bridge->identity != NULL ? 0 : nw_state_identity(bridge->state, &bridge->identity, error);

    if (rc != 0) {
        return rc;
    }
    names.id = bridge->identity;
    if (nw_lease_new(nw_connections_find(bridge, route->generation->config->nats), &names, &watcher,
                     &lease) != 0) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    (void)pthread_mutex_lock(&route->gate.lock);
    route->gate.lease = lease;
    (void)pthread_mutex_unlock(&route->gate.lock);
    return 0;
}

int nw_gate_open(struct nw_route *route, struct nw_error *error)
{
    struct nw_gate *gate = &route->gate;
    bool held;
    int rc;

    if (!route->spec->transactional) {
        start_lanes(route);
        return 0;
    }
    rc = gate->lease != NULL ? 0 : make_lease(route, error);
    if (rc != 0) {
        return rc;
    }
    (void)pthread_mutex_lock(&gate->lock);
    gate->wanted = true;
    gate->lost = false;
    held = gate->held;
    if (held) {
        start_lanes(route);
    }
    (void)pthread_mutex_unlock(&gate->lock);
    if (!held) {
        nw_lease_want(gate->lease);
    }
    return 0;
}

void nw_gate_shut(struct nw_route *route)
{
    (void)pthread_mutex_lock(&route->gate.lock);
    route->gate.wanted = false;
    (void)pthread_mutex_unlock(&route->gate.lock);
}

void nw_gate_forget(struct nw_route *route)
{
    (void)pthread_mutex_lock(&route->gate.lock);
    route->gate.wanted = route->gate.started = false;
    (void)pthread_mutex_unlock(&route->gate.lock);
}

void nw_gate_leave(struct nw_route *route)
{
    if (route->gate.lease != NULL) {
        nw_lease_leave(route->gate.lease);
    }
}

void nw_gate_release(struct nw_route *route)
{
    struct nw_gate *gate = &route->gate;
    struct nw_lease *lease = gate->lease;

    (void)pthread_mutex_lock(&gate->lock);
    gate->lease = NULL;
    (void)pthread_mutex_unlock(&gate->lock);
    nw_lease_free(lease);
    gate->held = gate->lost = false;
}

int nw_gate_check(struct nw_route *route, struct nw_error *error)
{
    struct nw_lease_view view;

    if (!nw_gate_view(route, &view) || view.phase == NW_LEASE_HELD) {
        return 0;
    }
    if (view.phase == NW_LEASE_STANDBY) {
        return nw_error_set(error, NW_EINVAL, "%s runs the route, since %s: it can be moved there",
                            view.holder.name, view.holder.since);
    }
    return nw_error_set(error, NW_EINVAL, "this process does not have the lease of the route: %s",
                        view.text);
}

bool nw_gate_is_lost(struct nw_route *route)
{
    bool lost;

    (void)pthread_mutex_lock(&route->gate.lock);
    lost = route->gate.lost;
    (void)pthread_mutex_unlock(&route->gate.lock);
    return lost;
}

bool nw_gate_is_started(struct nw_route *route)
{
    bool started;

    (void)pthread_mutex_lock(&route->gate.lock);
    started = route->gate.started;
    (void)pthread_mutex_unlock(&route->gate.lock);
    return started;
}

bool nw_gate_view(struct nw_route *route, struct nw_lease_view *out)
{
    bool leased;

    (void)pthread_mutex_lock(&route->gate.lock);
    leased = route->gate.lease != NULL;
    if (leased) {
        nw_lease_view(route->gate.lease, out);
    }
    (void)pthread_mutex_unlock(&route->gate.lock);
    return leased;
}
