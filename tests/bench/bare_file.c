/* SPDX-License-Identifier: Apache-2.0 */
/* A file that lines are appended to: each write is synced before its messages are done. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bare.h"

#define BATCH 2000 /* messages in a write, and a sync */
#define BUFFER ((size_t)4 * 1024 * 1024)

static int fd;
static char *buffer;
static size_t used;
static long first, count;

static void flush_file(void)
{
    if (count == 0) {
        return;
    }
    if (write(fd, buffer, used) != (ssize_t)used || fdatasync(fd) != 0) {
        die("file: cannot be written");
    }
    for (long i = first; i < first + count; i++) {
        ring_done(i);
    }
    used = 0;
    count = 0;
}

static void send_file(long i, const char *data, size_t len)
{
    if (count == 0) {
        first = i;
    }
    if (used + len + 1 > BUFFER) {
        die("file: the messages are too large");
    }
    memcpy(buffer + used, data, len);
    buffer[used + len] = '\n';
    used += len + 1;
    if (++count == BATCH) {
        flush_file();
    }
}

const struct bare_sink *sink_file(const char *path)
{
    static const struct bare_sink sink = {.send = send_file, .flush = flush_file};

    fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    buffer = malloc(BUFFER);
    if (fd < 0 || buffer == NULL) {
        die("file: %s cannot be opened", path);
    }
    return &sink;
}
