/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sink: messages are queued on the lane's worker and written by one thread of the sink, as many
 * together as have come meanwhile. They are confirmed when they are on disk.
 *
 * When a write fails, its messages go back with NW_RETRY, and so does everything that comes behind
 * them, until the first of those is sent again: a line never gets past one that has to be written
 * again.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "file_identity.h"
#include "file_sink.h"

/* ---- What it says ---- */

static void say(struct file_sink *s, enum nw_state state, const char *text)
{
    if (state != s->told_state || strcmp(text, s->told_text) != 0) {
        s->told_state = state;
        (void)snprintf(s->told_text, sizeof s->told_text, "%s", text);
        nw_endpoint_state(s->endpoint, state, text[0] == '\0' ? NULL : text);
    }
}

/* ---- The writer ---- */

static bool make_room(struct file_sink *s, size_t count)
{
    if (s->capacity >= count) {
        return true;
    }
    struct nw_result *results = realloc(s->results, count * sizeof *results);
    s->results = results == NULL ? s->results : results;
    struct iovec *parts = realloc(s->parts, 2 * count * sizeof *parts);
    s->parts = parts == NULL ? s->parts : parts;
    if (results == NULL || parts == NULL) {
        return false;
    }
    s->capacity = count;
    return true;
}

/* Is something not to be written before what failed earlier? What comes back after the failure is
 * known by its number: the pump sends it again only when all that was under way is back. */
static bool is_held_up(struct file_sink *s, const struct nw_message *m)
{
    if (s->failing && nw_message_cookie(m) == s->failures) {
        s->failing = false;
    }
    return s->failing;
}

static void give_back(struct file_sink *s, size_t from, size_t to, enum nw_cause cause,
                      const char *reason)
{
    for (size_t i = from; i < to; i++) {
        nw_message_set_cookie(s->batch.items[i], s->failures);
        s->results[i] = (struct nw_result){
            .message = s->batch.items[i], .outcome = NW_RETRY, .cause = cause, .reason = reason};
    }
}

/* Say how it went, and remember what has to come again first. */
static void note_failures(struct file_sink *s, size_t from, size_t to)
{
    const char *reason = NULL;

    for (size_t i = from; i < to; i++) {
        if (s->results[i].outcome != NW_RETRY) {
            continue;
        }
        if (reason == NULL) {
            s->failures++;
            s->failing = s->config->order != NW_ORDER_RELAXED;
            reason = s->results[i].reason == NULL ? "out of memory" : s->results[i].reason;
        }
        nw_message_set_cookie(s->results[i].message, s->failures);
    }
    say(s,
        reason == NULL ? NW_STATE_READY
        : s->closed    ? NW_STATE_FAILED
                       : NW_STATE_DOWN,
        reason == NULL ? "" : reason);
}

/* Write from..to of the batch and set their results. A pipe that was closed does not come back. */
static void write_some(struct file_sink *s, size_t from, size_t to)
{
    if (s->closed || is_held_up(s, s->batch.items[from])) {
        give_back(s, from, to, NW_CAUSE_OUTAGE, s->told_text);
        return;
    }
    file_write(s, from, to);
    note_failures(s, from, to);
}

/* Everything of the batch is done. */
static void confirm(struct file_sink *s)
{
    size_t n = s->batch.count;

    s->batch.count = s->held = 0;
    if (n > 0) {
        nw_done(s->endpoint, s->results, n);
    }
}

/* fsync: interval. What was written since the last sync shares its fate. */
static void confirm_synced(struct file_sink *s)
{
    file_write_sync(s);
    if (s->sync_error != 0) {
        for (size_t i = 0; i < s->batch.count; i++) {
            if (s->results[i].outcome == NW_ACK) {
                file_write_result(s, i, s->sync_error, s->sync_path);
            }
        }
        s->sync_error = 0;
        note_failures(s, 0, s->batch.count);
    }
    confirm(s);
}

static bool has_failure(const struct file_sink *s)
{
    for (size_t i = s->held; i < s->batch.count; i++) {
        if (s->results[i].outcome != NW_ACK) {
            return true;
        }
    }
    return false;
}

static void write_batch(struct file_sink *s)
{
    size_t step = s->options->mode.index == FILE_WHOLE ? FILE_WHOLE_BATCH : s->batch.count;
    bool interval = s->options->fsync.index == FILE_FSYNC_INTERVAL;

    s->unopened = false;
    for (size_t i = s->held; i < s->batch.count; i += step) {
        write_some(s, i, i + step < s->batch.count ? i + step : s->batch.count);
    }
    if (!interval || s->options->mode.index == FILE_WHOLE) {
        confirm(s);
        return;
    }
    if (s->held == 0) {
        s->sync_ns = nw_clock_monotonic_ns() + s->options->fsync_interval * FILE_MILLISECOND_NS;
    }
    if (has_failure(s) || s->batch.count * 2 >= s->config->max_in_flight) {
        confirm_synced(s);
        return;
    }
    s->held = s->batch.count;
}

/* A path that is always the same is opened at the start, and, while it cannot be, from time to
 * time, so that what is wrong with it is said before a message comes. */
static void try_open(struct file_sink *s)
{
    struct file_output *o;
    char text[600];
    int rc;

    if (s->templated || s->options->mode.index == FILE_WHOLE) {
        say(s, NW_STATE_READY, "");
        return;
    }
    o = file_outputs_get(&s->outputs,
                         (struct nw_slice){s->config->address, strlen(s->config->address)});
    rc = o == NULL ? -ENOMEM : file_output_append(&s->outputs, o, NULL, 0);
    s->unopened = rc != 0;
    if (rc == 0) {
        say(s, NW_STATE_READY, "");
        return;
    }
    file_write_describe(s->config->address, rc, text, sizeof text);
    say(s, NW_STATE_DOWN, text);
}

/* When to go on without new messages; 0: not at all. */
static int64_t due_ns(const struct file_sink *s)
{
    if (s->held > 0) {
        return s->sync_ns;
    }
    return s->unopened ? nw_clock_monotonic_ns() + FILE_SECOND_NS : 0;
}

/* Under the lock. */
static void wait_until(struct file_sink *s, int64_t until_ns)
{
    struct timespec until = {.tv_sec = until_ns / FILE_SECOND_NS,
                             .tv_nsec = until_ns % FILE_SECOND_NS};

    s->sleeping = true;
    if (until_ns == 0) {
        pthread_cond_wait(&s->changed, &s->lock);
    } else {
        pthread_cond_timedwait(&s->changed, &s->lock, &until);
    }
    s->sleeping = false;
}

static bool put(struct file_queue *q, struct nw_message *const *messages, size_t n)
{
    if (q->count + n > q->capacity) {
        size_t capacity = q->capacity * 2 > q->count + n ? q->capacity * 2 : q->count + n;
        struct nw_message **items = realloc(q->items, capacity * sizeof(struct nw_message *));
        if (items == NULL) {
            return false;
        }
        q->items = items;
        q->capacity = capacity;
    }
    if (n > 0) { /* without any, there may be no array yet */
        memcpy(q->items + q->count, messages, n * sizeof *messages);
    }
    q->count += n;
    return true;
}

/* Take what has come into the batch. Returns how many are new; without memory for their results,
 * none. */
static size_t take(struct file_sink *s)
{
    size_t fresh = 0;

    pthread_mutex_lock(&s->lock);
    int64_t until_ns = due_ns(s);
    if (s->incoming.count == 0 && !atomic_load(&s->ending)) {
        wait_until(s, until_ns);
    }
    if (!make_room(s, s->held + s->incoming.count)) {
        (void)sched_yield();
    } else if (s->held == 0) {
        struct file_queue empty = s->batch;
        s->batch = s->incoming;
        s->incoming = empty;
        fresh = s->batch.count;
    } else if (put(&s->batch, s->incoming.items, s->incoming.count)) {
        fresh = s->incoming.count;
        s->incoming.count = 0;
    }
    pthread_mutex_unlock(&s->lock);
    return fresh;
}

static void free_sink(struct file_sink *s)
{
    file_outputs_done(&s->outputs);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    free(s->incoming.items);
    free(s->batch.items);
    free(s->results);
    free(s->parts);
    free(s);
}

static void finish(struct file_sink *s)
{
    struct nw_endpoint *endpoint = s->endpoint;

    /* close() signals under the lock: it must have let go before the lock is freed. */
    pthread_mutex_lock(&s->lock);
    pthread_mutex_unlock(&s->lock);
    free_sink(s);
    nw_closed(endpoint);
}

/* The end: what is written is made durable, the rest goes back. */
static void return_batch(struct file_sink *s)
{
    if (s->held > 0) {
        size_t fresh = s->batch.count - s->held;
        struct nw_message **items = s->batch.items + s->held;
        s->batch.count = s->held;
        confirm_synced(s);
        memmove(s->batch.items, items, fresh * sizeof *items);
        s->batch.count = fresh;
    }
    give_back(s, 0, s->batch.count, NW_CAUSE_STOPPING, "the route is stopping");
    confirm(s);
}

static void *writer(void *state)
{
    struct file_sink *s = state;

    pthread_setname_np(pthread_self(), "nw-file-sink");
    try_open(s);
    for (;;) {
        size_t fresh = take(s);
        if (atomic_load(&s->ending)) {
            return_batch(s);
            finish(s);
            return NULL;
        }
        if (fresh > 0) {
            write_batch(s);
        } else if (s->unopened) {
            try_open(s);
        }
        if (s->held > 0 && nw_clock_monotonic_ns() >= s->sync_ns) {
            confirm_synced(s);
        }
    }
}

/* ---- The contract ---- */

static int start_writer(struct file_sink *s, struct nw_error *error)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;

    /* Signals are for the main thread, and a closed standard output is an error like others. */
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&thread, &attr, writer, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return rc == 0 ? 0 : nw_error_set(error, NW_EIO, "cannot start a thread: %s", strerror(rc));
}

/* What tells this sink from all others that may write the same files. */
static void set_names(struct file_sink *s)
{
    const struct nw_endpoint_config *c = s->config;
    uint64_t hash = file_hash(0, c->route, strlen(c->route));

    hash = file_hash(hash, c->address, strlen(c->address));
    hash = file_hash(hash, &c->lane, sizeof c->lane);
    hash = file_hash(hash, c->bridge, strlen(c->bridge));
    hash = file_hash(hash, c->instance, strlen(c->instance));
    file_mark_name(s->outputs.mark, hash);
    (void)snprintf(s->temporary, sizeof s->temporary, "%016llx", (unsigned long long)hash);
}

int file_sink_open(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                   void **state, struct nw_error *error)
{
    struct file_sink *s = calloc(1, sizeof *s);
    pthread_condattr_t attr;

    if (s == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    s->endpoint = endpoint;
    s->config = config;
    s->options = config->options;
    s->templated = strstr(config->address, "{{") != NULL;
    s->told_state = NW_STATE_FAILED; /* never told */
    s->outputs =
        (struct file_outputs){.most = (size_t)s->options->open_files,
                              .ending = &s->ending,
                              .temporary = s->temporary,
                              .rotator = {.options = &s->options->rotate, .ending = &s->ending},
                              .empty_first = !s->options->append};
    set_names(s);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &attr);
    pthread_condattr_destroy(&attr);
    *state = s;
    int rc = start_writer(s, error);
    if (rc != 0) {
        free_sink(s);
    }
    return rc;
}

void file_sink_send(void *state, struct nw_message *const *messages, size_t n)
{
    struct file_sink *s = state;
    struct nw_result refused = {
        .outcome = NW_RETRY, .cause = NW_CAUSE_OUTAGE, .reason = "out of memory"};

    pthread_mutex_lock(&s->lock);
    bool taken = put(&s->incoming, messages, n);
    if (s->sleeping) {
        pthread_cond_signal(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < n && !taken; i++) {
        refused.message = messages[i];
        nw_done(s->endpoint, &refused, 1);
    }
}

void file_sink_close(void *state)
{
    struct file_sink *s = state;

    pthread_mutex_lock(&s->lock);
    atomic_store(&s->ending, true);
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}
