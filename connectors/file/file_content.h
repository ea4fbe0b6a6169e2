/* SPDX-License-Identifier: Apache-2.0 */
/* The content of a whole file. */
#ifndef NATSWAY_FILE_CONTENT_H
#define NATSWAY_FILE_CONTENT_H

#include "file_source.h"

/* All bytes of a file, which is to be the one that `known` tells; that is brought up to date. NULL
 * with errno: EAGAIN when it is still being written, EFBIG when it is larger than max, ENOENT when
 * another file stands there. */
struct file_chunk *file_content_read(const char *path, struct file_stat *known, size_t max);

/* Was it written in between? */
bool file_content_changed(const struct file_stat *before, const struct file_stat *now);

/* What its ids are made of: the file, and when it was written. */
uint64_t file_content_identity(const struct file_stat *stat);

#endif
