/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requester: everything that has an answer goes through our own inbox. JetStream publishes,
 * requests, calls of the JetStream API and fences (a message to ourselves: when it is back, the
 * server has seen all that was published before) are slots of one table, thousands at once.
 *
 * The inbox has two wildcard subscriptions. The *quick* one is read by the loop itself, which costs
 * no thread and no wake-up; but nats.c then keeps from us whose the answer "nobody listens" was. So
 * after one of those the answers that are still missing are given little time, and for a while new
 * requests use the *exact* one, whose answers come through a thread of nats.c.
 *
 * The last token of a reply subject names the slot and its generation, so that a late answer never
 * meets the wrong request. Deadlines are our own: after a server was killed some answers never
 * come.
 *
 * Loop thread only, except nw_requester_deliver().
 */
#ifndef NATSWAY_HUB_REQUESTER_H
#define NATSWAY_HUB_REQUESTER_H

#include <nats/nats.h>

#include "base/slice.h"

struct nw_requester;
struct nw_loop;
struct nw_trash;

enum nw_reply_kind {
    NW_REPLY_MESSAGE,      /* msg is the answer */
    NW_REPLY_NO_RESPONDER, /* nobody listens on the subject */
    NW_REPLY_TIMEOUT,
    NW_REPLY_LOST,     /* the connection broke; it may or may not have arrived */
    NW_REPLY_DENIED,   /* the server does not permit the publish */
    NW_REPLY_CANCELLED /* by nw_requester_cancel */
};

struct nw_reply {
    void *item;   /* as given to nw_requester_begin */
    natsMsg *msg; /* destroyed afterwards unless the client takes it by setting NULL here */
    enum nw_reply_kind kind;
};

/* Whose request it is. Answers come in batches, in the order in which they arrived. */
struct nw_requester_client {
    void (*complete)(struct nw_requester_client *client, struct nw_reply *replies, size_t n);
    /* Was the item published to subject? May be NULL: never. For the server's permission errors,
     * which name only a subject. */
    bool (*published)(struct nw_requester_client *client, void *item, struct nw_slice subject);
    size_t in_flight;
};

#define NW_REPLY_SUBJECT 80

/* prefix: of the inbox, for example "_INBOX". NULL without memory. */
struct nw_requester *nw_requester_new(struct nw_loop *loop, struct nw_trash *trash,
                                      const char *prefix);
void nw_requester_free(struct nw_requester *r);

enum nw_inbox { NW_INBOX_QUICK, NW_INBOX_EXACT };

/* What the subscription of the inbox listens to. */
const char *nw_requester_pattern(const struct nw_requester *r, enum nw_inbox inbox);
/* Is the subject one of ours? */
bool nw_requester_is_inbox(const struct nw_requester *r, struct nw_slice subject);

/*
 * Reserve a slot; the reply subject to publish with is written to reply. The client is told exactly
 * once, from nw_requester_work or one of the calls below, unless nw_requester_abandon comes first.
 * NW_INBOX_EXACT where "nobody listens" must be known at once. Returns the slot, or a negative
 * NW_ENOMEM.
 */
int64_t nw_requester_begin(struct nw_requester *r, struct nw_requester_client *client, void *item,
                           enum nw_inbox inbox, int64_t due_ns, char reply[NW_REPLY_SUBJECT]);
/* It was not published after all: free the slot and tell nobody. */
void nw_requester_abandon(struct nw_requester *r, int64_t slot);

/* Complete all requests of one client, or of all; or those published to subject. */
void nw_requester_cancel(struct nw_requester *r, struct nw_requester_client *client);
void nw_requester_fail_all(struct nw_requester *r, enum nw_reply_kind kind);
void nw_requester_deny(struct nw_requester *r, struct nw_slice subject);

/* nats.c's delivery thread: an answer to the exact inbox; msg is taken. */
void nw_requester_deliver(struct nw_requester *r, natsMsg *msg);
/* Loop thread: an answer to the quick inbox (taken), or that nobody listens. */
void nw_requester_answer(struct nw_requester *r, natsMsg *msg);
void nw_requester_nobody(struct nw_requester *r);
/* Once a round, and after some answers: hand them to their clients. */
void nw_requester_work(struct nw_requester *r);

size_t nw_requester_in_flight(const struct nw_requester *r);
/* How many deadlines have passed since the start: a sign that the server should be looked at. */
uint64_t nw_requester_timeouts(const struct nw_requester *r);

#endif
