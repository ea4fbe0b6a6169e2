/* SPDX-License-Identifier: Apache-2.0 */
#include "file_seek.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#define SCAN_PAUSE_NS (50 * FILE_MILLISECOND_NS) /* at most one scan in this time */
#define NOTE_PAUSE_NS (50 * FILE_MILLISECOND_NS) /* records are written so often */
#define RESCAN_NS (30 * FILE_SECOND_NS)          /* without being told anything */
#define RESCAN_POLLING_NS FILE_SECOND_NS

static atomic_bool input_taken; /* standard input has one reader */

/* ---- Chunks and batches ---- */

struct file_chunk *file_chunk_new(size_t capacity, const char *path)
{
    size_t len = strlen(path);
    struct file_chunk *chunk = malloc(sizeof *chunk + capacity + len + 1);

    if (chunk != NULL) {
        atomic_init(&chunk->references, 1);
        chunk->capacity = capacity;
        chunk->path_len = len;
        memcpy(chunk->data + capacity, path, len + 1);
    }
    return chunk;
}

void file_chunk_unref(void *owner)
{
    struct file_chunk *chunk = owner;

    if (chunk != NULL && atomic_fetch_sub(&chunk->references, 1) == 1) {
        free(chunk);
    }
}

struct nw_slice file_chunk_path(const struct file_chunk *chunk)
{
    return (struct nw_slice){chunk->data + chunk->capacity, chunk->path_len};
}

struct file_batch *file_batch_new(uint32_t count, void *owner)
{
    struct file_batch *batch = malloc(sizeof *batch + count * sizeof batch->places[0]);

    if (batch != NULL) {
        *batch = (struct file_batch){.owner = owner, .count = count, .left = count};
        for (uint32_t i = 0; i < count; i++) {
            batch->places[i] = (struct file_place){.index = i};
        }
    }
    return batch;
}

bool file_source_offer(struct file_source *s, struct file_batch *batch, struct file_batch **list,
                       struct nw_message *const *messages)
{
    /* The lock is held across nw_offer so that stop() returns only when no offer is under way. */
    pthread_mutex_lock(&s->lock);
    bool offered = !s->stopped;
    if (offered) {
        while (*list != NULL) {
            list = &(*list)->next;
        }
        *list = batch;
        nw_offer(s->endpoint, messages, batch->count);
    }
    pthread_mutex_unlock(&s->lock);
    return offered;
}

static char *put_number(char *at, uint64_t number)
{
    char digits[20];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (n > 0) {
        *at++ = digits[--n];
    }
    return at;
}

/* Not printf: this runs for every line. */
bool file_set_origin(struct nw_message *message, uint64_t identity, int64_t offset)
{
    static const char prefix[] = "file:", hex[] = "0123456789abcdef";
    char *text = nw_message_alloc(message, sizeof prefix + 16 + 21), *at = text;

    if (text == NULL) {
        return false;
    }
    memcpy(at, prefix, sizeof prefix - 1);
    at += sizeof prefix - 1;
    for (int shift = 60; shift >= 0; shift -= 4) {
        *at++ = hex[(identity >> shift) & 15];
    }
    if (offset >= 0) {
        *at++ = '/';
        at = put_number(at, (uint64_t)offset);
    }
    nw_message_set_origin(message, (struct nw_slice){text, (size_t)(at - text)});
    return true;
}

/* ---- What it says ---- */

void file_source_say(struct file_source *s, enum nw_state state, const char *format, ...)
{
    char text[sizeof s->told_text];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (state != s->told_state || strcmp(text, s->told_text) != 0) {
        s->told_state = state;
        memcpy(s->told_text, text, sizeof text);
        nw_endpoint_state(s->endpoint, state, text[0] == '\0' ? NULL : text);
    }
}

void file_source_note(struct file_source *s)
{
    s->note_wanted = true;
}

static void tell_lag(struct file_source *s)
{
    int64_t lag = s->backlog_bytes;

    if (s->read_lines > 0 && s->read_bytes > 0) {
        lag = lag * s->read_lines / s->read_bytes;
    }
    if (lag == 0 && s->backlog_bytes > 0) {
        lag = 1;
    }
    if (lag != s->told_lag) {
        s->told_lag = lag;
        nw_lag(s->endpoint, lag);
    }
}

/* ---- Looking for files ---- */

/* Changes made on another machine are not told. */
static bool is_remote(const char *path)
{
    static const long remote[] = {0x6969 /* NFS */,
                                  0x517B /* SMB */,
                                  (long)0xFF534D42 /* CIFS */,
                                  (long)0xFE534D42 /* SMB2 */,
                                  0x65735546 /* FUSE */,
                                  0x01021997 /* 9P */,
                                  0x00C36400 /* Ceph */};
    struct statfs fs;

    if (statfs(path, &fs) != 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof remote / sizeof remote[0]; i++) {
        if ((uint32_t)fs.f_type == (uint32_t)remote[i]) {
            return true;
        }
    }
    return false;
}

static void watch(void *context, const char *folder)
{
    struct file_source *s = context;

    if (!file_loop_watch(&s->task, folder) || is_remote(folder)) {
        s->polling = true;
    }
}

static void say_scanned(struct file_source *s, const struct file_scan *scan)
{
    const char *pattern = s->config->address;
    bool folder = strcmp(scan->error_path, pattern) != 0;

    if (scan->error == ENOENT && folder && !file_pattern_is_glob(pattern)) {
        file_source_say(s, NW_STATE_DOWN, "waiting for the folder %s", scan->error_path);
    } else if (scan->error == ENOENT) {
        file_source_say(s, NW_STATE_READY, "waiting for %s, which does not exist yet", pattern);
    } else if (scan->error != 0) {
        file_source_say(s, NW_STATE_DOWN, "cannot read %s: %s", scan->error_path,
                        strerror(scan->error));
    } else if (scan->files == 0) {
        file_source_say(s, NW_STATE_READY, "waiting for files that match %s", pattern);
    } else {
        file_source_say(s, NW_STATE_READY, "%s", "");
    }
}

void file_source_scan(struct file_source *s,
                      void (*found)(void *source, const char *path, const struct file_stat *stat))
{
    struct file_scan scan = {.context = s, .watch = watch, .found = found};

    s->polling = false;
    s->unreadable = 0;
    file_loop_watch_begin(&s->task);
    file_scan_run(&scan, s->config->address);
    file_loop_watch_end(&s->task);
    s->scan_wanted |= scan.again;
    if (s->unreadable != 0) {
        file_source_say(s, NW_STATE_DOWN, "cannot read %s: %s", s->unreadable_path,
                        strerror(s->unreadable));
    } else {
        say_scanned(s, &scan);
    }
}

void file_source_unreadable(struct file_source *s, const char *path, int error)
{
    if (error != ENOENT) { /* gone since it was listed */
        s->unreadable = error;
        (void)snprintf(s->unreadable_path, sizeof s->unreadable_path, "%s", path);
    }
}

/* ---- The task ---- */

static void on_event(struct file_task *task, const struct file_event *event)
{
    struct file_source *s = (struct file_source *)task;

    if (s->reader->event(s, event)) {
        s->scan_wanted = true;
    }
}

/* When the next scan is due. */
static int64_t scan_due_ns(const struct file_source *s)
{
    if (s->reader->scan == NULL) {
        return FILE_NEVER;
    }
    return s->scan_ns + (s->scan_wanted ? SCAN_PAUSE_NS
                         : s->polling   ? RESCAN_POLLING_NS
                                        : RESCAN_NS);
}

static void scan_if_due(struct file_source *s, int64_t now_ns)
{
    if (s->scanned && now_ns < scan_due_ns(s)) {
        return;
    }
    s->scan_wanted = false;
    s->scan_ns = now_ns;
    if (s->reader->scan != NULL) {
        s->reader->scan(s);
    }
    s->scanned = true;
    if (s->reader->scan != NULL) {
        file_loop_read_events(); /* how the files came to where the scan saw them */
    }
}

static void write_records(struct file_source *s, int64_t now_ns)
{
    s->note_wanted = false;
    s->note_ns = now_ns;
    s->reader->note(s);
    int rc = file_records_flush(&s->records, s->endpoint);
    if (rc != 0) {
        nw_log(s->endpoint, NW_LOG_ERROR, "cannot store how far the files are read");
        s->note_wanted = true;
    }
}

/* Which file it is must be known before the first line is delivered: killed behind that, and with
 * the file renamed, nobody would look for the rest of it. */
static void write_fresh(struct file_source *s, int64_t now_ns)
{
    if (s->fresh) {
        s->fresh = false;
        write_records(s, now_ns);
        nw_state_sync(s->endpoint);
    }
}

/* Once: find the files, move, and see it on disk. Nothing is offered. */
static void seek(struct file_source *s, int64_t now_ns)
{
    char text[FILE_SEEK_TEXT];
    bool moved;

    s->sought = true;
    scan_if_due(s, now_ns);
    moved = file_seek(s, text);
    if (moved) {
        write_records(s, now_ns);
        nw_state_sync(s->endpoint);
        moved = !s->note_wanted;
    }
    s->config->seek->done(s->config->seek, moved,
                          s->note_wanted ? "the positions cannot be stored" : text);
}

static int64_t run(struct file_task *task, int64_t now_ns)
{
    struct file_source *s = (struct file_source *)task;
    int64_t due_ns;

    pthread_mutex_lock(&s->lock);
    bool closing = s->closing;
    s->may_offer = !s->stopped;
    s->note_wanted |= s->settled_some;
    s->settled_some = false;
    s->note_pending = true; /* this run sees all that is settled until here */
    pthread_mutex_unlock(&s->lock);

    if (s->config->seek != NULL) {
        if (!s->sought && !closing) {
            seek(s, now_ns);
        }
        return closing ? FILE_ENDED : FILE_NEVER;
    }
    if (s->may_offer) {
        scan_if_due(s, now_ns);
    }
    write_fresh(s, now_ns);
    due_ns = s->reader->work(s, now_ns);
    tell_lag(s);
    if (s->note_wanted && (closing || now_ns >= s->note_ns + NOTE_PAUSE_NS)) {
        write_records(s, now_ns);
    }
    if (closing) {
        return FILE_ENDED;
    }
    pthread_mutex_lock(&s->lock);
    s->note_wanted |= s->settled_some;
    s->note_pending = s->note_wanted;
    pthread_mutex_unlock(&s->lock);
    if (s->note_wanted) {
        due_ns = file_sooner(due_ns, s->note_ns + NOTE_PAUSE_NS);
    }
    return s->may_offer ? file_sooner(due_ns, scan_due_ns(s)) : due_ns;
}

static void free_source(struct file_source *s)
{
    s->reader->done(s);
    file_records_done(&s->records);
    pthread_mutex_destroy(&s->lock);
    if (s->reader == &file_input_reader) {
        atomic_store(&input_taken, false);
    }
    free(s);
}

static void ended(struct file_task *task)
{
    struct file_source *s = (struct file_source *)task;
    struct nw_endpoint *endpoint = s->endpoint;

    /* close() wakes the loop under the lock: it must have let go before the lock is freed. */
    pthread_mutex_lock(&s->lock);
    pthread_mutex_unlock(&s->lock);
    free_source(s);
    nw_closed(endpoint);
}

/* ---- Lanes after the first: nothing to do, one file is read by one lane ---- */

static bool idle_event(struct file_source *s, const struct file_event *event)
{
    (void)s, (void)event;
    return false;
}

static int64_t idle_work(struct file_source *s, int64_t now_ns)
{
    (void)now_ns;
    file_source_say(s, NW_STATE_READY, "the first lane reads the files");
    return FILE_NEVER;
}

static void idle_nothing(struct file_source *s)
{
    (void)s;
}

static const struct file_reader idle_reader = {
    .event = idle_event, .work = idle_work, .note = idle_nothing, .done = idle_nothing};

/* ---- The contract ---- */

static int prepare(struct file_source *s, struct nw_error *error)
{
    int rc = 0;

    s->reader = &idle_reader;
    if (s->config->lane > 0) {
        return 0;
    }
    if (file_is_standard(s->config->address)) {
        if (atomic_exchange(&input_taken, true)) {
            return nw_error_set(error, NW_EINVAL, "standard input is read by another route");
        }
        s->reader = &file_input_reader;
        return 0;
    }
    s->reader = s->options->mode.index == FILE_WHOLE ? &file_whole_reader : &file_tail_reader;
    rc = file_records_load(&s->records, s->endpoint);
    if (rc != 0) {
        return nw_error_set(error, rc, "cannot read how far the files were read");
    }
    s->first_start = s->records.count == 0;
    s->note_wanted = s->first_start; /* so that the next start is none */
    return file_records_begin(&s->records);
}

int file_source_open(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                     void **state, struct nw_error *error)
{
    struct file_source *s = calloc(1, sizeof *s);

    if (s == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    s->task = (struct file_task){.run = run, .event = on_event, .ended = ended};
    s->endpoint = endpoint;
    s->config = config;
    s->options = config->options;
    s->told_state = NW_STATE_FAILED; /* never told */
    s->told_lag = -1;
    pthread_mutex_init(&s->lock, NULL);
    int rc = prepare(s, error);
    if (rc == 0) {
        *state = s;
        rc = file_loop_add(&s->task, error);
    }
    if (rc != 0) {
        free_source(s);
    }
    return rc;
}

void file_source_credit(void *state)
{
    struct file_source *s = state;

    file_loop_wake(&s->task);
}

void file_source_settle(void *state, const struct nw_result *results, size_t n)
{
    struct file_source *s = state;
    bool wake = false;

    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < n; i++) {
        struct file_place *place = (struct file_place *)nw_message_cookie(results[i].message);
        struct file_place *first = place - place->index;
        struct file_batch *batch =
            (struct file_batch *)((char *)first - offsetof(struct file_batch, places));
        place->settled = true;
        place->again = results[i].outcome == NW_RETRY;
        batch->again |= place->again;
        wake |= --batch->left == 0 && s->reader == &file_whole_reader;
    }
    wake |= !s->settled_some && !s->note_pending;
    s->settled_some = true;
    pthread_mutex_unlock(&s->lock);
    if (wake) {
        file_loop_wake(&s->task);
    }
}

void file_source_stop(void *state)
{
    struct file_source *s = state;

    pthread_mutex_lock(&s->lock);
    s->stopped = true;
    pthread_mutex_unlock(&s->lock);
}

void file_source_close(void *state)
{
    struct file_source *s = state;

    pthread_mutex_lock(&s->lock);
    s->stopped = s->closing = true;
    file_loop_wake(&s->task);
    pthread_mutex_unlock(&s->lock);
}
