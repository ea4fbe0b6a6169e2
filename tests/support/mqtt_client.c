/* SPDX-License-Identifier: Apache-2.0 */
#include "support/mqtt_client.h"

#include "support/fail.h"
#include "support/wait.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 30000
#define WINDOW 100

struct nwt_mqtt_client {
    MQTTAsync handle;
    nwt_mqtt_arrived *arrived;
    void *context;
    int version;
    atomic_int pending, failed; /* calls without their answer yet, and refused ones */
};

static int on_message(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
    (void)topic_len;
    struct nwt_mqtt_client *client = context;
    if (client->arrived != NULL) {
        client->arrived(client->context, topic, message);
    }
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

static void on_success(void *context, MQTTAsync_successData *data)
{
    (void)data;
    atomic_fetch_sub(&((struct nwt_mqtt_client *)context)->pending, 1);
}

static void on_success5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    atomic_fetch_sub(&((struct nwt_mqtt_client *)context)->pending, 1);
}

static void on_failure(void *context, MQTTAsync_failureData *data)
{
    (void)data;
    atomic_fetch_add(&((struct nwt_mqtt_client *)context)->failed, 1);
}

static void on_failure5(void *context, MQTTAsync_failureData5 *data)
{
    (void)data;
    atomic_fetch_add(&((struct nwt_mqtt_client *)context)->failed, 1);
}

/* Wait until at most `pending` calls have no answer. */
static void wait_for(struct nwt_mqtt_client *client, int pending, const char *what)
{
    if (!NWT_WAIT(TIMEOUT_MS, client->pending <= pending || client->failed > 0) ||
        client->failed > 0) {
        nwt_fail("mqtt %s: %s", what, client->failed > 0 ? "refused" : "no answer");
    }
}

static MQTTAsync_responseOptions responses(struct nwt_mqtt_client *client)
{
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.context = client;
    if (client->version == MQTTVERSION_5) {
        options.onSuccess5 = on_success5;
        options.onFailure5 = on_failure5;
    } else {
        options.onSuccess = on_success;
        options.onFailure = on_failure;
    }
    atomic_fetch_add(&client->pending, 1);
    return options;
}

static void connect_options(struct nwt_mqtt_client *client, bool clean,
                            MQTTAsync_connectOptions *options)
{
    options->MQTTVersion = client->version;
    options->keepAliveInterval = 30;
    options->context = client;
    if (client->version == MQTTVERSION_5) {
        options->cleanstart = clean;
        options->onSuccess5 = on_success5;
        options->onFailure5 = on_failure5;
    } else {
        options->cleansession = clean;
        options->onSuccess = on_success;
        options->onFailure = on_failure;
    }
}

static void create(struct nwt_mqtt_client *client, const char *url, const char *client_id)
{
    char address[100];
    const char *host = strstr(url, "://");
    snprintf(address, sizeof address, "tcp://%s", host == NULL ? url : host + 3);
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
    options.struct_version = 1;
    options.MQTTVersion = client->version;
    options.maxBufferedMessages = 10 * WINDOW; /* also counts what is about to be sent */
    if (MQTTAsync_createWithOptions(&client->handle, address, client_id,
                                    MQTTCLIENT_PERSISTENCE_NONE, NULL,
                                    &options) != MQTTASYNC_SUCCESS ||
        MQTTAsync_setCallbacks(client->handle, client, NULL, on_message, NULL) !=
            MQTTASYNC_SUCCESS) {
        nwt_fail("cannot make an MQTT client");
    }
}

struct nwt_mqtt_client *nwt_mqtt_connect(const char *url, const char *client_id, int version,
                                         bool clean, nwt_mqtt_arrived *arrived, void *context)
{
    struct nwt_mqtt_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        nwt_fail("no memory");
    }
    client->arrived = arrived;
    client->context = context;
    client->version = version;
    create(client, url, client_id);
    MQTTAsync_connectOptions v4 = MQTTAsync_connectOptions_initializer;
    MQTTAsync_connectOptions v5 = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_connectOptions *options = version == MQTTVERSION_5 ? &v5 : &v4;
    MQTTProperties properties = MQTTProperties_initializer;
    if (version == MQTTVERSION_5 && !clean) {
        MQTTProperty expiry = {.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
                               .value.integer4 = 3600};
        MQTTProperties_add(&properties, &expiry);
        options->connectProperties = &properties;
    }
    connect_options(client, clean, options);
    atomic_fetch_add(&client->pending, 1);
    if (MQTTAsync_connect(client->handle, options) != MQTTASYNC_SUCCESS) {
        nwt_fail("mqtt connect: refused");
    }
    wait_for(client, 0, "connect");
    MQTTProperties_free(&properties);
    return client;
}

void nwt_mqtt_close(struct nwt_mqtt_client *client)
{
    if (client == NULL) {
        return;
    }
    MQTTAsync_disconnectOptions v4 = MQTTAsync_disconnectOptions_initializer;
    MQTTAsync_disconnectOptions v5 = MQTTAsync_disconnectOptions_initializer5;
    MQTTAsync_disconnectOptions *options = client->version == MQTTVERSION_5 ? &v5 : &v4;
    options->timeout = 1000;
    MQTTAsync_disconnect(client->handle, options);
    NWT_WAIT(2000, !MQTTAsync_isConnected(client->handle));
    MQTTAsync_destroy(&client->handle);
    free(client);
}

void nwt_mqtt_subscribe(struct nwt_mqtt_client *client, const char *filter, int qos)
{
    MQTTAsync_responseOptions options = responses(client);
    if (MQTTAsync_subscribe(client->handle, filter, qos, &options) != MQTTASYNC_SUCCESS) {
        nwt_fail("mqtt subscribe %s: refused", filter);
    }
    wait_for(client, 0, "subscribe");
}

void nwt_mqtt_publish(struct nwt_mqtt_client *client, const char *topic, const void *payload,
                      size_t len, int qos, bool retain)
{
    if (client->pending > WINDOW) {
        wait_for(client, WINDOW / 2, "publish");
    }
    MQTTAsync_responseOptions options = responses(client);
    int error = MQTTAsync_send(client->handle, topic, (int)len, payload, qos, retain, &options);
    if (error != MQTTASYNC_SUCCESS) {
        nwt_fail("mqtt publish to %s: error %d", topic, error);
    }
}

void nwt_mqtt_flush(struct nwt_mqtt_client *client)
{
    wait_for(client, 0, "publish");
}

MQTTAsync nwt_mqtt_handle(struct nwt_mqtt_client *client)
{
    return client->handle;
}
