/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that are answered when they are in the route's spool: all with respond: accepted, those
 * that cannot be delivered now where the route has a spool: of its own.
 *
 * Storing waits for the disk, so neither the listener's loop nor a worker may do it: a thread of
 * the source does. What comes while it waits is stored together, with one sync. Then the loop
 * answers, as it answers what was settled. Requests whose caller has left meanwhile are stored as
 * well.
 *
 * When the spool is full nothing is stored any more until there is room again: 503.
 */
#include <signal.h>
#include <stdlib.h>

#include "http_listener.h"
#include "http_text.h"

#define BATCH 256
/* What is full stays so for a while. */
#define FULL_RETRY_MS 5000

struct http_store {
    struct http_source *source;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the next two and ending */
    pthread_cond_t changed;
    struct http_request *first, *last;
    bool ending;
    bool full; /* the thread's: it was told to stop */
};

/* A batch, and what became of it. */
struct batch {
    struct http_request *requests[BATCH];
    struct nw_message *messages[BATCH];
    size_t n;
};

/* Whether nothing can be stored, with the reason. Says so once. */
static bool is_full(struct http_store *s, struct nw_error *error)
{
    if (s->full && nw_store(s->source->endpoint, NULL, 0, error) == 0) {
        s->full = false;
        nw_endpoint_state(s->source->endpoint, NW_STATE_READY, NULL);
    }
    return s->full;
}

static void note_stored(struct http_request *request)
{
    request->outcome = NW_ACK;
    request->cause = NW_CAUSE_NONE;
    request->stored = true;
    request->reply = NULL;
}

static void note_refused(struct http_request *request, int rc, const struct nw_error *error)
{
    bool mapping = rc == NW_EINVAL;

    request->outcome = mapping ? NW_REJECT : NW_RETRY;
    request->cause = mapping ? NW_CAUSE_MAPPING : NW_CAUSE_OUTAGE;
    request->retry_after_ms = mapping ? 0 : FULL_RETRY_MS;
    request->stored = false;
    request->reply = NULL;
    request->reason = nw_message_copy(request->message, error->text, strlen(error->text));
}

/* Several at once, or none of them. */
static int store(struct http_store *s, const struct batch *b, size_t from, size_t n)
{
    struct nw_endpoint *endpoint = s->source->endpoint;
    struct nw_error error = {.text = ""};
    int rc = is_full(s, &error) ? NW_EFULL : 0;

    for (size_t i = from; rc == 0 && i < from + n; i++) {
        (void)nw_message_ref(b->messages[i]); /* the spool's */
        nw_message_set_deadline(b->messages[i], 0);
    }
    if (rc == 0) {
        rc = nw_store(endpoint, b->messages + from, n, &error);
        for (size_t i = from; rc < 0 && i < from + n; i++) {
            nw_message_unref(b->messages[i]);
        }
    }
    if (rc == NW_STORED_FULL || (rc < 0 && rc != NW_EINVAL && !s->full)) {
        s->full = true;
        nw_endpoint_state(endpoint, NW_STATE_DOWN, error.text);
    }
    for (size_t i = from; rc != NW_EINVAL && i < from + n; i++) {
        if (rc >= 0) {
            note_stored(b->requests[i]);
        } else {
            note_refused(b->requests[i], rc, &error);
        }
    }
    if (rc == NW_EINVAL && n == 1) {
        note_refused(b->requests[from], rc, &error);
    }
    return rc;
}

/* One whose response cannot be made is refused alone. */
static void store_all(struct http_store *s, const struct batch *b)
{
    if (store(s, b, 0, b->n) == NW_EINVAL && b->n > 1) {
        for (size_t i = 0; i < b->n; i++) {
            (void)store(s, b, i, 1);
        }
    }
    for (size_t i = 0; i + 1 < b->n; i++) {
        b->requests[i]->next = b->requests[i + 1];
    }
    http_listener_settled(s->source->listener, b->requests[0], b->requests[b->n - 1]);
}

/* With the lock held: up to a batch of what waits. */
static void take(struct http_store *s, struct batch *b)
{
    for (b->n = 0; b->n < BATCH && s->first != NULL; b->n++) {
        b->requests[b->n] = s->first;
        b->messages[b->n] = s->first->message;
        s->first = s->first->next;
    }
    if (s->first == NULL) {
        s->last = NULL;
    }
}

static void *run(void *context)
{
    struct http_store *s = context;
    struct batch b;

    (void)pthread_mutex_lock(&s->lock);
    for (;;) {
        take(s, &b);
        if (b.n > 0) {
            (void)pthread_mutex_unlock(&s->lock);
            store_all(s, &b);
            (void)pthread_mutex_lock(&s->lock);
        } else if (s->ending) {
            break;
        } else {
            (void)pthread_cond_wait(&s->changed, &s->lock);
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

void http_store_put(struct http_store *s, struct http_request *first, struct http_request *last)
{
    last->next = NULL;
    (void)pthread_mutex_lock(&s->lock);
    if (s->last == NULL) {
        s->first = first;
        (void)pthread_cond_signal(&s->changed);
    } else {
        s->last->next = first;
    }
    s->last = last;
    (void)pthread_mutex_unlock(&s->lock);
}

/* The process's signals are for its main thread. */
static int start_thread(struct http_store *s)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&s->thread, NULL, run, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

int http_store_open(struct http_source *source, struct nw_error *error)
{
    struct http_store *s = calloc(1, sizeof *s);

    if (s == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    s->source = source;
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->changed, NULL);
    if (start_thread(s) != 0) {
        (void)pthread_cond_destroy(&s->changed);
        (void)pthread_mutex_destroy(&s->lock);
        free(s);
        return nw_error_set(error, NW_EIO, "no thread could be started");
    }
    source->store = s;
    return 0;
}

void http_store_close(struct http_store *s)
{
    if (s == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&s->lock);
    s->ending = true;
    (void)pthread_cond_signal(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->thread, NULL);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
