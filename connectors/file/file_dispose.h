/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a whole file that is delivered. Functions return 0 or a negative errno value. */
#ifndef NATSWAY_FILE_DISPOSE_H
#define NATSWAY_FILE_DISPOSE_H

int file_dispose_delete(const char *path);

/* Move path into folder, which is relative to the file's own folder unless it is absolute, and is
 * made if it is not there. A file of the same name that is there already stays: the moved one gets
 * a number. Works across file systems. target: PATH_MAX bytes; where it is now. */
int file_dispose_move(const char *path, const char *folder, char *target);

/* Make a folder and those above it. */
int file_make_folders(const char *folder);

#endif
