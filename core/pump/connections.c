/* SPDX-License-Identifier: Apache-2.0 */
#include "pump/connections.h"

#include <stdio.h>
#include <stdlib.h>

#include "pump/bridge_state.h"

bool nw_connection_is_used(const struct nw_config *config, const struct nw_routes *routes,
                           const struct nw_connection_spec *spec)
{
    for (size_t r = 0; r < routes->count; r++) {
        const struct nw_route_spec *route = routes->items[r];
        bool used = route->source.connection == spec ||
                    (route->dead_letter != NULL && route->dead_letter->connection == spec);
        for (size_t i = 0; i < route->sink_count; i++) {
            used |= route->sinks[i].connection == spec;
        }
        if (route->enabled && used) {
            return true;
        }
    }
    return spec == config->nats && nw_tables_need_hub(config, routes);
}

struct nw_connection *nw_connections_get(struct nw_bridge *bridge,
                                         const struct nw_connection_spec *spec)
{
    struct nw_connection *c = bridge->connections;

    while (c != NULL && spec != NULL &&
           (c->spec->kind != spec->kind || strcmp(c->spec->name, spec->name) != 0)) {
        c = c->next;
    }
    return spec == NULL ? NULL : c;
}

void *nw_connections_find(struct nw_bridge *bridge, const struct nw_connection_spec *spec)
{
    struct nw_connection *c = nw_connections_get(bridge, spec);

    return c == NULL ? NULL : c->state;
}

/* In the order in which they were opened. */
static void keep(struct nw_bridge *bridge, struct nw_connection *c)
{
    struct nw_connection **at = &bridge->connections;

    (void)pthread_rwlock_wrlock(&bridge->shape);
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = c;
    (void)pthread_rwlock_unlock(&bridge->shape);
    c->generation->connections++;
}

int nw_connection_open(struct nw_bridge *bridge, struct nw_generation *g,
                       const struct nw_connection_spec *spec, struct nw_error *error)
{
    struct nw_connection *c = calloc(1, sizeof *c);
    char text[400];

    if (c == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    c->spec = spec;
    c->generation = g;
    (void)pthread_mutex_init(&c->lock, NULL);
    c->config =
        (struct nw_connection_config){bridge->name, bridge->instance, spec->name, spec->options};
    if (spec->kind->open(c, &c->config, &c->state, error) != 0) {
        (void)snprintf(text, sizeof text, "%.399s", error->text);
        (void)pthread_mutex_destroy(&c->lock);
        free(c);
        return nw_error_set(error, error->code == 0 ? NW_EIO : error->code, "%s: %s", spec->name,
                            text);
    }
    keep(bridge, c);
    return 0;
}

/* The hub first. */
int nw_connections_open(struct nw_bridge *bridge, struct nw_generation *g,
                        const struct nw_routes *routes, struct nw_error *error)
{
    const struct nw_config *config = g->config;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i <= config->connection_count; i++) {
        const struct nw_connection_spec *spec = i == 0 ? config->nats : config->connections[i - 1];
        if ((i == 0 || spec != config->nats) && nw_connections_get(bridge, spec) == NULL &&
            nw_connection_is_used(config, routes, spec)) {
            rc = nw_connection_open(bridge, g, spec, error);
        }
    }
    return rc;
}

void nw_connection_close(struct nw_bridge *bridge, struct nw_connection *c)
{
    struct nw_connection **at = &bridge->connections;

    (void)pthread_rwlock_wrlock(&bridge->shape);
    while (*at != c) {
        at = &(*at)->next;
    }
    *at = c->next;
    (void)pthread_rwlock_unlock(&bridge->shape);
    c->spec->kind->close(c->state);
    (void)pthread_mutex_destroy(&c->lock);
    c->generation->connections--;
    free(c);
}

void nw_connections_removed(struct nw_bridge *bridge, const char *route)
{
    for (struct nw_connection *c = bridge->connections; c != NULL; c = c->next) {
        if (c->spec->connector->removed != NULL) {
            c->spec->connector->removed(c->state, route);
        }
    }
}
