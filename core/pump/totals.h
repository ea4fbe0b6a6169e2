/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counts of each route over all processes that ever ran it: those of earlier processes, of
 * lanes that have ended, and of the lanes that run. They are kept in the state folder by the
 * store's writer, which collects them here once a second while something happens, whenever the
 * metrics are read, and at the end. So a process that is killed forgets what it counted since, a
 * second at most; what it had in flight then counts as returned to its source.
 *
 * Locks: that of the totals, then a lane's.
 */
#ifndef NATSWAY_PUMP_TOTALS_H
#define NATSWAY_PUMP_TOTALS_H

#include <stdint.h>

#include "store/state.h"

struct nw_lane;
struct nw_totals;

struct nw_counts {
    uint64_t delivered, filtered, dead_lettered, dropped, retries;
    uint64_t returned; /* taken, and then given back to the source, or in flight when killed */
};

/* Read what is kept in the store. It must be closed before the totals are. 0, NW_ENOMEM, NW_EIO. */
int nw_totals_open(struct nw_state_store *store, struct nw_totals **out, struct nw_error *error);
void nw_totals_close(struct nw_totals *totals);

/* Main thread: a lane begins to count, or it is about to be freed. leave: also without a join. */
int nw_totals_join(struct nw_totals *totals, struct nw_lane *lane);
void nw_totals_leave(struct nw_totals *totals, struct nw_lane *lane);

/* Any thread. before: of earlier processes. ended: of lanes of this one that are gone. */
void nw_totals_of(struct nw_totals *totals, const char *route, struct nw_counts *before,
                  struct nw_counts *ended);

#endif
