/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source: a thread that counts and offers each number as a message.
 *
 * What a source of yours has to have is all here: it offers only what it has credit for; it goes on
 * where everything before is settled, also after a restart; it offers again what comes back with
 * NW_RETRY; after stop it offers nothing; and close ends with nw_closed().
 *
 *     0 ... done ...... next        everything below `done` is settled; done..next is in flight,
 *           |-- window --|          and `settled` says which of it is settled already
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "skeleton.h"

#define BATCH 64

struct ticker {
    struct nw_endpoint *endpoint;
    const struct nw_endpoint_config *config; /* lives until nw_closed() */
    const struct skeleton_source_options *options;

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    bool stopped, closing, has_credit;
    bool again; /* something came back: go on from `done` when nothing is in flight */
    uint64_t done, next;
    size_t in_flight, window;
    bool *settled; /* a ring of `window`: number n at n % window */
};

/* ---- The thread ---- */

static struct nw_message *make_message(struct ticker *t, uint64_t number)
{
    struct nw_message *m = nw_message_new(t->endpoint);
    char text[32], origin[200];

    if (m == NULL) {
        return NULL;
    }
    int text_len = snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    int origin_len =
        snprintf(origin, sizeof origin, "skeleton:%.150s/%s", t->config->address, text);
    /* A library's own buffer would be borrowed, with nw_message_set_release(); this is a copy. */
    nw_message_set_payload(m, nw_message_copy(m, text, (size_t)text_len));
    nw_message_set_address(m, (struct nw_slice){t->config->address, strlen(t->config->address)});
    nw_message_set_number(m, NW_META_SEQUENCE, (int64_t)number);
    /* What names the message for ever: equal when the same number comes again. */
    nw_message_set_origin(m, nw_message_copy(m, origin, (size_t)origin_len));
    nw_message_set_cookie(m, (uintptr_t)number);
    return m;
}

/* How many numbers may follow now. */
static size_t wanted(const struct ticker *t)
{
    uint64_t count = (uint64_t)t->options->count;
    size_t n = t->window - (size_t)(t->next - t->done);

    if (t->again || !t->has_credit) {
        return 0;
    }
    if (t->options->every > 0 && n > 1) {
        n = 1;
    }
    if (count > 0 && count - t->next < n) {
        n = (size_t)(count - t->next);
    }
    return n < BATCH ? n : BATCH;
}

/* Under the lock, so that stop() returns only when no offer is under way. */
static void offer(struct ticker *t, size_t want)
{
    struct nw_message *messages[BATCH];
    size_t credit = nw_credit_take(t->endpoint, want), n = 0;

    t->has_credit = credit > 0; /* if there is none, credit() will be called */
    while (n < credit && (messages[n] = make_message(t, t->next + n)) != NULL) {
        t->settled[(t->next + n) % t->window] = false;
        n++;
    }
    if (n < credit) {
        nw_credit_return(t->endpoint, credit - n);
    }
    if (n > 0) {
        t->next += n;
        t->in_flight += n;
        nw_offer(t->endpoint, messages, n);
    }
}

/* Wait for a change, or for the next tick. Under the lock. */
static void wait_for_change(struct ticker *t, int64_t ms)
{
    struct timespec until;

    if (ms < 0) {
        pthread_cond_wait(&t->changed, &t->lock);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!t->closing && !t->stopped &&
           pthread_cond_timedwait(&t->changed, &t->lock, &until) != ETIMEDOUT) {
    }
}

static void *run(void *state)
{
    struct ticker *t = state;
    struct nw_endpoint *endpoint = t->endpoint;

    nw_endpoint_state(endpoint, NW_STATE_READY, NULL);
    pthread_mutex_lock(&t->lock);
    while (!t->closing) {
        size_t want = t->stopped ? 0 : wanted(t);
        if (want > 0) {
            offer(t, want);
        }
        if (want == 0 || t->options->every > 0) {
            wait_for_change(t, want == 0 ? -1 : t->options->every);
        }
    }
    pthread_mutex_unlock(&t->lock);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    free(t->settled);
    free(t);
    nw_closed(endpoint); /* the very last thing */
    return NULL;
}

/* ---- The contract, on the lane's worker thread ---- */

static void read_position(struct ticker *t)
{
    void *data;
    size_t len;

    if (nw_state_read(t->endpoint, "done", &data, &len) == 0) {
        if (len == sizeof t->done) {
            memcpy(&t->done, data, len);
        }
        free(data);
    }
    t->next = t->done;
}

static int start_thread(struct ticker *t, struct nw_error *error)
{
    pthread_attr_t attr;
    pthread_t thread;

    /* Detached: close() must not wait, so the thread ends by itself and says so with nw_closed. */
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int rc = pthread_create(&thread, &attr, run, t);
    pthread_attr_destroy(&attr);
    return rc == 0 ? 0 : nw_error_set(error, NW_EIO, "cannot start a thread: %s", strerror(rc));
}

int skeleton_source_open(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                         void **state, struct nw_error *error)
{
    struct ticker *t = calloc(1, sizeof *t);
    pthread_condattr_t attr;

    if (t == NULL || (t->settled = calloc(config->max_in_flight, sizeof(bool))) == NULL) {
        free(t);
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    t->endpoint = endpoint;
    t->config = config;
    t->options = config->options;
    t->window = config->max_in_flight;
    t->has_credit = true;
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->changed, &attr);
    pthread_condattr_destroy(&attr);
    read_position(t);
    *state = t;
    int rc = start_thread(t, error);
    if (rc != 0) {
        pthread_cond_destroy(&t->changed);
        pthread_mutex_destroy(&t->lock);
        free(t->settled);
        free(t);
    }
    return rc;
}

void skeleton_source_credit(void *state)
{
    struct ticker *t = state;

    pthread_mutex_lock(&t->lock);
    t->has_credit = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

/* Results come in any order; what is stored is only the number below which all are settled. */
void skeleton_source_settle(void *state, const struct nw_result *results, size_t n)
{
    struct ticker *t = state;
    uint64_t before = t->done;

    pthread_mutex_lock(&t->lock);
    t->in_flight -= n;
    for (size_t i = 0; i < n; i++) {
        uint64_t number = nw_message_cookie(results[i].message);
        if (results[i].outcome == NW_RETRY) {
            t->again = true;
        } else {
            t->settled[number % t->window] = true;
        }
    }
    while (t->done < t->next && t->settled[t->done % t->window]) {
        t->done++;
    }
    if (t->again && t->in_flight == 0) {
        t->again = false;
        t->next = t->done;
    }
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
    if (t->done != before) {
        (void)nw_state_write(t->endpoint, "done", &t->done, sizeof t->done);
    }
}

void skeleton_source_stop(void *state)
{
    struct ticker *t = state;

    pthread_mutex_lock(&t->lock);
    t->stopped = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

void skeleton_source_close(void *state)
{
    struct ticker *t = state;

    pthread_mutex_lock(&t->lock);
    t->closing = true;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->lock);
}
