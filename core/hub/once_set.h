/* SPDX-License-Identifier: Apache-2.0 */
/* The set of messages that were read back from a stream: each an offset and a hash of what else
 * identifies it. One thread at a time. */
#ifndef NATSWAY_HUB_ONCE_SET_H
#define NATSWAY_HUB_ONCE_SET_H

#include "base/slice.h"

#define NW_ONCE_SET_MOST ((size_t)1 << 20)

/* All zero is an empty set. */
struct nw_once_set {
    struct nw_once_item *items;
    size_t count, capacity; /* 0, or a power of two above twice the count */
};

struct nw_once_item {
    int64_t offset;
    uint64_t hash; /* 0: the place is free */
};

/* 0; NW_EFULL: there are NW_ONCE_SET_MOST; NW_ENOMEM. */
int nw_once_set_add(struct nw_once_set *set, int64_t offset, uint64_t hash);
bool nw_once_set_has(const struct nw_once_set *set, int64_t offset, uint64_t hash);
/* Empty, without memory. */
void nw_once_set_clear(struct nw_once_set *set);

#endif
