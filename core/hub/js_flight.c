/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/js_flight.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

struct nw_js_refused {
    struct nw_js_refused *next;
    natsMsg *msg;
};

/* ---- the list ---- */

static void append(struct nw_js_flight *f, struct nw_js_held *h)
{
    h->touched_ns = nw_loop_now(f->hub->loop);
    h->next = NULL;
    h->previous = f->newest;
    if (f->newest == NULL) {
        f->oldest = h;
    } else {
        f->newest->next = h;
    }
    f->newest = h;
}

static void take_out(struct nw_js_flight *f, struct nw_js_held *h)
{
    if (h->previous == NULL) {
        f->oldest = h->next;
    } else {
        h->previous->next = h->next;
    }
    if (h->next == NULL) {
        f->newest = h->previous;
    } else {
        h->next->previous = h->previous;
    }
}

bool nw_js_flight_holds(const struct nw_js_flight *f, uint64_t sequence)
{
    for (const struct nw_js_held *h = f->oldest; h != NULL; h = h->next) {
        if (h->sequence == sequence) {
            return true;
        }
    }
    return false;
}

int nw_js_flight_hold(struct nw_js_flight *f, struct nw_message *m, natsMsg *msg, uint64_t sequence)
{
    struct nw_js_held *h = nw_message_alloc(m, sizeof *h);

    if (h == NULL) {
        return NW_ENOMEM;
    }
    *h = (struct nw_js_held){.msg = msg, .sequence = sequence};
    nw_message_set_cookie(m, (uintptr_t)h);
    append(f, h);
    f->count++;
    if (f->timer.link == NULL) {
        nw_loop_set_timer(f->hub->loop, &f->timer, h->touched_ns + f->progress_ns);
    }
    return 0;
}

static void on_progress(struct nw_timer *timer)
{
    struct nw_js_flight *f =
        (struct nw_js_flight *)((char *)timer - offsetof(struct nw_js_flight, timer));
    int64_t before = nw_loop_now(f->hub->loop) - f->progress_ns;
    struct nw_js_held *h;

    while ((h = f->oldest) != NULL && h->touched_ns <= before) {
        if (f->hub->nc != NULL) {
            (void)natsConnection_Publish(f->hub->nc, natsMsg_GetReply(h->msg), "+WPI", 4);
        }
        take_out(f, h);
        append(f, h);
    }
    if (f->oldest != NULL) {
        nw_loop_set_timer(f->hub->loop, &f->timer, f->oldest->touched_ns + f->progress_ns);
    }
}

/* ---- what became of them ---- */

static void tell(struct nw_js_flight *f, const struct nw_settled *item)
{
    const struct nw_js_held *h = (struct nw_js_held *)nw_message_cookie(item->message);
    char text[64];
    int len;

    if (item->outcome == NW_RETRY && item->retry_after_ms > 0) {
        len = snprintf(text, sizeof text, "-NAK {\"delay\": %lld}",
                       (long long)item->retry_after_ms * NW_MILLISECOND_NS);
    } else {
        len = snprintf(text, sizeof text, "%s",
                       item->outcome == NW_ACK     ? "+ACK"
                       : item->outcome == NW_RETRY ? "-NAK"
                                                   : "+TERM");
    }
    (void)natsConnection_Publish(f->hub->nc, natsMsg_GetReply(h->msg), text, len);
}

static void send(struct nw_js_flight *f, struct nw_settlement *settlement)
{
    for (size_t i = 0; i < settlement->count; i++) {
        tell(f, &settlement->items[i]);
    }
    nw_hub_published(f->hub, settlement->count * 100);
    nw_settlement_free(settlement);
}

static void give_back(struct nw_js_flight *f, natsMsg *msg)
{
    if (f->hub->nc != NULL) {
        (void)natsConnection_Publish(f->hub->nc, natsMsg_GetReply(msg), "-NAK", 4);
    }
    natsMsg_Destroy(msg);
}

static void give_back_refused(struct nw_js_flight *f)
{
    struct nw_js_refused *r, *next;

    for (r = f->refused; r != NULL; r = next) {
        next = r->next;
        give_back(f, r->msg);
        free(r);
    }
    f->refused = NULL;
    f->refused_end = &f->refused;
}

void nw_js_flight_settle(struct nw_js_flight *f, struct nw_settlement *settlement)
{
    for (size_t i = 0; i < settlement->count; i++) {
        take_out(f, (struct nw_js_held *)nw_message_cookie(settlement->items[i].message));
        f->count--;
    }
    if (f->hub->nc != NULL) {
        send(f, settlement);
    } else {
        *f->unsent_end = settlement;
        f->unsent_end = &settlement->next;
    }
    if (f->count == 0) {
        give_back_refused(f);
    }
}

void nw_js_flight_send_unsent(struct nw_js_flight *f)
{
    struct nw_settlement *s = f->unsent, *next;

    f->unsent = NULL;
    f->unsent_end = &f->unsent;
    for (; s != NULL; s = next) {
        next = s->next;
        send(f, s);
    }
}

void nw_js_flight_refuse(struct nw_js_flight *f, natsMsg *msg)
{
    struct nw_js_refused *r = f->count == 0 ? NULL : malloc(sizeof *r);

    if (r == NULL) {
        give_back(f, msg);
        return;
    }
    *r = (struct nw_js_refused){.msg = msg};
    *f->refused_end = r;
    f->refused_end = &r->next;
}

/* ---- life ---- */

void nw_js_flight_init(struct nw_js_flight *f, struct nw_hub *hub, int64_t ack_wait_ms)
{
    *f = (struct nw_js_flight){.hub = hub, .progress_ns = ack_wait_ms * NW_MILLISECOND_NS / 2};
    f->unsent_end = &f->unsent;
    f->refused_end = &f->refused;
    f->timer.fire = on_progress;
}

void nw_js_flight_done(struct nw_js_flight *f)
{
    struct nw_settlement *s, *next;

    nw_loop_cancel_timer(&f->timer);
    give_back_refused(f);
    for (s = f->unsent; s != NULL; s = next) {
        next = s->next;
        nw_settlement_free(s);
    }
    f->unsent = NULL;
}
