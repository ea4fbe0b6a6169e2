/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker: a thread that runs many lanes.
 *
 * Everything that happens to a lane happens on its worker, so lanes need no lock. What comes from
 * other threads comes through two lock-free stacks, one of messages (offered, or done) and one of
 * posts (functions to run); each is emptied whole and turned round, so the order of one producer is
 * kept. A worker with nothing to do sleeps on its eventfd without a timeout unless a timer is
 * armed; a busy one is never woken by a system call.
 */
#ifndef NATSWAY_PUMP_WORKER_H
#define NATSWAY_PUMP_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "mappings/map.h"
#include "message/message.h"

struct nw_lane;

/* Something to run on the worker, once for each time it is posted. Embedded in what it is about; it
 * must stay alive until it has run, and must not be posted again before. */
struct nw_post {
    struct nw_post *next;
    void (*run)(void *context);
    void *context;
};

/* Something to run at a time. Only the worker's own thread touches it. index: 0 is not armed. */
struct nw_timer {
    int64_t due_ns;
    size_t index;
    void (*run)(void *context);
    void *context;
};

struct nw_worker {
    pthread_t thread;
    size_t lanes; /* that it runs; main thread */
    int wake_fd;
    _Atomic(struct nw_message *) messages;
    _Atomic(struct nw_post *) posts;
    atomic_bool sleeping, stopping;
    int64_t slept_ns; /* the last time */
    bool napped;      /* there was no work before the last nap */
    struct nw_mapper *mapper;
    int64_t now_ns; /* monotonic; read once for each round */

    struct nw_lane *touched;  /* lanes that this round has work for, linked by their `touched` */
    struct nw_timer **timers; /* a heap from index 1 */
    size_t timer_count, timer_capacity;
};

/* Start the thread. Returns 0, NW_ENOMEM or NW_EIO; on failure w needs no stop. */
int nw_worker_start(struct nw_worker *w, unsigned number);

/* End the thread when all that was posted before has run, and free what w holds. Main thread. */
void nw_worker_stop(struct nw_worker *w);

/* Wait until all that the worker has begun is behind it: no lane that was closed before is touched
 * any more. Not on a worker. */
void nw_worker_pass(struct nw_worker *w);

/* Any thread. */
void nw_worker_post(struct nw_worker *w, struct nw_post *post);

/* Any thread: give a chain of messages, newest first (last is the one that came first). */
void nw_worker_push(struct nw_worker *w, struct nw_message *newest, struct nw_message *oldest);

/* Worker thread: arm t, or move it. Returns 0 or NW_ENOMEM. */
int nw_worker_arm(struct nw_worker *w, struct nw_timer *t, int64_t due_ns);
void nw_worker_disarm(struct nw_worker *w, struct nw_timer *t);

#endif
