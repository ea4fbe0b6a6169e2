/* SPDX-License-Identifier: Apache-2.0 */
/* JetStream: publishing with ids through an own inbox, and pulling with several requests ahead. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bare.h"

static natsConnection *out;
static const char *subject;
static char inbox[64];

static void send_jetstream(long i, const char *data, size_t len)
{
    char reply[96], id[64];
    natsMsg *m;

    (void)snprintf(reply, sizeof reply, "%s.%lx", inbox, i);
    (void)snprintf(id, sizeof id, "bare:%ld:%lx", (long)getpid(), i);
    check_nats(natsMsg_Create(&m, subject, reply, data, (int)len), "message");
    check_nats(natsMsgHeader_Set(m, "Nats-Msg-Id", id), "header");
    check_nats(natsConnection_PublishMsg(out, m), "publish");
    natsMsg_Destroy(m);
}

static void on_ack(natsConnection *connection, natsSubscription *subscription, natsMsg *m,
                   void *context)
{
    const char *number = strrchr(natsMsg_GetSubject(m), '.');

    (void)connection;
    (void)subscription;
    (void)context;
    if (memmem(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), "\"seq\":", 6) == NULL) {
        die("no acknowledgement: %.*s", natsMsg_GetDataLength(m), natsMsg_GetData(m));
    }
    ring_done(strtol(number + 1, NULL, 16));
    natsMsg_Destroy(m);
}

static char *new_inbox(char *into, size_t size)
{
    natsInbox *made;

    check_nats(natsInbox_Create(&made), "inbox");
    (void)snprintf(into, size, "%s", made);
    natsInbox_Destroy(made);
    return into;
}

const struct bare_sink *sink_jetstream(const char *url, const char *to)
{
    static const struct bare_sink sink = {.send = send_jetstream};
    natsSubscription *acks;
    char all[80];

    out = bare_connect(url);
    subject = to;
    (void)snprintf(all, sizeof all, "%s.*", new_inbox(inbox, sizeof inbox));
    check_nats(natsConnection_Subscribe(&acks, out, all, on_ack, NULL), "subscribe");
    check_nats(natsSubscription_SetPendingLimits(acks, -1, -1), "limits");
    return &sink;
}

static natsConnection *in;

static void ack(struct slot *slot, bool last)
{
    natsMsg *m = slot->owner;

    (void)last;
    check_nats(natsConnection_Publish(in, natsMsg_GetReply(m), "+ACK", 4), "ack");
    natsMsg_Destroy(m);
}

#define BATCH 500
#define AHEAD 4

static void pull(const char *api, const char *to)
{
    static const char request[] = "{\"batch\":500,\"expires\":30000000000}";

    check_nats(natsConnection_PublishRequest(in, api, to, request, (int)sizeof request - 1),
               "pull");
}

void source_jetstream(const char *url, const char *stream, const char *durable)
{
    jsConsumerConfig config;
    natsSubscription *messages;
    jsCtx *js;
    char to[64], api[256];
    int got = 0;

    in = bare_connect(url);
    check_nats(natsConnection_JetStream(&js, in, NULL), "JetStream");
    (void)jsConsumerConfig_Init(&config);
    config.Durable = durable;
    config.AckPolicy = js_AckExplicit;
    config.MaxAckPending = 200000;
    check_nats(js_AddConsumer(NULL, js, stream, &config, NULL, NULL), "consumer");
    check_nats(natsConnection_SubscribeSync(&messages, in, new_inbox(to, sizeof to)), "subscribe");
    check_nats(natsSubscription_SetPendingLimits(messages, -1, -1), "limits");
    (void)snprintf(api, sizeof api, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", stream, durable);
    for (int i = 0; i < AHEAD; i++) {
        pull(api, to);
    }
    ring_settle = ack;
    for (;;) {
        natsMsg *m;
        natsStatus status = natsSubscription_NextMsg(&m, messages, 5);
        if (status == NATS_TIMEOUT) {
            ring_idle();
            continue;
        }
        check_nats(status, "next");
        if (natsMsg_GetReply(m) == NULL) {
            natsMsg_Destroy(m); /* a status: the pull has expired */
            continue;
        }
        ring_next()->owner = m;
        ring_submit(natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m));
        if (++got == BATCH) {
            got = 0;
            pull(api, to);
        }
    }
}
