/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fences for what has no confirmation of its own: core publishes are gathered into a batch, closed
 * by a message to our own inbox. When that is back, the server has taken all before it.
 *
 * A publish that the server does not permit passes a fence, because the error comes beside the
 * protocol and on another thread. So once an error was seen in the session, a batch waits a moment
 * longer for the error that may belong to it. Loop thread.
 */
#ifndef NATSWAY_HUB_FENCE_H
#define NATSWAY_HUB_FENCE_H

#include "hub/sink.h"

struct nw_fences {
    struct nw_hub_sink *sink;
    struct nw_requester_client client;
    struct nw_fenced *open;             /* being filled; NULL: none */
    struct nw_fenced *sent, **sent_end; /* published, in order */
    struct nw_timer timer;
};

void nw_fences_init(struct nw_fences *f, struct nw_hub_sink *sink);
/* m was published; it is done with the next fence. false without memory. */
bool nw_fences_add(struct nw_fences *f, struct nw_message *m);
/* Publish the fence for what was added. */
void nw_fences_close_batch(struct nw_fences *f);
/* The server does not permit to publish to subject: those messages come back with NW_RETRY. */
void nw_fences_denied(struct nw_fences *f, struct nw_slice subject);
/* End: everything held comes back. */
void nw_fences_done(struct nw_fences *f);

#endif
