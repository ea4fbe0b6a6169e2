/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: the one thread on which everything of the hub happens.
 *
 * nats.c is told to leave its socket to us (natsOptions_SetEventLoop): the loop reads and writes
 * it, runs what other threads posted, and fires timers. Whoever publishes only appends to a buffer;
 * the loop writes once for many messages and sleeps without a timeout when there is nothing to do.
 *
 * Other threads reach the hub's state only by nw_loop_post(): a task is run on the loop thread, in
 * the order in which tasks were posted. So that state needs no lock, and no worker ever waits for a
 * socket. One socket is attached at a time.
 */
#ifndef NATSWAY_HUB_LOOP_H
#define NATSWAY_HUB_LOOP_H

#include <nats/nats.h>
#include <natsway/connector.h>

struct nw_loop;

/* Embedded in what it is about. Belongs to the loop from post to run; run may free or post it. */
struct nw_task {
    struct nw_task *next;
    void (*run)(struct nw_task *task);
};

/* Embedded likewise; all zero is a timer that is not set. Loop thread only. */
struct nw_timer {
    struct nw_timer *next, **link;
    int64_t due_ns;
    void (*fire)(struct nw_timer *timer);
};

/* Called on the loop thread. */
struct nw_loop_hooks {
    void *context;
    void (*received)(void *context); /* bytes were read and parsed */
    void (*round)(void *context);    /* once in each round, before the socket is written */
    void (*detached)(void *context); /* the socket is gone; nats.c has closed the connection */
};

/* Start the thread. 0, NW_ENOMEM or NW_EIO. */
int nw_loop_start(struct nw_loop **out, const struct nw_loop_hooks *hooks);
/* End the thread after the tasks posted so far, and free the loop. Nothing may be attached. */
void nw_loop_stop(struct nw_loop *loop);

/* Make connections made with options live on this loop. */
natsStatus nw_loop_install(struct nw_loop *loop, natsOptions *options);

/* Any thread. */
void nw_loop_post(struct nw_loop *loop, struct nw_task *task);
/* Any thread: another round, so that `round` looks at what it guards itself. */
void nw_loop_wake(struct nw_loop *loop);
/* Any thread: break the attached socket, if there is one; the connection then closes by itself. */
void nw_loop_cut(struct nw_loop *loop);
/* Any thread: when the socket was last ready to be read or written (monotonic). */
int64_t nw_loop_last_activity(struct nw_loop *loop);

/* Loop thread. Setting a timer that is set moves it. */
void nw_loop_set_timer(struct nw_loop *loop, struct nw_timer *timer, int64_t due_ns);
void nw_loop_cancel_timer(struct nw_timer *timer);
/* The time at which this round began. */
int64_t nw_loop_now(const struct nw_loop *loop);

#endif
