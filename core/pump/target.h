/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A target: one sink of a lane, with the messages that wait for it.
 *
 * Sent messages come back with done in any order. One that is to be tried again goes back into the
 * queue, which is sorted, and the target *holds*: it sends nothing until what is under way has come
 * back and the backoff is over, and then one message only, the first, as a probe. When that is
 * through the target is itself again. So an outage costs one message per backoff, and with `order:
 * strict` nothing is sent past a message that has to be sent again. With `order: relaxed` a message
 * waits alone while the others go on, until so many have failed in a row that it must be the
 * target. With `order: key` it is its key that waits, see keys.h; what probes the target is then
 * the next of another key.
 *
 * The very first message goes alone as well, unless order does not matter or somebody waits: a
 * target that is not there yet, or appears while a window is under way, gets nothing out of order.
 * One that takes its time to confirm is waited for ten seconds.
 */
#ifndef NATSWAY_PUMP_TARGET_H
#define NATSWAY_PUMP_TARGET_H

#include "base/backoff.h"
#include "config/config.h"
#include "pump/endpoint.h"
#include "pump/keys.h"

struct nw_target {
    struct nw_endpoint sink;
    const struct nw_sink_spec *spec;
    unsigned index; /* in the route's list */
    bool is_dead_letter;
    struct nw_message *head, *tail; /* the queue, by number */
    struct nw_message *last_again;  /* in the queue: where the last retry went in, or NULL */
    struct nw_message *waiting;     /* relaxed order: those that wait alone for the timer */
    struct nw_keys *keys;           /* with order: key; else NULL */
    unsigned failures;              /* in a row */
    size_t queued, in_flight, window;
    bool proven;                /* it has confirmed or refused a message: it is there */
    bool holding, probing, due; /* due: the backoff is over */
    bool wait_is_asked;         /* for by the server (Retry-After) */
    struct nw_backoff backoff;
    struct nw_timer timer;
};

void nw_target_init(struct nw_target *t, struct nw_lane *lane, const struct nw_sink_spec *spec,
                    unsigned index);
void nw_target_done(struct nw_target *t);

/* Append m, which becomes the target's until it is done. */
void nw_target_queue(struct nw_target *t, struct nw_message *m);

/* Send as much of the queue as window and hold allow. */
void nw_target_flush(struct nw_target *t);

/* A sent message is back: outcome, cause, reason and reply are in m. */
void nw_target_take_done(struct nw_target *t, struct nw_message *m);

/* The sink says that its server is there again: a hold ends its wait now, unless the server asked
 * for that wait itself. */
void nw_target_is_ready(struct nw_target *t);

/* Whether nothing of it is under way or waits. */
bool nw_target_is_idle(const struct nw_target *t);

/* Whether it holds messages back. */
bool nw_target_holds(const struct nw_target *t);

/* The lane ends: what is queued goes back to the source. */
void nw_target_return_queued(struct nw_target *t);

#endif
