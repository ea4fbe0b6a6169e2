/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and writing files by their path: what appended and whole files share. Writer thread; may
 * block for the disk. Functions return 0 or a negative errno value. */
#ifndef NATSWAY_FILE_PATH_H
#define NATSWAY_FILE_PATH_H

#include <stdbool.h>
#include <stddef.h>

struct iovec;

/* The folder of a path; folder has room for PATH_MAX bytes. */
int file_folder_of(const char *path, char *folder);

/* Make what is called so in the folder of path durable: names that were added, changed, removed. */
int file_sync_folder(const char *path);

/* Open, or make the file and the folders above it. *made: it was not there. The descriptor, or a
 * negative errno value. */
int file_open(const char *path, int flags, bool *made);

/* Write all of it; parts are changed. */
int file_write_all(int fd, struct iovec *parts, size_t count);
/* Leave out the first n bytes of parts. */
void file_skip(struct iovec **parts, size_t *count, size_t n);

#endif
