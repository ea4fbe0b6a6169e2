/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process knows of a lease and what it does next: a state machine without a clock and
 * without I/O, see lease.h.
 *
 * The clocks of two machines are never compared. Who holds the lease counts from when it *sent* its
 * last renewal that was stored; who wants it counts from when it first *saw* the revision that is
 * still there. The latter is never before the former, so that the holder's time is over first.
 */
#ifndef NATSWAY_HUB_LEASE_STATE_H
#define NATSWAY_HUB_LEASE_STATE_H

#include "base/clock.h"
#include "hub/lease.h"

/* A lease that was not renewed for so long may be taken. Its holder lets go a little earlier, since
 * that takes its time, too. */
#define NW_LEASE_NS (5 * NW_SECOND_NS)
#define NW_LEASE_LET_GO_NS (NW_LEASE_NS - NW_SECOND_NS / 2)
#define NW_LEASE_RENEW_NS (3 * NW_SECOND_NS / 2)
#define NW_LEASE_LOOK_NS (NW_SECOND_NS / 2)
/* Before the next try after a failure. */
#define NW_LEASE_AGAIN_NS (NW_SECOND_NS / 2)

/* What the key says. */
struct nw_lease_record {
    bool free;    /* nobody has it */
    char id[40];  /* of the holder's state folder */
    char run[40]; /* of its process */
    struct nw_lease_holder holder;
};

enum nw_lease_action {
    NW_LEASE_NOTHING,
    NW_LEASE_LOOK,   /* read the key */
    NW_LEASE_PUT,    /* put our record over `revision` */
    NW_LEASE_RELEASE /* put over `revision` that nobody has it */
};

struct nw_lease_state {
    char id[40], run[40];
    enum nw_lease_phase phase;
    bool session; /* NATS is there */
    bool asked;   /* an action is under way */
    bool leaving; /* for good */
    /* A record with our id was written by our predecessor in our state folder, whose lock we have:
     * it is dead, and what it had is ours. Only until somebody else's was seen, or we had it. */
    bool inherits;
    bool known; /* revision and record are of the key */
    bool ours;  /* nobody can mind if we take it */
    uint64_t revision;
    struct nw_lease_record record;
    int64_t seen_ns; /* when this revision was first seen */
    int64_t sent_ns; /* held: when the last renewal that was stored was sent */
    int64_t put_ns;  /* when the put under way was */
    int64_t due_ns;  /* of the next action */
    char trouble[256];
};

void nw_lease_state_init(struct nw_lease_state *s, const char *id, const char *run);

/* Begin to try to get it, at the beginning and after it was lost. */
void nw_lease_state_want(struct nw_lease_state *s, int64_t now_ns);
/* Give it back if it is held, and do nothing from then on. */
void nw_lease_state_leave(struct nw_lease_state *s);

void nw_lease_state_up(struct nw_lease_state *s, int64_t now_ns);
void nw_lease_state_down(struct nw_lease_state *s, const char *text);

/* Held, and its time is not over. */
bool nw_lease_state_is_good(const struct nw_lease_state *s, int64_t now_ns);
/* First of all, whenever something happens: the time of a lease that is held may be over. */
void nw_lease_state_expire(struct nw_lease_state *s, int64_t now_ns);
/* What to do now. It is under way from then on, until one of the functions below. */
enum nw_lease_action nw_lease_state_next(struct nw_lease_state *s, int64_t now_ns);
/* When to ask for that next, unless something happens before; INT64_MAX: only then. */
int64_t nw_lease_state_due(const struct nw_lease_state *s);

/* The key was read. revision 0: it was never put. */
void nw_lease_state_looked(struct nw_lease_state *s, const struct nw_lease_record *record,
                           uint64_t revision, int64_t now_ns);
/* Our record is stored. */
void nw_lease_state_stored(struct nw_lease_state *s, uint64_t revision, int64_t now_ns);
/* That nobody has it is. */
void nw_lease_state_released(struct nw_lease_state *s, uint64_t revision);
/* The key has another revision. */
void nw_lease_state_refused(struct nw_lease_state *s, int64_t now_ns);
/* It did not work, or nobody knows whether it did. */
void nw_lease_state_failed(struct nw_lease_state *s, const char *text, int64_t now_ns);

#endif
