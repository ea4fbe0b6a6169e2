/* SPDX-License-Identifier: Apache-2.0 */
#include "support/nats_client.h"

#include "support/fail.h"
#include "support/numbered.h"
#include "support/wait.h"
#include <stdio.h>
#include <stdlib.h>

#define READ_MS 60000 /* for a message that is known to be there */

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
    config.Duplicates = INT64_C(3600) * 1000000000; /* so that none comes twice, however slow */
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

/* True if the stream did not know the id. */
static bool store_new(struct nwt_nats_client *client, const char *subject, const char *id)
{
    jsPubOptions options;
    jsPubAck *ack = NULL;
    jsPubOptions_Init(&options);
    options.MsgId = id;
    if (js_Publish(&ack, client->js, subject, "", 0, &options, NULL) != NATS_OK) {
        return false;
    }
    bool is_new = !ack->Duplicate;
    jsPubAck_Destroy(ack);
    return is_new;
}

unsigned nwt_stream_pass_window(struct nwt_nats_client *client, const char *subject)
{
    static unsigned count;
    char id[20];
    snprintf(id, sizeof id, "probe%u", ++count);
    for (int i = 0; i < 2; i++) {
        if (!NWT_WAIT(20000, store_new(client, subject, id))) {
            nwt_fail("the stream does not forget an id");
        }
    }
    return 2;
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

void nwt_stream_publish_numbers(struct nwt_nats_client *client, const char *subject,
                                const struct nwt_numbered *n, size_t from, size_t to)
{
    char *payload = malloc(n->payload_size);
    if (payload == NULL) {
        nwt_fail("out of memory");
    }
    for (size_t i = from; i < to; i++) {
        natsMsg *message = NULL;
        nwt_numbered_payload(n, i, payload);
        NWT_NATS(natsMsg_Create(&message, subject, NULL, payload, (int)n->payload_size));
        nwt_stream_publish(client, message);
    }
    nwt_stream_flush(client);
    free(payload);
}

/* The sequence of the last message there is; 0: none. What the server says is pending with each
 * message is not always true. */
static uint64_t last_sequence(struct nwt_nats_client *client, const char *name, const char *filter)
{
    natsMsg *message = NULL;
    natsStatus status = js_GetLastMsg(&message, client->js, name, filter, NULL, NULL);
    if (status == NATS_NOT_FOUND) {
        return 0;
    }
    nwt_nats_check(status, "js_GetLastMsg");
    uint64_t sequence = natsMsg_GetSequence(message);
    natsMsg_Destroy(message);
    return sequence;
}

static uint64_t sequence_of(natsMsg *message)
{
    jsMsgMetaData *data = NULL;
    NWT_NATS(natsMsg_GetMetaData(&data, message));
    uint64_t sequence = data->Sequence.Stream;
    jsMsgMetaData_Destroy(data);
    return sequence;
}

size_t nwt_stream_read(struct nwt_nats_client *client, const char *name, const char *filter,
                       bool (*each)(void *context, natsMsg *message), void *context)
{
    natsSubscription *subscription = NULL;
    jsSubOptions options;
    uint64_t last = last_sequence(client, name, filter);
    if (last == 0) {
        return 0;
    }
    jsSubOptions_Init(&options);
    options.Stream = name;
    options.Ordered = true;
    NWT_NATS(js_SubscribeSync(&subscription, client->js, filter, NULL, &options, NULL));
    size_t count = 0;
    natsMsg *message = NULL;
    for (bool more = true; more;) {
        NWT_NATS(natsSubscription_NextMsg(&message, subscription, READ_MS));
        count++;
        more = each(context, message) && sequence_of(message) < last;
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
