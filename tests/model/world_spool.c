/* SPDX-License-Identifier: Apache-2.0 */
/* In place of the spool's files: what was appended lasts, what was settled is removed some time
 * later. A row's number is its place among all that there were since the start, from 1. */
#include "world_internal.h"

struct nw_spool_route {
    char nothing;
};
static struct nw_spool_route only;

struct nw_spool *nw_bridge_spool(struct nw_bridge *bridge, struct nw_error *error)
{
    (void)error;
    return (struct nw_spool *)(void *)bridge; /* is not looked into */
}

bool nw_spool_exists(const char *folder)
{
    (void)folder;
    return true;
}

int nw_spool_route(struct nw_spool *s, const char *name, const struct nw_spool_limits *limits,
                   struct nw_spool_route **out, struct nw_error *error)
{
    (void)s;
    (void)name;
    (void)limits;
    (void)error;
    *out = &only;
    return 0;
}

int nw_spool_append(struct nw_spool_route *r, struct nw_message *const *messages, size_t n,
                    struct nw_error *error)
{
    (void)r;
    (void)error;
    for (size_t i = 0; i < n; i++) {
        if (world.last.row_count == ROWS) {
            world_broken("more rows than there is room for");
        }
        world.last.rows[world.last.row_count++] =
            (struct row){.number = (uint8_t)world_number_of(messages[i]), .there = true};
        messages[i]->spool_row = world.last.row_count;
    }
    return 0;
}

int nw_spool_sync(struct nw_spool_route *r, uint64_t row, struct nw_error *error)
{
    (void)r;
    (void)row;
    (void)error;
    return 0;
}

size_t nw_spool_read(struct nw_spool_route *r, uint64_t after, struct nw_message **out, size_t max)
{
    size_t n = 0;

    (void)r;
    for (uint64_t row = after + 1; n < max && row <= world.last.row_count; row++) {
        if (world.last.rows[row - 1].there) {
            out[n] = world_message(world.last.rows[row - 1].number);
            out[n++]->spool_row = row;
        }
    }
    return n;
}

void nw_spool_remove(struct nw_spool_route *r, const uint64_t *rows, size_t n)
{
    (void)r;
    for (size_t i = 0; i < n; i++) {
        struct row *row = &world.last.rows[rows[i] - 1];
        if (!row->there || row->settled) {
            world_broken("row %llu is settled twice", (unsigned long long)rows[i]);
        }
        row->settled = true;
        for (unsigned t = 0; t < world.scenario->targets; t++) {
            if (!world_is_over(t, row->number)) {
                world_broken("message %u leaves the spool without target %u", row->number, t);
            }
        }
    }
}

uint64_t nw_spool_last_row(struct nw_spool_route *r)
{
    (void)r;
    return world.last.row_count;
}

void nw_spool_size(struct nw_spool_route *r, uint64_t *messages, uint64_t *bytes)
{
    (void)r;
    *messages = *bytes = world.last.row_count;
}

struct nw_spool_dropped nw_spool_dropped(struct nw_spool_route *r)
{
    (void)r;
    return (struct nw_spool_dropped){0};
}

void nw_spool_given(struct nw_spool_route *r, uint64_t row)
{
    (void)r;
    (void)row;
}
