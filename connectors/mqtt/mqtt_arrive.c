/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes, on paho's receive thread. Paho confirms a message when its callback returns, so with
 * QoS 1 and 2 the callback writes it to the route's spool first (nw_store, one commit). Should even
 * the spool's reserve not take a message, the callback does not return: without a return there is
 * no PUBACK, and nothing is lost.
 *
 * With QoS 0 nobody holds a message for us: it is offered if there is credit, and lost otherwise.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mqtt_source.h"

struct arrived {
    char *topic;
    MQTTAsync_message *message;
};

static void release(void *owner)
{
    struct arrived *a = owner;

    MQTTAsync_freeMessage(&a->message);
    MQTTAsync_free(a->topic);
}

/* Paho keeps account of its memory under one lock, so that freeing on another thread than its own
 * holds both up: what is this small and has no properties is copied instead, and freed at once. */
#define COPIED_UP_TO 512

/* 0 or NW_ENOMEM. Topic and payload as copies. */
static int fill_copied(struct nw_message *m, struct nw_slice topic, struct nw_slice payload)
{
    nw_message_set_address(m, nw_message_copy(m, topic.data, topic.len));
    nw_message_set_payload(m, nw_message_copy(m, payload.data, payload.len));
    return nw_message_address(m).data == NULL || nw_message_payload(m).data == NULL ? NW_ENOMEM : 0;
}

/* 0 or NW_ENOMEM. The message owns paho's, which is freed with it. */
static int fill_borrowed(struct nw_message *m, struct nw_slice topic, struct nw_slice payload,
                         MQTTAsync_message *message)
{
    struct arrived *a = nw_message_alloc(m, sizeof *a);

    if (a == NULL || (message->properties.count > 0 &&
                      mqtt_properties_to_headers(&message->properties, m) != 0)) {
        return NW_ENOMEM;
    }
    nw_message_set_address(m, topic);
    nw_message_set_payload(m, payload);
    *a = (struct arrived){(char *)(uintptr_t)topic.data, message};
    nw_message_set_release(m, release, a);
    return 0;
}

/* Takes topic and message if it succeeds; NULL: no memory, nothing was taken. */
static struct nw_message *make(struct mqtt_source *s, char *topic, size_t topic_len,
                               MQTTAsync_message *message)
{
    struct nw_message *m = nw_message_new(s->client.endpoint);
    struct nw_slice address = {topic, topic_len};
    struct nw_slice payload = {message->payloadlen == 0 ? "" : message->payload,
                               (size_t)message->payloadlen};
    bool copied = message->properties.count == 0 && payload.len + topic_len <= COPIED_UP_TO;

    if (m == NULL) {
        return NULL;
    }
    nw_message_set_number(m, NW_META_QOS, message->qos);
    nw_message_set_number(m, NW_META_RETAINED, message->retained != 0);
    if ((message->retained != 0 &&
         nw_message_add_header(m, mqtt_slice(MQTT_HEADER_RETAIN), mqtt_slice("1")) != 0) ||
        (copied ? fill_copied(m, address, payload) : fill_borrowed(m, address, payload, message)) !=
            0) {
        nw_message_unref(m);
        return NULL;
    }
    if (copied) {
        MQTTAsync_freeMessage(&message);
        MQTTAsync_free(topic);
    }
    return m;
}

void mqtt_source_nap(void)
{
    struct timespec t = {0, 50 * MQTT_MILLISECOND_NS};

    (void)nanosleep(&t, NULL);
}

/* Until it is stored: see the head of this file. */
void mqtt_source_store(struct mqtt_source *s, struct nw_message *m)
{
    struct nw_error error = {.text = ""};
    bool told = false;
    int rc;

    while ((rc = nw_store(s->client.endpoint, &m, 1, &error)) < 0) {
        mqtt_paho_wait(true);
        if (atomic_load(&s->closing)) {
            mqtt_paho_park();
        }
        if (!told) {
            nw_log(s->client.endpoint, NW_LOG_ERROR,
                   "a message cannot be stored, MQTT is held until it can: %s", error.text);
            told = true;
        }
        mqtt_source_nap();
    }
    mqtt_paho_wait(false);
    if (rc == NW_STORED_FULL && !atomic_load(&s->full)) {
        (void)snprintf(s->full_why, sizeof s->full_why, "%.150s; the server keeps the rest",
                       error.text[0] == '\0' ? "the spool is full" : error.text);
        atomic_store(&s->full, true);
        mqtt_connection_wake(s->client.connection);
    }
}

/* Nothing identifies a message of QoS 0 at its origin; this makes it at least one of its own. */
static void set_origin(struct mqtt_source *s, struct nw_message *m)
{
    char text[80];
    int n = snprintf(text, sizeof text, "mqtt:%" PRIx64 "/%" PRIu64, s->started, ++s->offered);

    nw_message_set_origin(m, nw_message_copy(m, text, (size_t)n));
}

static void offer(struct mqtt_source *s, struct nw_message *m)
{
    bool offered = false;

    set_origin(s, m);
    (void)pthread_mutex_lock(&s->offer);
    if (!atomic_load(&s->stopped) && nw_credit_take(s->client.endpoint, 1) == 1) {
        nw_offer(s->client.endpoint, &m, 1);
        offered = true;
    }
    (void)pthread_mutex_unlock(&s->offer);
    if (!offered) {
        nw_lost(s->client.endpoint, 1, "QoS 0 and the target is slower than the source");
        nw_message_unref(m);
    }
}

bool mqtt_source_is_marked(const struct mqtt_source *s, int id)
{
    return s->stored != NULL && (s->stored[(id & 0xffff) / 8] >> (id % 8) & 1) != 0;
}

void mqtt_source_mark(struct mqtt_source *s, int id, bool stored)
{
    unsigned char bit = (unsigned char)(1u << (id % 8));

    if (stored) {
        s->stored[(id & 0xffff) / 8] |= bit;
    } else {
        s->stored[(id & 0xffff) / 8] &= (unsigned char)~bit;
    }
}

/* What the server had retained before the subscription is marked as such by version 3.1.1; with
 * version 5 the subscription asks the server not to send it. */
bool mqtt_source_unwanted(const struct mqtt_source *s, const MQTTAsync_message *message)
{
    return message->retained != 0 && s->options->retained.index == MQTT_RETAINED_DROP &&
           !s->client.connection->version5;
}

static void give(struct mqtt_source *s, struct nw_message *m)
{
    atomic_store_explicit(&s->arrived_ns, nw_clock_monotonic_ns(), memory_order_relaxed);
    if (s->options->qos > 0) {
        mqtt_source_store(s, m);
    } else {
        offer(s, m);
    }
}

int mqtt_source_arrived(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
    struct mqtt_source *s = context;
    struct nw_message *m;

    if (mqtt_source_unwanted(s, message) ||
        (message->qos == 2 && mqtt_source_is_marked(s, message->msgid))) {
        if (s->stored != NULL) {
            mqtt_source_mark(s, message->msgid, false);
        }
        MQTTAsync_freeMessage(&message);
        MQTTAsync_free(topic);
        return 1;
    }
    while ((m = make(s, topic, topic_len == 0 ? strlen(topic) : (size_t)topic_len, message)) ==
           NULL) {
        mqtt_source_nap(); /* out of memory; a return would confirm it */
    }
    give(s, m);
    return 1;
}
