/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: written under a temporary name, made durable, and given their name. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "file_output.h"
#include "file_path.h"

/* A name of ours beside the file, the same after a restart: what a killed process left is used
 * again and does not pile up. The leading dot keeps it out of patterns. */
static int temporary_name(const struct file_outputs *all, const char *path, size_t slot, char *name)
{
    char folder[PATH_MAX];
    int rc = file_folder_of(path, folder);

    if (rc != 0) {
        return rc;
    }
    int n = snprintf(name, PATH_MAX, "%s/.natsway-%s-%zu.tmp", folder, all->temporary, slot);
    return n > 0 && n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int file_whole_write(const struct file_outputs *all, const char *path, size_t slot,
                     struct nw_slice payload)
{
    char name[PATH_MAX];
    struct iovec part = {(void *)(uintptr_t)payload.data, payload.len};
    bool made;
    int rc = temporary_name(all, path, slot, name);
    int fd = rc != 0 ? rc : file_open(name, O_WRONLY | O_TRUNC | O_NOFOLLOW, &made);

    if (fd < 0) {
        return fd;
    }
    rc = payload.len == 0 ? 0 : file_write_all(fd, &part, 1);
    if (rc == 0 && fdatasync(fd) != 0) {
        rc = -errno;
    }
    close(fd);
    if (rc != 0) {
        unlink(name);
    }
    return rc;
}

int file_whole_name(const struct file_outputs *all, const char *path, size_t slot)
{
    char name[PATH_MAX];
    int rc = temporary_name(all, path, slot, name);

    if (rc == 0 && rename(name, path) != 0) {
        rc = -errno;
        unlink(name);
    }
    return rc;
}
