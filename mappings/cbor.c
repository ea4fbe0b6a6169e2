/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR (RFC 8949) to JSON and back. What JSON has not: bytes become base64, integer keys become
 * text, tags are taken off. */
#include <cbor.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "mappings/codecs.h"
#include "mappings/document.h"
#include "mappings/types.h"

static int wrong(struct nw_error *error, const char *what)
{
    return nw_error_set(error, NW_EINVAL, "cbor: %s", what);
}

/* ---- decoding ---- */

static int to_value(cbor_item_t *item, size_t depth, jv *out, struct nw_error *error);

/* The pieces of a text or of bytes, one after another. */
static void add_pieces(struct nw_buffer *out, cbor_item_t *item)
{
    bool text = cbor_isa_string(item);
    bool whole = text ? cbor_string_is_definite(item) : cbor_bytestring_is_definite(item);
    cbor_item_t **pieces;
    size_t count;

    if (whole) {
        nw_buffer_add(out, text ? cbor_string_handle(item) : cbor_bytestring_handle(item),
                      text ? cbor_string_length(item) : cbor_bytestring_length(item));
        return;
    }
    pieces = text ? cbor_string_chunks_handle(item) : cbor_bytestring_chunks_handle(item);
    count = text ? cbor_string_chunk_count(item) : cbor_bytestring_chunk_count(item);
    for (size_t i = 0; i < count; i++) {
        add_pieces(out, pieces[i]);
    }
}

static jv to_string(cbor_item_t *item)
{
    struct nw_buffer bytes = {0};
    jv out;

    add_pieces(&bytes, item);
    out = cbor_isa_string(item) ? jv_string_sized(nw_buffer_text(&bytes), (int)bytes.len)
                                : nw_value_of_bytes(nw_buffer_slice(&bytes));
    nw_buffer_done(&bytes);
    return out;
}

static int to_integer(cbor_item_t *item, jv *out, struct nw_error *error)
{
    uint64_t n = cbor_get_int(item);

    if (n >= (uint64_t)NW_EXACT_INTEGERS - 1) {
        return wrong(error, "an integer that is not below 2^53");
    }
    *out = jv_number(cbor_isa_negint(item) ? -1.0 - (double)n : (double)n);
    return 0;
}

static int to_special(cbor_item_t *item, jv *out, struct nw_error *error)
{
    double number;

    if (!cbor_float_ctrl_is_ctrl(item)) {
        number = cbor_float_get_float(item);
        if (!isfinite(number)) {
            return wrong(error, "a number that JSON does not have");
        }
        *out = jv_number(number);
        return 0;
    }
    switch (cbor_ctrl_value(item)) {
    case CBOR_CTRL_FALSE:
        *out = jv_false();
        return 0;
    case CBOR_CTRL_TRUE:
        *out = jv_true();
        return 0;
    case CBOR_CTRL_NULL:
    case CBOR_CTRL_UNDEF:
        *out = jv_null();
        return 0;
    default:
        return wrong(error, "a simple value that JSON does not have");
    }
}

static int to_array(cbor_item_t *item, size_t depth, jv *out, struct nw_error *error)
{
    cbor_item_t **items = cbor_array_handle(item);

    *out = jv_array();
    for (size_t i = 0; i < cbor_array_size(item); i++) {
        jv value;
        int rc = to_value(items[i], depth + 1, &value, error);
        if (rc != 0) {
            jv_free(*out);
            return rc;
        }
        *out = jv_array_append(*out, value);
    }
    return 0;
}

static int to_name(cbor_item_t *key, jv *out, struct nw_error *error)
{
    char text[32];

    if (cbor_isa_string(key)) {
        *out = to_string(key);
        return 0;
    }
    if (!cbor_is_int(key) || (cbor_isa_negint(key) && cbor_get_int(key) >= INT64_MAX)) {
        return wrong(error, "a key that is neither text nor an integer");
    }
    if (cbor_isa_negint(key)) {
        (void)snprintf(text, sizeof text, "%" PRId64, -1 - (int64_t)cbor_get_int(key));
    } else {
        (void)snprintf(text, sizeof text, "%" PRIu64, cbor_get_int(key));
    }
    *out = jv_string(text);
    return 0;
}

static int to_object(cbor_item_t *item, size_t depth, jv *out, struct nw_error *error)
{
    struct cbor_pair *pairs = cbor_map_handle(item);

    *out = jv_object();
    for (size_t i = 0; i < cbor_map_size(item); i++) {
        jv name, value;
        int rc = to_name(pairs[i].key, &name, error);
        if (rc == 0 && (rc = to_value(pairs[i].value, depth + 1, &value, error)) != 0) {
            jv_free(name);
        }
        if (rc != 0) {
            jv_free(*out);
            return rc;
        }
        *out = jv_object_set(*out, name, value);
    }
    return 0;
}

static int to_value(cbor_item_t *item, size_t depth, jv *out, struct nw_error *error)
{
    cbor_item_t *inner;
    int rc;

    if (depth > NW_DOCUMENT_DEEPEST) {
        return wrong(error, NW_DOCUMENT_TOO_DEEP);
    }
    switch (cbor_typeof(item)) {
    case CBOR_TYPE_UINT:
    case CBOR_TYPE_NEGINT:
        return to_integer(item, out, error);
    case CBOR_TYPE_BYTESTRING:
    case CBOR_TYPE_STRING:
        *out = to_string(item);
        return 0;
    case CBOR_TYPE_ARRAY:
        return to_array(item, depth, out, error);
    case CBOR_TYPE_MAP:
        return to_object(item, depth, out, error);
    case CBOR_TYPE_TAG:
        inner = cbor_tag_item(item); /* one reference more */
        rc = to_value(inner, depth + 1, out, error);
        cbor_decref(&inner);
        return rc;
    default:
        return to_special(item, out, error);
    }
}

/* The argument of the head at `at`, which moves behind it. false: it is cut off, or none. */
static bool read_head(struct nw_slice payload, size_t *at, uint64_t *argument)
{
    unsigned info = (unsigned char)payload.data[*at] & 31;
    size_t more = info < 24 || info == 31 ? 0 : (size_t)1 << (info - 24);

    if ((info > 27 && info < 31) || payload.len - *at - 1 < more) {
        return false;
    }
    *argument = info < 24 ? info : 0;
    for (size_t i = 1; i <= more; i++) {
        *argument = *argument << 8 | (unsigned char)payload.data[*at + i];
    }
    *at += 1 + more;
    return true;
}

/* Where an array or map begins that has more items than there are bytes left, behind its head; 0:
 * nowhere. The library would take memory for all of them before it looks. */
static size_t find_cut_off(struct nw_slice payload)
{
    size_t at = 0;
    uint64_t argument;

    while (at < payload.len) {
        unsigned major = (unsigned char)payload.data[at] >> 5;
        bool bytes = major == 2 || major == 3, items = major == 4 || major == 5;
        if (!read_head(payload, &at, &argument)) {
            return 0;
        }
        if ((bytes || items) && argument > payload.len - at) {
            return items ? at : 0;
        }
        at += bytes ? (size_t)argument : 0;
    }
    return 0;
}

static const char *problem_of(struct nw_slice payload, cbor_error_code code)
{
    if (code == CBOR_ERR_NOTENOUGHDATA || payload.len == 0) {
        return "it ends in the middle of a value";
    }
    return code == CBOR_ERR_MEMERROR ? "it is too large, or nested too deep" : "it is none";
}

int nw_cbor_decode(struct nw_slice payload, jv *value, struct nw_error *error)
{
    struct cbor_load_result result = {.read = 0};
    size_t cut_off = find_cut_off(payload);
    cbor_item_t *item;
    int rc;

    if (cut_off > 0) {
        return nw_error_set(error, NW_EINVAL, "cbor: it ends in the middle of a value at byte %zu",
                            cut_off + 1);
    }
    item = cbor_load((cbor_data)payload.data, payload.len, &result);
    if (item == NULL) {
        return nw_error_set(error, NW_EINVAL, "cbor: %s at byte %zu",
                            problem_of(payload, result.error.code),
                            payload.len == 0 ? 1 : result.error.position + 1);
    }
    rc = result.read == payload.len ? to_value(item, 0, value, error)
                                    : wrong(error, "something follows the value");
    cbor_decref(&item);
    return rc;
}

/* ---- encoding ---- */

/* The head of an item: its major type and a number, as short as it can be. */
static void add_head(struct nw_buffer *out, uint64_t number,
                     size_t (*encode)(uint64_t, unsigned char *, size_t))
{
    unsigned char head[9];

    nw_buffer_add(out, head, encode(number, head, sizeof head));
}

static void add_length(struct nw_buffer *out, size_t length,
                       size_t (*encode)(size_t, unsigned char *, size_t))
{
    unsigned char head[9];

    nw_buffer_add(out, head, encode(length, head, sizeof head));
}

static void add_number(struct nw_buffer *out, double number, bool integer)
{
    unsigned char head[9];

    if (!integer || fabs(number) >= NW_EXACT_INTEGERS) {
        nw_buffer_add(out, head, cbor_encode_double(number, head, sizeof head));
    } else if (number < 0) {
        add_head(out, (uint64_t)(-1 - number), cbor_encode_negint);
    } else {
        add_head(out, (uint64_t)number, cbor_encode_uint);
    }
}

static void add_text(struct nw_buffer *out, jv text)
{
    size_t len = (size_t)jv_string_length_bytes(jv_copy(text));

    add_length(out, len, cbor_encode_string_start);
    nw_buffer_add(out, jv_string_value(text), len);
}

/* Borrows value, whose depth jv_parse has bounded. */
void nw_cbor_encode(jv value, struct nw_buffer *out)
{
    switch (jv_get_kind(value)) {
    case JV_KIND_NUMBER:
        add_number(out, nw_type_number(value), nw_type_holds(NW_TYPE_INTEGER, value));
        break;
    case JV_KIND_STRING:
        add_text(out, value);
        break;
    case JV_KIND_ARRAY:
        add_length(out, (size_t)jv_array_length(jv_copy(value)), cbor_encode_array_start);
        for (int i = 0; i < jv_array_length(jv_copy(value)); i++) {
            jv item = jv_array_get(jv_copy(value), i);
            nw_cbor_encode(item, out);
            jv_free(item);
        }
        break;
    case JV_KIND_OBJECT:
        add_length(out, (size_t)jv_object_length(jv_copy(value)), cbor_encode_map_start);
        jv_object_foreach(value, key, member)
        {
            add_text(out, key);
            nw_cbor_encode(member, out);
            jv_free(key);
            jv_free(member);
        }
        break;
    default:
        nw_buffer_add_char(out, jv_get_kind(value) == JV_KIND_TRUE    ? '\xF5'
                                : jv_get_kind(value) == JV_KIND_FALSE ? '\xF4'
                                                                      : '\xF6');
        break;
    }
}
