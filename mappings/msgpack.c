/* SPDX-License-Identifier: Apache-2.0 */
/* MessagePack to JSON and back. What JSON has not: bytes become base64, integer keys become text.
 */
#include <inttypes.h>
#include <math.h>
#include <msgpack.h>
#include <stdio.h>

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

static int to_name(const msgpack_object *key, jv *out, struct nw_error *error)
{
    char text[32];

    switch (key->type) {
    case MSGPACK_OBJECT_STR:
        *out = jv_string_sized(key->via.str.ptr, (int)key->via.str.size);
        return 0;
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
        *out = jv_string_sized(o->via.str.ptr, (int)o->via.str.size);
        return 0;
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

int nw_msgpack_decode(struct nw_slice payload, jv *value, struct nw_error *error)
{
    msgpack_unpacked unpacked;
    size_t at = 0;
    int rc;

    msgpack_unpacked_init(&unpacked);
    switch (msgpack_unpack_next(&unpacked, payload.data == NULL ? "" : payload.data, payload.len,
                                &at)) {
    case MSGPACK_UNPACK_SUCCESS:
        rc = at == payload.len ? to_value(&unpacked.data, value, error)
                               : wrong(error, "something follows the value");
        break;
    case MSGPACK_UNPACK_NOMEM_ERROR:
        rc = wrong(error, "it ends in the middle of a value, or is nested deeper than 32 levels");
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
        number = jv_number_value(value);
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
