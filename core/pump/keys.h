/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `order: key`: which keys of a target have messages under way, which wait for one that is to be
 * tried again, and the messages that wait behind those.
 *
 * A key is here as long as something of it is under way or waits. One that failed *holds*: the
 * first of it goes back into the target's queue when its backoff is over, and the rest when that is
 * through. While a sink does several requests at once (`single`) each key has one of them. Messages
 * without a key are of one key.
 *
 * Worker thread.
 */
#ifndef NATSWAY_PUMP_KEYS_H
#define NATSWAY_PUMP_KEYS_H

#include "base/backoff.h"
#include "message/message.h"
#include "pump/worker.h"

struct nw_keys;

/* Gives back a message, whose place in the queue is where nw_comes_before says. */
typedef void nw_keys_release(void *context, struct nw_message *m);

/* release may be called from all that follow and by the worker's timer. NULL: no memory. */
struct nw_keys *nw_keys_new(struct nw_worker *worker, struct nw_backoff_range backoff, bool single,
                            nw_keys_release *release, void *context);
/* Nothing waits any more. NULL is allowed. */
void nw_keys_free(struct nw_keys *k);

enum nw_keys_entered { NW_KEYS_SEND, NW_KEYS_WAITS, NW_KEYS_NO_MEMORY };
/* m is the next to be sent: may it be, or does it wait here? */
enum nw_keys_entered nw_keys_enter(struct nw_keys *k, struct nw_message *m);

/* m, which was to be sent, is back, and its end: what waits for it can go on. */
void nw_keys_leave(struct nw_keys *k, const struct nw_message *m);
/* m is back and waits here to be tried again, at least so long; returns for how long. */
uint32_t nw_keys_hold(struct nw_keys *k, struct nw_message *m, uint32_t at_least_ms);

/* The target is there again: what it did not ask to wait waits no longer. */
void nw_keys_release_all(struct nw_keys *k);
/* Give back all that waits; nothing is under way. */
void nw_keys_drain(struct nw_keys *k);
size_t nw_keys_waiting(const struct nw_keys *k);

/* The order of outgoing messages. */
static inline bool nw_comes_before(const struct nw_message *a, const struct nw_message *b)
{
    return a->number < b->number || (a->number == b->number && a->split_index < b->split_index);
}

#endif
