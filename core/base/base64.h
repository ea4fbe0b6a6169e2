/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 with the ordinary alphabet and padding (RFC 4648, section 4). */
#ifndef NATSWAY_BASE_BASE64_H
#define NATSWAY_BASE_BASE64_H

#include "base/buffer.h"

void nw_base64_encode(struct nw_buffer *b, struct nw_slice bytes);

/* Append what text stands for. Padding may be left out; anything else than the canonical form is
 * refused. 0; NW_EINVAL, with nothing appended, and error->at; NW_ENOMEM. */
int nw_base64_decode(struct nw_buffer *b, struct nw_slice text, struct nw_error *error);

#endif
