/* SPDX-License-Identifier: Apache-2.0 */
/* The host towards a sink: making outgoing messages, sending, what is done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_internal.h"
#include "support/wait.h"

static char last_reason[200]; /* of what came back with NW_RETRY */

static void count_release(void *owner)
{
    (void)owner;
    nwc_lock();
    nwc_host.released++;
    nwc_unlock();
}

static struct nw_slice copy(struct nw_message *m, struct nwc_text text)
{
    return nw_message_copy(m, text.data, text.len);
}

/* As a source would offer it. */
static struct nw_message *make_original(size_t number)
{
    struct nw_message *m = nw_message_make();
    char origin[64];
    int n = snprintf(origin, sizeof origin, "contract:%zu", number);

    if (m == NULL) {
        abort();
    }
    nw_message_set_address(m, NW_LITERAL("in.contract"));
    nw_message_set_origin(m, nw_message_copy(m, origin, (size_t)n));
    nw_message_set_payload(m, copy(m, nwc_payload(number)));
    nw_message_set_key(m, copy(m, nwc_key(number)));
    (void)nw_message_add_header(m, NW_LITERAL(NWC_HEADER), copy(m, nwc_header(number)));
    nw_message_set_timestamp(m, nw_clock_real_ns());
    nw_message_set_text(m, NW_META_STREAM, NW_LITERAL("CONTRACT"));
    nw_message_set_number(m, NW_META_SEQUENCE, (int64_t)number + 1);
    nw_message_set_release(m, count_release, NULL);
    m->number = number;
    return m;
}

static struct nw_slice render(const struct nw_template *t, struct nw_message *m)
{
    struct nw_slice out = {NULL, 0};
    struct nw_error error = {.text = ""};

    if (nw_template_render(t, m, &out, &error) != 0) {
        (void)fprintf(stderr, "contract: a template of the test fails: %s\n", error.text);
        abort();
    }
    return out;
}

/* What the pump makes of it for this target. */
static struct nw_message *make_outgoing(size_t number, void (*change)(struct nw_message *m))
{
    const struct nw_sink_spec *spec = &nwc_host.route->sinks[0];
    struct nw_message *original = make_original(number), *m = nw_message_derive(original);
    char id[80];
    int n = snprintf(id, sizeof id, "contract:%zu|%s", number, nwc_host.route->name);

    nw_message_unref(original);
    if (m == NULL) {
        abort();
    }
    m->number = number;
    m->id = nw_message_copy(m, id, (size_t)n);
    if (spec->template_count > 0) {
        m->values = nw_message_alloc(m, spec->template_count * sizeof *m->values);
        for (size_t i = 0; i < spec->template_count; i++) {
            m->values[i] = render(spec->templates[i], m);
        }
        m->value_count = (uint32_t)spec->template_count;
    }
    m->address = render(spec->address_template, m);
    m->endpoint = nwc_host.end;
    if (change != NULL) {
        change(m);
    }
    return m;
}

/* The pump sends the same object again, with the sink's cookie; after a restart it is a new one. */
static struct nw_message *take_again(size_t number)
{
    struct nwc_host *h = &nwc_host;
    struct nw_message *m;

    nwc_lock();
    m = h->again[number];
    h->again[number] = NULL;
    if (m != NULL && m->endpoint != h->end) {
        nwc_list_add(&h->done, m);
        m = NULL;
    }
    h->originals += m == NULL ? 1 : 0;
    nwc_unlock();
    return m != NULL ? m : make_outgoing(number, NULL);
}

struct sending {
    struct nw_message *messages[NWC_MAX];
    size_t n;
};

static void send_task(void *context)
{
    struct sending *s = context;

    nwc_host.end->sink->send(nwc_host.end->state, s->messages, s->n);
}

static void send_all(struct sending *s)
{
    struct nwc_host *h = &nwc_host;

    nwc_lock();
    h->end->in_flight += s->n;
    for (size_t i = 0; i < s->n; i++) {
        s->messages[i]->state = MESSAGE_TAKEN;
        h->records[s->messages[i]->number].sent++;
    }
    nwc_unlock();
    nwc_worker_call("send", send_task, s);
    memset(s->messages, 0xA5, s->n * sizeof s->messages[0]); /* the array is the caller's */
}

void nwc_send(size_t from, size_t to)
{
    static struct sending s;

    s.n = 0;
    for (size_t i = from; i < to; i++) {
        s.messages[s.n++] = take_again(i);
    }
    send_all(&s);
}

void nwc_send_among(size_t from, size_t to, size_t which, void (*change)(struct nw_message *m))
{
    static struct sending s;

    s.n = 0;
    for (size_t i = from; i < to; i++) {
        if (i == which) {
            nwc_lock();
            nwc_host.originals++;
            nwc_unlock();
        }
        s.messages[s.n++] = i == which ? make_outgoing(i, change) : take_again(i);
    }
    send_all(&s);
}

void nwc_send_changed(size_t number, void (*change)(struct nw_message *m))
{
    nwc_send_among(number, number + 1, number, change);
}

/* ---- what comes back ---- */

/* Under the lock. */
static void note(const struct nw_result *result)
{
    struct nw_message *m = result->message;
    struct nwc_record *r = &nwc_host.records[m->number];

    switch (result->outcome) {
    case NW_ACK:
        r->acked++;
        break;
    case NW_RETRY:
        r->retried++;
        (void)snprintf(last_reason, sizeof last_reason, "%s",
                       result->reason == NULL ? "no reason given" : result->reason);
        break;
    case NW_REJECT:
        r->rejected++;
        (void)snprintf(r->reason, sizeof r->reason, "%s",
                       result->reason == NULL ? "" : result->reason);
        NWC_CHECK(r->reason[0] != '\0', "message %zu is refused without a reason",
                  (size_t)m->number);
        break;
    default:
        nwc_fault("message %zu is done with the outcome %d", (size_t)m->number,
                  (int)result->outcome);
        break;
    }
    if (result->reply != NULL) {
        nw_message_unref(result->reply);
    }
}

void nw_done(struct nw_endpoint *sink, const struct nw_result *results, size_t n)
{
    struct nwc_host *h = &nwc_host;

    nwc_lock();
    nwc_check_alive(sink, "nw_done");
    for (size_t i = 0; i < n; i++) {
        struct nw_message *m = results[i].message;
        if (m->state != MESSAGE_TAKEN || m->endpoint != sink) {
            nwc_fault("message %zu is done %s", (size_t)m->number,
                      m->state == MESSAGE_BACK ? "twice" : "and was not sent to it");
            continue;
        }
        m->state = MESSAGE_BACK;
        sink->in_flight--;
        note(&results[i]);
        if (results[i].outcome == NW_RETRY) {
            h->again[m->number] = m;
        } else {
            nwc_list_add(&h->done, m);
        }
    }
    (void)pthread_cond_broadcast(&h->changed);
    nwc_unlock();
}

/* The host takes results when it is told. */
bool nw_retry_pending(const struct nw_endpoint *sink)
{
    (void)sink;
    return false;
}

void nw_sink_window(struct nw_endpoint *sink, size_t messages)
{
    NWC_CHECK(sink->opening && nwc_on_worker(), "nw_sink_window outside of open()");
    NWC_CHECK(messages > 0, "a window of nothing");
    sink->window = messages;
}

size_t nwc_in_flight(void)
{
    size_t n;

    nwc_lock();
    n = nwc_host.end->in_flight;
    nwc_unlock();
    return n;
}

size_t nwc_window(void)
{
    size_t window = nwc_host.end->window;

    return window == 0 || window > nwc_host.route->max_in_flight ? nwc_host.route->max_in_flight
                                                                 : window;
}

/* The first of [0, n) that is neither acknowledged nor refused; n: none. */
static size_t first_open(size_t n)
{
    size_t i = 0;

    nwc_lock();
    while (i < n && (nwc_host.records[i].acked > 0 || nwc_host.records[i].rejected > 0)) {
        i++;
    }
    nwc_unlock();
    return i;
}

static size_t count_retried(void)
{
    size_t sum = 0;

    nwc_lock();
    for (size_t i = 0; i < NWC_MAX; i++) {
        sum += nwc_host.records[i].retried;
    }
    nwc_unlock();
    return sum;
}

/* One window, or one message while the target is held; false when all is through. */
static bool deliver_some(size_t n, bool probing)
{
    size_t from = first_open(n), window = probing ? 1 : nwc_window();

    if (from < n) {
        nwc_send(from, n - from > window ? from + window : n);
    }
    return from < n;
}

void nwc_deliver(size_t n)
{
    int64_t until_ms = nwt_now_ms() + NWC_LONG_MS;
    bool probing = false;

    for (;;) {
        size_t before = count_retried();
        NWC_AWAIT(nwc_in_flight() == 0, "%zu messages are not done", nwc_in_flight());
        if (nwc_failed() || !deliver_some(n, probing)) {
            return;
        }
        NWC_CHECK(nwt_now_ms() < until_ms, "it always comes back: %s", last_reason);
        NWC_AWAIT(nwc_in_flight() == 0, "%zu messages are not done", nwc_in_flight());
        probing = count_retried() > before;
        if (probing) {
            (void)nwt_wait_step(nwt_now_ms() + 20); /* the pump's backoff */
        }
    }
}

void nwc_try_to_deliver(size_t n, int64_t ms)
{
    size_t before = count_retried();

    (void)deliver_some(n, false);
    (void)NWT_WAIT(ms, count_retried() > before || nwc_in_flight() == 0);
}

void nwc_sink_forget(void)
{
    struct nwc_host *h = &nwc_host;

    for (size_t i = 0; i < h->done.count; i++) {
        nw_message_unref(h->done.items[i]);
    }
    for (size_t i = 0; i < NWC_MAX; i++) {
        if (h->again[i] != NULL) {
            nw_message_unref(h->again[i]);
            h->again[i] = NULL;
        }
    }
    nwc_lock();
    free(h->done.items);
    h->done = (struct nwc_list){NULL, 0, 0};
    NWC_CHECK(h->released == h->originals, "%zu of %zu messages were released", h->released,
              h->originals);
    h->released = h->originals = 0;
    nwc_unlock();
}
