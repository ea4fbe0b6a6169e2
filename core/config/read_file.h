/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a whole file into memory, for configuration files and what they name. */
#ifndef NATSWAY_CONFIG_READ_FILE_H
#define NATSWAY_CONFIG_READ_FILE_H

#include "base/buffer.h"

/* Append the content of path to out. It must be a file (or a pipe) of at most `largest` bytes
 * without a NUL. 0; NW_EINVAL with the reason, which names the path; NW_ENOMEM. */
int nw_read_file(const char *path, size_t largest, struct nw_buffer *out, struct nw_error *error);

#endif
