/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/js_backlog.h"

#include <stdlib.h>

void nw_js_backlog_expect(struct nw_js_backlog *b, size_t expected)
{
    b->expected = expected;
}

bool nw_js_backlog_keep(struct nw_js_backlog *b, natsMsg *msg, uint64_t delivered,
                        uint64_t sequence)
{
    if (b->count == b->capacity) {
        size_t capacity = b->capacity == 0 ? 256 : b->capacity * 2;
        struct nw_js_again *items = realloc(b->items, capacity * sizeof *items);
        if (items == NULL) {
            return false;
        }
        b->items = items;
        b->capacity = capacity;
    }
    b->items[b->count++] = (struct nw_js_again){msg, sequence, delivered > 1};
    b->again += delivered > 1;
    return true;
}

bool nw_js_backlog_is_complete(const struct nw_js_backlog *b)
{
    return b->again >= b->expected;
}

static int by_sequence(const void *a, const void *b)
{
    const struct nw_js_again *x = a, *y = b;

    return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static void sort(struct nw_js_backlog *b)
{
    if (b->count > 1) {
        qsort(b->items, b->count, sizeof b->items[0], by_sequence);
    }
}

size_t nw_js_backlog_unite(struct nw_js_backlog *b)
{
    size_t kept = 0, before = b->count;

    sort(b);
    for (size_t i = 0; i < before; i++) {
        if (kept > 0 && b->items[kept - 1].sequence == b->items[i].sequence) {
            b->items[kept - 1].again = b->items[kept - 1].again && b->items[i].again;
            natsMsg_Destroy(b->items[i].msg);
        } else {
            b->items[kept++] = b->items[i];
        }
    }
    b->count = kept;
    b->again = 0;
    for (size_t i = 0; i < kept; i++) {
        b->again += b->items[i].again;
    }
    return before - kept;
}

void nw_js_backlog_end(struct nw_js_backlog *b)
{
    b->expected = 0;
    sort(b);
}

void nw_js_backlog_done(struct nw_js_backlog *b)
{
    free(b->items);
    *b = (struct nw_js_backlog){0};
}
