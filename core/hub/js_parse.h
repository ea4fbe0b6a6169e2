/* SPDX-License-Identifier: Apache-2.0 */
/* What JetStream says to each message, read by hand because it is read for each message: the
 * metadata in a delivered message's reply subject, and the acknowledgment of a publish. */
#ifndef NATSWAY_HUB_JS_PARSE_H
#define NATSWAY_HUB_JS_PARSE_H

#include "base/slice.h"

struct nw_js_metadata {
    struct nw_slice stream, consumer;
    uint64_t delivered;         /* how often, from 1 */
    uint64_t sequence;          /* in the stream */
    uint64_t consumer_sequence; /* of the delivery */
    int64_t timestamp_ns;
    uint64_t pending; /* messages that match and were not yet delivered */
};

/* reply: "$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<time>.<pending>",
 * or the newer form with domain and account hash before the stream. false: it is neither. */
bool nw_js_parse_metadata(const char *reply, struct nw_js_metadata *out);

/* The message names another as its predecessor than the stream's last. */
#define NW_JS_ERR_WRONG_LAST_ID 10070

struct nw_js_puback {
    bool is_ack; /* false: an error, or no answer of JetStream at all */
    bool duplicate;
    uint64_t sequence;
    struct nw_slice stream;      /* as it stands in the JSON */
    int code, error_code;        /* of an error; 0: none */
    struct nw_slice description; /* of an error, as it stands in the JSON */
};

void nw_js_parse_puback(struct nw_slice json, struct nw_js_puback *out);

/* What the error means for the message. */
void nw_js_puback_outcome(const struct nw_js_puback *ack, enum nw_outcome *outcome,
                          enum nw_cause *cause);

#endif
