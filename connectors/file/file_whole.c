/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole files: one message each, and what becomes of them when it is delivered.
 *
 *     waiting -> ready -> flying -> acting -> done (kept) or forgotten (deleted, moved)
 *
 * A file is waiting until it was closed after writing, was moved in, or was left alone for two
 * seconds; a kept file that changes is a new file. Only kept files, and those whose move or
 * deletion has not succeeded yet, are remembered in the route's state.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/queue.h>
#include <unistd.h>

#include "file_content.h"
#include "file_dispose.h"
#include "file_source.h"

/* Bytes in flight, if `memory` allows as much; a file larger than this goes alone. Credit is
 * counted in messages, and learns of their size only when they have been offered. */
#define FLYING_MAX ((int64_t)32 * 1024 * 1024)
#define RETRY_NS FILE_SECOND_NS
#define ACT_AGAIN_NS (30 * FILE_SECOND_NS)
/* Records of files that are not there: their file system may just not be mounted. */
#define FORGET_NS (7 * 24 * 3600 * FILE_SECOND_NS)
#define REFRESH_NS (24 * 3600 * FILE_SECOND_NS)

enum state { WAITING, READY, FLYING, ACTING, DONE, STATES };

TAILQ_HEAD(whole_list, whole);

struct whole {
    TAILQ_ENTRY(whole) link; /* in the list of its state */
    struct file_stat stat;   /* first what it is found by */
    char *path;
    enum state state;
    int64_t due_ns; /* waiting, acting: when to look again */
    struct file_batch *batch;
    struct file_record *record; /* NULL: not remembered */
    bool matched;               /* during a scan */
};

struct file_wholes {
    struct whole_list lists[STATES];
    int64_t flying_bytes;
    void *tree; /* of struct whole, by what they are on disk */
};

static bool has_room(const struct file_source *s, int64_t size)
{
    int64_t most = (int64_t)s->config->memory;
    int64_t flying = s->wholes->flying_bytes;

    return flying == 0 || flying + size <= (most < FLYING_MAX ? most : FLYING_MAX);
}

static int compare(const void *a, const void *b)
{
    const struct file_stat *x = &((const struct whole *)a)->stat;
    const struct file_stat *y = &((const struct whole *)b)->stat;

    if (x->inode != y->inode) {
        return x->inode < y->inode ? -1 : 1;
    }
    if (x->birth_ns != y->birth_ns) {
        return x->birth_ns < y->birth_ns ? -1 : 1;
    }
    if (x->birth_ns == 0 && x->device != y->device) {
        return x->device < y->device ? -1 : 1;
    }
    return 0;
}

static void set_state(struct file_source *s, struct whole *w, enum state state)
{
    TAILQ_REMOVE(&s->wholes->lists[w->state], w, link);
    w->state = state;
    TAILQ_INSERT_TAIL(&s->wholes->lists[state], w, link);
}

static struct whole *find(struct file_source *s, const struct file_stat *stat)
{
    struct whole key = {.stat = *stat};
    struct whole **at = tfind(&key, &s->wholes->tree, compare);

    return at == NULL ? NULL : *at;
}

static struct whole *add(struct file_source *s, const char *path, const struct file_stat *stat)
{
    struct whole *w = calloc(1, sizeof *w);

    if (w == NULL || (w->path = strdup(path)) == NULL) {
        free(w);
        return NULL;
    }
    w->stat = *stat;
    w->state = WAITING;
    if (tsearch(w, &s->wholes->tree, compare) == NULL) {
        free(w->path);
        free(w);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&s->wholes->lists[WAITING], w, link);
    return w;
}

/* w is in the tree no more. */
static void free_whole(struct whole *w)
{
    free(w->batch);
    free(w->path);
    free(w);
}

static void forget_record(struct file_source *s, struct whole *w)
{
    if (w->record != NULL) {
        file_record_remove(&s->records, w->record);
        w->record = NULL;
        file_source_note(s);
    }
}

static void forget(struct file_source *s, struct whole *w)
{
    forget_record(s, w);
    tdelete(w, &s->wholes->tree, compare);
    TAILQ_REMOVE(&s->wholes->lists[w->state], w, link);
    free_whole(w);
}

/* Delivered or passed over, also after a restart. */
static void remember(struct file_source *s, struct whole *w)
{
    if (w->record == NULL && (w->record = file_record_add(&s->records, w->path)) == NULL) {
        return;
    }
    w->record->whole = true;
    w->record->acting = w->state == ACTING;
    w->record->stat = w->stat;
    w->record->seen_ns = nw_clock_real_ns();
    file_record_touch(&s->records, w->record);
    file_source_note(s);
}

static bool changed(const struct whole *w, const struct file_stat *stat)
{
    return file_content_changed(&w->stat, stat);
}

/* ---- Finding ---- */

static void wait_for_quiet(struct file_source *s, struct whole *w)
{
    w->due_ns = nw_clock_monotonic_ns() + FILE_QUIET_NS;
    set_state(s, w, WAITING);
}

/* How long ago it was written; a time in the future counts as now. */
static bool is_quiet(const struct file_stat *stat)
{
    return nw_clock_real_ns() - stat->modify_ns >= FILE_QUIET_NS;
}

/* A file as it is now. complete: its writer has closed it, or it was moved in. An empty one may
 * only just have been made: it has to be left alone like one that is still open. */
static void see(struct file_source *s, const char *path, const struct file_stat *stat,
                bool complete)
{
    struct whole *w = find(s, stat);
    bool fresh = w == NULL;

    if (fresh && (w = add(s, path, stat)) == NULL) {
        return;
    }
    w->matched = true;
    if (strcmp(w->path, path) != 0) {
        char *copy = strdup(path);
        free(copy == NULL ? NULL : w->path);
        w->path = copy == NULL ? w->path : copy;
    }
    if (w->state == FLYING || w->state == ACTING || w->state == READY ||
        (w->state == DONE && !changed(w, stat))) {
        return; /* a change meanwhile is seen when it is read, or acted on */
    }
    bool differs = changed(w, stat);
    w->stat = *stat;
    if ((complete && stat->size > 0) || (fresh && is_quiet(stat))) {
        set_state(s, w, READY);
    } else if (fresh || differs || complete) {
        wait_for_quiet(s, w);
    }
}

static void found(void *source, const char *path, const struct file_stat *stat)
{
    struct file_source *s = source;

    see(s, path, stat, false);
    if (!s->scanned && s->first_start && s->options->start.index == FILE_END) {
        struct whole *w = find(s, stat);
        if (w != NULL) {
            set_state(s, w, DONE);
            remember(s, w);
        }
    }
}

static void load(struct file_record *record, void *source)
{
    struct file_source *s = source;

    if (record->whole && find(s, &record->stat) == NULL) {
        struct whole *w = add(s, record->path, &record->stat);
        if (w != NULL) {
            w->record = record;
            set_state(s, w, DONE);
        }
    }
}

static bool prepare(struct file_source *s)
{
    if (s->wholes != NULL) {
        return true;
    }
    s->wholes = calloc(1, sizeof *s->wholes);
    if (s->wholes == NULL) {
        return false;
    }
    for (size_t i = 0; i < STATES; i++) {
        TAILQ_INIT(&s->wholes->lists[i]);
    }
    file_records_each(&s->records, load, s);
    return true;
}

/* A record of a file that is there is kept young; one of a file that is not is kept for a while. */
static void age(struct file_source *s, struct whole *w)
{
    int64_t age_ns = w->record == NULL ? 0 : nw_clock_real_ns() - w->record->seen_ns;

    if (w->matched && age_ns > REFRESH_NS) {
        remember(s, w);
    } else if (!w->matched && (w->record == NULL || age_ns > FORGET_NS)) {
        forget(s, w);
    }
}

/* A delivered file that `after` did not get to, before a restart. */
static void act_again(struct file_source *s, struct whole *w)
{
    if (w->matched && w->record != NULL && w->record->acting) {
        w->due_ns = 0;
        set_state(s, w, ACTING);
    }
}

static void scan(struct file_source *s)
{
    struct whole *w, *next;

    if (!prepare(s)) {
        return;
    }
    for (size_t i = 0; i < STATES; i++) {
        TAILQ_FOREACH(w, &s->wholes->lists[i], link)
        {
            w->matched = false;
        }
    }
    file_source_scan(s, found);
    for (w = TAILQ_FIRST(&s->wholes->lists[DONE]); w != NULL; w = next) {
        next = TAILQ_NEXT(w, link);
        act_again(s, w);
        if (w->state == DONE) {
            age(s, w);
        }
    }
    for (w = TAILQ_FIRST(&s->wholes->lists[WAITING]); w != NULL; w = next) {
        next = TAILQ_NEXT(w, link);
        if (!w->matched) {
            forget(s, w);
        }
    }
}

static bool event(struct file_source *s, const struct file_event *e)
{
    char path[PATH_MAX];
    struct file_stat stat;

    if (s->wholes == NULL || e->folder == NULL || e->name[0] == '\0' || (e->mask & IN_ISDIR) != 0) {
        return true;
    }
    if ((e->mask & (IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MODIFY)) != 0 &&
        file_join(path, e->folder, e->name) && file_pattern_fits(s->config->address, path) &&
        file_stat_path(path, &stat) == 0 && stat.regular) {
        see(s, path, &stat, (e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0);
    }
    return false;
}

/* ---- Reading ---- */

static void pass_over(struct file_source *s, struct whole *w, const char *why)
{
    nw_lost(s->endpoint, 1, why);
    nw_log(s->endpoint, NW_LOG_ERROR, "%s is not delivered: %s", w->path, why);
    set_state(s, w, DONE);
    remember(s, w);
}

/* Takes the chunk. false: nothing was offered. */
static bool offer(struct file_source *s, struct whole *w, struct file_chunk *chunk)
{
    struct nw_message *m = nw_message_new(s->endpoint);
    struct file_batch *batch = file_batch_new(1, w);

    if (m == NULL || batch == NULL || !file_set_origin(m, file_content_identity(&w->stat), -1)) {
        goto failed;
    }
    nw_message_set_address(m, file_chunk_path(chunk));
    nw_message_set_payload(m, (struct nw_slice){chunk->data, chunk->capacity});
    nw_message_set_timestamp(m, w->stat.modify_ns);
    nw_message_set_number(m, NW_META_OFFSET, 0);
    nw_message_set_number(m, NW_META_LINE, 1);
    nw_message_set_release(m, file_chunk_unref, chunk);
    nw_message_set_cookie(m, (uintptr_t)&batch->places[0]);
    chunk = NULL; /* the message's now */
    if (file_source_offer(s, batch, &w->batch, &m)) {
        set_state(s, w, FLYING);
        s->wholes->flying_bytes += w->stat.size;
        file_source_say(s, NW_STATE_READY, "%s", "");
        return true;
    }
failed:
    nw_message_unref(m);
    free(batch);
    file_chunk_unref(chunk);
    return false;
}

/* Returns when to run again if w could not be offered now, 0 to go on with the next one. */
static int64_t take(struct file_source *s, struct whole *w, int64_t now_ns)
{
    struct file_chunk *chunk = file_content_read(w->path, &w->stat, (size_t)s->options->max_size);

    if (chunk != NULL) {
        return offer(s, w, chunk) ? 0 : now_ns + RETRY_NS;
    }
    switch (errno) {
    case EFBIG:
        pass_over(s, w, "it is larger than max_size");
        return 0;
    case EAGAIN:
        wait_for_quiet(s, w);
        return 0;
    case ENOENT: /* gone, or another file took its place */
        forget(s, w);
        s->scan_wanted = true;
        return 0;
    case ENOMEM:
        return now_ns + RETRY_NS;
    default:
        file_source_say(s, NW_STATE_DOWN, "cannot read %s: %s", w->path, strerror(errno));
        wait_for_quiet(s, w);
        return 0;
    }
}

/* ---- Settled files ---- */

/* true: settled, and *again says with what. */
static bool is_settled(struct file_source *s, const struct whole *w, bool *again)
{
    pthread_mutex_lock(&s->lock);
    bool settled = w->batch->left == 0;
    *again = w->batch->again;
    pthread_mutex_unlock(&s->lock);
    return settled;
}

static void collect(struct file_source *s)
{
    struct whole *w, *next;
    bool again;

    for (w = TAILQ_FIRST(&s->wholes->lists[FLYING]); w != NULL; w = next) {
        next = TAILQ_NEXT(w, link);
        if (is_settled(s, w, &again)) {
            free(w->batch);
            w->batch = NULL;
            w->due_ns = 0;
            s->wholes->flying_bytes -= w->stat.size;
            set_state(s, w, again ? READY : ACTING);
        }
    }
}

static void act(struct file_source *s, struct whole *w, int64_t now_ns)
{
    char target[PATH_MAX];
    struct file_stat stat;
    enum file_after after = (enum file_after)s->options->after.index;
    int rc = file_stat_path(w->path, &stat);

    if (rc == 0 && (!file_stat_same(&stat, &w->stat) || changed(w, &stat))) {
        /* Another file by now, or another content: that is not delivered. */
        bool same = file_stat_same(&stat, &w->stat);
        forget_record(s, w);
        if (same) {
            w->stat = stat;
            wait_for_quiet(s, w);
        } else {
            forget(s, w);
            s->scan_wanted = true;
        }
        return;
    }
    if (rc == 0) {
        rc = after == FILE_KEEP     ? 0
             : after == FILE_DELETE ? file_dispose_delete(w->path)
                                    : file_dispose_move(w->path, s->options->after.value, target);
    }
    if (rc == -ENOENT || (rc == 0 && after == FILE_DELETE)) {
        forget(s, w);
        return;
    }
    if (rc != 0) {
        nw_log(s->endpoint, NW_LOG_ERROR, "%s is delivered, but cannot be %s: %s", w->path,
               after == FILE_DELETE ? "deleted" : "moved", strerror(-rc));
        remember(s, w); /* so that a restart does not deliver it again */
        w->due_ns = now_ns + ACT_AGAIN_NS;
        return;
    }
    if (after == FILE_MOVE && !file_pattern_fits(s->config->address, target)) {
        forget(s, w);
        return;
    }
    set_state(s, w, DONE);
    remember(s, w); /* kept, or moved to where the pattern finds it again */
}

static int64_t act_on_all(struct file_source *s, int64_t now_ns)
{
    struct whole *w, *next;
    int64_t due_ns = FILE_NEVER;

    for (w = TAILQ_FIRST(&s->wholes->lists[ACTING]); w != NULL; w = next) {
        next = TAILQ_NEXT(w, link);
        if (w->due_ns <= now_ns) {
            act(s, w, now_ns);
        } else {
            due_ns = file_sooner(due_ns, w->due_ns);
        }
    }
    TAILQ_FOREACH(w, &s->wholes->lists[ACTING], link)
    {
        due_ns = file_sooner(due_ns, w->due_ns);
    }
    return due_ns;
}

/* Those that were left alone long enough are ready. */
static int64_t look_at_waiting(struct file_source *s, int64_t now_ns)
{
    struct whole *w, *next;
    struct file_stat stat;
    int64_t due_ns = FILE_NEVER;

    for (w = TAILQ_FIRST(&s->wholes->lists[WAITING]); w != NULL; w = next) {
        next = TAILQ_NEXT(w, link);
        if (w->due_ns > now_ns) {
            due_ns = file_sooner(due_ns, w->due_ns);
        } else if (file_stat_path(w->path, &stat) != 0 || !file_stat_same(&stat, &w->stat)) {
            forget(s, w);
            s->scan_wanted = true;
        } else if (changed(w, &stat)) {
            w->stat = stat;
            w->due_ns = now_ns + FILE_QUIET_NS;
            due_ns = file_sooner(due_ns, w->due_ns);
        } else {
            set_state(s, w, READY);
        }
    }
    return due_ns;
}

static int64_t work(struct file_source *s, int64_t now_ns)
{
    struct whole *w;

    if (s->wholes == NULL) {
        return now_ns + RETRY_NS;
    }
    collect(s);
    int64_t due_ns = act_on_all(s, now_ns);
    if (!s->may_offer) {
        return due_ns;
    }
    due_ns = file_sooner(due_ns, look_at_waiting(s, now_ns));
    for (int n = 0; (w = TAILQ_FIRST(&s->wholes->lists[READY])) != NULL; n++) {
        if (n == FILE_BATCH) {
            return 0;
        }
        if (!has_room(s, w->stat.size)) {
            return due_ns; /* settle() wakes us */
        }
        if (nw_credit_take(s->endpoint, 1) == 0) {
            return file_sooner(due_ns, now_ns + RETRY_NS); /* credit() comes before */
        }
        int64_t at_ns = take(s, w, now_ns);
        if (at_ns != 0 || w->state != FLYING) {
            nw_credit_return(s->endpoint, 1);
        }
        if (at_ns != 0) {
            return file_sooner(due_ns, at_ns);
        }
    }
    return due_ns;
}

static void note(struct file_source *s)
{
    (void)s; /* records are written as files change their state */
}

static void keep_tree_node(void *whole)
{
    (void)whole; /* freed from its list */
}

static void done(struct file_source *s)
{
    struct whole *w;

    if (s->wholes == NULL) {
        return;
    }
    tdestroy(s->wholes->tree, keep_tree_node);
    for (size_t i = 0; i < STATES; i++) {
        while ((w = TAILQ_FIRST(&s->wholes->lists[i])) != NULL) {
            TAILQ_REMOVE(&s->wholes->lists[i], w, link);
            free_whole(w);
        }
    }
    free(s->wholes);
}

const struct file_reader file_whole_reader = {
    .scan = scan, .event = event, .work = work, .note = note, .done = done};
