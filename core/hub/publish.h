/* SPDX-License-Identifier: Apache-2.0 */
/* From a message to what goes out to NATS: subject, payload, and headers by the rules of carry.h.
 * Loop thread. */
#ifndef NATSWAY_HUB_PUBLISH_H
#define NATSWAY_HUB_PUBLISH_H

#include "hub/connection.h"

struct nw_publication {
    const struct nw_message *message;
    struct nw_slice subject;
    struct nw_slice id;    /* Nats-Msg-Id; absent: what the message has as a header, if any */
    struct nw_slice after; /* Nats-Expected-Last-Msg-Id; absent: none */
    const char *reply;     /* NULL: none */
    /* Not 0: a payload longer than this is cut there, and Natsway-Truncated says how long it was.
     */
    size_t cut_at;
    bool kv;        /* a key of a bucket: without payload it is deleted */
    bool bare;      /* an answer to a request: payload and headers, no key, time and origin */
    int error_code; /* not 0: the headers of NATS services' errors too, with error as the text */
    const char *error;
};

/* Needs a session. NATS_MAX_PAYLOAD if it is too large for the server; the subject must be valid.
 */
natsStatus nw_hub_publish(struct nw_hub *hub, const struct nw_publication *p);

/* Publish an answer that says that there is none: an empty payload, and the two headers of NATS
 * services' errors. */
natsStatus nw_hub_publish_error(struct nw_hub *hub, const char *subject, int code,
                                const char *reason);

/* What a failed publish means for the message; *reason is a constant. */
void nw_hub_publish_outcome(natsStatus s, enum nw_outcome *outcome, enum nw_cause *cause,
                            const char **reason);

#endif
