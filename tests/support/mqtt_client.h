/* SPDX-License-Identifier: Apache-2.0 */
/* An MQTT client for tests: paho's MQTTAsync with waiting calls (they fail the test on errors). */
#ifndef NATSWAY_TESTS_MQTT_CLIENT_H
#define NATSWAY_TESTS_MQTT_CLIENT_H

#include <MQTTAsync.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nwt_mqtt_client;

/* Called on paho's thread for each message that arrives. */
typedef void nwt_mqtt_arrived(void *context, const char *topic, const MQTTAsync_message *message);

/* Connect with the protocol version 4 (3.1.1) or 5. clean: without a kept session. */
struct nwt_mqtt_client *nwt_mqtt_connect(const char *url, const char *client_id, int version,
                                         bool clean, nwt_mqtt_arrived *arrived, void *context);
/* Disconnect and free. NULL is allowed. */
void nwt_mqtt_close(struct nwt_mqtt_client *client);

/* Returns after SUBACK. */
void nwt_mqtt_subscribe(struct nwt_mqtt_client *client, const char *filter, int qos);

/* Hands over one message, waiting while more than 18 are not confirmed; nwt_mqtt_flush waits for
 * the confirmation of all. */
void nwt_mqtt_publish(struct nwt_mqtt_client *client, const char *topic, const void *payload,
                      size_t len, int qos, bool retain);
void nwt_mqtt_flush(struct nwt_mqtt_client *client);

/* For what is not here. */
MQTTAsync nwt_mqtt_handle(struct nwt_mqtt_client *client);

#endif
