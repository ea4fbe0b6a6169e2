/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A temporary folder for one test. It is removed when the test frees it, and also when the test's
 * process ends in any other way: a shell waits for the end of a pipe and removes it then. With
 * NATSWAY_TEST_KEEP set it stays.
 */
#ifndef NATSWAY_TESTS_FOLDER_H
#define NATSWAY_TESTS_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

struct nwt_folder;

/* Makes a new one; fails the test if it cannot. */
struct nwt_folder *nwt_folder_new(void);
/* Removes it with all that is in it. NULL is allowed. */
void nwt_folder_free(struct nwt_folder *folder);

const char *nwt_folder_path(const struct nwt_folder *folder);

/* Whether the file system of a folder keeps extended attributes, by which a file sink knows what of
 * a file is its own after a kill. */
bool nwt_folder_has_attributes(const char *path);

/* The path of a file in the folder, made by a format; the caller frees it. */
char *nwt_folder_file(const struct nwt_folder *folder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Write a whole file from a format; append to it; fail the test if it cannot. */
void nwt_file_write(const char *path, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void nwt_file_append(const char *path, const void *data, size_t len);

/* All of a file, ended by a NUL that len (may be NULL) does not count; the caller frees it. NULL if
 * it cannot be read. */
char *nwt_file_read(const char *path, size_t *len);

/* Whether the text stands in the file. */
bool nwt_file_contains(const char *path, const char *text);

#endif
