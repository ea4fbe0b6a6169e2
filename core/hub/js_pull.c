/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/js_pull.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "hub/token.h"

#define NEXT "$JS.API.CONSUMER.MSG.NEXT."
#define INFO "$JS.API.CONSUMER.INFO."
#define REQUESTS 3
#define ENVELOPE 65536 /* subjects of a message, which count, too */
#define EXPIRES_NS (60 * NW_SECOND_NS)
#define HEARTBEAT_NS (5 * NW_SECOND_NS)
#define SILENCE_NS (2 * HEARTBEAT_NS + 2 * NW_SECOND_NS)

static void on_timer(struct nw_timer *timer)
{
    struct nw_js_pull *p =
        (struct nw_js_pull *)((char *)timer - offsetof(struct nw_js_pull, timer));
    int64_t now = nw_loop_now(p->hub->loop);

    if (p->outstanding == 0) {
        p->heard_ns = now; /* nothing was asked, so nothing is missed */
    }
    if (now - p->heard_ns >= SILENCE_NS) {
        p->broken(p, 0, "the server was silent, pulling anew");
        return;
    }
    nw_loop_set_timer(p->hub->loop, &p->timer, p->heard_ns + SILENCE_NS);
}

void nw_js_pull_init(struct nw_js_pull *pull, struct nw_hub *hub, struct nw_endpoint *endpoint,
                     size_t batch, size_t memory,
                     void (*broken)(struct nw_js_pull *pull, int64_t wait_ms, const char *text))
{
    *pull = (struct nw_js_pull){.hub = hub,
                                .endpoint = endpoint,
                                .batch = batch,
                                .memory = memory,
                                .expires_ns = EXPIRES_NS,
                                .broken = broken};
    pull->timer.fire = on_timer;
}

/* ---- asking ---- */

/* The bytes of one request. The largest message that there can be must fit, or it never comes. */
static size_t most_bytes(const struct nw_js_pull *p)
{
    size_t part = p->memory / REQUESTS;
    size_t least = (size_t)natsConnection_GetMaxPayload(p->hub->nc) + ENVELOPE;

    return part < least ? least : part;
}

static bool ask(struct nw_js_pull *p, size_t n)
{
    int64_t third_ns = p->expires_ns / 3; /* the server takes up to a half */
    char body[160], reply[96];
    int len = snprintf(body, sizeof body,
                       "{\"batch\":%zu,\"max_bytes\":%zu,\"expires\":%lld,\"idle_heartbeat\":%lld}",
                       n, most_bytes(p), (long long)p->expires_ns,
                       (long long)(third_ns < HEARTBEAT_NS ? third_ns : HEARTBEAT_NS));

    (void)snprintf(reply, sizeof reply, "%s.%llu", p->inbox, (unsigned long long)++p->requests);
    return natsConnection_PublishRequest(p->hub->nc, p->subject, reply, body, len) == NATS_OK;
}

/* What is asked for has credit, and so takes memory from others, though it may not come for long.
 */
static size_t most_outstanding(const struct nw_js_pull *p)
{
    return p->quiet ? 0 : (REQUESTS - 1) * p->batch;
}

void nw_js_pull_more(struct nw_js_pull *p)
{
    if (p->lease != NULL && !nw_lease_is_good(p->lease)) {
        return; /* it is about to end */
    }
    while (p->sub != NULL && p->outstanding <= most_outstanding(p)) {
        size_t want = p->quiet ? p->batch / 8 + 1 : p->batch;
        size_t got = nw_credit_take(p->endpoint, want);
        if (got == 0) {
            return; /* credit() calls again */
        }
        /* Not many small requests while a larger one is under way: settling calls again. */
        if (got < want / 4 && p->outstanding > 0) {
            nw_credit_return(p->endpoint, got);
            return;
        }
        if (!ask(p, got)) {
            nw_credit_return(p->endpoint, got);
            return; /* the session is ending */
        }
        p->outstanding += got;
    }
}

bool nw_js_pull_start(struct nw_js_pull *p, const char *stream, const char *durable)
{
    char token[NW_TOKEN_RANDOM], pattern[80];
    const char *prefix = p->hub->options->inbox_prefix;

    nw_js_pull_stop(p);
    nw_token_random(token); /* a new inbox: what answers earlier requests finds nobody */
    (void)snprintf(p->inbox, sizeof p->inbox, "%.20s.%s", prefix, token);
    (void)snprintf(pattern, sizeof pattern, "%s.*", p->inbox);
    (void)snprintf(p->subject, sizeof p->subject, NEXT "%s.%s", stream, durable);
    if (natsConnection_SubscribeSync(&p->sub, p->hub->nc, pattern) != NATS_OK) {
        p->sub = NULL;
        return false;
    }
    (void)natsSubscription_SetPendingLimits(p->sub, -1, -1);
    p->heard_ns = nw_loop_now(p->hub->loop);
    nw_loop_set_timer(p->hub->loop, &p->timer, p->heard_ns + SILENCE_NS);
    nw_js_pull_more(p);
    return true;
}

/* The server keeps requests to which nobody listens until it looks at them. Up to version 2.9, one
 * that it meets while it delivers a message again makes it deliver its newest one once more, as if
 * it were new. Asking for the state of the consumer makes it look. */
static void forget_requests(struct nw_js_pull *p)
{
    char subject[sizeof p->subject], reply[96];

    (void)snprintf(subject, sizeof subject, INFO "%s", p->subject + strlen(NEXT));
    (void)snprintf(reply, sizeof reply, "%s.0", p->inbox);
    (void)natsConnection_PublishRequest(p->hub->nc, subject, reply, NULL, 0);
}

void nw_js_pull_stop(struct nw_js_pull *p)
{
    nw_loop_cancel_timer(&p->timer);
    if (p->sub != NULL) {
        natsSubscription_Destroy(p->sub);
        p->sub = NULL;
        if (p->hub->nc != NULL && p->outstanding > 0) {
            forget_requests(p);
        }
    }
    if (p->outstanding > 0) {
        nw_credit_return(p->endpoint, p->outstanding);
        p->outstanding = 0;
    }
}

/* ---- what comes ---- */

size_t nw_js_pull_waiting(struct nw_js_pull *p)
{
    uint64_t n = 0;

    if (p->sub == NULL || natsSubscription_QueuedMsgs(p->sub, &n) != NATS_OK) {
        return 0;
    }
    return (size_t)n;
}

/* A request ended; so many messages of it will not come. */
static void end_request(struct nw_js_pull *p, natsMsg *msg)
{
    const char *text = NULL;
    size_t left;

    if (natsMsgHeader_Get(msg, "Nats-Pending-Messages", &text) != NATS_OK) {
        p->broken(p, 0, NULL); /* how many is not told: begin anew */
        return;
    }
    p->quiet = !p->got;
    p->got = false;
    left = strtoul(text, NULL, 10);
    left = left > p->outstanding ? p->outstanding : left;
    p->outstanding -= left;
    nw_credit_return(p->endpoint, left);
    nw_js_pull_more(p);
}

static void take_status(struct nw_js_pull *p, natsMsg *msg)
{
    const char *status = "", *description = "";

    (void)natsMsgHeader_Get(msg, "Status", &status);
    (void)natsMsgHeader_Get(msg, "Description", &description);
    if (strcmp(status, "100") == 0) {
        return; /* a heartbeat */
    }
    if (strcmp(status, "404") == 0 || strcmp(status, "408") == 0 ||
        (strcmp(status, "409") == 0 && strcasestr(description, "maxbytes") != NULL)) {
        end_request(p, msg);
    } else if (strcmp(status, "409") == 0 && strcasestr(description, "leadership") != NULL) {
        p->broken(p, 100, NULL);
    } else if (status[0] != '\0') {
        p->broken(p, 500, description);
    }
}

natsMsg *nw_js_pull_next(struct nw_js_pull *p)
{
    natsMsg *msg = NULL;
    natsStatus s = natsSubscription_NextMsg(&msg, p->sub, 0);
    const char *reply;

    if (s == NATS_NO_RESPONDERS) {
        p->broken(p, 1000, "JetStream or the consumer is gone");
        return NULL;
    }
    if (s != NATS_OK) {
        return NULL;
    }
    p->heard_ns = nw_loop_now(p->hub->loop);
    reply = natsMsg_GetReply(msg);
    if (reply == NULL || strncmp(reply, "$JS.ACK.", 8) != 0) {
        take_status(p, msg);
        natsMsg_Destroy(msg);
        return NULL;
    }
    p->got = true;
    p->quiet = false;
    if (p->outstanding > 0) {
        p->outstanding--;
    } else if (nw_credit_take(p->endpoint, 1) == 0) {
        /* More than was asked for. It is not lost: the server delivers it again. */
        (void)natsConnection_Publish(p->hub->nc, reply, "-NAK", 4);
        natsMsg_Destroy(msg);
        return NULL;
    }
    return msg;
}
