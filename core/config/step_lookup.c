/* SPDX-License-Identifier: Apache-2.0 */
/* The step lookup. */
#include <ctype.h>
#include <stdio.h>

#include "config/lookup_file.h"
#include "config/options.h"
#include "config/rows.h"
#include "config/steps.h"

static const struct nw_node *value_of(const struct nw_step *s, const char *name)
{
    const struct nw_item *item = nw_node_get(s->node, name);

    return item == NULL ? NULL : item->value;
}

/* ---- where the values are ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), n = strlen(end);

    return len >= n && strcmp(text + len - n, end) == 0;
}

static bool is_bucket(const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at) && *at != '-' && *at != '_') {
            return false;
        }
    }
    return *name != '\0';
}

static void read_delimiter(const struct nw_step *s, const struct nw_lookup_words *words,
                           struct nw_lookup_layout *out)
{
    const char *given = words->delimiter;

    out->delimiter = ends_with(words->file, ".tsv") ? '\t' : ',';
    if (given == NULL) {
        return;
    }
    if (strlen(given) != 1 || strchr("\"\r\n", given[0]) != NULL || out->format != NW_LOOKUP_CSV) {
        nw_reader_expected(s->reader, value_of(s, "delimiter"), "delimiter",
                           "one character of ASCII, no quote and no line break, of a CSV file");
        return;
    }
    out->delimiter = given[0];
}

static bool read_file_layout(const struct nw_step *s, const struct nw_lookup_words *words,
                             struct nw_lookup_layout *out)
{
    if (words->format.index >= 0) {
        out->format = (enum nw_lookup_format)words->format.index;
    } else if (ends_with(words->file, ".csv") || ends_with(words->file, ".tsv")) {
        out->format = NW_LOOKUP_CSV;
    } else if (ends_with(words->file, ".json")) {
        out->format = NW_LOOKUP_JSON;
    } else {
        nw_reader_error(s->reader, &value_of(s, "file")->mark,
                        "file: its name does not say what it is; format: csv or json");
        return false;
    }
    read_delimiter(s, words, out);
    return true;
}

static void check_bucket(const struct nw_step *s, const struct nw_lookup_words *words)
{
    static const char *const of_files[] = {"by", "format", "delimiter"};

    if (!is_bucket(words->kv)) {
        nw_reader_expected(s->reader, value_of(s, "kv"), "kv",
                           "the name of a bucket: letters, digits, - and _");
    }
    for (size_t i = 0; i < sizeof of_files / sizeof of_files[0]; i++) {
        const struct nw_item *item = nw_node_get(s->node, of_files[i]);
        if (item != NULL) {
            nw_reader_error(s->reader, &item->mark, "%s is for files; a bucket has its keys",
                            of_files[i]);
        }
    }
}

/* ---- the lookup itself: shared ---- */

static bool same_text(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static bool is_same(const struct nw_lookup_spec *a, const struct nw_lookup_spec *b)
{
    return same_text(a->path, b->path) && same_text(a->bucket, b->bucket) &&
           same_text(a->layout.by, b->layout.by) && same_text(a->layout.take, b->layout.take) &&
           a->layout.format == b->layout.format && a->layout.delimiter == b->layout.delimiter;
}

static void free_lookup(void *lookup)
{
    nw_lookup_free(lookup);
}

/* A name for people: the file as it was written, or the bucket. */
static int make_lookup(const struct nw_step *s, struct nw_lookup_spec *spec)
{
    char name[300];

    (void)snprintf(name, sizeof name, "%s%s", spec->path == NULL ? "the bucket " : "", spec->name);
    spec->lookup = nw_lookup_new(name);
    if (spec->lookup == NULL || nw_arena_defer(s->reader->arena, free_lookup, spec->lookup) != 0) {
        return NW_ENOMEM;
    }
    spec->next = *s->reader->lookups;
    *s->reader->lookups = spec;
    return 0;
}

/* The option that names a column that the file does not have, or `file` itself. */
static const char *option_of(const struct nw_lookup_spec *spec, const char *message)
{
    const char *const options[] = {"by", "take"};
    const char *const columns[] = {spec->layout.by, spec->layout.take};

    for (size_t i = 0; i < 2; i++) {
        char text[200];

        (void)snprintf(text, sizeof text, "there is no column \"%.100s\"",
                       columns[i] == NULL ? "" : columns[i]);
        if (columns[i] != NULL && strstr(message, text) != NULL) {
            return options[i];
        }
    }
    return "file";
}

static int read_file(const struct nw_step *s, struct nw_lookup_spec *spec)
{
    struct nw_error error;
    const char *option;
    int rc = nw_lookup_file_read(spec, &error);

    if (rc == NW_ENOMEM) {
        return rc;
    }
    if (rc != 0) {
        option = option_of(spec, error.text);
        nw_reader_error(s->reader, &value_of(s, option)->mark, "%s: %s: %s", option, spec->name,
                        error.text);
    }
    return 0;
}

/* The one that there is already, or this. */
static int share(const struct nw_step *s, const struct nw_lookup_spec *wanted,
                 struct nw_lookup **out)
{
    struct nw_lookup_spec *spec = *s->reader->lookups;
    int rc;

    while (spec != NULL && !is_same(spec, wanted)) {
        spec = spec->next;
    }
    if (spec != NULL) {
        *out = spec->lookup;
        return 0;
    }
    spec = nw_arena_alloc(s->reader->arena, sizeof *spec);
    if (spec == NULL) {
        return NW_ENOMEM;
    }
    *spec = *wanted;
    rc = make_lookup(s, spec);
    *out = spec->lookup;
    return rc != 0 || spec->path == NULL ? rc : read_file(s, spec);
}

/* file: or kv:, one of them. *out NULL: it is wrong. */
static int read_where(const struct nw_step *s, const struct nw_lookup_words *words,
                      struct nw_lookup **out)
{
    struct nw_lookup_spec spec = {.layout = {.by = words->by, .take = words->take}};

    if ((words->file == NULL) == (words->kv == NULL)) {
        nw_reader_error(s->reader, &s->node->mark,
                        words->file == NULL ? "lookup needs file: or kv:"
                                            : "lookup has file: and kv:; one of them is meant");
        return 0;
    }
    spec.mark = value_of(s, words->file != NULL ? "file" : "kv")->mark;
    if (words->kv != NULL) {
        spec.bucket = spec.name = words->kv;
        check_bucket(s, words);
        return share(s, &spec, out);
    }
    spec.path = words->file;
    if (nw_reader_copy(s->reader, value_of(s, "file")->text, &spec.name) != 0) {
        return NW_ENOMEM;
    }
    return read_file_layout(s, words, &spec.layout) ? share(s, &spec, out) : 0;
}

/* ---- key, into, missing ---- */

static void free_path(void *path)
{
    nw_json_path_free(path);
}

static int read_into(const struct nw_step *s, const char *text, const struct nw_json_path **out)
{
    const struct nw_node *node = value_of(s, "into");
    struct nw_json_path *path = NULL;
    struct nw_error error;
    struct nw_slice name;
    struct nw_mark mark;
    size_t index;
    int rc = nw_json_path_compile(nw_slice_text(text), &path, &error);

    if (rc == NW_ENOMEM) {
        return rc;
    }
    if (rc != 0) {
        mark = nw_node_at(node, error.at);
        nw_reader_error(s->reader, &mark, "into: %s", error.text);
        return 0;
    }
    *out = path;
    if (!nw_json_path_step(path, 0, &name, &index)) {
        nw_reader_error(s->reader, &node->mark,
                        "into: that is the whole payload; expected a path like .name");
    }
    return nw_arena_defer(s->reader->arena, free_path, path);
}

static int read_missing(const struct nw_step *s, struct nw_lookup_rule *rule)
{
    const struct nw_node *node = value_of(s, "missing");
    const struct nw_item *value = nw_node_get(node, "value");
    struct nw_buffer json = {0};
    const char *copy = NULL;
    int rc;

    if (node == NULL || (node->kind == NW_NODE_TEXT && strcmp(node->text.data, "reject") == 0)) {
        return 0;
    }
    if (node->kind == NW_NODE_TEXT && strcmp(node->text.data, "keep") == 0) {
        rule->missing = NW_MISSING_KEEP;
        return 0;
    }
    if (value == NULL || node->count != 1) {
        nw_reader_expected(s->reader, node, "missing", "reject, keep or {value: …}");
        return 0;
    }
    nw_node_json(&json, value->value);
    rc = json.failed ? NW_ENOMEM : nw_reader_copy(s->reader, nw_buffer_slice(&json), &copy);
    rule->missing = NW_MISSING_VALUE;
    rule->value = (struct nw_slice){copy, json.len};
    nw_buffer_done(&json);
    return rc;
}

static int read_rule(const struct nw_step *s, const struct nw_lookup_words *words,
                     struct nw_lookup_rule *rule, struct nw_program **key)
{
    int rc = read_where(s, words, &rule->lookup);

    rule->kv = words->kv != NULL;
    if (rc == 0 && words->into != NULL) {
        rc = read_into(s, words->into, &rule->into);
    }
    rc = rc != 0 ? rc : read_missing(s, rule);
    if (rc == 0 && words->key != NULL) {
        rc = nw_reader_program(s->reader, value_of(s, "key"), "key", key);
    }
    return rc;
}

int nw_step_read_lookup(const struct nw_step *s)
{
    struct nw_lookup_words words = {.file = NULL, .format = {.index = -1}};
    struct nw_layer layers[] = {{nw_lookup_rows, &words}, {nw_lookup_missing_rows, NULL}};
    struct nw_lookup_rule *rule = nw_arena_alloc(s->reader->arena, sizeof *rule);
    struct nw_program *key = NULL, *when = NULL;
    struct nw_reader reader = *s->reader;
    size_t errors = reader.diagnostics->errors;
    int rc;

    if (rule == NULL) {
        return NW_ENOMEM;
    }
    if (s->node->kind != NW_NODE_MAP) {
        nw_reader_expected(s->reader, s->node, s->name,
                           "{file: path, key: jq, into: path} or {kv: bucket, …}");
        return 0;
    }
    reader.mark = s->node->mark;
    reader.live = true;
    rc = nw_options_read(&reader, s->node, 0, layers, 2, "lookup");
    if (rc == 0 && reader.diagnostics->errors == errors) {
        rc = read_rule(s, &words, rule, &key);
    }
    rc = rc != 0 || reader.diagnostics->errors != errors ? rc : nw_step_when(s, &when);
    if (rc != 0 || reader.diagnostics->errors != errors || key == NULL) {
        nw_program_free(key);
        nw_program_free(when);
        return rc;
    }
    nw_step_warn_all_integers(s);
    return nw_map_add_lookup(s->map, key, rule, when);
}
