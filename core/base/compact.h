/* SPDX-License-Identifier: Apache-2.0 */
/* JSON without its blanks, every other byte as it was: digits, escapes and order included. */
#ifndef NATSWAY_BASE_COMPACT_H
#define NATSWAY_BASE_COMPACT_H

#include "base/buffer.h"

#define NW_JSON_DEPTH_MAX 512

/* Append text, one JSON value (RFC 8259, UTF-8), without blanks. false, and b as it was, if text is
 * anything else, or nested deeper than NW_JSON_DEPTH_MAX. */
bool nw_json_compact(struct nw_buffer *b, struct nw_slice text);

#endif
