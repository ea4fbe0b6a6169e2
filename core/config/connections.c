/* SPDX-License-Identifier: Apache-2.0 */
/* The foreign systems by name, the hub's own connection, and which of them an endpoint uses. */
#include <stdio.h>

#include "base/buffer.h"
#include "base/suggest.h"
#include "config/check.h"
#include "config/loader.h"
#include "config/meaning.h"
#include "config/options.h"
#include "plugin/registry.h"

/* A connector that users name; the hub's sink for dead letters has no place in their files. */
static bool is_public(const struct nw_connector *c)
{
    return strcmp(c->name, "dead_letter") != 0;
}

/* The connector that name may have meant, or NULL. */
static const char *suggest_connector(const struct nw_loader *l, struct nw_slice name)
{
    const struct nw_connector *c;
    struct nw_suggest suggest;

    nw_suggest_init(&suggest, name);
    for (size_t i = 0; (c = nw_registry_at(l->registry, i, NULL)) != NULL; i++) {
        if (is_public(c)) {
            nw_suggest_offer(&suggest, c->name);
        }
    }
    return nw_suggest_best(&suggest);
}

const struct nw_connector *nw_find_connector(const struct nw_loader *l, const struct nw_reader *r,
                                             struct nw_slice name, const struct nw_mark *mark)
{
    const struct nw_connector *c = nw_registry_find(l->registry, name.data);
    struct nw_buffer names = {0};
    const char *meant = suggest_connector(l, name);

    if (c != NULL && is_public(c)) {
        return c;
    }
    for (size_t i = 0; (c = nw_registry_at(l->registry, i, NULL)) != NULL; i++) {
        if (is_public(c)) {
            nw_buffer_add_format(&names, "%s%s", names.len == 0 ? "" : ", ", c->name);
        }
    }
    nw_reader_error(r, mark, "there is no connector \"%s\"; %s%s%sthere are %s", name.data,
                    meant == NULL ? "" : "did you mean \"", meant == NULL ? "" : meant,
                    meant == NULL ? "" : "\"? ", nw_buffer_text(&names));
    nw_buffer_done(&names);
    return NULL;
}

/* ---- reading ---- */

/* Options of a connection into entry, whose connector and kind are set. node NULL: only defaults.
 */
static int read_options(const struct nw_reader *r, const struct nw_node *node,
                        struct nw_connection_entry *entry, const struct nw_layer *words)
{
    const struct nw_connection_kind *kind = entry->spec.kind;
    size_t errors = r->diagnostics->errors;
    struct nw_check check = {r, node, r->mark, false};
    int rc;

    if (r->seen != NULL) {
        nw_buffer_clear(r->seen);
    }
    entry->spec.options = nw_arena_alloc(r->arena, kind->options_size);
    rc = entry->spec.options == NULL ? NW_ENOMEM
                                     : nw_options_defaults(r, kind->options, entry->spec.options);
    if (rc == 0 && node != NULL) {
        struct nw_layer layers[] = {{kind->options, entry->spec.options}, *words};

        rc = nw_options_read(r, node, 0, layers, 2, entry->spec.name);
    }
    if (rc == 0 && r->diagnostics->errors == errors && kind->check != NULL) {
        kind->check(entry->spec.options, &check);
    }
    entry->good = r->diagnostics->errors == errors;
    return rc != 0 ? rc : nw_meaning_of_connection(r, node, &entry->spec);
}

/* The top-level `nats:`, or what it is when it is left out. */
static int load_nats(struct nw_loader *l)
{
    const struct nw_node *node = l->nats == NULL ? NULL : l->nats->value;
    const struct nw_node *place = node != NULL ? node : l->documents[0].root;
    struct nw_reader r = nw_loader_reader(l, place, NULL);
    struct nw_connection_entry *entry = l->nats_entry;

    r.mark = node == NULL ? (struct nw_mark){0} : r.mark;
    entry->spec.name = "nats";
    entry->spec.mark = r.mark;
    entry->spec.connector = nw_registry_find(l->registry, "nats");
    entry->spec.kind = entry->spec.connector == NULL ? NULL : entry->spec.connector->connection;
    if (entry->spec.kind == NULL) {
        nw_reader_error(&r, &r.mark, "this program was built without NATS");
        return 0;
    }
    if (node != NULL && node->kind != NW_NODE_MAP) {
        nw_reader_expected(&r, node, "nats", "a mapping like {url: nats://127.0.0.1:4222}");
        node = NULL;
    }
    return read_options(&r, node, entry, &(struct nw_layer){NULL, NULL});
}

/* Find out the type; spec.connector and spec.kind stay NULL after a mistake, which was said. */
static void set_type(const struct nw_loader *l, const struct nw_reader *r,
                     const struct nw_item *item, struct nw_connection_spec *spec)
{
    const struct nw_item *type = nw_node_get(item->value, "type");
    const struct nw_connector *c;

    if (type != NULL) {
        if (nw_reader_text(r, type->value, "type", "the name of a connector") == NULL) {
            return;
        }
        c = nw_find_connector(l, r, type->value->text, &type->value->mark);
    } else if (nw_registry_find(l->registry, item->key.data) == NULL) {
        const char *meant = suggest_connector(l, item->key);

        nw_reader_error(r, &item->mark,
                        "%s is not the name of a connector, so it needs type: CONNECTOR%s%s%s",
                        item->key.data, meant == NULL ? "" : "; or did you mean \"",
                        meant == NULL ? "" : meant, meant == NULL ? "" : "\"?");
        return;
    } else {
        c = nw_find_connector(l, r, item->key, &item->mark);
    }
    if (c != NULL && c->connection != NULL && c->connection == l->nats_entry->spec.kind) {
        nw_reader_error(r, &item->mark, "the connection to NATS is the top-level nats:");
    } else if (c != NULL && c->connection == NULL) {
        nw_reader_error(r, &item->mark, "%s needs no connection", c->name);
    } else if (c != NULL) {
        spec->connector = c;
        spec->kind = c->connection;
    }
}

static int load_connection(struct nw_loader *l, const struct nw_item *item)
{
    struct nw_connection_entry *entry = nw_arena_alloc(l->arena, sizeof *entry);
    struct nw_reader r = nw_loader_reader(l, item->value, NULL);
    struct nw_connection_entry *earlier = nw_table_find(&l->connections, item->key);
    struct nw_connection_words type = {0};
    struct nw_layer words = {nw_connection_word_rows, &type};

    if (entry == NULL || nw_reader_copy(&r, item->key, &entry->spec.name) != 0) {
        return NW_ENOMEM;
    }
    entry->spec.mark = item->mark;
    if (earlier != NULL) {
        nw_reader_error(&r, &item->mark, "the connection %s is defined twice, first at %s:%zu:%zu",
                        item->key.data, earlier->spec.mark.file, earlier->spec.mark.line,
                        earlier->spec.mark.column);
        return 0;
    }
    if (nw_table_put(&l->connections, nw_slice_text(entry->spec.name), entry) != 0) {
        return NW_ENOMEM;
    }
    l->connection_list[l->connection_count++] = entry;
    if (!nw_check_name(&r, &item->mark, "a connection", item->key)) {
        return 0;
    }
    set_type(l, &r, item, &entry->spec);
    if (entry->spec.kind == NULL) {
        return 0;
    }
    if (item->value->kind == NW_NODE_TEXT && item->value->null) {
        return read_options(&r, NULL, entry, &words); /* `http:` with nothing: all defaults */
    }
    if (item->value->kind != NW_NODE_MAP) {
        nw_reader_expected(&r, item->value, entry->spec.name, "a mapping of options");
        return 0;
    }
    return read_options(&r, item->value, entry, &words);
}

/* The names as they stand in the configuration: good ones only. */
static int publish(struct nw_loader *l)
{
    size_t room = (l->connection_count + 1) * sizeof *l->config->connections;

    l->config->connections = nw_arena_alloc(l->arena, room);
    if (l->config->connections == NULL) {
        return NW_ENOMEM;
    }
    for (size_t i = 0; i < l->connection_count; i++) {
        if (l->connection_list[i]->good) {
            l->config->connections[l->config->connection_count++] = &l->connection_list[i]->spec;
        }
    }
    return 0;
}

static int load_all(struct nw_loader *l)
{
    size_t most = 1;
    int rc;

    l->nats_entry = nw_arena_alloc(l->arena, sizeof *l->nats_entry);
    if (l->nats_entry == NULL) {
        return NW_ENOMEM;
    }
    l->config->nats = &l->nats_entry->spec;
    rc = load_nats(l);
    for (size_t d = 0; d < l->document_count; d++) {
        const struct nw_item *all = nw_node_get(l->documents[d].root, "connections");

        most += all == NULL ? 0 : all->value->count;
    }
    l->connection_list = nw_arena_alloc(l->tree, most * sizeof(struct nw_connection_entry *));
    if (l->connection_list == NULL) {
        return NW_ENOMEM;
    }
    for (size_t d = 0; rc == 0 && d < l->document_count; d++) {
        const struct nw_item *all = nw_node_get(l->documents[d].root, "connections");

        if (all != NULL && all->value->kind != NW_NODE_MAP) {
            struct nw_reader r = nw_loader_reader(l, all->value, NULL);

            if (!all->value->null) {
                nw_reader_expected(&r, all->value, "connections", "a mapping of names");
            }
            continue;
        }
        for (size_t i = 0; rc == 0 && all != NULL && i < all->value->count; i++) {
            rc = load_connection(l, &all->value->items[i]);
        }
    }
    return rc != 0 ? rc : publish(l);
}

int nw_load_connections(struct nw_loader *l)
{
    struct nw_buffer seen = {0};
    int rc;

    l->seen = &seen;
    rc = load_all(l);
    l->seen = NULL;
    nw_buffer_done(&seen);
    return rc;
}

/* ---- finding ---- */

/* The named one. */
static const struct nw_connection_entry *find_named(const struct nw_loader *l,
                                                    const struct nw_reader *r,
                                                    const struct nw_connector *connector,
                                                    const struct nw_mark *mark, const char *name)
{
    const struct nw_connection_entry *entry = nw_table_find(&l->connections, nw_slice_text(name));
    struct nw_suggest suggest;
    const char *meant;

    if (entry != NULL && entry->spec.connector != NULL && entry->spec.connector != connector) {
        nw_reader_error(r, mark, "the connection %s is of type %s, not %s", name,
                        entry->spec.connector->name, connector->name);
        return NULL;
    }
    if (entry != NULL) {
        return entry;
    }
    nw_suggest_init(&suggest, nw_slice_text(name));
    for (size_t i = 0; i < l->connection_count; i++) {
        if (l->connection_list[i]->spec.connector == connector) {
            nw_suggest_offer(&suggest, l->connection_list[i]->spec.name);
        }
    }
    meant = nw_suggest_best(&suggest);
    if (l->incomplete && meant == NULL) {
        return NULL;
    }
    nw_reader_error(r, mark, "there is no connection \"%s\"%s%s%s", name,
                    meant == NULL ? "" : "; did you mean \"", meant == NULL ? "" : meant,
                    meant == NULL ? "" : "\"?");
    return NULL;
}

/* The only one of its type. */
static const struct nw_connection_entry *find_only(const struct nw_loader *l,
                                                   const struct nw_reader *r,
                                                   const struct nw_connector *connector)
{
    const struct nw_connection_entry *only = NULL;
    struct nw_buffer names = {0};
    size_t count = 0;
    bool unknown = l->incomplete; /* one whose type is a mistake: it may be the one */

    for (size_t i = 0; i < l->connection_count; i++) {
        unknown |= l->connection_list[i]->spec.connector == NULL;
        if (l->connection_list[i]->spec.connector == connector) {
            only = l->connection_list[i];
            nw_buffer_add_format(&names, "%s%s", count++ == 0 ? "" : ", ", only->spec.name);
        }
    }
    if (count != 1 && !connector->connection->optional) {
        if (count == 0 && !unknown) {
            nw_reader_error(r, &r->mark, "there is no connection of type %s: connections: {%s: …}",
                            connector->name, connector->name);
        } else if (count > 1) {
            nw_reader_error(r, &r->mark,
                            "there are several connections of type %s: say which with connection: "
                            "%s",
                            connector->name, nw_buffer_text(&names));
        }
    }
    nw_buffer_done(&names);
    return count == 1 ? only : NULL;
}

int nw_find_connection(const struct nw_loader *l, const struct nw_reader *r,
                       const struct nw_connector *connector, const struct nw_node *endpoint,
                       const char *name, const struct nw_connection_entry **out)
{
    const struct nw_item *named = nw_node_get(endpoint, "connection");

    *out = NULL;
    if (connector->connection == NULL || connector->connection == l->nats_entry->spec.kind) {
        if (named != NULL) {
            nw_reader_error(r, &named->mark, "%s has no connection to choose", connector->name);
        } else if (connector->connection != NULL) {
            *out = l->nats_entry;
        }
        return 0;
    }
    *out = name != NULL ? find_named(l, r, connector, &named->value->mark, name)
                        : find_only(l, r, connector);
    return 0;
}
