/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a template fills: how a value is escaped so that it cannot change the structure of what it
 * is put into, and what the whole must be.
 *
 *     subject      one token: . * > % blank, controls, DEL and what is not UTF-8 become %XX
 *     KV key       one token: all but letters, digits, - _ and / become =XX
 *     MQTT topic   one level: / + # % controls and what is not UTF-8 become %XX
 *     URL          all but letters, digits and - . _ ~ become %XX; only behind the host, but for
 * raw path         one name: / % and controls become %XX; . and .. alone too Kafka topic  as it is:
 * there is no character left to escape with; the check refuses header, text as it is
 */
#ifndef NATSWAY_MAPPINGS_FILL_H
#define NATSWAY_MAPPINGS_FILL_H

#include "mappings/text.h"

#define NW_SUBJECT_LONGEST 3500 /* the server closes the connection at lines of 4096 bytes */
#define NW_KAFKA_TOPIC_LONGEST 249
#define NW_MQTT_TOPIC_LONGEST 65535
#define NW_URL_LONGEST 8192
#define NW_FILE_NAME_LONGEST 255
#define NW_PATH_LONGEST 4095

/* Append value, escaped. Returns NULL, or why such a value cannot be put in. */
const char *nw_fill_escape(struct nw_text *out, enum nw_fill fill, struct nw_slice value);

/* What separates levels in what is filled. */
char nw_fill_separator(enum nw_fill fill);

/* What the whole is called: "subject", "MQTT topic". */
const char *nw_fill_name(enum nw_fill fill);

/* Is whole what may be filled in? 0, or NW_EINVAL with the reason and error->at. own: how much
 * there is of what only the author himself may write, see nw_fill_count_own. */
int nw_fill_check(enum nw_fill fill, struct nw_slice whole, size_t own, struct nw_error *error);

/* Levels of a path that are . or .., or the "@" in front of the host of a URL. */
size_t nw_fill_count_own(enum nw_fill fill, struct nw_slice whole);

/* Levels of a path that are . or .. */
size_t nw_fill_count_dots(struct nw_slice path);

/* One byte as PREFIX XX. */
void nw_fill_add_hex(struct nw_text *out, char prefix, unsigned char byte);

/* May the valid UTF-8 character of n bytes stand in an MQTT topic? Brokers refuse controls and
 * non-characters. */
bool nw_mqtt_takes(const char *character, size_t n);

#endif
