/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all sinks of the hub share. send() on the worker only posts the batch; on the loop thread
 * messages wait in a queue until there is a session, the sink is prepared, and nats.c's buffer has
 * room. Then they are published one by one, and their ends gathered for nw_done.
 *
 * Without a session everything comes back at once with NW_RETRY: the pump holds, not we.
 *
 * Where order is kept, nothing gets ahead of a message that failed: what waits behind it goes back
 * with it, and so does what the worker sent before it knew (`failures`).
 */
#ifndef NATSWAY_HUB_SINK_H
#define NATSWAY_HUB_SINK_H

#include <stdatomic.h>

#include "hub/connection.h"

#define NW_SINK_DONE 256

struct nw_hub_sink;

/* What is to be done with a message that waits. */
enum nw_admission {
    NW_ADMIT,        /* publish it */
    NW_ADMIT_LATER,  /* it and those behind it wait until nw_hub_sink_feed is called */
    NW_ADMIT_STORED, /* it is there already: confirm it */
};

struct nw_hub_sink_ops {
    /* Loop thread. May m, the first that waits, be published? May return what waits. May be NULL:
     * yes. */
    enum nw_admission (*admit)(struct nw_hub_sink *sink, struct nw_message *m);
    /* Loop thread. Publish m now; its end comes by nw_hub_sink_done, now or later. */
    void (*publish)(struct nw_hub_sink *sink, struct nw_message *m);
    /* Some were published: what closes a batch. May be NULL. */
    void (*published)(struct nw_hub_sink *sink);
    /* There is a session: get ready, then call nw_hub_sink_ready. NULL: it is at once. */
    void (*prepare)(struct nw_hub_sink *sink);
    /* The session is gone; requests were completed as lost. May be NULL. */
    void (*lost)(struct nw_hub_sink *sink);
    void (*denied)(struct nw_hub_sink *sink, struct nw_slice subject, const char *text);
    /* Complete what is still held, free the state. */
    void (*closed)(struct nw_hub_sink *sink);
};

/* At the head of each sink's own state. Loop thread, but for open, send and close. */
struct nw_hub_sink {
    struct nw_endpoint *endpoint;
    const struct nw_endpoint_config *config;
    const struct nw_hub_sink_ops *ops;
    struct nw_hub *hub;
    struct nw_listener listener;
    struct nw_requester_client client; /* complete is set by the sink's open */
    struct nw_task open_task, close_task;
    bool ready;    /* publishing goes on */
    char why[256]; /* it is not: the reason, "" if it is on its way */

    struct nw_message **queue; /* a ring */
    size_t head, count, capacity;
    struct nw_result done[NW_SINK_DONE];
    size_t done_count;
    bool failed, returning; /* NW_RETRY is among them; what is behind goes back */
    atomic_uint failures;   /* how often that was told; the worker reads it */
};

/* Worker thread: from the end of the kind's open. The sink may be called from then on. */
void nw_hub_sink_open(struct nw_hub_sink *sink, struct nw_endpoint *endpoint,
                      const struct nw_endpoint_config *config, const struct nw_hub_sink_ops *ops);
/* Worker thread: the kind's send and close. */
void nw_hub_sink_send(void *state, struct nw_message *const *messages, size_t n);
void nw_hub_sink_close(void *state);

/* Loop thread. */
void nw_hub_sink_ready(struct nw_hub_sink *sink);
/* Preparing failed: what comes is returned with text until nw_hub_sink_ready. */
void nw_hub_sink_not_ready(struct nw_hub_sink *sink, const char *text);
/* The message that waits at place i < count, from the first. */
static inline struct nw_message *nw_hub_sink_waiting(const struct nw_hub_sink *sink, size_t i)
{
    return sink->queue[(sink->head + i) & (sink->capacity - 1)];
}
/* Publish what waits, as far as there is room. */
void nw_hub_sink_feed(struct nw_hub_sink *sink);

/* The end of m. It is told with the next nw_hub_sink_flush; reason must live until then. */
void nw_hub_sink_done(struct nw_hub_sink *sink, struct nw_message *m, enum nw_outcome outcome,
                      enum nw_cause cause, const char *reason);
/* As above with NW_ACK and an answer, which is taken; NULL: none. */
void nw_hub_sink_ack(struct nw_hub_sink *sink, struct nw_message *m, struct nw_message *reply);
void nw_hub_sink_flush(struct nw_hub_sink *sink);
/* The subject m goes to, checked; otherwise m is rejected and false returned. */
bool nw_hub_sink_subject(struct nw_hub_sink *sink, struct nw_message *m, struct nw_slice *subject);
/* The end of m by a request that had no answer. true: it was one. */
bool nw_hub_sink_unanswered(struct nw_hub_sink *sink, struct nw_message *m,
                            enum nw_reply_kind kind);

#endif
