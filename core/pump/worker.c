/* SPDX-License-Identifier: Apache-2.0 */
#include "pump/worker.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "pump/lane.h"

#define NAP_NS 50000
#define NAP_SLACK_NS 1000 /* a nap is not to become twice as long */

/* ---- timers: a binary heap by due time, from index 1 ---- */

static void place(struct nw_worker *w, struct nw_timer *t, size_t index)
{
    w->timers[index] = t;
    t->index = index;
}

static void sift_up(struct nw_worker *w, struct nw_timer *t, size_t index)
{
    while (index > 1 && w->timers[index / 2]->due_ns > t->due_ns) {
        place(w, w->timers[index / 2], index);
        index /= 2;
    }
    place(w, t, index);
}

static void sift_down(struct nw_worker *w, struct nw_timer *t, size_t index)
{
    for (;;) {
        size_t child = index * 2;
        if (child > w->timer_count) {
            break;
        }
        if (child < w->timer_count && w->timers[child + 1]->due_ns < w->timers[child]->due_ns) {
            child++;
        }
        if (w->timers[child]->due_ns >= t->due_ns) {
            break;
        }
        place(w, w->timers[child], index);
        index = child;
    }
    place(w, t, index);
}

void nw_worker_disarm(struct nw_worker *w, struct nw_timer *t)
{
    size_t index = t->index;
    struct nw_timer *last;

    if (index == 0) {
        return;
    }
    t->index = 0;
    last = w->timers[w->timer_count--];
    if (last != t) {
        sift_down(w, last, index);
        sift_up(w, last, last->index);
    }
}

int nw_worker_arm(struct nw_worker *w, struct nw_timer *t, int64_t due_ns)
{
    nw_worker_disarm(w, t);
    if (w->timer_count + 2 > w->timer_capacity) {
        size_t capacity = w->timer_capacity == 0 ? 16 : w->timer_capacity * 2;
        struct nw_timer **timers = realloc(w->timers, capacity * sizeof *timers);
        if (timers == NULL) {
            return NW_ENOMEM;
        }
        w->timers = timers;
        w->timer_capacity = capacity;
    }
    t->due_ns = due_ns;
    w->timer_count++;
    sift_up(w, t, w->timer_count);
    return 0;
}

static void run_timers(struct nw_worker *w)
{
    while (w->timer_count > 0 && w->timers[1]->due_ns <= w->now_ns) {
        struct nw_timer *t = w->timers[1];
        nw_worker_disarm(w, t);
        t->run(t->context);
    }
}

/* ---- what comes from other threads ---- */

/* The store to the stack and the load of `sleeping` must not change places, nor must the worker's
 * store of `sleeping` and its last look at the stacks: all four are sequentially consistent. */
static void wake(struct nw_worker *w)
{
    bool expected = true;

    if (atomic_load(&w->sleeping) &&
        atomic_compare_exchange_strong(&w->sleeping, &expected, false)) {
        uint64_t one = 1;
        while (write(w->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
        }
    }
}

void nw_worker_push(struct nw_worker *w, struct nw_message *newest, struct nw_message *oldest)
{
    struct nw_message *head = atomic_load_explicit(&w->messages, memory_order_relaxed);

    do {
        oldest->next = head;
    } while (!atomic_compare_exchange_weak(&w->messages, &head, newest));
    wake(w);
}

void nw_worker_post(struct nw_worker *w, struct nw_post *post)
{
    struct nw_post *head = atomic_load_explicit(&w->posts, memory_order_relaxed);

    do {
        post->next = head;
    } while (!atomic_compare_exchange_weak(&w->posts, &head, post));
    wake(w);
}

/* A mark that goes through the worker twice: what it finds the first time may have touched a lane,
 * which is flushed before it comes again. */
struct mark {
    struct nw_worker *worker;
    struct nw_post post;
    unsigned times;
    pthread_mutex_t lock; /* guards through */
    pthread_cond_t changed;
    bool through;
};

static void pass_mark(void *context)
{
    struct mark *m = context;

    if (++m->times < 2) {
        nw_worker_post(m->worker, &m->post);
        return;
    }
    (void)pthread_mutex_lock(&m->lock);
    m->through = true;
    (void)pthread_cond_signal(&m->changed);
    (void)pthread_mutex_unlock(&m->lock);
}

void nw_worker_pass(struct nw_worker *w)
{
    struct mark m = {.worker = w,
                     .post = {.run = pass_mark, .context = &m},
                     .lock = PTHREAD_MUTEX_INITIALIZER,
                     .changed = PTHREAD_COND_INITIALIZER};

    nw_worker_post(w, &m.post);
    (void)pthread_mutex_lock(&m.lock);
    while (!m.through) {
        (void)pthread_cond_wait(&m.changed, &m.lock);
    }
    (void)pthread_mutex_unlock(&m.lock);
}

static bool take_messages(struct nw_worker *w)
{
    struct nw_message *m = atomic_exchange(&w->messages, NULL), *oldest = NULL;
    bool any = m != NULL;

    while (m != NULL) {
        struct nw_message *next = m->next;
        m->next = oldest;
        oldest = m;
        m = next;
    }
    while (oldest != NULL) {
        struct nw_message *next = oldest->next;
        oldest->next = NULL;
        nw_lane_take(oldest->lane, oldest);
        oldest = next;
    }
    return any;
}

static bool take_posts(struct nw_worker *w)
{
    struct nw_post *p = atomic_exchange(&w->posts, NULL), *oldest = NULL;
    bool any = p != NULL;

    while (p != NULL) {
        struct nw_post *next = p->next;
        p->next = oldest;
        oldest = p;
        p = next;
    }
    while (oldest != NULL) {
        struct nw_post *next = oldest->next;
        oldest->run(oldest->context);
        oldest = next;
    }
    return any;
}

static bool flush_lanes(struct nw_worker *w)
{
    bool any = w->touched != NULL;

    while (w->touched != NULL) {
        struct nw_lane *lane = w->touched;
        w->touched = NULL; /* a lane may be touched again while it is flushed */
        while (lane != NULL) {
            struct nw_lane *next = nw_lane_untouch(lane);
            nw_lane_flush(lane);
            lane = next;
        }
    }
    return any;
}

/* ---- the thread ---- */

static int sleep_ms(const struct nw_worker *w)
{
    int64_t wait_ns;

    if (w->timer_count == 0) {
        return -1;
    }
    wait_ns = w->timers[1]->due_ns - nw_clock_monotonic_ns();
    if (wait_ns <= 0) {
        return 0;
    }
    wait_ns = (wait_ns + NW_MILLISECOND_NS - 1) / NW_MILLISECOND_NS;
    return wait_ns > INT_MAX ? INT_MAX : (int)wait_ns;
}

static void sleep_until_work(struct nw_worker *w)
{
    struct pollfd fd = {.fd = w->wake_fd, .events = POLLIN};
    uint64_t count;

    atomic_store(&w->sleeping, true);
    if (atomic_load(&w->messages) == NULL && atomic_load(&w->posts) == NULL) {
        int64_t began_ns = nw_clock_monotonic_ns();
        (void)poll(&fd, 1, sleep_ms(w));
        w->slept_ns = nw_clock_monotonic_ns() - began_ns;
    }
    if (!atomic_exchange(&w->sleeping, false) || (fd.revents & POLLIN) != 0) {
        /* Woken: the count is there, or will be in an instant. */
        while (read(w->wake_fd, &count, sizeof count) < 0 && errno == EINTR) {
        }
    }
}

/* Being woken costs whoever wakes us more than a message does. So when the last sleep was a short
 * one we close our eyes for a moment and look again, before we really sleep: what comes meanwhile
 * wakes nobody, and comes together. True once after there was work. (Giving the processor
 * away with sched_yield() would do, too, but for how long is not ours to say: under load, for
 * seconds.) */
static bool nap(struct nw_worker *w)
{
    static const struct timespec moment = {.tv_nsec = NAP_NS};

    if (w->napped || w->slept_ns > NAP_NS) {
        w->napped = false;
        return false;
    }
    w->napped = true;
    (void)nanosleep(&moment, NULL);
    return true;
}

static void *run(void *context)
{
    struct nw_worker *w = context;

    (void)prctl(PR_SET_TIMERSLACK, NAP_SLACK_NS);
    for (;;) {
        bool busy;

        w->now_ns = nw_clock_monotonic_ns();
        busy = take_messages(w);
        busy |= take_posts(w);
        run_timers(w);
        busy |= flush_lanes(w);
        if (busy) {
            w->napped = false;
            continue;
        }
        if (nap(w)) {
            continue;
        }
        if (atomic_load(&w->stopping) && atomic_load(&w->posts) == NULL) {
            return NULL;
        }
        sleep_until_work(w);
    }
}

static void nothing(void *context)
{
    (void)context;
}

int nw_worker_start(struct nw_worker *w, unsigned number)
{
    char name[16];

    *w = (struct nw_worker){.wake_fd = eventfd(0, EFD_CLOEXEC)};
    if (w->wake_fd < 0) {
        return NW_EIO;
    }
    w->mapper = nw_mapper_new();
    if (w->mapper == NULL) {
        (void)close(w->wake_fd);
        return NW_ENOMEM;
    }
    if (pthread_create(&w->thread, NULL, run, w) != 0) {
        nw_mapper_free(w->mapper);
        (void)close(w->wake_fd);
        return NW_EIO;
    }
    (void)snprintf(name, sizeof name, "worker-%u", number);
    (void)pthread_setname_np(w->thread, name);
    return 0;
}

void nw_worker_stop(struct nw_worker *w)
{
    struct nw_post last = {.run = nothing};

    atomic_store(&w->stopping, true);
    nw_worker_post(w, &last);
    (void)pthread_join(w->thread, NULL);
    nw_mapper_free(w->mapper);
    free(w->timers);
    (void)close(w->wake_fd);
}
