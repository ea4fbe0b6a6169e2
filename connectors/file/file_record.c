/* SPDX-License-Identifier: Apache-2.0 */
#include "file_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Half of what a key may hold: a record's numbers grow after it was placed. */
#define BLOB_FULL ((size_t)32 * 1024)
#define RECORD_NUMBERS 260 /* longest text of everything but the path */

struct file_blob {
    struct file_record *records;
    size_t size; /* upper bound of its text */
    bool changed;
};

static size_t record_size(const struct file_record *record)
{
    return RECORD_NUMBERS + 3 * strlen(record->path);
}

/* Bytes that would end a field or a line, and the escape itself. */
static bool must_escape(unsigned char c)
{
    return c < 0x20 || c == '%' || c == 0x7f;
}

static char kind_of(const struct file_record *f)
{
    return f->acting ? 'a' : f->whole ? 'w' : 'l';
}

static char *write_record(const struct file_record *f, char *at)
{
    at += sprintf(at,
                  "%c %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %016" PRIx64
                  " %" PRIu32 " %" PRIu32 " %016" PRIx64 " %" PRId64 " %" PRId64 " %016" PRIx64
                  " %" PRId64 " ",
                  kind_of(f), f->stat.device, f->stat.inode, f->stat.birth_ns, f->stat.modify_ns,
                  f->stat.size, f->identity, f->generation, f->head_len, f->head_hash, f->offset,
                  f->lines, f->check_hash, f->seen_ns);
    for (const char *p = f->path; *p != '\0'; p++) {
        if (must_escape((unsigned char)*p)) {
            at += sprintf(at, "%%%02X", (unsigned)(unsigned char)*p);
        } else {
            *at++ = *p;
        }
    }
    *at++ = '\n';
    return at;
}

static char *read_path(const char *text)
{
    char *path = strdup(text), *to = path;

    for (const char *p = text; path != NULL && *p != '\0'; p++) {
        unsigned code;
        if (*p == '%' && sscanf(p + 1, "%2x", &code) == 1) {
            *to++ = (char)code;
            p += 2;
        } else {
            *to++ = *p;
        }
    }
    if (path != NULL) {
        *to = '\0';
    }
    return path;
}

/* NULL if the line makes no sense or memory ran out; the caller cannot do better than go on. */
static struct file_record *read_record(const char *line)
{
    struct file_record f = {.next = NULL};
    char kind;
    int length = 0;

    if (sscanf(line,
               "%c %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNx64 " %" SCNu32
               " %" SCNu32 " %" SCNx64 " %" SCNd64 " %" SCNd64 " %" SCNx64 " %" SCNd64 " %n",
               &kind, &f.stat.device, &f.stat.inode, &f.stat.birth_ns, &f.stat.modify_ns,
               &f.stat.size, &f.identity, &f.generation, &f.head_len, &f.head_hash, &f.offset,
               &f.lines, &f.check_hash, &f.seen_ns, &length) < 14 ||
        length == 0 || line[length] == '\0' || f.offset < 0 || strchr("lwa", kind) == NULL) {
        return NULL;
    }
    struct file_record *record = malloc(sizeof *record);
    f.whole = kind != 'l';
    f.acting = kind == 'a';
    f.path = read_path(line + length);
    if (record == NULL || f.path == NULL) {
        free(record);
        free(f.path);
        return NULL;
    }
    *record = f;
    return record;
}

static struct file_blob *new_blob(struct file_records *r)
{
    struct file_blob *blobs = realloc(r->blobs, (r->count + 1) * sizeof *blobs);

    if (blobs == NULL) {
        return NULL;
    }
    r->blobs = blobs;
    blobs[r->count] = (struct file_blob){.records = NULL};
    return &blobs[r->count++];
}

static void place(struct file_records *r, size_t blob, struct file_record *record)
{
    record->blob = blob;
    record->next = r->blobs[blob].records;
    r->blobs[blob].records = record;
    r->blobs[blob].size += record_size(record);
}

static int load_blob(struct file_records *r, const char *data, size_t len)
{
    char *text = strndup(data, len), *rest = NULL;
    struct file_blob *blob = text == NULL ? NULL : new_blob(r);

    if (blob == NULL) {
        free(text);
        return NW_ENOMEM;
    }
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        struct file_record *record = read_record(line);
        if (record != NULL) {
            place(r, r->count - 1, record);
        }
    }
    free(text);
    return 0;
}

static void blob_key(char *key, size_t size, size_t index)
{
    snprintf(key, size, "files.%zu", index);
}

int file_records_load(struct file_records *r, struct nw_endpoint *endpoint)
{
    for (;;) {
        char key[32];
        void *data;
        size_t len;

        blob_key(key, sizeof key, r->count);
        int rc = nw_state_read(endpoint, key, &data, &len);
        if (rc == NW_ENOTFOUND) {
            return 0;
        }
        if (rc == 0) {
            rc = load_blob(r, data, len);
            free(data);
        }
        if (rc != 0) {
            return rc;
        }
    }
}

int file_records_begin(struct file_records *r)
{
    if (r->count == 0) {
        if (new_blob(r) == NULL) {
            return NW_ENOMEM;
        }
        r->blobs[0].changed = r->changed = true;
    }
    return 0;
}

struct file_record *file_record_add(struct file_records *r, const char *path)
{
    struct file_record *record = calloc(1, sizeof *record);
    size_t blob = 0;

    if (record == NULL || (record->path = strdup(path)) == NULL) {
        free(record);
        return NULL;
    }
    while (blob < r->count && r->blobs[blob].size + record_size(record) > BLOB_FULL) {
        blob++;
    }
    if (blob == r->count && new_blob(r) == NULL) {
        free(record->path);
        free(record);
        return NULL;
    }
    place(r, blob, record);
    file_record_touch(r, record);
    return record;
}

void file_record_touch(struct file_records *r, struct file_record *record)
{
    r->blobs[record->blob].changed = true;
    r->changed = true;
}

void file_record_remove(struct file_records *r, struct file_record *record)
{
    struct file_blob *blob = &r->blobs[record->blob];
    struct file_record **at = &blob->records;

    while (*at != record) {
        at = &(*at)->next;
    }
    *at = record->next;
    blob->size -= record_size(record);
    file_record_touch(r, record);
    free(record->path);
    free(record);
}

void file_records_each(struct file_records *r,
                       void (*each)(struct file_record *record, void *context), void *context)
{
    for (size_t i = 0; i < r->count; i++) {
        struct file_record *next;
        for (struct file_record *f = r->blobs[i].records; f != NULL; f = next) {
            next = f->next;
            each(f, context);
        }
    }
}

/* An empty blob is written as an empty text, not removed: loading ends at the first absent key. */
static int flush_blob(struct file_blob *blob, size_t index, struct nw_endpoint *endpoint)
{
    char key[32], *text = malloc(blob->size + 1), *at = text;

    if (text == NULL) {
        return NW_ENOMEM;
    }
    for (const struct file_record *f = blob->records; f != NULL; f = f->next) {
        at = write_record(f, at);
    }
    blob_key(key, sizeof key, index);
    int rc = nw_state_write(endpoint, key, text, (size_t)(at - text));
    free(text);
    return rc;
}

int file_records_flush(struct file_records *r, struct nw_endpoint *endpoint)
{
    int result = 0;

    if (!r->changed) {
        return 0;
    }
    r->changed = false;
    for (size_t i = 0; i < r->count; i++) {
        if (r->blobs[i].changed) {
            int rc = flush_blob(&r->blobs[i], i, endpoint);
            r->blobs[i].changed = rc != 0;
            r->changed |= rc != 0;
            result = rc != 0 ? rc : result;
        }
    }
    return result;
}

void file_records_done(struct file_records *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct file_record *next;
        for (struct file_record *f = r->blobs[i].records; f != NULL; f = next) {
            next = f->next;
            free(f->path);
            free(f);
        }
    }
    free(r->blobs);
    *r = (struct file_records){.blobs = NULL};
}
