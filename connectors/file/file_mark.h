/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files a sink has open for appending, kept in the route's state: so that after a kill a line
 * that was torn in the middle can be told from one that somebody else left without its end. The
 * first is ours and comes again, so it is cut off; the second is not ours to touch.
 *
 * A mark holds for everything behind the size the file had when it was opened. It is dropped when
 * the file is closed in order. Writer thread only.
 */
#ifndef NATSWAY_FILE_MARK_H
#define NATSWAY_FILE_MARK_H

#include <natsway/connector.h>

#include "file_identity.h"

struct file_mark {
    struct file_stat stat; /* device, inode, birth */
    int64_t size;          /* when it was opened */
};

/* All zero is empty, and keeps nothing. */
struct file_marks {
    struct nw_endpoint *endpoint;
    char key[24];
    struct file_mark *items; /* oldest first */
    size_t count, capacity;
};

/* Read what an earlier run left. 0, NW_ENOMEM or NW_EIO. In open only. id: tells this sink from
 * others of the route. */
int file_marks_load(struct file_marks *m, struct nw_endpoint *endpoint, uint64_t id);

/* The size from which on the file is ours, -1 when it is not marked. */
int64_t file_marks_size(const struct file_marks *m, const struct file_stat *stat);

/* Mark, or mark anew. Without memory nothing is marked. */
void file_marks_put(struct file_marks *m, const struct file_stat *stat, int64_t size);
void file_marks_drop(struct file_marks *m, const struct file_stat *stat);

/* Frees; what is marked stays in the state. */
void file_marks_done(struct file_marks *m);

#endif
