/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink: publishes.
 *
 * send() puts messages into a queue; the keeper hands them to paho, each with a slot that paho
 * gives back with the answer (PUBACK, PUBCOMP, or for QoS 0 the packet's write). Answers are
 * collected and told to the pump in batches. The session is a new one with every connection: what
 * was not answered when the connection went is told as RETRY, and the pump sends it again, so paho
 * must not.
 *
 * At most WINDOW messages are with paho at a time: it searches lists for each answer, so more would
 * be slower.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt.h"

#define WINDOW 100
#define BATCH 64

struct slot {
    struct mqtt_sink *sink;
    struct nw_message *message; /* NULL: free */
    struct slot *next_free;
};

/* One answer of paho's, until the keeper tells it. */
struct answer {
    struct nw_message *message;
    int code; /* 0, or a reason code of MQTT 5, or paho's negative code */
};

struct mqtt_sink {
    struct mqtt_client client; /* first */
    const struct mqtt_sink_options *options;
    uint32_t expiry_s;

    /* Guarded by the connection's lock. */
    struct nw_message *queue[WINDOW];
    size_t queue_first, queue_count;
    struct answer answers[WINDOW];
    size_t answer_count;
    struct slot slots[WINDOW], *free_slots;
    size_t with_paho; /* slots that are taken */
};

/* ---- telling the pump ---- */

static void tell(struct mqtt_sink *s, const struct nw_result *results, size_t n)
{
    if (n > 0) {
        nw_done(s->client.endpoint, results, n);
    }
}

static void tell_one(struct mqtt_sink *s, struct nw_message *m, enum nw_outcome outcome,
                     enum nw_cause cause, const char *reason)
{
    struct nw_result r = {.message = m, .outcome = outcome, .cause = cause, .reason = reason};

    tell(s, &r, 1);
}

/* What a reason code of MQTT 5 says of the message. Anything that can pass is tried again: also a
 * missing permission, which somebody may grant. */
static struct nw_result judge(const struct answer *a)
{
    struct nw_result r = {.message = a->message, .outcome = NW_ACK};

    if (a->code == 0) {
        return r;
    }
    r.outcome = NW_RETRY;
    r.cause = NW_CAUSE_OUTAGE;
    r.reason = mqtt_paho_text(true, a->code);
    if (a->code == MQTTREASONCODE_TOPIC_NAME_INVALID ||
        a->code == MQTTREASONCODE_PAYLOAD_FORMAT_INVALID ||
        a->code == MQTTREASONCODE_PACKET_TOO_LARGE) {
        r.outcome = NW_REJECT;
        r.cause =
            a->code == MQTTREASONCODE_PACKET_TOO_LARGE ? NW_CAUSE_TOO_LARGE : NW_CAUSE_REFUSED;
    }
    return r;
}

static bool tell_answers(struct mqtt_sink *s)
{
    struct mqtt_connection *connection = s->client.connection;
    struct answer answers[BATCH];
    struct nw_result results[BATCH];
    size_t n;

    (void)pthread_mutex_lock(&connection->lock);
    n = s->answer_count < BATCH ? s->answer_count : BATCH;
    memcpy(answers, s->answers, n * sizeof answers[0]);
    s->answer_count -= n;
    memmove(s->answers, s->answers + n, s->answer_count * sizeof answers[0]);
    (void)pthread_mutex_unlock(&connection->lock);
    for (size_t i = 0; i < n; i++) {
        results[i] = judge(&answers[i]);
    }
    tell(s, results, n);
    return n > 0;
}

/* ---- answers, on paho's threads ---- */

/* Lock held. */
static void free_slot(struct mqtt_sink *s, struct slot *slot)
{
    slot->message = NULL;
    slot->next_free = s->free_slots;
    s->free_slots = slot;
    s->with_paho--;
}

static void answered(struct slot *slot, int code)
{
    struct mqtt_sink *s = slot->sink;
    struct mqtt_connection *connection = s->client.connection;

    (void)pthread_mutex_lock(&connection->lock);
    if (slot->message != NULL) {
        s->answers[s->answer_count++] = (struct answer){slot->message, code};
        free_slot(s, slot);
        mqtt_connection_wake_locked(connection);
    }
    (void)pthread_mutex_unlock(&connection->lock);
}

static void on_published(void *context, MQTTAsync_successData *data)
{
    (void)data;
    answered(context, 0);
}

static void on_published5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    answered(context, 0);
}

static void on_failed(void *context, MQTTAsync_failureData *data)
{
    answered(context, data == NULL || data->code == 0 ? MQTTASYNC_FAILURE : data->code);
}

static void on_failed5(void *context, MQTTAsync_failureData5 *data)
{
    int code = data == NULL ? 0 : (int)data->reasonCode;

    if (code < MQTTREASONCODE_UNSPECIFIED_ERROR) {
        code = data == NULL || data->code == 0 ? MQTTASYNC_FAILURE : data->code;
    }
    answered(context, code);
}

/* ---- publishing, on the keeper ---- */

static bool is_retained(const struct mqtt_sink *s, const struct nw_message *m)
{
    size_t n = nw_message_header_count(m);

    if (s->options->retain.index != MQTT_RETAIN_KEEP) {
        return s->options->retain.index == MQTT_RETAIN_TRUE;
    }
    for (size_t i = 0; i < n; i++) {
        struct nw_slice name, value;
        nw_message_header(m, i, &name, &value);
        if (name.len == sizeof MQTT_HEADER_RETAIN - 1 &&
            memcmp(name.data, MQTT_HEADER_RETAIN, name.len) == 0) {
            return value.len == 1 && value.data[0] == '1';
        }
    }
    return false;
}

/* With the properties that paho will write, is it more than the server takes? */
static bool is_too_large(const struct mqtt_sink *s, struct nw_slice topic, struct nw_slice payload,
                         const MQTTProperties *properties)
{
    size_t size = topic.len + payload.len + 5 + 2 + 2 + 4 + (size_t)properties->length;

    return payload.len > 268435455 - 70000 ||
           (s->client.server.max_packet != 0 && size > s->client.server.max_packet);
}

static int hand_over(struct mqtt_sink *s, struct slot *slot, const char *topic,
                     struct nw_slice payload, const MQTTProperties *properties)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    const struct mqtt_sink_options *o = s->options;

    response.context = slot;
    if (s->client.connection->version5) {
        response.onSuccess5 = on_published5;
        response.onFailure5 = on_failed5;
        response.properties = *properties;
    } else {
        response.onSuccess = on_published;
        response.onFailure = on_failed;
    }
    return MQTTAsync_send(s->client.handle, topic, (int)payload.len,
                          payload.data == NULL ? "" : payload.data, (int)o->qos,
                          is_retained(s, slot->message) && s->client.server.retain, &response);
}

static struct slot *take_slot(struct mqtt_sink *s, struct nw_message *m)
{
    struct slot *slot;

    (void)pthread_mutex_lock(&s->client.connection->lock);
    slot = s->free_slots;
    s->free_slots = slot->next_free;
    slot->message = m;
    s->with_paho++;
    (void)pthread_mutex_unlock(&s->client.connection->lock);
    return slot;
}

/* Paho did not take it: the slot is free again, and the message ours. */
static void give_back(struct mqtt_sink *s, struct slot *slot)
{
    (void)pthread_mutex_lock(&s->client.connection->lock);
    free_slot(s, slot);
    (void)pthread_mutex_unlock(&s->client.connection->lock);
}

static void refused(struct mqtt_sink *s, struct nw_message *m, int rc)
{
    if (rc == MQTTASYNC_BAD_UTF8_STRING) {
        tell_one(s, m, NW_REJECT, NW_CAUSE_REFUSED, "the topic is not UTF-8");
    } else {
        tell_one(s, m, NW_RETRY, NW_CAUSE_OUTAGE, mqtt_paho_text(false, rc));
    }
}

/* The topic as a C string: text, or the message's own memory for a long one. NULL: no memory. */
static const char *topic_text(struct nw_message *m, struct nw_slice topic, char *text, size_t size)
{
    char *at = topic.len < size ? text : nw_message_alloc(m, topic.len + 1);

    if (at != NULL) {
        memcpy(at, topic.data, topic.len);
        at[topic.len] = '\0';
    }
    return at;
}

static void publish(struct mqtt_sink *s, struct nw_message *m)
{
    MQTTProperties properties = MQTTProperties_initializer;
    struct nw_slice topic = nw_message_address(m), payload = nw_message_payload(m);
    char text[256];
    const char *name = topic_text(m, topic, text, sizeof text);
    int rc = name == NULL ? NW_ENOMEM : 0;

    if (rc == 0 && s->client.connection->version5) {
        rc = mqtt_properties_from_headers(m, s->expiry_s, &properties);
    }
    if (rc != 0) {
        tell_one(s, m, NW_RETRY, NW_CAUSE_OUTAGE, "out of memory");
    } else if (is_too_large(s, topic, payload, &properties)) {
        tell_one(s, m, NW_REJECT, NW_CAUSE_TOO_LARGE, "larger than the server takes");
    } else if (topic.len == 0 || memchr(topic.data, '\0', topic.len) != NULL) {
        tell_one(s, m, NW_REJECT, NW_CAUSE_REFUSED, "the topic is empty or has a NUL");
    } else {
        struct slot *slot = take_slot(s, m);
        rc = hand_over(s, slot, name, payload, &properties);
        if (rc != MQTTASYNC_SUCCESS) {
            give_back(s, slot);
            refused(s, m, rc);
        }
    }
    MQTTProperties_free(&properties);
}

/* Lock held. */
static struct nw_message *pop(struct mqtt_sink *s)
{
    struct nw_message *m = NULL;

    if (s->queue_count > 0) {
        m = s->queue[s->queue_first];
        s->queue_first = (s->queue_first + 1) % WINDOW;
        s->queue_count--;
    }
    return m;
}

static size_t take_batch(struct mqtt_sink *s, struct nw_message **batch, size_t max)
{
    size_t n = 0;

    (void)pthread_mutex_lock(&s->client.connection->lock);
    max = max < BATCH ? max : BATCH;
    while (n < max && (batch[n] = pop(s)) != NULL) {
        n++;
    }
    (void)pthread_mutex_unlock(&s->client.connection->lock);
    return n;
}

/* How many more the server takes. Beyond its limit paho would wait for a second each time. Version
 * 3.1.1 has no such limit to tell, but a server that has one ends the connection when too many of
 * QoS 2 are under way (mosquitto: 20). */
static size_t room(struct mqtt_sink *s)
{
    size_t most = (size_t)s->client.server.receive_maximum, taken;

    if (s->options->qos == 2 && !s->client.connection->version5) {
        most = 10;
    }

    (void)pthread_mutex_lock(&s->client.connection->lock);
    taken = s->with_paho;
    (void)pthread_mutex_unlock(&s->client.connection->lock);
    return s->options->qos == 0 ? WINDOW : most > taken ? most - taken : 0;
}

static bool publish_batch(struct mqtt_sink *s)
{
    struct nw_message *batch[BATCH];
    size_t n = take_batch(s, batch, room(s));

    for (size_t i = 0; i < n; i++) {
        publish(s, batch[i]);
    }
    return n > 0;
}

/* Nothing can go out: what is queued is to come again. */
static void refuse_queue(struct mqtt_sink *s, const char *reason)
{
    struct nw_message *batch[BATCH];
    struct nw_result results[BATCH];
    size_t n;

    while ((n = take_batch(s, batch, BATCH)) > 0) {
        for (size_t i = 0; i < n; i++) {
            results[i] = (struct nw_result){.message = batch[i],
                                            .outcome = NW_RETRY,
                                            .cause = NW_CAUSE_OUTAGE,
                                            .reason = reason};
        }
        tell(s, results, n);
    }
}

/* Paho has forgotten them and calls back no more. */
static void refuse_unanswered(struct mqtt_sink *s, const char *reason)
{
    struct nw_result results[WINDOW];
    size_t n = 0;

    (void)pthread_mutex_lock(&s->client.connection->lock);
    for (size_t i = 0; i < WINDOW; i++) {
        struct slot *slot = &s->slots[i];
        if (slot->message != NULL) {
            results[n++] = (struct nw_result){.message = slot->message,
                                              .outcome = NW_RETRY,
                                              .cause = NW_CAUSE_OUTAGE,
                                              .reason = reason};
            free_slot(s, slot);
        }
    }
    (void)pthread_mutex_unlock(&s->client.connection->lock);
    tell(s, results, n);
}

/* ---- what the keeper calls ---- */

static void up(struct mqtt_client *c, bool session_present)
{
    struct mqtt_sink *s = (struct mqtt_sink *)c;

    (void)session_present;
    if (s->options->qos > c->server.max_qos) {
        char reason[80];
        (void)snprintf(reason, sizeof reason, "the server takes no QoS above %d",
                       c->server.max_qos);
        mqtt_client_fail(c, reason);
        return;
    }
    if (!c->server.retain && s->options->retain.index == MQTT_RETAIN_TRUE) {
        mqtt_client_fail(c, "the server does not retain messages");
        return;
    }
    mqtt_client_ready(c);
}

static void down(struct mqtt_client *c)
{
    struct mqtt_sink *s = (struct mqtt_sink *)c;

    while (tell_answers(s)) {
    }
    refuse_unanswered(s, "the connection to the MQTT server was lost");
    refuse_queue(s, "the MQTT server is not connected");
}

static int64_t work(struct mqtt_client *c)
{
    struct mqtt_sink *s = (struct mqtt_sink *)c;
    bool more = true;

    while (more) {
        more = tell_answers(s);
        if (c->phase == MQTT_UP) {
            more = publish_batch(s) || more;
        } else if (c->phase != MQTT_CONNECTING) {
            refuse_queue(s, "the MQTT server is not connected");
        }
    }
    return MQTT_NEVER;
}

static void closed(struct mqtt_client *c)
{
    struct mqtt_sink *s = (struct mqtt_sink *)c;
    struct nw_endpoint *e = c->endpoint;

    while (tell_answers(s)) {
    }
    refuse_unanswered(s, "stopping");
    refuse_queue(s, "stopping");
    free(c->id);
    free(s);
    nw_closed(e);
}

/* ---- on the worker ---- */

/* Unique within the connection: a route may have several sinks on it. Lock held. */
static char *make_id(const struct mqtt_connection *c, const struct nw_endpoint_config *config,
                     const char *exact)
{
    char *base = mqtt_client_id(c, config, exact), *id = NULL;

    for (unsigned n = 1; base != NULL && exact == NULL && id == NULL; n++) {
        const struct mqtt_client *same;
        if (n == 1 ? asprintf(&id, "%s-out", base) < 0 : asprintf(&id, "%s-out%u", base, n) < 0) {
            id = NULL;
            break;
        }
        for (same = c->clients; same != NULL && strcmp(same->id, id) != 0; same = same->next) {
        }
        if (same != NULL) {
            free(id);
            id = NULL;
        }
    }
    if (exact != NULL) {
        return base;
    }
    free(base);
    return id;
}

int mqtt_sink_open(struct nw_endpoint *e, const struct nw_endpoint_config *config, void **state,
                   struct nw_error *error)
{
    static const struct mqtt_client_kind kind = {
        .up = up, .down = down, .work = work, .closed = closed};
    struct mqtt_connection *connection = config->connection;
    struct mqtt_sink *s = calloc(1, sizeof *s);
    char *id;

    if (s == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    s->options = config->options;
    s->expiry_s = (uint32_t)((s->options->expiry_ms + 999) / 1000);
    for (size_t i = 0; i < WINDOW; i++) {
        s->slots[i] = (struct slot){.sink = s, .next_free = s->free_slots};
        s->free_slots = &s->slots[i];
    }
    s->client.endpoint = e;
    (void)pthread_mutex_lock(&connection->lock);
    mqtt_sessions_open(connection, e, NULL, NULL);
    id = make_id(connection, config, s->options->client_id);
    (void)pthread_mutex_unlock(&connection->lock);
    if (mqtt_client_init(&s->client, connection, &kind, id) != 0) {
        free(s);
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    s->client.first_ms = config->retry_first_ms;
    s->client.longest_ms = config->retry_longest_ms;
    nw_sink_window(e, WINDOW);
    nw_endpoint_state(e, NW_STATE_CONNECTING, connection->options->url);
    *state = s;
    mqtt_client_start(&s->client);
    return 0;
}

void mqtt_sink_send(void *state, struct nw_message *const *messages, size_t n)
{
    struct mqtt_sink *s = state;
    struct mqtt_connection *connection = s->client.connection;

    (void)pthread_mutex_lock(&connection->lock);
    for (size_t i = 0; i < n; i++) {
        s->queue[(s->queue_first + s->queue_count) % WINDOW] = messages[i];
        s->queue_count++;
    }
    mqtt_connection_wake_locked(connection);
    (void)pthread_mutex_unlock(&connection->lock);
}

void mqtt_sink_close(void *state)
{
    struct mqtt_sink *s = state;

    mqtt_client_close(&s->client);
}
