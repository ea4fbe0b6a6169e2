/* SPDX-License-Identifier: Apache-2.0 */
/* The steps decode, encode and check. */
#include <stdio.h>

#include "base/suggest.h"
#include "config/options.h"
#include "config/rows.h"
#include "config/step_avro.h"
#include "config/steps.h"
#include "mappings/check.h"
#include "mappings/json_path.h"

/* ---- types ---- */

/* The `types:` of a step. */
struct types {
    const char *expected; /* how they are listed */
    bool fields;          /* those of a CSV field only */
};
static const struct types any_type = {"string, integer, number, boolean, object, array or null",
                                      false};
static const struct types field_type = {"string, integer, number or boolean", true};

static bool is_allowed(const struct types *types, int type)
{
    return type >= 0 && (!types->fields ||
                         (type != NW_TYPE_OBJECT && type != NW_TYPE_ARRAY && type != NW_TYPE_NULL));
}

/* The mapping `types:` of map, if it is there. Unquoted, null is the type of that name. */
static int read_types(const struct nw_step *s, const struct nw_node *map,
                      const struct types *allowed, const struct nw_typed **out, size_t *count)
{
    const struct nw_item *types = nw_node_get(map, "types");
    const struct nw_node *node = types == NULL ? NULL : types->value;
    struct nw_typed *typed;
    int rc = 0;

    if (node == NULL || node->kind != NW_NODE_MAP) {
        if (node != NULL) {
            nw_reader_expected(s->reader, node, "types", "a mapping of names to types");
        }
        return 0;
    }
    typed = nw_arena_alloc(s->reader->arena, (node->count + 1) * sizeof *typed);
    *out = typed;
    for (size_t i = 0; typed != NULL && rc == 0 && i < node->count; i++) {
        const struct nw_node *value = node->items[i].value;
        int type = value->kind == NW_NODE_TEXT ? nw_type_find(value->text.data) : -1;
        char name[120];

        if (is_allowed(allowed, type)) {
            typed[*count].type = (enum nw_value_type)type;
            rc = nw_reader_copy(s->reader, node->items[i].key, &typed[(*count)++].name);
            continue;
        }
        (void)snprintf(name, sizeof name, "types.%.100s", node->items[i].key.data);
        nw_reader_expected(s->reader, value, name, "%s", allowed->expected);
    }
    return typed == NULL ? NW_ENOMEM : rc;
}

/* ---- decode and encode ---- */

static bool has_column(const struct nw_csv_words *words, const char *name)
{
    for (size_t i = 0; i < words->columns.count; i++) {
        if (strcmp(words->columns.items[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* Columns that are known here: each has a name of its own, and types: names no others. */
static void check_columns(const struct nw_step *s, const struct nw_node *node,
                          const struct nw_csv_words *words)
{
    const struct nw_item *columns = nw_node_get(node, "columns");
    const struct nw_item *types = nw_node_get(node, "types");

    for (size_t i = 0; i < words->columns.count; i++) {
        const struct nw_csv_words before = {.columns = {words->columns.items, i}};
        if (has_column(&before, words->columns.items[i])) {
            nw_reader_error(s->reader, &columns->value->items[i].value->mark,
                            "csv.columns: \"%.100s\" is there twice", words->columns.items[i]);
        }
    }
    for (size_t i = 0; types != NULL && i < types->value->count; i++) {
        const struct nw_item *type = &types->value->items[i];
        if (words->columns.count > 0 ? !has_column(words, type->key.data) : !words->header) {
            nw_reader_error(s->reader, &type->mark, "csv.types: there is no column \"%.100s\"",
                            type->key.data);
        }
    }
}

static int read_csv(const struct nw_step *s, const struct nw_node *node, struct nw_codec *out)
{
    struct nw_csv_words words = {0};
    struct nw_layer layers[] = {{nw_csv_rows, &words}, {nw_csv_type_rows, NULL}};
    int rc = nw_options_defaults(s->reader, nw_csv_rows, &words);

    if (rc == 0 && node != NULL) {
        rc = nw_options_read(s->reader, node, 0, layers, 2, "csv");
    }
    if (rc != 0) {
        return rc;
    }
    out->header = words.header;
    out->columns = words.columns.items;
    out->column_count = words.columns.count;
    out->delimiter = words.delimiter[0];
    if (strlen(words.delimiter) != 1 || strchr("\"\r\n", words.delimiter[0]) != NULL) {
        nw_reader_expected(s->reader, nw_node_get(node, "delimiter")->value, "csv.delimiter",
                           "one character of ASCII, no quote and no line break");
    }
    check_columns(s, node, &words);
    return read_types(s, node, &field_type, &out->types, &out->type_count);
}

/* The name of a format: `csv`, or the one key of `{csv: {…}}`, whose value is *options. */
static const struct nw_item *find_format(const struct nw_step *s, struct nw_slice *name)
{
    const struct nw_node *node = s->node;

    if (node->kind == NW_NODE_TEXT) {
        *name = node->text;
        return NULL;
    }
    if (node->kind == NW_NODE_MAP && node->count == 1) {
        *name = node->items[0].key;
        return &node->items[0];
    }
    *name = NW_ABSENT;
    return NULL;
}

static int read_codec(const struct nw_step *s, bool encodes, const struct nw_codec **out)
{
    struct nw_codec *codec = nw_arena_alloc(s->reader->arena, sizeof *codec);
    struct nw_slice name;
    const struct nw_item *item = find_format(s, &name);
    const struct nw_node *options = item == NULL ? NULL : item->value;
    int format = name.data == NULL ? -1 : nw_format_find(name.data);

    if (codec == NULL) {
        return NW_ENOMEM;
    }
    if (format < 0) {
        nw_reader_expected(s->reader, s->node, s->name, "one of %s", nw_format_names());
        return 0;
    }
    codec->format = (enum nw_format)format;
    if (options != NULL && options->kind != NW_NODE_MAP && !options->null) {
        nw_reader_expected(s->reader, options, name.data, "a mapping of options");
        return 0;
    }
    *out = codec;
    if (codec->format == NW_FORMAT_CSV) {
        return read_csv(s, options == NULL || options->null ? NULL : options, codec);
    }
    if (codec->format == NW_FORMAT_AVRO) {
        return nw_step_read_avro(s, options == NULL || options->null ? NULL : options, encodes,
                                 &codec->avro);
    }
    if (options != NULL && options->count > 0) {
        nw_reader_error(s->reader, &options->items[0].mark, "%s has no options", name.data);
    }
    return 0;
}

static int read_codec_step(const struct nw_step *s, bool encodes,
                           int (*add)(struct nw_map *, const struct nw_codec *,
                                      struct nw_program *))
{
    const struct nw_codec *codec = NULL;
    struct nw_program *when = NULL;
    int rc = read_codec(s, encodes, &codec);

    if (encodes && codec != NULL && codec->format != NW_FORMAT_JSON && /* only without blanks */
        codec->format != NW_FORMAT_BASE64) {
        nw_step_warn_all_integers(s);
    }
    rc = rc != 0 || codec == NULL ? rc : nw_step_when(s, &when);
    return rc != 0 || codec == NULL ? rc : add(s->map, codec, when);
}

int nw_step_read_decode(const struct nw_step *s)
{
    return read_codec_step(s, false, nw_map_add_decode);
}

int nw_step_read_encode(const struct nw_step *s)
{
    return read_codec_step(s, true, nw_map_add_encode);
}

/* ---- check ---- */

/* A name that looks like a path must be one. */
static int check_name(const struct nw_step *s, struct nw_slice name, struct nw_mark mark,
                      const char *option, bool *good)
{
    struct nw_json_path *path;
    struct nw_error error;
    int rc = nw_check_path(name, &path, &error);

    if (rc == NW_EINVAL) {
        nw_reader_error(s->reader, &mark, "check.%s: \"%.100s\": %s", option, name.data,
                        error.text);
        *good = false;
        return 0;
    }
    nw_json_path_free(path);
    return rc;
}

static int check_names(const struct nw_step *s, bool *good)
{
    const struct nw_item *required = nw_node_get(s->node, "required");
    const struct nw_item *types = nw_node_get(s->node, "types");
    const struct nw_node *list = required == NULL ? NULL : required->value;
    int rc = 0;

    for (size_t i = 0; rc == 0 && list != NULL && list->kind == NW_NODE_LIST && i < list->count;
         i++) {
        const struct nw_node *name = list->items[i].value;
        rc = check_name(s, name->text, name->mark, "required", good);
    }
    if (list != NULL && list->kind == NW_NODE_TEXT) {
        rc = check_name(s, list->text, list->mark, "required", good);
    }
    for (size_t i = 0;
         rc == 0 && types != NULL && types->value->kind == NW_NODE_MAP && i < types->value->count;
         i++) {
        const struct nw_item *item = &types->value->items[i];
        rc = check_name(s, item->key, item->mark, "types", good);
    }
    return rc;
}

int nw_step_read_check(const struct nw_step *s)
{
    struct nw_check_words words = {0};
    struct nw_layer layers[] = {{nw_check_rows, &words}, {nw_check_type_rows, NULL}};
    struct nw_check_rule *rule = nw_arena_alloc(s->reader->arena, sizeof *rule);
    struct nw_program *when = NULL;
    bool good = true;
    int rc;

    if (rule == NULL) {
        return NW_ENOMEM;
    }
    if (s->node->kind != NW_NODE_MAP || s->node->count == 0) {
        nw_reader_expected(s->reader, s->node, s->name, "{required: [names], types: {name: type}}");
        return 0;
    }
    rc = nw_options_read(s->reader, s->node, 0, layers, 2, "check");
    rule->required = words.required.items;
    rule->required_count = words.required.count;
    rc = rc != 0 ? rc : read_types(s, s->node, &any_type, &rule->types, &rule->type_count);
    *s->checked = rule;
    rc = rc != 0 ? rc : check_names(s, &good);
    rc = rc != 0 || !good ? rc : nw_step_when(s, &when);
    return rc != 0 || !good ? rc : nw_map_add_check(s->map, rule, when);
}
