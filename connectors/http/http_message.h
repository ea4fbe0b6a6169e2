/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message from a request: what libmicrohttpd knows of it, copied once into the message's memory,
 * because the message may be needed longer than the connection lives (a caller that was answered
 * too late, a delivery that is tried again). The loop only.
 */
#ifndef NATSWAY_HTTP_MESSAGE_H
#define NATSWAY_HTTP_MESSAGE_H

#include "http_listener.h"

#define HTTP_HEADERS 100
#define HTTP_QUERIES 100

/* What stands in a request before its body; borrowed from libmicrohttpd. */
struct http_head {
    struct {
        struct nw_slice name, value;
    } headers[HTTP_HEADERS], queries[HTTP_QUERIES];
    size_t header_count, query_count;
    size_t bytes; /* of all of them */
    bool too_many;
    bool expects;             /* 100-continue: the client waits before it sends the body */
    uint64_t content_length;  /* 0 if not said */
    struct nw_slice delivery; /* what identifies the delivery at its sender, or absent */
};
void http_head_read(struct MHD_Connection *connection, struct http_head *head);
/* Take this as what identifies the delivery, if it is there and not too long. */
void http_head_name_delivery(struct http_head *head, struct nw_slice name);

/*
 * Make the message and, in it, the request of peer, with room for the body that is announced.
 * NW_EINVAL: the query is not encoded well; NW_ENOMEM. On success the request holds the only
 * reference.
 */
int http_message_make(struct http_peer *peer, struct http_source *source,
                      const struct http_head *head, const char *method,
                      const struct http_match *match, struct http_request **out);

/* Append to the body. NW_EFULL: it is longer than the route takes; NW_ENOMEM. */
int http_message_add_body(struct http_request *request, const char *data, size_t len);

#endif
