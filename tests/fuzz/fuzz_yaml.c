/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file as a tree, the tree as JSON, the places of its texts, and its texts as jq
 * programs into which ${V} put something. */
#include <stdlib.h>

#include "base/compact.h"
#include "config/diagnostics.h"
#include "config/program_fill.h"
#include "config/yaml.h"
#include "fuzz.h"

static void look_at_text(const struct nw_node *node)
{
    struct nw_buffer program = {0}, pieces = {0};
    struct nw_error error;

    for (size_t i = 0; i <= 2; i++) {
        struct nw_mark mark = nw_node_at(node, i * node->text.len / 2);

        FUZZ_HOLDS(mark.line >= node->mark.line && mark.column > 0);
    }
    if (node->piece_count > 0 && nw_program_fill(node, &program, &pieces, &error) != 0) {
        FUZZ_HOLDS(error.at < node->text.len);
    }
    nw_buffer_done(&program);
    nw_buffer_done(&pieces);
}

static void look_at(const struct nw_node *node)
{
    for (size_t i = 0; node->kind != NW_NODE_TEXT && i < node->count; i++) {
        look_at(node->items[i].value);
    }
    if (node->kind == NW_NODE_TEXT && !node->broken) {
        look_at_text(node);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct nw_file file = {.name = "fuzz.yaml", .folder = "/nowhere"};
    struct nw_diagnostics diagnostics = {.items = NULL};
    struct nw_buffer json = {0}, compact = {0};
    struct nw_arena *arena = nw_arena_new();
    struct nw_node *root = NULL;

    (void)setenv("V", "a \"b\\ {{c}}\n", 1);
    if (nw_yaml_parse((struct nw_slice){(const char *)data, size}, &file, arena, &diagnostics,
                      &root) == 0 &&
        root != NULL && root->weight < 10000) {
        look_at(root);
        nw_node_json(&json, root);
        (void)nw_json_compact(&compact, nw_buffer_slice(&json));
    }
    nw_buffer_done(&json);
    nw_buffer_done(&compact);
    nw_diagnostics_done(&diagnostics);
    nw_arena_free(arena);
    return 0;
}
