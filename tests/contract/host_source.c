/* SPDX-License-Identifier: Apache-2.0 */
/* The host towards a source: credit, offers, the spool, settling. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_internal.h"

/* ---- credit ---- */

size_t nw_credit_take(struct nw_endpoint *source, size_t want)
{
    struct nwc_host *h = &nwc_host;
    size_t room, give;

    nwc_lock();
    nwc_check_alive(source, "nw_credit_take");
    room = h->limit > h->used ? h->limit - h->used : 0;
    give = want < room ? want : room;
    h->used += give;
    source->reserved += give;
    source->starved |= give == 0 && want > 0;
    nwc_unlock();
    return give;
}

void nw_credit_return(struct nw_endpoint *source, size_t unused)
{
    struct nwc_host *h = &nwc_host;

    nwc_lock();
    nwc_check_alive(source, "nw_credit_return");
    if (unused > source->reserved) {
        nwc_fault("credit was given back that was not taken");
        unused = source->reserved;
    }
    h->used -= unused;
    source->reserved -= unused;
    nwc_unlock();
    if (unused > 0) {
        nwc_worker_wake();
    }
}

static void feed(struct nw_endpoint *e)
{
    struct nwc_host *h = &nwc_host;

    nwc_lock();
    if (e == NULL || e->source == NULL || e->stopped || e->opening || !e->starved ||
        h->used >= h->limit) {
        nwc_unlock();
        return;
    }
    e->starved = false;
    nwc_unlock();
    if (e->source->credit != NULL) {
        e->source->credit(e->state);
    }
}

void nwc_feed(void)
{
    struct nw_endpoint *end, *beside;

    nwc_lock();
    end = nwc_host.end;
    beside = nwc_host.beside;
    nwc_unlock();
    feed(end);
    feed(beside);
}

/* ---- what is offered ---- */

static void check_text(struct nw_slice got, struct nwc_text want, size_t number, const char *what)
{
    if (got.data == NULL || got.len != want.len || memcmp(got.data, want.data, want.len) != 0) {
        nwc_fault("message %zu has the %s \"%.*s\", not \"%s\"", number, what, (int)got.len,
                  got.data == NULL ? "" : got.data, want.data);
    }
}

static struct nw_slice find_header(const struct nw_message *m)
{
    return nw_message_find_header(m, (struct nw_slice){NWC_HEADER, strlen(NWC_HEADER)});
}

static void check_content(const struct nw_message *m, size_t number)
{
    const struct nwc_adapter *a = nwc_host.adapter;

    if (a->put != NULL) {
        check_text(nw_message_payload(m), nwc_payload(number), number, "payload");
    }
    if (a->keys) {
        check_text(nw_message_key(m), nwc_key(number), number, "key");
    }
    if (a->headers) {
        check_text(find_header(m), nwc_header(number), number, "header " NWC_HEADER);
    }
    NWC_CHECK(nw_message_address(m).len > 0, "message %zu has no address", number);
}

static void note_origin(const struct nw_message *m, struct nwc_record *r, size_t number)
{
    struct nw_slice origin = nw_message_origin(m);
    char text[sizeof r->origin];

    (void)snprintf(text, sizeof text, "%.*s", (int)origin.len,
                   origin.data == NULL ? "" : origin.data);
    NWC_CHECK(text[0] != '\0', "message %zu has no origin", number);
    NWC_CHECK(r->offered == 0 || strcmp(text, r->origin) == 0,
              "message %zu came with the origin %s and came again with %s", number, r->origin,
              text);
    (void)strcpy(r->origin, text);
}

/* Under the lock. The spool makes the origins of what is stored. */
static void take(struct nw_message *m, bool stored)
{
    struct nwc_record *r;
    size_t number;

    NWC_CHECK(m->state == MESSAGE_NEW || (stored && m->state == MESSAGE_BACK),
              "a message is offered that was offered before");
    m->state = MESSAGE_TAKEN;
    m->spool_row = stored ? 1 : 0;
    nwc_list_add(&nwc_host.held, m);
    if (!nwc_number(nw_message_payload(m), &number)) {
        nwc_fault("a message is offered that nobody put there: %.*s",
                  (int)nw_message_payload(m).len, nw_message_payload(m).data);
        return;
    }
    m->number = number;
    r = &nwc_host.records[number];
    check_content(m, number);
    if (!stored) {
        note_origin(m, r, number);
    }
    r->offered++;
}

void nw_offer(struct nw_endpoint *source, struct nw_message *const *messages, size_t n)
{
    struct nwc_host *h = &nwc_host;

    nwc_lock();
    nwc_check_alive(source, "nw_offer");
    NWC_CHECK(!source->stopped, "it offers after stop() has returned");
    NWC_CHECK(source != h->beside, "an endpoint offers what belongs to the one beside it");
    if (n > source->reserved) {
        nwc_fault("it offers %zu messages and has credit for %zu", n, source->reserved);
        h->used += n - source->reserved;
        source->reserved = n;
    }
    source->reserved -= n;
    for (size_t i = 0; i < n; i++) {
        take(messages[i], false);
    }
    (void)pthread_cond_broadcast(&h->changed);
    nwc_unlock();
    nwc_worker_wake();
}

int nw_store(struct nw_endpoint *source, struct nw_message *const *messages, size_t n,
             struct nw_error *error)
{
    struct nwc_host *h = &nwc_host;
    bool full;

    NWC_CHECK(!nwc_on_worker(), "it stores on the worker thread, which waits for the disk then");
    nwc_lock();
    nwc_check_alive(source, "nw_store");
    if (n > 0 && h->stored + n > h->limit + h->adapter->under_way) {
        nwc_unlock();
        return nw_error_set(error, NW_EFULL, "the reserve is used up"); /* the caller keeps them */
    }
    for (size_t i = 0; i < n; i++) {
        take(messages[i], true);
    }
    h->stored += n;
    full = h->stored >= h->limit;
    h->store_full |= full;
    nwc_unlock();
    nwc_worker_wake();
    return full ? NW_STORED_FULL : 0;
}

void nw_lost(struct nw_endpoint *source, uint64_t n, const char *why)
{
    nwc_lock();
    nwc_check_alive(source, "nw_lost");
    nwc_unlock();
    NWC_CHECK(nwc_host.adapter->loses, "%llu messages are lost: %s", (unsigned long long)n, why);
}

void nw_lag(struct nw_endpoint *source, int64_t messages)
{
    nwc_lock();
    nwc_check_alive(source, "nw_lag");
    nwc_unlock();
    NWC_CHECK(messages >= -1, "a lag of %lld messages", (long long)messages);
}

/* ---- settling ---- */

/* The spool settles its own: what is not delivered stays in it, and comes again. Under the lock. */
static void settle_stored(struct nw_message *m, enum nw_outcome outcome)
{
    if (outcome == NW_RETRY) {
        nwc_host.records[m->number].offered++;
        nwc_list_add(&nwc_host.held, m);
        return;
    }
    nwc_host.stored--;
    nw_message_unref(m);
}

/* Take the first n; those of the source go into out, and *count. */
static void take_first(size_t n, enum nw_outcome outcome, struct nw_result *out, size_t *count)
{
    struct nwc_host *h = &nwc_host;
    struct nwc_list old = h->held;

    h->held = (struct nwc_list){NULL, 0, 0};
    *count = 0;
    for (size_t i = 0; i < old.count; i++) {
        struct nw_message *m = old.items[i];
        if (i >= n) {
            nwc_list_add(&h->held, m);
            continue;
        }
        h->records[m->number].settled_ack += outcome == NW_ACK ? 1 : 0;
        if (m->spool_row != 0) {
            settle_stored(m, outcome);
        } else {
            m->state = MESSAGE_BACK;
            out[(*count)++] = (struct nw_result){.message = m,
                                                 .outcome = outcome,
                                                 .cause = outcome == NW_ACK ? NW_CAUSE_NONE
                                                          : h->end->stopped ? NW_CAUSE_STOPPING
                                                                            : NW_CAUSE_OUTAGE};
        }
    }
    free(old.items);
}

void nwc_settle_on_worker(size_t n, enum nw_outcome outcome)
{
    static struct nw_result results[NWC_MAX];
    struct nwc_host *h = &nwc_host;
    size_t count;

    nwc_lock();
    take_first(n < NWC_MAX ? n : NWC_MAX, outcome, results, &count);
    nwc_unlock();
    if (count > 0) {
        h->end->source->settle(h->end->state, results, count);
    }
    nwc_lock();
    h->used -= count;
    nwc_unlock();
    for (size_t i = 0; i < count; i++) {
        nw_message_unref(results[i].message);
    }
    nwc_feed();
}

struct settling {
    size_t n;
    enum nw_outcome outcome;
};

static void settle_task(void *context)
{
    struct settling *s = context;

    nwc_settle_on_worker(s->n, s->outcome);
}

void nwc_settle(size_t n, enum nw_outcome outcome)
{
    struct settling s = {n, outcome};

    nwc_worker_call("settle", settle_task, &s);
}

void nwc_settle_by_itself(bool yes)
{
    nwc_lock();
    nwc_host.by_itself = yes;
    nwc_unlock();
    nwc_worker_wake();
}

/* What the spool holds was written to disk; the message of the source is not needed any more. */
void nwc_spool_keep(void)
{
    nwc_lock();
    for (size_t i = 0; i < nwc_host.held.count; i++) {
        struct nw_message *old = nwc_host.held.items[i], *m = nw_message_make();
        if (m == NULL) {
            abort();
        }
        m->number = old->number;
        m->spool_row = 1;
        m->state = MESSAGE_TAKEN;
        nwc_host.held.items[i] = m;
        nw_message_unref(old);
    }
    nwc_unlock();
}

/* ---- for the tests ---- */

size_t nwc_held(void)
{
    size_t n;

    nwc_lock();
    n = nwc_host.held.count;
    nwc_unlock();
    return n;
}

bool nwc_starved(void)
{
    bool starved;

    nwc_lock();
    starved = nwc_host.end->starved;
    nwc_unlock();
    return starved;
}

bool nwc_store_full(void)
{
    bool full;

    nwc_lock();
    full = nwc_host.store_full;
    nwc_unlock();
    return full;
}

static void compare_origins(void)
{
    struct nwc_host *h = &nwc_host;

    for (size_t a = 0; a < NWC_MAX; a++) {
        for (size_t b = a + 1; b < NWC_MAX && h->records[a].origin[0] != '\0'; b++) {
            NWC_CHECK(strcmp(h->records[a].origin, h->records[b].origin) != 0,
                      "messages %zu and %zu have the same origin %s", a, b, h->records[a].origin);
        }
    }
}

void nwc_source_forget(void)
{
    struct nwc_host *h = &nwc_host;

    nwc_lock();
    compare_origins();
    for (size_t i = 0; i < h->held.count; i++) { /* the spool's */
        nw_message_unref(h->held.items[i]);
    }
    free(h->held.items);
    h->held = (struct nwc_list){NULL, 0, 0};
    h->used = h->stored = 0;
    h->store_full = h->by_itself = false;
    nwc_unlock();
}
