/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subscription: made with the first connection, kept by the broker with our session, and what
 * a changed route left behind is removed. Paho's answers come on its thread; the keeper acts on
 * them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt_source.h"

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
int mqtt_source_load_session(struct mqtt_source *s)
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
    if (data != NULL && data->code >= MQTT_REFUSED) {
        answered(context, data->code);
    }
}

static void on_refused5(void *context, MQTTAsync_failureData5 *data)
{
    if (data != NULL && (int)data->reasonCode >= MQTT_REFUSED) {
        answered(context, (int)data->reasonCode);
    }
}

static void unsubscribed(struct mqtt_source *s)
{
    atomic_store(&s->unsubscribed, true);
    mqtt_connection_wake(s->client.connection);
}

static void on_unsubscribed(void *context, MQTTAsync_successData *data)
{
    (void)data;
    unsubscribed(context);
}

static void on_unsubscribed5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    unsubscribed(context);
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
    s->state = MQTT_SUBSCRIBING;
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

void mqtt_source_subscribe(struct mqtt_source *s, bool session_present)
{
    atomic_store(&s->answer, MQTT_NO_ANSWER);
    atomic_store(&s->unsubscribed, false);
    if (has_stale(s)) {
        if (session_present) {
            unsubscribe_stale(s);
        } else {
            s->session.stale[0] = '\0';
        }
    }
    if (session_present && s->remembered) {
        s->state = MQTT_SUBSCRIBED;
        mqtt_client_ready(&s->client);
    } else {
        subscribe(s);
    }
}

static void granted(struct mqtt_source *s, int qos)
{
    s->state = MQTT_SUBSCRIBED;
    if (qos < (int)s->options->qos) {
        nw_log(s->client.endpoint, NW_LOG_WARNING, "the server grants QoS %d only, not %d", qos,
               (int)s->options->qos);
    }
    s->remembered = true;
    mqtt_client_ready(&s->client);
}

static void refused(struct mqtt_source *s, int code)
{
    const char *why =
        s->client.connection->version5 ? mqtt_paho_text(true, code) : "the server does not say why";
    char reason[600];

    s->remembered = false;
    (void)snprintf(reason, sizeof reason, "the subscription to \"%s\" was refused: %s", s->filter,
                   why);
    mqtt_client_fail(&s->client, reason);
}

void mqtt_source_handle_answers(struct mqtt_source *s)
{
    int answer = atomic_exchange(&s->answer, MQTT_NO_ANSWER);

    if (atomic_exchange(&s->unsubscribed, false) && has_stale(s)) {
        nw_log(s->client.endpoint, NW_LOG_INFO, "removed the subscription \"%s\" of before",
               s->session.stale);
        s->session.stale[0] = '\0';
        remember(s, false);
    }
    if (s->client.phase != MQTT_UP || s->state != MQTT_SUBSCRIBING) {
        return;
    }
    if (answer >= MQTT_REFUSED) {
        refused(s, answer);
    } else if (answer >= 0) {
        granted(s, answer);
    }
}
