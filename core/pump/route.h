/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A route as the pump holds it: its lanes while it runs, and what it has counted in all its runs.
 *
 *     made -> opened -> started -> stopped -> closed -> opened … -> freed
 *
 * Main thread only, but for what the snapshot reads: that is changed under the bridge's `shape`.
 */
#ifndef NATSWAY_PUMP_ROUTE_H
#define NATSWAY_PUMP_ROUTE_H

#include "pump/gate.h"
#include "pump/generation.h"
#include "pump/lane.h"
#include "pump/windows.h"

/* What earlier runs of the route have counted, and the totals do not: the times of deliveries,
 * mismatches, and the counters of connectors. */
struct nw_past {
    struct nw_ledger ledger;
    struct nw_counter *counters;
    char error[300];
    int64_t error_time_ns;
};

struct nw_route {
    struct nw_bridge *bridge;
    struct nw_generation *generation;
    const struct nw_route_spec *spec;
    struct nw_windows *windows;
    struct nw_gate gate;
    struct nw_lane *lanes;
    size_t lane_count;
    struct nw_past past;
};

/* Not yet opened. NULL: no memory. */
struct nw_route *nw_route_new(struct nw_bridge *bridge, struct nw_generation *g,
                              const struct nw_route_spec *spec);
/* Make its lanes, none if it is not enabled. Its connections are open. 0, or NW_ENOMEM with
 * nothing made. */
int nw_route_open(struct nw_route *route);
/* The same with one lane that does nothing but seek. */
int nw_route_open_seek(struct nw_route *route, struct nw_seek *seek);
/* Its lanes start, now or when the process has the route's lease. */
void nw_route_start(struct nw_route *route);
void nw_route_stop(struct nw_route *route);
void nw_route_give_up(struct nw_route *route);
/* Are all its lanes closed? With the bridge's lock held. */
bool nw_route_is_closed(const struct nw_route *route);
/* Its lanes are closed, or were never started: free them, and keep what they counted. The lease
 * stays: nw_gate_release. */
void nw_route_close(struct nw_route *route);
/* It is not open. NULL is allowed. */
void nw_route_free(struct nw_route *route);

/* How many lanes the routes of config have. */
size_t nw_routes_count_lanes(const struct nw_config *config);
/* There are lane_count lanes from now on: have those that run share the memory. */
void nw_routes_share_memory(struct nw_bridge *bridge);

#endif
