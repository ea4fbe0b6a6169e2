/* SPDX-License-Identifier: Apache-2.0 */
/* How `memory:` is divided: see pump/budget.h. Here for those who check it before anything runs. */
#ifndef NATSWAY_CONFIG_MEMORY_H
#define NATSWAY_CONFIG_MEMORY_H

#include <stddef.h>

/* The usual largest message: NATS takes no larger one unless it is told to. */
#define NW_MEMORY_MESSAGE ((size_t)1 << 20)

/* What each of so many lanes has for itself: up to a half is divided in this way. */
static inline size_t nw_memory_share(size_t memory, size_t lanes)
{
    size_t part = memory / 2 / lanes;

    return part < NW_MEMORY_MESSAGE ? part : NW_MEMORY_MESSAGE;
}

/* So much gives each lane room for a message of the usual largest size. */
static inline size_t nw_memory_wanted(size_t lanes)
{
    return 2 * lanes * NW_MEMORY_MESSAGE;
}

#endif
