/* SPDX-License-Identifier: Apache-2.0 */
#include "support/mqtt_flow.h"

#include "support/fail.h"
#include "support/wait.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAYLOAD 256

struct nwt_flow *nwt_flow_new(size_t count, const char *mosquitto_more)
{
    struct nwt_flow *f = calloc(1, sizeof *f);

    if (f == NULL) {
        nwt_fail("no memory");
    }
    f->folder = nwt_folder_new();
    f->nats = nwt_nats_new(f->folder, NULL);
    f->client = nwt_nats_connect(f->nats->url);
    nwt_stream_add(f->client, "s", "s.>");
    f->mosquitto = nwt_mosquitto_new(f->folder, mosquitto_more);
    f->numbers = nwt_numbered_new(count, PAYLOAD, true);
    return f;
}

void nwt_flow_free(struct nwt_flow *f)
{
    nwt_bridge_free(f->bridge);
    nwt_nats_close(f->client);
    nwt_mosquitto_free(f->mosquitto);
    nwt_nats_free(f->nats);
    nwt_numbered_free(f->numbers);
    nwt_folder_free(f->folder);
    free(f);
}

#define FILE_FORMAT                                                 \
    "name: flow\nnats: {url: \"%s\"}\nconnections:\n  mqtt: {url: " \
    "\"%s\"%s%s}\nroutes:\n%s"

void nwt_flow_bridge(struct nwt_flow *f, const char *connection, const char *routes)
{
    f->bridge = nwt_bridge_new(f->folder, "flow", FILE_FORMAT, f->nats->url, f->mosquitto->url,
                               *connection == '\0' ? "" : ", ", connection, routes);
}

void nwt_flow_rewrite(struct nwt_flow *f, const char *connection, const char *routes)
{
    nwt_bridge_write(f->bridge, FILE_FORMAT, f->nats->url, f->mosquitto->url,
                     *connection == '\0' ? "" : ", ", connection, routes);
}

void nwt_flow_publish_mqtt(struct nwt_flow *f, struct nwt_mqtt_client *publisher, size_t first,
                           size_t n, int qos)
{
    char topic[32], payload[PAYLOAD];

    for (size_t i = first; i < first + n; i++) {
        snprintf(topic, sizeof topic, "t/%zu", i % NWT_FLOW_TOPICS);
        nwt_numbered_payload(f->numbers, i, payload);
        nwt_mqtt_publish(publisher, topic, payload, PAYLOAD, qos, false);
    }
    nwt_mqtt_flush(publisher);
}

void nwt_flow_publish_stream(struct nwt_flow *f, size_t first, size_t n)
{
    char subject[32], payload[PAYLOAD];

    for (size_t i = first; i < first + n; i++) {
        natsMsg *message = NULL;
        snprintf(subject, sizeof subject, "s.%zu", i % NWT_FLOW_TOPICS);
        nwt_numbered_payload(f->numbers, i, payload);
        NWT_NATS(natsMsg_Create(&message, subject, NULL, payload, PAYLOAD));
        nwt_stream_publish(f->client, message);
    }
    nwt_stream_flush(f->client);
}

bool nwt_flow_stream_has(struct nwt_flow *f, size_t count, int64_t timeout_ms)
{
    return NWT_WAIT(timeout_ms, nwt_stream_count(f->client, "s") >= (int64_t)count);
}

static bool take(void *context, natsMsg *message)
{
    struct nwt_flow *f = context;

    nwt_numbered_take(f->numbers, natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message),
                      (unsigned)atoi(natsMsg_GetSubject(message) + strlen("s.")));
    return true;
}

static size_t read_stream(struct nwt_flow *f)
{
    nwt_numbered_reset(f->numbers);
    nwt_stream_read(f->client, "s", "s.>", take, f);
    return f->numbers->distinct;
}

bool nwt_flow_read_stream(struct nwt_flow *f, int64_t timeout_ms)
{
    return nwt_flow_stream_has(f, f->numbers->count, timeout_ms) &&
           NWT_WAIT(timeout_ms, read_stream(f) == f->numbers->count);
}

void nwt_flow_arrived(void *context, const char *topic, const MQTTAsync_message *message)
{
    struct nwt_flow *f = context;

    nwt_numbered_take(f->numbers, message->payload, (size_t)message->payloadlen,
                      (unsigned)atoi(topic + strlen("t/")));
}
