/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mark on each file a sink has open for appending: so that after a kill a line that was torn in
 * the middle can be told from one that somebody else left without its end. The first is ours and
 * comes again, so it is cut off; the second is not ours to touch.
 *
 * The mark is an extended attribute of the file: it is there at once whatever happens to us, moves
 * with the file when it is renamed, and costs a microsecond. It holds for everything behind the
 * size the file had when it was opened, and for this file only, not for a copy that took the
 * attribute along. A file system without such attributes keeps no marks. Writer thread only.
 */
#ifndef NATSWAY_FILE_MARK_H
#define NATSWAY_FILE_MARK_H

#include "file_identity.h"

#define FILE_MARK_NAME 40 /* an attribute's name, with its NUL */

/* The attribute's name for the sink with this id. */
void file_mark_name(char name[FILE_MARK_NAME], uint64_t id);

/* The size from which on the open file is ours, -1 when it is not marked. */
int64_t file_mark_size(int fd, const char *name, const struct file_stat *stat);

/* Mark the open file, or mark it anew. */
void file_mark_put(int fd, const char *name, const struct file_stat *stat, int64_t size);
void file_mark_drop(int fd, const char *name);

#endif
