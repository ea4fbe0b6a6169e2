/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QoS 2 with version 3.1.1 is delivered by paho when the PUBREL comes, when the broker has long
 * forgotten it; a kill in between would lose it. Paho asks its persistence to keep the packet
 * before it sends the PUBREC, and that persistence is ours: the spool. What paho delivers later is
 * passed over, having been stored.
 */
#include <stdlib.h>
#include <string.h>

#include "mqtt_source.h"

#define PACKET_IDS 65536

/* A PUBLISH packet of 3.1.1 that paho is about to confirm with PUBREC. */
struct packet {
    const unsigned char *at;
    size_t left;
};

static size_t take_u16(struct packet *p)
{
    size_t n;

    if (p->left < 2) {
        return 0;
    }
    n = (size_t)p->at[0] << 8 | p->at[1];
    p->at += 2;
    p->left -= 2;
    return n;
}

/* body is the packet behind its fixed header, whose first byte is given. */
static void store_packet(struct mqtt_source *s, unsigned char first, struct packet body)
{
    MQTTAsync_message shape = MQTTAsync_message_initializer;
    struct nw_message *m;
    struct nw_slice topic;
    size_t topic_len = take_u16(&body);
    int id;

    if (topic_len > body.left) {
        return;
    }
    topic = (struct nw_slice){(const char *)body.at, topic_len};
    body.at += topic_len;
    body.left -= topic_len;
    id = (int)take_u16(&body);
    shape.retained = first & 1;
    if (mqtt_source_is_marked(s, id) || mqtt_source_unwanted(s, &shape)) {
        return;
    }
    while ((m = nw_message_new(s->client.endpoint)) == NULL) {
        mqtt_source_nap();
    }
    /* Copied to disk before the packet goes, or offered from memory: it needs bytes of its own. */
    nw_message_set_address(m, nw_message_copy(m, topic.data, topic.len));
    nw_message_set_payload(m, nw_message_copy(m, body.at, body.left));
    nw_message_set_number(m, NW_META_QOS, 2);
    nw_message_set_number(m, NW_META_RETAINED, first & 1);
    if ((first & 1) != 0) {
        (void)nw_message_add_header(m, mqtt_slice(MQTT_HEADER_RETAIN), mqtt_slice("1"));
    }
    mqtt_source_store(s, m);
    mqtt_source_mark(s, id, true);
}

static int put(void *handle, char *key, int count, char *buffers[], int lens[])
{
    struct mqtt_source *s = handle;

    /* "r-…": a received PUBLISH, as one buffer with the fixed header and one with the rest. */
    if (strncmp(key, "r-", 2) == 0 && count == 2 && lens[0] > 0) {
        store_packet(s, (unsigned char)buffers[0][0],
                     (struct packet){(const unsigned char *)buffers[1], (size_t)lens[1]});
    }
    return 0;
}

static int open_nothing(void **handle, const char *id, const char *url, void *context)
{
    (void)id;
    (void)url;
    *handle = context;
    return 0;
}

static int close_nothing(void *handle)
{
    (void)handle;
    return 0;
}

static int get_nothing(void *handle, char *key, char **buffer, int *len)
{
    (void)handle;
    (void)key;
    (void)buffer;
    (void)len;
    return MQTTCLIENT_PERSISTENCE_ERROR;
}

static int remove_nothing(void *handle, char *key)
{
    (void)handle;
    (void)key;
    return 0;
}

static int no_keys(void *handle, char ***keys, int *count)
{
    (void)handle;
    *keys = NULL;
    *count = 0;
    return 0;
}

static int has_nothing(void *handle, char *key)
{
    (void)handle;
    (void)key;
    return MQTTCLIENT_PERSISTENCE_ERROR;
}

int mqtt_source_use_persistence(struct mqtt_source *s)
{
    s->stored = calloc(1, PACKET_IDS / 8);
    if (s->stored == NULL) {
        return NW_ENOMEM;
    }
    s->persistence = (MQTTClient_persistence){
        .context = s,
        .popen = open_nothing,
        .pclose = close_nothing,
        .pput = put,
        .pget = get_nothing,
        .premove = remove_nothing,
        .pkeys = no_keys,
        .pclear = close_nothing,
        .pcontainskey = has_nothing,
    };
    s->kind.persistence = &s->persistence;
    return 0;
}

void mqtt_source_forget_ids(struct mqtt_source *s)
{
    if (s->stored != NULL) {
        memset(s->stored, 0, PACKET_IDS / 8);
    }
}
