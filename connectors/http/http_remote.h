/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sink and poll source share in calling: the options of the other side, one request filled
 * in, its answer collected, and that answer as a message or as words. The client's thread only,
 * but for the check.
 */
#ifndef NATSWAY_HTTP_REMOTE_H
#define NATSWAY_HTTP_REMOTE_H

#include "http_client.h"
#include "http_text.h"

/* A request and its answer; memory is kept from one use to the next. */
struct http_exchange {
    struct http_transfer transfer;
    const struct http_remote_options *options;
    /* The request: texts one behind the other, and the list of headers that points into them. */
    char *text;
    size_t text_len, text_capacity;
    struct curl_slist *headers;
    size_t header_count, header_capacity;
    size_t url_at;   /* in text */
    bool sends_body; /* the method has one */
    /* The answer. */
    bool wants_body, is_too_large;
    char *body;
    size_t body_len, body_capacity;
    char failure[CURL_ERROR_SIZE];
};

/* Mistakes in them that can be seen without I/O. */
void http_remote_check(const struct http_remote_options *options, struct nw_check *check);

/* NULL: no memory. */
struct http_exchange *http_exchange_new(struct http_caller *caller,
                                        const struct http_remote_options *options);
void http_exchange_free(struct http_exchange *x);

/* Begin a request: forget the last one. Then the method and URL, headers, body. Each returns 0 or
 * NW_ENOMEM; NW_EINVAL for an address that is no "METHOD http(s)://…". */
void http_exchange_clear(struct http_exchange *x);
int http_exchange_set_address(struct http_exchange *x, struct nw_slice address,
                              const char *usual_method);
/* A value that HTTP cannot carry goes base64-encoded as Natsway-B64-<name>. */
int http_exchange_add_header(struct http_exchange *x, struct nw_slice name, struct nw_slice value);
/* Send the body at once, without asking whether it is welcome. */
int http_exchange_stop_expecting(struct http_exchange *x);
/* Lent until the request is finished. Nothing is sent with GET and HEAD. */
void http_exchange_set_body(struct http_exchange *x, struct nw_slice body);
/* Is there one of that name yet? */
bool http_exchange_has_header(const struct http_exchange *x, const char *name);
int http_exchange_start(struct http_exchange *x, int64_t timeout_ms);

/* Of a finished one: the status, 0 if there was no answer. */
long http_exchange_status(const struct http_exchange *x);
uint32_t http_exchange_retry_after_ms(const struct http_exchange *x);
/* The answer as a message: status, headers, and the body, which it takes over. NULL: no memory. */
struct nw_message *http_exchange_message(struct http_exchange *x, struct nw_endpoint *endpoint);
/* What happened, for people; never a query, user or password. */
void http_exchange_describe(const struct http_exchange *x, CURLcode code, char *text, size_t size);
/* The URL without what may be secret. */
void http_url_public(const char *url, char *text, size_t size);

#endif
