/* SPDX-License-Identifier: Apache-2.0 */
#include "support/mqtt_client.h"

#include "support/fail.h"
#include "support/wait.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMEOUT_MS 60000
/* mosquitto takes 20 at a time; beyond that paho waits a second (version 5), or is disconnected
 * (QoS 2 of 3.1.1). */
#define WINDOW 18

struct nwt_mqtt_client {
    MQTTAsync handle;
    nwt_mqtt_arrived *arrived;
    void *context;
    int version;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    int pending, failed; /* calls without their answer yet, and refused ones */
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

/* One answer has come. */
static void answered(struct nwt_mqtt_client *client, bool ok)
{
    pthread_mutex_lock(&client->lock);
    client->pending -= ok ? 1 : 0;
    client->failed += ok ? 0 : 1;
    pthread_cond_signal(&client->changed);
    pthread_mutex_unlock(&client->lock);
}

static void on_success(void *context, MQTTAsync_successData *data)
{
    (void)data;
    answered(context, true);
}

static void on_success5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    answered(context, true);
}

static void on_failure(void *context, MQTTAsync_failureData *data)
{
    (void)data;
    answered(context, false);
}

static void on_failure5(void *context, MQTTAsync_failureData5 *data)
{
    (void)data;
    answered(context, false);
}

/* Wait until at most `pending` calls have no answer. */
static void wait_for(struct nwt_mqtt_client *client, int pending, const char *what)
{
    struct timespec until;
    int error = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += TIMEOUT_MS / 1000;
    pthread_mutex_lock(&client->lock);
    while (client->pending > pending && client->failed == 0 && error == 0) {
        error = pthread_cond_timedwait(&client->changed, &client->lock, &until);
    }
    bool failed = client->failed > 0;
    pthread_mutex_unlock(&client->lock);
    if (failed || error != 0) {
        nwt_fail("mqtt %s: %s", what, failed ? "refused" : "no answer");
    }
}

static void one_more(struct nwt_mqtt_client *client)
{
    pthread_mutex_lock(&client->lock);
    client->pending++;
    pthread_mutex_unlock(&client->lock);
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
    one_more(client);
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
    pthread_mutex_init(&client->lock, NULL);
    pthread_cond_init(&client->changed, NULL);
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
    one_more(client);
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
    pthread_cond_destroy(&client->changed);
    pthread_mutex_destroy(&client->lock);
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
    wait_for(client, WINDOW, "publish");
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
