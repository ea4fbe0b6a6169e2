/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files match a pattern, and which folders must be watched to learn of new ones.
 *
 * A pattern is a path whose levels may have *, ? and [...]; \ takes the special meaning away. As in
 * a shell, wildcards match no leading dot and no slash. A folder on the way that does not exist is
 * waited for in the nearest one that does.
 */
#ifndef NATSWAY_FILE_SCAN_H
#define NATSWAY_FILE_SCAN_H

#include <stdbool.h>

#include "file_identity.h"

struct file_scan {
    void *context;
    void (*watch)(void *context, const char *folder);
    /* A regular file (or what a symbolic link leads to); path is only lent. */
    void (*found)(void *context, const char *path, const struct file_stat *stat);
    /* Results. */
    size_t files;
    bool again;           /* something came up meanwhile: scan once more */
    int error;            /* the last errno of a folder or file that could not be looked at */
    char error_path[512]; /* which one */
};

/* Runs once through what is there now. Blocks for the file system only. */
void file_scan_run(struct file_scan *scan, const char *pattern);

/* Has the pattern any wildcard? */
bool file_pattern_is_glob(const char *pattern);

/* The path of name in folder as a scan finds it, into PATH_MAX bytes. false: it is too long. */
bool file_join(char *path, const char *folder, const char *name);

/* Does a whole path fit the pattern? */
bool file_pattern_fits(const char *pattern, const char *path);

#endif
