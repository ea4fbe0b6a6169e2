/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Avro's binary form to JSON. The bytes come from outside: a length is believed only if so many
 * bytes are there, nesting is bounded, and so is how many values a message may have, because a few
 * bytes can stand for any number of values that take none (an array of a million nulls).
 */
#include <math.h>

#include "base/json.h"
#include "mappings/avro_types.h"
#include "mappings/codecs.h"
#include "mappings/types.h"

/* What a message may cost: a value is one, and an object, which takes most memory, ten. */
#define MOST_VALUES 1000000
#define OBJECT_COST 10

struct reader {
    const unsigned char *at, *end;
    size_t depth, values;
    struct nw_error *error;
};

static int read_value(struct reader *r, const struct nw_avro_type *type,
                      const struct nw_avro_place *place, jv *out);

static int wrong(struct reader *r, const struct nw_avro_place *place, const char *what)
{
    return nw_avro_wrong(r->error, "avro", place, "%s", what);
}

static int ends_early(struct reader *r, const struct nw_avro_place *place)
{
    return wrong(r, place, "the payload ends in the middle of a value");
}

/* ---- the pieces ---- */

/* A zig-zag number of variable length. */
static int read_long(struct reader *r, const struct nw_avro_place *place, int64_t *out)
{
    uint64_t n = 0;

    for (unsigned shift = 0; r->at < r->end; shift += 7) {
        unsigned char byte = *r->at++;
        if (shift == 63 && byte > 1) {
            return wrong(r, place, "a number of more than 64 bits");
        }
        n |= (uint64_t)(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0) {
            *out = (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
            return 0;
        }
    }
    return ends_early(r, place);
}

/* How many bytes follow. */
static int read_length(struct reader *r, const struct nw_avro_place *place, size_t *out)
{
    int64_t length;
    int rc = read_long(r, place, &length);

    if (rc != 0) {
        return rc;
    }
    if (length < 0) {
        return wrong(r, place, "a negative length");
    }
    if ((uint64_t)length > (uint64_t)(r->end - r->at)) {
        return ends_early(r, place);
    }
    *out = (size_t)length;
    return 0;
}

static int read_text(struct reader *r, const struct nw_avro_place *place, struct nw_slice *out)
{
    size_t len;
    int rc = read_length(r, place, &len);

    if (rc != 0) {
        return rc;
    }
    *out = (struct nw_slice){(const char *)r->at, len};
    r->at += len;
    return nw_utf8_valid(*out) ? 0 : wrong(r, place, "a string that is not UTF-8");
}

/* Little-endian. */
static uint64_t take_word(struct reader *r, size_t bytes)
{
    uint64_t n = 0;

    for (size_t i = 0; i < bytes; i++) {
        n |= (uint64_t)r->at[i] << (8 * i);
    }
    r->at += bytes;
    return n;
}

/* ---- numbers ---- */

static int read_int(struct reader *r, const struct nw_avro_type *type,
                    const struct nw_avro_place *place, jv *out)
{
    int64_t n;
    int rc = read_long(r, place, &n);

    if (rc != 0) {
        return rc;
    }
    if (type->kind == NW_AVRO_INT && (n < INT32_MIN || n > INT32_MAX)) {
        return wrong(r, place, "an int of more than 32 bits");
    }
    if (n >= (int64_t)NW_EXACT_INTEGERS || n <= -(int64_t)NW_EXACT_INTEGERS) {
        return wrong(r, place, "an integer that is not below 2^53");
    }
    *out = jv_number((double)n);
    return 0;
}

static int read_double(struct reader *r, const struct nw_avro_type *type,
                       const struct nw_avro_place *place, jv *out)
{
    size_t bytes = type->kind == NW_AVRO_FLOAT ? 4 : 8;
    double number;

    if ((size_t)(r->end - r->at) < bytes) {
        return ends_early(r, place);
    }
    if (bytes == 4) {
        uint32_t word = (uint32_t)take_word(r, 4);
        float single;
        memcpy(&single, &word, sizeof single);
        number = (double)single;
    } else {
        uint64_t word = take_word(r, 8);
        memcpy(&number, &word, sizeof number);
    }
    if (!isfinite(number)) {
        return wrong(r, place, "a number that JSON does not have");
    }
    *out = jv_number(number);
    return 0;
}

static int read_boolean(struct reader *r, const struct nw_avro_place *place, jv *out)
{
    if (r->at == r->end) {
        return ends_early(r, place);
    }
    if (*r->at > 1) {
        return wrong(r, place, "a boolean that is neither 0 nor 1");
    }
    *out = *r->at++ == 1 ? jv_true() : jv_false();
    return 0;
}

/* ---- texts and bytes ---- */

static int read_string(struct reader *r, const struct nw_avro_place *place, jv *out)
{
    struct nw_slice text;
    int rc = read_text(r, place, &text);

    if (rc == 0) {
        *out = jv_string_sized(text.data, (int)text.len);
    }
    return rc;
}

static int read_bytes(struct reader *r, const struct nw_avro_type *type,
                      const struct nw_avro_place *place, jv *out)
{
    size_t len = type->size;
    int rc = type->kind == NW_AVRO_FIXED ? 0 : read_length(r, place, &len);

    if (rc != 0) {
        return rc;
    }
    if ((size_t)(r->end - r->at) < len) {
        return ends_early(r, place);
    }
    *out = nw_value_of_bytes((struct nw_slice){(const char *)r->at, len});
    r->at += len;
    return 0;
}

/* The index of a symbol or a branch. */
static int read_index(struct reader *r, const struct nw_avro_type *type,
                      const struct nw_avro_place *place, size_t *out)
{
    int64_t index;
    int rc = read_long(r, place, &index);

    if (rc != 0) {
        return rc;
    }
    if (index < 0 || (uint64_t)index >= type->count) {
        return nw_avro_wrong(r->error, "avro", place, "%s has no %s of number %lld", type->name,
                             type->kind == NW_AVRO_ENUM ? "symbol" : "branch", (long long)index);
    }
    *out = (size_t)index;
    return 0;
}

static int read_enum(struct reader *r, const struct nw_avro_type *type,
                     const struct nw_avro_place *place, jv *out)
{
    size_t index = 0;
    int rc = read_index(r, type, place, &index);

    if (rc == 0) {
        *out = jv_string_sized(type->symbols[index].data, (int)type->symbols[index].len);
    }
    return rc;
}

/* ---- what has parts ---- */

/* The number of items of the next block; 0 ends the array or map. A negative one is followed by the
 * size of the block in bytes, with which others may pass over it. */
static int read_block(struct reader *r, const struct nw_avro_place *place, uint64_t *out)
{
    int64_t count = 0;
    size_t size;
    int rc = read_long(r, place, &count);

    if (rc == 0 && count < 0) {
        rc = read_length(r, place, &size);
        if (count == INT64_MIN) {
            return wrong(r, place, "a block of more than 2^63 items");
        }
        count = -count;
    }
    *out = (uint64_t)count;
    return rc;
}

static int read_array(struct reader *r, const struct nw_avro_type *type,
                      const struct nw_avro_place *place, jv *out)
{
    struct nw_avro_place item = {.up = place};
    uint64_t count = 0;
    int rc;

    *out = jv_array();
    while ((rc = read_block(r, place, &count)) == 0 && count > 0) {
        for (; rc == 0 && count > 0; count--, item.index++) {
            jv value;
            rc = read_value(r, type->items, &item, &value);
            if (rc == 0) {
                *out = jv_array_append(*out, value);
            }
        }
        if (rc != 0) {
            break;
        }
    }
    if (rc != 0) {
        jv_free(*out);
    }
    return rc;
}

static int read_entry(struct reader *r, const struct nw_avro_type *type,
                      const struct nw_avro_place *place, jv *object)
{
    struct nw_avro_place entry = {.up = place};
    jv value;
    int rc = read_text(r, place, &entry.name);

    rc = rc != 0 ? rc : read_value(r, type->items, &entry, &value);
    if (rc == 0) {
        *object =
            jv_object_set(*object, jv_string_sized(entry.name.data, (int)entry.name.len), value);
    }
    return rc;
}

static int read_map(struct reader *r, const struct nw_avro_type *type,
                    const struct nw_avro_place *place, jv *out)
{
    uint64_t count = 0;
    int rc;

    *out = jv_object();
    r->values += OBJECT_COST;
    while ((rc = read_block(r, place, &count)) == 0 && count > 0) {
        for (; rc == 0 && count > 0; count--) {
            rc = read_entry(r, type, place, out);
        }
        if (rc != 0) {
            break;
        }
    }
    if (rc != 0) {
        jv_free(*out);
    }
    return rc;
}

static int read_record(struct reader *r, const struct nw_avro_type *type,
                       const struct nw_avro_place *place, jv *out)
{
    int rc = 0;

    *out = jv_object();
    r->values += OBJECT_COST;
    for (size_t i = 0; rc == 0 && i < type->count; i++) {
        const struct nw_avro_field *f = &type->fields[i];
        struct nw_avro_place field = {.up = place, .name = f->name};
        jv value;
        rc = read_value(r, f->type, &field, &value);
        if (rc == 0) {
            *out = jv_object_set(*out, jv_string_sized(f->name.data, (int)f->name.len), value);
        }
    }
    if (rc != 0) {
        jv_free(*out);
    }
    return rc;
}

static int read_union(struct reader *r, const struct nw_avro_type *type,
                      const struct nw_avro_place *place, jv *out)
{
    size_t index = 0;
    int rc = read_index(r, type, place, &index);

    return rc != 0 ? rc : read_value(r, type->branches[index], place, out);
}

static int read_kind(struct reader *r, const struct nw_avro_type *type,
                     const struct nw_avro_place *place, jv *out)
{
    switch (type->kind) {
    case NW_AVRO_NULL:
        *out = jv_null();
        return 0;
    case NW_AVRO_BOOLEAN:
        return read_boolean(r, place, out);
    case NW_AVRO_INT:
    case NW_AVRO_LONG:
        return read_int(r, type, place, out);
    case NW_AVRO_FLOAT:
    case NW_AVRO_DOUBLE:
        return read_double(r, type, place, out);
    case NW_AVRO_BYTES:
    case NW_AVRO_FIXED:
        return read_bytes(r, type, place, out);
    case NW_AVRO_STRING:
        return read_string(r, place, out);
    case NW_AVRO_ENUM:
        return read_enum(r, type, place, out);
    case NW_AVRO_ARRAY:
        return read_array(r, type, place, out);
    case NW_AVRO_MAP:
        return read_map(r, type, place, out);
    case NW_AVRO_RECORD:
        return read_record(r, type, place, out);
    default:
        return read_union(r, type, place, out);
    }
}

static int read_value(struct reader *r, const struct nw_avro_type *type,
                      const struct nw_avro_place *place, jv *out)
{
    int rc;

    if (r->depth == NW_AVRO_DEEPEST) {
        return wrong(r, NULL, "it is nested too deep");
    }
    if (++r->values > MOST_VALUES) {
        return wrong(r, NULL, "it has too many values");
    }
    r->depth++;
    rc = read_kind(r, type, place, out);
    r->depth--;
    return rc;
}

/* ---- the whole ---- */

static bool is_container(struct nw_slice payload)
{
    return payload.len >= 4 && memcmp(payload.data, "Obj\1", 4) == 0;
}

int nw_avro_decode(const struct nw_avro_schema *schema, struct nw_slice payload, jv *value,
                   struct nw_error *error)
{
    struct reader r = {.at = (const unsigned char *)payload.data, .error = error};
    int rc;

    r.at = r.at == NULL ? (const unsigned char *)"" : r.at;
    r.end = r.at + payload.len;
    rc = read_value(&r, nw_avro_schema_type(schema), NULL, value);
    if (rc == 0 && r.at != r.end) {
        jv_free(*value);
        rc = wrong(&r, NULL, "something follows the value");
    }
    if (rc != 0 && is_container(payload)) { /* not before: a value may begin with these bytes */
        rc = wrong(&r, NULL,
                   "this is an object container file, with a schema of its own; expected one bare "
                   "value");
    }
    return rc;
}
