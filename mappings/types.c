/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/types.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/compact.h"

static const struct {
    const char *name, *article;
    enum nw_value_type type;
} types[] = {
    {"string", "a string", NW_TYPE_STRING},     {"text", "a string", NW_TYPE_STRING},
    {"integer", "an integer", NW_TYPE_INTEGER}, {"number", "a number", NW_TYPE_NUMBER},
    {"boolean", "a boolean", NW_TYPE_BOOLEAN},  {"object", "an object", NW_TYPE_OBJECT},
    {"array", "an array", NW_TYPE_ARRAY},       {"null", "null", NW_TYPE_NULL},
};
#define TYPES (sizeof types / sizeof types[0])

int nw_type_find(const char *name)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (strcmp(types[i].name, name) == 0) {
            return (int)types[i].type;
        }
    }
    return -1;
}

const char *nw_type_article(enum nw_value_type type)
{
    for (size_t i = 0; i < TYPES; i++) {
        if (types[i].type == type) {
            return types[i].article;
        }
    }
    return "";
}

const char *nw_type_found(jv value)
{
    switch (jv_get_kind(value)) {
    case JV_KIND_NULL:
        return "null";
    case JV_KIND_FALSE:
    case JV_KIND_TRUE:
        return "a boolean";
    case JV_KIND_NUMBER:
        return "a number";
    case JV_KIND_STRING:
        return "a string";
    case JV_KIND_ARRAY:
        return "an array";
    default:
        return "an object";
    }
}

jv nw_value_of_bytes(struct nw_slice bytes)
{
    struct nw_buffer text = {0};
    jv value;

    nw_base64_encode(&text, bytes);
    value = jv_string_sized(nw_buffer_text(&text), (int)text.len);
    nw_buffer_done(&text);
    return value;
}

double nw_type_number(jv value)
{
    double number = jv_number_value(value);

    return number > DBL_MAX ? DBL_MAX : number < -DBL_MAX ? -DBL_MAX : number;
}

bool nw_type_holds(enum nw_value_type type, jv value)
{
    jv_kind kind = jv_get_kind(value);

    switch (type) {
    case NW_TYPE_STRING:
        return kind == JV_KIND_STRING;
    case NW_TYPE_INTEGER:
        return kind == JV_KIND_NUMBER && jv_number_value(value) == trunc(jv_number_value(value));
    case NW_TYPE_NUMBER:
        return kind == JV_KIND_NUMBER;
    case NW_TYPE_BOOLEAN:
        return kind == JV_KIND_TRUE || kind == JV_KIND_FALSE;
    case NW_TYPE_OBJECT:
        return kind == JV_KIND_OBJECT;
    case NW_TYPE_ARRAY:
        return kind == JV_KIND_ARRAY;
    default:
        return kind == JV_KIND_NULL;
    }
}

/* ---- reading texts ---- */

static bool read_number(struct nw_slice text, bool whole, jv *out)
{
    struct nw_buffer json = {0};
    char *end;
    double number;
    bool good = nw_json_compact(&json, text) && json.len == text.len;

    number = good ? strtod(nw_buffer_text(&json), &end) : 0;
    good = good && *end == '\0' &&
           (!whole || (strcspn(nw_buffer_text(&json), ".eE") == json.len &&
                       fabs(number) < NW_EXACT_INTEGERS));
    nw_buffer_done(&json);
    if (good) {
        *out = jv_number(number);
    }
    return good;
}

static bool read_boolean(struct nw_slice text, jv *out)
{
    bool yes = nw_slice_equal(text, NW_LITERAL("true"));

    if (yes || nw_slice_equal(text, NW_LITERAL("false"))) {
        *out = yes ? jv_true() : jv_false();
        return true;
    }
    return false;
}

bool nw_type_read(enum nw_value_type type, struct nw_slice text, jv *out)
{
    if (type == NW_TYPE_STRING) {
        *out = jv_string_sized(text.data, (int)text.len);
        return true;
    }
    if (text.len == 0) {
        *out = jv_null();
        return true;
    }
    switch (type) {
    case NW_TYPE_INTEGER:
        return read_number(text, true, out);
    case NW_TYPE_NUMBER:
        return read_number(text, false, out);
    case NW_TYPE_BOOLEAN:
        return read_boolean(text, out);
    default:
        return false;
    }
}
