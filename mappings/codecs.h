/* SPDX-License-Identifier: Apache-2.0 */
/* The formats themselves: what codec.c chooses from. Errors begin with the format's name. */
#ifndef NATSWAY_MAPPINGS_CODECS_H
#define NATSWAY_MAPPINGS_CODECS_H

#include <jv.h>

#include "mappings/codec.h"

/* What a payload is in this format: *value, the caller's. Only for formats that stand for a value
 * (all but base64). 0, or NW_EINVAL with the reason and place. */
int nw_codec_decode(const struct nw_codec *c, struct nw_slice payload, jv *value,
                    struct nw_error *error);
/* Append value in this format. 0; NW_EINVAL: it cannot be said in it. Memory running out marks out
 * failed. */
int nw_codec_encode(const struct nw_codec *c, jv value, struct nw_buffer *out,
                    struct nw_error *error);

/* RFC 4180, with LF as well as CR LF between rows. */
int nw_csv_decode(const struct nw_codec *c, struct nw_slice payload, jv *value,
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

#endif
