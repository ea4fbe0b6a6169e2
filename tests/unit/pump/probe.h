/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A route between two endpoints of ours, run by the real pump: the test offers messages, decides
 * what becomes of each message sent, and sees what was settled. One route at a time.
 */
#ifndef NATSWAY_TEST_PROBE_H
#define NATSWAY_TEST_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "pump/bridge.h"

#define PROBE_MAX 20000

/* What the sink does with message `number` (from 0) on its try'th try (from 1). HELD: nothing,
 * until the sink is closed. */
enum probe_act { PROBE_ACK, PROBE_RETRY, PROBE_REJECT, PROBE_HOLD, PROBE_TIMEOUT };

struct probe {
    /* Set by the test before it starts. */
    enum probe_act (*act)(size_t number, unsigned attempt);
    /* A step of the map, NULL: none. What it returns for message `number` on its try'th try is the
     * step's: 0, NW_EAGAIN or NW_EINVAL. */
    int (*step)(size_t number, unsigned attempt);
    bool splits;  /* a step before it makes two of each message */
    bool answers; /* with a reply, which passes a step that waits for ever */
    enum nw_order order;
    enum nw_then then;
    bool dead_letters, awaited, on_error_given;
    int64_t retries;
    size_t max_in_flight;
    size_t payload_len;  /* of each message; 0: two bytes */
    int64_t memory;      /* the budget; 0: 64 MiB */
    int64_t deadline_ms; /* of what is awaited */
    size_t unawaited;    /* the one number among them that nobody waits for; 0: none */
    uint32_t backoff_ms; /* before each further try; 0: a few milliseconds */

    /* What happened; read it after probe_stop(), or through the functions below. */
    size_t sent[PROBE_MAX]; /* numbers, in the order they were sent */
    size_t sent_count;
    size_t delivered[PROBE_MAX]; /* numbers, in the order they were confirmed */
    size_t delivered_count;
    unsigned settled[PROBE_MAX]; /* how many times each was settled */
    enum nw_outcome outcome[PROBE_MAX];
    enum nw_cause cause[PROBE_MAX];
    char reason[100]; /* of the last one that was settled */
    size_t settled_count;
    size_t settle_order[PROBE_MAX]; /* numbers */
    size_t most_in_flight;
    size_t dead[PROBE_MAX];
    size_t dead_count;
    char dead_reason[200], dead_route[100], dead_id[200];
    size_t offered;
};

extern struct probe probe;

/* Everything as it is usually: acks, strict order, no dead letters, 1000 in flight. */
void probe_reset(void);
void probe_start(void);
/* Offer messages until `count` have been offered since the start, as credit allows. */
void probe_offer(size_t count);
/* The sink's server is away; it is there again. */
void probe_sink_leaves(void);
void probe_sink_returns(void);
/* Wait until so many are settled; fails the test after 10 s. */
void probe_wait_settled(size_t count);
/* Wait until the route is in this state. */
void probe_wait_state(enum nw_route_state state);
/* Wait until it is true; false after 10 s. */
bool probe_wait(bool (*condition)(void));
struct nw_route_snapshot probe_snapshot(void);
/* What can be lent to a route. */
uint64_t probe_memory_free(void);
void probe_stop(int64_t timeout_ms);

#endif
