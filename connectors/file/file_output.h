/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files a sink writes to. Appended files are kept open, the least recently used one is closed
 * when there are too many. Writer thread only; everything may block for the disk. Functions return
 * 0 or a negative errno value.
 */
#ifndef NATSWAY_FILE_OUTPUT_H
#define NATSWAY_FILE_OUTPUT_H

#include <natsway/connector.h>
#include <stdatomic.h>

#include "file_mark.h"
#include "file_rotate.h"

struct iovec;

/* One open file. */
struct file_output {
    struct file_output *next; /* of the list, most recently used first */
    char *path;
    size_t path_len;
    int fd;                /* -1: not open */
    struct file_stat stat; /* what is open */
    int64_t size;          /* of it, as far as we know */
    bool regular;          /* can be locked, truncated and synced */
    bool stream;           /* standard output, a pipe, a terminal: writing may have to wait */
    bool changed;          /* written since the last sync */
    /* The sink's: what of the present batch goes here, as indexes. */
    uint32_t *waiting;
    size_t count, capacity;
    int error; /* of a sync before the present batch was written to its end */
};

struct file_outputs {
    struct file_output *list;
    size_t count, most;
    const atomic_bool *ending; /* a stream that takes nothing is given up when it becomes true */
    const char *temporary; /* part of the names of unfinished whole files: unique for the sink */
    bool empty_first;      /* empty the file when it is opened for the first time */
    char mark[FILE_MARK_NAME];
    struct file_rotator rotator;
};

/* The output for a path, not opened yet if it is new; it becomes the most recently used. NULL: no
 * memory, or all that are open have something waiting. */
struct file_output *file_outputs_get(struct file_outputs *all, struct nw_slice path);

/* Before `more` bytes are appended: rotate the file if that is due, after a sync. */
int file_output_rotate(struct file_outputs *all, struct file_output *o, size_t more);
/* How many bytes may be appended until the file is to be rotated; at least 1. */
size_t file_output_room(const struct file_outputs *all, const struct file_output *o);

/* Append all or nothing: a file is cut back to where it was when a write fails in the middle.
 * parts are changed. */
int file_output_append(struct file_outputs *all, struct file_output *o, struct iovec *parts,
                       size_t count);
/* Make what was appended durable. */
int file_output_sync(struct file_outputs *all, struct file_output *o);
void file_outputs_done(struct file_outputs *all);

/* file_replace.c. A whole file, in two steps, so that many share the waiting for the disk: write
 * and sync it under a temporary name (slot: which of those in the making), then give it its name.
 * The folder is synced by file_sync_folder() of file_path.h. */
int file_whole_write(const struct file_outputs *all, const char *path, size_t slot,
                     struct nw_slice payload);
int file_whole_name(const struct file_outputs *all, const char *path, size_t slot);

#endif
