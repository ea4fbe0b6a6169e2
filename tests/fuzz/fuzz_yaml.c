/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file as a tree, and the tree as JSON. */
#include "base/compact.h"
#include "config/diagnostics.h"
#include "config/yaml.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct nw_file file = {.name = "fuzz.yaml", .folder = "/nowhere"};
    struct nw_diagnostics diagnostics = {.items = NULL};
    struct nw_buffer json = {0}, compact = {0};
    struct nw_arena *arena = nw_arena_new();
    struct nw_node *root = NULL;

    if (nw_yaml_parse((struct nw_slice){(const char *)data, size}, &file, arena, &diagnostics,
                      &root) == 0 &&
        root != NULL && root->weight < 10000) {
        nw_node_json(&json, root);
        (void)nw_json_compact(&compact, nw_buffer_slice(&json));
    }
    nw_buffer_done(&json);
    nw_buffer_done(&compact);
    nw_diagnostics_done(&diagnostics);
    nw_arena_free(arena);
    return 0;
}
