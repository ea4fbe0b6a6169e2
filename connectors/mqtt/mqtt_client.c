/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One MQTT client, kept connected: the small state machine that the keeper steps.
 *
 *     WAITING ──► CONNECTING ──► UP ──► HOLDING
 *        ▲            │          │         │
 *        └────────────┴──────────┴─────────┘
 */
#include "mqtt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mqtt_client_init(struct mqtt_client *c, struct mqtt_connection *connection,
                     const struct mqtt_client_kind *kind, char *id)
{
    c->connection = connection;
    c->kind = kind;
    c->id = id;
    c->first_ms = 500;
    c->longest_ms = 30000;
    c->said = (struct mqtt_server){.max_qos = 2, .retain = true};
    return id == NULL ? NW_ENOMEM : 0;
}

char *mqtt_client_id(const struct mqtt_connection *c, const struct nw_endpoint_config *config,
                     const char *exact)
{
    char *base = NULL, *id = NULL;

    if (exact != NULL) {
        return strdup(exact);
    }
    if (c->options->client_id != NULL) {
        base = strdup(c->options->client_id);
    } else if (asprintf(&base, "natsway-%s-%s-%s", c->bridge, c->name, c->instance) < 0) {
        base = NULL;
    }
    if (base == NULL) {
        return NULL;
    }
    if (config->lane == 0 ? asprintf(&id, "%s-%s", base, config->route) < 0
                          : asprintf(&id, "%s-%s-%u", base, config->route, config->lane) < 0) {
        id = NULL;
    }
    free(base);
    return id;
}

void mqtt_client_start(struct mqtt_client *c)
{
    struct mqtt_connection *connection = c->connection;

    c->has_will = c->endpoint != NULL && connection->options->will.topic != NULL &&
                  !atomic_exchange(&connection->will_taken, true);
    (void)pthread_mutex_lock(&connection->lock);
    c->next = connection->clients;
    connection->clients = c;
    c->closing = connection->ending;
    mqtt_connection_wake_locked(connection);
    (void)pthread_mutex_unlock(&connection->lock);
}

void mqtt_client_close(struct mqtt_client *c)
{
    struct mqtt_connection *connection = c->connection;

    (void)pthread_mutex_lock(&connection->lock);
    c->closing = true;
    mqtt_connection_wake_locked(connection);
    (void)pthread_mutex_unlock(&connection->lock);
}

static void tell(struct mqtt_client *c, enum nw_state state, const char *reason)
{
    char text[400];

    c->ready = state == NW_STATE_READY;
    c->failed = state == NW_STATE_DOWN;
    if (c->endpoint == NULL) {
        return;
    }
    (void)snprintf(text, sizeof text, "%s%s%s", c->connection->options->url,
                   reason == NULL || *reason == '\0' ? "" : ": ", reason == NULL ? "" : reason);
    nw_endpoint_state(c->endpoint, state, text);
}

void mqtt_client_ready(struct mqtt_client *c)
{
    c->wait_ms = 0;
    tell(c, NW_STATE_READY, NULL);
}

/* The wait doubles with every failure; between half of it and all, so that clients that failed
 * together come back apart. */
static int64_t next_wait_ms(struct mqtt_client *c)
{
    int64_t wait, spread;

    if (c->wait_ms == 0) {
        c->wait_ms = c->first_ms;
    }
    wait = c->wait_ms;
    spread = (nw_clock_monotonic_ns() / 1000 + (int64_t)((uintptr_t)c >> 6)) % (wait / 2 + 1);
    c->wait_ms = wait * 2 > c->longest_ms ? c->longest_ms : wait * 2;
    return wait - spread;
}

/* The connection is gone or not wanted; what paho held for a client without session goes too. */
static void disconnected(struct mqtt_client *c, enum mqtt_phase phase)
{
    bool was_up = c->phase == MQTT_UP;

    c->phase = phase;
    if (!c->kind->keeps_session) {
        mqtt_paho_destroy(c);
    }
    if (was_up || phase == MQTT_WAITING) {
        c->kind->down(c);
    }
}

static void retry_later(struct mqtt_client *c, const char *reason)
{
    tell(c, NW_STATE_DOWN, reason);
    disconnected(c, MQTT_WAITING);
    c->retry_at_ns = nw_clock_monotonic_ns() + next_wait_ms(c) * MQTT_MILLISECOND_NS;
}

void mqtt_client_fail(struct mqtt_client *c, const char *reason)
{
    mqtt_paho_disconnect(c);
    retry_later(c, reason);
}

void mqtt_client_hold(struct mqtt_client *c, const char *reason)
{
    mqtt_paho_disconnect(c);
    if (reason != NULL) {
        tell(c, NW_STATE_DOWN, reason);
    }
    disconnected(c, MQTT_HOLDING);
}

void mqtt_client_resume(struct mqtt_client *c)
{
    c->phase = MQTT_WAITING;
    c->retry_at_ns = 0;
}

/* Somebody removes the session that is to be ours. */
static bool is_being_cleaned(struct mqtt_client *c)
{
    bool cleaned;

    (void)pthread_mutex_lock(&c->connection->lock);
    cleaned = c->endpoint != NULL && mqtt_cleaner_of(c->connection, c->id) != NULL;
    (void)pthread_mutex_unlock(&c->connection->lock);
    return cleaned;
}

static void connect_now(struct mqtt_client *c)
{
    int rc;

    if (is_being_cleaned(c)) { /* it was told to end */
        c->retry_at_ns = nw_clock_monotonic_ns() + 20 * MQTT_MILLISECOND_NS;
        return;
    }
    rc = c->handle == NULL ? mqtt_paho_create(c) : 0;
    if (c->handle != NULL && MQTTAsync_isConnected(c->handle)) {
        mqtt_paho_disconnect(c); /* a disconnect that paho has not done yet */
        c->retry_at_ns = nw_clock_monotonic_ns() + 20 * MQTT_MILLISECOND_NS;
        return;
    }
    (void)pthread_mutex_lock(&c->connection->lock);
    c->event = MQTT_EVENT_NONE; /* of the connection before */
    c->said_reason[0] = '\0';
    (void)pthread_mutex_unlock(&c->connection->lock);
    c->phase = MQTT_CONNECTING;
    c->retry_at_ns = nw_clock_monotonic_ns() +
                     (c->connection->options->connect_timeout_ms + 15000) * MQTT_MILLISECOND_NS;
    rc = rc == 0 ? mqtt_paho_connect(c) : rc;
    if (rc != 0) {
        retry_later(c, mqtt_paho_text(false, rc));
    }
}

/* The newest thing that paho said. */
static void handle_event(struct mqtt_client *c, enum mqtt_event event, bool session_present,
                         const char *reason)
{
    if (event == MQTT_EVENT_UP && c->phase == MQTT_CONNECTING) {
        c->phase = MQTT_UP;
        c->kind->up(c, session_present);
    } else if (event == MQTT_EVENT_LOST && (c->phase == MQTT_UP || c->phase == MQTT_CONNECTING)) {
        retry_later(c, reason);
    }
}

int64_t mqtt_client_step(struct mqtt_client *c, bool *closed)
{
    struct mqtt_connection *connection = c->connection;
    bool closing, session_present, unexplained;
    enum mqtt_event event;
    int64_t due;
    char reason[sizeof c->reason];

    (void)pthread_mutex_lock(&connection->lock);
    event = c->event;
    c->event = MQTT_EVENT_NONE;
    closing = c->closing;
    session_present = c->session_present;
    unexplained = event == MQTT_EVENT_LOST && c->unexplained && c->said_reason[0] == '\0';
    c->server = c->said;
    (void)snprintf(reason, sizeof reason, "%s",
                   c->said_reason[0] != '\0' ? c->said_reason : c->reason);
    (void)pthread_mutex_unlock(&connection->lock);
    if (closing) {
        mqtt_paho_destroy(c);
        c->phase = MQTT_CLOSED;
        *closed = true;
        return MQTT_NEVER;
    }
    if (unexplained) {
        mqtt_explain(connection->options->url, reason, sizeof reason);
    }
    if (event != MQTT_EVENT_NONE) {
        handle_event(c, event, session_present, reason);
    }
    if (c->phase == MQTT_WAITING && nw_clock_monotonic_ns() >= c->retry_at_ns) {
        connect_now(c);
    }
    if (c->phase == MQTT_CONNECTING && nw_clock_monotonic_ns() >= c->retry_at_ns) {
        mqtt_paho_destroy(c); /* paho should have told long ago */
        retry_later(c, "no answer in time");
    }
    due = c->kind->work(c);
    if ((c->phase == MQTT_WAITING || c->phase == MQTT_CONNECTING) && c->retry_at_ns < due) {
        due = c->retry_at_ns;
    }
    return due;
}
