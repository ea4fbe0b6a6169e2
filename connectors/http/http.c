/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry of the HTTP connector and the rows of its options. "POST /path" is served here, "POST
 * https://…" is called: the form of the address decides.
 */
#include "http_text.h"

#include "http.h"

#define LISTEN(member) offsetof(struct http_listen_options, member)

static const struct nw_option listen_tls_rows[] = {
    {.name = "cert",
     .type = NW_OPTION_PATH,
     .offset = offsetof(struct http_listen_tls, cert),
     .flags = NW_OPTION_REQUIRED,
     .doc = "certificate and its chain, PEM"},
    {.name = "key",
     .type = NW_OPTION_PATH,
     .offset = offsetof(struct http_listen_tls, key),
     .flags = NW_OPTION_REQUIRED,
     .doc = "private key of the certificate, PEM"},
    {0},
};

const struct nw_option http_listen_rows[] = {
    {.name = "listen",
     .type = NW_OPTION_TEXT,
     .offset = LISTEN(listen),
     .flags = NW_OPTION_REQUIRED,
     .doc = "address and port to listen on, like 127.0.0.1:8080, [::1]:8080 or :8080"},
    {.name = "tls",
     .type = NW_OPTION_GROUP,
     .offset = LISTEN(tls),
     .rows = listen_tls_rows,
     .doc = "serve HTTPS"},
    {.name = "max_connections",
     .type = NW_OPTION_INT,
     .offset = LISTEN(max_connections),
     .standard = "1000",
     .min = 1,
     .max = 100000,
     .doc = "how many clients may be connected; others wait in the backlog"},
    {.name = "max_header",
     .type = NW_OPTION_SIZE,
     .offset = LISTEN(max_header),
     .standard = "16KiB",
     .min = 4096,
     .max = 1024 * 1024,
     .doc = "memory of a connection for request line and headers; 431 beyond"},
    {.name = "idle_timeout",
     .type = NW_OPTION_DURATION,
     .offset = LISTEN(idle_timeout_ms),
     .standard = "75s",
     .min = 100,
     .max = 24 * 3600 * 1000,
     .doc = "how long a connection may be without a complete request head"},
    {.name = "read_timeout",
     .type = NW_OPTION_DURATION,
     .offset = LISTEN(read_timeout_ms),
     .standard = "30s",
     .min = 100,
     .max = 24 * 3600 * 1000,
     .doc = "how long a whole request body may take"},
    {.name = "write_timeout",
     .type = NW_OPTION_DURATION,
     .offset = LISTEN(write_timeout_ms),
     .standard = "30s",
     .min = 100,
     .max = 24 * 3600 * 1000,
     .doc = "how long a client may take to read a whole response"},
    {0},
};

static const struct nw_option respond_rows[] = {
    {.name = "when",
     .type = NW_OPTION_CHOICE,
     .offset = offsetof(struct http_respond, when),
     .standard = "delivered",
     .choices = "delivered|accepted",
     .doc =
         "delivered: when every target has confirmed; accepted: as soon as the request is in the "
         "spool, on disk, from where it is delivered"},
    {.name = "status",
     .type = NW_OPTION_INT,
     .offset = offsetof(struct http_respond, status),
     .min = 200,
     .max = 399,
     .doc = "status of a request that was taken; default: 204 when it is delivered (200 with a "
            "body), 202 when it is in the spool"},
    {.name = "headers",
     .type = NW_OPTION_TEMPLATES,
     .offset = offsetof(struct http_respond, headers),
     .fill = NW_FILL_HEADER,
     .doc = "headers of that response"},
    {.name = "body",
     .type = NW_OPTION_TEMPLATE,
     .offset = offsetof(struct http_respond, body),
     .fill = NW_FILL_TEXT,
     .doc = "body of that response"},
    {0},
};

#define SERVE(member) offsetof(struct http_serve_options, member)

const struct nw_option http_serve_rows[] = {
    {.name = "max_body",
     .type = NW_OPTION_SIZE,
     .offset = SERVE(max_body),
     .standard = "1MiB",
     .max = 1024 * 1024 * 1024,
     .doc = "longest request body; 413 beyond"},
    {.name = "timeout",
     .type = NW_OPTION_DURATION,
     .offset = SERVE(timeout_ms),
     .standard = "5s",
     .min = 1,
     .max = 3600 * 1000,
     .doc = "how long the caller waits for the confirmation; 503 with Retry-After beyond. Not "
            "given: as long as a target's request:, if that is longer"},
    {.name = "verify",
     .type = NW_OPTION_GROUP,
     .offset = SERVE(verify),
     .rows = http_verify_rows,
     .doc = "who may send: the signature that a request must have; 401 without"},
    {.name = "respond",
     .type = NW_OPTION_GROUP,
     .offset = SERVE(respond),
     .choices = "delivered|accepted",
     .rows = respond_rows,
     .doc = "when and what the caller of a request that was taken is told; the text is that of "
            "`when`"},
    {0},
};

static const struct nw_option call_tls_rows[] = {
    {.name = "ca",
     .type = NW_OPTION_PATH,
     .offset = offsetof(struct http_call_tls, ca),
     .doc = "trusted authorities, PEM; default: the system's"},
    {.name = "cert",
     .type = NW_OPTION_PATH,
     .offset = offsetof(struct http_call_tls, cert),
     .doc = "client certificate, PEM"},
    {.name = "key",
     .type = NW_OPTION_PATH,
     .offset = offsetof(struct http_call_tls, key),
     .doc = "private key of the client certificate, PEM"},
    {.name = "insecure",
     .type = NW_OPTION_BOOL,
     .offset = offsetof(struct http_call_tls, insecure),
     .standard = "false",
     .doc = "do not check the server's certificate"},
    {0},
};

static const struct nw_option basic_rows[] = {
    {.name = "user",
     .type = NW_OPTION_TEXT,
     .offset = offsetof(struct http_basic, user),
     .doc = "user name"},
    {.name = "password",
     .type = NW_OPTION_SECRET,
     .offset = offsetof(struct http_basic, password),
     .doc = "password"},
    {0},
};

static const struct nw_option auth_rows[] = {
    {.name = "basic",
     .type = NW_OPTION_GROUP,
     .offset = offsetof(struct http_auth, basic),
     .rows = basic_rows,
     .doc = "user name and password"},
    {.name = "bearer",
     .type = NW_OPTION_SECRET,
     .offset = offsetof(struct http_auth, bearer),
     .doc = "token sent as Authorization: Bearer"},
    {0},
};

/* What calling needs on either side; STRUCTURE has a member `remote`. */
#define REMOTE(STRUCTURE, member) offsetof(STRUCTURE, remote.member)
#define REMOTE_ROWS(STRUCTURE)                                                               \
    {.name = "timeout",                                                                      \
     .type = NW_OPTION_DURATION,                                                             \
     .offset = REMOTE(STRUCTURE, timeout_ms),                                                \
     .standard = "10s",                                                                      \
     .min = 1,                                                                               \
     .max = 3600 * 1000,                                                                     \
     .doc = "how long a whole request may take"},                                            \
        {.name = "max_response",                                                             \
         .type = NW_OPTION_SIZE,                                                             \
         .offset = REMOTE(STRUCTURE, max_response),                                          \
         .standard = "16MiB",                                                                \
         .min = 1,                                                                           \
         .max = 1024 * 1024 * 1024,                                                          \
         .doc = "longest body of an answer that is passed on"},                              \
        {.name = "tls",                                                                      \
         .type = NW_OPTION_GROUP,                                                            \
         .offset = REMOTE(STRUCTURE, tls),                                                   \
         .rows = call_tls_rows,                                                              \
         .doc = "how https is spoken"},                                                      \
    {                                                                                        \
        .name = "auth", .type = NW_OPTION_GROUP, .offset = REMOTE(STRUCTURE, auth),          \
        .rows = auth_rows, .doc = "who we are: {basic: {user, password}} or {bearer: token}" \
    }

#define CALL(member) offsetof(struct http_call_options, member)

const struct nw_option http_call_rows[] = {
    REMOTE_ROWS(struct http_call_options),
    {.name = "headers",
     .type = NW_OPTION_TEMPLATES,
     .offset = CALL(headers),
     .fill = NW_FILL_HEADER,
     .doc = "headers to send; each replaces the message's of that name"},
    {.name = "ok",
     .type = NW_OPTION_LIST,
     .offset = CALL(ok),
     .standard = "2xx",
     .doc = "statuses that confirm a message, like 2xx or 409"},
    {.name = "retry_on",
     .type = NW_OPTION_LIST,
     .offset = CALL(retry_on),
     .standard = "[401, 403, 408, 425, 429, 5xx]",
     .doc = "statuses after which the message is tried again; any other rejects it"},
    {.name = "concurrency",
     .type = NW_OPTION_INT,
     .offset = CALL(concurrency),
     .min = 1,
     .max = 1000,
     .doc = "requests at the same time in a lane; default 1 with order: strict, else 16"},
    {0},
};

#define POLL(member) offsetof(struct http_poll_options, member)

const struct nw_option http_poll_rows[] = {
    {.name = "every",
     .type = NW_OPTION_DURATION,
     .offset = POLL(every_ms),
     .min = 10,
     .max = INT64_C(30) * 24 * 3600 * 1000,
     .flags = NW_OPTION_REQUIRED,
     .doc = "how often to ask"},
    {.name = "etag",
     .type = NW_OPTION_BOOL,
     .offset = POLL(etag),
     .standard = "true",
     .doc = "remember ETag and Last-Modified, and take an answer only when it changed"},
    {.name = "headers", .type = NW_OPTION_PAIRS, .offset = POLL(headers), .doc = "headers to send"},
    REMOTE_ROWS(struct http_poll_options),
    {0},
};

const struct nw_connection_kind http_listen_kind = {
    .options = http_listen_rows,
    .options_size = sizeof(struct http_listen_options),
    .optional = true,
    .check = http_listen_check,
    .open = http_listen_open,
    .close = http_listen_close,
};

static const struct nw_source_kind *source_for(const char *address)
{
    return http_address_is_called(address) ? &http_poll_kind : &http_serve_kind;
}

static const struct nw_connector connector = {
    NW_CONNECTOR_HEAD,
    .name = "http",
    .version = "0.1.0",
    .summary = "HTTP: serves paths, calls URLs and polls them",
    .connection = &http_listen_kind,
    .source = &http_serve_kind,
    .sink = &http_call_kind,
    .source_for = source_for,
};

NW_CONNECTOR(http)
{
    return &connector;
}
