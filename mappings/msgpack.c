/* SPDX-License-Identifier: Apache-2.0 */
/* MessagePack to JSON and back. What JSON has not: bytes become base64, integer keys become text.
 */
#include <inttypes.h>
#include <math.h>
#include <msgpack.h>
#include <stdio.h>

#include "base/json.h"
#include "mappings/codecs.h"
#include "mappings/types.h"

/* ---- decoding ---- */

static int wrong(struct nw_error *error, const char *what)
{
    return nw_error_set(error, NW_EINVAL, "msgpack: %s", what);
}

/* The depth is bounded by the library's own stack. */
static int to_value(const msgpack_object *o, jv *out, struct nw_error *error);

static int to_array(const msgpack_object_array *a, jv *out, struct nw_error *error)
{
    *out = jv_array();
    for (uint32_t i = 0; i < a->size; i++) {
        jv item;
        int rc = to_value(&a->ptr[i], &item, error);
        if (rc != 0) {
            jv_free(*out);
            return rc;
        }
        *out = jv_array_append(*out, item);
    }
    return 0;
}

static int to_text(const msgpack_object_str *text, jv *out, struct nw_error *error)
{
    if (!nw_utf8_valid((struct nw_slice){text->ptr, text->size})) {
        return wrong(error, "a text that is not UTF-8");
    }
    *out = jv_string_sized(text->ptr, (int)text->size);
    return 0;
}

static int to_name(const msgpack_object *key, jv *out, struct nw_error *error)
{
    char text[32];

    switch (key->type) {
    case MSGPACK_OBJECT_STR:
        return to_text(&key->via.str, out, error);
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        (void)snprintf(text, sizeof text, "%" PRIu64, key->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        (void)snprintf(text, sizeof text, "%" PRId64, key->via.i64);
        break;
    default:
        return wrong(error, "a key that is neither text nor an integer");
    }
    *out = jv_string(text);
    return 0;
}

static int to_object(const msgpack_object_map *m, jv *out, struct nw_error *error)
{
    *out = jv_object();
    for (uint32_t i = 0; i < m->size; i++) {
        jv name, value;
        int rc = to_name(&m->ptr[i].key, &name, error);
        if (rc == 0 && (rc = to_value(&m->ptr[i].val, &value, error)) != 0) {
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

static int to_number(double number, bool integer, jv *out, struct nw_error *error)
{
    if (integer && fabs(number) >= NW_EXACT_INTEGERS) {
        return wrong(error, "an integer that is not below 2^53");
    }
    if (!isfinite(number)) {
        return wrong(error, "a number that JSON does not have");
    }
    *out = jv_number(number);
    return 0;
}

static int to_value(const msgpack_object *o, jv *out, struct nw_error *error)
{
    switch (o->type) {
    case MSGPACK_OBJECT_NIL:
        *out = jv_null();
        return 0;
    case MSGPACK_OBJECT_BOOLEAN:
        *out = o->via.boolean ? jv_true() : jv_false();
        return 0;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return to_number((double)o->via.u64, true, out, error);
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return to_number((double)o->via.i64, true, out, error);
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return to_number(o->via.f64, false, out, error);
    case MSGPACK_OBJECT_STR:
        return to_text(&o->via.str, out, error);
    case MSGPACK_OBJECT_BIN:
        *out = nw_value_of_bytes((struct nw_slice){o->via.bin.ptr, o->via.bin.size});
        return 0;
    case MSGPACK_OBJECT_ARRAY:
        return to_array(&o->via.array, out, error);
    case MSGPACK_OBJECT_MAP:
        return to_object(&o->via.map, out, error);
    default:
        return wrong(error, "an extension type");
    }
}

/* What follows the first byte, 0xc0 to 0xdf: so many bytes say a length, which is of bytes, or of
 * items with so many values each; and so many bytes more. */
static const struct {
    unsigned char length, values, more;
} heads[32] = {
    [0x04] = {1, 0, 0},  [0x05] = {2, 0, 0}, [0x06] = {4, 0, 0}, [0x07] = {1, 0, 1},
    [0x08] = {2, 0, 1},  [0x09] = {4, 0, 1}, [0x0a] = {0, 0, 4}, [0x0b] = {0, 0, 8},
    [0x0c] = {0, 0, 1},  [0x0d] = {0, 0, 2}, [0x0e] = {0, 0, 4}, [0x0f] = {0, 0, 8},
    [0x10] = {0, 0, 1},  [0x11] = {0, 0, 2}, [0x12] = {0, 0, 4}, [0x13] = {0, 0, 8},
    [0x14] = {0, 0, 2},  [0x15] = {0, 0, 3}, [0x16] = {0, 0, 5}, [0x17] = {0, 0, 9},
    [0x18] = {0, 0, 17}, [0x19] = {1, 0, 0}, [0x1a] = {2, 0, 0}, [0x1b] = {4, 0, 0},
    [0x1c] = {2, 1, 0},  [0x1d] = {4, 1, 0}, [0x1e] = {2, 2, 0}, [0x1f] = {4, 2, 0},
};

/* Behind the head at `at`, which moves there: how many bytes belong to it, and how many values
 * follow. false: the payload ends within the head. */
static bool read_head(struct nw_slice payload, size_t *at, uint64_t *bytes, uint64_t *values)
{
    unsigned char first = (unsigned char)payload.data[(*at)++], length;
    uint64_t n = 0;

    *bytes = first >= 0xa0 && first < 0xc0 ? first & 31 : 0;
    *values = first < 0x80 || first >= 0xa0 ? 0 : (uint64_t)(first & 15) * (first < 0x90 ? 2 : 1);
    if (first < 0xc0 || first >= 0xe0) {
        return true;
    }
    length = heads[first - 0xc0].length;
    if (payload.len - *at < length) {
        return false;
    }
    for (; length > 0; length--) {
        n = n << 8 | (unsigned char)payload.data[(*at)++];
    }
    *values = n * heads[first - 0xc0].values;
    *bytes = (*values == 0 ? n : 0) + heads[first - 0xc0].more;
    return true;
}

/* Has an array or map more values than there are bytes left? The library would take memory for all
 * of them before it looks. */
static bool is_cut_off(struct nw_slice payload)
{
    uint64_t bytes, values;

    for (size_t at = 0; at < payload.len; at += (size_t)bytes) {
        if (!read_head(payload, &at, &bytes, &values) || bytes > payload.len - at) {
            return false; /* the library says so itself */
        }
        if (values > payload.len - at) {
            return true;
        }
    }
    return false;
}

int nw_msgpack_decode(struct nw_slice payload, jv *value, struct nw_error *error)
{
    msgpack_unpacked unpacked;
    size_t at = 0;
    int rc;

    if (is_cut_off(payload)) {
        return wrong(error, "it ends in the middle of a value");
    }
    msgpack_unpacked_init(&unpacked);
    switch (msgpack_unpack_next(&unpacked, payload.data == NULL ? "" : payload.data, payload.len,
                                &at)) {
    case MSGPACK_UNPACK_SUCCESS:
        rc = at == payload.len ? to_value(&unpacked.data, value, error)
                               : wrong(error, "something follows the value");
        break;
    case MSGPACK_UNPACK_NOMEM_ERROR:
        rc = wrong(error, "it is nested deeper than 32 levels");
        break;
    case MSGPACK_UNPACK_CONTINUE:
        rc = wrong(error, "it ends in the middle of a value");
        break;
    default:
        rc = wrong(error, "it is none");
        break;
    }
    msgpack_unpacked_destroy(&unpacked);
    return rc;
}

/* ---- encoding ---- */

static int write_bytes(void *context, const char *data, size_t len)
{
    struct nw_buffer *out = context;

    nw_buffer_add(out, data, len);
    return out->failed ? -1 : 0;
}

static void pack_text(msgpack_packer *p, jv text)
{
    size_t len = (size_t)jv_string_length_bytes(jv_copy(text));

    (void)msgpack_pack_str(p, len);
    (void)msgpack_pack_str_body(p, jv_string_value(text), len);
}

/* Borrows value, whose depth jv_parse has bounded. */
static void pack(msgpack_packer *p, jv value)
{
    double number;

    switch (jv_get_kind(value)) {
    case JV_KIND_NUMBER:
        number = nw_type_number(value);
        if (nw_type_holds(NW_TYPE_INTEGER, value) && fabs(number) < NW_EXACT_INTEGERS) {
            (void)msgpack_pack_int64(p, (int64_t)number);
        } else {
            (void)msgpack_pack_double(p, number);
        }
        break;
    case JV_KIND_STRING:
        pack_text(p, value);
        break;
    case JV_KIND_ARRAY:
        (void)msgpack_pack_array(p, (size_t)jv_array_length(jv_copy(value)));
        for (int i = 0; i < jv_array_length(jv_copy(value)); i++) {
            jv item = jv_array_get(jv_copy(value), i);
            pack(p, item);
            jv_free(item);
        }
        break;
    case JV_KIND_OBJECT:
        (void)msgpack_pack_map(p, (size_t)jv_object_length(jv_copy(value)));
        jv_object_foreach(value, key, member)
        {
            pack_text(p, key);
            pack(p, member);
            jv_free(key);
            jv_free(member);
        }
        break;
    case JV_KIND_TRUE:
        (void)msgpack_pack_true(p);
        break;
    case JV_KIND_FALSE:
        (void)msgpack_pack_false(p);
        break;
    default:
        (void)msgpack_pack_nil(p);
        break;
    }
}

void nw_msgpack_encode(jv value, struct nw_buffer *out)
{
    msgpack_packer packer;

    msgpack_packer_init(&packer, out, write_bytes);
    pack(&packer, value);
}
