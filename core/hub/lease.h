/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lease: a key of the KV bucket natsway-leases that says which of several processes runs a route.
 *
 * Its holder puts the key anew every one and a half seconds, each time over the revision that it
 * put before. Another process that sees the same revision for five seconds puts its own over it;
 * who comes second is refused by the server. The holder that could not renew it lets go half a
 * second before that. Who gives it back puts a delete marker, and the next one need not wait.
 *
 * The functions are for the main thread unless they say otherwise; what they begin goes on on the
 * hub's loop.
 */
#ifndef NATSWAY_HUB_LEASE_H
#define NATSWAY_HUB_LEASE_H

#include <natsway/connector.h>

#define NW_LEASE_BUCKET "natsway-leases"

struct nw_lease;
struct nw_hub;

enum nw_lease_phase {
    NW_LEASE_IDLE,    /* not wanted, or lost */
    NW_LEASE_WAITING, /* nobody knows yet who has it */
    NW_LEASE_STANDBY, /* somebody else has it */
    NW_LEASE_HELD
};

struct nw_lease_holder {
    char name[160]; /* its instance, and where it runs */
    char since[40]; /* RFC 3339, by its clock */
};

/* Calls on the loop thread, which must not block. text is for people. */
struct nw_lease_watcher {
    void *context;
    void (*held)(void *context);
    void (*lost)(void *context, const char *text);
    void (*stands_by)(void *context, const struct nw_lease_holder *holder);
    /* It is not known who has it, for this reason; it is tried again by itself. */
    void (*trouble)(void *context, const char *text);
};

struct nw_lease_names {
    const char *bridge, *route;
    const char *instance; /* for people */
    const char *id;       /* unique for the state folder */
};

/* hub: the state of the connection to NATS. names is copied. 0 or NW_ENOMEM. */
int nw_lease_new(void *hub, const struct nw_lease_names *names,
                 const struct nw_lease_watcher *watcher, struct nw_lease **out);
/* Try to get it; held() comes when it is. Again after lost(). */
void nw_lease_want(struct nw_lease *lease);
/* Begin to give it back, for good: what it was for does not run any more. */
void nw_lease_leave(struct nw_lease *lease);
/* The same, and wait until it is done, two seconds at most; nothing is told any more then. The
 * connection must still be there. NULL is allowed. */
void nw_lease_free(struct nw_lease *lease);

struct nw_lease_view {
    enum nw_lease_phase phase;
    struct nw_lease_holder holder; /* standby: who has it */
    char text[256];                /* waiting: why */
};

/* For `check --online`, with a connection of its own: can the bucket be used? It is read; whether
 * it may be made or written cannot be seen without doing it. *there: it is made already. 0 or an
 * error.
 */
int nw_lease_probe(const void *hub_options, bool *there, struct nw_error *error);

/* Any thread. */
void nw_lease_view(struct nw_lease *lease, struct nw_lease_view *out);

/* Loop thread: the lease of a route, which is there as long as its lanes are. NULL: none is needed.
 */
struct nw_lease *nw_lease_find(const struct nw_hub *hub, const char *route);
/* Loop thread: whether it is held at this very moment. A process that stood still finds its timers
 * late: who is about to take something asks. */
bool nw_lease_is_good(const struct nw_lease *lease);

#endif
