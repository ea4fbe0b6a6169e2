/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate of a route that one process at a time may run: its lanes are made as ever, but start
 * when the process holds the route's lease (hub/lease.h), and end when it has lost it. Then the
 * main thread makes them anew, to stand by. Of other routes the gate is always open, and costs
 * nothing.
 *
 *     shut ──want──► waits ──held──► started ──lost──► ending ──closed──► (made anew) waits
 *
 * Main thread, but for what the lease tells, on the hub's loop, and the view, from any.
 */
#ifndef NATSWAY_PUMP_GATE_H
#define NATSWAY_PUMP_GATE_H

#include <pthread.h>

#include "hub/lease.h"

struct nw_route;

struct nw_gate {
    struct nw_lease *lease; /* NULL: none is needed, or not yet */
    pthread_mutex_t lock;   /* guards what follows, and lease against the view */
    bool held;
    bool wanted;  /* the lanes are there, and start when the lease is held */
    bool started; /* they were told to */
    bool lost;    /* and to end: they are to be made anew */
};

void nw_gate_init(struct nw_gate *gate);
void nw_gate_done(struct nw_gate *gate);

/* The lanes are made: start them, now or when the lease is there. 0, NW_ENOMEM or NW_EIO. */
int nw_gate_open(struct nw_route *route, struct nw_error *error);
/* They are to stop, or were closed: do not start them any more. */
void nw_gate_shut(struct nw_route *route);
/* No lane is told anything any more: they are about to be freed. */
void nw_gate_forget(struct nw_route *route);
/* The lanes have ended: begin to give the lease back, or give it back. */
void nw_gate_leave(struct nw_route *route);
void nw_gate_release(struct nw_route *route);

/* Whether this process runs the route, so that its position may be moved here; an error says who
 * does. */
int nw_gate_check(struct nw_route *route, struct nw_error *error);

/* Whether its lanes have ended because the lease was lost. */
bool nw_gate_is_lost(struct nw_route *route);
/* Whether they were started. */
bool nw_gate_is_started(struct nw_route *route);

/* Any thread, while the route is there. false: it needs no lease. */
bool nw_gate_view(struct nw_route *route, struct nw_lease_view *out);

#endif
