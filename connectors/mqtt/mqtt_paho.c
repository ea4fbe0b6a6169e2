/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paho's client, one handle for each of ours: its creation, its options, and the callbacks that
 * tell the keeper what happened. The callbacks run on paho's threads, under paho's lock: they only
 * write down and wake.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mqtt.h"

/* ---- a callback that cannot return ---- */

static atomic_bool waiting, parked;

void mqtt_paho_wait(bool waits)
{
    atomic_store_explicit(&waiting, waits, memory_order_relaxed);
}

void mqtt_paho_park(void)
{
    atomic_store(&parked, true);
    for (;;) {
        (void)pause();
    }
}

bool mqtt_paho_is_parked(void)
{
    return atomic_load(&parked);
}

/* ---- what happened ---- */

static void tell(struct mqtt_client *c, enum mqtt_event event, const char *reason, bool unexplained)
{
    struct mqtt_connection *connection = c->connection;

    (void)pthread_mutex_lock(&connection->lock);
    c->event = event;
    c->unexplained = unexplained;
    (void)snprintf(c->reason, sizeof c->reason, "%s", reason == NULL ? "" : reason);
    mqtt_connection_wake_locked(connection);
    (void)pthread_mutex_unlock(&connection->lock);
}

static void say(struct mqtt_client *c, enum mqtt_event event, const char *reason)
{
    tell(c, event, reason, false);
}

const char *mqtt_paho_text(bool version5, int code)
{
    static const char *const connack[] = {
        "accepted",           "unacceptable protocol version", "client id refused",
        "server unavailable", "bad user name or password",     "not authorized"};
    const char *text = NULL;

    if (code < 0) {
        text = MQTTAsync_strerror(code);
    } else if (version5) {
        text = MQTTReasonCode_toString((enum MQTTReasonCodes)code);
    } else if (code < (int)(sizeof connack / sizeof connack[0])) {
        text = connack[code];
    }
    return text == NULL ? "unknown reason" : text;
}

static void failed(struct mqtt_client *c, int code, const char *message)
{
    char reason[200];

    if (code == MQTTASYNC_FAILURE && (message == NULL || strcmp(message, "socket error") == 0 ||
                                      strcmp(message, "TCP/TLS connect failure") == 0 ||
                                      strcmp(message, "TCP connect completion failure") == 0)) {
        tell(c, MQTT_EVENT_LOST, "cannot connect", true);
        return;
    }
    if (code > 0 || message == NULL) {
        (void)snprintf(reason, sizeof reason, "%s", mqtt_paho_text(c->connection->version5, code));
    } else if (strcmp(message, "TCP connect timeout") == 0) {
        (void)snprintf(reason, sizeof reason, "no answer in time");
    } else {
        (void)snprintf(reason, sizeof reason, "%s", message);
    }
    say(c, MQTT_EVENT_LOST, reason);
}

static void on_failure(void *context, MQTTAsync_failureData *data)
{
    failed(context, data == NULL ? -1 : data->code, data == NULL ? NULL : data->message);
}

static void on_failure5(void *context, MQTTAsync_failureData5 *data)
{
    int code = data == NULL ? -1 : data->code;

    if (data != NULL && data->reasonCode > 0) {
        code = (int)data->reasonCode;
    }
    failed(context, code, data == NULL ? NULL : data->message);
}

static void up(struct mqtt_client *c, bool session_present, const struct mqtt_server *server)
{
    (void)pthread_mutex_lock(&c->connection->lock);
    c->session_present = session_present;
    c->said = *server;
    (void)pthread_mutex_unlock(&c->connection->lock);
    say(c, MQTT_EVENT_UP, NULL);
}

static void on_success(void *context, MQTTAsync_successData *data)
{
    struct mqtt_server server = {.max_qos = 2, .retain = true, .receive_maximum = 65535};

    up(context, data->alt.connect.sessionPresent != 0, &server);
}

static bool has(MQTTProperties *p, enum MQTTPropertyCodes code)
{
    return MQTTProperties_hasProperty(p, code) != 0;
}

static void on_success5(void *context, MQTTAsync_successData5 *data)
{
    MQTTProperties *p = &data->properties;
    struct mqtt_server server = {.max_qos = 2, .retain = true, .receive_maximum = 65535};

    if (has(p, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE)) {
        server.max_packet =
            (uint32_t)MQTTProperties_getNumericValue(p, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE);
    }
    if (has(p, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM)) {
        server.receive_maximum =
            MQTTProperties_getNumericValue(p, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM);
    }
    if (has(p, MQTTPROPERTY_CODE_MAXIMUM_QOS)) {
        server.max_qos = MQTTProperties_getNumericValue(p, MQTTPROPERTY_CODE_MAXIMUM_QOS);
    }
    if (has(p, MQTTPROPERTY_CODE_RETAIN_AVAILABLE)) {
        server.retain = MQTTProperties_getNumericValue(p, MQTTPROPERTY_CODE_RETAIN_AVAILABLE) != 0;
    }
    up(context, data->alt.connect.sessionPresent != 0, &server);
}

static void on_lost(void *context, char *cause)
{
    (void)cause; /* paho has none */
    say(context, MQTT_EVENT_LOST, "the connection was lost");
}

/* The server says why it ends the connection; on_lost comes right behind and must not hide it. */
static void on_disconnected(void *context, MQTTProperties *properties,
                            enum MQTTReasonCodes reason_code)
{
    struct mqtt_client *c = context;

    (void)properties;
    (void)pthread_mutex_lock(&c->connection->lock);
    (void)snprintf(c->said_reason, sizeof c->said_reason, "the server ended the connection: %s",
                   mqtt_paho_text(true, (int)reason_code));
    (void)pthread_mutex_unlock(&c->connection->lock);
}

static int no_message(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
    (void)context;
    (void)topic_len;
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

/* ---- create and connect ---- */

/* When its last handle goes, paho stops its threads and forgets its memory, although messages with
 * such memory may still be on their way: one handle that is never used stays until the end. */
static void keep_paho(void)
{
    static MQTTAsync anchor;

    (void)MQTTAsync_create(&anchor, "mqtt://localhost", "natsway", MQTTCLIENT_PERSISTENCE_NONE,
                           NULL);
}

int mqtt_paho_create(struct mqtt_client *c)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
    MQTTClient_persistence *persistence = c->kind->persistence;
    const char *url = c->connection->options->url;
    int rc;

    (void)pthread_once(&once, keep_paho);
    options.MQTTVersion = c->connection->version5 ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
    options.sendWhileDisconnected = 0;
    options.maxBufferedMessages = 65535;
    rc = MQTTAsync_createWithOptions(&c->handle, url, c->id,
                                     persistence == NULL ? MQTTCLIENT_PERSISTENCE_NONE
                                                         : MQTTCLIENT_PERSISTENCE_USER,
                                     persistence, &options);
    if (rc != MQTTASYNC_SUCCESS) {
        c->handle = NULL;
        return rc;
    }
    rc = MQTTAsync_setCallbacks(c->handle, c, on_lost,
                                c->kind->arrived == NULL ? no_message : c->kind->arrived, NULL);
    if (rc == MQTTASYNC_SUCCESS && c->connection->version5) {
        rc = MQTTAsync_setDisconnected(c->handle, c, on_disconnected);
    }
    return rc;
}

static void add_number(MQTTProperties *properties, enum MQTTPropertyCodes code, uint32_t number)
{
    MQTTProperty p = {.identifier = code};

    if (code == MQTTPROPERTY_CODE_RECEIVE_MAXIMUM) {
        p.value.integer2 = (unsigned short)number;
    } else {
        p.value.integer4 = number;
    }
    (void)MQTTProperties_add(properties, &p);
}

static bool is_secure(const char *url)
{
    return strncmp(url, "mqtts", 5) == 0 || strncmp(url, "ssl", 3) == 0 ||
           strncmp(url, "wss", 3) == 0;
}

/* One of OpenSSL's errors, "thread:error:code:library:function:reason:…"; the first says most. */
static int on_tls_error(const char *text, size_t len, void *context)
{
    struct mqtt_client *c = context;
    const char *end = text + len;

    for (int field = 0; field < 5 && text != NULL; field++) {
        text = memchr(text, ':', (size_t)(end - text));
        text = text == NULL ? NULL : text + 1;
    }
    const char *colon = text == NULL ? NULL : memchr(text, ':', (size_t)(end - text));
    (void)pthread_mutex_lock(&c->connection->lock);
    if (colon != NULL && colon > text && c->said_reason[0] == '\0') {
        (void)snprintf(c->said_reason, sizeof c->said_reason, "cannot connect: TLS: %.*s",
                       (int)(colon - text), text);
    }
    (void)pthread_mutex_unlock(&c->connection->lock);
    return 1;
}

static void fill_tls(struct mqtt_client *c, MQTTAsync_SSLOptions *tls)
{
    const struct mqtt_tls *o = &c->connection->options->tls;

    tls->trustStore = o->ca;
    tls->CApath = o->ca == NULL ? "/etc/ssl/certs" : NULL;
    tls->keyStore = o->cert;
    tls->privateKey = o->key;
    tls->enableServerCertAuth = o->verify;
    tls->verify = o->verify;
    tls->sslVersion = MQTT_SSL_VERSION_DEFAULT;
    tls->ssl_error_cb = on_tls_error;
    tls->ssl_error_context = c;
}

static void fill_will(const struct mqtt_will *o, MQTTAsync_willOptions *will)
{
    will->topicName = o->topic;
    will->payload.data = o->payload == NULL ? "" : o->payload;
    will->payload.len = (int)mqtt_slice(o->payload).len;
    will->qos = (int)o->qos;
    will->retained = o->retain;
}

static void fill_session(struct mqtt_client *c, MQTTAsync_connectOptions *options,
                         MQTTProperties *properties)
{
    const struct mqtt_options *o = c->connection->options;
    bool clean = o->clean || !c->kind->keeps_session;

    if (!c->connection->version5) {
        options->MQTTVersion = MQTTVERSION_3_1_1;
        options->cleansession = clean;
        options->onSuccess = on_success;
        options->onFailure = on_failure;
        return;
    }
    options->MQTTVersion = MQTTVERSION_5;
    options->cleansession = 0;
    options->cleanstart = clean;
    options->onSuccess5 = on_success5;
    options->onFailure5 = on_failure5;
    if (c->kind->keeps_session) {
        add_number(properties, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
                   clean ? 0 : (uint32_t)(o->session_expiry_ms / 1000));
        add_number(properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, (uint32_t)o->receive_maximum);
    }
    options->connectProperties = properties;
}

int mqtt_paho_connect(struct mqtt_client *c)
{
    const struct mqtt_options *o = c->connection->options;
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    MQTTProperties properties = MQTTProperties_initializer;
    int rc;

    options.keepAliveInterval = (int)(o->keep_alive_ms / 1000);
    options.connectTimeout = (int)(o->connect_timeout_ms / 1000);
    options.retryInterval = 0;
    options.maxInflight = 65535;
    options.context = c;
    options.username = o->username;
    options.password = o->password;
    if (is_secure(o->url)) {
        fill_tls(c, &tls);
        options.ssl = &tls;
    }
    if (c->has_will) {
        fill_will(&o->will, &will);
        options.will = &will;
    }
    fill_session(c, &options, &properties);
    rc = MQTTAsync_connect(c->handle, &options);
    MQTTProperties_free(&properties);
    return rc;
}

void mqtt_paho_disconnect(struct mqtt_client *c)
{
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;

    if (c->handle != NULL) {
        (void)MQTTAsync_disconnect(c->handle, &options);
    }
}

void mqtt_paho_destroy(struct mqtt_client *c)
{
    struct timespec t = {0, 10 * MQTT_MILLISECOND_NS};

    while (atomic_load(&waiting) && !mqtt_paho_is_parked()) {
        (void)nanosleep(&t, NULL); /* it would block for as long, holding paho's lock */
    }
    if (c->handle != NULL && !mqtt_paho_is_parked()) {
        MQTTAsync_destroy(&c->handle);
    }
    c->handle = NULL;
}
