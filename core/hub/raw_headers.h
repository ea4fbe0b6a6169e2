/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of a received message as they came over the wire.
 *
 * nats.c up to 3.4 reads an empty value wrongly (the next header becomes the value, and after an
 * empty last value there are no headers at all), loses the order between names, and copies each
 * header into a table. So they are read by hand. A message of nats.c is one piece of memory, in
 * which the headers stand between the reply subject and the payload.
 */
#ifndef NATSWAY_HUB_RAW_HEADERS_H
#define NATSWAY_HUB_RAW_HEADERS_H

#include <nats/nats.h>

#include "base/slice.h"

/* The lines behind "NATS/1.0…"; absent: it has none. Whether nats.c has looked at them already
 * makes no difference. */
struct nw_slice nw_raw_headers(natsMsg *msg);

/* The same of the bytes of headers by themselves, from "NATS/1.0" on. */
struct nw_slice nw_raw_header_lines(struct nw_slice bytes);

/* The next header; *lines moves behind it. The value is trimmed. folded: it goes over several
 * lines, whose breaks stand for blanks. false: there is none. Lines that are no headers are passed
 * over. */
bool nw_raw_headers_next(struct nw_slice *lines, struct nw_slice *name, struct nw_slice *value,
                         bool *folded);

#endif
