/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who signed a request: `verify:` of a served path.
 *
 * A sender of webhooks shares a secret with us and sends an HMAC (RFC 2104) of what it sends in a
 * header. It is checked when the whole body is there and before anything else is done with the
 * request: what is not signed takes no credit and reaches no route. Pure functions on bytes of the
 * caller, but for the clock, which is handed in; any thread.
 */
#ifndef NATSWAY_HTTP_VERIFY_H
#define NATSWAY_HTTP_VERIFY_H

#include <natsway/connector.h>

/* A signature spelled out; it counts if it has a secret. */
struct http_hmac_options {
    struct nw_list secret; /* the new one, and the old one while senders change */
    struct nw_choice algorithm, encoding;
    const char *header, *prefix, *signs;
    const char *timestamp; /* header with seconds since 1970, or NULL */
    int64_t window_ms;     /* how far it may be from now */
    const char *id;        /* header that names the delivery, or NULL */
};

struct http_verify_options {
    struct nw_list github; /* secrets */
    struct http_hmac_options hmac;
};

extern const struct nw_option http_verify_rows[];

/* Report what cannot be meant. */
void http_verify_check(const struct http_verify_options *options, struct nw_check *check);

/* What a request has: the value of a header, absent without it. */
typedef struct nw_slice http_header_of(void *request, const char *name);

/* NULL if the request is signed as the options want (or they want nothing), else why it is refused:
 * a text that tells nothing of the secret. */
const char *http_verify(const struct http_verify_options *options, http_header_of *header_of,
                        void *request, struct nw_slice body, int64_t now_s);

#endif
