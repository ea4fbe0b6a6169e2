/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/admin.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ops/access.h"
#include "ops/render.h"
#include "ops/request.h"

#define LARGEST_BODY ((size_t)4 * 1024 * 1024)

struct nw_admin {
    int listener;              /* until the daemon has it; then -1 */
    bool loopback;             /* it listens there only */
    struct MHD_Daemon *daemon; /* NULL: not serving yet */
    struct nw_bridge *bridge;
    char *name;

    int request_fd;              /* an eventfd: how many requests there are */
    pthread_mutex_t lock;        /* guards what follows, and `waits` and `next` of requests */
    char *token;                 /* NULL: none is needed */
    struct nw_request *requests; /* the newest first */
    bool closing;
};

const char *const nw_request_paths[NW_REQUEST_KINDS] = {"/api/reload", "/api/plan", "/api/seek"};

/* ---- answering ---- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              const char *allow, struct nw_buffer *body)
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
    if (allow != NULL) {
        (void)MHD_add_response_header(response, "Allow", allow);
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

/* ---- requests ---- */

static int kind_of(const char *url)
{
    for (int i = 0; i < NW_REQUEST_KINDS; i++) {
        if (strcmp(url, nw_request_paths[i]) == 0) {
            return i;
        }
    }
    return -1;
}

static void free_request(struct nw_request *request)
{
    nw_buffer_done(&request->body);
    nw_buffer_done(&request->answer);
    free(request);
}

int nw_admin_descriptor(const struct nw_admin *admin)
{
    return admin->request_fd;
}

/* Its connection waits until the main thread has done it. */
static void hand_over(struct nw_admin *admin, struct nw_request *request)
{
    (void)pthread_mutex_lock(&admin->lock);
    if (admin->closing) {
        request->status = MHD_HTTP_SERVICE_UNAVAILABLE;
        nw_buffer_add_text(&request->answer, "natsway is ending\n");
    } else {
        request->waits = true;
        MHD_suspend_connection(request->connection);
        request->next = admin->requests;
        admin->requests = request;
        (void)eventfd_write(admin->request_fd, 1);
    }
    (void)pthread_mutex_unlock(&admin->lock);
}

struct nw_request *nw_admin_take(struct nw_admin *admin)
{
    struct nw_request **at = &admin->requests;
    struct nw_request *oldest;
    eventfd_t count;

    (void)eventfd_read(admin->request_fd, &count);
    (void)pthread_mutex_lock(&admin->lock);
    while (*at != NULL && (*at)->next != NULL) {
        at = &(*at)->next;
    }
    oldest = *at;
    *at = NULL;
    (void)pthread_mutex_unlock(&admin->lock);
    return oldest;
}

/* With the lock. */
static void go_on(struct nw_request *request)
{
    request->waits = false;
    MHD_resume_connection(request->connection);
}

void nw_admin_answer(struct nw_admin *admin, struct nw_request *request)
{
    (void)pthread_mutex_lock(&admin->lock);
    go_on(request);
    (void)pthread_mutex_unlock(&admin->lock);
}

static void completed(void *context, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode code)
{
    (void)connection;
    (void)code;
    if (*state != NULL && *state != context) {
        free_request(*state);
    }
    *state = NULL;
}

static unsigned refuse(struct nw_admin *admin, struct MHD_Connection *connection, bool changes,
                       struct nw_buffer *why)
{
    struct nw_access access = {.loopback = admin->loopback};
    unsigned status;

    (void)pthread_mutex_lock(&admin->lock);
    access.token = admin->token;
    status = nw_access_refuse(&access, connection, changes, why);
    (void)pthread_mutex_unlock(&admin->lock);
    return status;
}

static bool is_get(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static enum MHD_Result handle_get(struct nw_admin *admin, struct MHD_Connection *connection,
                                  const char *url, const char *method)
{
    struct nw_buffer body = {NULL, 0, 0, false};
    const char *type = "text/plain; charset=utf-8", *allow = NULL;
    unsigned status;

    if (!is_get(method) || kind_of(url) >= 0) {
        allow = kind_of(url) >= 0 ? "POST" : "GET, HEAD";
        nw_buffer_add_format(&body, "only %s here\n", kind_of(url) >= 0 ? "POST" : "GET");
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, type, allow, &body);
    }
    status = refuse(admin, connection, false, &body);
    status = status != 0 ? status : render(admin, url, &type, &body);
    return answer(connection, status, type, allow, &body);
}

/* The body has come, or the answer has. */
static enum MHD_Result handle_post(struct nw_admin *admin, struct nw_request *request)
{
    if (request->status == 0 && request->body.failed) {
        request->status = MHD_HTTP_CONTENT_TOO_LARGE;
        nw_buffer_add_text(&request->answer, "too large\n");
    }
    if (request->status == 0) {
        request->status = refuse(admin, request->connection, true, &request->answer);
    }
    if (request->status == 0) {
        hand_over(admin, request);
        return MHD_YES;
    }
    return answer(request->connection, request->status, "text/plain; charset=utf-8", NULL,
                  &request->answer);
}

static struct nw_request *new_request(struct MHD_Connection *connection, int kind)
{
    struct nw_request *request = calloc(1, sizeof *request);

    if (request != NULL) {
        request->kind = (enum nw_request_kind)kind;
        request->connection = connection;
    }
    return request;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **state)
{
    struct nw_admin *admin = context;

    (void)version;
    if (*state == NULL) { /* the head has come; the answer follows when the body has */
        bool post = strcmp(method, "POST") == 0 && kind_of(url) >= 0;
        *state = post ? (void *)new_request(connection, kind_of(url)) : context;
        return *state == NULL ? MHD_NO : MHD_YES;
    }
    if (*data_size > 0) {
        struct nw_request *request = *state == context ? NULL : *state;
        if (request != NULL && request->body.len + *data_size > LARGEST_BODY) {
            request->body.failed = true;
        } else if (request != NULL) {
            nw_buffer_add(&request->body, data, *data_size);
        }
        *data_size = 0; /* any other body is read and thrown away */
        return MHD_YES;
    }
    return *state == context ? handle_get(admin, connection, url, method)
                             : handle_post(admin, *state);
}

/* ---- opening and closing ---- */

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

int nw_admin_set_token(struct nw_admin *admin, const char *token)
{
    char *copy = token == NULL ? NULL : strdup(token);

    if (token != NULL && copy == NULL) {
        return NW_ENOMEM;
    }
    (void)pthread_mutex_lock(&admin->lock);
    free(admin->token);
    admin->token = copy;
    (void)pthread_mutex_unlock(&admin->lock);
    return 0;
}

static void free_admin(struct nw_admin *admin)
{
    if (admin->listener >= 0) {
        (void)close(admin->listener);
    }
    if (admin->request_fd >= 0) {
        (void)close(admin->request_fd);
    }
    (void)pthread_mutex_destroy(&admin->lock);
    free(admin->name);
    free(admin->token);
    free(admin);
}

int nw_admin_open(const struct nw_config *config, struct nw_admin **out, struct nw_error *error)
{
    struct nw_admin *admin = calloc(1, sizeof *admin);
    int fd;

    if (admin == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    (void)pthread_mutex_init(&admin->lock, NULL);
    admin->listener = -1;
    admin->request_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    admin->name = strdup(config->name);
    if (admin->request_fd < 0 || admin->name == NULL ||
        nw_admin_set_token(admin, config->admin_token) != 0) {
        free_admin(admin);
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    fd = listen_on(config->admin_listen, error);
    if (fd < 0) {
        free_admin(admin);
        return fd;
    }
    admin->listener = fd;
    admin->loopback = is_loopback_socket(fd);
    *out = admin;
    return 0;
}

int nw_admin_serve(struct nw_admin *admin, struct nw_bridge *bridge, struct nw_error *error)
{
    admin->bridge = bridge;
    admin->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, admin,
        MHD_OPTION_LISTEN_SOCKET, admin->listener, MHD_OPTION_CONNECTION_LIMIT, 64u,
        MHD_OPTION_CONNECTION_TIMEOUT, 10u, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(16 * 1024),
        MHD_OPTION_NOTIFY_COMPLETED, completed, admin, MHD_OPTION_END);
    if (admin->daemon == NULL) {
        return nw_error_set(error, NW_EIO, "the admin listener cannot be started");
    }
    admin->listener = -1;
    return 0;
}

/* A daemon cannot end with a connection suspended. */
static void answer_all(struct nw_admin *admin)
{
    (void)pthread_mutex_lock(&admin->lock);
    admin->closing = true;
    while (admin->requests != NULL) {
        struct nw_request *request = admin->requests;
        admin->requests = request->next;
        request->status = MHD_HTTP_SERVICE_UNAVAILABLE;
        nw_buffer_add_text(&request->answer, "natsway is ending\n");
        go_on(request);
    }
    (void)pthread_mutex_unlock(&admin->lock);
}

void nw_admin_close(struct nw_admin *admin)
{
    if (admin == NULL) {
        return;
    }
    answer_all(admin);
    if (admin->daemon != NULL) {
        MHD_stop_daemon(admin->daemon);
    }
    free_admin(admin);
}
