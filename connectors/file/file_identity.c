/* SPDX-License-Identifier: Apache-2.0 */
#include "file_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "file.h"

static int64_t nanoseconds(struct statx_timestamp t)
{
    return t.tv_sec * FILE_SECOND_NS + (int64_t)t.tv_nsec;
}

static int stat_at(int fd, const char *path, int flags, struct file_stat *out)
{
    struct statx x;

    if (statx(fd, path, flags, STATX_BASIC_STATS | STATX_BTIME, &x) != 0) {
        return -errno;
    }
    *out = (struct file_stat){
        .device = makedev(x.stx_dev_major, x.stx_dev_minor),
        .inode = x.stx_ino,
        .birth_ns = (x.stx_mask & STATX_BTIME) != 0 ? nanoseconds(x.stx_btime) : 0,
        .modify_ns = nanoseconds(x.stx_mtime),
        .change_ns = nanoseconds(x.stx_ctime),
        .size = (int64_t)x.stx_size,
        .links = x.stx_nlink,
        .regular = S_ISREG(x.stx_mode),
        .folder = S_ISDIR(x.stx_mode),
    };
    return 0;
}

int file_stat_path(const char *path, struct file_stat *out)
{
    return stat_at(AT_FDCWD, path, 0, out);
}

int file_stat_fd(int fd, struct file_stat *out)
{
    return stat_at(fd, "", AT_EMPTY_PATH, out);
}

bool file_stat_same(const struct file_stat *a, const struct file_stat *b)
{
    return a->inode == b->inode && a->birth_ns == b->birth_ns &&
           (a->birth_ns != 0 || a->device == b->device);
}

/* FNV-1a, with a last step that spreads the high bits. */
uint64_t file_hash(uint64_t hash, const void *data, size_t len)
{
    const unsigned char *bytes = data;

    hash ^= UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    hash ^= hash >> 32;
    return hash * UINT64_C(0x9e3779b97f4a7c15);
}

int file_head(int fd, uint64_t *hash, uint32_t *len)
{
    char head[FILE_HEAD_MAX];
    ssize_t n = pread(fd, head, sizeof head, 0);

    if (n < 0) {
        return -errno;
    }
    const char *end = memchr(head, '\n', (size_t)n);
    if (end == NULL && (size_t)n < sizeof head) {
        *len = 0;
        return 0;
    }
    *len = (uint32_t)(end == NULL ? sizeof head : (size_t)(end - head) + 1);
    *hash = file_hash(0, head, *len);
    return 0;
}

bool file_head_fits(int fd, uint64_t hash, uint32_t len)
{
    char head[FILE_HEAD_MAX];

    if (len == 0) {
        return true;
    }
    return len <= sizeof head && pread(fd, head, len, 0) == (ssize_t)len &&
           file_hash(0, head, len) == hash;
}

int file_check_read(int fd, int64_t offset, char *check, size_t *len)
{
    size_t want = offset < FILE_CHECK_MAX ? (size_t)offset : FILE_CHECK_MAX;
    ssize_t n = pread(fd, check, want, offset - (int64_t)want);

    if (n < 0) {
        return -errno;
    }
    if ((size_t)n != want) {
        return -ENODATA;
    }
    *len = want;
    return 0;
}
