/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one followed file: bytes into chunks, lines into messages, settled places into a
 * position. Lines are not copied: messages point into the chunk. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "file_tail.h"

#define CHUNK_MIN ((size_t)4096)

/* ---- Bytes ---- */

static void drop_chunk(struct file_tail *t)
{
    file_chunk_unref(t->chunk);
    t->chunk = NULL;
    t->begin = t->end = 0;
}

/* Room behind `end` for some of `available` more bytes. What is pending moves along. */
static bool reserve(struct file_tail *t, size_t available)
{
    size_t pending = t->end - t->begin;
    size_t more = available < FILE_CHUNK_MAX ? available : FILE_CHUNK_MAX;

    if (t->chunk != NULL && t->chunk->capacity - t->end >= (more < CHUNK_MIN ? more : CHUNK_MIN)) {
        return true;
    }
    /* Twice what is pending: a long line that comes in small pieces is not moved each time. */
    size_t capacity = pending * 2 + more;
    struct file_chunk *chunk = file_chunk_new(capacity < CHUNK_MIN ? CHUNK_MIN : capacity, t->path);
    if (chunk == NULL) {
        errno = ENOMEM;
        return false;
    }
    if (pending > 0) {
        memcpy(chunk->data, t->chunk->data + t->begin, pending);
    }
    file_chunk_unref(t->chunk);
    t->chunk = chunk;
    t->begin = 0;
    t->end = pending;
    return true;
}

/* Remember the last bytes that were read, of n new ones at the end of the chunk. */
static void keep_check(struct file_tail *t, size_t n)
{
    const char *end = t->chunk->data + t->end;

    if (n >= FILE_CHECK_MAX) {
        memcpy(t->check, end - FILE_CHECK_MAX, FILE_CHECK_MAX);
        t->check_len = FILE_CHECK_MAX;
        return;
    }
    size_t keep = t->check_len + n > FILE_CHECK_MAX ? FILE_CHECK_MAX - n : t->check_len;
    memmove(t->check, t->check + t->check_len - keep, keep);
    memcpy(t->check + keep, end - n, n);
    t->check_len = keep + n;
}

/* Read once more. The bytes just before are read with it and compared: a file that was truncated
 * and has grown again beyond this offset is found out too. */
static enum file_tail_result fill(struct file_tail *t, int64_t now_ns)
{
    char check[FILE_CHECK_MAX];
    struct file_stat stat;
    int rc = file_stat_fd(t->fd, &stat);

    if (rc != 0) {
        errno = -rc;
        return FILE_TAIL_ERROR;
    }
    if (stat.size < t->offset) {
        return FILE_TAIL_REPLACED;
    }
    bool same = stat.size == t->offset && stat.modify_ns == t->stat.modify_ns;
    t->stat = stat;
    if (same) {
        return FILE_TAIL_IDLE;
    }
    if (!reserve(t, (size_t)(stat.size - t->offset))) {
        return FILE_TAIL_ERROR;
    }
    struct iovec parts[] = {{check, t->check_len},
                            {t->chunk->data + t->end, t->chunk->capacity - t->end}};
    ssize_t n = preadv(t->fd, parts, 2, t->offset - (int64_t)t->check_len);
    if (n < 0) {
        return FILE_TAIL_ERROR;
    }
    if ((size_t)n < t->check_len || memcmp(check, t->check, t->check_len) != 0) {
        return FILE_TAIL_REPLACED;
    }
    size_t fresh = (size_t)n - t->check_len;
    t->end += fresh;
    t->offset += (int64_t)fresh;
    if (fresh > 0) {
        keep_check(t, fresh);
        t->grown_ns = now_ns;
    }
    return fresh > 0 ? FILE_TAIL_MORE : FILE_TAIL_IDLE;
}

static enum file_tail_result fill_input(struct file_tail *t, int64_t now_ns)
{
    if (!reserve(t, FILE_CHUNK_MAX / 4)) {
        return FILE_TAIL_ERROR;
    }
    ssize_t n = read(t->fd, t->chunk->data + t->end, t->chunk->capacity - t->end);
    if (n < 0) {
        return errno == EAGAIN || errno == EINTR ? FILE_TAIL_IDLE : FILE_TAIL_ERROR;
    }
    t->look = false; /* until there is more to read: the next read could block */
    t->over = n == 0;
    t->end += (size_t)n;
    t->offset += n;
    t->grown_ns = now_ns;
    return n == 0 ? FILE_TAIL_IDLE : FILE_TAIL_MORE;
}

int file_tail_seek(struct file_tail *t, int64_t offset, int64_t lines)
{
    drop_chunk(t);
    t->offset = offset;
    t->lines = lines;
    t->skipping = t->swallow = false;
    t->stat.modify_ns = 0; /* whatever was seen, look again */
    return file_check_read(t->fd, offset, t->check, &t->check_len);
}

int64_t file_tail_last_line(int fd, int64_t size)
{
    char block[4096];

    for (int64_t end = size; end > 0;) {
        int64_t from = end > (int64_t)sizeof block ? end - (int64_t)sizeof block : 0;
        ssize_t n = pread(fd, block, (size_t)(end - from), from);
        if (n <= 0) {
            return size;
        }
        const char *newline = memrchr(block, '\n', (size_t)n);
        if (newline != NULL) {
            return from + (newline - block) + 1;
        }
        end = from;
    }
    return 0;
}

/* ---- Lines ---- */

/* Ids are made of what never changes: the file's birth and its first line. It is complete when the
 * first message is made. */
static bool identify(struct file_tail *t)
{
    uint64_t parts[4];

    if (t->identity != 0) {
        return true;
    }
    if (!t->input && (file_head(t->fd, &t->head_hash, &t->head_len) != 0 || t->head_len == 0)) {
        /* A last line without its newline, taken as it is: there is no other one. */
        t->head_len = 0;
        t->head_hash = file_hash(0, t->chunk->data + t->begin, t->end - t->begin);
    }
    parts[0] = t->stat.birth_ns != 0 ? (uint64_t)t->stat.birth_ns : t->stat.device;
    parts[1] = t->stat.inode;
    parts[2] = t->generation;
    parts[3] = t->head_hash;
    t->identity = file_hash(0, parts, sizeof parts);
    t->identity += t->identity == 0;
    return true;
}

static struct nw_message *make_message(struct file_source *s, struct file_tail *t,
                                       struct nw_slice line, int64_t offset, int64_t number)
{
    struct nw_message *m = nw_message_new(s->endpoint);

    if (m == NULL || !file_set_origin(m, t->identity, offset)) {
        nw_message_unref(m);
        return NULL;
    }
    nw_message_set_address(m, file_chunk_path(t->chunk));
    nw_message_set_payload(m, line);
    nw_message_set_number(m, NW_META_OFFSET, offset);
    nw_message_set_number(m, NW_META_LINE, number);
    nw_message_set_release(m, file_chunk_unref, t->chunk);
    atomic_fetch_add(&t->chunk->references, 1);
    return m;
}

struct line {
    size_t begin, end; /* in the chunk, without the LF or CR LF that ends it */
    size_t next;
    int64_t number;
};

static void lose_line(struct file_source *s, struct file_tail *t)
{
    t->lines++;
    nw_lost(s->endpoint, 1, "a line is longer than max_line");
    nw_log(s->endpoint, NW_LOG_WARNING, "%s: line %lld is longer than max_line (%lld bytes)",
           t->path, (long long)t->lines, (long long)s->options->max_line);
}

/* Step over one line; true if it is one to offer. false with t->begin unmoved: it is not complete.
 */
static bool next_line(struct file_source *s, struct file_tail *t, struct line *line)
{
    const char *data = t->chunk->data;
    size_t max = (size_t)s->options->max_line;

    while (t->begin < t->end) {
        const char *newline = memchr(data + t->begin, '\n', t->end - t->begin);
        if (newline == NULL) {
            if (!t->skipping && t->end - t->begin > max + 1) { /* one may be a CR */
                lose_line(s, t);
                t->skipping = true;
            }
            if (t->skipping) {
                t->begin = t->end;
            }
            return false;
        }
        *line = (struct line){.begin = t->begin, .end = (size_t)(newline - data)};
        line->next = t->begin = line->end + 1;
        line->end -= line->end > line->begin && data[line->end - 1] == '\r';
        bool empty_rest = t->swallow && line->begin == line->end;
        bool rest = t->skipping;
        t->swallow = t->skipping = false;
        if (rest || empty_rest) {
            continue;
        }
        if (line->end - line->begin > max) {
            lose_line(s, t);
            continue;
        }
        line->number = ++t->lines;
        return true;
    }
    return false;
}

/* Make and hand over messages for n lines for which there is credit. Returns how many were; fewer
 * when memory ran out or the source was stopped. */
static size_t offer(struct file_source *s, struct file_tail *t, const struct line *lines, size_t n)
{
    struct nw_message *messages[FILE_BATCH];
    struct file_batch *batch = file_batch_new((uint32_t)n, t);
    int64_t base = t->offset - (int64_t)t->end;
    size_t made = 0;

    if (batch == NULL || !identify(t)) {
        free(batch);
        return 0;
    }
    batch->first_line = lines[0].number;
    for (; made < n; made++) {
        const struct line *l = &lines[made];
        struct nw_slice text = {t->chunk->data + l->begin, l->end - l->begin};
        messages[made] = make_message(s, t, text, base + (int64_t)l->begin, l->number);
        if (messages[made] == NULL) {
            break;
        }
        batch->places[made].end = base + (int64_t)l->next;
        batch->places[made].line = (uint32_t)(l->number - lines[0].number);
        nw_message_set_cookie(messages[made], (uintptr_t)&batch->places[made]);
    }
    batch->count = batch->left = (uint32_t)made;
    if (made == 0 || !file_source_offer(s, batch, &t->batches, messages)) {
        for (size_t i = 0; i < made; i++) {
            nw_message_unref(messages[i]);
        }
        free(batch);
        return 0;
    }
    s->read_lines += (int64_t)made;
    s->read_bytes += (int64_t)(lines[made - 1].next - lines[0].begin);
    return made;
}

/* Offer the complete lines of the chunk that there is credit for. */
static enum file_tail_result offer_lines(struct file_source *s, struct file_tail *t)
{
    struct line lines[FILE_BATCH];
    size_t count = 0, offered = 0, credit = nw_credit_take(s->endpoint, FILE_BATCH);

    if (credit == 0) {
        return FILE_TAIL_BLOCKED;
    }
    while (count < credit && next_line(s, t, &lines[count])) {
        count++;
    }
    if (count > 0) {
        offered = offer(s, t, lines, count);
    }
    if (offered < credit) {
        nw_credit_return(s->endpoint, credit - offered);
    }
    if (offered < count) {
        t->begin = lines[offered].begin;
        t->lines = lines[offered].number - 1;
        return FILE_TAIL_BLOCKED;
    }
    return count > 0 ? FILE_TAIL_MORE : FILE_TAIL_IDLE;
}

enum file_tail_result file_tail_read(struct file_source *s, struct file_tail *t, int64_t now_ns)
{
    int64_t until = t->offset + (int64_t)FILE_CHUNK_MAX;

    for (;;) {
        enum file_tail_result result = t->begin < t->end ? offer_lines(s, t) : FILE_TAIL_IDLE;
        if (result == FILE_TAIL_BLOCKED) {
            return result;
        }
        if (result == FILE_TAIL_MORE) {
            continue;
        }
        if (t->over || (t->input && !t->look)) {
            return FILE_TAIL_IDLE;
        }
        if (t->offset >= until) {
            return FILE_TAIL_MORE;
        }
        result = t->input ? fill_input(t, now_ns) : fill(t, now_ns);
        if (result != FILE_TAIL_MORE) {
            if (t->begin == t->end) {
                drop_chunk(t);
            }
            return result;
        }
    }
}

bool file_tail_offer_rest(struct file_source *s, struct file_tail *t)
{
    struct line line = {.begin = t->begin, .end = t->end, .next = t->end, .number = t->lines + 1};

    if (t->begin == t->end || t->skipping) {
        drop_chunk(t);
        return true;
    }
    if (nw_credit_take(s->endpoint, 1) == 0) {
        return false;
    }
    if (offer(s, t, &line, 1) == 0) {
        nw_credit_return(s->endpoint, 1);
        return false;
    }
    t->lines++;
    t->swallow = true;
    drop_chunk(t);
    return true;
}

/* ---- Settled places ---- */

/* Move settled over the places that are settled for good, from the oldest on. */
static void advance_in(struct file_tail *t, const struct file_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct file_place *place = &batch->places[i];
        if (!place->settled || place->again) {
            return;
        }
        if (place->end > t->settled) {
            t->settled = place->end;
            t->settled_lines = batch->first_line + place->line;
        }
    }
}

static bool in_flight(const struct file_tail *t)
{
    for (const struct file_batch *b = t->batches; b != NULL; b = b->next) {
        if (b->left > 0) {
            return true;
        }
    }
    return false;
}

static void pop_batch(struct file_tail *t)
{
    struct file_batch *batch = t->batches;

    t->batches = batch->next;
    free(batch);
}

void file_tail_advance(struct file_source *s, struct file_tail *t)
{
    pthread_mutex_lock(&s->lock);
    while (t->batches != NULL && t->batches->left == 0 && !t->batches->again) {
        const struct file_batch *batch = t->batches;
        const struct file_place *last = &batch->places[batch->count - 1];
        t->settled = last->end;
        t->settled_lines = batch->first_line + last->line;
        pop_batch(t);
    }
    if (t->batches != NULL) {
        advance_in(t, t->batches);
        t->again |= t->batches->again;
    }
    if (t->again && !in_flight(t)) {
        while (t->batches != NULL) {
            pop_batch(t);
        }
    }
    pthread_mutex_unlock(&s->lock);
    if (t->again && t->batches == NULL) {
        t->again = false;
        if (!t->input && s->may_offer) {
            (void)file_tail_seek(t, t->settled, t->settled_lines);
            t->look = true;
        }
    }
}
