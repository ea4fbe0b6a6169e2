/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dead letter: a message as it came, and in headers why it is dead and what NATS has no place for
 * otherwise, so that it can be sent through its route again as if it came from its source. Written
 * by the pump, read by `natsway dlq`.
 *
 * Headers Nats-*, which would be orders to the server that stores the letter, are kept under
 * another name. Key, timestamp, tombstone and origin are carried as in every message of ours.
 */
#ifndef NATSWAY_MESSAGE_LETTER_H
#define NATSWAY_MESSAGE_LETTER_H

#include "message/message.h"

#define NW_LETTER_ERROR "Natsway-Error"
#define NW_LETTER_ROUTE "Natsway-Route"
#define NW_LETTER_TRUNCATED "Natsway-Truncated"

/* What a letter says beside the message. Absent: it does not say, as letters of older versions. */
struct nw_letter {
    struct nw_slice reason, bridge, route;
    struct nw_slice time;      /* when it was refused, RFC 3339 */
    struct nw_slice attempts;  /* a number */
    struct nw_slice truncated; /* the payload was cut, and had so many bytes */
    struct nw_slice part;      /* it is a part of a split: its number, from 0 */
    struct nw_slice split;     /* of which split of the route's steps, from 1 */
    struct nw_slice subject;   /* what was set as such before it was split */
    struct nw_slice target;    /* which one refused it; absent also: none has seen it */
};

/* m, made of the original and with its origin and address, becomes the letter. What letter has is
 * copied. 0 or NW_ENOMEM. */
int nw_letter_write(struct nw_message *m, const struct nw_letter *letter);

/* The reverse: m becomes what came from the source, with no trace in its headers of having been a
 * letter, and *out is what it says. Where m was a part of a split it is one again. 0 or NW_ENOMEM.
 */
int nw_letter_read(struct nw_message *m, struct nw_letter *out);

#endif
