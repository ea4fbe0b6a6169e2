/* SPDX-License-Identifier: Apache-2.0 */
#include "file_content.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

bool file_content_changed(const struct file_stat *before, const struct file_stat *now)
{
    return before->modify_ns != now->modify_ns || before->size != now->size;
}

struct file_chunk *file_content_read(const char *path, struct file_stat *known, size_t max)
{
    struct file_stat stat;
    struct file_chunk *chunk = NULL;
    size_t have = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = fd < 0 ? -errno : 0;

    if (rc == 0) {
        rc = file_stat_fd(fd, &stat);
    }
    if (rc == 0 && !file_stat_same(&stat, known)) {
        rc = -ENOENT;
    }
    if (rc == 0) {
        *known = stat;
    }
    if (rc == 0 && (uint64_t)known->size > max) {
        rc = -EFBIG;
    }
    if (rc == 0 && (chunk = file_chunk_new((size_t)known->size, path)) == NULL) {
        rc = -ENOMEM;
    }
    while (rc == 0 && have < chunk->capacity) {
        ssize_t n = read(fd, chunk->data + have, chunk->capacity - have);
        rc = n < 0 ? -errno : n == 0 ? -EAGAIN : 0;
        have += n > 0 ? (size_t)n : 0;
    }
    if (rc == 0 && (rc = file_stat_fd(fd, &stat)) == 0 && file_content_changed(known, &stat)) {
        rc = -EAGAIN;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (rc != 0) {
        file_chunk_unref(chunk);
        errno = -rc;
        return NULL;
    }
    return chunk;
}

uint64_t file_content_identity(const struct file_stat *stat)
{
    uint64_t parts[] = {stat->birth_ns != 0 ? (uint64_t)stat->birth_ns : stat->device, stat->inode,
                        (uint64_t)stat->modify_ns, (uint64_t)stat->size};

    return file_hash(0, parts, sizeof parts);
}
