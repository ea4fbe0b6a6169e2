/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rotation of appended files: PATH becomes PATH.1, what was PATH.1 becomes PATH.2, and so on; the
 * oldest goes when there are more than are kept. With `compress` a thread makes PATH.1 into
 * PATH.1.gz afterwards, and the next rotation waits for it.
 *
 * Writer thread only, with the file locked against others that append to it. Functions return 0 or
 * a negative errno value.
 */
#ifndef NATSWAY_FILE_ROTATE_H
#define NATSWAY_FILE_ROTATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "file.h"
#include "file_identity.h"

struct file_rotator {
    const struct file_rotate_options *options;
    const atomic_bool *ending; /* compressing is given up when it becomes true */
    pthread_t thread;
    bool compressing; /* thread is to be joined */
    char *compressed; /* the path that it works on */
};

/* Whether a file of this size is to be rotated before `more` bytes are appended. */
bool file_rotate_due(const struct file_rotate_options *options, const struct file_stat *stat,
                     int64_t size, int64_t more);

/* Move the file away from path. */
int file_rotate(struct file_rotator *r, const char *path);

/* Wait for what runs. */
void file_rotate_done(struct file_rotator *r);

/* file_compress.c: path becomes path.gz; the one is gone only when the other is on disk. -ECANCELED
 * when *ending became true, -ENOTSUP when there is no compression in this build. */
int file_compress(const char *path, const atomic_bool *ending);
bool file_can_compress(void);

#endif
