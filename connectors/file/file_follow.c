/* SPDX-License-Identifier: Apache-2.0 */
/* Which files are followed, and from where: finding them, knowing them again after a rotation, a
 * truncation or a restart, and keeping their records. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_search.h"
#include "file_tail.h"

/* Records of files that cannot be found: their file system may just not be mounted. */
#define FORGET_NS (7 * 24 * 3600 * FILE_SECOND_NS)

/* ---- Tails come and go ---- */

static void free_tail(struct file_tail *t)
{
    while (t->batches != NULL) {
        struct file_batch *next = t->batches->next;
        free(t->batches);
        t->batches = next;
    }
    if (t->record != NULL) {
        t->record->owner = NULL;
    }
    file_chunk_unref(t->chunk);
    if (t->fd >= 0 && !t->input) {
        close(t->fd);
    }
    free(t->path);
    free(t->name);
    free(t);
}

struct file_tail *file_tail_add(struct file_source *s, int fd, const char *path,
                                const struct file_stat *stat)
{
    struct file_tail *t = calloc(1, sizeof *t), **at = &s->tails;

    if (t == NULL) {
        close(fd);
        return NULL;
    }
    t->fd = fd;
    t->stat = *stat;
    t->born_ns = stat->birth_ns != 0 ? stat->birth_ns : stat->modify_ns;
    t->path = strdup(path);
    t->name = strdup(path);
    if (t->path == NULL || t->name == NULL) {
        free_tail(t);
        return NULL;
    }
    t->look = true;
    t->grown_ns = nw_clock_monotonic_ns();
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = t;
    return t;
}

void file_tail_rename(struct file_tail *t, const char *name)
{
    char *copy = strcmp(t->name, name) == 0 ? NULL : strdup(name);

    if (copy != NULL) {
        free(t->name);
        t->name = copy;
    }
}

bool file_tail_repath(struct file_source *s, struct file_tail *t, const char *path)
{
    struct file_record *record;
    char *copy = strdup(path);

    if (copy == NULL || (record = file_record_add(&s->records, path)) == NULL) {
        free(copy);
        return false;
    }
    if (t->record != NULL) {
        file_record_remove(&s->records, t->record);
    }
    free(t->path);
    t->path = copy;
    t->record = record;
    record->owner = t;
    file_source_note(s);
    return true;
}

void file_tail_remove(struct file_source *s, struct file_tail *t)
{
    struct file_tail **at = &s->tails;

    for (struct file_tail *other = s->tails; other != NULL; other = other->next) {
        if (other->before == t) {
            other->before = NULL;
            other->look = true;
        }
    }
    while (*at != t) {
        at = &(*at)->next;
    }
    *at = t->next;
    if (t->record != NULL) {
        file_record_remove(&s->records, t->record);
        t->record = NULL;
        file_source_note(s);
    }
    free_tail(t);
}

struct file_tail *file_tail_find(struct file_source *s, const struct file_stat *stat)
{
    for (struct file_tail *t = s->tails; t != NULL; t = t->next) {
        if (!t->over && file_stat_same(&t->stat, stat)) {
            return t;
        }
    }
    return NULL;
}

/* ---- Records ---- */

static struct file_wanted wanted_of(const struct file_record *r)
{
    return (struct file_wanted){.stat = r->stat,
                                .head_hash = r->head_hash,
                                .head_len = r->head_len,
                                .offset = r->offset,
                                .check_hash = r->check_hash,
                                .seen_ns = r->seen_ns};
}

struct lookup {
    const struct file_stat *stat;
    struct file_record *record;
};

static void match_record(struct file_record *record, void *context)
{
    struct lookup *l = context;

    if (!record->whole && record->owner == NULL && file_stat_same(&record->stat, l->stat)) {
        l->record = record;
    }
}

static struct file_record *find_record(struct file_source *s, const struct file_stat *stat)
{
    struct lookup l = {.stat = stat};

    file_records_each(&s->records, match_record, &l);
    return l.record;
}

static void update_record(struct file_source *s, struct file_tail *t)
{
    struct file_record *r = t->record;
    uint64_t check;

    if (r->offset == t->settled && r->generation == t->generation && r->identity == t->identity &&
        r->head_len == t->head_len && r->seen_ns != 0) {
        return;
    }
    if (file_check_hash(t->fd, t->settled, &check) != 0) {
        return; /* truncated: it is found out with the next read */
    }
    r->stat = t->stat;
    r->identity = t->identity;
    r->generation = t->generation;
    r->head_hash = t->head_hash;
    r->head_len = t->head_len;
    r->offset = t->settled;
    r->lines = t->settled_lines;
    r->check_hash = check;
    r->seen_ns = nw_clock_real_ns();
    file_record_touch(&s->records, r);
}

void file_follow_note(struct file_source *s)
{
    for (struct file_tail *t = s->tails; t != NULL; t = t->next) {
        file_tail_advance(s, t);
        if (t->record != NULL && !t->over) {
            update_record(s, t);
        }
    }
}

static void own_record(struct file_tail *t, struct file_record *record)
{
    t->record = record;
    if (record != NULL) {
        record->owner = t;
    }
}

/* Go on where the record says. */
static int resume(struct file_tail *t, const struct file_record *r)
{
    t->identity = r->identity;
    t->generation = r->generation;
    t->head_hash = r->head_hash;
    t->head_len = r->head_len;
    t->settled = r->offset;
    t->settled_lines = r->lines;
    return file_tail_seek(t, r->offset, r->lines);
}

/* ---- Truncation ---- */

/* What was not read of a truncated file is in the copy that logrotate's copytruncate makes of it
 * before. The tail goes on there. */
static bool go_on_in_copy(struct file_source *s, struct file_tail *t,
                          const struct file_wanted *wanted)
{
    int fd = file_find_copy(t->path, wanted);
    struct file_stat stat;

    if (fd < 0) {
        return false;
    }
    if (file_stat_fd(fd, &stat) != 0 || file_tail_find(s, &stat) != NULL) {
        close(fd);
        return false;
    }
    close(t->fd);
    t->fd = fd;
    t->stat = stat;
    t->stat.modify_ns = 0;
    t->look = t->gone = true;
    (void)file_check_read(fd, t->offset, t->check, &t->check_len);
    own_record(t, file_record_add(&s->records, t->path));
    return true;
}

/* The file begins anew: what was read of it, and perhaps its copy, is one tail, the file from its
 * beginning another. */
static void replaced(struct file_source *s, struct file_tail *t, const struct file_wanted *wanted)
{
    int fd = fcntl(t->fd, F_DUPFD_CLOEXEC, 0);
    struct file_stat stat = t->stat;
    struct file_record *record = t->record;

    nw_log(s->endpoint, NW_LOG_INFO, "%s was truncated: it is read from its beginning", t->path);
    t->record = NULL;
    if (!go_on_in_copy(s, t, wanted)) {
        t->over = true;
    }
    struct file_tail *fresh = fd < 0 ? NULL : file_tail_add(s, fd, t->name, &stat);
    if (fresh == NULL) {
        if (record != NULL) {
            record->owner = NULL;
        }
        s->scan_wanted = true;
        return;
    }
    fresh->stat.modify_ns = 0;
    fresh->generation = t->generation + 1;
    fresh->born_ns = t->born_ns;
    fresh->matched = true;
    fresh->before = t;
    own_record(fresh, record);
    file_source_note(s);
}

static struct file_wanted wanted_now(const struct file_tail *t)
{
    return (struct file_wanted){.stat = t->stat,
                                .head_hash = t->head_hash,
                                .head_len = t->head_len,
                                .offset = t->offset,
                                .check_hash = file_hash(0, t->check, t->check_len),
                                .seen_ns = t->record != NULL ? t->record->seen_ns : 0};
}

void file_follow_replaced(struct file_source *s, struct file_tail *t)
{
    struct file_wanted wanted = wanted_now(t);

    t->look = false;
    replaced(s, t, &wanted);
}

/* ---- Looking for files ---- */

static int open_file(struct file_source *s, const char *path, struct file_stat *stat)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int rc = fd < 0 ? -errno : file_stat_fd(fd, stat);

    if (rc != 0) {
        file_source_unreadable(s, path, -rc);
    }
    if (rc != 0 && fd >= 0) {
        close(fd);
    }
    return rc != 0 ? -1 : fd;
}

/* A file that was followed before: go on, or, when its content is another, begin anew. */
static void follow_again(struct file_source *s, struct file_tail *t, struct file_record *record)
{
    struct file_wanted wanted = wanted_of(record);
    bool fits = file_content_fits(t->fd, &wanted);

    own_record(t, record);
    if (resume(t, record) != 0 || !fits) {
        replaced(s, t, &wanted);
    }
}

static void begin_new(struct file_source *s, struct file_tail *t)
{
    int64_t from = 0;

    if (!s->scanned && s->first_start && s->options->start.index == FILE_END) {
        from = file_tail_last_line(t->fd, t->stat.size);
    }
    t->settled = from;
    (void)file_tail_seek(t, from, 0);
    own_record(t, file_record_add(&s->records, t->path));
    s->fresh = true;
    file_source_note(s);
}

static void watch_link(struct file_source *s, const char *path)
{
    struct stat st;

    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && !file_loop_watch(&s->task, path)) {
        s->polling = true;
    }
}

struct file_tail *file_follow_take(struct file_source *s, const char *name, const char *path,
                                   const struct file_stat *seen)
{
    struct file_stat stat = *seen;
    struct file_tail *t = file_tail_find(s, seen);

    if (t != NULL) {
        file_tail_rename(t, name);
        return t;
    }
    int fd = open_file(s, name, &stat);
    if (fd < 0) {
        return NULL;
    }
    struct file_record *record = find_record(s, &stat);
    t = file_tail_add(s, fd, record != NULL ? record->path : path, &stat);
    if (t == NULL) {
        return NULL;
    }
    file_tail_rename(t, name);
    s->order_wanted = true;
    if (record == NULL) {
        begin_new(s, t);
        return t;
    }
    follow_again(s, t, record);
    return file_tail_find(s, seen); /* another one if the content is another */
}

static void found(void *source, const char *path, const struct file_stat *seen)
{
    struct file_source *s = source;
    struct file_tail *t;

    watch_link(s, path);
    t = file_follow_take(s, path, path, seen);
    if (t != NULL) {
        t->matched = true;
    }
}

/* A file that is known, but not at any path of the pattern: it was moved while nobody looked. */
static void look_for_moved(struct file_record *record, void *source)
{
    struct file_source *s = source;
    struct file_wanted wanted = wanted_of(record);
    struct file_stat stat;

    if (record->whole || record->owner != NULL) {
        return;
    }
    int fd = file_find_moved(record->path, &wanted);
    if (fd < 0 || file_stat_fd(fd, &stat) != 0) {
        if (nw_clock_real_ns() - record->seen_ns > FORGET_NS) {
            file_record_remove(&s->records, record);
        }
        return;
    }
    struct file_tail *t = file_tail_add(s, fd, record->path, &stat);
    if (t != NULL) {
        s->order_wanted = true;
        own_record(t, record);
        (void)resume(t, record);
    }
}

void file_follow_scan(struct file_source *s)
{
    for (struct file_tail *t = s->tails; t != NULL; t = t->next) {
        t->matched = false;
        t->look = true;
    }
    file_source_scan(s, found);
    if (!s->scanned) {
        file_records_each(&s->records, look_for_moved, s);
    }
    for (struct file_tail *t = s->tails; t != NULL; t = t->next) {
        t->gone = !t->matched;
    }
}

void file_follow_done(struct file_source *s)
{
    while (s->tails != NULL) {
        struct file_tail *next = s->tails->next;
        free_tail(s->tails);
        s->tails = next;
    }
    file_renames_done(s);
}
