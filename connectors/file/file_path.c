/* SPDX-License-Identifier: Apache-2.0 */
#include "file_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "file_dispose.h"

#define PARTS_MAX 1024 /* IOV_MAX of Linux */

int file_folder_of(const char *path, char *folder)
{
    const char *slash = strrchr(path, '/');
    int n = slash == NULL   ? snprintf(folder, PATH_MAX, ".")
            : slash == path ? snprintf(folder, PATH_MAX, "/")
                            : snprintf(folder, PATH_MAX, "%.*s", (int)(slash - path), path);

    return n > 0 && n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int file_sync_folder(const char *path)
{
    char folder[PATH_MAX];
    int rc = file_folder_of(path, folder);
    int fd = rc != 0 ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return rc != 0 ? rc : -errno;
    }
    rc = fsync(fd) == 0 || errno == EINVAL ? 0 : -errno;
    close(fd);
    return rc;
}

int file_open(const char *path, int flags, bool *made)
{
    char folder[PATH_MAX];
    int fd = open(path, flags | O_CLOEXEC);

    *made = false;
    if (fd >= 0 || errno != ENOENT) {
        return fd >= 0 ? fd : -errno;
    }
    int rc = file_folder_of(path, folder);
    if (rc == 0) {
        rc = file_make_folders(folder);
    }
    if (rc != 0) {
        return rc;
    }
    *made = true;
    fd = open(path, flags | O_CREAT | O_CLOEXEC, 0666);
    return fd >= 0 ? fd : -errno;
}

void file_skip(struct iovec **parts, size_t *count, size_t n)
{
    while (*count > 0 && n >= (*parts)->iov_len) {
        n -= (*parts)->iov_len;
        (*parts)++;
        (*count)--;
    }
    if (*count > 0) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + n;
        (*parts)->iov_len -= n;
    }
}

int file_write_all(int fd, struct iovec *parts, size_t count)
{
    while (count > 0) {
        ssize_t n = writev(fd, parts, (int)(count < PARTS_MAX ? count : PARTS_MAX));
        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        file_skip(&parts, &count, n < 0 ? 0 : (size_t)n);
    }
    return 0;
}
