/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NATS subjects. nats.c does not look at what is published to: a blank or a line break in a subject
 * would become part of the protocol, and a line longer than the server takes closes the connection.
 */
#ifndef NATSWAY_HUB_SUBJECT_H
#define NATSWAY_HUB_SUBJECT_H

#include "base/buffer.h"

/* The server closes the connection at a protocol line of 4,096 bytes; the rest is for the reply
 * subject and the sizes. */
#define NW_SUBJECT_MAX 3800

/* May be published to: not empty, no empty token, no blank or control, no wildcard token, not too
 * long. 0, or NW_EINVAL with the reason. */
int nw_subject_check(struct nw_slice subject, struct nw_error *error);
/* May be subscribed to: as above, with `*` and a last `>`. */
int nw_subject_check_pattern(struct nw_slice pattern, struct nw_error *error);

/* Does the pattern take the subject? Both are valid. */
bool nw_subject_matches(struct nw_slice pattern, struct nw_slice subject);

/* Append name as it may stand in the name of a durable or a stream: what is not a letter, a digit,
 * "-" or "_" becomes "_". */
void nw_subject_add_name(struct nw_buffer *b, const char *name);

/* A name that JetStream takes for a stream or a durable. */
bool nw_subject_is_name(const char *name);

#endif
