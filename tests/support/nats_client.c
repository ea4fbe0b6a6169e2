/* SPDX-License-Identifier: Apache-2.0 */
#include "support/nats_client.h"

#include "support/fail.h"
#include "support/wait.h"
#include <stdlib.h>

void nwt_nats_check(natsStatus status, const char *call)
{
    if (status != NATS_OK) {
        nwt_fail("%s: %s", call, natsStatus_GetText(status));
    }
}

struct nwt_nats_client *nwt_nats_connect(const char *url)
{
    struct nwt_nats_client *client = calloc(1, sizeof *client);
    natsOptions *options = NULL;
    jsOptions js_options;
    if (client == NULL) {
        nwt_fail("no memory");
    }
    NWT_NATS(natsOptions_Create(&options));
    NWT_NATS(natsOptions_SetURL(options, url));
    NWT_NATS(natsOptions_SetMaxReconnect(options, -1));
    NWT_NATS(natsOptions_SetReconnectWait(options, 50));
    NWT_NATS(natsOptions_SetMaxPendingMsgs(options, 10000000));
    NWT_NATS(natsConnection_Connect(&client->connection, options));
    natsOptions_Destroy(options);
    NWT_NATS(jsOptions_Init(&js_options));
    js_options.PublishAsync.MaxPending = 4000;
    js_options.PublishAsync.StallWait = 30000; /* the machine may be busy */
    NWT_NATS(natsConnection_JetStream(&client->js, client->connection, &js_options));
    return client;
}

void nwt_nats_close(struct nwt_nats_client *client)
{
    if (client != NULL) {
        jsCtx_Destroy(client->js);
        natsConnection_Destroy(client->connection);
        free(client);
    }
}

void nwt_stream_add(struct nwt_nats_client *client, const char *name, const char *subject)
{
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    const char *subjects[] = {subject};
    config.Name = name;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    NWT_NATS(js_AddStream(NULL, client->js, &config, NULL, NULL));
}

int64_t nwt_stream_count(struct nwt_nats_client *client, const char *name)
{
    jsStreamInfo *info = NULL;
    if (js_GetStreamInfo(&info, client->js, name, NULL, NULL) != NATS_OK) {
        return -1;
    }
    int64_t count = (int64_t)info->State.Msgs;
    jsStreamInfo_Destroy(info);
    return count;
}

void nwt_stream_publish(struct nwt_nats_client *client, natsMsg *message)
{
    jsPubOptions options;
    jsPubOptions_Init(&options);
    options.MaxWait = 30000;
    NWT_NATS(js_PublishMsgAsync(client->js, &message, &options));
}

void nwt_stream_flush(struct nwt_nats_client *client)
{
    jsPubOptions options;
    jsPubOptions_Init(&options);
    options.MaxWait = 60000;
    NWT_NATS(js_PublishAsyncComplete(client->js, &options));
    natsMsgList failed;
    if (js_PublishAsyncGetPendingList(&failed, client->js) == NATS_OK) {
        nwt_fail("%d messages were not stored", failed.Count);
    }
}

/* How long a message that the server has may take. */
#define STALL_MS 60000

/* Messages that the subscription's consumer had to deliver when it was made, or has since. */
static uint64_t to_deliver(natsSubscription *subscription)
{
    jsConsumerInfo *info = NULL;
    uint64_t count = 0;
    if (natsSubscription_GetConsumerInfo(&info, subscription, NULL, NULL) == NATS_OK) {
        count = info->Delivered.Consumer + info->NumPending;
        jsConsumerInfo_Destroy(info);
    }
    return count;
}

/* How many are behind this one. */
static uint64_t behind(natsMsg *message)
{
    jsMsgMetaData *data = NULL;
    uint64_t count = 0;
    if (natsMsg_GetMetaData(&data, message) == NATS_OK) {
        count = data->NumPending;
        jsMsgMetaData_Destroy(data);
    }
    return count;
}

size_t nwt_stream_read(struct nwt_nats_client *client, const char *name, const char *filter,
                       int64_t timeout_ms, bool (*each)(void *context, natsMsg *message),
                       void *context)
{
    natsSubscription *subscription = NULL;
    jsSubOptions options;
    jsSubOptions_Init(&options);
    options.Stream = name;
    options.Ordered = true;
    NWT_NATS(js_SubscribeSync(&subscription, client->js, filter, NULL, &options, NULL));
    uint64_t pending = to_deliver(subscription);
    size_t count = 0;
    natsMsg *message = NULL;
    bool more = true;
    while (more && natsSubscription_NextMsg(&message, subscription,
                                            pending > 0 ? STALL_MS : timeout_ms) == NATS_OK) {
        count++;
        pending = behind(message);
        more = each(context, message);
        natsMsg_Destroy(message);
    }
    natsSubscription_Unsubscribe(subscription);
    natsConnection_Flush(client->connection);
    natsSubscription_Destroy(subscription);
    return count;
}

const char *nwt_nats_header(natsMsg *message, const char *name)
{
    const char *value = NULL;
    return natsMsgHeader_Get(message, name, &value) == NATS_OK ? value : NULL;
}
