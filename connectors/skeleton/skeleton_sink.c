/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sink: a memory of the last messages.
 *
 * send must not block, so it only hands the messages to a thread, as a sink of yours hands them to
 * its library. Whatever happens, nw_done() is called exactly once for each of them: NW_ACK when it
 * is safe, NW_RETRY when the target is away, NW_REJECT when it will never take this message.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "skeleton.h"

struct memory {
    struct nw_endpoint *endpoint;

    pthread_mutex_t lock; /* guards queue, queued, capacity and closing */
    pthread_cond_t changed;
    struct nw_message **queue;
    size_t queued, capacity;
    bool closing;

    /* The thread's own. */
    char **kept; /* a ring of payloads */
    size_t keep, next;
};

/* ---- The thread ---- */

static struct nw_result keep_one(struct memory *m, struct nw_message *message)
{
    struct nw_slice payload = nw_message_payload(message);
    char *copy = strndup(payload.data == NULL ? "" : payload.data, payload.len);

    if (copy == NULL) {
        return (struct nw_result){.message = message,
                                  .outcome = NW_RETRY,
                                  .cause = NW_CAUSE_OUTAGE,
                                  .reason = "no memory to remember it"};
    }
    free(m->kept[m->next]);
    m->kept[m->next] = copy;
    m->next = (m->next + 1) % m->keep;
    return (struct nw_result){.message = message, .outcome = NW_ACK};
}

static void free_memory(struct memory *m)
{
    for (size_t i = 0; m->kept != NULL && i < m->keep; i++) {
        free(m->kept[i]);
    }
    free(m->kept);
    free(m->queue);
    pthread_cond_destroy(&m->changed);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

/* Results go back many at a time: every call wakes somebody. */
static void work_on(struct memory *m, struct nw_message *const *messages, size_t n, bool closing)
{
    struct nw_result results[64];
    size_t count = 0, kept = 0;

    for (size_t i = 0; i < n; i++) {
        results[count] = closing ? (struct nw_result){.message = messages[i],
                                                      .outcome = NW_RETRY,
                                                      .cause = NW_CAUSE_STOPPING}
                                 : keep_one(m, messages[i]);
        kept += results[count].outcome == NW_ACK;
        if (++count == sizeof results / sizeof results[0] || i + 1 == n) {
            nw_done(m->endpoint, results, count);
            count = 0;
        }
    }
    nw_metric_count(m->endpoint, "remembered", kept);
}

static void *run(void *state)
{
    struct memory *m = state;
    struct nw_endpoint *endpoint = m->endpoint;
    bool closing = false;

    nw_endpoint_state(endpoint, NW_STATE_READY, NULL);
    while (!closing) {
        pthread_mutex_lock(&m->lock);
        while (m->queued == 0 && !m->closing) {
            pthread_cond_wait(&m->changed, &m->lock);
        }
        struct nw_message **messages = m->queue;
        size_t n = m->queued;
        closing = m->closing;
        m->queue = NULL;
        m->queued = m->capacity = 0;
        pthread_mutex_unlock(&m->lock);
        work_on(m, messages, n, closing);
        free(messages);
    }
    free_memory(m);
    nw_closed(endpoint); /* the very last thing */
    return NULL;
}

/* ---- The contract, on the lane's worker thread ---- */

int skeleton_sink_open(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                       void **state, struct nw_error *error)
{
    const struct skeleton_sink_options *options = config->options;
    struct memory *m = calloc(1, sizeof *m);
    pthread_attr_t attr;
    pthread_t thread;

    if (m == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    m->endpoint = endpoint;
    m->keep = (size_t)options->keep;
    m->kept = calloc(m->keep, sizeof *m->kept);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->changed, NULL);
    *state = m;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int rc = m->kept == NULL ? NW_ENOMEM : pthread_create(&thread, &attr, run, m);
    pthread_attr_destroy(&attr);
    if (rc != 0) {
        free_memory(m);
        return nw_error_set(error, NW_EIO, "cannot start: out of memory or threads");
    }
    return 0;
}

static bool make_room(struct memory *m, size_t n)
{
    if (m->queued + n > m->capacity) {
        size_t capacity = 2 * (m->queued + n);
        struct nw_message **queue = realloc(m->queue, capacity * sizeof(struct nw_message *));
        if (queue == NULL) {
            return false;
        }
        m->queue = queue;
        m->capacity = capacity;
    }
    return true;
}

/* The array is the caller's; the messages are ours until nw_done. */
void skeleton_sink_send(void *state, struct nw_message *const *messages, size_t n)
{
    struct memory *m = state;

    pthread_mutex_lock(&m->lock);
    bool taken = make_room(m, n);
    if (taken) {
        memcpy(m->queue + m->queued, messages, n * sizeof *messages);
        m->queued += n;
        pthread_cond_signal(&m->changed);
    }
    pthread_mutex_unlock(&m->lock);
    for (size_t i = 0; i < n && !taken; i++) {
        struct nw_result result = {.message = messages[i],
                                   .outcome = NW_RETRY,
                                   .cause = NW_CAUSE_OUTAGE,
                                   .reason = "out of memory"};
        nw_done(m->endpoint, &result, 1);
    }
}

void skeleton_sink_close(void *state)
{
    struct memory *m = state;

    pthread_mutex_lock(&m->lock);
    m->closing = true;
    pthread_cond_signal(&m->changed);
    pthread_mutex_unlock(&m->lock);
}
