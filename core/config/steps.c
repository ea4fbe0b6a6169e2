/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of `map:` and `reply:`. Each step is a row in `steps` below: its name and the function
 * that reads its value.
 */
#include <stdio.h>

#include "base/suggest.h"
#include "config/loader.h"
#include "config/options.h"
#include "config/steps.h"

int nw_step_when(const struct nw_step *s, struct nw_program **out)
{
    *out = NULL;
    return s->when == NULL ? 0 : nw_reader_program(s->reader, s->when, "when", out);
}

static int read_program_step(const struct nw_step *s,
                             int (*add)(struct nw_map *, struct nw_program *, struct nw_program *))
{
    struct nw_program *program = NULL, *when = NULL;
    int rc = nw_reader_program(s->reader, s->node, s->name, &program);

    rc = rc != 0 ? rc : nw_step_when(s, &when);
    if (rc != 0 || program == NULL) {
        nw_program_free(program);
        nw_program_free(when);
        return rc;
    }
    return add(s->map, program, when);
}

static int read_filter(const struct nw_step *s)
{
    return read_program_step(s, nw_map_add_filter);
}

static int read_payload(const struct nw_step *s)
{
    if (s->node->kind == NW_NODE_TEXT) {
        nw_step_warn_integers(s);
    }
    return read_program_step(s, nw_map_add_payload);
}

/* An answer is one message. */
static int read_split(const struct nw_step *s)
{
    if (s->subject == NULL) {
        nw_reader_error(s->reader, &s->node->mark, "split: an answer is one message");
        return 0;
    }
    if (s->node->kind == NW_NODE_TEXT) {
        nw_step_warn_integers(s);
    }
    return read_program_step(s, nw_map_add_split);
}

/* ---- set ---- */

static int set_field(const struct nw_step *s, enum nw_map_field field, struct nw_slice header,
                     const char *name, const struct nw_node *value, enum nw_fill fill)
{
    struct nw_template *template = NULL;
    struct nw_program *when = NULL;
    bool removes = value->kind == NW_NODE_TEXT && value->null;
    int rc = removes ? 0 : nw_reader_template(s->reader, value, name, fill, s->scope, &template);

    if (rc == 0 && (template != NULL || removes)) {
        rc = nw_step_when(s, &when);
    }
    if (rc != 0 || (template == NULL && !removes)) {
        nw_template_free(template);
        nw_program_free(when);
        return rc;
    }
    return nw_map_add_set(s->map, field, header, template, when);
}

static int set_headers(const struct nw_step *s, const struct nw_node *headers)
{
    int rc = 0;

    if (headers->kind != NW_NODE_MAP) {
        nw_reader_expected(s->reader, headers, "set.headers", "a mapping of names to templates");
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < headers->count; i++) {
        const struct nw_item *item = &headers->items[i];
        char name[200];

        (void)snprintf(name, sizeof name, "set.headers.%.150s", item->key.data);
        if (item->key.len == 0) {
            nw_reader_error(s->reader, &item->mark, "set.headers: a header needs a name");
            continue;
        }
        rc = set_field(s, NW_MAP_HEADER, item->key, name, item->value, NW_FILL_HEADER);
    }
    return rc;
}

static const struct field {
    const char *name, *full;
    enum nw_map_field field;
    enum nw_fill fill;
} fields[] = {{"key", "set.key", NW_MAP_KEY, NW_FILL_TEXT},
              {"subject", "set.subject", NW_MAP_SUBJECT, NW_FILL_SUBJECT},
              {"timestamp", "set.timestamp", NW_MAP_TIMESTAMP, NW_FILL_TEXT},
              {"id", "set.id", NW_MAP_ID, NW_FILL_HEADER},
              {"headers", NULL, NW_MAP_HEADER, NW_FILL_HEADER}};
#define FIELDS (sizeof fields / sizeof fields[0])

static int set_item(const struct nw_step *s, const struct nw_item *item)
{
    struct nw_suggest suggest;
    const char *meant;

    nw_suggest_init(&suggest, item->key);
    for (size_t i = 0; i < FIELDS; i++) {
        const struct field *f = &fields[i];

        nw_suggest_offer(&suggest, f->name);
        if (!nw_slice_equal(nw_slice_text(f->name), item->key)) {
            continue;
        }
        if (f->field == NW_MAP_HEADER) {
            return set_headers(s, item->value);
        }
        if (f->field == NW_MAP_SUBJECT && s->subject == NULL) {
            nw_reader_error(s->reader, &item->mark, "set.subject: an answer has no address to set");
            return 0;
        }
        return set_field(s, f->field, NW_ABSENT, f->full, item->value,
                         f->field == NW_MAP_SUBJECT ? *s->subject : f->fill);
    }
    meant = nw_suggest_best(&suggest);
    nw_reader_error(s->reader, &item->mark,
                    "set has no \"%s\"; %s%s%sit has key, subject, headers, timestamp, id",
                    item->key.data, meant == NULL ? "" : "did you mean \"",
                    meant == NULL ? "" : meant, meant == NULL ? "" : "\"? ");
    return 0;
}

static int read_set(const struct nw_step *s)
{
    int rc = 0;

    if (s->node->kind != NW_NODE_MAP || (s->node->count == 0 && !s->node->partial)) {
        nw_reader_expected(s->reader, s->node, s->name,
                           "a mapping of key, subject, headers, timestamp, id");
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < s->node->count; i++) {
        rc = set_item(s, &s->node->items[i]);
    }
    return rc;
}

/* ---- the others ---- */

static int remove_one(const struct nw_step *s, const struct nw_node *pattern)
{
    struct nw_program *when;
    int rc;

    if (nw_reader_text(s->reader, pattern, s->name, "the name of a header, or Prefix-*") == NULL) {
        return 0;
    }
    if (memchr(pattern->text.data, '*', pattern->text.len) <
            (const void *)(pattern->text.data + pattern->text.len - 1) &&
        memchr(pattern->text.data, '*', pattern->text.len) != NULL) {
        nw_reader_error(s->reader, &pattern->mark, "remove: * stands only at the end");
        return 0;
    }
    rc = nw_step_when(s, &when);
    return rc != 0 ? rc : nw_map_add_remove(s->map, pattern->text, when);
}

static int read_remove(const struct nw_step *s)
{
    int rc = 0;

    if (s->node->kind != NW_NODE_LIST) {
        return remove_one(s, s->node);
    }
    for (size_t i = 0; rc == 0 && i < s->node->count; i++) {
        rc = remove_one(s, s->node->items[i].value);
    }
    return rc;
}

static int read_drop(const struct nw_step *s)
{
    struct nw_program *when;
    int rc;

    if (s->node->kind != NW_NODE_TEXT || strcmp(s->node->text.data, "true") != 0) {
        nw_reader_expected(s->reader, s->node, s->name, "true");
        return 0;
    }
    rc = nw_step_when(s, &when);
    return rc != 0 ? rc : nw_map_add_drop(s->map, when);
}

static int read_reject(const struct nw_step *s)
{
    struct nw_template *why = NULL;
    struct nw_program *when = NULL;
    int rc;

    if (s->node->kind == NW_NODE_TEXT && s->node->text.len == 0 && !s->node->broken) {
        nw_reader_expected(s->reader, s->node, s->name, "the reason, a template");
        return 0;
    }
    rc = nw_reader_template(s->reader, s->node, s->name, NW_FILL_TEXT, s->scope, &why);
    rc = rc != 0 ? rc : nw_step_when(s, &when);
    if (rc != 0 || why == NULL) {
        nw_template_free(why);
        nw_program_free(when);
        return rc;
    }
    return nw_map_add_reject(s->map, why, when);
}

static const struct {
    const char *name;
    int (*read)(const struct nw_step *);
} steps[] = {
    {"filter", read_filter},
    {"payload", read_payload},
    {"split", read_split},
    {"set", read_set},
    {"remove", read_remove},
    {"decode", nw_step_read_decode},
    {"encode", nw_step_read_encode},
    {"check", nw_step_read_check},
    {"drop", read_drop},
    {"reject", read_reject},
    {"dedupe", nw_step_read_dedupe},
    {"lookup", nw_step_read_lookup},
};
#define STEP_NAMES \
    "filter, payload, split, set, remove, decode, encode, check, dedupe, lookup, drop, reject"
#define STEPS (sizeof steps / sizeof steps[0])

/* ---- a list of steps ---- */

static int read_named(struct nw_step *s, const struct nw_item *item)
{
    struct nw_suggest suggest;
    const char *meant;

    nw_suggest_init(&suggest, item->key);
    for (size_t i = 0; i < STEPS; i++) {
        if (!nw_slice_equal(nw_slice_text(steps[i].name), item->key)) {
            nw_suggest_offer(&suggest, steps[i].name);
            continue;
        }
        s->name = steps[i].name;
        s->node = item->value;
        nw_map_begin_step(s->map);
        return item->value->broken ? 0 : steps[i].read(s);
    }
    meant = nw_suggest_best(&suggest);
    nw_reader_error(s->reader, &item->mark, "there is no step \"%s\"; %s%s%sthere are " STEP_NAMES,
                    item->key.data, meant == NULL ? "" : "did you mean \"",
                    meant == NULL ? "" : meant, meant == NULL ? "" : "\"? ");
    return 0;
}

static int read_step(struct nw_step *s, const struct nw_node *node)
{
    const struct nw_item *named = NULL, *when = nw_node_get(node, "when");

    for (size_t i = 0; node->kind == NW_NODE_MAP && i < node->count; i++) {
        const struct nw_item *item = &node->items[i];

        if (item == when) {
            continue;
        }
        if (named != NULL) {
            nw_reader_error(s->reader, &item->mark,
                            "a step has one key beside when: %s is a second one", item->key.data);
            return 0;
        }
        named = item;
    }
    if (named == NULL && node->kind == NW_NODE_MAP) {
        if (!node->partial) {
            nw_reader_error(s->reader, &node->mark, "the step's key is missing: " STEP_NAMES);
        }
        return 0;
    }
    if (named == NULL) {
        nw_reader_expected(s->reader, node, NULL, "a step like {filter: …}");
        return 0;
    }
    s->when = when == NULL ? NULL : when->value;
    return read_named(s, named);
}

static void free_map(void *map)
{
    nw_map_free(map);
}

int nw_load_steps(const struct nw_reader *r, const struct nw_node *node, const char *name,
                  const struct nw_template_scope *scope, const enum nw_fill *subject,
                  struct nw_map **out)
{
    const struct nw_check_rule *checked = NULL;
    struct nw_step s = {
        .reader = r, .scope = scope, .subject = subject, .map = nw_map_new(), .checked = &checked};
    int rc;

    if (s.map == NULL || nw_arena_defer(r->arena, free_map, s.map) != 0) {
        return NW_ENOMEM;
    }
    *out = s.map;
    if (scope != NULL) {
        nw_map_set_route(s.map, scope->route);
    }
    if (node == NULL) {
        return 0;
    }
    if (node->kind != NW_NODE_LIST) {
        nw_reader_expected(r, node, name, "a list of steps");
        return 0;
    }
    rc = 0;
    for (size_t i = 0; rc == 0 && i < node->count; i++) {
        rc = read_step(&s, node->items[i].value);
    }
    return rc;
}
