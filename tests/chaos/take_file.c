/* SPDX-License-Identifier: Apache-2.0 */
/* A file that natsway writes and others rename, on a disk that is full at times. */
#include "chaos.h"

#include "support/fail.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *folder;
static unsigned moved; /* out.1 … out.moved, and out */

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

static int64_t arrived(struct run *run)
{
    int64_t lines = 0;
    struct stat st;
    (void)run;
    for (unsigned i = 1; i <= moved + 1; i++) {
        lines += stat(path(i), &st) == 0 ? st.st_size / (PAYLOAD_SIZE + 1) : 0;
    }
    return lines;
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
}

const struct sink take_file = {open_file, arrived, collect, close_file};
