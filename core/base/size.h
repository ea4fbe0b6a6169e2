/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes as people write them: 65536, 64KiB, 1MiB, 2GiB by 1024; 64KB, 1MB by 1000. Inside: bytes.
 */
#ifndef NATSWAY_BASE_SIZE_H
#define NATSWAY_BASE_SIZE_H

#include "base/slice.h"

/* Read all of text. *out_bytes is written only on success and is never negative. 0 or NW_EINVAL
 * with what was expected. */
int nw_size_parse(struct nw_slice text, int64_t *out_bytes, struct nw_error *error);

#define NW_SIZE_TEXT 32

/* Write bytes (not negative) in the largest unit by 1024 that loses nothing. Returns out. */
const char *nw_size_format(int64_t bytes, char out[NW_SIZE_TEXT]);

#endif
