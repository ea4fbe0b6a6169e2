/* SPDX-License-Identifier: Apache-2.0 */
/* What is allowed and probably not meant. Loops have a file of their own. */
#include "base/size.h"
#include "config/loader.h"
#include "config/loops.h"
#include "config/memory.h"
#include "config/options.h"

static struct nw_reader reader_of(const struct nw_loader *l, const struct nw_route_spec *route)
{
    return (struct nw_reader){
        .arena = l->arena, .diagnostics = l->diagnostics, .route = route->name};
}

static bool is_named(const struct nw_connector *c, const char *name)
{
    return strcmp(c->name, name) == 0;
}

/* The text option of that name, or NULL. */
static const char *text_of(const struct nw_source_spec *source, const char *name)
{
    const struct nw_option *row = nw_option_find(source->kind->options, nw_slice_text(name));

    return row == NULL || row->type != NW_OPTION_TEXT
               ? NULL
               : *(const char *const *)(const void *)((const char *)source->options + row->offset);
}

/* ---- one route ---- */

static void warn_promises(const struct nw_loader *l, const struct nw_route_spec *route)
{
    struct nw_reader r = reader_of(l, route);

    if (is_named(route->source.connector, "nats") && !route->source.reply) {
        nw_reader_warning(&r, &route->source.mark,
                          "core NATS promises nothing: what is published while nobody listens is "
                          "lost; a stream keeps it, and jetstream: reads it");
    }
    if (route->dead_letter != NULL || route->then != NW_THEN_DEAD_LETTER || route->source.reply) {
        return;
    }
    for (size_t i = 0; i < route->sink_count; i++) {
        if (is_named(route->sinks[i].connector, "jetstream") ||
            is_named(route->sinks[i].connector, "kv")) {
            nw_reader_warning(&r, &route->sinks[i].mark,
                              "there is no dead_letter: what is refused is dropped");
            return;
        }
    }
}

/* ---- two routes ---- */

static void warn_durable(const struct nw_loader *l, struct nw_table *durables,
                         const struct nw_route_spec *route)
{
    const char *durable = text_of(&route->source, "durable");
    const char *stream = text_of(&route->source, "stream"), *other;
    const struct nw_route_spec *earlier;
    struct nw_reader r = reader_of(l, route);

    if (durable == NULL || !is_named(route->source.connector, "jetstream")) {
        return;
    }
    earlier = nw_table_find(durables, nw_slice_text(durable));
    if (earlier == NULL) {
        (void)nw_table_put(durables, nw_slice_text(durable), (void *)(uintptr_t)route);
        return;
    }
    other = text_of(&earlier->source, "stream");
    if (stream == NULL || other == NULL || strcmp(stream, other) == 0) {
        nw_reader_warning(&r, &route->source.mark,
                          "the durable %s is also that of the route %s: each gets a part of the "
                          "messages",
                          durable, earlier->name);
    }
}

/* One topic of a Kafka source. */
static void warn_topic(const struct nw_loader *l, struct nw_table *topics,
                       const struct nw_route_spec *route, const char *group, const char *topic)
{
    const struct nw_connection_spec *c = route->source.connection;
    const char *key =
        nw_arena_format(l->tree, "%s\n%s\n%s", c == NULL ? "" : c->name, group, topic);
    const struct nw_route_spec *earlier =
        key == NULL ? NULL : nw_table_find(topics, nw_slice_text(key));
    struct nw_reader r = reader_of(l, route);

    if (key != NULL && earlier == NULL) {
        (void)nw_table_put(topics, nw_slice_text(key), (void *)(uintptr_t)route);
    } else if (key != NULL && earlier != route) {
        nw_reader_warning(&r, &route->source.mark,
                          "the group %s reads %s also for the route %s: each gets a part of the "
                          "messages",
                          group, topic, earlier->name);
    }
}

static void warn_group(const struct nw_loader *l, struct nw_table *topics,
                       const struct nw_route_spec *route)
{
    const char *group = text_of(&route->source, "group");
    const struct nw_option *row = nw_option_find(route->source.kind->options, NW_LITERAL("topics"));

    if (group == NULL || route->source.kind->address != NW_ADDRESS_TOPIC_KAFKA) {
        return;
    }
    if (route->source.address[0] != '\0') {
        warn_topic(l, topics, route, group, route->source.address);
    }
    if (row != NULL && row->type == NW_OPTION_LIST) {
        const struct nw_list *list =
            (const void *)((const char *)route->source.options + row->offset);

        for (size_t i = 0; i < list->count; i++) {
            warn_topic(l, topics, route, group, list->items[i]);
        }
    }
}

/* ---- all routes ---- */

static void warn_memory(const struct nw_loader *l)
{
    size_t lanes = 0, memory = (size_t)l->config->memory;
    char text[3][NW_SIZE_TEXT];
    const struct nw_item *item = NULL;

    for (size_t i = 0; i < l->config->route_count; i++) {
        lanes += l->config->routes[i]->enabled ? l->config->routes[i]->lanes : 0;
    }
    if (lanes == 0 || memory >= nw_memory_wanted(lanes)) {
        return;
    }
    for (size_t d = 0; item == NULL && d < l->document_count; d++) {
        item = nw_node_get(l->documents[d].root, "memory");
    }
    nw_diagnostics_add(l->diagnostics, item == NULL ? NULL : &item->value->mark, NULL, true,
                       "memory: %s has no room for a message of %s from each of %zu lanes: that "
                       "takes %s; with less, large messages may go beyond it",
                       nw_size_format((int64_t)memory, text[0]),
                       nw_size_format((int64_t)NW_MEMORY_MESSAGE, text[1]), lanes,
                       nw_size_format((int64_t)nw_memory_wanted(lanes), text[2]));
}

int nw_load_warnings(struct nw_loader *l)
{
    struct nw_table durables = {0}, topics = {0};

    for (size_t i = 0; i < l->config->route_count; i++) {
        const struct nw_route_spec *route = l->config->routes[i];

        if (route->enabled) {
            warn_promises(l, route);
            warn_durable(l, &durables, route);
            warn_group(l, &topics, route);
        }
    }
    nw_table_done(&durables);
    nw_table_done(&topics);
    warn_memory(l);
    return nw_load_loops(l);
}
