/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An endpoint as the pump holds it: one end of a lane. What a connector calls with it (nw_offer,
 * nw_done, nw_credit_take, nw_log, …) is in natsway/connector.h and implemented in endpoint.c and
 * services.c.
 */
#ifndef NATSWAY_PUMP_ENDPOINT_H
#define NATSWAY_PUMP_ENDPOINT_H

#include <pthread.h>
#include <stdatomic.h>

#include "config/config.h"
#include "pump/worker.h"

struct nw_lane;

/* A counter of the connector's own, kept with nw_metric_count; never removed while the lane runs.
 */
struct nw_counter {
    struct nw_counter *next;
    const char *name;
    atomic_ullong value;
};

struct nw_endpoint {
    struct nw_lane *lane;
    const struct nw_source_kind *source; /* one of the two */
    const struct nw_sink_kind *sink;
    const char *type;         /* the connector's name */
    void *connection;         /* the state of its connection, or NULL */
    void *state;              /* the connector's; valid while open */
    bool open;                /* worker thread */
    bool closed_once;         /* worker thread */
    atomic_bool told_closed;  /* nw_closed() was called */
    atomic_bool told_stopped; /* stop() of a source has returned */
    bool required;            /* the route is not ready without it */
    size_t window;            /* sinks: 0 is the lane's max_in_flight */
    struct nw_endpoint_config config;
    struct nw_post closed_post;
    struct nw_post ready_post; /* sinks: from another state to READY */
    atomic_bool ready_posted;
    /* sinks: how many messages nw_done() brought as NW_RETRY, and how many of them the lane took */
    atomic_uint retries_told;
    unsigned retries_taken;

    pthread_mutex_t lock; /* guards status, text and the list of counters */
    enum nw_state status;
    char text[256];
    struct nw_counter *counters;
};

/* Main thread. */
void nw_endpoint_init(struct nw_endpoint *e, struct nw_lane *lane, const char *type);
void nw_endpoint_done(struct nw_endpoint *e);

/* Worker thread: call the connector's open. A failure is logged and becomes NW_STATE_FAILED. */
int nw_endpoint_open(struct nw_endpoint *e);
/* Worker thread: call the connector's close, or do at once what its nw_closed() would. */
void nw_endpoint_close(struct nw_endpoint *e);

/* Any thread: give the present time to messages without one. */
void nw_stamp(struct nw_message *const *messages, size_t n);

/* Any thread: copies status and text. */
enum nw_state nw_endpoint_status(struct nw_endpoint *e, char *text, size_t size);

#endif
