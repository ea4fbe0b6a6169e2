/* SPDX-License-Identifier: Apache-2.0 */
#include "pump/generation.h"

#include <stdlib.h>

struct nw_generation *nw_generation_new(const struct nw_config *config, bool owned)
{
    struct nw_generation *g = calloc(1, sizeof *g);

    if (g == NULL) {
        return NULL;
    }
    g->config = config;
    g->owned = owned;
    return g;
}

int nw_generation_start(struct nw_generation *g, const struct nw_routes *routes, void *hub,
                        struct nw_error *error)
{
    const struct nw_config *config = g->config;

    if (config->avro_registries > 0 && g->schemas == NULL) {
        g->schemas = nw_schemas_new(config->avro_registries, config->avro_subjects);
        if (g->schemas == NULL) {
            return nw_error_set(error, NW_ENOMEM, "out of memory");
        }
    }
    return g->tables != NULL ? 0 : nw_tables_start(g->config, routes, hub, &g->tables, error);
}

void nw_generation_quiet(struct nw_generation *g)
{
    nw_schemas_free(g->schemas);
    nw_tables_stop(g->tables);
    g->schemas = NULL;
    g->tables = NULL;
}

void nw_generation_free(struct nw_generation *g)
{
    if (g == NULL) {
        return;
    }
    nw_generation_quiet(g);
    if (g->owned) {
        nw_config_free((struct nw_config *)(uintptr_t)g->config);
    }
    free(g);
}
