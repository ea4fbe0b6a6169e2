/* SPDX-License-Identifier: Apache-2.0 */
/* What a bridge is made of; for the files of the pump only. */
#ifndef NATSWAY_PUMP_BRIDGE_STATE_H
#define NATSWAY_PUMP_BRIDGE_STATE_H

#include "pump/bridge.h"
#include "pump/lane.h"
#include "pump/tables.h"
#include "pump/totals.h"
#include "pump/windows.h"
#include "schemas/schemas.h"
#include "store/spool.h"
#include "store/state.h"

/* What routes share, as the pump holds it. */
struct nw_connection {
    const struct nw_connection_spec *spec;
    struct nw_connection_config config;
    void *state; /* the connector's */
    bool open;
    pthread_mutex_t lock; /* guards status and text */
    enum nw_state status;
    char text[256];
};

struct nw_bridge {
    const struct nw_config *config;
    char *instance;
    struct nw_state_store *state;
    struct nw_totals *totals;
    struct nw_budget budget;
    struct nw_spool *spool; /* opened with the first route that needs it */
    struct nw_windows *windows;
    struct nw_tables *tables;
    struct nw_connection *connections;
    size_t connection_count;
    struct nw_schemas *schemas; /* NULL: no step needs a registry */
    struct nw_worker *workers;
    size_t worker_count;
    struct nw_lane *lanes;
    size_t lane_count;

    pthread_t replay_thread;
    bool replay_running;
    pthread_mutex_t
        lock; /* guards open_lanes, replay_wanted, ending and the opening of the spool */
    pthread_cond_t changed;
    size_t open_lanes;
    bool replay_wanted, ending;
    /* Threads inside of nw_closed(): what they tell may be the last that the bridge waits for. */
    atomic_uint closers;
};

/* Any thread: a lane came to its end. */
void nw_bridge_lane_closed(struct nw_bridge *bridge);
/* Any thread: wake the replay thread. */
void nw_bridge_want_replay(struct nw_bridge *bridge);
/* The spool, opened when it is first asked for; NULL with error if it cannot be. Not on a worker
 * except while opening. */
struct nw_spool *nw_bridge_spool(struct nw_bridge *bridge, struct nw_error *error);
/* The state of the connection's open, or NULL. */
void *nw_bridge_connection(struct nw_bridge *bridge, const struct nw_connection_spec *spec);

#endif
