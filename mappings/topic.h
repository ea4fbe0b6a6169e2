/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MQTT topics as NATS subjects and back.
 *
 * By NATS server's rules: levels become tokens, "." becomes "//", an empty level becomes the token
 * "/". That is what other MQTT clients of NATS see, but it does not come back for every name: a
 * blank becomes %20 for good, and a single "/" within a token is lost.
 *
 * Escaped: one to one in both directions, for every topic and every subject. Level and token are
 * the same text but for
 *   - what a token cannot have: "." and blank, which become %2E and %20; an empty level, "*" and
 * ">" alone, which become %00, %2A and %3E;
 *   - what a level cannot have: "/" "+" and "#", which become %2F, %2B, %23;
 *   - text that looks like one of these escapes already. It gets, or loses, one "25" behind its
 *     "%": the topic level "%2E" is the token "%252E", and the token "%2F" is the level "%252F".
 * The two sets of escapes do not meet, so each function undoes the other exactly.
 */
#ifndef NATSWAY_MAPPINGS_TOPIC_H
#define NATSWAY_MAPPINGS_TOPIC_H

#include "mappings/text.h"

/* Append a topic as a subject; and the reverse. part: these are only the last levels of a name. */
void nw_topic_to_subject(struct nw_text *out, struct nw_slice topic, bool part, bool escaped);
void nw_subject_to_topic(struct nw_text *out, struct nw_slice subject, bool part, bool escaped);

#endif
