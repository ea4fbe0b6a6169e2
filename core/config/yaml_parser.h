/* SPDX-License-Identifier: Apache-2.0 */
/* What yaml.c (lists, mappings, the document) and yaml_text.c (texts, aliases) share. */
#ifndef NATSWAY_CONFIG_YAML_PARSER_H
#define NATSWAY_CONFIG_YAML_PARSER_H

#include <yaml.h>

#include "config/node.h"

struct nw_yaml_parser {
    yaml_parser_t yaml;
    struct nw_slice text;
    const struct nw_file *file;
    struct nw_arena *arena;
    struct nw_diagnostics *diagnostics;
    struct nw_table anchors; /* to nodes; a node still being read has weight 0 */
    unsigned depth;
    size_t nodes;
    const char *line_at; /* in the copy of the text: where this line begins */
    size_t line;
    bool in_routes;    /* inside of the top-level `routes:` */
    const char *route; /* whose mapping we are in, or NULL */
};

struct nw_mark nw_yaml_mark(const struct nw_yaml_parser *p, yaml_mark_t at);
/* Say what is wrong at a place; returns rc. */
int nw_yaml_refuse(struct nw_yaml_parser *p, int rc, yaml_mark_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int nw_yaml_no_memory(struct nw_yaml_parser *p);

/* How long the line break at `at` is; 0: there is none. */
size_t nw_yaml_break(const char *at);

/* A node in the tree's arena; NULL: no memory. */
struct nw_node *nw_yaml_node(struct nw_yaml_parser *p, enum nw_node_kind kind, yaml_mark_t at);
/* Remember node under the anchor's name, which may be NULL: it has none. */
int nw_yaml_anchor(struct nw_yaml_parser *p, const yaml_char_t *name, struct nw_node *node);
/* Only YAML's own tags pass: they say what we find out ourselves. */
int nw_yaml_check_tag(struct nw_yaml_parser *p, const yaml_char_t *tag, yaml_mark_t at);

/* Read a scalar, or an alias, whose event was read. */
int nw_yaml_text(struct nw_yaml_parser *p, const yaml_event_t *event, struct nw_node **out);
int nw_yaml_alias(struct nw_yaml_parser *p, const yaml_event_t *event, struct nw_node **out);

#endif
