/* SPDX-License-Identifier: Apache-2.0 */
/* The formats themselves: what codec.c chooses from. Errors begin with the format's name. */
#ifndef NATSWAY_MAPPINGS_CODECS_H
#define NATSWAY_MAPPINGS_CODECS_H

#include <jv.h>

#include "mappings/avro.h"
#include "mappings/codec.h"

/* What a payload is in this format: *value, the caller's. Only for formats that stand for a value
 * (all but base64). fetcher is for Avro with a registry; NULL: nothing is asked. 0; NW_EAGAIN: the
 * schema is not there yet; else it is refused, with the reason and place in error. */
int nw_codec_decode(const struct nw_codec *c, struct nw_avro_fetcher *fetcher,
                    struct nw_slice payload, jv *value, struct nw_error *error);
/* Append value in this format. 0; NW_EAGAIN as above; else it cannot be said in it, and what was
 * appended is worth nothing. Memory running out marks out failed. */
int nw_codec_encode(const struct nw_codec *c, struct nw_avro_fetcher *fetcher, jv value,
                    struct nw_buffer *out, struct nw_error *error);

/* Append a JSON payload without its blanks, all else as it was; an empty one is null. 0, or
 * NW_EINVAL. */
int nw_codec_compact(struct nw_slice json, struct nw_buffer *out, struct nw_error *error);

/* RFC 4180, with LF or CR alone as well as CR LF between rows. */
int nw_csv_decode(const struct nw_codec *c, struct nw_slice payload, jv *value,
                  struct nw_error *error);
/* The same row by row, without keeping them: row, which is taken, begins in that line. What it says
 * other than 0 ends it and is returned. */
typedef int nw_csv_row(void *context, size_t line, jv row);
int nw_csv_each(const struct nw_codec *c, struct nw_slice payload, nw_csv_row *row, void *context,
                struct nw_error *error);
int nw_csv_encode(const struct nw_codec *c, jv value, struct nw_buffer *out,
                  struct nw_error *error);

/*
 * An element is an object: its attributes as "@name", its text as "#text", its elements by name,
 * several of one name as an array. One with nothing but text is that text. The whole is an object
 * with the root's name. A document type, and with it every entity of its own, is refused.
 */
int nw_xml_decode(struct nw_slice payload, jv *value, struct nw_error *error);
int nw_xml_encode(jv value, struct nw_buffer *out, struct nw_error *error);

/* One value. Integers from 2^53 on are refused, for jq would not keep them; bytes are base64. */
int nw_msgpack_decode(struct nw_slice payload, jv *value, struct nw_error *error);
void nw_msgpack_encode(jv value, struct nw_buffer *out);
int nw_cbor_decode(struct nw_slice payload, jv *value, struct nw_error *error);
void nw_cbor_encode(jv value, struct nw_buffer *out);

/*
 * Avro's binary form of one bare value. Records and maps are objects, an enum is its symbol as a
 * string, bytes and fixed are base64, a union is the plain value of its branch, without the
 * branch's name. Logical types stay what they are made of: a date is its number of days, a decimal
 * base64. Longs from 2^53 on, and what is no finite number, are refused.
 *
 * Encoding, a union takes the first branch that the value fits, but a float only what it says
 * exactly, if another branch fits; a missing field takes its default, an unknown one is refused.
 */
int nw_avro_decode(const struct nw_avro_schema *schema, struct nw_slice payload, jv *value,
                   struct nw_error *error);
/* On failure what was appended is worth nothing. */
int nw_avro_encode(const struct nw_avro_schema *schema, jv value, struct nw_buffer *out,
                   struct nw_error *error);

/* The same as the configuration says: with a registry's header, if there is a registry. As
 * nw_codec_decode and nw_codec_encode. */
int nw_avro_codec_decode(const struct nw_avro_codec *c, struct nw_avro_fetcher *fetcher,
                         struct nw_slice payload, jv *value, struct nw_error *error);
int nw_avro_codec_encode(const struct nw_avro_codec *c, struct nw_avro_fetcher *fetcher, jv value,
                         struct nw_buffer *out, struct nw_error *error);

#endif
