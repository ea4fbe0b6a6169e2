/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON to Avro's binary form. A union takes the first branch that the value fits, which is found by
 * writing it: what was written of a branch that did not fit is taken back. Branches that only
 * differ deep inside could make that take for ever, so what is written in vain is counted.
 */
#include <float.h>
#include <math.h>

#include "base/base64.h"
#include "base/json.h"
#include "mappings/avro_types.h"
#include "mappings/codecs.h"
#include "mappings/types.h"

#define MOST_IN_VAIN 1000000
#define MOST_OF_A_STANDARD 10000 /* values of a field's default */

struct writer {
    struct nw_buffer *out;
    struct nw_error *error;
    size_t depth, values, in_vain;
    /* It is a default of the schema: its bytes are a text of the characters U+0000 to U+00FF. */
    bool standard;
    bool given_up; /* no other branch will help */
};

static int write_value(struct writer *w, const struct nw_avro_type *type, jv value,
                       const struct nw_avro_place *place);

static int wrong(struct writer *w, const struct nw_avro_place *place, const char *what)
{
    return nw_avro_wrong(w->error, "avro", place, "%s", what);
}

static int give_up(struct writer *w, const char *what)
{
    w->given_up = true;
    return nw_avro_wrong(w->error, "avro", NULL, "%s", what);
}

static int unexpected(struct writer *w, const struct nw_avro_type *type, jv value,
                      const struct nw_avro_place *place)
{
    return nw_avro_wrong(w->error, "avro", place, "expected %.100s, found %s", type->name,
                         nw_type_found(value));
}

static void add_long(struct writer *w, int64_t number)
{
    uint64_t n = ((uint64_t)number << 1) ^ (uint64_t)(number >> 63);

    while (n > 0x7F) {
        nw_buffer_add_char(w->out, (char)(n | 0x80));
        n >>= 7;
    }
    nw_buffer_add_char(w->out, (char)n);
}

/* Little-endian. */
static void add_word(struct writer *w, uint64_t word, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        nw_buffer_add_char(w->out, (char)(word >> (8 * i)));
    }
}

static struct nw_slice text_of(jv string)
{
    return (struct nw_slice){jv_string_value(string),
                             (size_t)jv_string_length_bytes(jv_copy(string))};
}

static void add_text(struct writer *w, struct nw_slice text)
{
    add_long(w, (int64_t)text.len);
    nw_buffer_add_slice(w->out, text);
}

/* ---- numbers ---- */

static int write_int(struct writer *w, const struct nw_avro_type *type, jv value,
                     const struct nw_avro_place *place)
{
    double number = jv_number_value(value);

    if (!nw_type_holds(NW_TYPE_INTEGER, value)) {
        return nw_avro_wrong(w->error, "avro", place, "expected %s, found a number with a fraction",
                             type->name);
    }
    if (fabs(number) >= NW_EXACT_INTEGERS) {
        return wrong(w, place, "an integer that is not below 2^53");
    }
    if (type->kind == NW_AVRO_INT && (number < INT32_MIN || number > INT32_MAX)) {
        return wrong(w, place, "an int of more than 32 bits");
    }
    add_long(w, (int64_t)number);
    return 0;
}

static int write_double(struct writer *w, const struct nw_avro_type *type, jv value,
                        const struct nw_avro_place *place)
{
    double number = jv_number_value(value);
    uint64_t word;

    if (!isfinite(number) || (type->kind == NW_AVRO_FLOAT && fabs(number) > (double)FLT_MAX)) {
        return nw_avro_wrong(w->error, "avro", place, "a number that is too large for a %s",
                             type->name);
    }
    if (type->kind == NW_AVRO_FLOAT) {
        float single = (float)number;
        uint32_t half;
        memcpy(&half, &single, sizeof half);
        add_word(w, half, 4);
        return 0;
    }
    memcpy(&word, &number, sizeof word);
    add_word(w, word, 8);
    return 0;
}

/* ---- texts and bytes ---- */

/* The bytes of a default. */
static bool read_characters(struct nw_buffer *out, struct nw_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c < 0x80) {
            nw_buffer_add_char(out, (char)c);
        } else if ((c == 0xC2 || c == 0xC3) && i + 1 < text.len) {
            nw_buffer_add_char(out, (char)((c == 0xC3 ? 0xC0 : 0x80) | (text.data[++i] & 0x3F)));
        } else {
            return false;
        }
    }
    return true;
}

static int write_bytes(struct writer *w, const struct nw_avro_type *type, jv value,
                       const struct nw_avro_place *place)
{
    struct nw_buffer bytes = {0};
    struct nw_error why;
    int rc = 0;

    if (w->standard) {
        rc = read_characters(&bytes, text_of(value))
                 ? 0
                 : wrong(w, place, "a character that stands for no byte");
    } else if (nw_base64_decode(&bytes, text_of(value), &why) != 0) {
        rc = nw_avro_wrong(w->error, "avro", place, "expected %.100s in base64: %.100s", type->name,
                           why.text);
    }
    if (rc == 0 && type->kind == NW_AVRO_FIXED && bytes.len != type->size) {
        rc = nw_avro_wrong(w->error, "avro", place, "expected %zu bytes for %.100s, found %zu",
                           type->size, type->name, bytes.len);
    }
    if (rc == 0) {
        if (type->kind == NW_AVRO_BYTES) {
            add_long(w, (int64_t)bytes.len);
        }
        nw_buffer_add_slice(w->out, nw_buffer_slice(&bytes));
        w->out->failed |= bytes.failed;
    }
    nw_buffer_done(&bytes);
    return rc;
}

static int write_enum(struct writer *w, const struct nw_avro_type *type, jv value,
                      const struct nw_avro_place *place)
{
    struct nw_slice text = text_of(value);

    for (size_t i = 0; i < type->count; i++) {
        if (nw_slice_equal(type->symbols[i], text)) {
            add_long(w, (int64_t)i);
            return 0;
        }
    }
    return nw_avro_wrong(w->error, "avro", place, "%.100s has no symbol \"%.*s\"", type->name,
                         (int)(text.len > 60 ? 60 : text.len), text.data);
}

/* ---- what has parts ---- */

static int write_array(struct writer *w, const struct nw_avro_type *type, jv value,
                       const struct nw_avro_place *place)
{
    int count = jv_array_length(jv_copy(value)), rc = 0;

    if (count > 0) {
        add_long(w, count);
    }
    for (int i = 0; rc == 0 && i < count; i++) {
        struct nw_avro_place at = {.up = place, .index = (size_t)i};
        jv item = jv_array_get(jv_copy(value), i);
        rc = write_value(w, type->items, item, &at);
        jv_free(item);
    }
    add_long(w, 0);
    return rc;
}

static int write_map(struct writer *w, const struct nw_avro_type *type, jv value,
                     const struct nw_avro_place *place)
{
    int count = jv_object_length(jv_copy(value)), rc = 0;

    if (count > 0) {
        add_long(w, count);
    }
    for (int i = jv_object_iter(value); rc == 0 && jv_object_iter_valid(value, i);
         i = jv_object_iter_next(value, i)) {
        jv name = jv_object_iter_key(value, i), member = jv_object_iter_value(value, i);
        struct nw_avro_place at = {.up = place, .name = text_of(name)};
        add_text(w, at.name);
        rc = write_value(w, type->items, member, &at);
        jv_free(name);
        jv_free(member);
    }
    add_long(w, 0);
    return rc;
}

/* value has the member, or it does not and the field has a default. *found: how many it has. */
static int write_field(struct writer *w, const struct nw_avro_field *f, jv value,
                       const struct nw_avro_place *place, int *found)
{
    jv member = jv_object_get(jv_copy(value), jv_string_sized(f->name.data, (int)f->name.len));
    int rc = 0;

    if (jv_is_valid(member)) {
        ++*found;
        rc = write_value(w, f->type, member, place);
    } else if (!f->has_standard) {
        rc = wrong(w, place, "the field is missing, and it has no default");
    } else if (w->standard) { /* those of the schema are still being made */
        rc = write_value(w, f->type, f->standard, place);
    } else {
        nw_buffer_add_slice(w->out, f->written);
    }
    jv_free(member);
    return rc;
}

static bool has_field(const struct nw_avro_type *type, struct nw_slice name)
{
    for (size_t i = 0; i < type->count; i++) {
        if (nw_slice_equal(type->fields[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* value has a member that is no field. */
static int write_unknown(struct writer *w, const struct nw_avro_type *type, jv value,
                         const struct nw_avro_place *place)
{
    int rc = 0;

    for (int i = jv_object_iter(value); rc == 0 && jv_object_iter_valid(value, i);
         i = jv_object_iter_next(value, i)) {
        jv name = jv_object_iter_key(value, i);
        struct nw_avro_place at = {.up = place, .name = text_of(name)};
        if (!has_field(type, at.name)) {
            rc = nw_avro_wrong(w->error, "avro", &at, "%.100s has no such field", type->name);
        }
        jv_free(name);
    }
    return rc;
}

static int write_record(struct writer *w, const struct nw_avro_type *type, jv value,
                        const struct nw_avro_place *place)
{
    int found = 0, rc = 0;

    for (size_t i = 0; rc == 0 && i < type->count; i++) {
        struct nw_avro_place at = {.up = place, .name = type->fields[i].name};
        rc = write_field(w, &type->fields[i], value, &at, &found);
    }
    if (rc == 0 && found != jv_object_length(jv_copy(value))) {
        rc = write_unknown(w, type, value, place);
    }
    return rc;
}

/* ---- unions ---- */

static bool may_take(const struct nw_avro_type *type, jv value)
{
    jv_kind kind = jv_get_kind(value);

    switch (type->kind) {
    case NW_AVRO_NULL:
        return kind == JV_KIND_NULL;
    case NW_AVRO_BOOLEAN:
        return kind == JV_KIND_TRUE || kind == JV_KIND_FALSE;
    case NW_AVRO_INT:
    case NW_AVRO_LONG:
    case NW_AVRO_FLOAT:
    case NW_AVRO_DOUBLE:
        return kind == JV_KIND_NUMBER;
    case NW_AVRO_BYTES:
    case NW_AVRO_FIXED:
    case NW_AVRO_STRING:
    case NW_AVRO_ENUM:
        return kind == JV_KIND_STRING;
    case NW_AVRO_ARRAY:
        return kind == JV_KIND_ARRAY;
    case NW_AVRO_MAP:
    case NW_AVRO_RECORD:
        return kind == JV_KIND_OBJECT;
    default:
        return true;
    }
}

/* A float takes what it can say exactly first, then whatever there is no better branch for. */
static bool is_rounded(const struct nw_avro_type *type, jv value)
{
    double number;

    if (type->kind != NW_AVRO_FLOAT || jv_get_kind(value) != JV_KIND_NUMBER) {
        return false;
    }
    number = jv_number_value(value);
    return fabs(number) > (double)FLT_MAX || (double)(float)number != number;
}

/* One branch: 0, or NW_EINVAL with nothing written. */
static int try_branch(struct writer *w, const struct nw_avro_type *type, size_t index, jv value,
                      const struct nw_avro_place *place)
{
    size_t mark = w->out->len, values = w->values;
    int rc;

    add_long(w, (int64_t)index);
    rc = write_value(w, type->branches[index], value, place);
    if (rc != 0) {
        w->in_vain += w->values - values;
        if (!w->given_up && w->in_vain > MOST_IN_VAIN) {
            return give_up(w, "too many branches of unions have to be tried");
        }
        if (w->out->data != NULL) {
            w->out->len = mark;
            w->out->data[mark] = '\0';
        }
    }
    return rc;
}

static int write_union(struct writer *w, const struct nw_avro_type *type, jv value,
                       const struct nw_avro_place *place)
{
    struct nw_buffer names = {0};
    size_t tried = 0;
    int rc;

    for (int rounded = 0; rounded < 2; rounded++) {
        for (size_t i = 0; i < type->count; i++) {
            const struct nw_avro_type *branch = type->branches[i];
            if (!may_take(branch, value) || is_rounded(branch, value) != (rounded == 1)) {
                continue;
            }
            if (try_branch(w, type, i, value, place) == 0) {
                return 0;
            }
            if (w->given_up) {
                return NW_EINVAL;
            }
            tried++;
        }
    }
    if (tried == 1) {
        return NW_EINVAL; /* the only one that could fit says best why not */
    }
    for (size_t i = 0; i < type->count; i++) {
        nw_buffer_add_format(&names, "%s%.60s", i == 0 ? "" : ", ", type->branches[i]->name);
    }
    rc = nw_avro_wrong(w->error, "avro", place, "expected one of %.150s, found %s",
                       nw_buffer_text(&names),
                       tried == 0 ? nw_type_found(value) : "something that fits none of them");
    nw_buffer_done(&names);
    return rc;
}

/* ---- any value ---- */

static int write_kind(struct writer *w, const struct nw_avro_type *type, jv value,
                      const struct nw_avro_place *place)
{
    switch (type->kind) {
    case NW_AVRO_NULL:
        return 0;
    case NW_AVRO_BOOLEAN:
        nw_buffer_add_char(w->out, jv_get_kind(value) == JV_KIND_TRUE ? '\1' : '\0');
        return 0;
    case NW_AVRO_INT:
    case NW_AVRO_LONG:
        return write_int(w, type, value, place);
    case NW_AVRO_FLOAT:
    case NW_AVRO_DOUBLE:
        return write_double(w, type, value, place);
    case NW_AVRO_BYTES:
    case NW_AVRO_FIXED:
        return write_bytes(w, type, value, place);
    case NW_AVRO_STRING:
        add_text(w, text_of(value));
        return 0;
    case NW_AVRO_ENUM:
        return write_enum(w, type, value, place);
    case NW_AVRO_ARRAY:
        return write_array(w, type, value, place);
    case NW_AVRO_MAP:
        return write_map(w, type, value, place);
    case NW_AVRO_RECORD:
        return write_record(w, type, value, place);
    default:
        return write_union(w, type, value, place);
    }
}

static int write_value(struct writer *w, const struct nw_avro_type *type, jv value,
                       const struct nw_avro_place *place)
{
    int rc;

    if (w->depth == NW_AVRO_DEEPEST) {
        return give_up(w, "it is nested too deep");
    }
    if (++w->values > MOST_OF_A_STANDARD && w->standard) {
        return give_up(w, "it has too many values");
    }
    if (w->standard && w->out->len > NW_AVRO_LARGEST_STANDARD) {
        return give_up(w, "it is too large");
    }
    if (!may_take(type, value)) {
        return unexpected(w, type, value, place);
    }
    w->depth++;
    rc = write_kind(w, type, value, place);
    w->depth--;
    return rc;
}

int nw_avro_encode(const struct nw_avro_schema *schema, jv value, struct nw_buffer *out,
                   struct nw_error *error)
{
    struct writer w = {.out = out, .error = error};

    return write_value(&w, nw_avro_schema_type(schema), value, NULL);
}

int nw_avro_write_standard(const struct nw_avro_type *type, jv standard, struct nw_buffer *out,
                           struct nw_error *error)
{
    struct writer w = {.out = out, .error = error, .standard = true};

    return write_value(&w, type, standard, NULL);
}
