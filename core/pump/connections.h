/* SPDX-License-Identifier: Apache-2.0 */
/* The connections of a bridge: what routes share, as the pump holds it. Main thread only. */
#ifndef NATSWAY_PUMP_CONNECTIONS_H
#define NATSWAY_PUMP_CONNECTIONS_H

#include <pthread.h>

#include "pump/generation.h"

struct nw_bridge;

struct nw_connection {
    struct nw_connection *next;
    struct nw_generation *generation;
    const struct nw_connection_spec *spec;
    struct nw_connection_config config;
    void *state;          /* the connector's */
    pthread_mutex_t lock; /* guards status and text */
    enum nw_state status;
    char text[256];
};

/* Do these routes of config need it? */
bool nw_connection_is_used(const struct nw_config *config, const struct nw_routes *routes,
                           const struct nw_connection_spec *spec);

/* Open one that is not open. 0, or what its open said, with the connection's name. */
int nw_connection_open(struct nw_bridge *bridge, struct nw_generation *g,
                       const struct nw_connection_spec *spec, struct nw_error *error);
/* Open those that these routes need and that are not open yet. On failure, 0 is not returned and
 * what was opened before stays open. */
int nw_connections_open(struct nw_bridge *bridge, struct nw_generation *g,
                        const struct nw_routes *routes, struct nw_error *error);
/* Close one, and forget it. No endpoint uses it any more. */
void nw_connection_close(struct nw_bridge *bridge, struct nw_connection *c);
/* Tell those that are open that a route is no more. */
void nw_connections_removed(struct nw_bridge *bridge, const char *route);
/* The open one with the spec's name, or NULL; spec may be NULL. */
struct nw_connection *nw_connections_get(struct nw_bridge *bridge,
                                         const struct nw_connection_spec *spec);
/* The state of its open, or NULL. */
void *nw_connections_find(struct nw_bridge *bridge, const struct nw_connection_spec *spec);

#endif
