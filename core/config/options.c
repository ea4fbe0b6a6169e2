/* SPDX-License-Identifier: Apache-2.0 */
/* Which row an item belongs to, defaults, what is missing. One value: option_value.c. */
#include "config/options.h"

#include <stdio.h>

#include "base/buffer.h"
#include "base/suggest.h"
#include "config/yaml.h"

#define LONGEST_NAME 200

const struct nw_option *nw_option_find(const struct nw_option *rows, struct nw_slice name)
{
    for (const struct nw_option *row = rows; row != NULL && row->name != NULL; row++) {
        if (nw_slice_equal(nw_slice_text(row->name), name)) {
            return row;
        }
    }
    return NULL;
}

int nw_options_defaults(const struct nw_reader *r, const struct nw_option *rows, void *out)
{
    int rc = 0;

    for (const struct nw_option *row = rows; rc == 0 && row != NULL && row->name != NULL; row++) {
        char *member = (char *)out + row->offset;

        if (row->type == NW_OPTION_GROUP) {
            rc = nw_options_defaults(r, row->rows, member);
        } else if (row->standard != NULL) {
            struct nw_node node = {.kind = NW_NODE_TEXT,
                                   .mark = r->mark,
                                   .file = r->file,
                                   .text = nw_slice_text(row->standard),
                                   .written = row->standard};
            struct nw_node *value = &node;

            if (row->type == NW_OPTION_LIST && row->standard[0] == '[') { /* "[a, b]" */
                rc = nw_yaml_parse(node.text, r->file, r->arena, r->diagnostics, &value);
            }
            rc = rc != 0 ? rc : nw_option_value(r, row, row->name, value, member);
        }
    }
    return rc;
}

/* "tls.ca" */
static const char *join(char out[LONGEST_NAME], const char *group, struct nw_slice name)
{
    (void)snprintf(out, LONGEST_NAME, "%s%s%.*s", group == NULL ? "" : group,
                   group == NULL ? "" : ".", (int)(name.len > 60 ? 60 : name.len), name.data);
    return out;
}

static void refuse_unknown(const struct nw_reader *r, const struct nw_item *item,
                           const struct nw_layer *layers, size_t n, const char *group,
                           const char *of)
{
    struct nw_buffer names = {0};
    struct nw_suggest suggest;
    char name[LONGEST_NAME];

    nw_suggest_init(&suggest, item->key);
    for (size_t i = 0; i < n; i++) {
        for (const struct nw_option *row = layers[i].rows; row != NULL && row->name != NULL;
             row++) {
            nw_suggest_offer(&suggest, row->name);
            nw_buffer_add_format(&names, "%s%s", names.len == 0 ? "" : ", ", row->name);
        }
    }
    (void)join(name, group, item->key);
    if (nw_suggest_best(&suggest) != NULL) {
        nw_reader_error(r, &item->mark, "%s has no option \"%s\"; did you mean \"%s\"?", of, name,
                        nw_suggest_best(&suggest));
    } else if (names.len > 0) {
        nw_reader_error(r, &item->mark, "%s has no option \"%s\"; it has %s", of, name,
                        nw_buffer_text(&names));
    } else {
        nw_reader_error(r, &item->mark, "%s has no option \"%s\"; it has none", of, name);
    }
    nw_buffer_done(&names);
}

static void find_missing(const struct nw_reader *r, const struct nw_node *map, size_t first,
                         const struct nw_mark *mark, const struct nw_option *rows,
                         const char *group)
{
    char name[LONGEST_NAME];

    for (const struct nw_option *row = rows; row != NULL && row->name != NULL; row++) {
        const struct nw_item *item = nw_node_get(map, row->name);

        if ((row->flags & NW_OPTION_REQUIRED) != 0 && !map->partial &&
            (item == NULL || item < map->items + first)) {
            nw_reader_error(r, mark, "%s is missing: %s",
                            join(name, group, nw_slice_text(row->name)), row->doc);
        }
    }
}

static int read_map(const struct nw_reader *r, const struct nw_node *map, size_t first,
                    const struct nw_layer *layers, size_t n, const char *group, const char *of);

static int read_item(const struct nw_reader *r, const struct nw_item *item,
                     const struct nw_layer *layers, size_t n, const char *group, const char *of)
{
    for (size_t i = 0; i < n; i++) {
        const struct nw_option *row = nw_option_find(layers[i].rows, item->key);
        char name[LONGEST_NAME];
        char *member;

        if (row == NULL) {
            continue;
        }
        if (layers[i].out == NULL) {
            return 0;
        }
        member = (char *)layers[i].out + row->offset;
        (void)join(name, group, item->key);
        if (row->type != NW_OPTION_GROUP) {
            return nw_option_value(r, row, name, item->value, member);
        }
        if (row->choices != NULL && item->value->kind == NW_NODE_TEXT) {
            return nw_option_value(r, row->rows, name, item->value, member + row->rows->offset);
        }
        if (item->value->kind != NW_NODE_MAP) {
            nw_reader_expected(r, item->value, name, "%sa mapping",
                               row->choices == NULL ? "" : "a text or ");
            return 0;
        }
        find_missing(r, item->value, 0, &item->value->mark, row->rows, name);
        return read_map(r, item->value, 0, &(struct nw_layer){row->rows, member}, 1, name, of);
    }
    refuse_unknown(r, item, layers, n, group, of);
    return 0;
}

static int read_map(const struct nw_reader *r, const struct nw_node *map, size_t first,
                    const struct nw_layer *layers, size_t n, const char *group, const char *of)
{
    int rc = 0;

    for (size_t i = first; rc == 0 && i < map->count; i++) {
        rc = read_item(r, &map->items[i], layers, n, group, of);
    }
    return rc;
}

int nw_options_read(const struct nw_reader *r, const struct nw_node *map, size_t first,
                    const struct nw_layer *layers, size_t n, const char *of)
{
    for (size_t i = 0; i < n; i++) {
        find_missing(r, map, first, &r->mark, layers[i].rows, NULL);
    }
    return read_map(r, map, first, layers, n, NULL, of);
}
