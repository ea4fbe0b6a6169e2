/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Route templates: a route with parameters, used by routes that give them.
 *
 *     templates:
 *       plant:
 *         with: {line: , qos: 1}                  # parameters; one without a value must be given
 *         from: {mqtt: "plant/$(line)", qos: $(qos)}
 *         to: {jetstream: "plant.$(line)"}
 *     routes:
 *       line-7: {use: plant, with: {line: 7}}
 *     use:
 *       plant: {line-8: {line: 8}}                # the same, for many
 *
 * A use becomes a tree of its own, in which the parameters are filled in, before anything looks at
 * it. What it is about stands in the template, so that is where mistakes are shown, with the
 * route's name.
 */
#include <stdio.h>

#include "base/buffer.h"
#include "base/suggest.h"
#include "config/loader.h"
#include "config/options.h"
#include "config/rows.h"

/* One use while it is filled in. */
struct filling {
    const struct nw_loader *loader;
    struct nw_reader *reader;
    const struct nw_node *declared; /* the template's `with:`, or NULL */
    const struct nw_node *given;    /* the route's, or NULL */
};

static const struct nw_item *find_template(const struct nw_loader *l, const struct nw_reader *r,
                                           const struct nw_node *use)
{
    const char *name = nw_reader_text(r, use, "use", "the name of a template"), *meant;
    struct nw_suggest suggest;

    if (name == NULL) {
        return NULL;
    }
    nw_suggest_init(&suggest, use->text);
    for (size_t d = 0; d < l->document_count; d++) {
        const struct nw_item *all = nw_node_get(l->documents[d].root, "templates");
        const struct nw_item *item = all == NULL ? NULL : nw_node_get(all->value, name);

        if (item != NULL) {
            return item;
        }
        for (size_t i = 0; all != NULL && all->value->kind == NW_NODE_MAP && i < all->value->count;
             i++) {
            nw_suggest_offer(&suggest, all->value->items[i].key.data);
        }
    }
    meant = nw_suggest_best(&suggest);
    if (l->incomplete && meant == NULL) {
        return NULL;
    }
    nw_reader_error(r, &use->mark, "there is no template \"%s\"%s%s%s", name,
                    meant == NULL ? "" : "; did you mean \"", meant == NULL ? "" : meant,
                    meant == NULL ? "" : "\"?");
    return NULL;
}

/* ---- parameters ---- */

/* Those that are given must be known, those without a value be given. */
static bool check_given(const struct filling *f, const struct nw_mark *mark)
{
    size_t errors = f->reader->diagnostics->errors;

    for (size_t i = 0; f->given != NULL && i < f->given->count; i++) {
        const struct nw_item *item = &f->given->items[i];
        struct nw_suggest suggest;
        const char *meant;

        if (nw_node_find(f->declared, item->key) != NULL) {
            continue;
        }
        nw_suggest_init(&suggest, item->key);
        for (size_t k = 0; f->declared != NULL && k < f->declared->count; k++) {
            nw_suggest_offer(&suggest, f->declared->items[k].key.data);
        }
        meant = nw_suggest_best(&suggest);
        nw_reader_error(f->reader, &item->mark, "the template has no parameter \"%s\"%s%s%s",
                        item->key.data, meant == NULL ? "" : "; did you mean \"",
                        meant == NULL ? "" : meant, meant == NULL ? "" : "\"?");
    }
    for (size_t i = 0; f->declared != NULL && i < f->declared->count; i++) {
        const struct nw_item *item = &f->declared->items[i];

        if (item->value->kind == NW_NODE_TEXT && item->value->null &&
            nw_node_find(f->given, item->key) == NULL) {
            nw_reader_error(f->reader, mark, "the template needs the parameter %s", item->key.data);
        }
    }
    return f->reader->diagnostics->errors == errors;
}

static const struct nw_node *value_of(const struct filling *f, const struct nw_node *text,
                                      size_t at, struct nw_slice name)
{
    const struct nw_item *item = nw_node_find(f->given, name);
    struct nw_mark mark = nw_node_at(text, at);

    item = item != NULL ? item : nw_node_find(f->declared, name);
    if (item == NULL) { /* said once, not for every route */
        nw_diagnostics_add(f->reader->diagnostics, &mark, NULL, false,
                           "the template has no parameter %.*s; those it has stand in its with:",
                           (int)name.len, name.data);
        return NULL;
    }
    return item->value;
}

/* Did something from outside come to one of these bytes of node? */
static bool is_outside(const struct nw_node *node, size_t from, size_t to)
{
    for (size_t i = 0; i < node->piece_count; i++) {
        if (node->pieces[i].outside && node->pieces[i].from < to && node->pieces[i].to > from) {
            return true;
        }
    }
    return false;
}

/* The name in "$(name)" at byte `at` of node's text; absent if there is none. */
static struct nw_slice name_at(const struct nw_node *node, size_t at)
{
    struct nw_slice text = node->text;
    const char *begin = text.data + at + 2, *end;

    if (text.len - at < 4 || text.data[at] != '$' || text.data[at + 1] != '(') {
        return NW_ABSENT;
    }
    end = memchr(begin, ')', text.len - at - 2);
    return end == NULL || is_outside(node, at, (size_t)(end - text.data) + 1)
               ? NW_ABSENT
               : (struct nw_slice){begin, (size_t)(end - begin)};
}

/* A text while it is put together. */
struct filled {
    struct nw_buffer text, pieces;
};

/* The bytes of node from `from` up to `to`. What is from outside in them stays known as such. */
static void add_part(struct filled *out, const struct nw_node *node, size_t from, size_t to)
{
    size_t begin = out->text.len;

    nw_buffer_add(&out->text, node->text.data + from, to - from);
    for (size_t i = 0; i < node->piece_count; i++) {
        const struct nw_piece *p = &node->pieces[i];
        struct nw_piece piece = {begin + p->from - from, begin + p->to - from, 0, 0, true};

        if (p->outside && p->from >= from && p->to <= to) {
            nw_buffer_add(&out->pieces, &piece, sizeof piece);
        }
    }
}

static int keep_filled(const struct filling *f, const struct filled *filled, struct nw_node *out)
{
    struct nw_piece *pieces = nw_arena_alloc(f->loader->tree, filled->pieces.len + 1);

    out->source = NULL;
    out->text.len = filled->text.len;
    out->text.data = nw_arena_text(f->loader->tree, nw_buffer_text(&filled->text));
    out->written = filled->pieces.len > 0 ? out->written : out->text.data;
    if (filled->text.failed || filled->pieces.failed || pieces == NULL || out->text.data == NULL) {
        return NW_ENOMEM;
    }
    if (filled->pieces.len > 0) {
        memcpy(pieces, filled->pieces.data, filled->pieces.len);
    }
    out->pieces = pieces;
    out->piece_count = filled->pieces.len / sizeof *pieces;
    return 0;
}

/* A parameter in the middle of a text is put in as text. */
static int fill_text(const struct filling *f, const struct nw_node *node, struct nw_node *out)
{
    struct filled filled = {{0}, {0}};
    size_t kept = 0;
    int rc;

    for (size_t at = 0; at < node->text.len;) {
        struct nw_slice name = name_at(node, at);
        const struct nw_node *value = name.data == NULL ? NULL : value_of(f, node, at, name);

        if (name.data == NULL) {
            at++;
            continue;
        }
        add_part(&filled, node, kept, at);
        if (value != NULL && value->kind != NW_NODE_TEXT) {
            nw_reader_error(f->reader, &value->mark,
                            "the parameter %.*s stands in the middle of a text, so it is a text",
                            (int)name.len, name.data);
        } else if (value != NULL) {
            add_part(&filled, value, 0, value->text.len);
        }
        at += name.len + 3;
        kept = at;
    }
    add_part(&filled, node, kept, node->text.len);
    rc = keep_filled(f, &filled, out);
    nw_buffer_done(&filled.text);
    nw_buffer_done(&filled.pieces);
    return rc;
}

/* A copy of node with the parameters filled in; node itself where nothing is to be filled in. */
static int fill(const struct filling *f, const struct nw_node *node, struct nw_node **out)
{
    struct nw_node *copy = nw_arena_alloc(f->loader->tree, sizeof *copy);
    struct nw_slice name;
    int rc = 0;

    if (copy == NULL) {
        return NW_ENOMEM;
    }
    *copy = *node;
    *out = copy;
    if (node->kind == NW_NODE_TEXT) {
        if (node->null || node->broken ||
            memmem(node->text.data, node->text.len, "$(", 2) == NULL) {
            return 0;
        }
        name = name_at(node, 0);
        if (name.data != NULL && name.len + 3 == node->text.len) { /* it is the whole value */
            const struct nw_node *value = value_of(f, node, 0, name);
            *copy = value == NULL ? *node : *value;
            return 0;
        }
        return fill_text(f, node, copy);
    }
    copy->items = nw_arena_alloc(f->loader->tree, (node->count + 1) * sizeof *copy->items);
    if (copy->items == NULL) {
        return NW_ENOMEM;
    }
    for (size_t i = 0; rc == 0 && i < node->count; i++) {
        copy->items[i] = node->items[i];
        rc = fill(f, node->items[i].value, &copy->items[i].value);
    }
    return rc;
}

/* ---- uses ---- */

static bool is_word(struct nw_slice key)
{
    return nw_slice_equal(key, NW_LITERAL("use")) || nw_slice_equal(key, NW_LITERAL("with"));
}

/* The template's items, but those that the route has itself; then the route's. */
static int merge(const struct filling *f, const struct nw_node *route,
                 const struct nw_node *template, struct nw_node *out)
{
    int rc = 0;

    out->items =
        nw_arena_alloc(f->loader->tree, (route->count + template->count + 1) * sizeof *out->items);
    if (out->items == NULL) {
        return NW_ENOMEM;
    }
    out->count = 0;
    for (size_t i = 0; rc == 0 && i < template->count; i++) {
        const struct nw_item *item = &template->items[i];

        if (!is_word(item->key) && nw_node_find(route, item->key) == NULL) {
            out->items[out->count] = *item;
            rc = fill(f, item->value, &out->items[out->count++].value);
        }
    }
    for (size_t i = 0; i < route->count; i++) {
        if (!is_word(route->items[i].key)) {
            out->items[out->count++] = route->items[i];
        }
    }
    return rc;
}

/* Says what a template's own form lacks. */
static bool check_form(const struct nw_reader *r, const struct nw_node *template)
{
    const struct nw_item *declared = nw_node_get(template, "with");
    const struct nw_item *uses = nw_node_get(template, "use");

    if (template->kind != NW_NODE_MAP) {
        nw_reader_expected(r, template, "a template", "a mapping: a route with parameters");
        return false;
    }
    if (declared != NULL && declared->value->kind != NW_NODE_MAP) {
        nw_reader_expected(r, declared->value, "with",
                           "a mapping of parameters and what they are without a value");
        return false;
    }
    if (uses != NULL) {
        nw_reader_error(r, &uses->mark, "a template does not use another one");
        return false;
    }
    return true;
}

/* An option of every route, or a group of them. */
static bool is_of_route(struct nw_slice key)
{
    for (const struct nw_option *row = nw_route_rows; row->name != NULL; row++) {
        if (strncmp(row->name, key.data, key.len) == 0 && strchr(".", row->name[key.len]) != NULL) {
            return true;
        }
    }
    return nw_option_find(nw_route_part_rows, key) != NULL;
}

/* Says which parameters stand beside `with:` and not in it. */
static bool check_beside(const struct filling *f, const struct nw_node *route)
{
    bool good = true;

    for (size_t i = 0; f->declared != NULL && i < route->count; i++) {
        const struct nw_item *item = &route->items[i];

        if (nw_node_find(f->declared, item->key) != NULL && !is_of_route(item->key)) {
            good = false;
            nw_reader_error(f->reader, &item->mark,
                            "%s is a parameter of the template; it stands in with: {%s: …}",
                            item->key.data, item->key.data);
        }
    }
    return good;
}

int nw_expand_route(struct nw_loader *l, struct nw_reader *r, const struct nw_node *route,
                    const struct nw_node **out)
{
    const struct nw_item *use = nw_node_get(route, "use"), *with = nw_node_get(route, "with");
    const struct nw_item *declared, *found;
    const struct nw_node *template;
    struct nw_node *expanded;
    struct filling f = {.loader = l, .reader = r};
    size_t errors = r->diagnostics->errors;
    int rc;

    *out = NULL;
    found = find_template(l, r, use->value);
    if (found == NULL) {
        return 0;
    }
    template = found->value;
    if (nw_table_put(&l->used, found->key, found->value) != 0) {
        return NW_ENOMEM;
    }
    declared = nw_node_get(template, "with");
    f.declared = declared == NULL ? NULL : declared->value;
    f.given = with == NULL || with->value->null ? NULL : with->value;
    if (!check_form(r, template)) {
        return 0;
    }
    if (f.given != NULL && f.given->kind != NW_NODE_MAP) {
        nw_reader_expected(r, f.given, "with", "a mapping of parameters");
        return 0;
    }
    if (!check_beside(&f, route) || !check_given(&f, &use->mark)) {
        return 0;
    }
    expanded = nw_arena_alloc(l->tree, sizeof *expanded);
    if (expanded == NULL) {
        return NW_ENOMEM;
    }
    *expanded = *route;
    expanded->partial = route->partial || template->partial;
    rc = merge(&f, route, template, expanded);
    *out = r->diagnostics->errors == errors ? expanded : NULL;
    return rc;
}

/* The key of the top level's `use:` as a text. */
static struct nw_node name_node(const struct nw_item *template)
{
    return (struct nw_node){.kind = NW_NODE_TEXT,
                            .mark = template->mark,
                            .file = template->value->file,
                            .text = template->key,
                            .written = template->key.data};
}

/* {use: TEMPLATE, with: {…}} for one entry of the top level's `use:`. */
static int make_use(const struct nw_loader *l, const struct nw_item *template,
                    const struct nw_item *entry, struct nw_node **out)
{
    struct nw_node *route = nw_arena_alloc(l->tree, sizeof *route);
    struct nw_node *name = nw_arena_alloc(l->tree, sizeof *name);
    struct nw_item *items = nw_arena_alloc(l->tree, 2 * sizeof *items);

    if (route == NULL || name == NULL || items == NULL) {
        return NW_ENOMEM;
    }
    *name = name_node(template);
    items[0] = (struct nw_item){NW_LITERAL("use"), entry->mark, name};
    items[1] = (struct nw_item){NW_LITERAL("with"), entry->mark, entry->value};
    *route = (struct nw_node){.kind = NW_NODE_MAP,
                              .mark = entry->value->mark,
                              .file = entry->value->file,
                              .items = items,
                              .count = 2};
    *out = route;
    return 0;
}

static void check_mapping(const struct nw_loader *l, const struct nw_item *item, const char *form)
{
    if (item != NULL && item->value->kind != NW_NODE_MAP && !item->value->null) {
        struct nw_reader r = nw_loader_reader(l, item->value, NULL);

        nw_reader_expected(&r, item->value, item->key.data, "%s", form);
    }
}

/* Templates of root that an earlier file has too. */
static void check_twice(const struct nw_loader *l, const struct nw_node *root)
{
    const struct nw_item *all = nw_node_get(root, "templates");

    for (size_t d = 0; all != NULL && l->documents[d].root != root; d++) {
        const struct nw_item *others = nw_node_get(l->documents[d].root, "templates");

        for (size_t i = 0; others != NULL && i < all->value->count; i++) {
            const struct nw_item *item = &all->value->items[i];
            const struct nw_item *earlier = nw_node_find(others->value, item->key);
            struct nw_reader r = nw_loader_reader(l, item->value, NULL);

            if (earlier != NULL) {
                nw_reader_error(
                    &r, &item->mark, "the template %s is defined twice, first at %s:%zu:%zu",
                    item->key.data, earlier->mark.file, earlier->mark.line, earlier->mark.column);
            }
        }
    }
}

/* The parameters in node that the template has not. */
static void check_parameters(const struct filling *f, const struct nw_node *node)
{
    struct nw_slice name;

    for (size_t i = 0; node->kind != NW_NODE_TEXT && i < node->count; i++) {
        check_parameters(f, node->items[i].value);
    }
    for (size_t at = 0; node->kind == NW_NODE_TEXT && !node->null && at < node->text.len; at++) {
        name = name_at(node, at);
        if (name.data != NULL) {
            (void)value_of(f, node, at, name);
        }
    }
}

/* One that no route uses is not loaded, for there is nothing to fill it with. */
static int check_unused(const struct nw_loader *l, const struct nw_item *template)
{
    const struct nw_item *declared = nw_node_get(template->value, "with");
    struct nw_reader r = nw_loader_reader(l, template->value, NULL);
    struct nw_layer layers[] = {{nw_route_rows, NULL}, {nw_route_part_rows, NULL}};
    struct filling f = {.loader = l, .reader = &r};

    if (!check_form(&r, template->value)) {
        return 0;
    }
    f.declared = declared == NULL ? NULL : declared->value;
    for (size_t i = 0; i < template->value->count; i++) {
        const struct nw_item *item = &template->value->items[i];

        if (!is_word(item->key)) {
            check_parameters(&f, item->value);
        }
    }
    return nw_options_read(&r, template->value, 0, layers, 2, "a template");
}

int nw_check_unused_templates(const struct nw_loader *l)
{
    int rc = 0;

    for (size_t d = 0; d < l->document_count; d++) {
        const struct nw_item *all = nw_node_get(l->documents[d].root, "templates");

        for (size_t i = 0;
             rc == 0 && all != NULL && all->value->kind == NW_NODE_MAP && i < all->value->count;
             i++) {
            if (nw_table_find(&l->used, all->value->items[i].key) == NULL) {
                rc = check_unused(l, &all->value->items[i]);
            }
        }
    }
    return rc;
}

int nw_each_use(struct nw_loader *l, const struct nw_node *root,
                int (*load)(struct nw_loader *l, const struct nw_item *route))
{
    const struct nw_item *all = nw_node_get(root, "use");
    int rc = 0;

    check_mapping(l, nw_node_get(root, "templates"), "{name: a route with parameters}");
    check_twice(l, root);
    check_mapping(l, all, "{template: {route: {parameter: value}}}");
    if (all == NULL || all->value->kind != NW_NODE_MAP) {
        return 0;
    }
    for (size_t t = 0; rc == 0 && t < all->value->count; t++) {
        const struct nw_item *template = &all->value->items[t];
        struct nw_reader r = nw_loader_reader(l, template->value, NULL);

        if (template->value->kind != NW_NODE_MAP) {
            nw_reader_expected(&r, template->value, "use",
                               "{template: {route: {parameter: value}}}");
            continue;
        }
        if (template->value->count == 0) {
            struct nw_node name = name_node(template);
            (void)find_template(l, &r, &name); /* says so if there is none */
        }
        for (size_t i = 0; rc == 0 && i < template->value->count; i++) {
            const struct nw_item *entry = &template->value->items[i];
            struct nw_item route = {entry->key, entry->mark, NULL};

            rc = make_use(l, template, entry, &route.value);
            rc = rc != 0 ? rc : load(l, &route);
        }
    }
    return rc;
}

size_t nw_count_uses(const struct nw_node *root)
{
    const struct nw_item *all = nw_node_get(root, "use");
    size_t count = 0;

    for (size_t t = 0; all != NULL && t < all->value->count; t++) {
        count += all->value->items[t].value->count;
    }
    return count;
}
