/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP server for tests, in the test's own process. What it answers is said by a function of the
 * test, which is called for each request on a thread of that connection and may wait.
 */
#ifndef NATSWAY_TESTS_HTTP_SERVER_H
#define NATSWAY_TESTS_HTTP_SERVER_H

#include <stddef.h>

struct nwt_http_server;

/* One request and its answer. */
struct nwt_http_visit {
    const char *method, *path; /* the path without its query, escaped as it came */
    const char *body;          /* ended by a NUL that body_len does not count */
    size_t body_len;
    void *connection;
    /* For the answer. Texts are copied when the function returns. */
    int status; /* 200 */
    const char *answer;
    size_t answer_len;
    const char *header_names[4], *header_values[4]; /* up to the first NULL */
};

typedef void nwt_http_serve(void *context, struct nwt_http_visit *visit);

/* Start one on a free port; fails the test if it cannot. */
struct nwt_http_server *nwt_http_server_new(nwt_http_serve *serve, void *context);
/* Stop it: connections are refused. Start it again, on the same port. */
void nwt_http_server_stop(struct nwt_http_server *server);
void nwt_http_server_start(struct nwt_http_server *server);
/* NULL is allowed. */
void nwt_http_server_free(struct nwt_http_server *server);

/* http://127.0.0.1:PORT */
const char *nwt_http_server_url(const struct nwt_http_server *server);

/* First value of a request's header or query parameter; NULL if there is none. */
const char *nwt_http_visit_header(const struct nwt_http_visit *visit, const char *name);
const char *nwt_http_visit_query(const struct nwt_http_visit *visit, const char *name);

#endif
