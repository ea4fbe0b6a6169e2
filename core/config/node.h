/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration file as a tree: texts, lists and mappings, each with the place where it stands.
 * Made by the YAML reader, read by everything else in this folder, gone when the load is over: what
 * is kept must be copied. An alias is the node of its anchor, so nodes may be reached in several
 * ways and are never changed.
 */
#ifndef NATSWAY_CONFIG_NODE_H
#define NATSWAY_CONFIG_NODE_H

#include "base/buffer.h"
#include "config/config.h"
#include "config/interpolate.h"

struct nw_file {
    const char *name;                  /* as it was given, for messages */
    const char *folder;                /* absolute: what relative paths in the file begin from */
    const struct nw_file *included_by; /* NULL: the command line */
};

enum nw_node_kind { NW_NODE_TEXT, NW_NODE_LIST, NW_NODE_MAP };

struct nw_node {
    enum nw_node_kind kind;
    bool broken;     /* a text whose ${…} could not be filled in: said, and not to be looked at */
    bool partial;    /* a mapping of which a part was refused: nothing is missing in it */
    bool null;       /* a text: nothing was written, or ~, or null */
    bool plain;      /* a text: without quotes */
    unsigned height; /* levels below it */
    size_t weight;   /* nodes in it and below, an alias counted wherever it stands */
    struct nw_mark mark;
    const struct nw_file *file;
    struct nw_slice text; /* with ${…} filled in; ended by a NUL, and has no other */
    const char *source;   /* a text: the line in its file where mark is; NULL: it stands in none */
    size_t before;        /* so many bytes of the text were put before what stands there */
    const struct nw_piece *pieces; /* where text is not what was written, behind `before` */
    size_t piece_count;
    const char *written; /* before that; it, not the text, may be shown: text may be a secret */
    struct nw_item *items;
    size_t count;
};

struct nw_item {
    struct nw_slice key; /* absent in a list */
    struct nw_mark mark; /* of the key */
    struct nw_node *value;
};

/* The item of that key, or NULL; also when node is NULL or no mapping. */
const struct nw_item *nw_node_find(const struct nw_node *node, struct nw_slice key);
const struct nw_item *nw_node_get(const struct nw_node *node, const char *key);

/* text_place.c: where byte `at` of a text stands, in whatever style it is written; the node's own
 * mark where that cannot be told. */
struct nw_mark nw_node_at(const struct nw_node *node, size_t at);

/* Append node as JSON without blanks. What stands without quotes and is a JSON number, true, false
 * or null is that, with its digits; every other text is a string. */
void nw_node_json(struct nw_buffer *out, const struct nw_node *node);

#define NW_NODE_SHOWN 100
/* What node is, for "found …": `"high"`, `a list`, `nothing`. Never a value that came from ${…}.
 * Returns out. */
const char *nw_node_show(const struct nw_node *node, char out[NW_NODE_SHOWN]);

#endif
