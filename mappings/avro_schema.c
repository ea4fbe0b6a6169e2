/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema as a whole: its text, its defaults, its life. All of Avro is our own and not libavro's:
 * that one keeps neither the defaults of fields nor the nested places that messages need, and
 * reading values with it is not fit for bytes from outside (it allocates what a length says before
 * it has looked whether so much is there, and follows nested values to the end of the stack).
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "mappings/avro_types.h"
#include "mappings/json_value.h"

struct nw_avro_schema {
    struct nw_arena *arena; /* it lies in there itself */
    const struct nw_avro_type *type;
    atomic_uint references;
};

/* ---- defaults ---- */

static int no_memory(struct nw_error *error)
{
    return nw_error_set(error, NW_ENOMEM, "out of memory");
}

/* Encode the default of f into bytes, and keep it. *all: how many bytes the schema's have. */
static int write_standard(struct nw_arena *arena, struct nw_avro_field *f, struct nw_buffer *bytes,
                          size_t *all, struct nw_error *error)
{
    struct nw_error why;
    const char *copy;

    nw_buffer_clear(bytes);
    if (nw_avro_write_standard(f->type, f->standard, bytes, &why) != 0) {
        return nw_error_set(error, NW_EINVAL,
                            "avro schema: the default of the field %.100s: %.200s", f->name.data,
                            why.text);
    }
    *all += bytes->len;
    if (bytes->len > NW_AVRO_LARGEST_STANDARD || *all > NW_AVRO_LARGEST_STANDARDS) {
        return nw_error_set(error, NW_EINVAL,
                            "avro schema: the default of the field %.100s is too large",
                            f->name.data);
    }
    copy = bytes->failed ? NULL : nw_arena_copy(arena, nw_buffer_slice(bytes));
    f->written = (struct nw_slice){copy, bytes->len};
    return copy == NULL ? no_memory(error) : 0;
}

/* When all types are known: each default once, as it will stand in what is written. */
static int write_standards(struct nw_arena *arena, struct nw_avro_field *first,
                           struct nw_error *error)
{
    struct nw_buffer bytes = {0};
    size_t all = 0;
    int rc = 0;

    for (struct nw_avro_field *f = first; rc == 0 && f != NULL; f = f->next) {
        rc = write_standard(arena, f, &bytes, &all, error);
    }
    nw_buffer_done(&bytes);
    return rc;
}

static void free_standards(struct nw_avro_field *first)
{
    for (struct nw_avro_field *f = first; f != NULL; f = f->next) {
        jv_free(f->standard);
        f->standard = jv_null();
    }
}

/* ---- the whole ---- */

static int parse_text(struct nw_arena *arena, struct nw_slice text, bool writes,
                      const struct nw_avro_type **out, struct nw_error *error)
{
    struct nw_avro_parsed parsed = {.type = NULL};
    struct nw_error why;
    jv root;
    int rc = nw_json_value(text, &root, &why);

    if (rc != 0) {
        return nw_error_set(error, rc, "avro schema: %s", why.text);
    }
    rc = nw_avro_parse(arena, root, &parsed, error);
    if (rc == 0 && writes) {
        rc = write_standards(arena, parsed.standards, error);
    }
    free_standards(parsed.standards);
    jv_free(root);
    *out = parsed.type;
    return rc;
}

int nw_avro_schema_new(struct nw_slice text, bool writes, struct nw_avro_schema **out,
                       struct nw_error *error)
{
    struct nw_arena *arena = nw_arena_new();
    struct nw_avro_schema *schema = arena == NULL ? NULL : nw_arena_alloc(arena, sizeof *schema);
    int rc =
        schema == NULL ? no_memory(error) : parse_text(arena, text, writes, &schema->type, error);

    if (rc != 0) {
        nw_arena_free(arena);
        return rc;
    }
    schema->arena = arena;
    atomic_init(&schema->references, 1);
    *out = schema;
    return 0;
}

void nw_avro_schema_ref(struct nw_avro_schema *schema)
{
    atomic_fetch_add(&schema->references, 1);
}

void nw_avro_schema_unref(struct nw_avro_schema *schema)
{
    if (schema != NULL && atomic_fetch_sub(&schema->references, 1) == 1) {
        nw_arena_free(schema->arena);
    }
}

const char *nw_avro_schema_name(const struct nw_avro_schema *schema)
{
    return nw_avro_is_named(schema->type) ? schema->type->name : NULL;
}

const struct nw_avro_type *nw_avro_schema_type(const struct nw_avro_schema *schema)
{
    return schema->type;
}
