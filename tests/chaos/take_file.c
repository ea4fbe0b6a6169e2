/* SPDX-License-Identifier: Apache-2.0 */
/* A file that natsway writes and others rename, on a disk that is full at times. */
#include "chaos.h"

#include "support/fail.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder;
static unsigned moved; /* out.1 … out.moved, and out */

/* Where the counting of different numbers has come to. */
static struct {
    uint8_t *seen;
    int64_t distinct;
    unsigned file;
    off_t offset;
} counted;

static void open_file(struct run *run)
{
    folder = nwt_folder_file(run->folder, "disk");
    if (!disk_mount(run, folder) && mkdir(folder, 0700) != 0) {
        struct stat st;
        if (stat(folder, &st) != 0) {
            nwt_fail("cannot make %s", folder);
        }
    }
    moved = 0;
    counted.file = 1;
    counted.seen = calloc(run->messages, 1);
    if (counted.seen == NULL) {
        nwt_fail("no memory");
    }
    snprintf(run->to, sizeof run->to, "file: \"%s/out\"", folder);
}

static const char *path(unsigned number)
{
    static char text[400];
    if (number > moved) {
        snprintf(text, sizeof text, "%s/out", folder);
    } else {
        snprintf(text, sizeof text, "%s/out.%u", folder, number);
    }
    return text;
}

static void count_lines(const struct run *run, const char *text, size_t len)
{
    for (const char *end; len > 0 && (end = memchr(text, '\n', len)) != NULL;) {
        size_t number = strtoul(text, NULL, 10), line = (size_t)(end + 1 - text);
        if (number < run->messages && !counted.seen[number]) {
            counted.seen[number] = 1;
            counted.distinct++;
        }
        counted.offset += (off_t)line;
        text = end + 1;
        len -= line;
    }
}

/* What has been written since it was asked last; repeats do not count. */
static int64_t arrived(struct run *run)
{
    static char text[1 << 20];
    for (;;) {
        int fd = open(path(counted.file), O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? 0 : pread(fd, text, sizeof text, counted.offset);
        off_t before = counted.offset;
        if (fd >= 0) {
            close(fd);
        }
        count_lines(run, text, n > 0 ? (size_t)n : 0);
        if (counted.offset != before) {
            continue;
        }
        if (counted.file > moved) {
            return counted.distinct;
        }
        counted.file++;
        counted.offset = 0;
    }
}

/* A part of a line at the end of a file that was renamed before natsway, killed within it, came
 * back is nobody's loss: the whole line is in the next file. */
static void take_lines(struct run *run, const char *text, size_t len, bool torn)
{
    for (const char *end; len > 0; len -= (size_t)(end + 1 - text), text = end + 1) {
        end = memchr(text, '\n', len);
        if (end == NULL) {
            run->numbers->wrong += !torn;
            return;
        }
        size_t number = strtoul(text, NULL, 10);
        nwt_numbered_take(run->numbers, text, (size_t)(end - text),
                          number < run->messages ? run_group(run, number) : 0);
    }
}

static void collect(struct run *run)
{
    for (unsigned i = 1; i <= moved + 1; i++) {
        size_t len = 0;
        char *text = nwt_file_read(path(i), &len);
        take_lines(run, text, len, i <= moved);
        free(text);
    }
}

void file_sink_rotate(struct run *run)
{
    char to[400];
    (void)run;
    snprintf(to, sizeof to, "%s/out.%u", folder, moved + 1);
    if (rename(path(moved + 1), to) == 0) {
        moved++;
    }
}

static void close_file(struct run *run)
{
    (void)run;
    free(folder);
    free(counted.seen);
}

const struct sink take_file = {open_file, arrived, collect, close_file};
