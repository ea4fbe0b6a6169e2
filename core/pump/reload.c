/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going over to another configuration while the rest runs on:
 *
 *     compare ─► drain what changes ─► close and open connections ─► open, swap, start
 *                      └──────────── back, if something cannot be had ◄─┘
 *
 * What ends, ends before anything new begins: the new one may want the same consumer, port or file.
 */
#include <stdlib.h>

#include "log/log.h"
#include "pump/bridge_state.h"
#include "pump/compare.h"

/* A route that is to end, and what it was. */
struct ending {
    struct nw_route *route;
    struct nw_generation *generation;
    const struct nw_route_spec *spec, *then; /* then NULL: it is removed */
    unsigned changes;
};

/* A connection that was closed, to be opened again if the reload fails. */
struct closed {
    struct nw_generation *generation;
    const struct nw_connection_spec *spec;
};

struct reload {
    struct nw_bridge *bridge;
    struct nw_generation *g;  /* the new one */
    struct nw_route **routes; /* as they will be */
    size_t route_count;
    struct ending *ending;
    size_t ending_count;
    struct nw_route **drained; /* those of `ending`, for the functions that want them so */
    struct nw_route **added;
    size_t added_count;
    const struct nw_route_spec **starting; /* specs, of the new generation */
    size_t starting_count;
    struct closed *closed;
    size_t closed_count;
};

/* ---- comparing ---- */

static struct nw_route *find(struct nw_bridge *bridge, const char *name)
{
    for (size_t i = 0; i < bridge->route_count; i++) {
        if (strcmp(bridge->routes[i]->spec->name, name) == 0) {
            return bridge->routes[i];
        }
    }
    return NULL;
}

static void end_route(struct reload *r, struct nw_route *route, const struct nw_route_spec *then,
                      unsigned changes)
{
    r->drained[r->ending_count] = route;
    r->ending[r->ending_count++] =
        (struct ending){route, route->generation, route->spec, then, changes};
}

static int compare(struct reload *r)
{
    const struct nw_config *config = r->g->config;

    for (size_t i = 0; i < config->route_count; i++) {
        const struct nw_route_spec *spec = config->routes[i];
        struct nw_route *route = find(r->bridge, spec->name);
        unsigned changes = route == NULL ? 0 : nw_compare_route(r->bridge, route->spec, spec);
        if (route == NULL) {
            route = nw_route_new(r->bridge, r->g, spec);
            if (route == NULL) {
                return NW_ENOMEM;
            }
            r->added[r->added_count++] = route;
        } else if (changes != 0) {
            end_route(r, route, spec, changes);
        }
        r->routes[r->route_count++] = route;
        if (route->generation == r->g || changes != 0) {
            r->starting[r->starting_count++] = spec;
        }
    }
    for (size_t i = 0; i < r->bridge->route_count; i++) {
        struct nw_route *route = r->bridge->routes[i];
        if (nw_config_route(config, route->spec->name) == NULL) {
            end_route(r, route, NULL, 0);
        }
    }
    return 0;
}

/* ---- connections ---- */

static const struct nw_connection_spec *same_name(const struct nw_config *config,
                                                  const struct nw_connection_spec *spec)
{
    for (size_t i = 0; i <= config->connection_count; i++) {
        const struct nw_connection_spec *s = i == 0 ? config->nats : config->connections[i - 1];
        if (s->kind == spec->kind && strcmp(s->name, spec->name) == 0) {
            return s;
        }
    }
    return NULL;
}

static struct nw_routes all_of(const struct nw_config *config)
{
    return (struct nw_routes){(const struct nw_route_spec *const *)config->routes,
                              config->route_count};
}

/* Does the open connection stay? */
static bool stays(struct reload *r, const struct nw_connection *c)
{
    const struct nw_config *config = r->g->config;
    const struct nw_connection_spec *spec = same_name(config, c->spec);
    struct nw_routes all = all_of(config);

    return spec != NULL && nw_compare_connection(r->bridge, spec) &&
           nw_connection_is_used(config, &all, spec);
}

/* What watches buckets goes before the hub does. */
static void quiet_all(struct nw_bridge *bridge)
{
    for (struct nw_generation *g = bridge->generations; g != NULL; g = g->next) {
        nw_generation_quiet(g);
    }
}

static void close_connections(struct reload *r)
{
    for (struct nw_connection *c = r->bridge->connections, *next; c != NULL; c = next) {
        next = c->next;
        if (stays(r, c)) {
            continue;
        }
        if (c->spec == c->generation->config->nats) {
            quiet_all(r->bridge);
        }
        r->closed[r->closed_count++] = (struct closed){c->generation, c->spec};
        nw_connection_close(r->bridge, c);
    }
}

/* ---- there ---- */

static void become(struct nw_route *route, struct nw_generation *g,
                   const struct nw_route_spec *spec)
{
    (void)pthread_rwlock_wrlock(&route->bridge->shape);
    route->generation->routes--;
    route->generation = g;
    route->spec = spec;
    g->routes++;
    (void)pthread_rwlock_unlock(&route->bridge->shape);
}

static int open_routes(struct reload *r, struct nw_error *error)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < r->ending_count; i++) {
        struct ending *e = &r->ending[i];
        if (e->then != NULL) {
            become(e->route, r->g, e->then);
            rc = nw_route_open(e->route);
        }
    }
    for (size_t i = 0; rc == 0 && i < r->added_count; i++) {
        rc = nw_route_open(r->added[i]);
    }
    return rc == 0 ? 0 : nw_error_set(error, rc, "out of memory");
}

static int open_new(struct reload *r, struct nw_error *error)
{
    const struct nw_config *config = r->g->config;
    struct nw_routes starting = {r->starting, r->starting_count}, all = all_of(config);
    int rc;

    r->bridge->lane_count = nw_routes_count_lanes(config);
    nw_budget_change(&r->bridge->budget, (size_t)config->memory); /* new lanes begin with it */
    rc = nw_connections_open(r->bridge, r->g, &all, error);

    if (rc == 0) {
        rc = nw_generation_start(r->g, &starting, nw_connections_find(r->bridge, config->nats),
                                 error);
    }
    return rc != 0 ? rc : open_routes(r, error);
}

static void start_all(struct reload *r)
{
    struct nw_bridge *bridge = r->bridge;
    struct nw_route **old = bridge->routes;

    (void)pthread_rwlock_wrlock(&bridge->shape);
    bridge->routes = r->routes;
    bridge->route_count = r->route_count;
    bridge->config = r->g->config;
    (void)pthread_rwlock_unlock(&bridge->shape);
    r->routes = old;
    nw_routes_share_memory(bridge);
    for (size_t i = 0; i < bridge->route_count; i++) {
        if (bridge->routes[i]->generation == r->g) {
            nw_route_start(bridge->routes[i]);
        }
    }
}

/* Generations that nothing is of any more; the newest stays. */
static void reap(struct nw_bridge *bridge)
{
    struct nw_generation **at = &bridge->generations->next;

    while (*at != NULL) {
        struct nw_generation *g = *at;
        if (g->routes == 0) {
            nw_generation_quiet(g);
        }
        if (g->routes > 0 || g->connections > 0) {
            at = &g->next;
            continue;
        }
        *at = g->next;
        nw_generation_free(g);
    }
}

/* ---- and back ---- */

static int start_again(struct reload *r, struct ending *e, struct nw_error *error)
{
    struct nw_routes one = {&e->spec, 1};
    void *hub = nw_connections_find(r->bridge, e->generation->config->nats);
    int rc = nw_generation_start(e->generation, &one, hub, error);

    rc = rc != 0 ? rc : nw_route_open(e->route);
    if (rc == 0) {
        nw_route_start(e->route);
    }
    return rc;
}

static void go_back(struct reload *r)
{
    struct nw_error error = {.text = "out of memory"};
    int rc = 0;

    r->bridge->lane_count = nw_routes_count_lanes(r->bridge->config);
    nw_budget_change(&r->bridge->budget, (size_t)r->bridge->config->memory);
    for (size_t i = 0; i < r->ending_count; i++) {
        struct ending *e = &r->ending[i];
        if (e->route->spec != e->spec) {
            nw_route_close(e->route);
            become(e->route, e->generation, e->spec);
        }
    }
    for (size_t i = 0; i < r->added_count; i++) {
        nw_route_close(r->added[i]);
    }
    nw_generation_quiet(r->g);
    for (struct nw_connection *c = r->bridge->connections, *next; c != NULL; c = next) {
        next = c->next;
        if (c->generation == r->g) {
            nw_connection_close(r->bridge, c);
        }
    }
    for (size_t i = 0; rc == 0 && i < r->closed_count; i++) {
        rc = nw_connection_open(r->bridge, r->closed[i].generation, r->closed[i].spec, &error);
    }
    for (size_t i = 0; rc == 0 && i < r->ending_count; i++) {
        rc = r->ending[i].route->lane_count > 0 ? 0 : start_again(r, &r->ending[i], &error);
    }
    if (rc != 0) {
        nw_log_write(NW_LOG_ERROR, NULL,
                     "reload: what ran before cannot be started again, and stands still: %s",
                     error.text);
    }
}

/* ---- all of it ---- */

static void say(struct reload *r, struct nw_buffer *out)
{
    size_t changed = 0;

    for (size_t i = 0; i < r->ending_count; i++) {
        changed += r->ending[i].then != NULL ? 1 : 0;
    }
    nw_buffer_add_format(out, "reloaded: %zu unchanged, %zu changed, %zu added, %zu removed\n",
                         r->bridge->route_count - changed - r->added_count, changed, r->added_count,
                         r->ending_count - changed);
    for (size_t i = 0; i < r->ending_count; i++) {
        const struct ending *e = &r->ending[i];
        nw_buffer_add_format(out, "%s: %s", e->route->spec->name,
                             e->then == NULL ? "removed" : "changed: ");
        nw_compare_say(e->changes, out);
        nw_buffer_add_char(out, '\n');
    }
    for (size_t i = 0; i < r->added_count; i++) {
        nw_buffer_add_format(out, "%s: added\n", r->added[i]->spec->name);
    }
}

/* Those that are to end are closed, or an error. */
static int drain(struct reload *r, bool (*hurry)(void), struct nw_error *error)
{
    struct nw_bridge *bridge = r->bridge;

    if (!nw_bridge_drain(bridge, r->drained, r->ending_count, bridge->config->shutdown_timeout_ms,
                         hurry)) {
        return nw_error_set(error, NW_EIO, "an endpoint did not close in time");
    }
    if (hurry != NULL && hurry()) {
        return nw_error_set(error, NW_EAGAIN, "the process is ending");
    }
    for (size_t i = 0; i < r->ending_count; i++) {
        nw_route_close(r->ending[i].route);
        nw_gate_leave(r->ending[i].route);
    }
    for (size_t i = 0; i < r->ending_count; i++) {
        nw_gate_release(r->ending[i].route);
    }
    return 0;
}

static int run(struct reload *r, bool (*hurry)(void), struct nw_error *error)
{
    int rc = drain(r, hurry, error);

    if (rc == NW_EAGAIN) {
        return rc;
    }
    if (rc == 0) {
        close_connections(r);
        rc = open_new(r, error);
    } else {
        for (size_t i = 0; i < r->ending_count; i++) { /* those that did close */
            struct nw_route *route = r->ending[i].route;
            if (nw_bridge_wait(r->bridge, &route, 1, 0, NULL)) {
                nw_route_close(route);
                nw_gate_release(route);
            }
        }
    }
    if (rc != 0) {
        go_back(r);
        return rc;
    }
    start_all(r);
    return 0;
}

static int allocate(struct reload *r)
{
    size_t old = r->bridge->route_count, new = r->g->config->route_count, connections = 0;

    for (struct nw_connection *c = r->bridge->connections; c != NULL; c = c->next) {
        connections++;
    }
    r->routes = calloc(new + 1, sizeof *r->routes);
    r->ending = calloc(old + 1, sizeof *r->ending);
    r->drained = calloc(old + 1, sizeof *r->drained);
    r->added = calloc(new + 1, sizeof *r->added);
    r->starting = calloc(new + 1, sizeof *r->starting);
    r->closed = calloc(connections + 1, sizeof *r->closed);
    return r->routes == NULL || r->ending == NULL || r->drained == NULL || r->added == NULL ||
                   r->starting == NULL || r->closed == NULL
               ? NW_ENOMEM
               : 0;
}

static void done(struct reload *r)
{
    free(r->routes);
    free(r->ending);
    free(r->drained);
    free(r->added);
    free(r->starting);
    free(r->closed);
}

/* What a reload that succeeded has left over. */
static void clean_up(struct reload *r)
{
    for (size_t i = 0; i < r->ending_count; i++) {
        if (r->ending[i].then == NULL) {
            nw_connections_removed(r->bridge, r->ending[i].spec->name);
            nw_route_free(r->ending[i].route);
        }
    }
    r->g->next = r->bridge->generations;
    r->bridge->generations = r->g;
    r->g->owned = true;
    reap(r->bridge);
}

static void undo(struct reload *r)
{
    for (size_t i = 0; i < r->added_count; i++) {
        nw_route_free(r->added[i]);
    }
    nw_generation_free(r->g);
}

int nw_bridge_reload(struct nw_bridge *bridge, struct nw_config *config, bool (*hurry)(void),
                     struct nw_buffer *report, struct nw_error *error)
{
    struct reload r = {.bridge = bridge};
    int rc = nw_compare_fixed(bridge->config, config, error);

    if (rc != 0) {
        return rc;
    }
    r.g = nw_generation_new(config, false);
    if (r.g == NULL || allocate(&r) != 0 || compare(&r) != 0) {
        rc = nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    rc = rc != 0 ? rc : run(&r, hurry, error);
    if (rc == 0) {
        say(&r, report);
        clean_up(&r);
    } else {
        undo(&r);
    }
    done(&r);
    return rc;
}
