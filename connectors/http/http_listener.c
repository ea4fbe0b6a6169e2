/* SPDX-License-Identifier: Apache-2.0 */
#include "http_listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http_bind.h"
#include "http_text.h"

#define MILLISECOND_NS INT64_C(1000000)
/* Endpoints are opened one after the other; clients wait in the backlog until the last one is, so
 * that nobody is told 404 for a route that is still to come. */
#define ACCEPT_AFTER_NS (50 * MILLISECOND_NS)
/* How long a path that is served no more gets 503, as long as others may need to stop. */
#define REMEMBER_NS (60 * 1000 * MILLISECOND_NS)

/* ---- Deadlines ---- */

void http_peer_move(struct http_peer *peer, struct http_fifo *fifo)
{
    struct http_fifo *old = peer->fifo;

    if (old != NULL) {
        *(peer->previous == NULL ? &old->first : &peer->previous->next) = peer->next;
        *(peer->next == NULL ? &old->last : &peer->next->previous) = peer->previous;
    }
    peer->fifo = fifo;
    peer->next = NULL;
    peer->previous = NULL;
    if (fifo != NULL) {
        peer->due_ns = peer->listener->now_ns + fifo->duration_ns;
        peer->previous = fifo->last;
        *(fifo->last == NULL ? &fifo->first : &fifo->last->next) = peer;
        fifo->last = peer;
    }
}

/* libmicrohttpd has no call to close a connection; it sees this as the end of the stream. */
static void cut(struct http_peer *peer)
{
    shutdown(peer->fd, SHUT_RDWR);
    http_peer_move(peer, &peer->listener->sending); /* and is not cut again at once */
}

static void cut_expired(struct http_listener *l, struct http_fifo *fifo)
{
    while (fifo->first != NULL && fifo->first->due_ns <= l->now_ns) {
        cut(fifo->first);
    }
}

static void answer_expired(struct http_listener *l, struct http_source *source)
{
    while (source->waiting.first != NULL && source->waiting.first->due_ns <= l->now_ns) {
        struct http_peer *peer = source->waiting.first;
        struct http_answer answer = {
            .status = 503, .retry_after_s = 1, .text = http_slice("not confirmed in time")};
        http_peer_detach(peer);
        http_peer_answer(peer, &answer);
    }
}

static void earlier(int64_t *due_ns, const struct http_fifo *fifo)
{
    if (fifo->first != NULL && fifo->first->due_ns < *due_ns) {
        *due_ns = fifo->first->due_ns;
    }
}

/* ---- Peers ---- */

void http_peer_answer(struct http_peer *peer, const struct http_answer *answer)
{
    peer->answer = *answer;
    if (peer->suspended) {
        peer->suspended = false;
        http_peer_move(peer, &peer->listener->sending);
        MHD_resume_connection(peer->connection);
        peer->listener->resumed = true;
    }
}

void http_request_uncount(struct http_request *request)
{
    if (request->counted > 0) { /* else its source may be gone */
        request->source->reading -= request->counted;
        request->counted = 0;
    }
}

void http_peer_detach(struct http_peer *peer)
{
    if (peer->request != NULL) {
        struct http_request *request = peer->request;
        peer->request = NULL;
        request->peer = NULL;
        http_request_uncount(request);
        nw_message_unref(request->message);
    }
}

static void describe_remote(struct http_peer *peer)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(peer->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    if (info == NULL || info->client_addr == NULL ||
        getnameinfo(info->client_addr,
                    info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                             : sizeof(struct sockaddr_in),
                    peer->remote, sizeof peer->remote, NULL, 0, NI_NUMERICHOST) != 0) {
        peer->remote[0] = '\0';
    }
}

/* libmicrohttpd: a connection begins or ends. */
static void connection_changed(void *listener, struct MHD_Connection *connection, void **context,
                               enum MHD_ConnectionNotificationCode code)
{
    struct http_listener *l = listener;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        struct http_peer *peer = calloc(1, sizeof *peer);
        if (peer != NULL) {
            const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
            peer->connection = connection;
            peer->listener = l;
            peer->fd = info->connect_fd;
            describe_remote(peer);
            http_peer_move(peer, &l->idle);
        }
        *context = peer;
    } else if (*context != NULL) {
        http_peer_move(*context, NULL);
        free(*context);
        *context = NULL;
    }
}

/* ---- The loop ---- */

static void wake(struct http_listener *l)
{
    atomic_store(&l->attention, true);
    if (atomic_exchange(&l->sleeping, false)) {
        eventfd_write(l->event_fd, 1);
    }
}

void http_listener_settled(struct http_listener *l, struct http_request *first,
                           struct http_request *last)
{
    struct http_request *head = atomic_load(&l->settled);

    do {
        last->next = head;
    } while (!atomic_compare_exchange_weak(&l->settled, &head, first));
    wake(l);
}

static void take_settled(struct http_listener *l)
{
    struct http_request *request = atomic_exchange(&l->settled, NULL);

    while (request != NULL) {
        struct http_request *next = request->next;
        if (request->peer != NULL) {
            struct http_answer answer = http_answer_of(request);
            request->reply = NULL; /* its reference is the answer's now */
            http_peer_answer(request->peer, &answer);
        } else if (request->reply != NULL) {
            nw_message_unref(request->reply);
        }
        nw_message_unref(request->message);
        request = next;
    }
}

static void take_joining(struct http_listener *l)
{
    pthread_mutex_lock(&l->lock);
    while (l->joining != NULL) {
        struct http_source *source = l->joining;
        l->joining = source->next;
        source->next = l->sources;
        l->sources = source;
    }
    pthread_mutex_unlock(&l->lock);
}

/* Offer, expire, close. */
static void tend_sources(struct http_listener *l)
{
    struct http_source **at = &l->sources, *source;

    take_joining(l);
    while ((source = *at) != NULL) {
        struct http_source *next = source->next;
        http_source_flush(source);
        answer_expired(l, source);
        if (atomic_load(&source->closing) && http_source_try_close(source)) {
            *at = next;
        } else {
            at = &source->next;
        }
    }
}

/* The moment from which connections are taken off the backlog; INT64_MAX: not known yet. */
static int64_t accept_at(struct http_listener *l)
{
    pthread_mutex_lock(&l->lock);
    int64_t at_ns = l->accept_at_ns == 0 ? INT64_MAX : l->accept_at_ns;
    pthread_mutex_unlock(&l->lock);
    return at_ns;
}

/* When the loop must look again though nothing happens; INT64_MAX: never. */
static int64_t next_due(struct http_listener *l)
{
    MHD_UNSIGNED_LONG_LONG daemon_ms;
    int64_t due_ns = INT64_MAX;

    if (!l->accepting) {
        due_ns = accept_at(l);
    } else if (l->resumed ||
               (MHD_get_timeout(l->daemon, &daemon_ms) == MHD_YES && daemon_ms == 0)) {
        return 0;
    }
    earlier(&due_ns, &l->idle);
    earlier(&due_ns, &l->reading);
    earlier(&due_ns, &l->sending);
    for (struct http_source *s = l->sources; s != NULL; s = s->next) {
        earlier(&due_ns, &s->waiting);
        if (s->close_by_ns != 0 && s->close_by_ns < due_ns) {
            due_ns = s->close_by_ns;
        }
    }
    return due_ns;
}

static void sleep_until(struct http_listener *l, int64_t due_ns)
{
    int64_t ms = due_ns == INT64_MAX ? -1 : (due_ns - l->now_ns) / MILLISECOND_NS + 1;
    struct epoll_event events[2];
    eventfd_t ignored;

    if (due_ns <= l->now_ns) {
        return;
    }
    atomic_store(&l->sleeping, true);
    if (!atomic_load(&l->attention)) {
        epoll_wait(l->epoll_fd, events, 2, ms > 60000 ? 60000 : (int)ms);
    }
    if (!atomic_exchange(&l->sleeping, false)) {
        eventfd_read(l->event_fd, &ignored);
    }
}

static void *run(void *listener)
{
    struct http_listener *l = listener;

    while (!atomic_load(&l->stop)) {
        atomic_store(&l->attention, false);
        l->now_ns = nw_clock_monotonic_ns();
        take_settled(l);
        l->accepting = l->accepting || l->now_ns >= accept_at(l);
        if (l->accepting) {
            l->resumed = false;
            MHD_run(l->daemon);
        }
        tend_sources(l);
        cut_expired(l, &l->idle);
        cut_expired(l, &l->reading);
        cut_expired(l, &l->sending);
        sleep_until(l, next_due(l));
    }
    return NULL;
}

/* ---- Sources come and go ---- */

int http_listener_add(struct http_listener *l, struct http_source *source, const char *address,
                      const char *route, struct nw_error *error)
{
    struct http_address parsed = http_address_parse(address);

    pthread_mutex_lock(&l->lock);
    int rc = http_router_add(l->router, parsed.methods, parsed.target, route, source, error);
    if (rc == 0) {
        source->next = l->joining;
        l->joining = source;
        l->accept_at_ns = nw_clock_monotonic_ns() + ACCEPT_AFTER_NS;
    }
    pthread_mutex_unlock(&l->lock);
    wake(l);
    return rc;
}

void http_listener_remove(struct http_listener *l, struct http_source *source)
{
    pthread_mutex_lock(&l->lock);
    http_router_remove(l->router, source, nw_clock_monotonic_ns() + REMEMBER_NS);
    pthread_mutex_unlock(&l->lock);
    atomic_store(&source->closing, true);
    wake(l);
}

/* ---- Open and close ---- */

void http_listen_check(const void *options, struct nw_check *check)
{
    const struct http_listen_options *listen = options;
    struct nw_error error;

    if (http_bind_check(listen->listen, &error) != 0) {
        nw_check_error(check, "listen", "%s", error.text);
    }
}

static void log_daemon(void *listener, const char *format, va_list args)
{
    struct http_listener *l = listener;
    char text[300];

    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\r\n")] = '\0';
    nw_connection_log(l->connection, NW_LOG_DEBUG, "%s", text);
}

/* Paths and queries are decoded by us, after they are cut. */
static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static int start_daemon(struct http_listener *l, struct nw_error *error)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_END, 0, NULL},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, l->key},
                                   {MHD_OPTION_END, 0, NULL}};

    if (l->cert != NULL) {
        flags |= MHD_USE_TLS;
        tls[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, l->cert};
    }
    l->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, http_request_handle, l, MHD_OPTION_EXTERNAL_LOGGER, log_daemon, l,
        MHD_OPTION_LISTEN_SOCKET, (MHD_socket)l->listen_fd, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)l->options.max_header, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)l->options.max_connections, MHD_OPTION_CONNECTION_TIMEOUT, 0u,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        http_request_completed, l, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, l,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (l->daemon == NULL) {
        return nw_error_set(error, NW_EIO, "cannot serve HTTP on %s%s", l->options.listen,
                            l->cert == NULL ? "" : ": are certificate and key good?");
    }
    l->listen_fd = -1; /* the daemon's now */
    l->no_content = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    return l->no_content == NULL ? nw_error_set(error, NW_ENOMEM, "out of memory") : 0;
}

static int watch(struct http_listener *l, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};
    return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

/* The process's signals are for its main thread. */
static int start_thread(struct http_listener *l)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&l->thread, NULL, run, l);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    l->has_thread = rc == 0;
    return rc;
}

static int start_loop(struct http_listener *l, struct nw_error *error)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (info == NULL || l->epoll_fd < 0 || l->event_fd < 0 || watch(l, info->epoll_fd) != 0 ||
        watch(l, l->event_fd) != 0 || start_thread(l) != 0) {
        return nw_error_set(error, NW_EIO, "cannot start the HTTP listener on %s: %s",
                            l->options.listen, strerror(errno));
    }
    return 0;
}

static int read_tls(struct http_listener *l, struct nw_error *error)
{
    if (l->options.tls.cert == NULL) {
        return 0;
    }
    int rc = http_read_file(l->options.tls.cert, &l->cert, error);
    return rc != 0 ? rc : http_read_file(l->options.tls.key, &l->key, error);
}

static int allocate(struct http_listener *l)
{
    uint64_t random = 0;

    /* Makes origins unique among processes; a failure leaves the time of day for that. */
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random) {
        random = (uint64_t)nw_clock_real_ns();
    }
    snprintf(l->origin_prefix, sizeof l->origin_prefix, "http:%016llx.",
             (unsigned long long)random);
    l->scratch = malloc(2 * (size_t)l->options.max_header);
    l->router = http_router_new();
    return l->scratch == NULL || l->router == NULL ? NW_ENOMEM : 0;
}

int http_listen_open(struct nw_connection *connection, const struct nw_connection_config *config,
                     void **state, struct nw_error *error)
{
    struct http_listener *l = calloc(1, sizeof *l);

    if (l == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    l->connection = connection;
    l->options = *(const struct http_listen_options *)config->options;
    l->listen_fd = l->epoll_fd = l->event_fd = -1;
    l->idle.duration_ns = l->options.idle_timeout_ms * MILLISECOND_NS;
    l->reading.duration_ns = l->options.read_timeout_ms * MILLISECOND_NS;
    l->sending.duration_ns = l->options.write_timeout_ms * MILLISECOND_NS;
    pthread_mutex_init(&l->lock, NULL);
    int rc = allocate(l);
    rc = rc != 0 ? nw_error_set(error, rc, "out of memory") : read_tls(l, error);
    rc = rc != 0
             ? rc
             : http_bind(l->options.listen, &l->listen_fd, l->address, sizeof l->address, error);
    rc = rc != 0 ? rc : start_daemon(l, error);
    rc = rc != 0 ? rc : start_loop(l, error);
    if (rc != 0) {
        http_listen_close(l);
        return rc;
    }
    nw_connection_state(connection, NW_STATE_READY, l->address);
    *state = l;
    return 0;
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

/* All endpoints are closed: no request waits, no connection is suspended. */
void http_listen_close(void *state)
{
    struct http_listener *l = state;

    if (l->has_thread) {
        atomic_store(&l->stop, true);
        wake(l);
        pthread_join(l->thread, NULL);
    }
    take_settled(l);
    if (l->daemon != NULL) {
        MHD_stop_daemon(l->daemon);
    }
    if (l->no_content != NULL) {
        MHD_destroy_response(l->no_content);
    }
    close_fd(l->listen_fd);
    close_fd(l->epoll_fd);
    close_fd(l->event_fd);
    http_router_free(l->router);
    pthread_mutex_destroy(&l->lock);
    free(l->scratch);
    free(l->cert);
    free(l->key);
    free(l);
}
