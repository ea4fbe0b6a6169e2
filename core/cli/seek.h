/* SPDX-License-Identifier: Apache-2.0 */
/* What `natsway seek` asks of the running bridge, as a line: ROUTE WHERE NUMBER. */
#ifndef NATSWAY_CLI_SEEK_H
#define NATSWAY_CLI_SEEK_H

#include "base/buffer.h"
#include "pump/bridge.h"

void nw_seek_write(const struct nw_seek_request *request, struct nw_buffer *out);
/* A whole number that is not negative. */
bool nw_seek_read_number(const char *text, int64_t *out);
/* false: it is no such line. text is changed, and out points into it. */
bool nw_seek_read(char *text, struct nw_seek_request *out);

#endif
