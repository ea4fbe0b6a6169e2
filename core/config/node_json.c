/* SPDX-License-Identifier: Apache-2.0 */
#include "config/node.h"

#include <ctype.h>
#include <string.h>

#include "base/compact.h"
#include "base/json.h"

/* What YAML's JSON-like types are: true, false, null, and numbers as JSON writes them. */
static bool is_json_word(const struct nw_node *node)
{
    struct nw_buffer scratch = {0};
    char first = node->text.len == 0 ? '\0' : node->text.data[0];
    bool is_word;

    if (!node->plain || (first != '-' && first != 't' && first != 'f' && !isdigit((int)first))) {
        return false;
    }
    is_word = nw_json_compact(&scratch, node->text);
    nw_buffer_done(&scratch);
    return is_word;
}

void nw_node_json(struct nw_buffer *out, const struct nw_node *node)
{
    bool list = node->kind == NW_NODE_LIST;

    if (node->kind == NW_NODE_TEXT) {
        if (node->null) {
            nw_buffer_add_text(out, "null");
        } else if (is_json_word(node)) {
            nw_buffer_add(out, node->text.data, node->text.len);
        } else {
            nw_json_add_string(out, node->text);
        }
        return;
    }
    nw_buffer_add_char(out, list ? '[' : '{');
    for (size_t i = 0; i < node->count; i++) {
        nw_buffer_add_text(out, i == 0 ? "" : ",");
        if (!list) {
            nw_json_add_string(out, node->items[i].key);
            nw_buffer_add_char(out, ':');
        }
        nw_node_json(out, node->items[i].value);
    }
    nw_buffer_add_char(out, list ? ']' : '}');
}
