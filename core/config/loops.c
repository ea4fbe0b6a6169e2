/* SPDX-License-Identifier: Apache-2.0 */
#include "config/loops.h"

#include <stdio.h>

#include "base/buffer.h"
#include "config/options.h"
#include "config/pattern.h"

/* Beyond so many steps the search ends with what it has: it only warns. */
#define BUDGET ((size_t)4 * 1000 * 1000)
#define LONGEST_SHOWN 8

struct edge {
    struct edge *next;
    size_t to;
};

enum colour { WHITE, ON_PATH, LEFT };

struct vertex {
    struct edge *edges;
    enum colour colour;
    bool said;
};

struct search {
    struct nw_loader *loader;
    struct nw_table spaces; /* by name, to struct nw_patterns */
    struct vertex *vertices;
    size_t *path;
    size_t depth, from; /* from: whose targets are looked at */
    int rc;
};

/* ---- who takes what ---- */

/* Addresses that can meet: NATS is one space, each foreign connection another. Writes its name and
 * returns the separator of its addresses; the name is "" where nothing can meet. */
static char name_space(char out[200], const char *kind, char separator,
                       const struct nw_connection_spec *connection)
{
    (void)snprintf(out, 200, "%s %s", kind, connection == NULL ? "" : connection->name);
    return separator;
}

static char space_of_source(const struct nw_source_spec *source, char out[200])
{
    out[0] = '\0';
    switch (source->kind->address) {
    case NW_ADDRESS_SUBJECT:
        return name_space(out, "nats", '.', NULL);
    case NW_ADDRESS_TOPIC_MQTT:
        return name_space(out, "mqtt", '/', source->connection);
    case NW_ADDRESS_TOPIC_KAFKA:
        return name_space(out, "kafka", '\0', source->connection);
    default:
        return '\0';
    }
}

static char space_of_sink(const struct nw_sink_spec *sink, char out[200])
{
    out[0] = '\0';
    switch (sink->kind->address) {
    case NW_FILL_SUBJECT:
    case NW_FILL_KV_KEY:
        return name_space(out, "nats", '.', NULL);
    case NW_FILL_MQTT_TOPIC:
        return name_space(out, "mqtt", '/', sink->connection);
    case NW_FILL_KAFKA_TOPIC:
        return name_space(out, "kafka", '\0', sink->connection);
    default:
        return '\0';
    }
}

/* What is one word of subjects: the first "/" of bucket/key is a "." there. */
static const char *subject_of_key(struct search *s, const char *address)
{
    size_t bucket = strcspn(address, "/");
    const char *key = address[bucket] == '\0' ? ">" : address + bucket + 1;
    const char *subject =
        nw_arena_format(s->loader->tree, "$KV.%.*s.%s", (int)bucket, address, key);

    s->rc = subject == NULL ? NW_ENOMEM : s->rc;
    return subject == NULL ? address : subject;
}

static const char *address_of(struct search *s, const struct nw_source_spec *source)
{
    return strcmp(source->connector->name, "kv") == 0 ? subject_of_key(s, source->address)
                                                      : source->address;
}

static struct nw_patterns *find_space(struct search *s, const char *name, bool make)
{
    struct nw_patterns *space = nw_table_find(&s->spaces, nw_slice_text(name));
    const char *kept;

    if (space != NULL || !make) {
        return space;
    }
    space = nw_patterns_new(s->loader->tree);
    kept = nw_arena_text(s->loader->tree, name);
    if (space == NULL || kept == NULL ||
        nw_table_put(&s->spaces, nw_slice_text(kept), space) != 0) {
        s->rc = NW_ENOMEM;
        return NULL;
    }
    return space;
}

static void add_pattern(struct search *s, struct nw_patterns *space, const char *pattern,
                        char separator, size_t route)
{
    struct nw_words words;

    nw_words_of_pattern(pattern, separator, &words);
    if (nw_patterns_add(space, &words, route) != 0) {
        s->rc = NW_ENOMEM;
    }
}

static void add_source(struct search *s, size_t route)
{
    const struct nw_source_spec *source = &s->loader->config->routes[route]->source;
    const struct nw_option *row = nw_option_find(source->kind->options, NW_LITERAL("topics"));
    char name[200], separator = space_of_source(source, name);
    struct nw_patterns *space = name[0] == '\0' ? NULL : find_space(s, name, true);

    if (space == NULL) {
        return;
    }
    if (row == NULL || row->type != NW_OPTION_LIST) {
        add_pattern(s, space, address_of(s, source), separator, route);
        return;
    }
    const struct nw_list *topics = (const void *)((const char *)source->options + row->offset);

    if (source->address[0] != '\0') {
        add_pattern(s, space, source->address, separator, route);
    }
    for (size_t i = 0; i < topics->count; i++) {
        add_pattern(s, space, topics->items[i], separator, route);
    }
}

static void add_edge(void *context, size_t to)
{
    struct search *s = context;
    struct vertex *vertex = &s->vertices[s->from];
    struct edge *edge;

    if (vertex->edges != NULL && vertex->edges->to == to) {
        return;
    }
    edge = nw_arena_alloc(s->loader->tree, sizeof *edge);
    if (edge == NULL) {
        s->rc = NW_ENOMEM;
        return;
    }
    *edge = (struct edge){vertex->edges, to};
    vertex->edges = edge;
}

static void add_address(struct search *s, const struct nw_sink_spec *sink, const char *address,
                        size_t *budget)
{
    char name[200], separator = space_of_sink(sink, name);
    const struct nw_patterns *space = name[0] == '\0' ? NULL : find_space(s, name, false);
    struct nw_words words;

    if (space != NULL) {
        if (sink->kind->address == NW_FILL_KV_KEY) {
            address = subject_of_key(s, address);
        }
        nw_words_of_template(address, separator, &words);
        nw_patterns_find(space, &words, budget, add_edge, s);
    }
}

static void add_sinks(struct search *s, size_t route, size_t *budget)
{
    const struct nw_route_spec *spec = s->loader->config->routes[route];

    s->from = route;
    for (size_t i = spec->subject_replaced ? 1 : 0; i < spec->sink_count; i++) {
        add_address(s, &spec->sinks[i], spec->sinks[i].address, budget);
    }
    for (size_t i = 0; spec->sink_count > 0 && i < spec->subjects.count; i++) {
        add_address(s, &spec->sinks[0], spec->subjects.items[i], budget);
    }
}

/* ---- dead letters ---- */

static void note(void *context, size_t value)
{
    (void)value;
    *(bool *)context = true;
}

static bool differ(const struct nw_word *a, const struct nw_word *b)
{
    return a->kind == NW_WORD_TEXT && b->kind == NW_WORD_TEXT && !nw_slice_equal(a->text, b->text);
}

/* Can a subject fit both? */
static bool meet(struct search *s, const struct nw_words *pattern, const struct nw_words *words)
{
    struct nw_patterns *one;
    size_t budget = 10000;
    bool found = false;

    if (differ(&pattern->items[0], &words->items[0])) { /* as nearly always */
        return false;
    }
    one = nw_patterns_new(s->loader->tree);
    if (one == NULL || nw_patterns_add(one, pattern, 0) != 0) {
        s->rc = NW_ENOMEM;
        return false;
    }
    nw_patterns_find(one, words, &budget, note, &found);
    return found;
}

/* Those of a route that the route itself takes again. Taken by another it may be a way to try them
 * later. */
static void warn_dead_letters(struct search *s, const struct nw_route_spec *route)
{
    struct nw_reader r = {.diagnostics = s->loader->diagnostics, .route = route->name};
    const char *source = address_of(s, &route->source);
    struct nw_words pattern, words;

    if (route->dead_letter == NULL || route->source.kind->address != NW_ADDRESS_SUBJECT ||
        source[0] == '\0') {
        return;
    }
    nw_words_of_pattern(source, '.', &pattern);
    nw_words_of_template(route->dead_letter->address, '.', &words);
    if (meet(s, &pattern, &words)) {
        nw_reader_warning(&r, &route->dead_letter->mark,
                          "the dead letters come back: %s is what the route takes", source);
    }
}

/* ---- loops ---- */

/* The path from its place `first` to its end is a loop. Each route is named in one loop only. */
static void say_loop(struct search *s, size_t first)
{
    const struct nw_config *config = s->loader->config;
    const struct nw_route_spec *route = config->routes[s->path[first]];
    struct nw_reader r = {.diagnostics = s->loader->diagnostics, .route = route->name};
    struct nw_buffer names = {0};

    for (size_t i = first; i < s->depth; i++) {
        if (s->vertices[s->path[i]].said) {
            return;
        }
    }
    for (size_t i = first; i < s->depth; i++) {
        s->vertices[s->path[i]].said = true;
        if (i - first < LONGEST_SHOWN) {
            nw_buffer_add_format(&names, "%s, ", config->routes[s->path[i]]->name);
        } else if (i - first == LONGEST_SHOWN) {
            nw_buffer_add_text(&names, "…, ");
        }
    }
    nw_buffer_add_text(&names, route->name);
    if (s->depth - first == 1) {
        nw_reader_warning(&r, &route->mark,
                          "the route takes what it sends; what comes back is filtered");
    } else {
        nw_reader_warning(&r, &route->mark, "a loop of routes: %s; what comes back is filtered",
                          nw_buffer_text(&names));
    }
    nw_buffer_done(&names);
}

/* Go along the edges. An edge back onto the path closes a loop. */
static void walk(struct search *s, size_t at)
{
    struct vertex *vertex = &s->vertices[at];

    vertex->colour = ON_PATH;
    s->path[s->depth++] = at;
    for (const struct edge *edge = vertex->edges; edge != NULL; edge = edge->next) {
        if (s->vertices[edge->to].colour == WHITE) {
            walk(s, edge->to);
        } else if (s->vertices[edge->to].colour == ON_PATH) {
            size_t first = s->depth - 1;

            while (s->path[first] != edge->to) {
                first--;
            }
            say_loop(s, first);
        }
    }
    s->depth--;
    vertex->colour = LEFT;
}

int nw_load_loops(struct nw_loader *l)
{
    size_t count = l->config->route_count, budget = BUDGET;
    struct search s = {.loader = l};

    s.vertices = nw_arena_alloc(l->tree, (count + 1) * sizeof *s.vertices);
    s.path = nw_arena_alloc(l->tree, (count + 1) * sizeof *s.path);
    if (s.vertices == NULL || s.path == NULL) {
        return NW_ENOMEM;
    }
    for (size_t i = 0; i < count && s.rc == 0; i++) {
        if (l->config->routes[i]->enabled) {
            add_source(&s, i);
            warn_dead_letters(&s, l->config->routes[i]);
        }
    }
    for (size_t i = 0; i < count && s.rc == 0; i++) {
        if (l->config->routes[i]->enabled) {
            add_sinks(&s, i, &budget);
        }
    }
    for (size_t i = 0; i < count && s.rc == 0; i++) {
        if (s.vertices[i].colour == WHITE) {
            walk(&s, i);
        }
    }
    nw_table_done(&s.spaces);
    return s.rc;
}
