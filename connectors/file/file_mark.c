/* SPDX-License-Identifier: Apache-2.0 */
#include "file_mark.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/xattr.h>

#define MARK_TEXT 64

void file_mark_name(char name[FILE_MARK_NAME], uint64_t id)
{
    (void)snprintf(name, FILE_MARK_NAME, "user.natsway.%016" PRIx64, id);
}

int64_t file_mark_size(int fd, const char *name, const struct file_stat *stat)
{
    char text[MARK_TEXT];
    ssize_t len = fgetxattr(fd, name, text, sizeof text - 1);
    uint64_t inode;
    int64_t size;

    if (len < 0) {
        return -1;
    }
    text[len] = '\0';
    return sscanf(text, "%" SCNu64 " %" SCNd64, &inode, &size) == 2 && inode == stat->inode ? size
                                                                                            : -1;
}

/* A failure only means that a torn line is ended instead of cut off. */
void file_mark_put(int fd, const char *name, const struct file_stat *stat, int64_t size)
{
    char text[MARK_TEXT];
    int len = snprintf(text, sizeof text, "%" PRIu64 " %" PRId64, stat->inode, size);

    (void)fsetxattr(fd, name, text, (size_t)len, 0);
}

void file_mark_drop(int fd, const char *name)
{
    (void)fremovexattr(fd, name);
}
