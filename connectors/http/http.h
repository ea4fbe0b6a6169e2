/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the HTTP connector share: the options as the rows of http.c fill them, and the
 * kinds of endpoint. "POST /path" is served here (http_source.c on http_listener.c), "POST
 * https://…" is called (http_sink.c, http_poll.c on http_client.c).
 */
#ifndef NATSWAY_HTTP_H
#define NATSWAY_HTTP_H

#include <natsway/connector.h>

#include "http_verify.h"

/* A connection: one listening address. */
struct http_listen_tls {
    const char *cert, *key; /* both or none */
};
struct http_listen_options {
    const char *listen;
    struct http_listen_tls tls;
    int64_t max_connections;
    int64_t max_header;       /* bytes of request line and headers */
    int64_t idle_timeout_ms;  /* a connection without a request */
    int64_t read_timeout_ms;  /* a whole request body */
    int64_t write_timeout_ms; /* a whole response */
};

/* What the caller of a request that was taken is told. */
struct http_respond {
    struct nw_choice when; /* enum http_when */
    int64_t status;        /* 0: not given */
    struct nw_pairs headers;
    uint32_t body; /* slot */
};
enum http_when { HTTP_DELIVERED, HTTP_ACCEPTED };

struct http_serve_options {
    int64_t max_body;
    int64_t timeout_ms;
    struct http_verify_options verify;
    struct http_respond respond;
};

/* What calling needs on either side. */
struct http_call_tls {
    const char *ca, *cert, *key;
    bool insecure;
};
struct http_basic {
    const char *user, *password;
};
struct http_auth {
    struct http_basic basic;
    const char *bearer;
};
struct http_remote_options {
    int64_t timeout_ms;
    int64_t max_response; /* bytes of an answer's body */
    struct http_call_tls tls;
    struct http_auth auth;
};

struct http_call_options {
    struct http_remote_options remote;
    struct nw_pairs headers;
    struct nw_list ok, retry_on;
    int64_t concurrency; /* 0: not given */
};

struct http_poll_options {
    struct http_remote_options remote;
    struct nw_pairs headers; /* plain texts: there is no message yet */
    int64_t every_ms;
    bool etag;
};

extern const struct nw_connection_kind http_listen_kind;
extern const struct nw_source_kind http_poll_kind;
extern const struct nw_source_kind http_serve_kind;
extern const struct nw_sink_kind http_call_kind;

/* The rows, in http.c. */
extern const struct nw_option http_listen_rows[], http_serve_rows[], http_call_rows[],
    http_poll_rows[];

/* http_listener.c */
void http_listen_check(const void *options, struct nw_check *check);
int http_listen_open(struct nw_connection *connection, const struct nw_connection_config *config,
                     void **state, struct nw_error *error);
void http_listen_close(void *state);

#endif
