/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "mappings/json_path.h"
#include "mappings/json_value.h"
#include "mappings/types.h"

struct nw_check {
    const struct nw_check_rule *rule;
    size_t count;
    struct nw_json_path *paths[]; /* of `required`, then of `types`; NULL: the name of a member */
};

int nw_check_path(struct nw_slice name, struct nw_json_path **out, struct nw_error *error)
{
    *out = NULL;
    return name.len == 0 || name.data[0] != '.' ? 0 : nw_json_path_compile(name, out, error);
}

int nw_check_new(const struct nw_check_rule *rule, struct nw_check **out)
{
    size_t count = rule->required_count + rule->type_count;
    struct nw_check *c = calloc(1, sizeof *c + count * sizeof c->paths[0]);

    if (c == NULL) {
        return NW_ENOMEM;
    }
    c->rule = rule;
    c->count = count;
    for (size_t i = 0; i < count; i++) {
        const char *name = i < rule->required_count ? rule->required[i]
                                                    : rule->types[i - rule->required_count].name;
        int rc = nw_check_path(nw_slice_text(name), &c->paths[i], NULL);
        if (rc != 0) {
            nw_check_free(c);
            return rc;
        }
    }
    *out = c;
    return 0;
}

void nw_check_free(struct nw_check *check)
{
    if (check == NULL) {
        return;
    }
    for (size_t i = 0; i < check->count; i++) {
        nw_json_path_free(check->paths[i]);
    }
    free(check);
}

/* ---- finding ---- */

#define NOTHING SIZE_MAX

static bool has_name(const struct nw_document *d, const struct nw_item *key, struct nw_slice name)
{
    struct nw_slice text = {d->text + key->at, key->len};
    char *plain;
    long len;
    bool same;

    if (!key->escaped || memchr(text.data, '\\', text.len) == NULL) {
        return nw_slice_equal(text, name);
    }
    plain = malloc(text.len);
    len = plain == NULL ? -1 : nw_document_unescape(text, plain);
    same = len >= 0 && nw_slice_equal((struct nw_slice){plain, (size_t)len}, name);
    free(plain);
    return same;
}

/* Of equal names the last counts, as in jq. */
static size_t member(const struct nw_document *d, size_t object, struct nw_slice name)
{
    size_t found = NOTHING, key = object + 1;

    if (d->items[object].kind != NW_KIND_OBJECT) {
        return NOTHING;
    }
    for (uint32_t i = 0; i < d->items[object].len; i++) {
        found = has_name(d, &d->items[key], name) ? key + 1 : found;
        key = d->items[key + 1].next;
    }
    return found;
}

static size_t element(const struct nw_document *d, size_t array, size_t index)
{
    size_t at = array + 1;

    if (d->items[array].kind != NW_KIND_ARRAY || index >= d->items[array].len) {
        return NOTHING;
    }
    while (index-- > 0) {
        at = d->items[at].next;
    }
    return at;
}

static const struct nw_item *find(const struct nw_document *d, const struct nw_json_path *path,
                                  const char *name)
{
    struct nw_slice step;
    size_t index, at = 0;

    if (path == NULL) {
        at = member(d, 0, nw_slice_text(name));
    }
    for (size_t i = 0; path != NULL && at != NOTHING && nw_json_path_step(path, i, &step, &index);
         i++) {
        at = step.data == NULL ? element(d, at, index) : member(d, at, step);
    }
    return at == NOTHING ? NULL : &d->items[at];
}

/* ---- types ---- */

static const char *const found_names[] = {
    [NW_KIND_NULL] = "null",        [NW_KIND_FALSE] = "a boolean", [NW_KIND_TRUE] = "a boolean",
    [NW_KIND_NUMBER] = "a number",  [NW_KIND_STRING] = "a string", [NW_KIND_ARRAY] = "an array",
    [NW_KIND_OBJECT] = "an object",
};

/* Digits with a sign in front, as they stand behind "e"; no number of JSON needs more than this. */
static int64_t exponent_of(struct nw_slice text, size_t at)
{
    bool negative = at < text.len && text.data[at] == '-';
    int64_t n = 0;

    at += at < text.len && (text.data[at] == '-' || text.data[at] == '+') ? 1 : 0;
    for (; at < text.len && n < INT64_MAX / 20; at++) {
        n = n * 10 + (text.data[at] - '0');
    }
    return negative ? -n : n;
}

/* 7, 7.0 and 70e-1 are integers, whatever their size: what stands behind the point is nothing. */
static bool is_integer(struct nw_slice text)
{
    int64_t fraction = 0, zeros = 0; /* digits behind the point; zeros at the end of all digits */
    bool behind = false, any = false;
    size_t i;

    for (i = 0; i < text.len && (text.data[i] | 0x20) != 'e'; i++) {
        char c = text.data[i];
        if (c == '.') {
            behind = true;
        } else if (c != '-') {
            fraction += behind ? 1 : 0;
            zeros = c == '0' ? zeros + 1 : 0;
            any = any || c != '0';
        }
    }
    return !any || exponent_of(text, i + 1) + zeros >= fraction;
}

static bool holds(enum nw_value_type type, const struct nw_document *d, const struct nw_item *item)
{
    switch (type) {
    case NW_TYPE_STRING:
        return item->kind == NW_KIND_STRING;
    case NW_TYPE_INTEGER:
        return item->kind == NW_KIND_NUMBER &&
               is_integer((struct nw_slice){d->text + item->at, item->len});
    case NW_TYPE_NUMBER:
        return item->kind == NW_KIND_NUMBER;
    case NW_TYPE_BOOLEAN:
        return item->kind == NW_KIND_TRUE || item->kind == NW_KIND_FALSE;
    case NW_TYPE_OBJECT:
        return item->kind == NW_KIND_OBJECT;
    case NW_TYPE_ARRAY:
        return item->kind == NW_KIND_ARRAY;
    default:
        return item->kind == NW_KIND_NULL;
    }
}

/* ---- checking ---- */

static void add(struct nw_error *error, const char *name, const char *what, const char *more)
{
    size_t len = strlen(error->text);

    if (len < sizeof error->text) {
        (void)snprintf(error->text + len, sizeof error->text - len, "%s%s %s%s",
                       len == 0 ? "" : "; ", name, what, more);
    }
}

static void check_type(const struct nw_document *d, const struct nw_typed *wanted,
                       const struct nw_item *item, struct nw_error *error)
{
    char what[80];

    if (item == NULL || holds(wanted->type, d, item)) {
        return;
    }
    (void)snprintf(what, sizeof what, "is %s, expected ", found_names[item->kind]);
    add(error, wanted->name, what, nw_type_article(wanted->type));
}

int nw_check_document(const struct nw_check *check, const struct nw_document *d,
                      struct nw_error *error)
{
    const struct nw_check_rule *rule = check->rule;

    error->text[0] = '\0';
    error->code = NW_EINVAL;
    for (size_t i = 0; i < rule->required_count; i++) {
        const struct nw_item *item = find(d, check->paths[i], rule->required[i]);
        if (item == NULL || item->kind == NW_KIND_NULL) {
            add(error, rule->required[i], "is missing", "");
        }
    }
    for (size_t i = 0; i < rule->type_count; i++) {
        const struct nw_typed *wanted = &rule->types[i];
        check_type(d, wanted, find(d, check->paths[rule->required_count + i], wanted->name), error);
    }
    return error->text[0] == '\0' ? 0 : NW_EINVAL;
}

int nw_check_run(const struct nw_check *check, struct nw_slice payload, struct nw_error *error)
{
    struct nw_document d = {0};
    int rc = nw_json_read(&d, payload.len == 0 ? NW_LITERAL("null") : payload, error);

    if (rc == 0) {
        rc = nw_check_document(check, &d, error);
    }
    nw_document_done(&d);
    return rc;
}
