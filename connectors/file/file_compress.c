/* SPDX-License-Identifier: Apache-2.0 */
/* gzip of a rotated file, with zlib where the build has it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef FILE_HAVE_ZLIB
#include <zlib.h>
#endif

#include "file_rotate.h"

#ifdef FILE_HAVE_ZLIB

#define BLOCK ((size_t)64 * 1024)

bool file_can_compress(void)
{
    return true;
}

/* Takes the descriptor `to`. */
static int pack(int from, int to, const atomic_bool *ending)
{
    char block[BLOCK];
    ssize_t n = 0;
    int copy = fcntl(to, F_DUPFD_CLOEXEC, 0), rc = copy < 0 ? -errno : 0;
    gzFile out = gzdopen(to, "wb6");

    if (out == NULL) {
        close(to);
        rc = -ENOMEM;
    }
    while (rc == 0 && (n = read(from, block, sizeof block)) > 0) {
        if (gzwrite(out, block, (unsigned)n) != n) {
            rc = -EIO;
        } else if (atomic_load(ending)) {
            rc = -ECANCELED;
        }
    }
    rc = rc == 0 && n < 0 ? -errno : rc;
    if (out != NULL && gzclose(out) != Z_OK && rc == 0) {
        rc = -EIO;
    }
    if (rc == 0 && fsync(copy) != 0) {
        rc = -errno;
    }
    if (copy >= 0) {
        close(copy);
    }
    return rc;
}

int file_compress(const char *path, const atomic_bool *ending)
{
    char target[PATH_MAX], temporary[PATH_MAX];

    if (snprintf(target, sizeof target, "%s.gz", path) >= (int)sizeof target ||
        snprintf(temporary, sizeof temporary, "%s.gz.tmp", path) >= (int)sizeof temporary) {
        return -ENAMETOOLONG;
    }
    int from = open(path, O_RDONLY | O_CLOEXEC);
    int to = from < 0
                 ? -1
                 : open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    int rc = from < 0 || to < 0 ? -errno : pack(from, to, ending);
    if (from >= 0) {
        close(from);
    }
    if (rc == 0 && rename(temporary, target) != 0) {
        rc = -errno;
    }
    if (rc != 0) {
        (void)unlink(temporary);
        return rc;
    }
    return unlink(path) == 0 ? 0 : -errno;
}

#else

bool file_can_compress(void)
{
    return false;
}

int file_compress(const char *path, const atomic_bool *ending)
{
    (void)path, (void)ending;
    return -ENOTSUP;
}

#endif
