/* SPDX-License-Identifier: Apache-2.0 */
/* A parsed schema from the inside: for avro_schema.c, avro_decode.c and avro_encode.c. */
#ifndef NATSWAY_MAPPINGS_AVRO_TYPES_H
#define NATSWAY_MAPPINGS_AVRO_TYPES_H

#include <jv.h>

#include "base/buffer.h"
#include "mappings/avro.h"

/* How deep values may be nested; as in the other formats. */
#define NW_AVRO_DEEPEST 200
/* Bytes of an encoded default, and of all that a schema has. */
#define NW_AVRO_LARGEST_STANDARD 65536
#define NW_AVRO_LARGEST_STANDARDS (16 * NW_AVRO_LARGEST_STANDARD)

enum nw_avro_kind {
    NW_AVRO_NULL,
    NW_AVRO_BOOLEAN,
    NW_AVRO_INT,
    NW_AVRO_LONG,
    NW_AVRO_FLOAT,
    NW_AVRO_DOUBLE,
    NW_AVRO_BYTES,
    NW_AVRO_STRING,
    NW_AVRO_FIXED,
    NW_AVRO_ENUM,
    NW_AVRO_ARRAY,
    NW_AVRO_MAP,
    NW_AVRO_RECORD,
    NW_AVRO_UNION
};

struct nw_avro_field {
    struct nw_slice name;
    const struct nw_avro_type *type;
    bool has_standard;
    jv standard;             /* the default, while the schema is parsed */
    struct nw_slice written; /* the default, encoded; only in a schema that writes */
    struct nw_avro_field *next;
};

struct nw_avro_type {
    enum nw_avro_kind kind;
    const char *name;                     /* of the kind, or the full name of a named type */
    size_t size;                          /* fixed */
    const struct nw_avro_type *items;     /* array, map: of its values */
    size_t count;                         /* symbols, fields or branches */
    const struct nw_slice *symbols;       /* enum */
    struct nw_avro_field *fields;         /* record */
    const struct nw_avro_type **branches; /* union */
};

/* A record, enum or fixed. */
bool nw_avro_is_named(const struct nw_avro_type *type);

struct nw_arena;
struct nw_avro_parsed {
    const struct nw_avro_type *type;
    struct nw_avro_field *standards; /* all fields with a default, also after a failure */
};
/* Parse root, which is borrowed, into the arena. The defaults are the caller's to free. 0;
 * NW_EINVAL; NW_ENOMEM. */
int nw_avro_parse(struct nw_arena *arena, jv root, struct nw_avro_parsed *out,
                  struct nw_error *error);

const struct nw_avro_type *nw_avro_schema_type(const struct nw_avro_schema *schema);

/* Append the default of a field. 0 or NW_EINVAL. */
int nw_avro_write_standard(const struct nw_avro_type *type, jv standard, struct nw_buffer *out,
                           struct nw_error *error);

/* ---- places: where in a value or schema something is wrong ---- */

/* They lie on the stack of those who walk, each naming the one above; NULL is the top. */
struct nw_avro_place {
    const struct nw_avro_place *up;
    struct nw_slice name; /* absent: an index */
    size_t index;
};

/* "WHAT: .readings[3].celsius: …" into error. Returns NW_EINVAL. */
int nw_avro_wrong(struct nw_error *error, const char *what, const struct nw_avro_place *place,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
