/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listener: one libmicrohttpd daemon for each listening address, run by one thread of ours,
 * the *loop*.
 *
 * The daemon has no thread of its own. The loop sleeps on the daemon's epoll descriptor and on an
 * eventfd; so everything about a connection, its request, its deadline and its answer happens on
 * one thread and needs no lock. Requests that became complete in one round are offered together,
 * and what settle brings back is handed over as one chain with at most one wake-up.
 *
 *     peer      one TCP connection. Always on exactly one fifo: the deadline of what it does now
 *     request   a message's side of it, in the message's own memory: it outlives the peer when the
 *               answer came too late
 *     source    one lane's endpoint (http_source.c)
 *
 * libmicrohttpd's own timeouts are of inactivity, which a slow drip never meets; the fifos are
 * deadlines of the whole: until a request is there, until its body is, until the answer is known,
 * until it is sent.
 */
#ifndef NATSWAY_HTTP_LISTENER_H
#define NATSWAY_HTTP_LISTENER_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "http.h"
#include "http_router.h"

/* An answer that is late by so much more is the pump's fault, and is given without it. */
#define HTTP_SETTLE_GRACE_MS 250
#define HTTP_REMOTE_SIZE 48

struct http_peer;
struct http_listener;
struct http_store;

/* Peers that all wait equally long: the first is due first. */
struct http_fifo {
    struct http_peer *first, *last;
    int64_t duration_ns;
};

/* What a request is answered with. */
struct http_answer {
    unsigned status;          /* 0: none yet */
    unsigned retry_after_s;   /* 0: not said */
    bool close;               /* the connection ends with it */
    const char *allow;        /* of a 405 */
    struct nw_slice text;     /* error: the reason; borrowed until it is queued */
    bool taken;               /* and the peer's request with its options says more */
    struct nw_message *reply; /* a reference */
};

/* In the memory of its message. The loop's until it is offered, the lane's until it is settled. */
struct http_request {
    struct http_peer *peer; /* the loop's at all times; NULL: answered already, or cut */
    struct http_source *source;
    struct nw_message *message;
    struct http_request *next; /* in the source's batch, or in the chain of settled ones */
    char *body;
    size_t body_len, body_capacity;
    size_t counted; /* of the body, in its source's `reading` */
    /* Written by settle. */
    enum nw_outcome outcome;
    enum nw_cause cause;
    bool stored; /* in the spool */
    uint32_t retry_after_ms;
    struct nw_slice reason;
    struct nw_message *reply;
};

/* The loop's alone. */
struct http_peer {
    struct MHD_Connection *connection;
    struct http_listener *listener;
    int fd;
    struct http_fifo *fifo;
    struct http_peer *previous, *next;
    int64_t due_ns;
    bool suspended;
    uint64_t discarded; /* bytes of a body that nobody wants */
    struct http_answer answer;
    struct http_request *request; /* a reference on its message; NULL: none */
    struct http_source *source;   /* whose request it is, also while the answer is sent */
    char allow[128];
    char remote[HTTP_REMOTE_SIZE];
};

struct http_source {
    struct nw_endpoint *endpoint;
    struct http_listener *listener;
    const struct http_serve_options *options;
    /* The loop's. */
    struct http_fifo waiting;
    struct http_request *batch_first, *batch_last; /* complete, not yet offered */
    size_t active;                                 /* peers whose request is ours */
    size_t reading,
        memory; /* bytes of bodies that are not yet offered, and how many there may be */
    struct http_source *next; /* among the listener's sources */
    int64_t close_by_ns;      /* 0: not closing */
    /* Held while offering, so that stop() returns only between offers. */
    pthread_mutex_t offering;
    bool stopping;
    atomic_bool closing;      /* close() was called */
    bool accepts;             /* respond: accepted */
    bool in_outage;           /* what cannot be delivered now goes to the spool */
    struct http_store *store; /* if one of the two; else NULL */
};

struct http_listener {
    struct nw_connection *connection;
    struct http_listen_options options;
    struct MHD_Daemon *daemon;
    struct MHD_Response *no_content;
    int listen_fd, epoll_fd, event_fd;
    pthread_t thread;
    bool has_thread;
    char *cert, *key; /* PEM texts */
    char address[64];

    /* The loop's. */
    int64_t now_ns;
    struct http_fifo idle, reading, sending;
    struct http_source *sources;
    bool accepting;
    bool resumed; /* connections were, since the daemon last ran */
    char *scratch;
    char origin_prefix[32];
    uint64_t origin_count;

    pthread_mutex_t lock; /* of the next three */
    struct http_router *router;
    struct http_source *joining; /* to be put among the sources */
    int64_t accept_at_ns;        /* 0: no route yet, so nothing is taken off the backlog */

    _Atomic(struct http_request *) settled; /* a chain, newest first */
    atomic_bool attention, sleeping, stop;
};

/* ---- Any thread ---- */

/* Hand over a chain of settled requests (linked by next, last the end of it); each carries a
 * reference on its message. */
void http_listener_settled(struct http_listener *l, struct http_request *first,
                           struct http_request *last);
/* Begin to route requests to source. NW_EINVAL: another route serves that path. */
int http_listener_add(struct http_listener *l, struct http_source *source, const char *address,
                      const char *route, struct nw_error *error);
/* End it; the loop closes and frees the source as soon as its last answer is sent. */
void http_listener_remove(struct http_listener *l, struct http_source *source);

/* ---- The loop only ---- */

/* Put peer at the end of fifo, with a new deadline; NULL: on none. */
void http_peer_move(struct http_peer *peer, struct http_fifo *fifo);
/* Suspended peers go on with answer. Others: it is given when their request is complete. */
void http_peer_answer(struct http_peer *peer, const struct http_answer *answer);
/* Forget the request of peer, if it has one; what becomes of it is of no interest any more. */
void http_peer_detach(struct http_peer *peer);
/* Its body does not count any more among those that are being received. */
void http_request_uncount(struct http_request *request);

/* http_request.c: libmicrohttpd's handler. */
enum MHD_Result http_request_handle(void *listener, struct MHD_Connection *connection,
                                    const char *url, const char *method, const char *version,
                                    const char *data, size_t *size, void **context);
void http_request_completed(void *listener, struct MHD_Connection *connection, void **context,
                            enum MHD_RequestTerminationCode code);

/* http_answer.c: queue peer->answer, and forget it. */
enum MHD_Result http_answer_queue(struct http_peer *peer);
/* What a settled request's caller is told. */
struct http_answer http_answer_of(const struct http_request *request);

/* http_store.c: requests into the route's spool, on a thread of its own; what became of each comes
 * back as if it was settled. */
int http_store_open(struct http_source *source, struct nw_error *error);
/* Any thread: a chain of requests, each with a reference on its message for the way back. */
void http_store_put(struct http_store *store, struct http_request *first,
                    struct http_request *last);
/* When all is stored; NULL is allowed. */
void http_store_close(struct http_store *store);

/* http_source.c: the loop's share in a source. */
void http_source_flush(struct http_source *source);
/* true: it is closed and freed. */
bool http_source_try_close(struct http_source *source);

#endif
