/* SPDX-License-Identifier: Apache-2.0 */
#include "config/node.h"

#include <stdio.h>

const struct nw_item *nw_node_find(const struct nw_node *node, struct nw_slice key)
{
    if (node == NULL || node->kind != NW_NODE_MAP) {
        return NULL;
    }
    for (size_t i = 0; i < node->count; i++) {
        if (nw_slice_equal(node->items[i].key, key)) {
            return &node->items[i];
        }
    }
    return NULL;
}

const struct nw_item *nw_node_get(const struct nw_node *node, const char *key)
{
    return nw_node_find(node, nw_slice_text(key));
}

/* The largest part of text up to limit bytes that does not end inside a character. */
static size_t whole_characters(const char *text, size_t limit)
{
    size_t n = strnlen(text, limit + 1);

    if (n <= limit) {
        return n;
    }
    for (n = limit; n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80; n--) {
    }
    return n;
}

const char *nw_node_show(const struct nw_node *node, char out[NW_NODE_SHOWN])
{
    const char *what = node->kind == NW_NODE_LIST  ? node->count == 0 ? "an empty list" : "a list"
                       : node->kind != NW_NODE_MAP ? "nothing"
                       : node->count == 0          ? "an empty mapping"
                                                   : "a mapping";
    size_t n;

    if (node->kind != NW_NODE_TEXT || node->null) {
        (void)snprintf(out, NW_NODE_SHOWN, "%s", what);
        return out;
    }
    n = strcspn(node->written, "\r\n");
    n = whole_characters(node->written, n < 60 ? n : 60);
    (void)snprintf(out, NW_NODE_SHOWN, "%s\"%.*s%s\"",
                   strcmp(node->written, node->text.data) == 0 ? "" : "the value of ", (int)n,
                   node->written, node->written[n] == '\0' ? "" : "…");
    return out;
}
