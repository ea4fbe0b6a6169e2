/* SPDX-License-Identifier: Apache-2.0 */
/* A stream as source: number i is message i + 1 of the stream, which every publish asks for, so
 * that nothing is stored twice or out of order however often the server is killed. */
#include "chaos.h"

#include "support/fail.h"
#include <stdio.h>

#define BATCH 500
#define ANSWER_MS 2000

static struct nwt_nats_client *client;
static size_t published; /* numbers below have been handed over once */

static void open_stream(struct run *run)
{
    client = nwt_nats_connect(run->nats->url);
    nwt_stream_add(client, "OUT", "out.>");
    snprintf(run->from, sizeof run->from, "jetstream: \"out.>\"");
}

static bool publish(struct run *run, size_t number)
{
    char payload[PAYLOAD_SIZE], subject[40];
    natsMsg *message = NULL;
    jsPubOptions options;
    jsPubOptions_Init(&options);
    options.MaxWait = ANSWER_MS;
    options.ExpectLastSeq = number;
    nwt_numbered_payload(run->numbers, number, payload);
    snprintf(subject, sizeof subject, "out.%u", run_group(run, number));
    NWT_NATS(natsMsg_Create(&message, subject, NULL, payload, sizeof payload));
    bool taken = js_PublishMsgAsync(client->js, &message, &options) == NATS_OK;
    natsMsg_Destroy(message);
    return taken;
}

/* What was not confirmed is forgotten; the stream says how far it came. */
static size_t stored(size_t first)
{
    natsMsgList failed;
    jsStreamInfo *info = NULL;
    jsOptions options;
    if (js_PublishAsyncGetPendingList(&failed, client->js) == NATS_OK) {
        natsMsgList_Destroy(&failed);
    }
    jsOptions_Init(&options);
    options.Wait = ANSWER_MS;
    if (js_GetStreamInfo(&info, client->js, "OUT", &options, NULL) != NATS_OK) {
        return 0;
    }
    size_t last = info->State.LastSeq;
    jsStreamInfo_Destroy(info);
    if (last > published) {
        nwt_fail("the stream has %zu messages, of which only %zu are published", last, published);
    }
    return last > first ? last - first : 0;
}

static size_t feed(struct run *run, size_t first, size_t n)
{
    jsPubOptions options;
    bool taken = true;
    n = n < BATCH ? n : BATCH;
    for (size_t i = 0; i < n && taken; i++) {
        taken = publish(run, first + i);
    }
    jsPubOptions_Init(&options);
    options.MaxWait = ANSWER_MS;
    /* Refusals are answers too, so the stream is asked in any case. */
    (void)js_PublishAsyncComplete(client->js, &options);
    published = first + n > published ? first + n : published;
    return stored(first);
}

static void close_stream(struct run *run)
{
    (void)run;
    nwt_nats_close(client);
}

const struct source feed_jetstream = {open_stream, feed, NULL, close_stream};
