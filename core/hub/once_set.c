/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/once_set.h"

#include <stdlib.h>

static struct nw_once_item *place(const struct nw_once_set *set, int64_t offset, uint64_t hash)
{
    size_t i = (size_t)hash & (set->capacity - 1);

    while (set->items[i].hash != 0 &&
           (set->items[i].hash != hash || set->items[i].offset != offset)) {
        i = (i + 1) & (set->capacity - 1);
    }
    return &set->items[i];
}

static int grow(struct nw_once_set *set)
{
    struct nw_once_set larger = {.capacity = set->capacity == 0 ? 1024 : set->capacity * 2};

    larger.items = calloc(larger.capacity, sizeof *larger.items);
    if (larger.items == NULL) {
        return NW_ENOMEM;
    }
    for (size_t i = 0; i < set->capacity; i++) {
        if (set->items[i].hash != 0) {
            *place(&larger, set->items[i].offset, set->items[i].hash) = set->items[i];
        }
    }
    larger.count = set->count;
    free(set->items);
    *set = larger;
    return 0;
}

int nw_once_set_add(struct nw_once_set *set, int64_t offset, uint64_t hash)
{
    struct nw_once_item *item;

    if (set->count == NW_ONCE_SET_MOST) {
        return NW_EFULL;
    }
    if (set->count * 2 >= set->capacity && grow(set) != 0) {
        return NW_ENOMEM;
    }
    hash |= 1;
    item = place(set, offset, hash);
    set->count += item->hash == 0 ? 1 : 0;
    *item = (struct nw_once_item){offset, hash};
    return 0;
}

bool nw_once_set_has(const struct nw_once_set *set, int64_t offset, uint64_t hash)
{
    return set->count > 0 && place(set, offset, hash | 1)->hash != 0;
}

void nw_once_set_clear(struct nw_once_set *set)
{
    free(set->items);
    *set = (struct nw_once_set){0};
}
