/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a file that is rotated and truncated. Order is kept within a file, until it is
 * truncated; names it is rotated to are within the pattern, copies are not. */
#include "chaos.h"

#include "support/fail.h"
#include "support/wait.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    char *folder;
    uint16_t *file_of; /* of each number: which file it was written to */
    uint16_t file;
    size_t first; /* number in it */
} state;

static void open_files(struct run *run)
{
    state.folder = nwt_folder_file(run->folder, "in");
    state.file_of = calloc(run->messages, sizeof *state.file_of);
    state.file = 0;
    state.first = 0;
    if (state.file_of == NULL || mkdir(state.folder, 0700) != 0) {
        nwt_fail("cannot make %s", state.folder);
    }
    snprintf(run->from, sizeof run->from, "file: \"%s/log*\"", state.folder);
}

static const char *path(const char *name, unsigned number)
{
    static _Thread_local char text[2][400];
    static _Thread_local int turn;
    turn = 1 - turn;
    snprintf(text[turn], sizeof text[turn], name, state.folder, number);
    return text[turn];
}

/* In two pieces, the first of which ends anywhere. */
static size_t feed(struct run *run, size_t first, size_t n)
{
    size_t len = n * (PAYLOAD_SIZE + 1), cut = first * 7919 % len;
    char *text = malloc(len);
    if (text == NULL) {
        nwt_fail("no memory");
    }
    pthread_mutex_lock(&run->file_lock);
    for (size_t i = 0; i < n; i++) {
        char *line = text + i * (PAYLOAD_SIZE + 1);
        nwt_numbered_payload(run->numbers, first + i, line);
        line[PAYLOAD_SIZE] = '\n';
        state.file_of[first + i] = state.file;
    }
    nwt_file_append(path("%s/log", 0), text, cut);
    nwt_file_append(path("%s/log", 0), text + cut, len - cut);
    run->fed = first + n; /* under the lock, for who rotates */
    pthread_mutex_unlock(&run->file_lock);
    free(text);
    return n;
}

static void next_file(struct run *run)
{
    state.first = run->fed;
    state.file++;
}

void file_source_rotate(struct run *run)
{
    pthread_mutex_lock(&run->file_lock);
    if (rename(path("%s/log", 0), path("%s/log.%u", state.file)) == 0) {
        next_file(run);
    }
    pthread_mutex_unlock(&run->file_lock);
}

/* A file that nobody has seen since it began is lost with its content, so something of it must have
 * arrived. */
void file_source_truncate(struct run *run)
{
    if (run->fed == state.first || !NWT_WAIT(30000, run_arrived(run) > (int64_t)state.first)) {
        return;
    }
    pthread_mutex_lock(&run->file_lock);
    size_t len;
    char *text = nwt_file_read(path("%s/log", 0), &len);
    if (text != NULL) {
        nwt_file_append(path("%s/copy.%u", state.file), text, len);
        if (truncate(path("%s/log", 0), 0) != 0) {
            nwt_fail("cannot truncate");
        }
        next_file(run);
    }
    free(text);
    pthread_mutex_unlock(&run->file_lock);
}

static unsigned group(const struct run *run, size_t number)
{
    (void)run;
    return state.file_of[number];
}

static void close_files(struct run *run)
{
    (void)run;
    free(state.folder);
    free(state.file_of);
}

const struct source feed_file = {open_files, feed, group, close_files};
