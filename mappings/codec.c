/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/codecs.h"

#include <string.h>

#include "base/compact.h"
#include "base/json.h"
#include "mappings/json_value.h"

static const char *const formats[] = {
    [NW_FORMAT_JSON] = "json", [NW_FORMAT_TEXT] = "text", [NW_FORMAT_BASE64] = "base64",
    [NW_FORMAT_CSV] = "csv",   [NW_FORMAT_XML] = "xml",   [NW_FORMAT_MSGPACK] = "msgpack",
    [NW_FORMAT_CBOR] = "cbor", [NW_FORMAT_AVRO] = "avro",
};
#define FORMATS (sizeof formats / sizeof formats[0])

int nw_format_find(const char *name)
{
    for (size_t i = 0; i < FORMATS; i++) {
        if (strcmp(formats[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *nw_format_names(void)
{
    return "json, text, base64, csv, xml, msgpack, cbor, avro";
}

/* ---- decoding ---- */

/* XML says its encoding itself. */
static bool is_text(enum nw_format format)
{
    return format != NW_FORMAT_XML && format != NW_FORMAT_MSGPACK && format != NW_FORMAT_CBOR &&
           format != NW_FORMAT_AVRO;
}

int nw_codec_decode(const struct nw_codec *c, struct nw_avro_fetcher *fetcher,
                    struct nw_slice payload, jv *value, struct nw_error *error)
{
    if (is_text(c->format) && !nw_utf8_valid(payload)) {
        return nw_error_set(error, NW_EINVAL, "%s: the payload is not UTF-8", formats[c->format]);
    }
    switch (c->format) {
    case NW_FORMAT_TEXT:
        *value = jv_string_sized(payload.data == NULL ? "" : payload.data, (int)payload.len);
        return 0;
    case NW_FORMAT_CSV:
        return nw_csv_decode(c, payload, value, error);
    case NW_FORMAT_XML:
        return nw_xml_decode(payload, value, error);
    case NW_FORMAT_MSGPACK:
        return nw_msgpack_decode(payload, value, error);
    case NW_FORMAT_CBOR:
        return nw_cbor_decode(payload, value, error);
    case NW_FORMAT_AVRO:
        return nw_avro_codec_decode(c->avro, fetcher, payload, value, error);
    default:
        return nw_json_value(payload, value, error);
    }
}

/* ---- encoding ---- */

static void add_json(struct nw_buffer *out, jv value)
{
    jv text = jv_dump_string(jv_copy(value), 0);

    nw_buffer_add(out, jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text)));
    jv_free(text);
}

static void add_text(struct nw_buffer *out, jv value)
{
    if (jv_get_kind(value) == JV_KIND_STRING) {
        nw_buffer_add(out, jv_string_value(value), (size_t)jv_string_length_bytes(jv_copy(value)));
    } else {
        add_json(out, value);
    }
}

int nw_codec_compact(struct nw_slice json, struct nw_buffer *out, struct nw_error *error)
{
    struct nw_slice text = json.len == 0 ? NW_LITERAL("null") : nw_document_behind_mark(json);

    return nw_json_compact(out, text) ? 0 : nw_error_set(error, NW_EINVAL, "not JSON");
}

int nw_codec_encode(const struct nw_codec *c, struct nw_avro_fetcher *fetcher, jv value,
                    struct nw_buffer *out, struct nw_error *error)
{
    switch (c->format) {
    case NW_FORMAT_TEXT:
        add_text(out, value);
        return 0;
    case NW_FORMAT_CSV:
        return nw_csv_encode(c, value, out, error);
    case NW_FORMAT_XML:
        return nw_xml_encode(value, out, error);
    case NW_FORMAT_MSGPACK:
        nw_msgpack_encode(value, out);
        return 0;
    case NW_FORMAT_CBOR:
        nw_cbor_encode(value, out);
        return 0;
    case NW_FORMAT_AVRO:
        return nw_avro_codec_encode(c->avro, fetcher, value, out, error);
    default: /* JSON and base64 are made of bytes */
        add_json(out, value);
        return 0;
    }
}
