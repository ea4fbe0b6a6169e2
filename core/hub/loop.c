/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

/*
 * Waking: `sleeping` is set before the last look at `poked`, so whoever leaves something afterwards
 * sees it and writes the eventfd; a loop that is busy costs them no system call.
 *
 * The socket: nats.c asks for a write with the connection's lock held, from any thread; that only
 * sets want_write. It takes the request back when everything was written; if it does not, the
 * kernel's buffer is full and EPOLLOUT is waited for. lock guards fd against nw_loop_cut: nats.c
 * says that it stops reading before it closes the socket, and its number may be another's then.
 */
struct nw_loop {
    struct nw_loop_hooks hooks;
    pthread_t thread;
    int epoll, event;
    atomic_bool sleeping, poked, ending;
    atomic_bool want_write, out_armed;
    atomic_llong activity_ns;

    pthread_mutex_t lock; /* guards tasks, fd, registered */
    struct nw_task *tasks, **tasks_end;
    int fd; /* -1: nothing attached */
    bool registered;

    /* Loop thread. */
    natsConnection *nc; /* set with fd, under lock */
    bool detached;      /* under lock */
    int64_t now_ns;
    struct nw_timer *timers; /* sorted by due_ns */
};

void nw_loop_wake(struct nw_loop *loop)
{
    uint64_t one = 1;

    atomic_store(&loop->poked, true);
    if (atomic_load(&loop->sleeping) && atomic_exchange(&loop->sleeping, false)) {
        ssize_t n = write(loop->event, &one, sizeof one);
        (void)n; /* it can only be full, and then it is readable */
    }
}

void nw_loop_post(struct nw_loop *loop, struct nw_task *task)
{
    task->next = NULL;
    (void)pthread_mutex_lock(&loop->lock);
    *loop->tasks_end = task;
    loop->tasks_end = &task->next;
    (void)pthread_mutex_unlock(&loop->lock);
    nw_loop_wake(loop);
}

void nw_loop_cut(struct nw_loop *loop)
{
    (void)pthread_mutex_lock(&loop->lock);
    if (loop->fd >= 0) {
        (void)shutdown(loop->fd, SHUT_RDWR);
    }
    (void)pthread_mutex_unlock(&loop->lock);
}

int64_t nw_loop_last_activity(struct nw_loop *loop)
{
    return atomic_load(&loop->activity_ns);
}

/* ---- what nats.c calls ---- */

static void set_events(struct nw_loop *loop, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = loop};
    int operation = loop->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    loop->registered = epoll_ctl(loop->epoll, operation, loop->fd, &event) == 0;
}

/* The connection is up; called on the thread that connects. */
static natsStatus attach(void **user_data, void *context, natsConnection *nc, natsSock socket)
{
    struct nw_loop *loop = context;
    bool ok;

    (void)pthread_mutex_lock(&loop->lock);
    loop->fd = (int)socket;
    loop->nc = nc;
    loop->registered = false;
    atomic_store(&loop->out_armed, false);
    atomic_store(&loop->want_write, false);
    atomic_store(&loop->activity_ns, nw_clock_monotonic_ns());
    set_events(loop, EPOLLIN);
    ok = loop->registered;
    (void)pthread_mutex_unlock(&loop->lock);
    *user_data = loop;
    return ok ? NATS_OK : NATS_SYS_ERROR;
}

/* Only ever asked to stop: attach began it. */
static natsStatus on_read(void *user_data, bool add)
{
    struct nw_loop *loop = user_data;

    if (add) {
        return NATS_OK;
    }
    (void)pthread_mutex_lock(&loop->lock);
    if (loop->fd >= 0 && loop->registered) {
        (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->fd, NULL);
    }
    loop->registered = false;
    loop->fd = -1;
    (void)pthread_mutex_unlock(&loop->lock);
    return NATS_OK;
}

static natsStatus on_write(void *user_data, bool add)
{
    struct nw_loop *loop = user_data;

    atomic_store(&loop->want_write, add);
    if (add && !pthread_equal(pthread_self(), loop->thread)) {
        nw_loop_wake(loop);
    }
    return NATS_OK;
}

static natsStatus detach(void *user_data)
{
    struct nw_loop *loop = user_data;

    (void)pthread_mutex_lock(&loop->lock);
    loop->fd = -1;
    loop->nc = NULL;
    loop->detached = true;
    (void)pthread_mutex_unlock(&loop->lock);
    nw_loop_wake(loop);
    return NATS_OK;
}

natsStatus nw_loop_install(struct nw_loop *loop, natsOptions *options)
{
    natsStatus s = natsOptions_SetEventLoop(options, loop, attach, on_read, on_write, detach);

    return s == NATS_OK ? natsOptions_SetSendAsap(options, true) : s;
}

/* ---- timers ---- */

void nw_loop_cancel_timer(struct nw_timer *timer)
{
    if (timer->link != NULL) {
        *timer->link = timer->next;
        if (timer->next != NULL) {
            timer->next->link = timer->link;
        }
        timer->link = NULL;
    }
}

void nw_loop_set_timer(struct nw_loop *loop, struct nw_timer *timer, int64_t due_ns)
{
    struct nw_timer **at = &loop->timers;

    nw_loop_cancel_timer(timer);
    while (*at != NULL && (*at)->due_ns <= due_ns) {
        at = &(*at)->next;
    }
    timer->due_ns = due_ns;
    timer->next = *at;
    timer->link = at;
    if (timer->next != NULL) {
        timer->next->link = &timer->next;
    }
    *at = timer;
}

static void fire_timers(struct nw_loop *loop)
{
    struct nw_timer *timer;

    while ((timer = loop->timers) != NULL && timer->due_ns <= loop->now_ns) {
        nw_loop_cancel_timer(timer);
        timer->fire(timer);
    }
}

int64_t nw_loop_now(const struct nw_loop *loop)
{
    return loop->now_ns;
}

/* ---- the thread ---- */

static void run_tasks(struct nw_loop *loop)
{
    struct nw_task *task;

    (void)pthread_mutex_lock(&loop->lock);
    task = loop->tasks;
    loop->tasks = NULL;
    loop->tasks_end = &loop->tasks;
    (void)pthread_mutex_unlock(&loop->lock);
    while (task != NULL) {
        struct nw_task *next = task->next;
        task->run(task);
        task = next;
    }
}

static bool something_waits(struct nw_loop *loop)
{
    return atomic_exchange(&loop->poked, false) ||
           (atomic_load(&loop->want_write) && !atomic_load(&loop->out_armed));
}

/* Until the next timer, rounded up so that it is not missed by a fraction. */
static int timeout_ms(const struct nw_loop *loop)
{
    int64_t wait_ns;

    if (loop->timers == NULL) {
        return -1;
    }
    wait_ns = loop->timers->due_ns - nw_clock_monotonic_ns();
    wait_ns = wait_ns < 0 ? 0 : wait_ns + NW_MILLISECOND_NS - 1;
    return wait_ns > 3600 * NW_SECOND_NS ? 3600 * 1000 : (int)(wait_ns / NW_MILLISECOND_NS);
}

static natsConnection *attached(struct nw_loop *loop)
{
    natsConnection *nc;

    (void)pthread_mutex_lock(&loop->lock);
    nc = loop->fd >= 0 ? loop->nc : NULL;
    (void)pthread_mutex_unlock(&loop->lock);
    return nc;
}

static void arm_out(struct nw_loop *loop, bool armed)
{
    (void)pthread_mutex_lock(&loop->lock);
    if (loop->fd >= 0 && atomic_load(&loop->out_armed) != armed) {
        set_events(loop, armed ? EPOLLIN | EPOLLOUT : EPOLLIN);
        atomic_store(&loop->out_armed, armed);
    }
    (void)pthread_mutex_unlock(&loop->lock);
}

static void write_socket(struct nw_loop *loop)
{
    natsConnection *nc = attached(loop);

    if (nc == NULL || !atomic_load(&loop->want_write) || atomic_load(&loop->out_armed)) {
        return;
    }
    natsConnection_ProcessWriteEvent(nc);
    if (atomic_load(&loop->want_write)) {
        arm_out(loop, true);
    }
}

static void take_event(struct nw_loop *loop, const struct epoll_event *event)
{
    uint64_t count;
    natsConnection *nc;

    if (event->data.ptr == NULL) {
        ssize_t n = read(loop->event, &count, sizeof count);
        (void)n;
        return;
    }
    nc = attached(loop);
    if (nc == NULL) {
        return; /* gone since the kernel reported it */
    }
    atomic_store_explicit(&loop->activity_ns, loop->now_ns, memory_order_relaxed);
    if ((event->events & EPOLLOUT) != 0) {
        arm_out(loop, false);
    }
    if ((event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        natsConnection_ProcessReadEvent(nc);
        loop->hooks.received(loop->hooks.context);
    }
}

static void wait_for_events(struct nw_loop *loop)
{
    struct epoll_event events[4];
    int n, wait_ms;

    atomic_store(&loop->sleeping, true);
    wait_ms = something_waits(loop) ? 0 : timeout_ms(loop);
    n = epoll_wait(loop->epoll, events, 4, wait_ms);
    atomic_store(&loop->sleeping, false);
    loop->now_ns = nw_clock_monotonic_ns();
    for (int i = 0; i < n; i++) {
        take_event(loop, &events[i]);
    }
}

static void tell_detached(struct nw_loop *loop)
{
    bool detached;

    (void)pthread_mutex_lock(&loop->lock);
    detached = loop->detached;
    loop->detached = false;
    (void)pthread_mutex_unlock(&loop->lock);
    if (detached) {
        loop->hooks.detached(loop->hooks.context);
    }
}

static void *run(void *context)
{
    struct nw_loop *loop = context;

    (void)pthread_setname_np(pthread_self(), "nats-loop");
    while (!atomic_load(&loop->ending)) {
        wait_for_events(loop);
        tell_detached(loop);
        run_tasks(loop);
        fire_timers(loop);
        loop->hooks.round(loop->hooks.context);
        write_socket(loop);
    }
    run_tasks(loop);
    return NULL;
}

int nw_loop_start(struct nw_loop **out, const struct nw_loop_hooks *hooks)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    struct nw_loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL) {
        return NW_ENOMEM;
    }
    loop->hooks = *hooks;
    loop->fd = -1;
    loop->tasks_end = &loop->tasks;
    loop->now_ns = nw_clock_monotonic_ns();
    (void)pthread_mutex_init(&loop->lock, NULL);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll >= 0 && loop->event >= 0 &&
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->event, &event) == 0 &&
        pthread_create(&loop->thread, NULL, run, loop) == 0) {
        *out = loop;
        return 0;
    }
    (void)close(loop->epoll);
    (void)close(loop->event);
    (void)pthread_mutex_destroy(&loop->lock);
    free(loop);
    return NW_EIO;
}

void nw_loop_stop(struct nw_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    atomic_store(&loop->ending, true);
    nw_loop_wake(loop);
    (void)pthread_join(loop->thread, NULL);
    while (loop->timers != NULL) { /* timers may outlive the loop: they are no longer set */
        nw_loop_cancel_timer(loop->timers);
    }
    (void)close(loop->epoll);
    (void)close(loop->event);
    (void)pthread_mutex_destroy(&loop->lock);
    free(loop);
}
