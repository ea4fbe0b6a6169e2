/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of jq programs that do not end: one thread of the process looks now and then at what
 * runs, and halts what has used up the processor time that a message may take (`map_timeout`).
 * Processor time, not time of day: a machine that stands still is not the rule's fault. libjq looks
 * whether it is halted before each of its instructions.
 *
 * The thread sleeps while nothing runs.
 */
#ifndef NATSWAY_MAPPINGS_DEADLINE_H
#define NATSWAY_MAPPINGS_DEADLINE_H

#include <jq.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Embedded; used by one thread, which runs the programs. */
struct nw_deadline {
    struct nw_deadline *next;
    jq_state *jq;         /* what runs */
    atomic_uint phase;    /* of jq, see deadline.c */
    atomic_ulong message; /* so many-th of this thread */
    atomic_llong limit_ns;
    clockid_t clock; /* of the thread that runs */
    bool has_clock;
    bool over; /* the message has had its time; this thread's */
    /* Of what nobody can halt (regex_search.h); this thread's: so many in this message, and the
     * thread's clock when it was looked at first, 0: it was not. */
    unsigned count;
    int64_t began_ns;
    unsigned steps; /* of libjq's values (program_values.h), since the last look at the clock */
    /* The watching thread's: the message at its last look, the one it saw running, the clock then.
     */
    unsigned long passed, seen;
    int64_t seen_ns;
};

/* Any thread. */
void nw_deadline_init(struct nw_deadline *d);
void nw_deadline_done(struct nw_deadline *d);

/* The next message begins; it may take limit_ms of processor time in all, 0: as much as it wants.
 */
void nw_deadline_message(struct nw_deadline *d, int64_t limit_ms);

/* jq is about to run. false: the message has had its time. */
bool nw_deadline_start(struct nw_deadline *d, jq_state *jq);
/* It has run. true: it was halted, and can only be torn down. */
bool nw_deadline_end(struct nw_deadline *d);

/* For what cannot be halted, and looks itself. The deadline of the message that this thread is at;
 * NULL: there is none, or it has no limit. */
struct nw_deadline *nw_deadline_of_thread(void);
/* So many of it there were in this message, this one counted. */
unsigned nw_deadline_count(struct nw_deadline *d);
/* Nanoseconds of processor time that are left, counted from the first time that it is asked in a
 * message. */
int64_t nw_deadline_left_ns(struct nw_deadline *d);
/* For what libjq does within one instruction: so many steps more. Has the message had its time that
 * this thread runs jq for? false also where none runs. */
bool nw_deadline_stops(unsigned steps);
/* Where jq runs: the message has had its time from now on. */
void nw_deadline_stop(void);
/* What cannot be halted has stopped by itself: no jq is run for this message any more. */
void nw_deadline_give_up(struct nw_deadline *d);

#endif
