/* SPDX-License-Identifier: Apache-2.0 */
#include "file_dispose.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define NUMBERS 10000 /* names tried for a moved file */

int file_dispose_delete(const char *path)
{
    return unlink(path) == 0 ? 0 : -errno;
}

int file_make_folders(const char *folder)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s", folder);

    if (n < 0 || n >= (int)sizeof path) {
        return -ENAMETOOLONG;
    }
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash != NULL) {
            *slash = '\0';
        }
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            return -errno;
        }
        if (slash == NULL) {
            return 0;
        }
        *slash = '/';
    }
}

/* "<folder>/<name>" or "<folder>/<name>.<number>" */
static int target_name(char *target, const char *folder, const char *name, int number)
{
    char suffix[16] = "";
    size_t len = strlen(folder);
    int n;

    if (number > 0) {
        (void)snprintf(suffix, sizeof suffix, ".%d", number);
    }
    n = snprintf(target, PATH_MAX, "%s%s%s%s", folder, folder[len - 1] == '/' ? "" : "/", name,
                 suffix);
    return n > 0 && n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int copy_bytes(int from, int to)
{
    struct stat st;

    if (fstat(from, &st) != 0) {
        return -errno;
    }
    for (off_t at = 0; at < st.st_size;) {
        ssize_t n = sendfile(to, from, &at, (size_t)(st.st_size - at));
        if (n <= 0) {
            return n == 0 ? -EIO : -errno;
        }
    }
    struct timespec times[] = {st.st_atim, st.st_mtim};
    if (fchmod(to, st.st_mode & 07777) != 0 || futimens(to, times) != 0 || fsync(to) != 0) {
        return -errno;
    }
    return 0;
}

/* To another file system: the copy is complete and on disk before the file is removed. */
static int move_by_copy(const char *path, const char *target)
{
    int from = open(path, O_RDONLY | O_CLOEXEC);
    int to = from < 0 ? -1 : open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = from < 0 || to < 0 ? -errno : copy_bytes(from, to);

    if (to >= 0) {
        close(to);
        if (rc != 0) {
            unlink(target);
        }
    }
    if (from >= 0) {
        close(from);
    }
    return rc == 0 ? file_dispose_delete(path) : rc;
}

static int move_to(const char *path, const char *target)
{
    struct stat st;

    if (renameat2(AT_FDCWD, path, AT_FDCWD, target, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno == EXDEV) {
        return move_by_copy(path, target);
    }
    if (errno != EINVAL) {
        return -errno;
    }
    /* A file system without RENAME_NOREPLACE. */
    if (lstat(target, &st) == 0) {
        return -EEXIST;
    }
    return rename(path, target) == 0 ? 0 : -errno;
}

int file_dispose_move(const char *path, const char *folder, char *target)
{
    char whole[PATH_MAX];
    const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
    int above = folder[0] == '/' || slash == NULL ? 0 : (int)(slash - path) + 1;
    int n = snprintf(whole, sizeof whole, "%.*s%s", above, path, folder);
    int rc = n < 0 || n >= (int)sizeof whole ? -ENAMETOOLONG : file_make_folders(whole);

    for (int number = 0; rc == 0 && number < NUMBERS; number++) {
        rc = target_name(target, whole, name, number);
        if (rc == 0) {
            rc = move_to(path, target);
            if (rc == 0) {
                return 0;
            }
            rc = rc == -EEXIST ? 0 : rc;
        }
    }
    return rc == 0 ? -EEXIST : rc;
}
