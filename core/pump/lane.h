/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane: one running copy of a route, and the only place where the four verbs meet.
 *
 * An original that is offered is mapped into outgoing messages, each for one target. An outgoing
 * message waits in its target's queue, is sent, and comes back with done. When the last one is back
 * the original is finished: the worst outcome decides, the ledger is written, and it is settled.
 *
 *     offered -> [map] -> queued -> sent -> done -> finished -> settled
 *                            ^                |
 *                            +---- retry -----+   rejected: once more, to the dead-letter target
 *
 * What the map cannot take yet waits before it, in front of all that comes later: see later.h.
 *
 * Invariants, on the worker thread:
 *   ledger: received == delivered + filtered + dead_lettered + dropped + in_flight
 *   target: in_flight <= window; the queue is sorted by the number of the original
 *   original: pending == its outgoing messages that are queued or sent
 *
 * All functions run on the lane's worker unless they say otherwise.
 */
#ifndef NATSWAY_PUMP_LANE_H
#define NATSWAY_PUMP_LANE_H

#include "config/config.h"
#include "pump/bridge.h"
#include "pump/budget.h"
#include "pump/endpoint.h"
#include "pump/later.h"
#include "pump/spooler.h"
#include "pump/target.h"
#include "pump/worker.h"

#define NW_LANE_BATCH 256
#define NW_TARGETS_MAX 64

/* Where a message is; checks that done and settle come exactly once. */
enum nw_message_state { NW_MSG_NEW, NW_MSG_OFFERED, NW_MSG_QUEUED, NW_MSG_SENT, NW_MSG_DONE };

/* What became of an original, the worst last (CONFIG.md, "Precisely" 9). */
enum nw_fate {
    NW_FATE_FILTERED,
    NW_FATE_DELIVERED,
    NW_FATE_DROPPED,
    NW_FATE_DEAD_LETTERED,
    NW_FATE_ANSWERED, /* a failure that somebody waited for: told, not stored; counts as dropped */
    NW_FATE_RETURNED  /* the lane ends first: it stays at its source */
};

enum nw_phase {
    NW_PHASE_NEW,
    NW_PHASE_RUNNING,
    NW_PHASE_DRAINING,  /* the source has stopped; what is in flight goes on */
    NW_PHASE_RETURNING, /* out of time: everything goes back to the source */
    NW_PHASE_CLOSING_SINKS,
    NW_PHASE_CLOSING_SOURCE,
    NW_PHASE_CLOSED
};

struct nw_ledger {
    uint64_t received, delivered, filtered, dead_lettered, dropped, in_flight, retries;
    uint64_t returned; /* received once, and given back to the source: not in received any more */
    uint64_t mismatches;
    uint64_t seconds_count, seconds_buckets[NW_DELIVERY_BUCKETS + 1];
    int64_t seconds_sum_ns;
};

struct nw_lane;

/* Credits are counted from any thread. used: taken and not yet settled or given back. */
struct nw_credit {
    atomic_long used, reserved;
    atomic_long limit;   /* follows the sizes of the messages, so that bytes stay in budget */
    atomic_bool starved; /* somebody was given none and waits for credit() */
    atomic_size_t held;  /* bytes of the messages in flight; written by the worker */
    size_t most;         /* max_in_flight */
    /* Worker thread: */
    size_t counted;  /* messages in flight, without those that are in its inbox yet */
    size_t peak;     /* the most of them in this round */
    size_t settled;  /* bytes that are gone in this round */
    size_t overhead; /* of a message, in bytes */
    size_t mean;     /* of a message, in bytes with the overhead */
    size_t earned;   /* bytes that are gone since it borrowed last */
    int64_t busy_ns; /* when it last had use for what it has */
    struct nw_account account;
};

struct nw_lane {
    struct nw_bridge *bridge;
    const struct nw_route_spec *route;
    unsigned index;
    struct nw_seek *seek; /* not NULL: the source only moves its position, and no sink is opened */
    struct nw_worker *worker;
    struct nw_avro_fetcher *fetcher; /* of its generation; NULL: no step needs a registry */
    struct nw_endpoint source;
    struct nw_target *targets; /* those of the route, then the dead-letter target if there is one */
    size_t target_count;       /* of the route */
    struct nw_target *dead_letter;
    struct nw_spooler spooler;
    bool foreign; /* the source is not NATS: reserved headers do not pass */
    char *via;    /* "bridge/route" */
    struct nw_credit credit;
    struct nw_later later;
    struct nw_total *total; /* of the route, see totals.h; with total_next guarded by its lock */
    struct nw_lane *total_next;

    enum nw_phase phase;
    bool stopped; /* `then: stop`, or an endpoint that cannot work */
    atomic_bool credit_posted;
    atomic_bool stop_posted; /* the stop has begun, by whomever */
    atomic_bool return_posted;
    bool all_taken;          /* after the stop: nothing more comes in */
    unsigned open_endpoints; /* not yet closed */
    bool closed;             /* guarded by the bridge's lock */
    atomic_size_t sharing;   /* how many lanes share the memory, for share_post */
    atomic_bool share_posted;
    uint64_t next_number;
    struct nw_result settling[NW_LANE_BATCH];
    size_t settling_count;
    struct nw_ledger ledger;
    struct nw_lane *touched;
    bool is_touched;
    struct nw_post open_post, stop_post, return_post, drained_post, credit_post, share_post;
    struct nw_timer open_timer;
    struct nw_timer credit_timer; /* armed while it has borrowed: what is not used goes back */

    /* What other threads read. */
    pthread_mutex_t lock; /* guards published, error, error_time_ns */
    struct nw_ledger published;
    uint64_t published_sum; /* of its counts, to see that they have changed; worker thread */
    bool published_stopped, published_holding;
    char error[300];
    int64_t error_time_ns;
    atomic_ullong lost; /* cumulative: received and dropped before they could be offered */
    atomic_llong lag;
};

/* Main thread: fills lane, which is all zero; the connections it needs are open. 0 or NW_ENOMEM. */
int nw_lane_init(struct nw_lane *lane, struct nw_bridge *bridge, const struct nw_route_spec *route,
                 unsigned index, struct nw_worker *worker);
/* Main thread, when it never ran, or is closed and its worker has gone on since (nw_worker_pass).
 */
void nw_lane_done(struct nw_lane *lane);

/* Any thread, in this order; more than once is once. start, once, opens the endpoints; stop ends
 * taking and closes when all is settled; give_up sends back what is still in flight. */
void nw_lane_start(struct nw_lane *lane);
void nw_lane_stop(struct nw_lane *lane);
void nw_lane_give_up(struct nw_lane *lane);

/* Worker thread: the route ends here by itself, and shows as stopped. */
void nw_lane_halt(struct nw_lane *lane);

/* A message that came in through the worker: offered or done. */
void nw_lane_take(struct nw_lane *lane, struct nw_message *m);

/* Send and settle what this round has gathered. */
void nw_lane_flush(struct nw_lane *lane);

/* The lane has something for nw_lane_flush. */
void nw_lane_touch(struct nw_lane *lane);
/* For the worker: take it from the list; returns the next one. */
struct nw_lane *nw_lane_untouch(struct nw_lane *lane);

/* From deliver.c, dead_letter.c and target.c, see there. */
/* Map an offered original and queue what comes out of it, behind those that wait. */
void nw_lane_deliver(struct nw_lane *lane, struct nw_message *original);
/* The second half of it. false: it cannot be mapped yet, error has the reason; nothing happened. */
bool nw_lane_map(struct nw_lane *lane, struct nw_message *original, struct nw_error *error);
/* What templates of the source's options give for an original, into its values; at most once. Any
 * thread that owns it. */
int nw_lane_render_source(const struct nw_lane *lane, struct nw_message *original,
                          struct nw_error *error);
/* An original ends before anything was made of it: who waits for it is told of an outage. */
void nw_lane_answer_original(struct nw_lane *lane, struct nw_message *original, const char *reason);
/* An original came to its end: write the ledger and settle it. */
void nw_lane_finish(struct nw_lane *lane, struct nw_message *original);
/* An outgoing message came to its end. m is released. */
void nw_lane_finish_outgoing(struct nw_lane *lane, struct nw_message *m, enum nw_fate fate);
/* Let go of the answer that m has with it, if any. */
void nw_lane_drop_reply(struct nw_message *m);
/* An outgoing message is refused for good: dead letter, drop, stop, or the answer to who waits. */
void nw_lane_reject(struct nw_lane *lane, struct nw_message *m, enum nw_cause cause,
                    const char *reason);
/* In dead_letter.c: the dead letter in place of m, which was refused, into the queue of its target.
 * 0, or an error: there is none, and m is as it was. */
int nw_lane_queue_letter(struct nw_lane *lane, struct nw_message *m, const char *reason);
/* Nothing more can be done in time: who waits is told; m is released. */
void nw_lane_answer(struct nw_lane *lane, struct nw_message *m, enum nw_outcome outcome,
                    enum nw_cause cause, const char *reason);

/* Remember the newest error of the route for /api/routes. */
void nw_lane_set_error(struct nw_lane *lane, const char *text);
/* One line in the log about this lane. m may be NULL. */
void nw_lane_log(struct nw_lane *lane, enum nw_level level, const struct nw_message *m,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Any thread: hand n messages over, for which credit was taken. */
void nw_lane_offer(struct nw_lane *lane, struct nw_message *const *messages, size_t n);

/* Credit, in credit.c. take and give_back: any thread; the others: the worker's. */
/* Main thread: lane is one of so many that share the budget, until nw_credit_end. */
void nw_credit_init(struct nw_lane *lane, struct nw_budget *budget, size_t lanes);
void nw_credit_end(struct nw_lane *lane);
/* Main thread: there are so many lanes from now on. */
void nw_credit_share(struct nw_lane *lane, size_t lanes);
void nw_credit_share_run(void *lane); /* what share_post runs */
size_t nw_lane_credit_take(struct nw_lane *lane, size_t want);
void nw_lane_credit_give_back(struct nw_lane *lane, size_t n);
/* An original came in; m was made of it and begins to wait for its target; either is gone. */
void nw_credit_came(struct nw_lane *lane, struct nw_message *m);
void nw_credit_made(struct nw_lane *lane, const struct nw_message *original, struct nw_message *m);
void nw_credit_gone(struct nw_lane *lane, const struct nw_message *m);
void nw_credit_run(void *lane);  /* what credit_post runs */
void nw_credit_look(void *lane); /* what credit_timer runs */
/* At the end of a round: the lane gets more of the budget or gives some back, and whoever was given
 * no credit is called when there is some. */
void nw_credit_round(struct nw_lane *lane);
/* The same after n messages were settled: their credits are free. */
void nw_credit_settled(struct nw_lane *lane, size_t n);

/* The worker's mapper, ready for the next message of this lane. */
struct nw_mapper *nw_lane_mapper(struct nw_lane *lane);

/* An endpoint is closed (posted by nw_closed). */
void nw_lane_closed(struct nw_lane *lane);

#endif
