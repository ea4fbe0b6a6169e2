/* SPDX-License-Identifier: Apache-2.0 */
#include "file_seek.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file_tail.h"

/* Where line `wanted` begins; behind the last whole line if there are not so many. *lines: those
 * before it. */
static void find_line(int fd, int64_t wanted, int64_t *offset, int64_t *lines)
{
    char block[65536];
    int64_t at = 0;
    ssize_t n;

    *offset = *lines = 0;
    while (*lines + 1 < wanted && (n = pread(fd, block, sizeof block, at)) > 0) {
        const char *p = block, *end = block + n;
        while (*lines + 1 < wanted && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
            p++;
            (*lines)++;
            *offset = at + (p - block);
        }
        at += n;
    }
}

static void find_place(const struct file_source *s, const struct file_tail *t, int64_t *offset,
                       int64_t *lines)
{
    const struct nw_seek *seek = s->config->seek;
    struct file_stat now = t->stat;

    *offset = *lines = 0;
    (void)file_stat_fd(t->fd, &now);
    if (seek->to == NW_SEEK_SEQUENCE) {
        find_line(t->fd, seek->value, offset, lines);
    } else if (seek->to == NW_SEEK_END ||
               (seek->to == NW_SEEK_TIME && now.modify_ns < seek->value)) {
        *offset = file_tail_last_line(t->fd, now.size);
    }
}

/* ", PATH from byte A to byte B", as long as there is room. */
static size_t add_text(char *text, size_t len, const struct file_tail *t, int64_t to)
{
    int n;

    if (len + 1 >= FILE_SEEK_TEXT) {
        return len;
    }
    n = snprintf(text + len, FILE_SEEK_TEXT - len, "%s%s from byte %" PRId64 " to byte %" PRId64,
                 len == 0 ? "" : ", ", t->path, t->settled, to);
    return len + (size_t)(n < 0 ? 0 : n);
}

bool file_seek(struct file_source *s, char text[FILE_SEEK_TEXT])
{
    size_t len = 0;

    if (s->reader != &file_tail_reader) {
        (void)snprintf(text, FILE_SEEK_TEXT, "only files that are followed have a position: %s",
                       file_is_standard(s->config->address) ? "this is standard input"
                                                            : "mode: whole");
        return false;
    }
    text[0] = '\0';
    for (struct file_tail *t = s->tails; t != NULL; t = t->next) {
        int64_t offset, lines;
        if (t->over || t->record == NULL) {
            continue;
        }
        find_place(s, t, &offset, &lines);
        len = add_text(text, len, t, offset);
        t->settled = offset;
        t->settled_lines = lines;
        (void)file_tail_seek(t, offset, lines);
    }
    if (len == 0) {
        (void)snprintf(text, FILE_SEEK_TEXT, "there is no file at %.300s", s->config->address);
    }
    return len > 0;
}
