/* SPDX-License-Identifier: Apache-2.0 */
/* A table from texts to pointers. Keys and values belong to the caller. One thread at a time. */
#ifndef NATSWAY_BASE_TABLE_H
#define NATSWAY_BASE_TABLE_H

#include "base/slice.h"

struct nw_table_entry {
    struct nw_slice key;
    void *value; /* NULL: the place is free */
};

/* All zero is an empty table. Invariant: capacity is 0 or a power of two above count. */
struct nw_table {
    struct nw_table_entry *entries;
    size_t count, capacity;
};

void nw_table_done(struct nw_table *table);

/* NULL if there is none. */
void *nw_table_find(const struct nw_table *table, struct nw_slice key);

/* Add value (not NULL), or replace the one of an equal key. key is kept by reference. 0 or
 * NW_ENOMEM with nothing changed. */
int nw_table_put(struct nw_table *table, struct nw_slice key, void *value);

#endif
