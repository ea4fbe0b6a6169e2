/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Originals that wait before their map: it said NW_MAP_LATER of the first one, because a schema is
 * being fetched or a table loaded, and nothing passes it. From a timer the first is tried again,
 * after 20 ms, then twice as long up to a second; when it is through, the rest goes on in order.
 *
 * What waits keeps its credit, so the source is held back as by a target that is away. There are no
 * tries to be counted (`on_error: {retries}` is about targets): what is missing says nothing about
 * the message. Who waits for an answer gets it at its deadline: an outage.
 *
 * When the route stops, what waits goes back to its source as soon as nothing else is in flight,
 * not at the end of `shutdown_timeout`: it could only be mapped if what is missing came just then,
 * and it loses nothing, for it is the source's still. It goes behind what was under way, as all
 * that is returned does, because a stream gives it again in the order in which it comes back.
 *
 * Everything on the lane's worker.
 */
#ifndef NATSWAY_PUMP_LATER_H
#define NATSWAY_PUMP_LATER_H

#include "base/backoff.h"
#include "pump/worker.h"

struct nw_later {
    struct nw_message *head, *tail; /* as they came */
    size_t count;
    int64_t since_ns, try_ns; /* when the first began to wait; when it is tried again */
    bool told;                /* that it holds: in the log and in /api/routes */
    char reason[300];         /* what was last said */
    struct nw_backoff backoff;
    struct nw_timer timer;
};

void nw_later_init(struct nw_lane *lane);

static inline bool nw_later_is_empty(const struct nw_later *later)
{
    return later->head == NULL;
}

/* Append original: its map said later, or others wait already. */
void nw_later_add(struct nw_lane *lane, struct nw_message *original);

/* All of them, back to the source. */
void nw_later_return_all(struct nw_lane *lane);

#endif
