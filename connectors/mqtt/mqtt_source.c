/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source: a subscription.
 *
 * Paho confirms a message when its callback returns, so with QoS 1 and 2 the callback writes it to
 * the route's spool first (nw_store, one commit); NATS gets it from there. When the spool is full
 * the keeper disconnects and leaves the rest to the broker, which keeps it in our session, until
 * there is room again. Should even the spool's reserve not take a message, the callback does not
 * return: without a return there is no PUBACK, and nothing is lost.
 *
 * With QoS 0 nobody holds a message for us: it is offered if there is credit, and lost otherwise.
 *
 * QoS 2 with version 3.1.1 is delivered by paho when the PUBREL comes, when the broker has long
 * forgotten it; a kill in between would lose it. Paho asks its persistence to keep the packet
 * before it sends the PUBREC, and that persistence is ours: the spool again. What paho delivers
 * later is passed over, having been stored.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mqtt.h"

/* How often a source that is held asks for room. */
#define ROOM_EVERY_NS (200 * MQTT_MILLISECOND_NS)
/* A source that stops still takes what is under way, until nothing came for QUIET_NS, but no longer
 * than DRAIN_NS: what the broker has sent and not seen confirmed, it sends again. */
#define QUIET_NS (50 * MQTT_MILLISECOND_NS)
#define DRAIN_NS (500 * MQTT_MILLISECOND_NS)
#define PACKET_IDS 65536

enum subscription { NOT_SUBSCRIBED, SUBSCRIBING, SUBSCRIBED };

struct mqtt_source {
    struct mqtt_client client; /* first */
    const struct mqtt_source_options *options;
    char *filter;                /* with $share */
    bool remembered;             /* session says that the broker has our subscription */
    struct mqtt_session session; /* as on disk */
    enum subscription state;     /* the keeper's */
    MQTTClient_persistence persistence;
    struct mqtt_client_kind kind;
    uint64_t started, offered; /* of QoS 0: when the source was opened, how many came since */
    unsigned char *stored;     /* bit of each packet id: in the spool, PUBREL not yet come */

    atomic_bool full;    /* the spool has reached its limit */
    atomic_bool closing; /* a callback that cannot store must not return any more */
    _Atomic int64_t arrived_ns, stopped_ns; /* the last message; stop() */
    atomic_int answer;                      /* what SUBACK or UNSUBACK said */
    pthread_mutex_t offer;                  /* held while offering, so that stop() waits for it */
    atomic_bool stopped;
};

/* The granted QoS, a code of refusal, or one of these. */
enum { NO_ANSWER = -1, UNSUBSCRIBE_DONE = -2, REFUSED = 0x80 };

/* ---- what comes, on paho's receive thread ---- */

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

/* A message that owns paho's, which is freed with it. */
static struct nw_message *make(struct mqtt_source *s, char *topic, size_t topic_len,
                               MQTTAsync_message *message)
{
    struct nw_message *m = nw_message_new(s->client.endpoint);
    struct arrived *a = m == NULL ? NULL : nw_message_alloc(m, sizeof *a);

    if (a == NULL) {
        nw_message_unref(m);
        return NULL;
    }
    nw_message_set_address(m, (struct nw_slice){topic, topic_len});
    nw_message_set_payload(m, (struct nw_slice){message->payloadlen == 0 ? "" : message->payload,
                                                (size_t)message->payloadlen});
    nw_message_set_number(m, NW_META_QOS, message->qos);
    nw_message_set_number(m, NW_META_RETAINED, message->retained != 0);
    if ((message->properties.count > 0 &&
         mqtt_properties_to_headers(&message->properties, m) != 0) ||
        (message->retained != 0 &&
         nw_message_add_header(m, mqtt_slice(MQTT_HEADER_RETAIN), mqtt_slice("1")) != 0)) {
        nw_message_unref(m);
        return NULL;
    }
    *a = (struct arrived){topic, message};
    nw_message_set_release(m, release, a);
    return m;
}

static void nap(void)
{
    struct timespec t = {0, 50 * MQTT_MILLISECOND_NS};

    (void)nanosleep(&t, NULL);
}

/* Until it is stored: see the head of this file. */
static void store(struct mqtt_source *s, struct nw_message *m)
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
        nap();
    }
    mqtt_paho_wait(false);
    if (rc == NW_STORED_FULL && !atomic_exchange(&s->full, true)) {
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

static bool is_marked(const struct mqtt_source *s, int id)
{
    return s->stored != NULL && (s->stored[(id & 0xffff) / 8] >> (id % 8) & 1) != 0;
}

static void mark(struct mqtt_source *s, int id, bool stored)
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
static bool unwanted(const struct mqtt_source *s, const MQTTAsync_message *message)
{
    return message->retained != 0 && s->options->retained.index == MQTT_RETAINED_DROP &&
           !s->client.connection->version5;
}

static void give(struct mqtt_source *s, struct nw_message *m)
{
    atomic_store_explicit(&s->arrived_ns, nw_clock_monotonic_ns(), memory_order_relaxed);
    if (s->options->qos > 0) {
        store(s, m);
    } else {
        offer(s, m);
    }
}

static int arrived(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
    struct mqtt_source *s = context;
    struct nw_message *m;

    if (unwanted(s, message) || (message->qos == 2 && is_marked(s, message->msgid))) {
        if (s->stored != NULL) {
            mark(s, message->msgid, false);
        }
        MQTTAsync_freeMessage(&message);
        MQTTAsync_free(topic);
        return 1;
    }
    while ((m = make(s, topic, topic_len == 0 ? strlen(topic) : (size_t)topic_len, message)) ==
           NULL) {
        nap(); /* out of memory; a return would confirm it */
    }
    give(s, m);
    return 1;
}

/* ---- paho's persistence, for QoS 2 of version 3.1.1 ---- */

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
    if (is_marked(s, id) || unwanted(s, &shape)) {
        return;
    }
    while ((m = nw_message_new(s->client.endpoint)) == NULL) {
        nap();
    }
    /* Copied to disk before the packet goes, or offered from memory: it needs bytes of its own. */
    nw_message_set_address(m, nw_message_copy(m, topic.data, topic.len));
    nw_message_set_payload(m, nw_message_copy(m, body.at, body.left));
    nw_message_set_number(m, NW_META_QOS, 2);
    nw_message_set_number(m, NW_META_RETAINED, first & 1);
    if ((first & 1) != 0) {
        (void)nw_message_add_header(m, mqtt_slice(MQTT_HEADER_RETAIN), mqtt_slice("1"));
    }
    store(s, m);
    mark(s, id, true);
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

static int use_persistence(struct mqtt_source *s)
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

/* ---- subscribing, on the keeper; the answers on paho's thread ---- */

static void answered(struct mqtt_source *s, int answer)
{
    atomic_store(&s->answer, answer);
    mqtt_connection_wake(s->client.connection);
}

static void on_subscribed(void *context, MQTTAsync_successData *data)
{
    answered(context, data->alt.qos & 3);
}

static void on_subscribed5(void *context, MQTTAsync_successData5 *data)
{
    answered(context, (int)data->reasonCode & 3);
}

static void on_refused(void *context, MQTTAsync_failureData *data)
{
    /* Only an answer of the server: a lost connection tells by itself. */
    if (data != NULL && data->code >= REFUSED) {
        answered(context, data->code);
    }
}

static void on_refused5(void *context, MQTTAsync_failureData5 *data)
{
    if (data != NULL && (int)data->reasonCode >= REFUSED) {
        answered(context, (int)data->reasonCode);
    }
}

static void on_unsubscribed(void *context, MQTTAsync_successData *data)
{
    (void)data;
    answered(context, UNSUBSCRIBE_DONE);
}

static void on_unsubscribed5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    answered(context, UNSUBSCRIBE_DONE);
}

static void remember(struct mqtt_source *s, bool with_stale)
{
    struct mqtt_session now = s->session;

    if (!with_stale) {
        now.stale = NULL;
    }
    mqtt_session_write(s->client.endpoint, &now);
}

static void subscribe(struct mqtt_source *s)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
    bool version5 = s->client.connection->version5;
    int rc;

    response.context = s;
    if (version5) {
        response.onSuccess5 = on_subscribed5;
        response.onFailure5 = on_refused5;
        response.subscribeOptions.retainAsPublished = 1;
        response.subscribeOptions.retainHandling =
            s->options->retained.index == MQTT_RETAINED_DROP ? 2 : 0;
    } else {
        response.onSuccess = on_subscribed;
        response.onFailure = on_refused;
    }
    remember(s, true); /* before the server can know of it */
    s->state = SUBSCRIBING;
    rc = MQTTAsync_subscribe(s->client.handle, s->filter, (int)s->options->qos, &response);
    if (rc != MQTTASYNC_SUCCESS) {
        mqtt_client_fail(&s->client, mqtt_paho_text(false, rc));
    }
}

static void unsubscribe_stale(struct mqtt_source *s)
{
    MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;

    response.context = s;
    if (s->client.connection->version5) {
        response.onSuccess5 = on_unsubscribed5;
    } else {
        response.onSuccess = on_unsubscribed;
    }
    (void)MQTTAsync_unsubscribe(s->client.handle, s->session.stale, &response);
}

static bool has_stale(const struct mqtt_source *s)
{
    return s->session.stale != NULL && s->session.stale[0] != '\0';
}

static void up(struct mqtt_client *c, bool session_present)
{
    struct mqtt_source *s = (struct mqtt_source *)c;

    atomic_store(&s->answer, NO_ANSWER);
    if (!session_present && s->stored != NULL) {
        memset(s->stored, 0, PACKET_IDS / 8);
    }
    if (has_stale(s)) {
        if (session_present) {
            unsubscribe_stale(s);
        } else {
            s->session.stale[0] = '\0';
        }
    }
    if (session_present && s->remembered) {
        s->state = SUBSCRIBED;
        mqtt_client_ready(c);
    } else {
        subscribe(s);
    }
}

static void down(struct mqtt_client *c)
{
    struct mqtt_source *s = (struct mqtt_source *)c;

    s->state = NOT_SUBSCRIBED;
}

static void handle_answer(struct mqtt_source *s, int answer)
{
    char reason[600];

    if (answer >= 0 && answer < REFUSED && s->state == SUBSCRIBING) {
        s->state = SUBSCRIBED;
        if (answer < (int)s->options->qos) {
            nw_log(s->client.endpoint, NW_LOG_WARNING, "the server grants QoS %d only, not %d",
                   answer, (int)s->options->qos);
        }
        s->remembered = true;
        mqtt_client_ready(&s->client);
    } else if (answer == UNSUBSCRIBE_DONE && has_stale(s)) {
        nw_log(s->client.endpoint, NW_LOG_INFO, "removed the subscription \"%s\" of before",
               s->session.stale);
        s->session.stale[0] = '\0';
        remember(s, false);
    } else if (answer >= REFUSED) {
        s->remembered = false;
        (void)snprintf(reason, sizeof reason, "the subscription to \"%s\" was refused: %s",
                       s->filter,
                       s->client.connection->version5 ? mqtt_paho_text(true, answer)
                                                      : "the server does not say why");
        mqtt_client_fail(&s->client, reason);
    }
}

/* Held until the spool has room. */
static int64_t ask_for_room(struct mqtt_source *s)
{
    if (nw_store(s->client.endpoint, NULL, 0, NULL) != 0) {
        return nw_clock_monotonic_ns() + ROOM_EVERY_NS;
    }
    atomic_store(&s->full, false);
    mqtt_client_resume(&s->client);
    mqtt_connection_wake(s->client.connection);
    return MQTT_NEVER;
}

/* Stopping: what comes after this, the server keeps. */
static int64_t drain(struct mqtt_source *s)
{
    struct mqtt_client *c = &s->client;
    int64_t now = nw_clock_monotonic_ns();

    if (c->phase == MQTT_UP && s->options->qos > 0 && !atomic_load(&s->full) &&
        now - atomic_load(&s->arrived_ns) < QUIET_NS &&
        now - atomic_load(&s->stopped_ns) < DRAIN_NS) {
        return now + QUIET_NS / 5;
    }
    if (c->phase != MQTT_HOLDING) {
        mqtt_client_hold(c, NULL);
    }
    if (atomic_load(&s->closing)) {
        mqtt_client_close(c);
    }
    return MQTT_NEVER;
}

static int64_t work(struct mqtt_client *c)
{
    struct mqtt_source *s = (struct mqtt_source *)c;
    int answer = atomic_exchange(&s->answer, NO_ANSWER);

    if (answer != NO_ANSWER && c->phase == MQTT_UP) {
        handle_answer(s, answer);
    }
    if (atomic_load(&s->stopped)) {
        return drain(s);
    }
    if (c->phase == MQTT_UP && atomic_load(&s->full)) {
        mqtt_client_hold(c, "the spool is full; the server keeps the rest");
    }
    return c->phase == MQTT_HOLDING ? ask_for_room(s) : MQTT_NEVER;
}

/* ---- life ---- */

static void free_source(struct mqtt_source *s)
{
    mqtt_session_done(&s->session);
    (void)pthread_mutex_destroy(&s->offer);
    free(s->client.id);
    free(s->filter);
    free(s->stored);
    free(s);
}

static void closed(struct mqtt_client *c)
{
    struct nw_endpoint *e = c->endpoint;

    if (!mqtt_paho_is_parked()) {
        free_source((struct mqtt_source *)c);
    }
    nw_closed(e);
}

static char *make_filter(const struct mqtt_source_options *o, const char *address)
{
    char *filter = NULL;

    if (o->shared == NULL) {
        return strdup(address);
    }
    return asprintf(&filter, "$share/%s/%s", o->shared, address) < 0 ? NULL : filter;
}

static int replace(char **at, const char *text)
{
    char *copy = strdup(text);

    if (copy == NULL) {
        return NW_ENOMEM;
    }
    free(*at);
    *at = copy;
    return 0;
}

/* Compare what is on disk with what is wanted; afterwards session is what is to be on disk. */
static int load_session(struct mqtt_source *s)
{
    struct mqtt_session *session = &s->session;
    char options[16];
    bool same_id, same_filter;
    int rc = mqtt_session_read(s->client.endpoint, session);

    if (rc != 0) {
        return rc;
    }
    (void)snprintf(options, sizeof options, "%d%d", (int)s->options->qos,
                   s->options->retained.index);
    same_id = session->id != NULL && strcmp(session->id, s->client.id) == 0;
    same_filter = same_id && strcmp(session->filter, s->filter) == 0;
    s->remembered = same_filter && strcmp(session->options, options) == 0;
    if (same_id && !same_filter && session->filter[0] != '\0') {
        rc = replace(&session->stale, session->filter);
    } else if (!same_id || strcmp(session->stale, s->filter) == 0) {
        rc = replace(&session->stale, "");
    }
    rc = rc != 0 ? rc : replace(&session->id, s->client.id);
    rc = rc != 0 ? rc : replace(&session->options, options);
    return rc != 0 ? rc : replace(&session->filter, s->filter);
}

static int init(struct mqtt_source *s, const struct nw_endpoint_config *config)
{
    struct mqtt_connection *connection = config->connection;
    int rc;

    s->kind = (struct mqtt_client_kind){
        .keeps_session = true,
        .up = up,
        .down = down,
        .work = work,
        .closed = closed,
        .arrived = arrived,
    };
    rc = mqtt_client_init(&s->client, connection, &s->kind,
                          mqtt_client_id(connection, config, s->options->client_id));
    s->client.first_ms = config->retry_first_ms;
    s->client.longest_ms = config->retry_longest_ms;
    s->filter = make_filter(s->options, config->address);
    if (rc != 0 || s->filter == NULL) {
        return NW_ENOMEM;
    }
    if (s->options->qos == 2 && !connection->version5 && use_persistence(s) != 0) {
        return NW_ENOMEM;
    }
    return load_session(s);
}

int mqtt_source_open(struct nw_endpoint *e, const struct nw_endpoint_config *config, void **state,
                     struct nw_error *error)
{
    const struct mqtt_source_options *options = config->options;
    struct mqtt_connection *connection = config->connection;
    struct mqtt_source *s;

    if (config->lanes > 1 && options->shared == NULL) {
        return nw_error_set(
            error, NW_EINVAL,
            "each lane would get every message: several lanes need `shared: group`");
    }
    s = calloc(1, sizeof *s);
    if (s == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    (void)pthread_mutex_init(&s->offer, NULL);
    s->options = options;
    s->started = (uint64_t)nw_clock_real_ns() / 1000;
    s->client.endpoint = e;
    if (init(s, config) != 0) {
        free_source(s);
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    (void)pthread_mutex_lock(&connection->lock);
    mqtt_sessions_open(connection, e, s->client.id);
    (void)pthread_mutex_unlock(&connection->lock);
    nw_endpoint_state(e, NW_STATE_CONNECTING, connection->options->url);
    *state = s;
    mqtt_client_start(&s->client);
    return 0;
}

void mqtt_source_credit(void *state)
{
    (void)state; /* QoS 0 has nothing to go on with */
}

void mqtt_source_settle(void *state, const struct nw_result *results, size_t n)
{
    (void)state; /* QoS 0 has nobody to tell; QoS 1 and 2 are settled by the spool */
    (void)results;
    (void)n;
}

void mqtt_source_stop(void *state)
{
    struct mqtt_source *s = state;

    (void)pthread_mutex_lock(&s->offer);
    if (!atomic_load(&s->stopped)) {
        atomic_store(&s->stopped_ns, nw_clock_monotonic_ns());
    }
    atomic_store(&s->stopped, true);
    (void)pthread_mutex_unlock(&s->offer);
    mqtt_connection_wake(s->client.connection);
}

void mqtt_source_close(void *state)
{
    struct mqtt_source *s = state;

    mqtt_source_stop(state); /* it was; but be sure */
    atomic_store(&s->closing, true);
    mqtt_connection_wake(s->client.connection);
}
