/* SPDX-License-Identifier: Apache-2.0 */
#include "file_rotate.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool file_rotate_due(const struct file_rotate_options *options, const struct file_stat *stat,
                     int64_t size, int64_t more)
{
    int64_t born_ns = stat->birth_ns != 0 ? stat->birth_ns : stat->modify_ns;

    if (size <= 0) {
        return false; /* a single message that is larger than the limit has a file of its own */
    }
    if (options->size > 0 && size + more > options->size) {
        return true;
    }
    return options->every > 0 &&
           nw_clock_real_ns() - born_ns >= options->every * FILE_MILLISECOND_NS;
}

/* "PATH.NUMBER", or "PATH.NUMBER.gz". */
static int number_name(char *name, const char *path, int64_t number, bool compressed)
{
    int n = snprintf(name, PATH_MAX, "%s.%lld%s", path, (long long)number, compressed ? ".gz" : "");

    return n > 0 && n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static bool is_taken(const char *path, int64_t number)
{
    char plain[PATH_MAX], compressed[PATH_MAX];

    return number_name(plain, path, number, false) == 0 &&
           number_name(compressed, path, number, true) == 0 &&
           (access(plain, F_OK) == 0 || access(compressed, F_OK) == 0);
}

/* What is called `number` gets the next one, or goes. */
static int shift(const char *path, int64_t number, bool remove_it)
{
    char from[PATH_MAX], to[PATH_MAX];

    for (int compressed = 0; compressed < 2; compressed++) {
        int rc = number_name(from, path, number, compressed != 0);
        rc = rc != 0 ? rc : number_name(to, path, number + 1, compressed != 0);
        if (rc != 0) {
            return rc;
        }
        if ((remove_it ? unlink(from) : rename(from, to)) != 0 && errno != ENOENT) {
            return -errno;
        }
    }
    return 0;
}

static void *compress(void *rotator)
{
    struct file_rotator *r = rotator;

    (void)file_compress(r->compressed, r->ending); /* if not, it stays as it is */
    return NULL;
}

static void start_compressing(struct file_rotator *r, const char *path)
{
    sigset_t all, before;

    r->compressed = strdup(path);
    if (r->compressed == NULL) {
        return;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r->compressing = pthread_create(&r->thread, NULL, compress, r) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!r->compressing) {
        file_rotate_done(r);
    }
}

void file_rotate_done(struct file_rotator *r)
{
    if (r->compressing) {
        pthread_join(r->thread, NULL);
    }
    r->compressing = false;
    free(r->compressed);
    r->compressed = NULL;
}

int file_rotate(struct file_rotator *r, const char *path)
{
    char name[PATH_MAX];
    int64_t keep = r->options->keep, last = 1;
    int rc = number_name(name, path, 1, false);

    file_rotate_done(r);
    while ((keep == 0 || last < keep) && is_taken(path, last)) {
        last++;
    }
    /* `last` is the first free number, or the one that has to go. */
    for (int64_t number = last; rc == 0 && number >= 1; number--) {
        rc = shift(path, number, number == last);
    }
    if (rc == 0 && rename(path, name) != 0) {
        rc = -errno;
    }
    if (rc == 0 && r->options->compress) {
        start_compressing(r, name);
    }
    return rc;
}
