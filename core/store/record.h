/* SPDX-License-Identifier: Apache-2.0 */
/* A message as bytes and back: what a row of the spool holds. Format 1, numbers little-endian. */
#ifndef NATSWAY_STORE_RECORD_H
#define NATSWAY_STORE_RECORD_H

#include "base/buffer.h"
#include "message/message.h"

/* Append all of m but the pump's own fields. */
void nw_record_write(const struct nw_message *m, struct nw_buffer *out);

/* A message out of len bytes, which are copied into it. NULL: no memory, or not a record. */
struct nw_message *nw_record_read(const void *data, size_t len);

#endif
