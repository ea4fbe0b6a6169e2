/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What NATS carries of a message that came from elsewhere: the rules, as pure functions on bytes.
 *
 * A NATS header value ends at a NUL, its line breaks become blanks and its edges are trimmed; a
 * name must be a token. What does not fit goes as base64 under Natsway-B64-<Name>; where the name
 * itself does not fit, as Natsway-B64-~<name in base64url>. Key, timestamp and tombstone have
 * headers of their own, so that they come back on the other side of NATS.
 */
#ifndef NATSWAY_HUB_CARRY_H
#define NATSWAY_HUB_CARRY_H

#include "base/buffer.h"

#define NW_CARRY_KEY "Natsway-Key"
#define NW_CARRY_TIMESTAMP "Natsway-Timestamp"
#define NW_CARRY_TOMBSTONE "Natsway-Tombstone"
#define NW_CARRY_ORIGIN "Natsway-Origin"
#define NW_CARRY_STATUS "Natsway-Status"
#define NW_CARRY_B64 "Natsway-B64-"

/* Can NATS carry the header as it is? */
bool nw_carry_fits(struct nw_slice name, struct nw_slice value);

/* Append to b the name and then the value under which NATS carries the header, each followed by a
 * NUL. as_base64: it does not fit, or another value of the same name does not (their order holds
 * only under one name). Memory running out marks b failed. */
void nw_carry_encode(struct nw_buffer *b, struct nw_slice name, struct nw_slice value,
                     bool as_base64);

/* The reverse for a header whose name begins with Natsway-B64-: append the name to name and the
 * value to value, without NULs. 0; NW_EINVAL if it is no such header, nothing appended; NW_ENOMEM.
 */
int nw_carry_decode(struct nw_slice header, struct nw_slice text, struct nw_buffer *name,
                    struct nw_buffer *value);

#endif
