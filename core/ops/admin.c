/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/admin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ops/render.h"

struct nw_admin {
    int listener;              /* until the daemon has it; then -1 */
    bool loopback;             /* it listens there only */
    struct MHD_Daemon *daemon; /* NULL: not serving yet */
    struct nw_bridge *bridge;
    const char *name, *token;
};

/* Compare without telling by the time taken where the first difference is. */
static bool same_secret(const char *a, const char *b)
{
    size_t len = strlen(a);
    unsigned char different = strlen(b) != len;

    for (size_t i = 0; i < len && strlen(b) == len; i++) {
        different |= (unsigned char)(a[i] ^ b[i]);
    }
    return different == 0;
}

static bool may_read(const struct nw_admin *admin, struct MHD_Connection *connection)
{
    const char *given;

    if (admin->token == NULL) {
        return true;
    }
    given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    return given != NULL && strncmp(given, "Bearer ", 7) == 0 &&
           same_secret(admin->token, given + 7);
}

/* "localhost", "127.0.0.1:8223", "[::1]". */
static bool is_loopback_host(const char *host)
{
    size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    char name[64];
    struct in_addr v4;

    if (len >= sizeof name) {
        return false;
    }
    memcpy(name, host, len);
    name[len] = '\0';
    if (inet_pton(AF_INET, name, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == 127;
    }
    return strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0;
}

/* A page in somebody's browser can make any name mean 127.0.0.1, but it cannot change what the
 * browser sends as Host. */
static bool host_fits(const struct nw_admin *admin, struct MHD_Connection *connection)
{
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");

    return !admin->loopback || admin->token != NULL || host == NULL || is_loopback_host(host);
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              struct nw_buffer *body)
{
    size_t len = body->len;
    char *text = nw_buffer_take(body);
    struct MHD_Response *response;
    enum MHD_Result result;

    if (text == NULL) {
        return MHD_NO;
    }
    response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, "Content-Type", type);
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(response, "Allow", "GET, HEAD");
    }
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* One page; returns the status. */
static unsigned render(struct nw_admin *admin, const char *url, const char **type,
                       struct nw_buffer *body)
{
    struct nw_bridge_snapshot snapshot;
    unsigned status = MHD_HTTP_OK;

    *type = "text/plain; charset=utf-8";
    if (strcmp(url, "/healthz") == 0) {
        nw_buffer_add_text(body, "ok\n");
        return status;
    }
    if (nw_bridge_snapshot(admin->bridge, &snapshot) != 0) {
        nw_buffer_add_text(body, "out of memory\n");
        return MHD_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (strcmp(url, "/metrics") == 0) {
        *type = "text/plain; version=0.0.4; charset=utf-8";
        nw_render_metrics(&snapshot, body);
        nw_bridge_keep_counts(admin->bridge);
    } else if (strcmp(url, "/readyz") == 0) {
        status = nw_render_ready(&snapshot, body) ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    } else if (strcmp(url, "/api/routes") == 0) {
        *type = "application/json";
        nw_render_routes(&snapshot, admin->name, body);
    } else {
        nw_buffer_add_text(body,
                           "not found; here are /metrics, /healthz, /readyz and /api/routes\n");
        status = MHD_HTTP_NOT_FOUND;
    }
    nw_bridge_snapshot_done(&snapshot);
    return status;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **state)
{
    struct nw_admin *admin = context;
    struct nw_buffer body = {NULL, 0, 0, false};
    const char *type = "text/plain; charset=utf-8";
    unsigned status;

    (void)version;
    (void)data;
    if (*state == NULL) { /* the head has come; the answer follows when the body has */
        *state = admin;
        return MHD_YES;
    }
    if (*data_size > 0) {
        *data_size = 0; /* a body is read and thrown away */
        return MHD_YES;
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        nw_buffer_add_text(&body, "only GET here\n");
        status = MHD_HTTP_METHOD_NOT_ALLOWED;
    } else if (!may_read(admin, connection)) {
        nw_buffer_add_text(&body, "a token is needed: Authorization: Bearer TOKEN\n");
        status = MHD_HTTP_UNAUTHORIZED;
    } else if (!host_fits(admin, connection)) {
        nw_buffer_add_text(&body, "ask by a loopback address, or set a token: admin: {token: …}\n");
        status = MHD_HTTP_FORBIDDEN;
    } else {
        status = render(admin, url, &type, &body);
    }
    return answer(connection, status, type, &body);
}

/* host:port or [host]:port into the two; host and port must have room for text. */
static int split_address(const char *text, char *host, char *port, struct nw_error *error)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);

    if (colon == NULL || len == 0 || len > 250 || strlen(colon + 1) > 10) {
        return nw_error_set(error, NW_EINVAL, "admin: listen wants host:port, found \"%s\"", text);
    }
    strcpy(port, colon + 1);
    if (text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    return 0;
}

/* A listening socket, or an NW_E…. */
static int listen_on(const char *address, struct nw_error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    char host[256], port[16];
    struct addrinfo *found;
    int fd, one = 1, rc = split_address(address, host, port, error);

    if (rc != 0) {
        return rc;
    }
    rc = getaddrinfo(host, port, &hints, &found);
    if (rc != 0) {
        return nw_error_set(error, NW_EINVAL, "admin: listen: %s: %s", address, gai_strerror(rc));
    }
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    }
    if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, 64) != 0) {
        rc = nw_error_set(error, NW_EIO,
                          "the admin address %s cannot be used: %s; choose another with "
                          "`admin: {listen: host:port}`, or `admin: off`",
                          address, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        fd = rc;
    }
    freeaddrinfo(found);
    return fd;
}

static bool is_loopback_socket(int fd)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;

    if (getsockname(fd, (struct sockaddr *)&bound, &len) != 0) {
        return false;
    }
    if (bound.ss_family == AF_INET) {
        return ntohl(((struct sockaddr_in *)&bound)->sin_addr.s_addr) >> 24 == 127;
    }
    return bound.ss_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)&bound)->sin6_addr);
}

int nw_admin_open(const struct nw_config *config, struct nw_admin **out, struct nw_error *error)
{
    struct nw_admin *admin = calloc(1, sizeof *admin);
    int fd;

    if (admin == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    fd = listen_on(config->admin_listen, error);
    if (fd < 0) {
        free(admin);
        return fd;
    }
    admin->listener = fd;
    admin->loopback = is_loopback_socket(fd);
    admin->name = config->name;
    admin->token = config->admin_token;
    *out = admin;
    return 0;
}

int nw_admin_serve(struct nw_admin *admin, struct nw_bridge *bridge, struct nw_error *error)
{
    admin->bridge = bridge;
    admin->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, handle, admin, MHD_OPTION_LISTEN_SOCKET,
        admin->listener, MHD_OPTION_CONNECTION_LIMIT, 64u, MHD_OPTION_CONNECTION_TIMEOUT, 10u,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(16 * 1024), MHD_OPTION_END);
    if (admin->daemon == NULL) {
        return nw_error_set(error, NW_EIO, "the admin listener cannot be started");
    }
    admin->listener = -1;
    return 0;
}

void nw_admin_close(struct nw_admin *admin)
{
    if (admin == NULL) {
        return;
    }
    if (admin->daemon != NULL) {
        MHD_stop_daemon(admin->daemon);
    }
    if (admin->listener >= 0) {
        (void)close(admin->listener);
    }
    free(admin);
}
