/* SPDX-License-Identifier: Apache-2.0 */
/* One route: its options, its two ends, its steps, and what these say about each other. */
#include <stdio.h>

#include "config/loader.h"
#include "config/meaning.h"
#include "config/options.h"
#include "config/route_part.h"

#define LONGEST_NAME 128

bool nw_check_name(const struct nw_reader *r, const struct nw_mark *mark, const char *what,
                   struct nw_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.data[i];

        if (c <= ' ' || c == 0x7F || strchr("*>/\\", c) != NULL) {
            nw_reader_error(r, mark, "the name of %s must not have blanks, controls, or * > / \\",
                            what);
            return false;
        }
    }
    if (name.len == 0 || name.len > LONGEST_NAME) {
        nw_reader_error(r, mark, "the name of %s has from 1 to %d bytes", what, LONGEST_NAME);
        return false;
    }
    return true;
}

/* ---- options ---- */

/* The item that counts: the route's own, or that of `defaults:`. */
const struct nw_item *nw_route_option(const struct nw_route_part *p, const char *group,
                                      const char *name)
{
    const struct nw_node *defaults =
        p->loader->defaults == NULL ? NULL : p->loader->defaults->value;
    const struct nw_node *places[] = {p->node, defaults};

    for (size_t i = 0; i < 2; i++) {
        const struct nw_item *outer = group == NULL ? NULL : nw_node_get(places[i], group);
        const struct nw_item *item = group == NULL   ? nw_node_get(places[i], name)
                                     : outer == NULL ? NULL
                                                     : nw_node_get(outer->value, name);

        if (item != NULL) {
            return item;
        }
    }
    return NULL;
}

static void set_options(struct nw_route_part *p)
{
    const struct nw_item *backoff = nw_route_option(p, "on_error", "backoff");
    const struct nw_route_options *o = &p->options;
    struct nw_route_spec *spec = p->spec;
    struct nw_error error;

    spec->description = o->description;
    spec->lanes = (unsigned)o->lanes;
    spec->max_in_flight = (size_t)o->max_in_flight;
    spec->map_timeout_ms = o->map_timeout_ms;
    spec->order = (enum nw_order)o->order.index;
    spec->spool_max_size = o->spool.max_size;
    spec->spool_max_age_ms = o->spool.max_age_ms;
    spec->spool_drop_oldest = o->spool.full.index == 1;
    spec->retries = o->on_error.retries;
    spec->then = (enum nw_then)o->on_error.then.index;
    spec->enabled = o->enabled;
    spec->trace = o->trace;
    spec->on_error_given = nw_node_get(p->node, "on_error") != NULL;
    if (nw_backoff_parse(o->on_error.backoff, &spec->backoff, &error) != 0) {
        nw_reader_error(&p->reader, backoff == NULL ? &spec->mark : &backoff->value->mark,
                        "on_error.backoff: %s", error.text);
    }
}

static int read_options(struct nw_route_part *p)
{
    struct nw_layer layers[] = {{nw_route_rows, &p->options}, {nw_route_part_rows, NULL}};
    int rc;

    p->options = p->loader->route_defaults;
    rc = nw_options_read(&p->reader, p->node, 0, layers, 2, "a route");
    if (rc == 0) {
        set_options(p);
    }
    return rc;
}

/* ---- the source ---- */

/* Does an end with a choice of topic codecs have the lossless one? */
static bool is_escaped(const struct nw_option *rows, const void *options)
{
    const struct nw_option *row = nw_option_find(rows, NW_LITERAL("topics"));
    const struct nw_choice *choice;

    if (row == NULL || row->type != NW_OPTION_CHOICE ||
        strncmp(row->choices, "nats|escaped", 12) != 0) {
        return false;
    }
    choice = (const void *)((const char *)options + row->offset);
    return choice->index == 1;
}

/* A step that gives messages a key gives one to sources that have none. */
static bool sets_key(const struct nw_node *map)
{
    for (size_t i = 0; map != NULL && map->kind == NW_NODE_LIST && i < map->count; i++) {
        const struct nw_item *set = nw_node_get(map->items[i].value, "set");

        if (set != NULL && nw_node_get(set->value, "key") != NULL) {
            return true;
        }
    }
    return false;
}

/* Is the option there, a text, and not given? */
static bool lacks(const struct nw_source_spec *source, const char *name)
{
    const struct nw_option *row = nw_option_find(source->kind->options, nw_slice_text(name));

    return row != NULL && row->type == NW_OPTION_TEXT &&
           *(const char *const *)(const void *)((const char *)source->options + row->offset) ==
               NULL;
}

/* The choice that is made by `respond: {when}`, which those sources have that may answer before
 * anything is delivered; NULL: this one is none. */
const struct nw_choice *nw_route_respond(const struct nw_source_spec *source)
{
    const struct nw_option *group = nw_option_find(source->kind->options, NW_LITERAL("respond"));
    const struct nw_option *row = group == NULL || group->type != NW_OPTION_GROUP
                                      ? NULL
                                      : nw_option_find(group->rows, NW_LITERAL("when"));

    return row == NULL || row->type != NW_OPTION_CHOICE
               ? NULL
               : (const void *)((const char *)source->options + group->offset + row->offset);
}

/* A source that cannot wait always has a spool, one that answers if it is to answer before. */
static void set_spool(struct nw_route_part *p)
{
    const struct nw_choice *respond = nw_route_respond(&p->spec->source);
    const struct nw_item *own = nw_node_get(p->node, "spool");
    struct nw_route_spec *spec = p->spec;
    bool always = spec->source.kind->spooled;
    bool accepts = respond != NULL && respond->index == 1;

    spec->spool_possible = always || respond != NULL;
    spec->spool_used = always || accepts || (respond != NULL && own != NULL);
    spec->spool_in_outage = spec->spool_used && !always && !accepts;
    spec->spool_sync =
        nw_route_option(p, "spool", "sync") == NULL ? !always : p->options.spool.sync.index == 0;
    if (own != NULL && !spec->spool_possible) {
        nw_reader_warning(&p->reader, &own->mark,
                          "spool: has no effect: what %s holds waits there, not in a spool",
                          spec->source.connector->name);
    }
}

/* Sources that share their messages only within a group that is named. */
static void check_lanes(const struct nw_route_part *p)
{
    const struct nw_item *lanes = nw_route_option(p, NULL, "lanes");

    if (p->spec->lanes <= 1 || lanes == NULL) {
        return;
    }
    if (lacks(&p->spec->source, "shared")) {
        nw_reader_error(&p->reader, &lanes->mark,
                        "lanes: each lane would get every message: several lanes need `shared: "
                        "group` in from:");
    } else if (lacks(&p->spec->source, "queue")) {
        nw_reader_warning(&p->reader, &lanes->mark,
                          "lanes: each lane gets every message, which is sent as often; lanes with "
                          "`queue: group` in from: share them");
    }
}

static int read_source(struct nw_route_part *p)
{
    const struct nw_item *map = nw_node_get(p->node, "map");
    const struct nw_item *from = nw_node_get(p->node, "from");
    struct nw_route_spec *spec = p->spec;
    struct nw_source_spec *source = &spec->source;
    struct nw_reader r;
    int rc;

    if (from == NULL) {
        if (!p->node->partial) {
            nw_reader_error(&p->reader, &spec->mark, "from is missing: {connector: address}");
        }
        return 0;
    }
    r = nw_loader_reader(p->loader, from->value, spec->name);
    rc = nw_load_source(p->loader, &r, from->value, &spec->scope, source, &p->source_good,
                        &p->source_known);
    if (rc != 0 || !p->source_known) {
        return rc;
    }
    spec->scope.topics_escaped = is_escaped(source->kind->options, source->options);
    if (p->source_good) {
        check_lanes(p);
        set_spool(p);
    }
    if (map != NULL && sets_key(map->value)) {
        spec->scope.has |= NW_HAS(NW_META_KEY);
    }
    return 0;
}

const struct nw_template_scope *nw_route_scope(const struct nw_route_part *p)
{
    return p->source_known ? &p->spec->scope : NULL;
}

/* ---- steps ---- */

/* One `set: {subject}`: the last one that always counts is what counts. */
static int add_subject(struct nw_route_part *p, const struct nw_node *step,
                       const struct nw_node *subject, const char **texts)
{
    struct nw_route_spec *spec = p->spec;

    if (nw_node_get(step, "when") == NULL) {
        spec->subjects.count = 0;
        spec->subject_replaced = !subject->null;
    }
    return subject->null
               ? 0
               : nw_reader_copy(&p->reader, subject->text, &texts[spec->subjects.count++]);
}

static int find_subjects(struct nw_route_part *p, const struct nw_node *map)
{
    const char **texts = nw_arena_alloc(p->reader.arena, (map->count + 1) * sizeof *texts);
    int rc = texts == NULL ? NW_ENOMEM : 0;

    p->spec->subjects.items = texts;
    for (size_t i = 0; rc == 0 && map->kind == NW_NODE_LIST && i < map->count; i++) {
        const struct nw_item *set = nw_node_get(map->items[i].value, "set");
        const struct nw_item *subject = set == NULL ? NULL : nw_node_get(set->value, "subject");

        if (subject != NULL && subject->value->kind == NW_NODE_TEXT) {
            rc = add_subject(p, map->items[i].value, subject->value, texts);
        }
    }
    return rc;
}

static int read_steps(struct nw_route_part *p)
{
    const struct nw_item *map = nw_node_get(p->node, "map"), *reply = nw_node_get(p->node, "reply");
    const struct nw_sink_kind *first = p->spec->sink_count == 0 ? NULL : p->spec->sinks[0].kind;
    enum nw_fill subject = first == NULL ? NW_FILL_TEXT : first->address;
    /* An answer has no address of its own, and of the rest only what its protocol gives. */
    const struct nw_template_scope answer = {
        .bridge = p->loader->config->name,
        .route = p->spec->name,
        .address = subject == NW_FILL_SUBJECT ? NW_ADDRESS_SUBJECT : NW_ADDRESS_HTTP_PATH,
        .pattern = "",
        .has = NW_HAS(NW_META_STATUS),
        .topics_escaped = p->spec->scope.topics_escaped,
    };
    int rc;

    p->reader.target = first == NULL ? NULL : &p->spec->sinks[0];
    rc = nw_load_steps(&p->reader, map == NULL ? NULL : map->value, "map", nw_route_scope(p),
                       &subject, &p->spec->map);
    rc = rc != 0 || map == NULL ? rc : find_subjects(p, map->value);
    if (rc != 0) {
        return rc;
    }
    p->reader.target = NULL;
    return nw_load_steps(&p->reader, reply == NULL ? NULL : reply->value, "reply", &answer, NULL,
                         &p->spec->reply);
}

/* ---- dead letters ---- */

static int read_dead_letter(struct nw_route_part *p)
{
    const struct nw_item *then = nw_route_option(p, "on_error", "then");
    const struct nw_item *subject = nw_route_option(p, "on_error", "dead_letter");
    struct nw_reader r;

    subject = subject != NULL ? subject : p->loader->dead_letter;
    if (subject == NULL) {
        if (then != NULL && then->value->kind == NW_NODE_TEXT &&
            strcmp(then->value->text.data, "dead_letter") == 0) {
            nw_reader_error(&p->reader, &then->mark,
                            "on_error.then: dead_letter needs a subject: on_error.dead_letter, or "
                            "dead_letter at the top level");
        }
        return 0;
    }
    if (p->spec->then != NW_THEN_DEAD_LETTER) {
        return 0;
    }
    r = nw_loader_reader(p->loader, subject->value, p->spec->name);
    if (nw_reader_text(&r, subject->value, "dead_letter", "a subject") == NULL) {
        return 0;
    }
    return nw_load_dead_letter(p->loader, &r, subject->value, nw_route_scope(p),
                               &p->spec->dead_letter);
}

/* ---- all of them ---- */

static void check_with(const struct nw_route_part *p)
{
    const struct nw_item *with = nw_node_get(p->node, "with");

    if (with != NULL && nw_node_get(p->node, "use") == NULL) {
        nw_reader_error(&p->reader, &with->mark,
                        "with: gives a template its parameters; there is no use:, which names one");
    }
}

/* What is seen from now on is of that part. */
static void begin_part(struct nw_route_part *p, struct nw_buffer *seen, enum nw_part part)
{
    p->loader->seen = p->reader.seen = &seen[part];
}

static int read_parts(struct nw_route_part *p)
{
    struct nw_buffer seen[NW_PARTS] = {{0}};
    int rc = read_options(p);

    begin_part(p, seen, NW_PART_FROM);
    rc = rc != 0 ? rc : read_source(p);
    begin_part(p, seen, NW_PART_TO);
    rc = rc != 0 ? rc : nw_route_read_targets(p);
    begin_part(p, seen, NW_PART_MAP);
    rc = rc != 0 ? rc : read_steps(p);
    begin_part(p, seen, NW_PART_OPTIONS);
    rc = rc != 0 ? rc : read_dead_letter(p);
    rc = rc != 0 ? rc : nw_meaning_of_route(&p->reader, p->node, seen, p->spec);
    for (int i = 0; i < NW_PARTS; i++) {
        nw_buffer_done(&seen[i]);
    }
    p->loader->seen = NULL;
    return rc;
}

static int load_route(struct nw_loader *l, const struct nw_item *item)
{
    struct nw_route_part p = {.loader = l, .node = item->value};
    const struct nw_route_spec *earlier = nw_table_find(&l->config->routes_by_name, item->key);
    struct nw_route_spec *spec = nw_arena_alloc(l->arena, sizeof *spec);
    int rc;

    p.spec = spec;
    p.reader = nw_loader_reader(l, item->value, NULL);
    if (spec == NULL || nw_reader_copy(&p.reader, item->key, &spec->name) != 0) {
        return NW_ENOMEM;
    }
    p.reader.route = spec->name;
    spec->mark = item->mark;
    if (earlier != NULL) {
        nw_reader_error(&p.reader, &item->mark, "the route is defined twice, first at %s:%zu:%zu",
                        earlier->mark.file, earlier->mark.line, earlier->mark.column);
        return 0;
    }
    if (nw_table_put(&l->config->routes_by_name, nw_slice_text(spec->name), spec) != 0) {
        return NW_ENOMEM;
    }
    l->config->routes[l->config->route_count++] = spec;
    (void)nw_check_name(&p.reader, &item->mark, "a route", item->key);
    if (item->value->kind != NW_NODE_MAP) {
        nw_reader_expected(&p.reader, item->value, NULL, "a mapping with from: and to:");
        return 0;
    }
    check_with(&p);
    if (nw_node_get(item->value, "use") != NULL) {
        rc = nw_expand_route(l, &p.reader, item->value, &p.node);
        if (rc != 0 || p.node == NULL) {
            return rc;
        }
    }
    return read_parts(&p);
}

int nw_load_routes(struct nw_loader *l)
{
    size_t most = 1;
    int rc = 0;

    for (size_t d = 0; d < l->document_count; d++) {
        const struct nw_item *all = nw_node_get(l->documents[d].root, "routes");

        most += all == NULL ? 0 : all->value->count;
        most += nw_count_uses(l->documents[d].root);
    }
    l->config->routes = nw_arena_alloc(l->arena, most * sizeof(struct nw_route_spec *));
    if (l->config->routes == NULL) {
        return NW_ENOMEM;
    }
    for (size_t d = 0; d < l->document_count; d++) {
        const struct nw_item *all = nw_node_get(l->documents[d].root, "routes");

        if (all != NULL && all->value->kind != NW_NODE_MAP) {
            struct nw_reader r = nw_loader_reader(l, all->value, NULL);

            nw_reader_expected(&r, all->value, "routes", "a mapping of names");
            continue;
        }
        for (size_t i = 0; rc == 0 && all != NULL && i < all->value->count; i++) {
            rc = load_route(l, &all->value->items[i]);
        }
        rc = rc != 0 ? rc : nw_each_use(l, l->documents[d].root, load_route);
    }
    return rc != 0 ? rc : nw_check_unused_templates(l);
}
