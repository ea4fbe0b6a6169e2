/* SPDX-License-Identifier: Apache-2.0 */
#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_folders(const char *folder, struct nw_error *error)
{
    char *path = strdup(folder);
    int rc = 0;

    if (path == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    for (char *at = path + 1; rc == 0; at++) {
        char c = *at;
        if (c != '/' && c != '\0') {
            continue;
        }
        *at = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            rc = nw_error_set(error, NW_EIO, "the state folder %s cannot be made: %s", path,
                              strerror(errno));
        }
        *at = c;
        if (c == '\0') {
            break;
        }
    }
    free(path);
    return rc;
}

static int refused(int fd, const char *folder, struct nw_error *error)
{
    char pid[32] = "";
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);

    pid[n > 0 ? n : 0] = '\0';
    pid[strcspn(pid, "\n")] = '\0';
    return nw_error_set(error, NW_EIO,
                        "the state folder %s is used by process %s; give each bridge a name: or "
                        "--state-dir of its own",
                        folder, pid[0] == '\0' ? "(unknown)" : pid);
}

int nw_folder_lock(const char *folder, struct nw_error *error)
{
    char *path = NULL, pid[32];
    int fd, n, rc = make_folders(folder, error);

    if (rc != 0) {
        return rc;
    }
    if (asprintf(&path, "%s/lock", folder) < 0) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        rc = nw_error_set(error, NW_EIO, "%s cannot be written: %s", path, strerror(errno));
        free(path);
        return rc;
    }
    free(path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        rc = refused(fd, folder, error);
        (void)close(fd);
        return rc;
    }
    n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n, 0) != n) {
        rc = nw_error_set(error, NW_EIO, "%s/lock cannot be written: %s", folder, strerror(errno));
        (void)close(fd);
        return rc;
    }
    return fd;
}
