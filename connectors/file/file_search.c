/* SPDX-License-Identifier: Apache-2.0 */
#include "file_search.h"

#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file.h"

/* The copy may have been made a while before the file was emptied, and it was still read then. */
#define COPY_SLACK_NS (60 * FILE_SECOND_NS)

int file_check_hash(int fd, int64_t offset, uint64_t *hash)
{
    char check[FILE_CHECK_MAX];
    size_t len;
    int rc = file_check_read(fd, offset, check, &len);

    if (rc == 0) {
        *hash = file_hash(0, check, len);
    }
    return rc;
}

bool file_content_fits(int fd, const struct file_wanted *wanted)
{
    uint64_t hash;

    return file_head_fits(fd, wanted->head_hash, wanted->head_len) &&
           file_check_hash(fd, wanted->offset, &hash) == 0 && hash == wanted->check_hash;
}

typedef bool candidate_check(int fd, const struct file_stat *stat,
                             const struct file_wanted *wanted);

static bool is_moved(int fd, const struct file_stat *stat, const struct file_wanted *wanted)
{
    return file_stat_same(stat, &wanted->stat) && file_content_fits(fd, wanted);
}

static bool is_copy(int fd, const struct file_stat *stat, const struct file_wanted *wanted)
{
    return !file_stat_same(stat, &wanted->stat) && stat->size >= wanted->offset &&
           stat->change_ns >= wanted->seen_ns - COPY_SLACK_NS && file_content_fits(fd, wanted);
}

static int open_candidate(int folder, const char *name, struct file_stat *stat)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);

    if (fd >= 0 && (file_stat_fd(fd, stat) != 0 || !stat->regular)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The newest file of the folder that passes; inode 0: of any inode. */
static int find(const char *path, const struct file_wanted *wanted, ino_t inode,
                candidate_check *passes)
{
    char copy[PATH_MAX];
    struct file_stat stat, best_stat = {.size = 0};
    int best = -1;

    (void)snprintf(copy, sizeof copy, "%s", path);
    DIR *d = opendir(dirname(copy));
    if (d == NULL) {
        return -1;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if ((inode != 0 && e->d_ino != inode) || (e->d_type != DT_REG && e->d_type != DT_UNKNOWN)) {
            continue;
        }
        int fd = open_candidate(dirfd(d), e->d_name, &stat);
        if (fd < 0) {
            continue;
        }
        if (!passes(fd, &stat, wanted) || (best >= 0 && stat.change_ns < best_stat.change_ns)) {
            close(fd);
            continue;
        }
        if (best >= 0) {
            close(best);
        }
        best = fd;
        best_stat = stat;
    }
    closedir(d);
    return best;
}

int file_find_moved(const char *path, const struct file_wanted *wanted)
{
    return find(path, wanted, (ino_t)wanted->stat.inode, is_moved);
}

int file_find_copy(const char *path, const struct file_wanted *wanted)
{
    return wanted->offset == 0 ? -1 : find(path, wanted, 0, is_copy);
}
