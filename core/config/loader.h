/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load, step by step: files (files.c), top level (settings.c), connections (connections.c),
 * then each route (route.c) with its endpoints (endpoint.c) and steps (steps.c), at last what only
 * all routes together show (warnings.c). config.c calls them in this order.
 *
 * As with a reader, all functions return 0 also when they found mistakes, else NW_ENOMEM.
 */
#ifndef NATSWAY_CONFIG_LOADER_H
#define NATSWAY_CONFIG_LOADER_H

#include "config/reader.h"
#include "config/rows.h"

struct nw_document {
    const struct nw_file *file;
    const struct nw_node *root; /* a mapping */
};

/* A connection by name. Wrong ones are kept, so that their routes are not said to lack them. */
struct nw_connection_entry {
    struct nw_connection_spec spec; /* connector NULL: of no known type */
    bool good;
};

struct nw_loader {
    const struct nw_registry *registry;
    struct nw_diagnostics *diagnostics;
    struct nw_config *config;
    struct nw_arena *arena; /* the configuration's */
    struct nw_arena *tree;  /* gone when the load is over */
    struct nw_document *documents;
    size_t document_count, document_capacity;
    struct nw_table files; /* by absolute path: what was read once is not read again */
    struct nw_table used;  /* route templates, by name */
    bool incomplete;       /* a file could not be read: what is missing may have stood in it */
    const struct nw_item *nats, *admin, *dead_letter, *defaults; /* of the top level, or NULL */
    struct nw_route_options route_defaults;
    struct nw_avro_shared *avro;
    struct nw_buffer *seen;      /* for the readers, see there */
    struct nw_table connections; /* by name, to struct nw_connection_entry */
    struct nw_connection_entry *nats_entry;
    struct nw_connection_entry **connection_list;
    size_t connection_count;
};

/* A reader for what stands at node; route may be NULL. */
struct nw_reader nw_loader_reader(const struct nw_loader *l, const struct nw_node *node,
                                  const char *route);

/* files.c: read all files, and those they include. One that has no tree makes the load incomplete;
 * NW_EINVAL if none has one. */
int nw_load_files(struct nw_loader *l, const struct nw_config_sources *sources);

/* settings.c: what the top level says but for connections and routes. */
int nw_load_settings(struct nw_loader *l, const struct nw_config_sources *sources);

/* connections.c */
int nw_load_connections(struct nw_loader *l);
/* The connection of an endpoint of that connector; name NULL: none was named. *out NULL: it needs
 * none, or there is a mistake, which was said (the reader's errors have grown, or good is false).
 */
int nw_find_connection(const struct nw_loader *l, const struct nw_reader *r,
                       const struct nw_connector *connector, const struct nw_node *endpoint,
                       const char *name, const struct nw_connection_entry **out);
/* The connector of that name, or NULL after having said so at mark. */
const struct nw_connector *nw_find_connector(const struct nw_loader *l, const struct nw_reader *r,
                                             struct nw_slice name, const struct nw_mark *mark);

/* endpoint.c: *good says whether all of it is right; *known, of a source, whether it is clear what
 * templates can ask it for, though an option or the connection may be wrong. A source fills scope,
 * which is that of its own templates, but for topics_escaped. Of a sink, scope NULL: the source is
 * not known, so templates cannot be checked. */
int nw_load_source(const struct nw_loader *l, const struct nw_reader *r, const struct nw_node *node,
                   struct nw_template_scope *scope, struct nw_source_spec *out, bool *good,
                   bool *known);
int nw_load_sink(const struct nw_loader *l, const struct nw_reader *r, const struct nw_node *node,
                 const struct nw_template_scope *scope, struct nw_sink_spec *out, bool *good);
/* The route's sink for dead letters, with the subject in node. */
int nw_load_dead_letter(const struct nw_loader *l, const struct nw_reader *r,
                        const struct nw_node *node, const struct nw_template_scope *scope,
                        struct nw_sink_spec **out);

/* answer_time.c: a source for whose answer somebody waits waits as long as its targets may take;
 * or, if its `timeout:` is given, those that may take longer are warned of. All ends are right;
 * targets are the items of `to:`. */
void nw_load_answer_time(const struct nw_reader *r, struct nw_route_spec *spec,
                         const struct nw_node *from, const struct nw_item *targets);

/* transactional.c: what a transactional target, or the only writer of its stream, asks of its
 * route. All ends are right. */
void nw_check_transactional(const struct nw_reader *r, struct nw_route_spec *spec,
                            const struct nw_node *map, const struct nw_item *targets);

/* steps.c: subject is what `set: {subject}` fills, or NULL where there is none to set. node may be
 * NULL: no steps. */
int nw_load_steps(const struct nw_reader *r, const struct nw_node *node, const char *name,
                  const struct nw_template_scope *scope, const enum nw_fill *subject,
                  struct nw_map **out);

/* route.c */
int nw_load_routes(struct nw_loader *l);
/* May something have that name? Says what is wrong with it. */
bool nw_check_name(const struct nw_reader *r, const struct nw_mark *mark, const char *what,
                   struct nw_slice name);

/* templates.c: the tree of a route that has `use:`, with the template's parameters filled in. *out
 * NULL: there is a mistake, which was said. */
int nw_expand_route(struct nw_loader *l, struct nw_reader *r, const struct nw_node *route,
                    const struct nw_node **out);
/* Load each route that the top level's `use:` makes; how many there are. */
int nw_each_use(struct nw_loader *l, const struct nw_node *root,
                int (*load)(struct nw_loader *l, const struct nw_item *route));
size_t nw_count_uses(const struct nw_node *root);
/* After that: the templates that no route uses, as far as can be told without parameters. */
int nw_check_unused_templates(const struct nw_loader *l);

/* tests.c: after the routes */
int nw_load_tests(struct nw_loader *l);

/* places.c: what only one route can have. Routes with mistakes may be among them. */
void nw_load_places(struct nw_loader *l);

/* warnings.c: loops, and what two routes must not share. All routes are right. */
int nw_load_warnings(struct nw_loader *l);

#endif
