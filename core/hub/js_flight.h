/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of a JetStream source that are offered and not settled. While they are, the server
 * is told that they are being worked on, long before ack_wait; when they are settled it is told
 * what became of them. What is settled while there is no session is told when there is one again.
 *
 * Loop thread.
 */
#ifndef NATSWAY_HUB_JS_FLIGHT_H
#define NATSWAY_HUB_JS_FLIGHT_H

#include "hub/connection.h"
#include "hub/settle.h"

/* Lives in the message's own memory and is its cookie. */
struct nw_js_held {
    struct nw_js_held *next, *previous; /* in the order of the last sign of life */
    natsMsg *msg;
    uint64_t sequence;
    int64_t touched_ns;
};

struct nw_js_flight {
    struct nw_hub *hub;
    int64_t progress_ns; /* without a sign of life so long, one is sent */
    struct nw_js_held *oldest, *newest;
    size_t count;
    struct nw_timer timer;
    struct nw_settlement *unsent, **unsent_end;
    struct nw_js_refused *refused, **refused_end; /* given back behind those in flight */
};

void nw_js_flight_init(struct nw_js_flight *f, struct nw_hub *hub, int64_t ack_wait_ms);
/* Give back what waits for that; forget what is unsent. */
void nw_js_flight_done(struct nw_js_flight *f);

/* m, made of msg, is about to be offered; its cookie is set. 0 or NW_ENOMEM. */
int nw_js_flight_hold(struct nw_js_flight *f, struct nw_message *m, natsMsg *msg,
                      uint64_t sequence);
bool nw_js_flight_holds(const struct nw_js_flight *f, uint64_t sequence);

/* Takes the settlement. */
void nw_js_flight_settle(struct nw_js_flight *f, struct nw_settlement *settlement);
/* There is a session again. */
void nw_js_flight_send_unsent(struct nw_js_flight *f);

/* Give a message back that is not offered: the server delivers it again, at once, in the order in
 * which messages come back. So it comes back behind those in flight, which are older. Takes msg. */
void nw_js_flight_refuse(struct nw_js_flight *f, natsMsg *msg);

#endif
