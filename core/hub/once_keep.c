/* SPDX-License-Identifier: Apache-2.0 */
/* Putting checkpoints (once.h): once a second those of the partitions that have changed, each over
 * the revision that we know. The key-value entry is an ordinary publish with an expectation. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "hub/once_state.h"

#define EVERY_NS (1 * NW_SECOND_NS)
#define DEADLINE_NS (5 * NW_SECOND_NS)
/* A silent partition's checkpoint is put anew when the stream has moved on so far, so that a later
 * look need not read all that. */
#define BEHIND 50000

/* The entry as a message, with reply (NULL: none). */
static natsStatus publish(struct nw_once *o, const struct nw_once_partition *p, const char *reply)
{
    struct nw_buffer *b = &o->hub->scratch;
    char revision[24];
    natsMsg *msg = NULL;
    natsStatus s;

    nw_buffer_clear(b);
    nw_once_record_write(b, &o->stream, &p->history);
    if (b->failed) {
        return NATS_NO_MEMORY;
    }
    (void)snprintf(revision, sizeof revision, "%" PRIu64, p->revision);
    s = natsMsg_Create(&msg, p->subject, reply, b->data, (int)b->len);
    if (s == NATS_OK) {
        s = natsMsgHeader_Set(msg, "Nats-Expected-Last-Subject-Sequence", revision);
    }
    if (s == NATS_OK) {
        s = natsConnection_PublishMsg(o->hub->nc, msg);
    }
    nw_trash_add(&o->hub->trash, msg);
    return s;
}

bool nw_once_put(struct nw_once *o, struct nw_once_partition *p)
{
    struct nw_hub *hub = o->hub;
    char reply[NW_REPLY_SUBJECT];
    int64_t slot;

    if (hub->nc == NULL || p->putting) {
        return false;
    }
    slot = nw_requester_begin(hub->requester, &o->puts, p, NW_INBOX_EXACT,
                              nw_loop_now(hub->loop) + DEADLINE_NS, reply);
    if (slot < 0) {
        return false;
    }
    if (publish(o, p, reply) != NATS_OK) {
        nw_requester_abandon(hub->requester, slot);
        return false;
    }
    p->putting = true;
    p->changed = false;
    return true;
}

/* Somebody else has put it, or nobody knows whether ours was: the next message looks. */
static void lose(struct nw_once_partition *p)
{
    p->owned = p->checked = false;
    p->failed = p->read = true;
}

static void take_answer(struct nw_once_partition *p, const struct nw_reply *reply)
{
    struct nw_js_puback ack = {0};

    p->putting = false;
    if (reply->kind == NW_REPLY_MESSAGE) {
        nw_js_parse_puback((struct nw_slice){natsMsg_GetData(reply->msg),
                                             (size_t)natsMsg_GetDataLength(reply->msg)},
                           &ack);
    }
    if (ack.is_ack) {
        p->revision = ack.sequence;
        p->owned = true;
    } else {
        lose(p);
    }
}

static void on_put(struct nw_requester_client *client, struct nw_reply *replies, size_t n)
{
    struct nw_once *o = (struct nw_once *)((char *)client - offsetof(struct nw_once, puts));

    for (size_t i = 0; i < n; i++) {
        struct nw_once_partition *p = replies[i].item;
        take_answer(p, &replies[i]);
        if (replies[i].kind == NW_REPLY_DENIED && !o->off) {
            nw_once_give_up(o, NW_LOG_WARNING,
                            "the NATS user may not publish to the bucket " NW_ONCE_BUCKET);
        } else if (o->looking && p->wanted && o->claims > 0 && --o->claims == 0) {
            nw_once_look_claimed(o);
        }
    }
}

static bool was_published(struct nw_requester_client *client, void *item, struct nw_slice subject)
{
    const struct nw_once_partition *p = item;

    (void)client;
    return nw_slice_equal(nw_slice_text(p->subject), subject);
}

static bool is_due(const struct nw_once *o, const struct nw_once_partition *p)
{
    const struct nw_once_history *h = &p->history;

    return p->checked && p->owned && !p->putting &&
           (p->changed || (h->count > 0 && nw_once_track_all_finished(&p->track) &&
                           h->points[h->count - 1].sequence + BEHIND < o->last_sequence));
}

static void on_tick(struct nw_timer *timer)
{
    struct nw_once *o = (struct nw_once *)((char *)timer - offsetof(struct nw_once, tick));
    bool more = false;

    if (o->off || o->stream.name[0] == '\0' || o->hub->nc == NULL) {
        return;
    }
    for (struct nw_once_partition *p = o->partitions; p != NULL; p = p->next) {
        if (is_due(o, p)) {
            nw_once_history_add(&p->history, nw_once_track_point(&p->track, o->last_sequence));
            (void)nw_once_put(o, p);
        }
        more |= p->changed;
    }
    if (more) {
        nw_loop_set_timer(o->hub->loop, &o->tick, nw_loop_now(o->hub->loop) + EVERY_NS);
    }
}

void nw_once_keep_soon(struct nw_once *o, struct nw_once_partition *p)
{
    p->changed = true;
    if (o->tick.link == NULL) {
        nw_loop_set_timer(o->hub->loop, &o->tick, nw_loop_now(o->hub->loop) + EVERY_NS);
    }
}

void nw_once_keep_init(struct nw_once *o)
{
    o->puts.complete = on_put;
    o->puts.published = was_published;
    o->tick.fire = on_tick;
}

void nw_once_keep_last(struct nw_once *o)
{
    if (o->off || o->stream.name[0] == '\0' || o->hub->nc == NULL) {
        return;
    }
    for (struct nw_once_partition *p = o->partitions; p != NULL; p = p->next) {
        if (p->changed && is_due(o, p)) {
            nw_once_history_add(&p->history, nw_once_track_point(&p->track, o->last_sequence));
            (void)publish(o, p, NULL);
        }
    }
}

void nw_once_keep_stop(struct nw_once *o)
{
    nw_loop_cancel_timer(&o->tick);
    nw_requester_cancel(o->hub->requester, &o->puts);
}
