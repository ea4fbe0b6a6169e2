/* SPDX-License-Identifier: Apache-2.0 */
#include "file_mark.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK_TEXT 90                       /* longest text of a mark */
#define MARKS_MAX 1100                     /* more than may be open; in memory */
#define STORED_MAX (64 * 1024 / MARK_TEXT) /* a key holds 64 KiB */

static struct file_mark *find(const struct file_marks *m, const struct file_stat *stat)
{
    for (size_t i = 0; i < m->count; i++) {
        if (file_stat_same(&m->items[i].stat, stat)) {
            return &m->items[i];
        }
    }
    return NULL;
}

static void take_out(struct file_marks *m, struct file_mark *mark)
{
    size_t behind = m->count - (size_t)(mark - m->items) - 1;

    memmove(mark, mark + 1, behind * sizeof *mark);
    m->count--;
}

static bool add(struct file_marks *m, const struct file_mark *mark)
{
    if (m->count == MARKS_MAX) {
        take_out(m, m->items);
    }
    if (m->count == m->capacity) {
        size_t capacity = m->capacity * 2 + 16;
        struct file_mark *items = realloc(m->items, capacity * sizeof *items);
        if (items == NULL) {
            return false;
        }
        m->items = items;
        m->capacity = capacity;
    }
    m->items[m->count++] = *mark;
    return true;
}

/* The newest of them; a failure only means that a torn line is ended instead of cut off. */
static void store(const struct file_marks *m)
{
    size_t from = m->count > STORED_MAX ? m->count - STORED_MAX : 0;
    char *text = m->endpoint == NULL ? NULL : malloc((m->count - from) * MARK_TEXT + 1), *at = text;

    if (text == NULL) {
        return;
    }
    for (size_t i = from; i < m->count; i++) {
        const struct file_mark *k = &m->items[i];
        at += sprintf(at, "%" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 "\n", k->stat.device,
                      k->stat.inode, k->stat.birth_ns, k->size);
    }
    (void)nw_state_write(m->endpoint, m->key, m->count == 0 ? NULL : text, (size_t)(at - text));
    free(text);
}

int file_marks_load(struct file_marks *m, struct nw_endpoint *endpoint, uint64_t id)
{
    void *data;
    size_t len;
    char *rest = NULL;

    m->endpoint = endpoint;
    (void)snprintf(m->key, sizeof m->key, "out.%016" PRIx64, id);
    int rc = nw_state_read(endpoint, m->key, &data, &len);
    if (rc != 0) {
        return rc == NW_ENOTFOUND ? 0 : rc;
    }
    char *text = strndup(data, len);
    free(data);
    for (char *line = text == NULL ? NULL : strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        struct file_mark mark = {.size = 0};
        if (sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64, &mark.stat.device,
                   &mark.stat.inode, &mark.stat.birth_ns, &mark.size) == 4) {
            (void)add(m, &mark);
        }
    }
    rc = text == NULL ? NW_ENOMEM : 0;
    free(text);
    return rc;
}

int64_t file_marks_size(const struct file_marks *m, const struct file_stat *stat)
{
    const struct file_mark *mark = find(m, stat);

    return mark == NULL ? -1 : mark->size;
}

void file_marks_put(struct file_marks *m, const struct file_stat *stat, int64_t size)
{
    struct file_mark *mark = find(m, stat), fresh = {.stat = *stat, .size = size};

    if (mark != NULL) {
        take_out(m, mark);
    }
    if (add(m, &fresh)) {
        store(m);
    }
}

void file_marks_drop(struct file_marks *m, const struct file_stat *stat)
{
    struct file_mark *mark = find(m, stat);

    if (mark != NULL) {
        take_out(m, mark);
        store(m);
    }
}

void file_marks_done(struct file_marks *m)
{
    free(m->items);
    *m = (struct file_marks){.endpoint = NULL};
}
