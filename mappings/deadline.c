/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phase goes IDLE -> RUNNING -> IDLE, or RUNNING -> HALTING -> HALTED -> IDLE when the watching
 * thread steps in. Whoever takes it from RUNNING owns jq: the watching thread never touches one
 * that has ended, and who ends waits for the few instructions of a halt.
 */
#include "mappings/deadline.h"

#include <pthread.h>
#include <sched.h>

#define TICKS 4 /* looks within the limit */
#define TICK_SHORTEST_NS INT64_C(1000000)
#define TICK_LONGEST_NS INT64_C(250000000)
#define IDLE_TICKS 40 /* without a message, after which the thread sleeps */

#define STEPS_FOR_A_LOOK 4096 /* some 100 us */

enum { IDLE, RUNNING, HALTING, HALTED };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all, and what the thread knows */
static pthread_cond_t awake = PTHREAD_COND_INITIALIZER;
static struct nw_deadline *all;
static bool started;
static atomic_bool sleeping;

static _Thread_local struct nw_deadline *of_thread; /* the one whose message this thread is at */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;

    return clock_gettime(clock, &t) == 0 ? (int64_t)t.tv_sec * 1000000000 + t.tv_nsec : 0;
}

/* ---- the watching thread ---- */

static void halt_at_limit(struct nw_deadline *d)
{
    unsigned running = RUNNING;
    int64_t now = clock_ns(d->clock);
    unsigned long message = atomic_load(&d->message);

    if (message != d->seen) {
        d->seen = message;
        d->seen_ns = now;
        return;
    }
    if (atomic_load(&d->limit_ns) > 0 && now - d->seen_ns >= atomic_load(&d->limit_ns) &&
        atomic_compare_exchange_strong(&d->phase, &running, HALTING)) {
        jq_halt(d->jq, jv_invalid(), jv_invalid());
        atomic_store(&d->phase, HALTED);
    }
}

/* Look at all; returns how long to wait until the next look, 0: nothing ran since the last. */
static int64_t look(void)
{
    int64_t tick = 0;

    for (struct nw_deadline *d = all; d != NULL; d = d->next) {
        bool running = atomic_load(&d->phase) == RUNNING;
        int64_t own = atomic_load(&d->limit_ns) / TICKS;

        own = own == 0 || own > TICK_LONGEST_NS ? TICK_LONGEST_NS
              : own < TICK_SHORTEST_NS          ? TICK_SHORTEST_NS
                                                : own;
        if (!running && d->passed == atomic_load(&d->message)) {
            continue;
        }
        d->passed = atomic_load(&d->message);
        if (running) {
            halt_at_limit(d);
        }
        tick = tick == 0 || own < tick ? own : tick;
    }
    return tick;
}

static void wait_ns(int64_t ns)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += ns;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_cond_timedwait(&awake, &lock, &until);
}

static void *watch(void *unused)
{
    int64_t last = TICK_LONGEST_NS;
    unsigned idle = 0;

    (void)unused;
    (void)pthread_mutex_lock(&lock);
    for (;;) {
        int64_t tick = look();
        idle = tick > 0 ? 0 : idle + 1;
        last = tick > 0 ? tick : last;
        if (idle < IDLE_TICKS) {
            wait_ns(last);
            continue;
        }
        atomic_store(&sleeping, true);
        if (look() == 0) { /* whoever began before it saw us sleep is seen here */
            (void)pthread_cond_wait(&awake, &lock);
        }
        atomic_store(&sleeping, false);
        idle = 0;
    }
    return NULL;
}

static void wake(void)
{
    (void)pthread_mutex_lock(&lock);
    (void)pthread_cond_signal(&awake);
    (void)pthread_mutex_unlock(&lock);
}

/* ---- who runs ---- */

void nw_deadline_init(struct nw_deadline *d)
{
    pthread_t thread;

    (void)pthread_mutex_lock(&lock);
    d->next = all;
    all = d;
    if (!started && pthread_create(&thread, NULL, watch, NULL) == 0) {
        started = true;
        (void)pthread_detach(thread);
    }
    (void)pthread_mutex_unlock(&lock);
}

void nw_deadline_done(struct nw_deadline *d)
{
    if (of_thread == d) {
        of_thread = NULL;
    }
    (void)pthread_mutex_lock(&lock);
    for (struct nw_deadline **at = &all; *at != NULL; at = &(*at)->next) {
        if (*at == d) {
            *at = d->next;
            break;
        }
    }
    (void)pthread_mutex_unlock(&lock);
}

void nw_deadline_message(struct nw_deadline *d, int64_t limit_ms)
{
    atomic_store_explicit(&d->limit_ns, limit_ms * 1000000, memory_order_relaxed);
    d->over = false;
    d->count = 0;
    d->began_ns = 0;
    d->steps = 0;
    of_thread = d;
    atomic_store(&d->message, atomic_load_explicit(&d->message, memory_order_relaxed) + 1);
}

bool nw_deadline_start(struct nw_deadline *d, jq_state *jq)
{
    if (d->over) {
        return false;
    }
    if (!d->has_clock) {
        (void)pthread_getcpuclockid(pthread_self(), &d->clock);
        d->has_clock = true;
    }
    d->jq = jq;
    atomic_store(&d->phase, RUNNING);
    if (atomic_load(&sleeping)) {
        wake();
    }
    return true;
}

bool nw_deadline_end(struct nw_deadline *d)
{
    unsigned running = RUNNING;

    if (atomic_compare_exchange_strong(&d->phase, &running, IDLE)) {
        return false;
    }
    while (atomic_load(&d->phase) != HALTED) {
        (void)sched_yield();
    }
    atomic_store(&d->phase, IDLE);
    d->over = true;
    return true;
}

/* ---- who cannot be halted ---- */

struct nw_deadline *nw_deadline_of_thread(void)
{
    return of_thread != NULL && atomic_load_explicit(&of_thread->limit_ns, memory_order_relaxed) > 0
               ? of_thread
               : NULL;
}

unsigned nw_deadline_count(struct nw_deadline *d)
{
    return ++d->count;
}

int64_t nw_deadline_left_ns(struct nw_deadline *d)
{
    int64_t now;

    if (d->over || atomic_load(&d->phase) > RUNNING) {
        return 0;
    }
    now = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    if (d->began_ns == 0) {
        d->began_ns = now;
    }
    return atomic_load_explicit(&d->limit_ns, memory_order_relaxed) - (now - d->began_ns);
}

void nw_deadline_give_up(struct nw_deadline *d)
{
    d->over = true;
}

/* As nw_deadline_of_thread(), while it runs jq; NULL: it does not. */
static struct nw_deadline *of_running(void)
{
    struct nw_deadline *d = nw_deadline_of_thread();

    return d != NULL && atomic_load_explicit(&d->phase, memory_order_relaxed) != IDLE ? d : NULL;
}

bool nw_deadline_stops(unsigned steps)
{
    struct nw_deadline *d = of_running();

    if (d == NULL) {
        return false;
    }
    d->steps = steps > STEPS_FOR_A_LOOK ? STEPS_FOR_A_LOOK : d->steps + steps;
    if (!d->over && d->steps >= STEPS_FOR_A_LOOK) {
        d->steps = 0;
        d->over = nw_deadline_left_ns(d) <= 0;
    }
    return d->over;
}

void nw_deadline_stop(void)
{
    struct nw_deadline *d = of_running();

    if (d != NULL) {
        d->over = true;
    }
}
