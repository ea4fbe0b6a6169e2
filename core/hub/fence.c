/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/fence.h"

#include <stdlib.h>

#include "base/clock.h"

#define BATCH 512
#define DEADLINE_NS (5 * NW_SECOND_NS)
/* How long an error may be behind the answer that it belongs before. */
#define ERROR_NS (20 * NW_MILLISECOND_NS)

/* A batch: in the list `sent` from its fence's publish to its end. */
struct nw_fenced {
    struct nw_fenced *next;
    struct nw_fences *fences;
    int64_t held_until_ns; /* the fence is back, an error may still come; 0: it is not back */
    size_t count;
    bool ended;
    struct nw_message *messages[BATCH]; /* NULL: ended by itself */
};

static void end_batch(struct nw_fenced *b, enum nw_reply_kind kind)
{
    struct nw_hub_sink *sink = b->fences->sink;

    for (size_t i = 0; i < b->count; i++) {
        if (b->messages[i] == NULL) {
            continue;
        }
        if (kind == NW_REPLY_MESSAGE) {
            nw_hub_sink_ack(sink, b->messages[i], NULL);
        } else if (kind == NW_REPLY_DENIED) {
            nw_hub_sink_done(sink, b->messages[i], NW_RETRY, NW_CAUSE_OUTAGE,
                             "the NATS user may not publish to its own inbox, so nothing can be "
                             "confirmed");
        } else {
            (void)nw_hub_sink_unanswered(sink, b->messages[i],
                                         kind == NW_REPLY_TIMEOUT ? NW_REPLY_LOST : kind);
        }
    }
    b->ended = true;
}

/* Free the ended ones at the head of the list. */
static void sweep(struct nw_fences *f)
{
    struct nw_fenced **at = &f->sent;

    while (*at != NULL) {
        struct nw_fenced *b = *at;
        if (b->ended) {
            *at = b->next;
            free(b);
        } else {
            at = &b->next;
        }
    }
    f->sent_end = at;
}

static void on_held(struct nw_timer *timer)
{
    struct nw_fences *f = (struct nw_fences *)((char *)timer - offsetof(struct nw_fences, timer));
    int64_t now = nw_loop_now(f->sink->hub->loop), next = 0;

    for (struct nw_fenced *b = f->sent; b != NULL; b = b->next) {
        if (b->held_until_ns != 0 && !b->ended && b->held_until_ns <= now) {
            end_batch(b, NW_REPLY_MESSAGE);
        } else if (b->held_until_ns > now && (next == 0 || b->held_until_ns < next)) {
            next = b->held_until_ns;
        }
    }
    sweep(f);
    if (next != 0) {
        nw_loop_set_timer(f->sink->hub->loop, &f->timer, next);
    }
    nw_hub_sink_flush(f->sink);
}

static void on_fence(struct nw_requester_client *client, struct nw_reply *replies, size_t n)
{
    struct nw_fences *f = (struct nw_fences *)((char *)client - offsetof(struct nw_fences, client));
    struct nw_loop *loop = f->sink->hub->loop;
    bool hold = nw_hub_was_denied(f->sink->hub);

    for (size_t i = 0; i < n; i++) {
        struct nw_fenced *b = replies[i].item;
        if (hold && replies[i].kind == NW_REPLY_MESSAGE) {
            b->held_until_ns = nw_loop_now(loop) + ERROR_NS;
            if (f->timer.link == NULL) {
                nw_loop_set_timer(loop, &f->timer, b->held_until_ns);
            }
        } else {
            end_batch(b, replies[i].kind);
        }
    }
    sweep(f);
    nw_hub_sink_flush(f->sink);
}

/* The fence itself: a subject in our inbox is named in the error. */
static bool fence_published(struct nw_requester_client *client, void *item, struct nw_slice subject)
{
    struct nw_fences *f = (struct nw_fences *)((char *)client - offsetof(struct nw_fences, client));

    (void)item;
    return nw_requester_is_inbox(f->sink->hub->requester, subject);
}

void nw_fences_init(struct nw_fences *f, struct nw_hub_sink *sink)
{
    *f = (struct nw_fences){.sink = sink};
    f->sent_end = &f->sent;
    f->client.complete = on_fence;
    f->client.published = fence_published;
    f->timer.fire = on_held;
}

void nw_fences_close_batch(struct nw_fences *f)
{
    struct nw_hub *hub = f->sink->hub;
    struct nw_fenced *b = f->open;
    char reply[NW_REPLY_SUBJECT];
    natsStatus s = NATS_CONNECTION_CLOSED;
    int64_t slot = -1;

    if (b == NULL) {
        return;
    }
    f->open = NULL;
    *f->sent_end = b;
    f->sent_end = &b->next;
    if (hub->nc != NULL) {
        slot = nw_requester_begin(hub->requester, &f->client, b, NW_INBOX_QUICK,
                                  nw_loop_now(hub->loop) + DEADLINE_NS, reply);
    }
    if (slot >= 0) {
        s = natsConnection_Publish(hub->nc, reply, "", 0);
        if (s != NATS_OK) {
            nw_requester_abandon(hub->requester, slot);
        }
    }
    if (s != NATS_OK) {
        end_batch(b, NW_REPLY_LOST);
        sweep(f);
    }
}

bool nw_fences_add(struct nw_fences *f, struct nw_message *m)
{
    if (f->open == NULL) {
        f->open = malloc(sizeof *f->open);
        if (f->open == NULL) {
            return false;
        }
        f->open->next = NULL;
        f->open->fences = f;
        f->open->held_until_ns = 0;
        f->open->count = 0;
        f->open->ended = false;
    }
    f->open->messages[f->open->count++] = m;
    if (f->open->count == BATCH) {
        nw_fences_close_batch(f);
    }
    return true;
}

void nw_fences_denied(struct nw_fences *f, struct nw_slice subject)
{
    for (struct nw_fenced *b = f->sent; b != NULL; b = b->next) {
        for (size_t i = 0; i < b->count && !b->ended; i++) {
            if (b->messages[i] != NULL &&
                nw_slice_equal(nw_message_address(b->messages[i]), subject)) {
                nw_hub_sink_done(f->sink, b->messages[i], NW_RETRY, NW_CAUSE_REFUSED,
                                 "the NATS server does not permit to publish to the subject");
                b->messages[i] = NULL;
            }
        }
    }
    nw_hub_sink_flush(f->sink);
}

void nw_fences_done(struct nw_fences *f)
{
    nw_requester_cancel(f->sink->hub->requester, &f->client);
    for (struct nw_fenced *b = f->sent; b != NULL; b = b->next) {
        if (!b->ended) { /* the fence is back, only the error was waited for */
            end_batch(b, NW_REPLY_MESSAGE);
        }
    }
    sweep(f);
    free(f->open);
    nw_loop_cancel_timer(&f->timer);
    nw_hub_sink_flush(f->sink);
}
