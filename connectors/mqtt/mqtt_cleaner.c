/* SPDX-License-Identifier: Apache-2.0 */
/* Removes a session that no route has any more: it connects once under its id with a clean session,
 * which makes the broker forget the old one, and ends. */
#include <stdlib.h>
#include <string.h>

#include "mqtt.h"

static void up(struct mqtt_client *c, bool session_present)
{
    (void)session_present;
    nw_connection_log(c->connection->host, NW_LOG_INFO,
                      "removed the session \"%s\", which no route has any more", c->id);
    mqtt_sessions_forget(c->connection, c->id);
    mqtt_client_close(c);
}

static void down(struct mqtt_client *c)
{
    (void)c;
}

static int64_t work(struct mqtt_client *c)
{
    (void)c;
    return MQTT_NEVER;
}

static void closed(struct mqtt_client *c)
{
    free(c->id);
    free(c);
}

int mqtt_cleaner_start(struct mqtt_connection *c, const char *id)
{
    static const struct mqtt_client_kind kind = {
        .up = up, .down = down, .work = work, .closed = closed};
    struct mqtt_client *client = calloc(1, sizeof *client);

    if (client == NULL) {
        return NW_ENOMEM;
    }
    if (mqtt_client_init(client, c, &kind, strdup(id)) != 0) {
        free(client);
        return NW_ENOMEM;
    }
    mqtt_client_start(client);
    return 0;
}

struct mqtt_client *mqtt_cleaner_of(const struct mqtt_connection *c, const char *id)
{
    struct mqtt_client *client = c->clients;

    while (client != NULL && (client->endpoint != NULL || strcmp(client->id, id) != 0)) {
        client = client->next;
    }
    return client;
}
