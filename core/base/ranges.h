/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a text, by their offsets: each from `from` up to and without `to`, in order. */
#ifndef NATSWAY_BASE_RANGES_H
#define NATSWAY_BASE_RANGES_H

#include <stdbool.h>
#include <stddef.h>

struct nw_range {
    size_t from, to;
};

struct nw_ranges {
    const struct nw_range *items;
    size_t count;
};

/* Does a byte from `from` up to and without `to` lie in one of them? */
static inline bool nw_ranges_touch(const struct nw_ranges *ranges, size_t from, size_t to)
{
    for (size_t i = 0; i < ranges->count && ranges->items[i].from < to; i++) {
        if (ranges->items[i].to > from && ranges->items[i].from < ranges->items[i].to) {
            return true;
        }
    }
    return false;
}

#endif
