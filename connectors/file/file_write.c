/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a batch of a sink: its messages to their files, and each one's result. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "file_path.h"
#include "file_sink.h"

static bool is_closed(const char *path, int error)
{
    return error == -EPIPE && file_is_standard(path);
}

void file_write_describe(const char *path, int error, char *text, size_t size)
{
    if (is_closed(path, error)) {
        (void)snprintf(text, size, "standard output is closed");
    } else {
        (void)snprintf(text, size, "cannot write %.400s: %s",
                       file_is_standard(path) ? "standard output" : path, strerror(-error));
    }
}

void file_write_result(struct file_sink *s, size_t i, int error, const char *path)
{
    struct nw_result *r = &s->results[i];
    char text[600];

    *r = (struct nw_result){.message = s->batch.items[i], .outcome = NW_ACK};
    if (error == 0) {
        return;
    }
    file_write_describe(path, error, text, sizeof text);
    s->closed |= is_closed(path, error);
    r->reason = nw_message_copy(r->message, text, strlen(text) + 1).data;
    if (s->templated && (error == -ENAMETOOLONG || error == -EINVAL || error == -EISDIR)) {
        r->outcome = NW_REJECT; /* no waiting makes this message's name a good one */
        r->cause = NW_CAUSE_REFUSED;
        return;
    }
    r->outcome = NW_RETRY;
    r->cause = NW_CAUSE_OUTAGE;
}

/* ---- Appending ---- */

static bool wait_here(struct file_output *o, uint32_t index)
{
    if (o->count == o->capacity) {
        size_t capacity = o->capacity == 0 ? 64 : o->capacity * 2;
        uint32_t *waiting = realloc(o->waiting, capacity * sizeof *waiting);
        if (waiting == NULL) {
            return false;
        }
        o->waiting = waiting;
        o->capacity = capacity;
    }
    o->waiting[o->count++] = index;
    return true;
}

/* Append count of the messages that wait at o, beginning with the first'th. Returns how many are
 * written; fewer only with *error. Of what does not fit on a full disk the first half may: so the
 * disk is filled to the last line, and not tried again and again with one. */
static size_t append_to(struct file_sink *s, struct file_output *o, size_t first, size_t count,
                        int *error)
{
    for (size_t i = 0; i < count; i++) {
        struct nw_slice payload = nw_message_payload(s->batch.items[o->waiting[first + i]]);
        s->parts[2 * i] = (struct iovec){(void *)(uintptr_t)payload.data, payload.len};
        s->parts[2 * i + 1] = (struct iovec){(void *)(uintptr_t) "\n", 1};
    }
    *error = file_output_append(&s->outputs, o, s->parts, 2 * count);
    if (*error == 0) {
        return count;
    }
    if (count == 1 || (*error != -ENOSPC && *error != -EDQUOT)) {
        return 0;
    }
    size_t half = count / 2, done = append_to(s, o, first, half, error);
    return done < half ? done : half + append_to(s, o, first + half, count - half, error);
}

static size_t size_of(const struct file_sink *s, const struct file_output *o, size_t i)
{
    return nw_message_payload(s->batch.items[o->waiting[i]]).len + 1;
}

/* The same for all that wait, with the file rotated in between where that is due. */
static size_t append_rotating(struct file_sink *s, struct file_output *o, int *error)
{
    const struct file_rotate_options *rotate = &s->options->rotate;
    size_t done = 0;

    *error = 0;
    if (rotate->size == 0 && rotate->every == 0) {
        return append_to(s, o, 0, o->count, error);
    }
    while (done < o->count && *error == 0) {
        *error = file_output_rotate(&s->outputs, o, size_of(s, o, done));
        size_t n = 1, room = file_output_room(&s->outputs, o), bytes = size_of(s, o, done);
        while (done + n < o->count && bytes + size_of(s, o, done + n) <= room) {
            bytes += size_of(s, o, done + n);
            n++;
        }
        done += *error != 0 ? 0 : append_to(s, o, done, n, error);
    }
    return done;
}

static void note_sync_error(struct file_sink *s, const struct file_output *o, int error)
{
    s->sync_error = error;
    (void)snprintf(s->sync_path, sizeof s->sync_path, "%s", o->path);
}

/* Write what waits at every output, and set its results. */
static void append_all(struct file_sink *s)
{
    for (struct file_output *o = s->outputs.list; o != NULL; o = o->next) {
        int error = 0, sync_error;
        size_t done = o->count == 0 ? 0 : append_rotating(s, o, &error);
        sync_error = o->error;
        o->error = 0;
        if (s->options->fsync.index == FILE_FSYNC_INTERVAL && sync_error != 0) {
            note_sync_error(s, o, sync_error); /* for those of earlier batches too */
        } else if (done > 0 && s->options->fsync.index == FILE_FSYNC_BATCH && sync_error == 0) {
            sync_error = file_output_sync(&s->outputs, o);
        }
        for (size_t i = 0; i < o->count; i++) {
            file_write_result(s, o->waiting[i], i < done ? sync_error : error, o->path);
        }
        o->count = 0;
    }
}

void file_write_sync(struct file_sink *s)
{
    for (struct file_output *o = s->outputs.list; o != NULL; o = o->next) {
        int rc = o->changed ? file_output_sync(&s->outputs, o) : 0;
        if (rc != 0) {
            note_sync_error(s, o, rc);
        }
    }
}

/* The output for a path, after writing and syncing what waits if that is needed to make room. */
static struct file_output *output_for(struct file_sink *s, struct nw_slice path)
{
    struct file_output *o = file_outputs_get(&s->outputs, path);

    if (o == NULL) {
        append_all(s);
        file_write_sync(s);
        o = file_outputs_get(&s->outputs, path);
    }
    return o;
}

/* Give messages from..to of the batch to their outputs, and write. */
static void append(struct file_sink *s, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        struct file_output *o = output_for(s, nw_message_address(s->batch.items[i]));
        if (o == NULL || !wait_here(o, (uint32_t)i)) {
            file_write_result(s, i, -ENOMEM, "the file");
        }
    }
    append_all(s);
}

/* ---- Whole files ---- */

static void copy_path(const struct nw_message *m, char *path, size_t size)
{
    struct nw_slice address = nw_message_address(m);

    (void)snprintf(path, size, "%.*s", (int)address.len, address.data);
}

/* Sync the folders of the files that were named; the same folder in a row once only. */
static void sync_folders(struct file_sink *s, size_t from, size_t to, int *errors)
{
    char path[4096], last[4096] = "";
    int last_error = 0;

    for (size_t i = from; i < to; i++) {
        copy_path(s->batch.items[i], path, sizeof path);
        const char *slash = strrchr(path, '/');
        size_t len = slash == NULL ? 0 : (size_t)(slash - path);
        if (errors[i - from] != 0) {
            continue;
        }
        if (i == from || strlen(last) != len || strncmp(last, path, len) != 0 || len == 0) {
            last_error = file_sync_folder(path);
            (void)snprintf(last, sizeof last, "%.*s", (int)len, path);
        }
        errors[i - from] = last_error;
    }
}

static void write_whole(struct file_sink *s, size_t from, size_t to)
{
    char path[4096];
    int errors[FILE_WHOLE_BATCH];

    for (size_t i = from; i < to; i++) {
        copy_path(s->batch.items[i], path, sizeof path);
        errors[i - from] =
            file_whole_write(&s->outputs, path, i - from, nw_message_payload(s->batch.items[i]));
    }
    for (size_t i = from; i < to; i++) {
        copy_path(s->batch.items[i], path, sizeof path);
        if (errors[i - from] == 0) {
            errors[i - from] = file_whole_name(&s->outputs, path, i - from);
        }
    }
    sync_folders(s, from, to, errors);
    for (size_t i = from; i < to; i++) {
        copy_path(s->batch.items[i], path, sizeof path);
        file_write_result(s, i, errors[i - from], path);
    }
}

void file_write(struct file_sink *s, size_t from, size_t to)
{
    if (s->options->mode.index == FILE_WHOLE) {
        write_whole(s, from, to);
    } else {
        append(s, from, to);
    }
}
