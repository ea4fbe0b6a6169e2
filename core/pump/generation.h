/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A generation: a configuration of which something runs. The first is that of the start, each
 * reload brings another. What a reload leaves as it is stays in the generation it came with, so
 * several may be there at once; one goes when nothing of it runs any more.
 *
 * Main thread only, but for what running lanes read of it.
 */
#ifndef NATSWAY_PUMP_GENERATION_H
#define NATSWAY_PUMP_GENERATION_H

#include "config/config.h"
#include "pump/tables.h"
#include "schemas/schemas.h"

struct nw_generation {
    struct nw_generation *next;
    const struct nw_config *config;
    bool owned;                 /* config is freed with it */
    struct nw_schemas *schemas; /* NULL: no step needs a registry */
    struct nw_tables *tables;
    size_t routes, connections; /* that are of it */
};

/* NULL: no memory. owned: config is the generation's from now on (not after a failure). */
struct nw_generation *nw_generation_new(const struct nw_config *config, bool owned);

/* Before routes of it are opened: what these need is there, and kept current, from now on. hub as
 * in tables.h. 0, or NW_ENOMEM or NW_EIO with the reason. */
int nw_generation_start(struct nw_generation *g, const struct nw_routes *routes, void *hub,
                        struct nw_error *error);

/* When none of its routes runs any more: what they needed ends, while the hub is still there. */
void nw_generation_quiet(struct nw_generation *g);

/* NULL is allowed. */
void nw_generation_free(struct nw_generation *g);

#endif
