/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of the routes' lookup steps, kept current: files are read again when they change, on a
 * thread of their own; buckets are watched by the hub. A version of a file that cannot be read
 * changes nothing, and the log says why.
 */
#ifndef NATSWAY_PUMP_TABLES_H
#define NATSWAY_PUMP_TABLES_H

#include "config/config.h"

struct nw_tables;

/* Some of a configuration's routes. */
struct nw_routes {
    const struct nw_route_spec *const *items;
    size_t count;
};

/* Start, for those of the routes that are enabled. hub: the state of the connection to NATS, for
 * buckets. *out NULL: there is nothing to keep. 0, or NW_ENOMEM or NW_EIO with the reason. Main
 * thread. */
int nw_tables_start(const struct nw_config *config, const struct nw_routes *routes, void *hub,
                    struct nw_tables **out, struct nw_error *error);
/* The connection must still be there. NULL is allowed. */
void nw_tables_stop(struct nw_tables *t);

/* Does one of them that is enabled look into a bucket? */
bool nw_tables_need_hub(const struct nw_config *config, const struct nw_routes *routes);

#endif
