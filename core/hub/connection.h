/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection to NATS: state of nw_hub_connection_kind, shared by all endpoints of the hub.
 *
 * Two threads. The loop thread (loop.h) owns everything here: sessions, requests, the endpoints'
 * own state. The dialer thread (dialer.h) makes connections, for ever, and looks whether the server
 * still answers, because both block.
 *
 * A *session* is one connection of nats.c. nats.c's own reconnect is off: it would hold the
 * connection's lock, and so every publisher, while it waits for a server; and it gives up for good
 * when the same authentication error comes twice. Instead every lost session is followed by a new
 * one, and endpoints make their subscriptions and pulls anew on each; there is one way to come up,
 * not three.
 *
 * What is published is bounded: nats.c's buffer takes about NW_HUB_BUFFER bytes, the rest waits as
 * messages in the endpoints' queues until it has been written. So a server that does not read makes
 * no copies, and what was never written is known not to have been delivered.
 */
#ifndef NATSWAY_HUB_CONNECTION_H
#define NATSWAY_HUB_CONNECTION_H

#include <stdatomic.h>

#include "base/buffer.h"
#include "hub/hub.h"
#include "hub/hub_options.h"
#include "hub/loop.h"
#include "hub/requester.h"
#include "hub/trash.h"

#define NW_HUB_BUFFER ((int64_t)1 << 20)

struct nw_dialer;
struct nw_lease;

/*
 * Who wants to know about the session: one for each endpoint. All calls are on the loop thread; all
 * may be NULL. up: there is a session, make subscriptions. ready: the server has seen what up()
 * sent. down: it is gone; its subscriptions are to be destroyed, requests were completed as lost
 * before. received: look at your subscriptions. feed: there is room to publish again.
 * denied: the server does not permit the publish (or subscription) of subject.
 */
struct nw_listener {
    struct nw_listener *next, **link; /* link NULL: not listening */
    void (*up)(struct nw_listener *listener);
    void (*ready)(struct nw_listener *listener);
    void (*down)(struct nw_listener *listener, const char *text);
    void (*received)(struct nw_listener *listener);
    void (*feed)(struct nw_listener *listener);
    void (*denied)(struct nw_listener *listener, bool publish, struct nw_slice subject,
                   const char *text);
    uint64_t confirmed_by; /* sync after which it is ready; 0: it is, or there is no session */
};

struct nw_hub {
    struct nw_connection *connection;
    const struct nw_hub_options *options;
    char name[128]; /* shown by the server */
    struct nw_loop *loop;
    struct nw_dialer *dialer;

    /* Loop thread. */
    struct nw_requester *requester;
    struct nw_listener *listeners;
    struct nw_lease *leases;
    natsConnection *nc;           /* NULL: no session */
    natsSubscription *inboxes[2]; /* by enum nw_inbox */
    int64_t max_payload;
    bool away;              /* there is no session, and one was lost or could not be made */
    bool blocked;           /* nats.c's buffer is full */
    int64_t since_checked;  /* bytes published since the buffer was looked at */
    uint64_t syncs, synced; /* wanted of and answered by the dialer */
    uint64_t timeouts_seen;
    struct nw_buffer scratch; /* for whoever publishes */
    struct nw_trash trash;
    char down_text[256];

    atomic_int open_inboxes; /* whose delivery threads may still run */
};

/* Stop the loop and free. Nothing may be attached; endpoints are closed. Any thread but the loop's.
 */
void nw_hub_free(struct nw_hub *hub);

/* Loop thread: begin to listen; up() is called at once if there is a session. */
void nw_hub_listen(struct nw_hub *hub, struct nw_listener *listener);
void nw_hub_unlisten(struct nw_listener *listener);
/* Loop thread: call ready() of the listener when the server has seen what was sent so far. */
void nw_hub_sync(struct nw_hub *hub, struct nw_listener *listener);

/* Loop thread: may more be published now? If not, feed() is called when it may. */
bool nw_hub_can_publish(struct nw_hub *hub);
/* Loop thread: after a publish of about so many bytes. */
void nw_hub_published(struct nw_hub *hub, size_t bytes);

/* Loop thread, called by the dialer's tasks. nc is owned by the dialer. */
void nw_hub_up(struct nw_hub *hub, natsConnection *nc);
/* No session could be made. */
void nw_hub_failed(struct nw_hub *hub, const char *text);
void nw_hub_synced(struct nw_hub *hub, uint64_t count);
/* Loop thread: the server reported text (a permission violation). */
void nw_hub_reported(struct nw_hub *hub, const char *text);
/* Loop thread: a permission violation was reported in this session; another may be under way. */
bool nw_hub_was_denied(struct nw_hub *hub);

#endif
