/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a schema's JSON to its types (specification 1.11), all in one arena. Named types are entered
 * into a table before their fields are read, so that they may name themselves. libjq has bounded
 * how deep the JSON is.
 */
#include "base/arena.h"
#include "base/table.h"
#include "mappings/avro_types.h"
#include "mappings/types.h"

#define LARGEST_FIXED (1 << 20)

struct parser {
    struct nw_arena *arena;
    struct nw_table names;           /* full name to struct nw_avro_type */
    struct nw_avro_field *standards; /* all fields with a default */
    struct nw_error *error;
};

/* What is read: its node is borrowed, its place is for messages. */
struct node {
    jv value;
    const char *space; /* the namespace around it, "" for none */
    const struct nw_avro_place *place;
};

static const struct nw_avro_type primitives[] = {
    {.kind = NW_AVRO_NULL, .name = "null"},   {.kind = NW_AVRO_BOOLEAN, .name = "boolean"},
    {.kind = NW_AVRO_INT, .name = "int"},     {.kind = NW_AVRO_LONG, .name = "long"},
    {.kind = NW_AVRO_FLOAT, .name = "float"}, {.kind = NW_AVRO_DOUBLE, .name = "double"},
    {.kind = NW_AVRO_BYTES, .name = "bytes"}, {.kind = NW_AVRO_STRING, .name = "string"},
};
#define PRIMITIVES (sizeof primitives / sizeof primitives[0])

static int parse(struct parser *p, const struct node *n, const struct nw_avro_type **out);

static int wrong(struct parser *p, const struct nw_avro_place *place, const char *what)
{
    return nw_avro_wrong(p->error, "avro schema", place, "%s", what);
}

static int no_memory(struct parser *p)
{
    return nw_error_set(p->error, NW_ENOMEM, "out of memory");
}

/* A member of an object; invalid if there is none. The caller's. */
static jv get(jv object, const char *name)
{
    return jv_object_get(jv_copy(object), jv_string(name));
}

static struct nw_slice text_of(jv string)
{
    return (struct nw_slice){jv_string_value(string),
                             (size_t)jv_string_length_bytes(jv_copy(string))};
}

/* A copy of the member's text in the arena. NULL: it is none, or there is no memory. */
static const char *get_text(struct parser *p, jv object, const char *name)
{
    jv value = get(object, name);
    const char *text = NULL;

    if (jv_get_kind(value) == JV_KIND_STRING) {
        struct nw_slice s = text_of(value);
        text = memchr(s.data, '\0', s.len) != NULL ? NULL : nw_arena_copy(p->arena, s);
    }
    jv_free(value);
    return text;
}

/* ---- names ---- */

static bool is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return len > 0;
}

/* Names between dots. */
static bool is_full_name(const char *text)
{
    for (;;) {
        size_t len = strcspn(text, ".");
        if (!is_name(text, len)) {
            return false;
        }
        if (text[len] == '\0') {
            return true;
        }
        text += len + 1;
    }
}

/* name as it is called from inside of that namespace. */
static const char *full_name(struct parser *p, const char *name, const char *space)
{
    if (strchr(name, '.') != NULL || space[0] == '\0') {
        return name;
    }
    return nw_arena_format(p->arena, "%s.%s", space, name);
}

/* Enter the named type at n; *space becomes the namespace inside of it. */
static int begin_named(struct parser *p, const struct node *n, struct nw_avro_type *type,
                       const char **space)
{
    const char *name = get_text(p, n->value, "name"), *own = get_text(p, n->value, "namespace");
    const char *dot;

    if (name == NULL) {
        return wrong(p, n->place, "a record, enum or fixed needs a name");
    }
    type->name = full_name(p, name, own == NULL ? n->space : own);
    if (type->name == NULL) {
        return no_memory(p);
    }
    if (!is_full_name(type->name)) {
        return nw_avro_wrong(p->error, "avro schema", n->place, "\"%.100s\" is no name",
                             type->name);
    }
    if (nw_table_find(&p->names, nw_slice_text(type->name)) != NULL) {
        return nw_avro_wrong(p->error, "avro schema", n->place, "%.100s is defined twice",
                             type->name);
    }
    dot = strrchr(type->name, '.');
    *space = dot == NULL ? ""
                         : nw_arena_copy(p->arena,
                                         (struct nw_slice){type->name, (size_t)(dot - type->name)});
    if (*space == NULL || nw_table_put(&p->names, nw_slice_text(type->name), type) != 0) {
        return no_memory(p);
    }
    return 0;
}

/* A type by its name. */
static int find_type(struct parser *p, const struct node *n, struct nw_slice name,
                     const struct nw_avro_type **out)
{
    const char *copy, *full;

    for (size_t i = 0; i < PRIMITIVES; i++) {
        if (nw_slice_equal(nw_slice_text(primitives[i].name), name)) {
            *out = &primitives[i];
            return 0;
        }
    }
    copy = nw_arena_copy(p->arena, name);
    full = copy == NULL ? NULL : full_name(p, copy, n->space);
    if (full == NULL) {
        return no_memory(p);
    }
    *out = nw_table_find(&p->names, nw_slice_text(full));
    if (*out == NULL) { /* the specification does not look further, but the others do */
        *out = nw_table_find(&p->names, nw_slice_text(copy));
    }
    if (*out == NULL) {
        return nw_avro_wrong(p->error, "avro schema", n->place, "there is no type \"%.100s\"",
                             copy);
    }
    return 0;
}

/* ---- records ---- */

static int parse_member(struct parser *p, const struct node *n, const char *name,
                        const struct nw_avro_type **out)
{
    jv value = get(n->value, name);
    struct nw_avro_place place = {.up = n->place, .name = nw_slice_text(name)};
    struct node member = {value, n->space, &place};
    int rc = jv_is_valid(value)
                 ? parse(p, &member, out)
                 : nw_avro_wrong(p->error, "avro schema", n->place, "%s is missing", name);

    jv_free(value);
    return rc;
}

static int parse_field(struct parser *p, const struct node *n, struct nw_avro_field *out)
{
    const char *name;
    int rc;

    if (jv_get_kind(n->value) != JV_KIND_OBJECT) {
        return wrong(p, n->place, "a field is an object with name and type");
    }
    name = get_text(p, n->value, "name");
    if (name == NULL || !is_name(name, strlen(name))) {
        return wrong(p, n->place, "a field needs a name of letters, digits and _");
    }
    out->name = nw_slice_text(name);
    rc = parse_member(p, n, "type", &out->type);
    if (rc != 0) {
        return rc;
    }
    out->standard = get(n->value, "default");
    out->has_standard = jv_is_valid(out->standard);
    if (out->has_standard) {
        out->next = p->standards;
        p->standards = out;
    } else {
        jv_free(out->standard);
    }
    return 0;
}

static int parse_fields(struct parser *p, jv fields, const struct node *n,
                        struct nw_avro_type *type)
{
    struct nw_avro_place of = {.up = n->place, .name = NW_LITERAL("fields")};
    struct nw_table names = {0};
    size_t count = (size_t)jv_array_length(jv_copy(fields));
    int rc = 0;

    type->fields = nw_arena_alloc(p->arena, (count + 1) * sizeof *type->fields);
    if (type->fields == NULL) {
        return no_memory(p);
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct nw_avro_place place = {.up = &of, .index = i};
        struct nw_avro_field *field = &type->fields[i];
        struct node one = {jv_array_get(jv_copy(fields), (int)i), n->space, &place};
        rc = parse_field(p, &one, field);
        jv_free(one.value);
        if (rc == 0 && nw_table_find(&names, field->name) != NULL) {
            rc = nw_avro_wrong(p->error, "avro schema", &place, "%s is a field twice",
                               field->name.data);
        }
        if (rc == 0 && nw_table_put(&names, field->name, field) != 0) {
            rc = no_memory(p);
        }
    }
    type->count = count;
    nw_table_done(&names);
    return rc;
}

static int parse_record(struct parser *p, const struct node *n, struct nw_avro_type *type)
{
    struct node inner = *n;
    jv fields;
    int rc = begin_named(p, n, type, &inner.space);

    if (rc != 0) {
        return rc;
    }
    fields = get(n->value, "fields");
    rc = jv_get_kind(fields) == JV_KIND_ARRAY
             ? parse_fields(p, fields, &inner, type)
             : wrong(p, n->place, "a record needs a list of fields");
    jv_free(fields);
    return rc;
}

/* ---- the other complex types ---- */

static int parse_symbols(struct parser *p, jv symbols, const struct nw_avro_place *place,
                         struct nw_avro_type *type)
{
    size_t count = (size_t)jv_array_length(jv_copy(symbols));
    struct nw_slice *out = nw_arena_alloc(p->arena, (count + 1) * sizeof *out);
    struct nw_table known = {0};
    int rc = 0;

    if (out == NULL) {
        return no_memory(p);
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        jv symbol = jv_array_get(jv_copy(symbols), (int)i);
        struct nw_slice text =
            jv_get_kind(symbol) == JV_KIND_STRING ? text_of(symbol) : NW_LITERAL("");
        const char *copy = nw_arena_copy(p->arena, text);
        if (!is_name(text.data, text.len)) {
            rc = wrong(p, place, "a symbol is a name of letters, digits and _");
        } else if (copy == NULL || nw_table_find(&known, nw_slice_text(copy)) != NULL) {
            rc = copy == NULL ? no_memory(p) : wrong(p, place, "a symbol stands twice");
        } else {
            out[i] = nw_slice_text(copy);
            rc = nw_table_put(&known, out[i], &out[i]) != 0 ? no_memory(p) : 0;
        }
        jv_free(symbol);
    }
    nw_table_done(&known);
    type->symbols = out;
    type->count = count;
    return rc;
}

static int parse_enum(struct parser *p, const struct node *n, struct nw_avro_type *type)
{
    const char *space;
    jv symbols;
    int rc = begin_named(p, n, type, &space);

    if (rc != 0) {
        return rc;
    }
    symbols = get(n->value, "symbols");
    rc = jv_get_kind(symbols) == JV_KIND_ARRAY
             ? parse_symbols(p, symbols, n->place, type)
             : wrong(p, n->place, "an enum needs a list of symbols");
    jv_free(symbols);
    return rc;
}

static int parse_fixed(struct parser *p, const struct node *n, struct nw_avro_type *type)
{
    const char *space;
    int rc = begin_named(p, n, type, &space);
    jv size = get(n->value, "size");
    double number = jv_get_kind(size) == JV_KIND_NUMBER ? jv_number_value(size) : -1;
    bool good = nw_type_holds(NW_TYPE_INTEGER, size) && number >= 0 && number <= LARGEST_FIXED;

    jv_free(size);
    if (rc == 0 && !good) {
        rc = wrong(p, n->place, "a fixed needs a size, of 1 MiB at most");
    }
    type->size = rc == 0 ? (size_t)number : 0;
    return rc;
}

static int parse_array(struct parser *p, const struct node *n, struct nw_avro_type *type)
{
    return parse_member(p, n, "items", &type->items);
}

static int parse_map(struct parser *p, const struct node *n, struct nw_avro_type *type)
{
    return parse_member(p, n, "values", &type->items);
}

/* ---- unions ---- */

bool nw_avro_is_named(const struct nw_avro_type *type)
{
    return type->kind == NW_AVRO_RECORD || type->kind == NW_AVRO_ENUM ||
           type->kind == NW_AVRO_FIXED;
}

static int check_branch(struct parser *p, const struct nw_avro_type *type, size_t index,
                        const struct nw_avro_place *place)
{
    const struct nw_avro_type *branch = type->branches[index];

    if (branch->kind == NW_AVRO_UNION) {
        return wrong(p, place, "a union directly in a union");
    }
    for (size_t i = 0; i < index; i++) {
        const struct nw_avro_type *other = type->branches[i];
        if (other == branch || (other->kind == branch->kind && !nw_avro_is_named(branch))) {
            return nw_avro_wrong(p->error, "avro schema", place, "%.100s is in the union twice",
                                 branch->name);
        }
    }
    return 0;
}

static int parse_union(struct parser *p, const struct node *n, const struct nw_avro_type **out)
{
    size_t count = (size_t)jv_array_length(jv_copy(n->value));
    struct nw_avro_type *type = nw_arena_alloc(p->arena, sizeof *type);
    int rc = 0;

    if (type == NULL) {
        return no_memory(p);
    }
    *type = (struct nw_avro_type){.kind = NW_AVRO_UNION, .name = "union", .count = count};
    type->branches = nw_arena_alloc(p->arena, (count + 1) * sizeof *type->branches);
    if (type->branches == NULL) {
        return no_memory(p);
    }
    for (size_t i = 0; rc == 0 && i < count; i++) {
        struct nw_avro_place place = {.up = n->place, .index = i};
        struct node one = {jv_array_get(jv_copy(n->value), (int)i), n->space, &place};
        rc = parse(p, &one, &type->branches[i]);
        jv_free(one.value);
        rc = rc != 0 ? rc : check_branch(p, type, i, &place);
    }
    *out = type;
    return rc == 0 && count == 0 ? wrong(p, n->place, "a union of nothing") : rc;
}

/* ---- any type ---- */

static const struct complex {
    const char *name;
    enum nw_avro_kind kind;
    int (*parse)(struct parser *p, const struct node *n, struct nw_avro_type *type);
} complexes[] = {
    {"record", NW_AVRO_RECORD, parse_record}, {"error", NW_AVRO_RECORD, parse_record},
    {"enum", NW_AVRO_ENUM, parse_enum},       {"fixed", NW_AVRO_FIXED, parse_fixed},
    {"array", NW_AVRO_ARRAY, parse_array},    {"map", NW_AVRO_MAP, parse_map},
};
#define COMPLEXES (sizeof complexes / sizeof complexes[0])

/* {"type": "record", …}, but also {"type": "string", "logicalType": …} and {"type": {…}}. */
static int parse_object(struct parser *p, const struct node *n, const struct nw_avro_type **out)
{
    jv name = get(n->value, "type");
    const struct complex *found = NULL;
    struct nw_avro_type *type;

    for (size_t i = 0; jv_get_kind(name) == JV_KIND_STRING && i < COMPLEXES; i++) {
        if (nw_slice_equal(nw_slice_text(complexes[i].name), text_of(name))) {
            found = &complexes[i];
        }
    }
    jv_free(name);
    if (found == NULL) {
        return parse_member(p, n, "type", out);
    }
    type = nw_arena_alloc(p->arena, sizeof *type);
    if (type == NULL) {
        return no_memory(p);
    }
    type->kind = found->kind;
    type->name = found->name;
    *out = type;
    return found->parse(p, n, type);
}

static int parse(struct parser *p, const struct node *n, const struct nw_avro_type **out)
{
    switch (jv_get_kind(n->value)) {
    case JV_KIND_STRING:
        return find_type(p, n, text_of(n->value), out);
    case JV_KIND_ARRAY:
        return parse_union(p, n, out);
    case JV_KIND_OBJECT:
        return parse_object(p, n, out);
    default:
        return nw_avro_wrong(p->error, "avro schema", n->place,
                             "expected the name of a type, an object or a list, found %s",
                             nw_type_found(n->value));
    }
}

int nw_avro_parse(struct nw_arena *arena, jv root, struct nw_avro_parsed *out,
                  struct nw_error *error)
{
    struct parser p = {.arena = arena, .error = error};
    struct node n = {root, "", NULL};
    int rc = parse(&p, &n, &out->type);

    nw_table_done(&p.names);
    out->standards = p.standards;
    return rc;
}
