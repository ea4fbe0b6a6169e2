/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which file is which, whatever it is called now.
 *
 * An inode number alone is reused as soon as its file is gone, so a file is told by inode, time of
 * birth, the beginning of its content, and the bytes just before the place that was reached. The
 * device counts only where the file system knows no time of birth: its number may change with a
 * reboot. Functions return 0 or a negative errno value.
 */
#ifndef NATSWAY_FILE_IDENTITY_H
#define NATSWAY_FILE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file_stat {
    uint64_t device, inode;
    int64_t birth_ns; /* 0: unknown */
    int64_t modify_ns, change_ns, size;
    uint32_t links;
    bool regular, folder;
};

int file_stat_path(const char *path, struct file_stat *out); /* follows symbolic links */
int file_stat_fd(int fd, struct file_stat *out);

/* The same object on disk, as far as the file system tells. */
bool file_stat_same(const struct file_stat *a, const struct file_stat *b);

/* Mix more bytes into a hash that began as 0. Stable for ever: ids are made of it. */
uint64_t file_hash(uint64_t hash, const void *data, size_t len);

#define FILE_HEAD_MAX 256
#define FILE_CHECK_MAX 64

/* The first line, up to FILE_HEAD_MAX bytes: what is complete never changes again unless the file
 * is another one. 0 and *len, 0 when there is no complete line yet. */
int file_head(int fd, uint64_t *hash, uint32_t *len);

/* Does the content begin with the head that was known? len 0 knows nothing and fits all. */
bool file_head_fits(int fd, uint64_t hash, uint32_t len);

/* The bytes just before offset: fills check with *len <= FILE_CHECK_MAX bytes. -ENODATA when
 * the file is shorter than offset. */
int file_check_read(int fd, int64_t offset, char *check, size_t *len);

#endif
