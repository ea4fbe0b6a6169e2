/* SPDX-License-Identifier: Apache-2.0 */
/* `check --online`: one connection with a client id of its own and no session, so that no client of
 * a running bridge is driven out. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "mqtt.h"

#define PROBE_S 5

/* Wait for what paho says. */
static int wait_for_answer(struct mqtt_connection *connection, struct mqtt_client *c,
                           struct nw_error *error)
{
    char reason[sizeof c->reason];
    struct timespec until;
    int rc = 0, timeout = 0;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PROBE_S;
    (void)pthread_mutex_lock(&connection->lock);
    while (c->event == MQTT_EVENT_NONE && timeout == 0) {
        timeout = pthread_cond_timedwait(&connection->wake, &connection->lock, &until);
    }
    (void)snprintf(reason, sizeof reason, "%s",
                   c->event == MQTT_EVENT_NONE ? "no answer in time"
                   : c->said_reason[0] != '\0' ? c->said_reason
                                               : c->reason);
    bool unexplained = c->unexplained && c->said_reason[0] == '\0';
    rc = c->event == MQTT_EVENT_UP ? 0 : NW_EIO;
    (void)pthread_mutex_unlock(&connection->lock);
    if (rc != 0 && unexplained) {
        mqtt_explain(connection->options->url, reason, sizeof reason);
    }
    return rc == 0 ? 0 : nw_error_set(error, rc, "%s", reason);
}

int mqtt_connection_probe(const void *options, struct nw_error *error)
{
    static const struct mqtt_client_kind kind = {.keeps_session = false};
    char id[24];
    struct mqtt_connection connection = {.options = options};
    struct mqtt_client c = {.connection = &connection, .kind = &kind, .id = id};
    int rc;

    (void)snprintf(id, sizeof id, "natsway-check-%d", (int)getpid());
    connection.version5 = connection.options->version.index == MQTT_VERSION_OPTION_5;
    (void)pthread_mutex_init(&connection.lock, NULL);
    (void)pthread_cond_init(&connection.wake, NULL);
    rc = mqtt_paho_create(&c);
    rc = rc == MQTTASYNC_SUCCESS ? mqtt_paho_connect(&c) : rc;
    rc = rc == MQTTASYNC_SUCCESS
             ? wait_for_answer(&connection, &c, error)
             : nw_error_set(error, NW_EIO, "%s", mqtt_paho_text(connection.version5, rc));
    mqtt_paho_disconnect(&c);
    mqtt_paho_destroy(&c);
    (void)pthread_cond_destroy(&connection.wake);
    (void)pthread_mutex_destroy(&connection.lock);
    return rc;
}
