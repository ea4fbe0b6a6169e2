/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters are asked for by their sequence, some at a time, and offered in their order: what is read
 * waits in a ring until all before it are. What is delivered is removed by a call of its own.
 *
 * All state is on the loop thread; lock guards `stopped` against an offer.
 */
#include "hub/letter_source.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/js_api.h"
#include "hub/js_stored.h"
#include "hub/receive.h"
#include "hub/settle.h"

#define CALLS 64

struct letter_source;

/* A place of the ring: the letter index is in the place index % CALLS while it is read. */
struct reading {
    struct nw_js_call call;
    struct letter_source *source;
    size_t index;
    bool used, wanted; /* wanted: to be asked for, when there is a session */
    bool read;         /* letter has it; NULL: it was not there */
    struct nw_js_stored *letter;
};

struct removal {
    struct nw_js_call call;
    struct letter_source *source;
    size_t index;
    bool used, wanted;
};

struct letter_source {
    struct nw_endpoint *endpoint;
    const struct nw_letter_source_options *options;
    struct nw_hub *hub;
    struct nw_listener listener;
    struct nw_task open_task, credit_task, stop_task, close_task;
    atomic_bool credit_posted;
    struct reading readings[CALLS];
    size_t begun, offered; /* letters: asked for, and of those no more in the ring */
    struct removal removals[CALLS];
    size_t *delivered; /* indices of those that are to be removed, in a ring of all */
    size_t delivered_head, delivered_count;
    size_t removing;
    bool stopping, closing;
    bool asking; /* in remove_more: a call that fails at once must not begin another round */

    pthread_mutex_t lock; /* guards stopped; held while offering */
    bool stopped;
};

#define SOURCE_OF(pointer, member) \
    ((struct letter_source *)((char *)(pointer)-offsetof(struct letter_source, member)))

static const struct nw_letter_place *place_of(const struct letter_source *s, size_t index)
{
    return &s->options->places[index];
}

static void tell(struct letter_source *s, size_t index, enum nw_letter_end end, const char *reason)
{
    s->options->tell(s->options->context, index, end, reason);
}

static bool is_missing(const struct nw_js_response *r)
{
    return nw_js_stored_is_missing(r->error_code, r->text);
}

/* ---- removing ---- */

static void end_if_closed(struct letter_source *s);
static void remove_more(struct letter_source *s);

static void end_removal(struct removal *d, enum nw_letter_end end, const char *reason)
{
    struct letter_source *s = d->source;

    d->used = d->wanted = false;
    s->removing--;
    tell(s, d->index, end, reason);
}

static void on_removed(void *context, const struct nw_js_response *r)
{
    struct removal *d = context;
    struct letter_source *s = d->source;

    if (r->ok || is_missing(r)) {
        end_removal(d, NW_LETTER_REMOVED, NULL);
    } else if (r->lost && !s->closing) {
        d->wanted = true; /* with the next session, or the next that is delivered */
        return;
    } else {
        end_removal(d, NW_LETTER_NOT_REMOVED, r->text);
    }
    if (!s->asking) {
        remove_more(s);
        end_if_closed(s);
    }
}

static void ask_removal(struct removal *d)
{
    const struct nw_letter_place *place = place_of(d->source, d->index);

    d->wanted = false;
    nw_js_ask(&d->call, nw_js_stored_removal(place->sequence), on_removed, "STREAM.MSG.DELETE.%s",
              place->stream);
}

static void remove_more(struct letter_source *s)
{
    s->asking = true;
    for (size_t i = 0; i < CALLS && s->hub->nc != NULL; i++) {
        struct removal *d = &s->removals[i];
        if (!d->used && s->delivered_count > 0) {
            d->used = d->wanted = true;
            d->index = s->delivered[s->delivered_head];
            s->delivered_head = (s->delivered_head + 1) % s->options->count;
            s->delivered_count--;
            s->removing++;
        }
        if (d->used && d->wanted) {
            ask_removal(d);
        }
    }
    s->asking = false;
}

/* ---- reading and offering ---- */

/* The message to offer; NULL: there is none, and its credit is free. */
static struct nw_message *make_message(struct letter_source *s, struct reading *r)
{
    struct nw_js_stored *letter = r->letter;
    struct nw_error error = {.text = "out of memory"};
    struct nw_message *m = nw_message_new(s->endpoint);
    int rc = NW_ENOMEM;

    r->letter = NULL;
    if (m != NULL) {
        nw_message_set_release(m, nw_js_stored_free, letter);
        rc = nw_receive_into(m, letter->stored.headers, letter->stored.payload, true,
                             letter->stored.stored_ns);
        rc = rc != 0 ? rc : s->options->restore(s->options->context, r->index, m, &error);
    } else {
        nw_js_stored_free(letter);
    }
    if (rc != 0) {
        nw_message_unref(m);
        tell(s, r->index, rc == NW_EINVAL ? NW_LETTER_REFUSED : NW_LETTER_RETURNED, error.text);
        return NULL;
    }
    nw_message_set_cookie(m, (uintptr_t)r->index);
    return m;
}

/* Lock held. What is read, as far as nothing before it is missing. */
static void offer_read(struct letter_source *s)
{
    struct nw_message *messages[CALLS];
    size_t count = 0, unused = 0;

    while (s->offered < s->begun && s->readings[s->offered % CALLS].read) {
        struct reading *r = &s->readings[s->offered++ % CALLS];
        struct nw_message *m = r->letter == NULL ? NULL : make_message(s, r);
        r->used = r->read = false;
        if (m != NULL) {
            messages[count++] = m;
        } else {
            unused++;
        }
    }
    if (count > 0) {
        nw_offer(s->endpoint, messages, count);
    }
    nw_credit_return(s->endpoint, unused);
    nw_lag(s->endpoint, (int64_t)(s->options->count - s->offered));
}

static void read_more(struct letter_source *s);

static void on_read(void *context, const struct nw_js_response *response)
{
    struct reading *r = context;
    struct letter_source *s = r->source;
    struct nw_error error = {.text = ""};

    if (response->lost) {
        r->wanted = true;
        return;
    }
    r->read = true;
    if (response->ok) {
        r->letter = nw_js_stored_read(response->body, place_of(s, r->index)->stream, &error);
        if (r->letter == NULL) {
            tell(s, r->index, NW_LETTER_RETURNED, error.text);
        }
    } else {
        tell(s, r->index, is_missing(response) ? NW_LETTER_GONE : NW_LETTER_RETURNED,
             response->text);
    }
    (void)pthread_mutex_lock(&s->lock);
    if (!s->stopped) {
        offer_read(s);
    }
    (void)pthread_mutex_unlock(&s->lock);
    read_more(s);
}

static void ask(struct reading *r)
{
    const struct nw_letter_place *place = place_of(r->source, r->index);

    r->wanted = false;
    nw_js_ask(&r->call, nw_js_stored_request(place->sequence, NULL), on_read, "STREAM.MSG.GET.%s",
              place->stream);
}

static void read_more(struct letter_source *s)
{
    for (size_t i = s->offered; i < s->begun && s->hub->nc != NULL; i++) {
        if (s->readings[i % CALLS].wanted) {
            ask(&s->readings[i % CALLS]);
        }
    }
    while (!s->stopping && s->hub->nc != NULL && s->begun < s->options->count &&
           s->begun - s->offered < CALLS && nw_credit_take(s->endpoint, 1) == 1) {
        struct reading *r = &s->readings[s->begun % CALLS];
        r->index = s->begun++;
        r->used = true;
        ask(r);
    }
}

/* ---- the session ---- */

static void on_up(struct nw_listener *listener)
{
    struct letter_source *s = SOURCE_OF(listener, listener);

    nw_endpoint_state(s->endpoint, NW_STATE_READY, NULL);
    remove_more(s);
    read_more(s);
}

static void on_down(struct nw_listener *listener, const char *text)
{
    struct letter_source *s = SOURCE_OF(listener, listener);
    char why[256];

    (void)snprintf(why, sizeof why, "NATS: %.240s", text);
    nw_endpoint_state(s->endpoint, NW_STATE_CONNECTING, why);
    end_if_closed(s);
}

static void take_settled(struct nw_settlement *b)
{
    struct letter_source *s = b->owner;

    for (size_t i = 0; i < b->count; i++) {
        const struct nw_settled *item = &b->items[i];
        size_t index = (size_t)nw_message_cookie(item->message);
        if (item->outcome == NW_ACK) {
            s->delivered[(s->delivered_head + s->delivered_count++) % s->options->count] = index;
        } else {
            tell(s, index, item->outcome == NW_REJECT ? NW_LETTER_REFUSED : NW_LETTER_RETURNED,
                 item->reason);
        }
    }
    nw_settlement_free(b);
    remove_more(s);
    read_more(s);
}

/* ---- the contract ---- */

static void run_open(struct nw_task *task)
{
    struct letter_source *s = SOURCE_OF(task, open_task);

    nw_hub_listen(s->hub, &s->listener);
}

static void run_credit(struct nw_task *task)
{
    struct letter_source *s = SOURCE_OF(task, credit_task);

    atomic_store(&s->credit_posted, false);
    read_more(s);
}

/* What is asked for and not offered is left alone. */
static void run_stop(struct nw_task *task)
{
    struct letter_source *s = SOURCE_OF(task, stop_task);

    s->stopping = true;
    for (; s->offered < s->begun; s->offered++) {
        struct reading *r = &s->readings[s->offered % CALLS];
        nw_js_cancel(&r->call);
        nw_js_stored_free(r->letter);
        r->letter = NULL;
        r->wanted = false;
        nw_credit_return(s->endpoint, 1);
    }
}

static void free_source(struct letter_source *s)
{
    struct nw_endpoint *endpoint = s->endpoint;

    nw_hub_unlisten(&s->listener);
    (void)pthread_mutex_destroy(&s->lock);
    free(s->delivered);
    free(s);
    nw_closed(endpoint);
}

/* What is delivered is removed first, or it would come once more. Without a session it cannot be.
 */
static void end_if_closed(struct letter_source *s)
{
    if (!s->closing) {
        return;
    }
    for (size_t i = 0; i < CALLS && s->hub->nc == NULL; i++) {
        if (s->removals[i].used && s->removals[i].wanted) {
            end_removal(&s->removals[i], NW_LETTER_NOT_REMOVED, "the connection to NATS was lost");
        }
    }
    for (; s->delivered_count > 0 && s->hub->nc == NULL; s->delivered_count--) {
        tell(s, s->delivered[s->delivered_head], NW_LETTER_NOT_REMOVED,
             "the connection to NATS was lost");
        s->delivered_head = (s->delivered_head + 1) % s->options->count;
    }
    if (s->removing == 0 && s->delivered_count == 0) {
        s->closing = false; /* once */
        free_source(s);
    }
}

static void run_close(struct nw_task *task)
{
    struct letter_source *s = SOURCE_OF(task, close_task);

    s->closing = true;
    remove_more(s);
    end_if_closed(s);
}

static void credit(void *state)
{
    struct letter_source *s = state;

    if (!atomic_exchange(&s->credit_posted, true)) {
        nw_loop_post(s->hub->loop, &s->credit_task);
    }
}

static void settle(void *state, const struct nw_result *results, size_t n)
{
    struct letter_source *s = state;

    nw_settlement_post(s->hub->loop, results, n, s, take_settled);
}

static void stop(void *state)
{
    struct letter_source *s = state;

    (void)pthread_mutex_lock(&s->lock);
    s->stopped = true;
    (void)pthread_mutex_unlock(&s->lock);
    nw_loop_post(s->hub->loop, &s->stop_task);
}

static void close_source(void *state)
{
    struct letter_source *s = state;

    nw_loop_post(s->hub->loop, &s->close_task);
}

static void init(struct letter_source *s)
{
    (void)pthread_mutex_init(&s->lock, NULL);
    for (size_t i = 0; i < CALLS; i++) {
        s->readings[i].source = s->removals[i].source = s;
        nw_js_call_init(&s->readings[i].call, s->hub, &s->readings[i]);
        nw_js_call_init(&s->removals[i].call, s->hub, &s->removals[i]);
    }
    s->listener.up = on_up;
    s->listener.down = on_down;
    s->open_task.run = run_open;
    s->credit_task.run = run_credit;
    s->stop_task.run = run_stop;
    s->close_task.run = run_close;
}

static int open_source(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                       void **state, struct nw_error *error)
{
    struct letter_source *s = calloc(1, sizeof *s);

    if (s != NULL) {
        s->options = config->options;
        s->delivered = calloc(s->options->count + 1, sizeof *s->delivered);
    }
    if (s == NULL || s->delivered == NULL) {
        free(s);
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    s->endpoint = endpoint;
    s->hub = config->connection;
    init(s);
    *state = s;
    nw_endpoint_state(endpoint, NW_STATE_CONNECTING, NULL);
    nw_loop_post(s->hub->loop, &s->open_task);
    return 0;
}

static const struct nw_option no_rows[] = {{.name = NULL}};

const struct nw_source_kind nw_hub_letter_source = {
    .options = no_rows,
    .address = NW_ADDRESS_SUBJECT,
    .address_doc = "dead letters",
    .promise = "removed from their stream when every target has confirmed",
    .open = open_source,
    .credit = credit,
    .settle = settle,
    .stop = stop,
    .close = close_source,
};
