/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payload formats: `decode` makes JSON of a payload, `encode` makes a payload of JSON. What the
 * configuration says of a format is a struct nw_codec, which is immutable and lives as long as the
 * map that uses it.
 */
#ifndef NATSWAY_MAPPINGS_CODEC_H
#define NATSWAY_MAPPINGS_CODEC_H

#include "base/buffer.h"
#include "base/error.h"

enum nw_value_type {
    NW_TYPE_STRING,
    NW_TYPE_INTEGER,
    NW_TYPE_NUMBER,
    NW_TYPE_BOOLEAN,
    NW_TYPE_OBJECT,
    NW_TYPE_ARRAY,
    NW_TYPE_NULL
};

struct nw_typed {
    const char *name;
    enum nw_value_type type;
};

/* The type of that name, or -1. Names are those of JSON Schema, and `text` for string. */
int nw_type_find(const char *name);

/* What a `check` step wants. */
struct nw_check_rule {
    const char *const *required;
    size_t required_count;
    const struct nw_typed *types;
    size_t type_count;
};

enum nw_format {
    NW_FORMAT_JSON,
    NW_FORMAT_TEXT,
    NW_FORMAT_BASE64,
    NW_FORMAT_CSV,
    NW_FORMAT_XML,
    NW_FORMAT_MSGPACK,
    NW_FORMAT_CBOR,
    NW_FORMAT_AVRO
};

struct nw_avro_codec;

struct nw_codec {
    enum nw_format format;
    /* CSV */
    char delimiter;
    bool header;                /* the first row names the columns */
    const char *const *columns; /* their names, where there is no header */
    size_t column_count;
    const struct nw_typed *types; /* of columns: what they are read as; others are text */
    size_t type_count;
    const struct nw_avro_codec *avro; /* Avro: see avro.h */
};

/* The format of that name, or -1. */
int nw_format_find(const char *name);
/* All names, between commas. */
const char *nw_format_names(void);

#endif
