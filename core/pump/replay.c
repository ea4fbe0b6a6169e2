/* SPDX-License-Identifier: Apache-2.0 */
/* The spool of a bridge, and the thread that offers what lies in it. */
#include <stdlib.h>

#include "log/log.h"
#include "pump/bridge_state.h"

void nw_bridge_want_replay(struct nw_bridge *bridge)
{
    (void)pthread_mutex_lock(&bridge->lock);
    bridge->replay_wanted = true;
    (void)pthread_cond_broadcast(&bridge->changed);
    (void)pthread_mutex_unlock(&bridge->lock);
}

static void replay_all(struct nw_bridge *bridge)
{
    (void)pthread_rwlock_rdlock(&bridge->shape);
    for (size_t r = 0; r < bridge->route_count; r++) {
        for (size_t i = 0; i < bridge->routes[r]->lane_count; i++) {
            nw_spooler_replay(&bridge->routes[r]->lanes[i].spooler);
        }
    }
    (void)pthread_rwlock_unlock(&bridge->shape);
}

static void *replay(void *context)
{
    struct nw_bridge *bridge = context;

    (void)pthread_mutex_lock(&bridge->lock);
    while (!bridge->ending) {
        if (!bridge->replay_wanted) {
            (void)pthread_cond_wait(&bridge->changed, &bridge->lock);
            continue;
        }
        bridge->replay_wanted = false;
        (void)pthread_mutex_unlock(&bridge->lock);
        replay_all(bridge);
        (void)pthread_mutex_lock(&bridge->lock);
    }
    (void)pthread_mutex_unlock(&bridge->lock);
    return NULL;
}

struct nw_spool *nw_bridge_spool(struct nw_bridge *bridge, struct nw_error *error)
{
    struct nw_spool *spool;
    char *moved_to = NULL;

    (void)pthread_mutex_lock(&bridge->lock);
    if (bridge->spool == NULL) {
        (void)nw_spool_open(bridge->state_dir, &bridge->spool, &moved_to, error);
    }
    spool = bridge->spool;
    if (spool != NULL && !bridge->replay_running && !bridge->ending) {
        bridge->replay_running = pthread_create(&bridge->replay_thread, NULL, replay, bridge) == 0;
    }
    (void)pthread_mutex_unlock(&bridge->lock);
    if (moved_to != NULL) {
        nw_log_write(NW_LOG_ERROR, NULL,
                     "the spool was damaged: what could be read of it was kept, it is now %s",
                     moved_to);
        free(moved_to);
    }
    return spool;
}

void nw_bridge_end_replay(struct nw_bridge *bridge)
{
    (void)pthread_mutex_lock(&bridge->lock);
    bridge->ending = true;
    (void)pthread_cond_broadcast(&bridge->changed);
    (void)pthread_mutex_unlock(&bridge->lock);
    if (bridge->replay_running) {
        (void)pthread_join(bridge->replay_thread, NULL);
        bridge->replay_running = false;
    }
}
