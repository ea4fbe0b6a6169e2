/* SPDX-License-Identifier: Apache-2.0 */
#include "support/http_server.h"

#include "support/fail.h"
#include "support/port.h"
#include "support/wait.h"
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nwt_http_server {
    struct MHD_Daemon *daemon; /* NULL: stopped */
    int port;
    char url[40];
    nwt_http_serve *serve;
    void *context;
};

struct body {
    char *data;
    size_t len;
};

static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static enum MHD_Result collect(struct body *body, const char *data, size_t *len)
{
    char *larger = realloc(body->data, body->len + *len + 1);
    if (larger == NULL) {
        return MHD_NO;
    }
    memcpy(larger + body->len, data, *len);
    body->data = larger;
    body->len += *len;
    larger[body->len] = '\0';
    *len = 0;
    return MHD_YES;
}

static enum MHD_Result answer(struct nwt_http_server *server, struct nwt_http_visit *visit)
{
    server->serve(server->context, visit);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        visit->answer_len, visit->answer_len == 0 ? "" : (char *)visit->answer,
        MHD_RESPMEM_MUST_COPY);
    for (size_t i = 0; i < 4 && visit->header_names[i] != NULL; i++) {
        MHD_add_response_header(response, visit->header_names[i], visit->header_values[i]);
    }
    enum MHD_Result rc = MHD_queue_response(visit->connection, (unsigned)visit->status, response);
    MHD_destroy_response(response);
    return rc;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *len, void **state)
{
    struct body *body = *state;
    (void)version;
    if (body == NULL) {
        *state = calloc(1, sizeof *body);
        return *state == NULL ? MHD_NO : MHD_YES;
    }
    if (*len > 0) {
        return collect(body, data, len);
    }
    struct nwt_http_visit visit = {.method = method,
                                   .path = url,
                                   .body = body->data == NULL ? "" : body->data,
                                   .body_len = body->len,
                                   .connection = connection,
                                   .status = 200};
    return answer(context, &visit);
}

static void forget(void *context, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode code)
{
    struct body *body = *state;
    (void)context;
    (void)connection;
    (void)code;
    if (body != NULL) {
        free(body->data);
        free(body);
    }
}

static bool try_start(struct nwt_http_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)server->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, handle,
        server, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_NOTIFY_COMPLETED, forget, NULL,
        MHD_OPTION_END);
    return server->daemon != NULL;
}

void nwt_http_server_start(struct nwt_http_server *server)
{
    if (!NWT_WAIT(5000, try_start(server))) {
        nwt_fail("the HTTP server does not start on port %d", server->port);
    }
}

struct nwt_http_server *nwt_http_server_new(nwt_http_serve *serve, void *context)
{
    struct nwt_http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        nwt_fail("no memory");
    }
    server->port = nwt_port_free();
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d", server->port);
    server->serve = serve;
    server->context = context;
    nwt_http_server_start(server);
    return server;
}

void nwt_http_server_stop(struct nwt_http_server *server)
{
    if (server->daemon != NULL) {
        MHD_stop_daemon(server->daemon);
        server->daemon = NULL;
    }
}

void nwt_http_server_free(struct nwt_http_server *server)
{
    if (server != NULL) {
        nwt_http_server_stop(server);
        free(server);
    }
}

const char *nwt_http_server_url(const struct nwt_http_server *server)
{
    return server->url;
}

const char *nwt_http_visit_header(const struct nwt_http_visit *visit, const char *name)
{
    return MHD_lookup_connection_value(visit->connection, MHD_HEADER_KIND, name);
}

const char *nwt_http_visit_query(const struct nwt_http_visit *visit, const char *name)
{
    return MHD_lookup_connection_value(visit->connection, MHD_GET_ARGUMENT_KIND, name);
}
