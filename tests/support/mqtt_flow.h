/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the MQTT tests have in common: a nats-server with a stream, mosquitto, natsway
 * between them, and numbered messages over the topics and subjects t/0 … t/9 (s.0 … s.9), each a
 * group whose order is checked.
 */
#ifndef NATSWAY_TESTS_MQTT_FLOW_H
#define NATSWAY_TESTS_MQTT_FLOW_H

#include "support/bridge.h"
#include "support/mosquitto.h"
#include "support/mqtt_client.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/numbered.h"

#define NWT_FLOW_TOPICS 10

struct nwt_flow {
    struct nwt_folder *folder;
    struct nwt_nats *nats;
    struct nwt_nats_client *client;
    struct nwt_mosquitto *mosquitto;
    struct nwt_bridge *bridge; /* NULL until the test makes it */
    struct nwt_numbered *numbers;
};

/* Servers and the stream "s" on "s.>"; `mosquitto_more` as in nwt_mosquitto_new. */
struct nwt_flow *nwt_flow_new(size_t count, const char *mosquitto_more);
void nwt_flow_free(struct nwt_flow *f);

/* natsway, with the servers' addresses, a connection `mqtt` with the given options behind its url
 * ("version: 5"), and the routes as YAML behind `routes:`. Not started. */
void nwt_flow_bridge(struct nwt_flow *f, const char *connection, const char *routes);
/* The same into the file of the bridge that is there. */
void nwt_flow_rewrite(struct nwt_flow *f, const char *connection, const char *routes);

/* Publish the numbers first..first+n over MQTT and wait until they are confirmed. */
void nwt_flow_publish_mqtt(struct nwt_flow *f, struct nwt_mqtt_client *publisher, size_t first,
                           size_t n, int qos);
/* Publish them into the stream. */
void nwt_flow_publish_stream(struct nwt_flow *f, size_t first, size_t n);

/* Wait until the stream holds so many messages. */
bool nwt_flow_stream_has(struct nwt_flow *f, size_t count, int64_t timeout_ms);
/* Read the stream into numbers, anew until all of them are there: where repeats are in it too, its
 * count does not say that. False if some are missing after timeout_ms. */
bool nwt_flow_read_stream(struct nwt_flow *f, int64_t timeout_ms);

/* For nwt_mqtt_connect with f as context: takes messages of t/N into numbers. */
void nwt_flow_arrived(void *context, const char *topic, const MQTTAsync_message *message);

#endif
