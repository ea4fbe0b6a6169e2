/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding a followed file again, by what it is and not by its name, in the folder where it was.
 */
#ifndef NATSWAY_FILE_SEARCH_H
#define NATSWAY_FILE_SEARCH_H

#include "file_identity.h"

struct file_wanted {
    struct file_stat stat; /* device, inode, birth */
    uint64_t head_hash;
    uint32_t head_len;
    int64_t offset;      /* up to here it was read */
    uint64_t check_hash; /* of the bytes just before offset */
    int64_t seen_ns;     /* real time when it was seen last */
};

/* Hash of the bytes just before offset, as in check_hash. 0 or negative errno; -ENODATA: the file
 * is shorter. */
int file_check_hash(int fd, int64_t offset, uint64_t *hash);

/* Is what was read of it still at its place? */
bool file_content_fits(int fd, const struct file_wanted *wanted);

/* The file itself under any name in the folder of path: an open descriptor, or -1. */
int file_find_moved(const char *path, const struct file_wanted *wanted);

/* A copy of it that was made since it was seen last, before it was truncated: the newest whose
 * content fits. An open descriptor, or -1. */
int file_find_copy(const char *path, const struct file_wanted *wanted);

#endif
