/* SPDX-License-Identifier: Apache-2.0 */
#include "file_output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "file_path.h"

#define PIECE_MAX 4096     /* PIPE_BUF: a pipe that can be written takes so much without waiting */
#define STREAM_WAIT_MS 100 /* how soon an ending is noticed */
#define LOCK_TRIES 1000
#define LOCK_WAIT_NS FILE_MILLISECOND_NS

/* ---- The list ---- */

static void close_torn(struct file_output *o)
{
    if (o->fd >= 0 && o->fd != STDOUT_FILENO) {
        close(o->fd);
    }
    o->fd = -1;
}

/* It ends with a whole line. */
static void close_output(const struct file_outputs *all, struct file_output *o)
{
    if (o->fd >= 0 && o->regular) {
        file_mark_drop(o->fd, all->mark);
    }
    close_torn(o);
}

static void free_output(const struct file_outputs *all, struct file_output *o)
{
    close_output(all, o);
    free(o->waiting);
    free(o->path);
    free(o);
}

/* Drop the least recently used one that has nothing to do. */
static bool make_room(struct file_outputs *all)
{
    struct file_output **victim = NULL;

    for (struct file_output **at = &all->list; *at != NULL; at = &(*at)->next) {
        if ((*at)->count == 0 && !(*at)->changed) {
            victim = at;
        }
    }
    if (victim == NULL) {
        return false;
    }
    struct file_output *o = *victim;
    *victim = o->next;
    all->count--;
    free_output(all, o);
    return true;
}

static struct file_output *new_output(struct nw_slice path)
{
    struct file_output *o = calloc(1, sizeof *o);

    if (o == NULL || (o->path = strndup(path.data, path.len)) == NULL) {
        free(o);
        return NULL;
    }
    o->path_len = path.len;
    o->fd = -1;
    return o;
}

struct file_output *file_outputs_get(struct file_outputs *all, struct nw_slice path)
{
    for (struct file_output **at = &all->list; *at != NULL; at = &(*at)->next) {
        struct file_output *o = *at;
        if (o->path_len == path.len && memcmp(o->path, path.data, path.len) == 0) {
            *at = o->next;
            o->next = all->list;
            all->list = o;
            return o;
        }
    }
    if (all->count >= all->most && !make_room(all)) {
        return NULL;
    }
    struct file_output *o = new_output(path);
    if (o != NULL) {
        o->next = all->list;
        all->list = o;
        all->count++;
    }
    return o;
}

void file_outputs_done(struct file_outputs *all)
{
    while (all->list != NULL) {
        struct file_output *next = all->list->next;
        free_output(all, all->list);
        all->list = next;
    }
    all->count = 0;
    file_rotate_done(&all->rotator);
}

/* ---- Opening ---- */

/* Where the last complete line ends, not before `from`. */
static int64_t whole_lines(int fd, int64_t from, int64_t size)
{
    char block[4096];

    for (int64_t end = size; end > from;) {
        int64_t at = end - from > (int64_t)sizeof block ? end - (int64_t)sizeof block : from;
        ssize_t n = pread(fd, block, (size_t)(end - at), at);
        const char *newline = n <= 0 ? NULL : memrchr(block, '\n', (size_t)n);
        if (newline != NULL) {
            return at + (newline - block) + 1;
        }
        end = at;
    }
    return from;
}

/* A last line without its end was torn when we were killed: then it comes again, and is cut off. Or
 * it is somebody else's: then it gets its end, and what is appended begins a new one. *size becomes
 * the file's. */
static int mend_tail(const struct file_outputs *all, const struct file_output *o, int64_t *size)
{
    char last;
    int64_t ours = file_mark_size(o->fd, all->mark, &o->stat);

    *size = lseek(o->fd, 0, SEEK_END);
    if (*size <= 0 || pread(o->fd, &last, 1, *size - 1) != 1 || last == '\n') {
        return 0; /* also when it may not be read */
    }
    if (ours >= 0 && ours < *size) {
        *size = whole_lines(o->fd, ours, *size);
        return ftruncate(o->fd, *size) == 0 ? 0 : -errno;
    }
    *size += 1;
    return write(o->fd, "\n", 1) == 1 ? 0 : -errno;
}

static int open_standard(struct file_output *o)
{
    struct stat st;

    o->fd = STDOUT_FILENO;
    if (fstat(o->fd, &st) != 0) {
        o->fd = -1;
        return -errno;
    }
    o->regular = false; /* its end is not ours to cut or lock */
    o->stream = !S_ISREG(st.st_mode);
    return 0;
}

static int lock(struct file_output *o);

/* A regular file that was just opened: empty it if that is wanted, and see to its last line. */
static int prepare_regular(struct file_outputs *all, struct file_output *o)
{
    int64_t size;
    int rc = 0;

    if (all->empty_first) {
        rc = ftruncate(o->fd, 0) == 0 ? 0 : -errno;
        all->empty_first = false;
    }
    if (rc == 0 && (rc = lock(o)) == 0) {
        rc = mend_tail(all, o, &size);
        (void)flock(o->fd, LOCK_UN);
    }
    if (rc == 0) {
        o->size = size;
        file_mark_put(o->fd, all->mark, &o->stat, size);
    }
    return rc;
}

static int open_output(struct file_outputs *all, struct file_output *o)
{
    bool made;

    if (file_is_standard(o->path)) {
        return open_standard(o);
    }
    o->fd = file_open(o->path, O_RDWR | O_APPEND, &made);
    if (o->fd == -EACCES) {
        o->fd = file_open(o->path, O_WRONLY | O_APPEND, &made);
    }
    if (o->fd < 0) {
        int rc = o->fd;
        o->fd = -1;
        return rc;
    }
    int rc = made ? file_sync_folder(o->path) : 0;
    if (rc == 0) {
        rc = file_stat_fd(o->fd, &o->stat);
    }
    if (rc == 0) {
        o->regular = o->stat.regular;
        o->stream = !o->regular;
    }
    if (rc == 0 && o->regular) {
        rc = prepare_regular(all, o);
    }
    if (rc != 0) {
        close_torn(o);
    }
    return rc;
}

/* Somebody may have moved or removed the file: then it is made again at its path. */
static bool is_still_there(const struct file_output *o)
{
    struct stat st;

    return !o->regular || (stat(o->path, &st) == 0 && st.st_ino == o->stat.inode &&
                           st.st_dev == (dev_t)o->stat.device);
}

/* ---- Appending ---- */

/* Lanes and processes that append to one file take turns, so that one can cut back a half-written
 * batch without taking away another's. */
static int lock(struct file_output *o)
{
    struct timespec wait = {.tv_nsec = LOCK_WAIT_NS};

    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(o->fd, LOCK_EX | LOCK_NB) == 0) {
            return 0;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return 0; /* a file system without locks */
        }
        nanosleep(&wait, NULL);
    }
    return -EWOULDBLOCK;
}

/* Parts that together are not more than a pipe takes at once; the first may have to be cut. */
static size_t piece(const struct iovec *parts, size_t count, struct iovec *out, size_t most)
{
    size_t n = 0, bytes = 0;

    while (n < count && n < most && bytes + parts[n].iov_len <= PIECE_MAX) {
        bytes += parts[n].iov_len;
        out[n] = parts[n];
        n++;
    }
    if (n == 0) {
        out[n] = parts[n];
        out[n++].iov_len = PIECE_MAX;
    }
    return n;
}

/* Standard output may be shared, so it stays blocking: wait until it can be written, and write no
 * more than it takes. An ending must not wait for a reader that has stopped reading. */
static int write_stream(const struct file_outputs *all, int fd, struct iovec *parts, size_t count)
{
    struct iovec out[64];
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    while (count > 0) {
        if (atomic_load(all->ending)) {
            return -ECANCELED;
        }
        int ready = poll(&p, 1, STREAM_WAIT_MS);
        if (ready < 0 && errno != EINTR) {
            return -errno;
        }
        if (ready <= 0) {
            continue;
        }
        ssize_t n = writev(fd, out, (int)piece(parts, count, out, 64));
        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            return -errno;
        }
        file_skip(&parts, &count, n < 0 ? 0 : (size_t)n);
    }
    return 0;
}

static int append_regular(struct file_output *o, struct iovec *parts, size_t count)
{
    int rc = lock(o);

    if (rc != 0) {
        return rc;
    }
    off_t size = lseek(o->fd, 0, SEEK_END);
    rc = size < 0 ? -errno : file_write_all(o->fd, parts, count);
    if (rc != 0 && size >= 0 && ftruncate(o->fd, size) != 0) {
        close_torn(o); /* the torn line is mended when it is opened again */
        return rc;
    }
    (void)flock(o->fd, LOCK_UN);
    if (rc == 0) {
        o->size = lseek(o->fd, 0, SEEK_CUR);
    }
    return rc;
}

/* Opened, and still at its path. What was written to one that is not there any more is made durable
 * before it is let go. */
static int be_open(struct file_outputs *all, struct file_output *o)
{
    if (o->fd >= 0 && !is_still_there(o)) {
        o->error = o->changed ? file_output_sync(all, o) : 0;
        close_output(all, o);
    }
    if (o->error != 0) {
        return o->error;
    }
    return o->fd < 0 ? open_output(all, o) : 0;
}

int file_output_rotate(struct file_outputs *all, struct file_output *o, size_t more)
{
    int rc = be_open(all, o);

    if (rc != 0 || !o->regular ||
        !file_rotate_due(all->rotator.options, &o->stat, o->size, (int64_t)more)) {
        return rc;
    }
    rc = o->changed ? file_output_sync(all, o) : 0;
    if (rc != 0) {
        o->error = rc;
        return rc;
    }
    if ((rc = lock(o)) != 0) {
        return rc;
    }
    /* Another lane may have been first. */
    rc = is_still_there(o) ? file_rotate(&all->rotator, o->path) : 0;
    if (rc != 0) {
        (void)flock(o->fd, LOCK_UN);
        return rc;
    }
    close_output(all, o);
    o->size = 0;
    return file_sync_folder(o->path);
}

size_t file_output_room(const struct file_outputs *all, const struct file_output *o)
{
    int64_t most = all->rotator.options->size;

    if (most == 0 || !o->regular) {
        return SIZE_MAX;
    }
    return o->size < most ? (size_t)(most - o->size) : 1;
}

int file_output_append(struct file_outputs *all, struct file_output *o, struct iovec *parts,
                       size_t count)
{
    int rc = be_open(all, o);

    if (rc != 0) {
        return rc;
    }
    rc = o->stream    ? write_stream(all, o->fd, parts, count)
         : o->regular ? append_regular(o, parts, count)
                      : file_write_all(o->fd, parts, count);
    o->changed |= rc == 0;
    return rc;
}

int file_output_sync(struct file_outputs *all, struct file_output *o)
{
    o->changed = false;
    if (o->fd < 0 || o->stream || fdatasync(o->fd) == 0 || errno == EINVAL || errno == EROFS) {
        return 0;
    }
    int rc = -errno;
    close_output(all, o);
    return rc;
}
