/* SPDX-License-Identifier: Apache-2.0 */
#include "http_client.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MILLISECOND_NS INT64_C(1000000)
#define EVENTS 64
#define KEPT_CONNECTIONS 256L

struct http_client {
    CURLM *multi;
    int epoll_fd, event_fd;
    int64_t timer_ns; /* when libcurl wants to be called; 0: not */
    struct http_caller *callers, *touched;
    atomic_bool attention, sleeping;
    struct http_caller *woken; /* under the lock */
    size_t joined;             /* under the lock */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of `current` and what says so above */
static struct http_client *current;
static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

/* ---- What libcurl asks for ---- */

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *client, void *known)
{
    struct http_client *c = client;
    struct epoll_event event = {.data = {.fd = fd}};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, fd, &event);
        curl_multi_assign(c->multi, fd, NULL);
        return 0;
    }
    event.events = ((what & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0u) |
                   ((what & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0u);
    if (known == NULL || epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, fd, &event) != 0) {
        epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &event);
        curl_multi_assign(c->multi, fd, c);
    }
    return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *client)
{
    struct http_client *c = client;

    (void)multi;
    c->timer_ns = timeout_ms < 0 ? 0 : nw_clock_monotonic_ns() + timeout_ms * MILLISECOND_NS;
    return 0;
}

/* ---- Transfers ---- */

int http_client_start(struct http_transfer *transfer)
{
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    CURLMcode rc = curl_multi_add_handle(transfer->caller->client->multi, transfer->easy);
    return rc == CURLM_OK ? 0 : NW_EIO;
}

void http_client_cancel(struct http_transfer *transfer)
{
    curl_multi_remove_handle(transfer->caller->client->multi, transfer->easy);
}

void http_client_touch(struct http_caller *caller)
{
    if (!caller->touched) {
        caller->touched = true;
        caller->next_touched = caller->client->touched;
        caller->client->touched = caller;
    }
}

static void take_finished(struct http_client *c)
{
    struct CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(c->multi, &left)) != NULL) {
        struct http_transfer *transfer = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        curl_multi_remove_handle(c->multi, transfer->easy);
        transfer->finished(transfer, code);
    }
    while (c->touched != NULL) {
        struct http_caller *caller = c->touched;
        c->touched = caller->next_touched;
        caller->touched = false;
        caller->flush(caller);
    }
}

/* ---- Callers ---- */

static void forget_caller(struct http_caller *caller)
{
    struct http_client *c = caller->client;

    for (struct http_caller **at = &c->callers; *at != NULL; at = &(*at)->next) {
        if (*at == caller) {
            *at = caller->next;
            break;
        }
    }
    for (struct http_caller **at = &c->touched; *at != NULL; at = &(*at)->next_touched) {
        if (*at == caller) {
            *at = caller->next_touched;
            break;
        }
    }
}

/* Under the lock: without it the client could be gone before it is touched here. */
static void rouse(struct http_client *c)
{
    atomic_store(&c->attention, true);
    if (atomic_exchange(&c->sleeping, false)) {
        eventfd_write(c->event_fd, 1);
    }
}

void http_client_leave(struct http_caller *caller)
{
    struct http_client *c = caller->client;

    forget_caller(caller);
    pthread_mutex_lock(&lock);
    bool last = --c->joined == 0;
    if (last) {
        current = NULL; /* who comes now starts another */
    }
    pthread_mutex_unlock(&lock);
    if (last) {
        /* Before the endpoint says that it is closed: the process may end right after, and TLS
         * connections must not be closed while their library is being torn down. */
        curl_multi_cleanup(c->multi);
        c->multi = NULL;
    }
}

/* In one step with `ending`: a wake that came before could find that it ends, and free it before
 * this one. */
static void wake(struct http_caller *caller, bool ending)
{
    struct http_client *c = caller->client;

    pthread_mutex_lock(&lock);
    caller->ending |= ending;
    if (!caller->woken) {
        caller->woken = true;
        caller->next_woken = c->woken;
        c->woken = caller;
        rouse(c);
    }
    pthread_mutex_unlock(&lock);
}

void http_client_wake(struct http_caller *caller)
{
    wake(caller, false);
}

void http_client_end(struct http_caller *caller)
{
    wake(caller, true);
}

static struct http_caller *next_woken(struct http_client *c)
{
    pthread_mutex_lock(&lock);
    struct http_caller *caller = c->woken;
    if (caller != NULL) {
        c->woken = caller->next_woken;
        caller->woken = false;
        caller->ends = caller->ending;
    }
    pthread_mutex_unlock(&lock);
    return caller;
}

static void work_woken(struct http_client *c)
{
    struct http_caller *caller;

    while ((caller = next_woken(c)) != NULL) {
        if (!caller->known) {
            caller->known = true;
            caller->next = c->callers;
            c->callers = caller;
        }
        caller->work(caller);
    }
}

static void work_due(struct http_client *c, int64_t now_ns)
{
    struct http_caller *next;

    for (struct http_caller *caller = c->callers; caller != NULL; caller = next) {
        next = caller->next;
        if (caller->due_ns != 0 && caller->due_ns <= now_ns) {
            caller->due_ns = 0;
            caller->work(caller);
        }
    }
}

/* ---- The thread ---- */

static int wait_ms(const struct http_client *c, int64_t now_ns)
{
    int64_t due_ns = c->timer_ns == 0 ? INT64_MAX : c->timer_ns;

    for (const struct http_caller *caller = c->callers; caller != NULL; caller = caller->next) {
        if (caller->due_ns != 0 && caller->due_ns < due_ns) {
            due_ns = caller->due_ns;
        }
    }
    if (due_ns == INT64_MAX) {
        return -1;
    }
    int64_t ms = due_ns <= now_ns ? 0 : (due_ns - now_ns) / MILLISECOND_NS + 1;
    return ms > 60000 ? 60000 : (int)ms;
}

static void serve_events(struct http_client *c, const struct epoll_event *events, int n)
{
    int running;

    for (int i = 0; i < n; i++) {
        uint32_t what = events[i].events;
        if (events[i].data.fd == c->event_fd) {
            eventfd_t ignored;
            eventfd_read(c->event_fd, &ignored);
        } else {
            int mask = ((what & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                       ((what & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                       ((what & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
            curl_multi_socket_action(c->multi, events[i].data.fd, mask, &running);
        }
    }
    if (c->timer_ns != 0 && c->timer_ns <= nw_clock_monotonic_ns()) {
        c->timer_ns = 0;
        curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

static void sleep_for_events(struct http_client *c)
{
    struct epoll_event events[EVENTS];

    atomic_store(&c->sleeping, true);
    int n = epoll_wait(c->epoll_fd, events, EVENTS,
                       atomic_load(&c->attention) ? 0 : wait_ms(c, nw_clock_monotonic_ns()));
    atomic_store(&c->sleeping, false);
    serve_events(c, events, n);
}

static void free_client(struct http_client *c)
{
    if (c->multi != NULL) {
        curl_multi_cleanup(c->multi);
    }
    if (c->epoll_fd >= 0) {
        close(c->epoll_fd);
    }
    if (c->event_fd >= 0) {
        close(c->event_fd);
    }
    free(c);
}

static void *run(void *client)
{
    struct http_client *c = client;

    for (;;) {
        if (atomic_exchange(&c->attention, false)) {
            work_woken(c);
        }
        work_due(c, nw_clock_monotonic_ns());
        if (c->multi == NULL) {
            break; /* the last caller has left */
        }
        take_finished(c);
        sleep_for_events(c);
        take_finished(c);
    }
    free_client(c);
    return NULL;
}

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int start_thread(struct http_client *c)
{
    pthread_attr_t detached;
    pthread_t thread;
    sigset_t all, old;

    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&thread, &detached, run, c);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&detached);
    return rc;
}

static struct http_client *start_client(void)
{
    struct http_client *c = calloc(1, sizeof *c);
    struct epoll_event event = {.events = EPOLLIN};

    if (c == NULL) {
        return NULL;
    }
    pthread_once(&curl_once, init_curl);
    c->joined = 1;
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    c->event_fd = event.data.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->multi = curl_multi_init();
    if (c->multi == NULL || c->epoll_fd < 0 || c->event_fd < 0 ||
        epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, c->event_fd, &event) != 0) {
        free_client(c);
        return NULL;
    }
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
    if (start_thread(c) != 0) {
        free_client(c);
        return NULL;
    }
    return c;
}

int http_client_join(struct http_caller *caller, struct nw_error *error)
{
    pthread_mutex_lock(&lock);
    if (current != NULL) {
        current->joined++;
    } else {
        current = start_client();
    }
    caller->client = current;
    pthread_mutex_unlock(&lock);
    return caller->client != NULL
               ? 0
               : nw_error_set(error, errno == ENOMEM ? NW_ENOMEM : NW_EIO,
                              "cannot start the HTTP client: %s", strerror(errno));
}
