/* SPDX-License-Identifier: Apache-2.0 */
/* A sink, as its two files see it: file_sink.c has its life and its thread, file_write.c writes. */
#ifndef NATSWAY_FILE_SINK_H
#define NATSWAY_FILE_SINK_H

#include <pthread.h>

#include "file.h"
#include "file_output.h"

#define FILE_WHOLE_BATCH 64 /* whole files in the making at once */

struct file_queue {
    struct nw_message **items;
    size_t count, capacity;
};

struct file_sink {
    struct nw_endpoint *endpoint;
    const struct nw_endpoint_config *config;
    const struct file_sink_options *options;

    pthread_mutex_t lock; /* guards incoming, sleeping */
    pthread_cond_t changed;
    struct file_queue incoming;
    bool sleeping;
    atomic_bool ending; /* set under the lock */

    /* Writer thread. */
    struct file_queue batch;
    struct nw_result *results; /* of the batch */
    struct iovec *parts;       /* two for each of the batch */
    size_t capacity;           /* of both */
    size_t held;               /* of batch: written, and waiting for the interval's sync */
    int64_t sync_ns;
    int sync_error; /* since the last confirmation */
    char sync_path[400];
    struct file_outputs outputs;
    char temporary[20];
    bool templated;
    bool closed;        /* standard output, for good */
    bool unopened;      /* at the start, and still */
    bool failing;       /* see above */
    uintptr_t failures; /* counted; the cookie of what came back with the last one */
    enum nw_state told_state;
    char told_text[600];
};

/* Writer thread. Write from..to of the batch, at most FILE_WHOLE_BATCH in mode whole, and set their
 * results. */
void file_write(struct file_sink *s, size_t from, size_t to);

/* Sync what is written and not yet synced; the last failure is in sync_error. */
void file_write_sync(struct file_sink *s);

/* What to say of an error of a path, a negative errno value. */
void file_write_describe(const char *path, int error, char *text, size_t size);

/* The result of message i of the batch; error is 0 or a negative errno value. */
void file_write_result(struct file_sink *s, size_t i, int error, const char *path);

#endif
