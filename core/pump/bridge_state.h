/* SPDX-License-Identifier: Apache-2.0 */
/* What a bridge is made of; for the files of the pump only. */
#ifndef NATSWAY_PUMP_BRIDGE_STATE_H
#define NATSWAY_PUMP_BRIDGE_STATE_H

#include "pump/bridge.h"
#include "pump/connections.h"
#include "pump/generation.h"
#include "pump/lane.h"
#include "pump/route.h"
#include "pump/totals.h"
#include "store/spool.h"
#include "store/state.h"

/* How long endpoints may take to close when nothing is in flight any more. */
#define NW_CLOSE_TIMEOUT_MS 5000

struct nw_bridge {
    const struct nw_config *config;    /* the newest; main thread */
    char *name, *state_dir, *instance; /* as they are from the start */
    char *identity; /* of the state folder; NULL: no route has needed it yet. Main thread */
    struct nw_generation *generations; /* the newest first */
    struct nw_state_store *state;
    struct nw_totals *totals;
    struct nw_budget budget;
    struct nw_spool *spool; /* opened with the first route that needs it */
    struct nw_worker *workers;
    size_t worker_count;

    /* Guards the shape of the bridge: which routes, lanes and connections there are. The main
     * thread, which alone changes it, reads it without. Never held while a connector is called. */
    pthread_rwlock_t shape;
    struct nw_route **routes; /* as in the configuration */
    size_t route_count;
    size_t lane_count; /* of all routes that are to run; main thread */
    struct nw_connection *connections;

    pthread_t replay_thread;
    bool replay_running;
    pthread_mutex_t lock; /* guards `closed` of the lanes, replay_wanted, ending and the opening of
                             the spool */
    pthread_cond_t changed;
    bool replay_wanted, ending;
    int attention_fd; /* an eventfd: a lane has ended, or a lease was lost */
    /* Threads inside of nw_closed(): what they tell may be the last that the bridge waits for. */
    atomic_uint closers;
};

/* Any thread: have nw_bridge_attend called. */
void nw_bridge_want_attention(struct nw_bridge *bridge);

/* Any thread: a lane came to its end. */
void nw_bridge_lane_closed(struct nw_lane *lane);

/* Wait until all lanes of these routes are closed, or until hurry (may be NULL) says true. False:
 * some are not. */
bool nw_bridge_wait(struct nw_bridge *bridge, struct nw_route *const *routes, size_t count,
                    int64_t timeout_ms, bool (*hurry)(void));
/* Stop these routes and wait until they are closed; what is not delivered in time goes back to its
 * source. False: an endpoint did not close. */
bool nw_bridge_drain(struct nw_bridge *bridge, struct nw_route *const *routes, size_t count,
                     int64_t timeout_ms, bool (*hurry)(void));

/* replay.c. Any thread: wake the replay thread. */
void nw_bridge_want_replay(struct nw_bridge *bridge);
/* The spool, opened when it is first asked for; NULL with error if it cannot be. Not on a worker
 * except while opening. */
struct nw_spool *nw_bridge_spool(struct nw_bridge *bridge, struct nw_error *error);
/* Main thread. */
void nw_bridge_end_replay(struct nw_bridge *bridge);

#endif
