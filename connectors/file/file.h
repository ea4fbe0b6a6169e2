/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this connector share: the options of its two ends.
 *
 *   file.c           entry, option rows, checks of the configuration
 *   file_watch.c     the one thread that watches folders and runs every source
 *   file_source.c    a source: life cycle, credit, what is in flight
 *     file_scan.c      which files match a pattern, and which folders to watch for it
 *     file_identity.c  which file is which, whatever it is called; file_search.c finds it again
 *     file_record.c    what is remembered of each file in the route's state
 *     file_follow.c    which files are followed, and from where
 *     file_rename.c    what is told of their names, and in which order they are read
 *     file_tail.c      whose turn it is; file_tail_read.c reads lines; file_input.c: standard input
 *     file_whole.c     whole files; file_content.c reads, file_dispose.c moves and deletes them
 *   file_sink.c      a sink: life cycle, queue and thread
 *     file_write.c     writes a batch; file_output.c has the open files, file_replace.c writes
 * whole ones, file_path.c what both need file_mark.c      remembers which they are; file_rotate.c,
 * file_compress.c: rotation
 */
#ifndef NATSWAY_FILE_H
#define NATSWAY_FILE_H

#include <natsway/connector.h>

#define FILE_MILLISECOND_NS INT64_C(1000000)
#define FILE_SECOND_NS INT64_C(1000000000)

/* Indexes of the choices, in the order of the rows. */
enum file_mode { FILE_LINES, FILE_WHOLE };
enum file_start { FILE_BEGINNING, FILE_END };
enum file_after { FILE_KEEP, FILE_DELETE, FILE_MOVE };
enum file_fsync { FILE_FSYNC_BATCH, FILE_FSYNC_INTERVAL };

struct file_source_options {
    struct nw_choice mode, start, after;
    int64_t max_line, max_size; /* bytes */
};

struct file_rotate_options {
    int64_t size;  /* bytes; 0: any */
    int64_t every; /* milliseconds; 0: never */
    int64_t keep;  /* 0: all */
    bool compress;
};

struct file_sink_options {
    struct nw_choice mode, fsync;
    struct file_rotate_options rotate;
    int64_t fsync_interval; /* milliseconds */
    int64_t open_files;
    bool append;
};

/* The address that stands for standard input and output. */
bool file_is_standard(const char *address);

int file_source_open(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                     void **state, struct nw_error *error);
void file_source_credit(void *state);
void file_source_settle(void *state, const struct nw_result *results, size_t n);
void file_source_stop(void *state);
void file_source_close(void *state);

int file_sink_open(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                   void **state, struct nw_error *error);
void file_sink_send(void *state, struct nw_message *const *messages, size_t n);
void file_sink_close(void *state);

#endif
