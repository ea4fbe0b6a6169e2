/* SPDX-License-Identifier: Apache-2.0 */
/* A stream as sink: asked how many messages it has, and read at the end. */
#include "chaos.h"

#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MS 500

static void open_stream(struct run *run)
{
    nwt_stream_add(run->client, "IN", "in.>");
    snprintf(run->to, sizeof run->to, "jetstream: in.x");
}

static int64_t arrived(struct run *run)
{
    jsStreamInfo *info = NULL;
    jsOptions options;
    jsOptions_Init(&options);
    options.Wait = ANSWER_MS;
    if (js_GetStreamInfo(&info, run->client->js, "IN", &options, NULL) != NATS_OK) {
        return -1;
    }
    int64_t count = (int64_t)info->State.Msgs;
    jsStreamInfo_Destroy(info);
    return count;
}

static bool take(void *context, natsMsg *message)
{
    struct run *run = context;
    const char *payload = natsMsg_GetData(message);
    size_t number = strtoul(payload, NULL, 10);
    nwt_numbered_take(run->numbers, payload, (size_t)natsMsg_GetDataLength(message),
                      number < run->messages ? run_group(run, number) : 0);
    return true;
}

static void collect(struct run *run)
{
    nwt_stream_read(run->client, "IN", "in.>", take, run);
}

static void close_stream(struct run *run)
{
    (void)run;
}

const struct sink take_jetstream = {open_stream, arrived, collect, close_stream};

/* ---- core NATS: a subscriber that is there all the time ---- */

static struct nwt_nats_client *listener;
static natsSubscription *subscription;

static void on_message(natsConnection *nc, natsSubscription *sub, natsMsg *message, void *context)
{
    (void)nc;
    (void)sub;
    take(context, message);
    natsMsg_Destroy(message);
}

static void subscribe(struct run *run)
{
    listener = nwt_nats_connect(run->nats->url);
    NWT_NATS(
        natsConnection_Subscribe(&subscription, listener->connection, "core.in", on_message, run));
    NWT_NATS(natsSubscription_SetPendingLimits(subscription, -1, -1));
    NWT_NATS(natsConnection_Flush(listener->connection));
    snprintf(run->to, sizeof run->to, "nats: core.in");
}

static int64_t heard(struct run *run)
{
    return (int64_t)nwt_numbered_distinct(run->numbers);
}

static void unsubscribe(struct run *run)
{
    (void)run;
    natsSubscription_Destroy(subscription);
    nwt_nats_close(listener);
}

const struct sink take_nats = {subscribe, heard, NULL, unsubscribe};
