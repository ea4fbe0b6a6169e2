/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables that `lookup` steps look into. A *table* is keys and values; whoever fills one is alone
 * with it. A *lookup* is what steps hold: it has a table, or the reason why it has none yet, and
 * whoever keeps it current puts another table in its place, or changes single keys of the one it
 * has. Steps with the same source share one lookup.
 *
 * No I/O: bytes come from elsewhere. A lookup may be used by any thread; its lock is held while a
 * value is found and copied.
 */
#ifndef NATSWAY_MAPPINGS_LOOKUP_H
#define NATSWAY_MAPPINGS_LOOKUP_H

#include "base/buffer.h"
#include "base/error.h"
#include "mappings/json_path.h"
#include "message/message.h"

/* A value: text, or JSON. */
struct nw_looked_up {
    struct nw_slice bytes;
    bool is_json;
};

struct nw_values;
struct nw_values *nw_values_new(void);
void nw_values_free(struct nw_values *t);
size_t nw_values_count(const struct nw_values *t);
/* Key and value are copied; a value of before is replaced. 0 or NW_ENOMEM. */
int nw_values_put(struct nw_values *t, struct nw_slice key, struct nw_looked_up value);
void nw_values_remove(struct nw_values *t, struct nw_slice key);
/* false: there is none. The bytes belong to the table. */
bool nw_values_find(const struct nw_values *t, struct nw_slice key, struct nw_looked_up *out);

struct nw_lookup;

/* name: what it is called in messages; copied. It has no table yet. NULL: no memory. */
struct nw_lookup *nw_lookup_new(const char *name);
void nw_lookup_free(struct nw_lookup *l);
const char *nw_lookup_name(const struct nw_lookup *l);

/* Takes the table. */
void nw_lookup_replace(struct nw_lookup *l, struct nw_values *table);
/* Change the table it has; without one nothing happens. 0 or NW_ENOMEM. */
int nw_lookup_put(struct nw_lookup *l, struct nw_slice key, struct nw_looked_up value);
void nw_lookup_remove(struct nw_lookup *l, struct nw_slice key);
/* Why it has no table: who looks waits. */
void nw_lookup_waits(struct nw_lookup *l, const char *why);
/* It has none and gets none: who looks is refused. */
void nw_lookup_closed(struct nw_lookup *l, const char *why);

/* Find a value and copy it into m. 0; NW_ENOTFOUND; NW_EAGAIN or NW_EINVAL, with the reason: there
 * is no table; NW_ENOMEM. */
int nw_lookup_find(struct nw_lookup *l, struct nw_slice key, struct nw_message *m,
                   struct nw_looked_up *out, struct nw_error *error);

/* ---- what tables are made from ---- */

enum nw_lookup_format { NW_LOOKUP_CSV, NW_LOOKUP_JSON };

struct nw_lookup_layout {
    enum nw_lookup_format format;
    char delimiter;   /* CSV */
    const char *by;   /* the column or member that is the key; NULL: CSV's first, JSON's own keys */
    const char *take; /* the column or member that is the value; NULL: all */
};

/* A whole file. 0 and *out; NW_EINVAL with the place; NW_ENOMEM. */
int nw_lookup_parse(const struct nw_lookup_layout *layout, struct nw_slice bytes,
                    struct nw_values **out, struct nw_error *error);
/* The value of a KV entry: JSON if it is, else text; with take, that member of it. false: it has no
 * such member, or there is no memory. *out lies in bytes or in scratch. */
bool nw_lookup_entry(struct nw_slice bytes, const char *take, struct nw_buffer *scratch,
                     struct nw_looked_up *out);

/* ---- the step ---- */

enum nw_lookup_missing { NW_MISSING_REJECT, NW_MISSING_KEEP, NW_MISSING_VALUE };

/* What a step says beside its key's program. Immutable; it lives as long as the map. */
struct nw_lookup_rule {
    struct nw_lookup *lookup;
    const struct nw_json_path *into; /* not of the whole payload */
    enum nw_lookup_missing missing;
    struct nw_slice value; /* NW_MISSING_VALUE: JSON */
    bool kv;               /* keys are those of a bucket: some characters stand as =XX */
};

#endif
