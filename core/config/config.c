/* SPDX-License-Identifier: Apache-2.0 */
/* The load as a whole, and the life of what it gives. */
#include <stdlib.h>

#include "config/diagnostics.h"
#include "config/loader.h"
#include "config/step_avro.h"

struct nw_reader nw_loader_reader(const struct nw_loader *l, const struct nw_node *node,
                                  const char *route)
{
    return (struct nw_reader){.arena = l->arena,
                              .diagnostics = l->diagnostics,
                              .avro = l->avro,
                              .lookups = &l->config->lookups,
                              .route = route,
                              .seen = l->seen,
                              .file = node->file,
                              .mark = node->mark};
}

static int load(struct nw_loader *l, const struct nw_config_sources *sources)
{
    int rc = nw_load_files(l, sources);

    rc = rc != 0 ? rc : nw_load_settings(l, sources);
    rc = rc != 0 ? rc : nw_load_connections(l);
    rc = rc != 0 ? rc : nw_load_routes(l);
    rc = rc != 0 ? rc : nw_load_tests(l);
    if (rc == 0 && l->config->route_count == 0 && l->diagnostics->errors == 0) {
        nw_diagnostics_add(l->diagnostics, &l->documents[0].root->mark, NULL, false,
                           "there are no routes");
    }
    if (rc == 0) {
        nw_load_places(l);
    }
    if (rc == 0 && l->diagnostics->errors == 0) {
        rc = nw_load_warnings(l);
    }
    return rc;
}

static struct nw_config *new_config(void)
{
    struct nw_arena *arena = nw_arena_new();
    struct nw_config *config = arena == NULL ? NULL : nw_arena_alloc(arena, sizeof *config);

    if (config == NULL) {
        nw_arena_free(arena);
        return NULL;
    }
    config->arena = arena;
    return config;
}

int nw_config_load(const struct nw_config_sources *sources, const struct nw_registry *registry,
                   struct nw_config **out, struct nw_diagnostics *diagnostics)
{
    struct nw_config *config = new_config();
    struct nw_avro_shared avro = {0};
    struct nw_loader l = {.registry = registry,
                          .diagnostics = diagnostics,
                          .config = config,
                          .avro = &avro,
                          .arena = config == NULL ? NULL : config->arena,
                          .tree = nw_arena_new()};
    size_t errors = diagnostics->errors;
    int rc = config == NULL || l.tree == NULL ? NW_ENOMEM : load(&l, sources);

    if (rc == NW_ENOMEM && diagnostics->errors == errors) {
        nw_diagnostics_add(diagnostics, NULL, NULL, false, "no memory");
    }
    nw_table_done(&l.files);
    nw_table_done(&l.used);
    nw_table_done(&l.connections);
    if (config != NULL) {
        config->avro_registries = avro.registries.count;
        config->avro_subjects = avro.subjects.count;
    }
    nw_avro_shared_done(&avro);
    nw_arena_free(l.tree);
    if (rc == 0 && diagnostics->errors != errors) {
        rc = NW_EINVAL;
    }
    nw_diagnostics_sort(diagnostics);
    if (rc != 0) {
        nw_config_free(config);
        return rc;
    }
    *out = config;
    return 0;
}

void nw_config_free(struct nw_config *config)
{
    if (config != NULL) {
        nw_table_done(&config->routes_by_name);
        nw_arena_free(config->arena);
    }
}

const struct nw_route_spec *nw_config_route(const struct nw_config *config, const char *name)
{
    return nw_table_find(&config->routes_by_name, nw_slice_text(name));
}
