/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source: a subscription. What comes is stored in the route's spool before it is confirmed
 * (mqtt_arrive.c); NATS gets it from there. When the spool is full the keeper disconnects and
 * leaves the rest to the broker, which keeps it in our session, until there is room again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt_source.h"

/* How often a source that is held asks for room. */
#define ROOM_EVERY_NS (200 * MQTT_MILLISECOND_NS)
/* A source that stops still takes what is under way, until nothing came for QUIET_NS, but no longer
 * than DRAIN_NS: what the broker has sent and not seen confirmed, it sends again. */
#define QUIET_NS (50 * MQTT_MILLISECOND_NS)
#define DRAIN_NS (500 * MQTT_MILLISECOND_NS)

/* ---- what the keeper calls ---- */

static void up(struct mqtt_client *c, bool session_present)
{
    struct mqtt_source *s = mqtt_source_of(c);

    if (!session_present) {
        mqtt_source_forget_ids(s);
    }
    mqtt_source_subscribe(s, session_present);
}

static void down(struct mqtt_client *c)
{
    mqtt_source_of(c)->state = MQTT_NOT_SUBSCRIBED;
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
    struct mqtt_source *s = mqtt_source_of(c);

    mqtt_source_handle_answers(s);
    if (atomic_load(&s->stopped)) {
        return drain(s);
    }
    if (c->phase == MQTT_UP && atomic_load(&s->full)) {
        mqtt_client_hold(c, s->full_why);
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
        free_source(mqtt_source_of(c));
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
        .arrived = mqtt_source_arrived,
    };
    rc = mqtt_client_init(&s->client, connection, &s->kind,
                          mqtt_client_id(connection, config, s->options->client_id));
    s->client.first_ms = config->retry_first_ms;
    s->client.longest_ms = config->retry_longest_ms;
    s->filter = make_filter(s->options, config->address);
    if (rc != 0 || s->filter == NULL) {
        return NW_ENOMEM;
    }
    if (s->options->qos == 2 && !connection->version5 && mqtt_source_use_persistence(s) != 0) {
        return NW_ENOMEM;
    }
    return mqtt_source_load_session(s);
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
    mqtt_sessions_open(connection, e, config->route, s->client.id);
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
