/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Avro schemas, and where they come from. A schema is parsed once and then read by any number of
 * threads; it is counted, because a registry forgets the oldest of its schemas while a worker may
 * still be reading with it.
 */
#ifndef NATSWAY_MAPPINGS_AVRO_H
#define NATSWAY_MAPPINGS_AVRO_H

#include "base/error.h"
#include "base/slice.h"

struct nw_avro_schema;

/*
 * Parse text, which is JSON. writes: values will be encoded, so the defaults of its fields have to
 * be right, too; who only reads never looks at them. 0 and *out, with one reference; NW_EINVAL with
 * the reason and where in the schema; NW_ENOMEM.
 */
int nw_avro_schema_new(struct nw_slice text, bool writes, struct nw_avro_schema **out,
                       struct nw_error *error);
/* Any thread. */
void nw_avro_schema_ref(struct nw_avro_schema *schema);
void nw_avro_schema_unref(struct nw_avro_schema *schema); /* NULL is allowed */

/* The full name of the record, enum or fixed that it is; NULL: it is none of them. */
const char *nw_avro_schema_name(const struct nw_avro_schema *schema);

/* ---- registries ---- */

/* A registry as the configuration names it; equal ones are one. */
struct nw_avro_registry {
    size_t index; /* among the registries of its configuration */
    const char *url;
    const char *user, *password, *token; /* NULL: not given */
    const char *ca;                      /* file; NULL: the system's */
};

/* What is registered: a schema under a subject. */
struct nw_avro_subject {
    const struct nw_avro_registry *registry;
    size_t index; /* among the subjects of its configuration */
    const char *name;
    const char *text;  /* of the schema */
    bool only_look_up; /* it is there already; nothing is registered */
};

/*
 * Who fetches schemas. Mappings do no I/O and ask; the answer comes at once: 0; NW_EAGAIN, it is
 * not there yet; NW_ENOTFOUND, there is none; the last two with the reason. Worker threads, any
 * number at a time.
 */
struct nw_avro_fetcher {
    /* The schema of that id, with a reference for the caller. */
    int (*schema)(struct nw_avro_fetcher *f, const struct nw_avro_registry *registry, uint32_t id,
                  struct nw_avro_schema **out, struct nw_error *error);
    /* The id that the subject's schema has in its registry. */
    int (*id)(struct nw_avro_fetcher *f, const struct nw_avro_subject *subject, uint32_t *out,
              struct nw_error *error);
};

/* What `decode: {avro: …}` and `encode: {avro: …}` say. */
struct nw_avro_codec {
    struct nw_avro_schema *schema;           /* of the file; NULL: none is given */
    const struct nw_avro_registry *registry; /* NULL: bare values */
    const struct nw_avro_subject *subject;   /* encode with a registry */
};

#endif
