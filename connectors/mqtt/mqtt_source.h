/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the source share. */
#ifndef NATSWAY_MQTT_SOURCE_H
#define NATSWAY_MQTT_SOURCE_H

#include "mqtt.h"

enum mqtt_subscription { MQTT_NOT_SUBSCRIBED, MQTT_SUBSCRIBING, MQTT_SUBSCRIBED };

struct mqtt_source {
    struct mqtt_client client; /* first */
    const struct mqtt_source_options *options;
    char *filter;                 /* with $share */
    bool remembered;              /* session says that the broker has our subscription */
    struct mqtt_session session;  /* as on disk */
    enum mqtt_subscription state; /* the keeper's */
    MQTTClient_persistence persistence;
    struct mqtt_client_kind kind;
    uint64_t started, offered; /* of QoS 0: when the source was opened, how many came since */
    unsigned char *stored;     /* bit of each packet id: in the spool, PUBREL not yet come */

    atomic_bool full;    /* the spool has reached its limit */
    char full_why[200];  /* written before full is set, read after */
    atomic_bool closing; /* a callback that cannot store must not return any more */
    _Atomic int64_t arrived_ns, stopped_ns; /* the last message; stop() */
    atomic_int answer;                      /* what SUBACK said */
    atomic_bool unsubscribed;               /* UNSUBACK has come */
    pthread_mutex_t offer;                  /* held while offering, so that stop() waits for it */
    atomic_bool stopped;
};

static inline struct mqtt_source *mqtt_source_of(struct mqtt_client *c)
{
    return (struct mqtt_source *)c;
}

/* ---- mqtt_arrive.c: what comes, on paho's receive thread ---- */

/* paho's callback. */
int mqtt_source_arrived(void *context, char *topic, int topic_len, MQTTAsync_message *message);

/* Into the spool; returns only when it is there. Takes m. */
void mqtt_source_store(struct mqtt_source *s, struct nw_message *m);
/* Wait a little for memory or room. */
void mqtt_source_nap(void);
/* Is the message of QoS 2 under this packet id in the spool, its PUBREL not yet come? */
bool mqtt_source_is_marked(const struct mqtt_source *s, int id);
void mqtt_source_mark(struct mqtt_source *s, int id, bool stored);
/* Was it retained before we subscribed, and is not to be taken? */
bool mqtt_source_unwanted(const struct mqtt_source *s, const MQTTAsync_message *message);

/* ---- mqtt_persistence.c: QoS 2 of version 3.1.1 ---- */

/* 0 or NW_ENOMEM. */
int mqtt_source_use_persistence(struct mqtt_source *s);
/* The server has forgotten the session, and with it its packet ids. */
void mqtt_source_forget_ids(struct mqtt_source *s);

/* ---- mqtt_subscribe.c: the subscription; on the keeper ---- */

/* What SUBACK said, left by paho's thread for the keeper: the granted QoS, a code of refusal, or
 * nothing yet. */
enum { MQTT_NO_ANSWER = -1, MQTT_REFUSED = 0x80 };

/* Compare what is on disk with what is wanted; afterwards the session is what is to be on disk. 0
 * or NW_ENOMEM. */
int mqtt_source_load_session(struct mqtt_source *s);
/* The connection is there: subscribe, unless the server still has the subscription. */
void mqtt_source_subscribe(struct mqtt_source *s, bool session_present);
/* Act on what has been answered, if anything. */
void mqtt_source_handle_answers(struct mqtt_source *s);

#endif
