/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bridge: a running configuration. It opens the connections, spreads the lanes of all routes
 * over the workers, and stops them in order. Called from the main thread; the snapshot from any.
 */
#ifndef NATSWAY_PUMP_BRIDGE_H
#define NATSWAY_PUMP_BRIDGE_H

#include "base/buffer.h"
#include "config/config.h"
#include "hub/lease.h"
#include "pump/totals.h"

struct nw_bridge;

/* Start. config must outlive the bridge. Servers that are away are no error. */
int nw_bridge_start(const struct nw_config *config, struct nw_bridge **out, struct nw_error *error);

/* Stop taking, deliver what is in flight within timeout_ms, say in the log what each route has done
 * and what is left of it, close
 * everything and free the bridge. False: an endpoint did not close in time; its threads may still
 * read config, which must stay, and the bridge is left as it is. */
bool nw_bridge_stop(struct nw_bridge *bridge, int64_t timeout_ms);

/*
 * Go over to another configuration, which is right. Routes and connections that mean the same run
 * on; changed routes drain and start again where they were, removed ones drain and end, new ones
 * start. Draining takes at most the shutdown timeout; when hurry (may be NULL) says true it ends at
 * once, and so does the reload. Called on the main thread.
 *
 * 0: config is the bridge's now; what was done is appended to report, a line each. Otherwise all is
 * as it was (only that routes may have been started anew), and error says why: NW_EINVAL for what a
 * reload cannot change.
 */
int nw_bridge_reload(struct nw_bridge *bridge, struct nw_config *config, bool (*hurry)(void),
                     struct nw_buffer *report, struct nw_error *error);

/* Where a route is to go on. */
struct nw_seek_request {
    const char *route;
    enum nw_seek_to to;
    int64_t value; /* as in struct nw_seek */
};

/* Drain the route, move its position and start it again. 0: from where to where is appended to
 * report. Otherwise the position is where it was, and error says why: NW_ENOTFOUND and NW_EINVAL
 * for what cannot be. hurry as above. Main thread. */
int nw_bridge_seek(struct nw_bridge *bridge, const struct nw_seek_request *request,
                   bool (*hurry)(void), struct nw_buffer *report, struct nw_error *error);

/* Readable when the bridge wants the main thread to call nw_bridge_attend. */
int nw_bridge_descriptor(const struct nw_bridge *bridge);
/* Main thread: routes whose lease was lost are made anew, to stand by. */
void nw_bridge_attend(struct nw_bridge *bridge);

/* STANDBY: another process has the lease of the route, and runs it. */
enum nw_route_state {
    NW_ROUTE_CONNECTING,
    NW_ROUTE_RUNNING,
    NW_ROUTE_HOLDING,
    NW_ROUTE_STOPPED,
    NW_ROUTE_STANDBY
};

#define NW_DELIVERY_BUCKETS 16

/* One route at one moment, with what was counted before a restart. received == delivered + filtered
 * + dead_lettered + dropped + in_flight. */
struct nw_route_snapshot {
    const struct nw_route_spec *route;
    enum nw_route_state state;
    bool ready;  /* both ends connected, or it stands by */
    bool leased; /* it needs a lease; which is as `lease` says */
    struct nw_lease_view lease;
    uint64_t received, delivered, filtered, dead_lettered, dropped, in_flight, retries;
    uint64_t taken; /* received, with what was given back: never becomes less */
    uint64_t returned;
    struct nw_counts before; /* what of these counts is of earlier processes */
    uint64_t mismatches;     /* times the ledger did not add up */
    uint64_t spooled;        /* messages in the spool */
    uint64_t memory;         /* bytes of the messages in flight, as they count against the budget */
    int64_t lag;             /* -1: unknown */
    int64_t error_time_ns;   /* 0: none yet */
    char error[300];
    char waiting_for[300]; /* not ready: which end and why */
    /* Delivery time from offer to settle: counts of each bucket (not cumulative) and the sum. */
    uint64_t seconds_count, seconds_buckets[NW_DELIVERY_BUCKETS + 1];
    double seconds_sum;
};
/* Upper bounds of the buckets, in seconds; the last bucket has none. */
extern const double nw_delivery_bounds[NW_DELIVERY_BUCKETS];

struct nw_connection_snapshot {
    const char *name, *type;
    const struct nw_connection_spec *spec;
    bool up;
    char text[300];
};

/* A counter that a connector keeps with nw_metric_count. */
struct nw_counter_snapshot {
    const char *route, *name;
    uint64_t value;
};

struct nw_bridge_snapshot {
    struct nw_bridge *bridge; /* its shape stays as it is until the snapshot is done with */
    struct nw_route_snapshot *routes;
    size_t route_count;
    struct nw_connection_snapshot *connections;
    size_t connection_count;
    struct nw_counter_snapshot *counters;
    size_t counter_count;
    uint64_t memory, memory_free; /* the budget; what of it nobody has */
};

/* Any thread: have the counts of the routes written now, so that none becomes less by a kill; does
 * not wait for it. */
void nw_bridge_keep_counts(struct nw_bridge *bridge);

/* One consistent moment for each route. Be done with it soon, on the same thread: a reload waits
 * for it. 0 or NW_ENOMEM. */
int nw_bridge_snapshot(struct nw_bridge *bridge, struct nw_bridge_snapshot *out);
void nw_bridge_snapshot_done(struct nw_bridge_snapshot *s);

#endif
