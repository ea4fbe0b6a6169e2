/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small world for the real pump: one lane, two or three messages, one or two targets, and
 * everything around the lane in our hands. lane.c, deliver.c, target.c, keys.c, credit.c,
 * endpoint.c and spooler.c are the program's own; the worker, which is a thread there, is a list of
 * what may happen next here, and so are both targets, the source, and the spool, which keeps its
 * promises in memory.
 *
 * What happens is a choice of the caller (explore.c), one event at a time. After each the world
 * checks that nothing that its source was told is lost, should the process be killed now; and
 * whenever something is sent, that it does not pass what the route's order does not let it pass.
 */
#ifndef NATSWAY_MODEL_WORLD_H
#define NATSWAY_MODEL_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "config/config.h"

#define MESSAGES 3 /* at most */
#define TARGETS 2
#define KEYS 2 /* message i has the key i % KEYS */
#define ROWS 12
#define EVENTS_MAX 64

/* PLAIN: a stream gives again what was not acknowledged. SPOOLED: a message is confirmed when it is
 * in the spool (MQTT, respond: accepted). OUTAGE: somebody waits, and what cannot be delivered goes
 * to the spool (HTTP with spool:). */
enum mode { PLAIN, SPOOLED, OUTAGE };

struct scenario {
    const char *name;
    enum mode mode;
    enum nw_order order;
    unsigned messages, targets;
    size_t credit;
    unsigned failures; /* at most, of all targets together, between two starts */
    unsigned refusals; /* the same, for good */
    bool stops;        /* it may be stopped in its orderly way */
    bool untold;       /* and killed between storing a message and telling its source */
    bool single;       /* the targets do several requests at once: each key has one */
};

/* What a kill leaves. */
struct row {
    uint8_t number;
    bool there, settled; /* settled: to be removed */
};
struct lasting {
    bool told[MESSAGES]; /* the source: it may forget the message */
    bool confirmed[TARGETS][MESSAGES];
    bool refused[TARGETS][MESSAGES];
    uint8_t row_count;
    struct row rows[ROWS];
};

/* The number of a kind, and of which one. */
enum event_kind {
    EVENT_OFFER,  /* the next message comes, or is stored */
    EVENT_ROUND,  /* the worker takes what has come in, and flushes */
    EVENT_TIMER,  /* the i-th timer is due */
    EVENT_ACK,    /* a target confirms the i-th message that it holds */
    EVENT_FAIL,   /* or asks for another try */
    EVENT_REFUSE, /* or refuses it for good */
    EVENT_KEEP,   /* one that could not be delivered is stored */
    EVENT_REPLAY, /* the replay thread looks */
    EVENT_REMOVE, /* the spool removes what is settled */
    EVENT_STOP,   /* the route is to end */
    EVENT_GIVE_UP /* and is out of time */
};
struct event {
    uint8_t kind, target, index;
};

/* Start the program with what lasts; the world before must have been ended. */
void world_begin(const struct scenario *scenario, const struct lasting *lasting);
void world_apply(struct event e);
/* What may happen now. 0: nothing; then all must be done, which is checked. */
size_t world_enabled(struct event out[EVENTS_MAX]);
/* All that decides what may happen from now on. */
void world_describe(struct nw_buffer *out);
/* What a kill would leave now. */
struct lasting world_lasting(void);
/* The last event stored a message: what a kill before the source was told would leave. */
bool world_untold(struct lasting *out);
/* Since it was asked last: was something sent though a message before it, of another key, waits to
 * be sent again? */
bool world_has_passed(void);
/* Give everything up; the lane must close. */
void world_end(void);

/* Whoever explores: something is wrong; does not return. */
_Noreturn void world_broken(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Once, at the beginning and the end of all. */
void world_open(void);
void world_close(void);

#endif
