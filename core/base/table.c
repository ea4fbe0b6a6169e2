/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include <stdlib.h>

/* FNV-1a: the keys are names in files of the operator's own. */
static uint64_t hash(struct nw_slice key)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < key.len; i++) {
        h = (h ^ (unsigned char)key.data[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

void nw_table_done(struct nw_table *table)
{
    free(table->entries);
    *table = (struct nw_table){0};
}

/* The entry of key, or the free one where it belongs. */
static struct nw_table_entry *place(const struct nw_table *table, struct nw_slice key)
{
    size_t mask = table->capacity - 1;
    size_t at = (size_t)hash(key) & mask;

    while (table->entries[at].value != NULL && !nw_slice_equal(table->entries[at].key, key)) {
        at = (at + 1) & mask;
    }
    return &table->entries[at];
}

void *nw_table_find(const struct nw_table *table, struct nw_slice key)
{
    return table->capacity == 0 ? NULL : place(table, key)->value;
}

static int grow(struct nw_table *table)
{
    struct nw_table larger = {.count = table->count,
                              .capacity = table->capacity == 0 ? 16 : table->capacity * 2};

    larger.entries = calloc(larger.capacity, sizeof *larger.entries);
    if (larger.entries == NULL) {
        return NW_ENOMEM;
    }
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->entries[i].value != NULL) {
            *place(&larger, table->entries[i].key) = table->entries[i];
        }
    }
    free(table->entries);
    *table = larger;
    return 0;
}

int nw_table_put(struct nw_table *table, struct nw_slice key, void *value)
{
    struct nw_table_entry *entry;

    if (table->count >= table->capacity / 2 && grow(table) != 0) {
        return NW_ENOMEM;
    }
    entry = place(table, key);
    table->count += entry->value == NULL ? 1 : 0;
    *entry = (struct nw_table_entry){key, value};
    return 0;
}
