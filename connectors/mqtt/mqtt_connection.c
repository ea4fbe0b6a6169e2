/* SPDX-License-Identifier: Apache-2.0 */
/* The connection: what its clients share, and the keeper thread that runs them. See mqtt.h. */
#include <errno.h>
#include <stdlib.h>

#include "mqtt.h"

void mqtt_connection_wake_locked(struct mqtt_connection *c)
{
    if (!c->woken) {
        c->woken = true;
        (void)pthread_cond_signal(&c->wake);
    }
}

void mqtt_connection_wake(struct mqtt_connection *c)
{
    (void)pthread_mutex_lock(&c->lock);
    mqtt_connection_wake_locked(c);
    (void)pthread_mutex_unlock(&c->lock);
}

/* Lock held. Sleep until woken or until_ns. */
static void sleep_until(struct mqtt_connection *c, int64_t until_ns)
{
    struct timespec t = {until_ns / MQTT_SECOND_NS, until_ns % MQTT_SECOND_NS};

    while (!c->woken) {
        if (until_ns == MQTT_NEVER) {
            (void)pthread_cond_wait(&c->wake, &c->lock);
        } else if (pthread_cond_timedwait(&c->wake, &c->lock, &t) == ETIMEDOUT) {
            return;
        }
    }
}

/* Lock held; it is released meanwhile, so only the keeper may take clients out of the list. */
static int64_t step_all(struct mqtt_connection *c)
{
    int64_t until = MQTT_NEVER;
    struct mqtt_client **at = &c->clients;

    while (*at != NULL) {
        struct mqtt_client *client = *at, *next = client->next;
        bool closed = false;
        int64_t due;

        (void)pthread_mutex_unlock(&c->lock);
        due = mqtt_client_step(client, &closed);
        (void)pthread_mutex_lock(&c->lock);
        until = due < until ? due : until;
        if (!closed) {
            at = &client->next;
            continue;
        }
        /* New ones are only ever put before the first. */
        for (at = &c->clients; *at != client; at = &(*at)->next) {
        }
        *at = next;
        (void)pthread_mutex_unlock(&c->lock);
        client->kind->closed(client);
        (void)pthread_mutex_lock(&c->lock);
    }
    return until;
}

/* Lock held. Up if all its clients are, down if one failed. That one more begins to connect is no
 * news of a connection that is up. */
static void tell_state(struct mqtt_connection *c)
{
    bool any = false, ready = true, failed = false;
    int state;

    for (const struct mqtt_client *client = c->clients; client != NULL; client = client->next) {
        if (client->endpoint != NULL) {
            any = true;
            ready = ready && client->ready;
            failed = failed || client->failed;
        }
    }
    state = failed ? NW_STATE_DOWN : any && ready ? NW_STATE_READY : NW_STATE_CONNECTING;
    if (state == c->state ||
        (state == NW_STATE_CONNECTING && (!any || c->state == NW_STATE_READY))) {
        return;
    }
    c->state = state;
    (void)pthread_mutex_unlock(&c->lock);
    nw_connection_state(c->host, (enum nw_state)state, NULL);
    (void)pthread_mutex_lock(&c->lock);
}

static int64_t clean_sessions(struct mqtt_connection *c)
{
    int64_t due = c->clean_at_ns;

    if (due == MQTT_NEVER || due > nw_clock_monotonic_ns()) {
        return due;
    }
    c->clean_at_ns = MQTT_NEVER;
    (void)pthread_mutex_unlock(&c->lock);
    mqtt_sessions_clean(c);
    (void)pthread_mutex_lock(&c->lock);
    return MQTT_NEVER;
}

static void *keep(void *context)
{
    struct mqtt_connection *c = context;

    (void)pthread_mutex_lock(&c->lock);
    while (!c->ending || c->clients != NULL) {
        int64_t until, clean;

        c->woken = false;
        until = step_all(c);
        tell_state(c);
        clean = c->ending ? MQTT_NEVER : clean_sessions(c);
        if (!c->ending || c->clients != NULL) {
            sleep_until(c, clean < until ? clean : until);
        }
    }
    (void)pthread_mutex_unlock(&c->lock);
    return NULL;
}

static void free_connection(struct mqtt_connection *c)
{
    mqtt_sessions_done(c);
    (void)pthread_cond_destroy(&c->wake);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

int mqtt_connection_open(struct nw_connection *host, const struct nw_connection_config *config,
                         void **state, struct nw_error *error)
{
    struct mqtt_connection *c = calloc(1, sizeof *c);
    pthread_condattr_t monotonic;

    if (c == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    c->host = host;
    c->options = config->options;
    c->bridge = config->bridge;
    c->instance = config->instance;
    c->name = config->name;
    c->version5 = c->options->version.index == MQTT_VERSION_OPTION_5;
    c->clean_at_ns = MQTT_NEVER;
    c->state = NW_STATE_CONNECTING;
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&c->wake, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (pthread_create(&c->keeper, NULL, keep, c) != 0) {
        free_connection(c);
        return nw_error_set(error, NW_EIO, "no thread could be started");
    }
    *state = c;
    return 0;
}

void mqtt_connection_close(void *state)
{
    struct mqtt_connection *c = state;

    (void)pthread_mutex_lock(&c->lock);
    c->ending = true;
    for (struct mqtt_client *client = c->clients; client != NULL; client = client->next) {
        client->closing = true; /* only cleaners are left */
    }
    mqtt_connection_wake_locked(c);
    (void)pthread_mutex_unlock(&c->lock);
    (void)pthread_join(c->keeper, NULL);
    free_connection(c);
}
