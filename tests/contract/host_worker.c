/* SPDX-License-Identifier: Apache-2.0 */
/* The worker thread of the host, and the watch over how long its calls take. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "host_internal.h"
#include "support/wait.h"

/* A call that has not returned by then never will. */
#define HANGS_MS 120000

static pthread_t thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static void (*task)(void *context);
static void *task_context;
static int64_t task_ms; /* how long it took */
static bool task_done, woken, ending;

static void settle_all(void)
{
    size_t n;
    bool by_itself;

    do {
        nwc_lock();
        n = nwc_host.held.count;
        by_itself = nwc_host.by_itself;
        nwc_unlock();
        if (by_itself && n > 0) {
            nwc_settle_on_worker(n, NW_ACK);
        }
    } while (by_itself && n > 0);
}

static void *run(void *context)
{
    (void)context;
    (void)pthread_mutex_lock(&lock);
    while (!ending) {
        if (task != NULL) {
            void (*now)(void *) = task;
            int64_t began_ms = nwt_now_ms();
            task = NULL;
            (void)pthread_mutex_unlock(&lock);
            now(task_context);
            (void)pthread_mutex_lock(&lock);
            task_ms = nwt_now_ms() - began_ms;
            task_done = true;
            (void)pthread_cond_broadcast(&changed);
        } else if (woken) {
            woken = false;
            (void)pthread_mutex_unlock(&lock);
            settle_all();
            nwc_feed();
            (void)pthread_mutex_lock(&lock);
        } else {
            (void)pthread_cond_wait(&changed, &lock);
        }
    }
    (void)pthread_mutex_unlock(&lock);
    return NULL;
}

void nwc_worker_start(void)
{
    ending = false;
    if (pthread_create(&thread, NULL, run, NULL) != 0) {
        abort();
    }
}

void nwc_worker_end(void)
{
    (void)pthread_mutex_lock(&lock);
    ending = true;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
    (void)pthread_join(thread, NULL);
}

bool nwc_on_worker(void)
{
    return pthread_equal(pthread_self(), thread) != 0;
}

void nwc_worker_wake(void)
{
    (void)pthread_mutex_lock(&lock);
    woken = true;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

/* Under the lock. */
static bool wait_until_done(void)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += HANGS_MS / 1000;
    while (!task_done && pthread_cond_timedwait(&changed, &lock, &until) == 0) {
    }
    return task_done;
}

void nwc_worker_call(const char *what, void (*call)(void *context), void *context)
{
    int64_t took_ms;

    (void)pthread_mutex_lock(&lock);
    task = call;
    task_context = context;
    task_done = false;
    (void)pthread_cond_broadcast(&changed);
    if (!wait_until_done()) {
        (void)fprintf(stderr, "contract: %s() does not return\n", what);
        abort();
    }
    took_ms = task_ms;
    (void)pthread_mutex_unlock(&lock);
    nwc_lock();
    nwc_host.longest_ms = took_ms > nwc_host.longest_ms ? took_ms : nwc_host.longest_ms;
    nwc_unlock();
    NWC_CHECK(took_ms < NWC_CALL_MS, "%s() took %lld ms on the worker", what, (long long)took_ms);
}
