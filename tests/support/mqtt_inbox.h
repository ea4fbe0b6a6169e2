/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that an MQTT client of a test was sent, with its properties, to be looked at later. */
#ifndef NATSWAY_TESTS_MQTT_INBOX_H
#define NATSWAY_TESTS_MQTT_INBOX_H

#include "support/mqtt_client.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nwt_inbox;

struct nwt_letter {
    char *topic, *payload; /* texts */
    bool retained;
    int qos;
    MQTTProperties properties;
};

struct nwt_inbox *nwt_inbox_new(void);
/* After the client was closed. */
void nwt_inbox_free(struct nwt_inbox *inbox);

/* For nwt_mqtt_connect, with the inbox as context. */
void nwt_inbox_arrived(void *context, const char *topic, const MQTTAsync_message *message);

size_t nwt_inbox_count(struct nwt_inbox *inbox);
/* The i-th that came; it lives as long as the inbox. */
const struct nwt_letter *nwt_inbox_get(struct nwt_inbox *inbox, size_t i);

/* The nth value of a user property, or of a property that is a text; NULL if there is none. They
 * live until the next such call. */
const char *nwt_letter_user(const struct nwt_letter *letter, const char *name, int nth);
const char *nwt_letter_text(const struct nwt_letter *letter, enum MQTTPropertyCodes code);
/* A property that is a number; -1 if there is none. */
int64_t nwt_letter_number(const struct nwt_letter *letter, enum MQTTPropertyCodes code);

#endif
