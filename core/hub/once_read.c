/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/once_read.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hub/js_parse.h"
#include "hub/token.h"

#define HEARTBEAT_NS (2 * NW_SECOND_NS)
#define SILENCE_NS (3 * HEARTBEAT_NS)

static void end(struct nw_once_read *r, enum nw_once_read_end how,
                const struct nw_js_response *failure, const char *text)
{
    nw_once_read_stop(r);
    r->done(r->context, how, failure, text);
}

static void on_silence(struct nw_timer *timer)
{
    struct nw_once_read *r =
        (struct nw_once_read *)((char *)timer - offsetof(struct nw_once_read, timer));

    if (nw_loop_now(r->hub->loop) - r->heard_ns >= SILENCE_NS) {
        end(r, NW_ONCE_READ_FAILED, NULL, "the stream is silent");
        return;
    }
    nw_loop_set_timer(r->hub->loop, &r->timer, r->heard_ns + SILENCE_NS);
}

/* Flow control and heartbeats. A heartbeat comes when there is nothing left: *last. false: messages
 * are missing. */
static bool take_status(struct nw_once_read *r, natsMsg *msg, bool *last)
{
    const char *reply = natsMsg_GetReply(msg), *text = NULL;

    if (reply != NULL && reply[0] != '\0') {
        (void)natsConnection_Publish(r->hub->nc, reply, "", 0);
        return true;
    }
    if (natsMsgHeader_Get(msg, "Nats-Consumer-Stalled", &text) == NATS_OK) {
        (void)natsConnection_Publish(r->hub->nc, text, "", 0);
    }
    if (natsMsgHeader_Get(msg, "Nats-Last-Consumer", &text) != NATS_OK) {
        return true;
    }
    *last = strtoull(text, NULL, 10) + 1 == r->next;
    return *last;
}

/* What the server says is pending with a message is not always true, so it is not asked. false:
 * messages are missing. */
static bool take(struct nw_once_read *r, natsMsg *msg, bool *last)
{
    struct nw_js_metadata meta;

    r->heard_ns = nw_loop_now(r->hub->loop);
    *last = false;
    if (!nw_js_parse_metadata(natsMsg_GetReply(msg), &meta)) {
        return take_status(r, msg, last);
    }
    if (meta.consumer_sequence != r->next) {
        return false;
    }
    r->next++;
    if (meta.sequence <= r->until) {
        r->each(r->context, meta.sequence, msg);
    }
    *last = meta.sequence >= r->until;
    return true;
}

void nw_once_read_received(struct nw_once_read *r)
{
    while (r->sub != NULL && r->made) {
        natsMsg *msg = NULL;
        bool good, last;

        if (natsSubscription_NextMsg(&msg, r->sub, 0) != NATS_OK) {
            return;
        }
        good = take(r, msg, &last);
        nw_trash_add(&r->hub->trash, msg);
        if (!good) {
            end(r, NW_ONCE_READ_FAILED, NULL, "a message was lost on its way");
        } else if (last) {
            end(r, NW_ONCE_READ_ALL, NULL, NULL);
        }
    }
}

static void on_made(void *context, const struct nw_js_response *response)
{
    struct nw_once_read *r = context;
    jv delivered = nw_js_member(response->body, "delivered");
    uint64_t sent = (uint64_t)nw_js_number(delivered, "consumer_seq", 0);
    uint64_t pending = (uint64_t)nw_js_number(response->body, "num_pending", 0);

    jv_free(delivered);
    if (!response->ok) {
        end(r, NW_ONCE_READ_FAILED, response, response->text);
    } else if (sent + pending > r->most) {
        end(r, NW_ONCE_READ_TOO_MUCH, NULL, NULL);
    } else {
        r->made = true;
        r->heard_ns = nw_loop_now(r->hub->loop);
        r->timer.fire = on_silence;
        nw_loop_set_timer(r->hub->loop, &r->timer, r->heard_ns + SILENCE_NS);
        nw_once_read_received(r);
    }
}

static jv put(jv object, const char *name, jv value)
{
    return jv_object_set(object, jv_string(name), value);
}

static jv request_of(const struct nw_once_piece *piece, const char *inbox)
{
    jv c = jv_object();

    c = put(c, "deliver_subject", jv_string(inbox));
    c = put(c, "deliver_policy", jv_string("by_start_sequence"));
    c = put(c, "opt_start_seq", jv_number((double)(piece->after + 1)));
    c = put(c, "ack_policy", jv_string("none"));
    c = put(c, "replay_policy", jv_string("instant"));
    c = piece->subject == NULL ? c : put(c, "filter_subject", jv_string(piece->subject));
    c = put(c, "max_deliver", jv_number(1));
    c = put(c, "headers_only", jv_true());
    c = put(c, "flow_control", jv_true());
    c = put(c, "idle_heartbeat", jv_number((double)HEARTBEAT_NS));
    c = put(c, "mem_storage", jv_true());
    c = put(c, "num_replicas", jv_number(1));
    return put(put(jv_object(), "stream_name", jv_string(piece->stream)), "config", c);
}

void nw_once_read_init(struct nw_once_read *r, struct nw_hub *hub, void *context)
{
    *r = (struct nw_once_read){.hub = hub, .context = context};
    nw_js_call_init(&r->call, hub, r);
}

void nw_once_read_begin(struct nw_once_read *r, const struct nw_once_piece *piece)
{
    char token[NW_TOKEN_RANDOM], inbox[80];

    nw_token_random(token);
    (void)snprintf(inbox, sizeof inbox, "%.20s.%s", r->hub->options->inbox_prefix, token);
    r->next = 1;
    r->until = piece->until;
    r->most = piece->most;
    r->made = false;
    if (natsConnection_SubscribeSync(&r->sub, r->hub->nc, inbox) != NATS_OK) {
        r->sub = NULL;
        end(r, NW_ONCE_READ_FAILED, NULL, "cannot subscribe");
        return;
    }
    (void)natsSubscription_SetPendingLimits(r->sub, -1, -1);
    nw_js_ask(&r->call, request_of(piece, inbox), on_made, "CONSUMER.CREATE.%s", piece->stream);
}

void nw_once_read_stop(struct nw_once_read *r)
{
    nw_loop_cancel_timer(&r->timer);
    nw_js_cancel(&r->call);
    natsSubscription_Destroy(r->sub); /* without a listener the server removes the consumer */
    r->sub = NULL;
    r->made = false;
}
