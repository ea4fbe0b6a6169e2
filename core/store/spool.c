/* SPDX-License-Identifier: Apache-2.0 */
/* The spool at work: appending, reading, removing. Opening it is in spool_open.c. */
#include "store/spool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/record.h"
#include "store/spool_internal.h"

#define REMOVE_EVERY_MS 20

/* ---- removing ---- */

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* With lock held: the rows from..to of the route, which stand together. How many of them had not
 * been given out. */
static uint64_t remove_range(struct nw_spool_route *r, uint64_t from, uint64_t to)
{
    sqlite3_stmt *stmt = r->spool->remove;
    uint64_t given = atomic_load(&r->given_row), unseen = 0;

    (void)sqlite3_bind_int64(stmt, 1, r->id);
    (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)from);
    (void)sqlite3_bind_int64(stmt, 3, (sqlite3_int64)to);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        uint64_t size = (uint64_t)sqlite3_column_int64(stmt, 0);
        r->messages -= r->messages > 0 ? 1 : 0;
        r->bytes -= size > r->bytes ? r->bytes : size;
        unseen += (uint64_t)sqlite3_column_int64(stmt, 1) > given ? 1 : 0;
    }
    (void)sqlite3_reset(stmt);
    return unseen;
}

/* With lock held: rows of the database. */
static void remove_from_db(struct nw_spool_route *r, const uint64_t *rows, size_t n)
{
    (void)sqlite3_exec(r->spool->db, "BEGIN", NULL, NULL, NULL);
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && rows[end] <= rows[end - 1] + 1) {
            end++;
        }
        (void)remove_range(r, rows[i], rows[end - 1]);
        i = end;
    }
    if (sqlite3_exec(r->spool->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
        /* They stay on disk and come again after a restart, as repeats with the same id. */
        (void)sqlite3_exec(r->spool->db, "ROLLBACK", NULL, NULL, NULL);
    }
}

static void remove_some(struct nw_spool_route *r, const uint64_t *rows, size_t n)
{
    size_t old = 0;

    (void)pthread_mutex_lock(&r->spool->lock);
    while (old < n && rows[old] < r->spool->journal.first_row) {
        old++;
    }
    if (old > 0) {
        remove_from_db(r, rows, old);
    }
    nw_spool_settle_journal(r, rows + old, n - old);
    (void)pthread_mutex_unlock(&r->spool->lock);
}

static void remove_route(struct nw_spool_route *r)
{
    uint64_t *rows;
    size_t n;

    (void)pthread_mutex_lock(&r->spool->remove_lock);
    rows = r->removed;
    n = r->removed_count;
    r->removed = NULL;
    r->removed_count = r->removed_capacity = 0;
    (void)pthread_mutex_unlock(&r->spool->remove_lock);
    if (n > 0) {
        qsort(rows, n, sizeof *rows, by_number);
    }
    for (size_t i = 0; i < n; i += NW_SPOOL_REMOVE_AT_ONCE) {
        remove_some(r, rows + i, n - i < NW_SPOOL_REMOVE_AT_ONCE ? n - i : NW_SPOOL_REMOVE_AT_ONCE);
    }
    free(rows);
}

static struct nw_spool_route *first_route(struct nw_spool *s)
{
    struct nw_spool_route *r;

    (void)pthread_mutex_lock(&s->lock);
    r = s->routes;
    (void)pthread_mutex_unlock(&s->lock);
    return r;
}

static void pause_for_more(struct nw_spool *s)
{
    int64_t until = nw_clock_monotonic_ns() + REMOVE_EVERY_MS * NW_MILLISECOND_NS;
    struct timespec t = {until / NW_SECOND_NS, until % NW_SECOND_NS};

    while (!s->ending && pthread_cond_timedwait(&s->remove_changed, &s->remove_lock, &t) == 0) {
    }
}

static void *remove_rows(void *context)
{
    struct nw_spool *s = context;
    bool last = false;

    while (!last) {
        (void)pthread_mutex_lock(&s->remove_lock);
        while (!s->remove_wanted && !s->ending) {
            (void)pthread_cond_wait(&s->remove_changed, &s->remove_lock);
        }
        pause_for_more(s);
        last = s->ending;
        s->remove_wanted = false;
        (void)pthread_mutex_unlock(&s->remove_lock);
        /* Routes are only ever put before the first, so the list behind it does not change. */
        for (struct nw_spool_route *r = first_route(s); r != NULL; r = r->next) {
            remove_route(r);
        }
    }
    return NULL;
}

int nw_spool_start_remover(struct nw_spool *s, struct nw_error *error)
{
    if (pthread_create(&s->remover, NULL, remove_rows, s) != 0) {
        return nw_error_set(error, NW_EIO, "no thread could be started");
    }
    s->remover_runs = true;
    return 0;
}

void nw_spool_end_remover(struct nw_spool *s)
{
    if (!s->remover_runs) {
        return;
    }
    (void)pthread_mutex_lock(&s->remove_lock);
    s->ending = true;
    (void)pthread_cond_signal(&s->remove_changed);
    (void)pthread_mutex_unlock(&s->remove_lock);
    (void)pthread_join(s->remover, NULL);
    s->remover_runs = false;
}

void nw_spool_remove(struct nw_spool_route *r, const uint64_t *rows, size_t n)
{
    struct nw_spool *s = r->spool;

    (void)pthread_mutex_lock(&s->remove_lock);
    if (r->removed_count + n > r->removed_capacity) {
        size_t capacity = (r->removed_count + n) * 2;
        uint64_t *more = realloc(r->removed, capacity * sizeof *more);
        if (more == NULL) { /* they come again after a restart, as repeats */
            (void)pthread_mutex_unlock(&s->remove_lock);
            return;
        }
        r->removed = more;
        r->removed_capacity = capacity;
    }
    memcpy(r->removed + r->removed_count, rows, n * sizeof *rows);
    r->removed_count += n;
    if (!s->remove_wanted) {
        s->remove_wanted = true;
        (void)pthread_cond_signal(&s->remove_changed);
    }
    (void)pthread_mutex_unlock(&s->remove_lock);
}

/* ---- appending ---- */

int nw_spool_reserve_rows(struct nw_spool *s, struct nw_error *error)
{
    int step;

    (void)sqlite3_bind_int64(s->reserve, 1, (sqlite3_int64)(s->next_row + NW_SPOOL_ROW_BLOCK));
    step = sqlite3_step(s->reserve);
    (void)sqlite3_reset(s->reserve);
    if (step != SQLITE_DONE) {
        return nw_sqlite_error(s->db, "the spool cannot be written", error);
    }
    s->db_unsynced = true; /* rows of this block are synced behind it */
    s->reserved_row = s->next_row + NW_SPOOL_ROW_BLOCK;
    return 0;
}

static int set_origin(const struct nw_spool *s, struct nw_message *m, uint64_t row)
{
    char text[64];
    int n;

    if (m->origin.data != NULL) {
        return 0;
    }
    n = snprintf(text, sizeof text, "spool:%s/%" PRIu64, s->identity, row);
    m->origin = nw_message_copy(m, text, (size_t)n);
    return m->origin.data == NULL ? NW_ENOMEM : 0;
}

/* *size grows by the bytes of the record. */
static int insert(struct nw_spool_route *r, struct nw_message *m, uint64_t *size,
                  struct nw_error *error)
{
    struct nw_spool *s = r->spool;
    uint64_t row = s->next_row;
    int step;

    nw_buffer_clear(&s->record);
    nw_record_write(m, &s->record);
    if (s->record.failed) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    (void)sqlite3_bind_int64(s->insert, 1, r->id);
    (void)sqlite3_bind_int64(s->insert, 2, (sqlite3_int64)row);
    (void)sqlite3_bind_int64(s->insert, 3, nw_clock_real_ns() / NW_MILLISECOND_NS);
    (void)sqlite3_bind_blob64(s->insert, 4, s->record.data, s->record.len, SQLITE_STATIC);
    step = sqlite3_step(s->insert);
    (void)sqlite3_reset(s->insert);
    if (step != SQLITE_DONE) {
        return nw_sqlite_error(s->db, "the spool cannot be written", error);
    }
    m->spool_row = row;
    s->next_row++;
    *size += s->record.len;
    return 0;
}

/* With lock held: take the oldest away until there is room for `more` bytes. */
static void drop_oldest(struct nw_spool_route *r, uint64_t more)
{
    struct nw_spool *s = r->spool;

    while (r->messages > 0 && r->bytes + more > (uint64_t)r->limits.max_size) {
        uint64_t row = 0;
        (void)sqlite3_bind_int64(s->oldest, 1, r->id);
        if (sqlite3_step(s->oldest) == SQLITE_ROW) {
            row = (uint64_t)sqlite3_column_int64(s->oldest, 0);
        }
        (void)sqlite3_reset(s->oldest);
        if (row == 0 && (s->journal.live == 0 || nw_spool_empty_journal(s, NULL) != 0)) {
            return;
        }
        if (row == 0) {
            continue; /* the journal had them */
        }
        r->dropped.full += remove_range(r, 0, row);
    }
}

static uint64_t limit_of(const struct nw_spool_route *r)
{
    return r->limits.max_size == 0 ? UINT64_MAX / 2 : (uint64_t)r->limits.max_size;
}

/* 0, NW_STORED_FULL or NW_EFULL for so many bytes more. */
static int check_room(struct nw_spool_route *r, uint64_t more, struct nw_error *error)
{
    uint64_t limit = limit_of(r);

    if (r->bytes + more <= limit) {
        return 0;
    }
    if (r->limits.drop_oldest) {
        drop_oldest(r, more);
        return 0;
    }
    if (r->bytes + more <= limit + (uint64_t)NW_SPOOL_RESERVE) {
        return NW_STORED_FULL;
    }
    return nw_error_set(error, NW_EFULL,
                        "the spool of %s is full (%" PRIu64 " of %" PRId64 " bytes)", r->name,
                        r->bytes, r->limits.max_size);
}

static int set_origins(const struct nw_spool *s, struct nw_message *const *messages, size_t n,
                       struct nw_error *error)
{
    for (size_t i = 0; i < n; i++) {
        if (set_origin(s, messages[i], s->next_row + i) != 0) {
            return nw_error_set(error, NW_ENOMEM, "out of memory");
        }
    }
    return 0;
}

/* Large messages straight into the database, in one commit. */
static int append_to_db(struct nw_spool_route *r, struct nw_message *const *messages, size_t n,
                        uint64_t *size, struct nw_error *error)
{
    struct nw_spool *s = r->spool;
    uint64_t first = s->next_row;
    bool together = n > 1;
    int rc = nw_spool_empty_journal(s, error); /* its rows are older */

    if (rc == 0 && together) {
        rc = nw_sqlite_run(s->db, "BEGIN", error);
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = insert(r, messages[i], size, error);
    }
    if (rc == 0 && together) {
        rc = nw_sqlite_run(s->db, "COMMIT", error);
    }
    if (rc != 0) {
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
        s->next_row = first;
        *size = 0;
    }
    s->db_unsynced |= rc == 0;
    s->journal.first_row = s->next_row;
    return rc;
}

static bool all_small(struct nw_message *const *messages, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (nw_message_size(messages[i]) > NW_JOURNAL_LARGEST) {
            return false;
        }
    }
    return true;
}

static int append_all(struct nw_spool_route *r, struct nw_message *const *messages, size_t n,
                      uint64_t *size, struct nw_error *error)
{
    struct nw_spool *s = r->spool;
    int rc = s->next_row + n > s->reserved_row ? nw_spool_reserve_rows(s, error) : 0;

    rc = rc != 0 ? rc : set_origins(s, messages, n, error);
    if (rc != 0) {
        return rc;
    }
    if (s->journal.map != NULL && all_small(messages, n)) {
        rc = nw_spool_append_journal(r, messages, n, size, error);
        if (rc != NW_EFULL) {
            return rc;
        }
    }
    return append_to_db(r, messages, n, size, error);
}

/* With lock held. When the disk is full, the reserve gives room for what is under way. */
static int append_or_use_reserve(struct nw_spool_route *r, struct nw_message *const *messages,
                                 size_t n, uint64_t *size, struct nw_error *error)
{
    int rc = append_all(r, messages, n, size, error);

    if (rc == NW_EIO && nw_reserve_give_up(&r->spool->reserve_file)) {
        rc = append_all(r, messages, n, size, error);
    }
    return rc;
}

/* With lock held: NW_STORED_FULL, and what is full. */
static int stored_full(const struct nw_spool_route *r, struct nw_error *error)
{
    if (r->spool->reserve_file.held) {
        (void)nw_error_set(error, NW_EFULL, "the spool is full (%" PRIu64 " of %" PRId64 " bytes)",
                           r->bytes, r->limits.max_size);
    } else {
        (void)nw_error_set(error, NW_EFULL,
                           "the disk of state_dir is full: %lld MiB must be free there",
                           (long long)(NW_SPOOL_DISK_RESERVE >> 20));
    }
    return NW_STORED_FULL;
}

/* With lock held: may a sender that was stopped go on? */
static int ask_room(struct nw_spool_route *r, struct nw_error *error)
{
    uint64_t limit = limit_of(r);

    return nw_reserve_take(&r->spool->reserve_file) &&
                   (r->limits.drop_oldest || r->bytes <= limit - limit / 10)
               ? 0
               : stored_full(r, error);
}

int nw_spool_append(struct nw_spool_route *r, struct nw_message *const *messages, size_t n,
                    struct nw_error *error)
{
    uint64_t size = 0, written = 0;
    int rc, full;

    for (size_t i = 0; i < n; i++) {
        size += nw_message_size(messages[i]);
    }
    (void)pthread_mutex_lock(&r->spool->lock);
    if (n == 0) {
        full = ask_room(r, error);
        (void)pthread_mutex_unlock(&r->spool->lock);
        return full;
    }
    full = check_room(r, size, error);
    rc = full < 0 ? full : append_or_use_reserve(r, messages, n, &written, error);
    if (rc == 0) {
        r->last_row = messages[n - 1]->spool_row;
        r->messages += n;
        r->bytes += written;
        rc = r->spool->reserve_file.held && full == 0 ? 0 : stored_full(r, error);
    }
    (void)pthread_mutex_unlock(&r->spool->lock);
    return rc;
}

/* ---- reading ---- */

/* With lock held. A row that is no message is passed over: it was damaged on disk. *expired is the
 * last row that was too old. */
static size_t read_rows(struct nw_spool_route *r, uint64_t after, int64_t not_before,
                        struct nw_message **out, size_t max, uint64_t *expired)
{
    sqlite3_stmt *stmt = r->spool->read;
    size_t n = 0;

    (void)sqlite3_bind_int64(stmt, 1, r->id);
    (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)after);
    while (n < max && sqlite3_step(stmt) == SQLITE_ROW) {
        uint64_t row = (uint64_t)sqlite3_column_int64(stmt, 0);
        struct nw_message *m;
        if (n == 0 && sqlite3_column_int64(stmt, 1) < not_before) {
            *expired = row;
            continue;
        }
        m = nw_record_read(sqlite3_column_blob(stmt, 2), (size_t)sqlite3_column_bytes(stmt, 2));
        if (m != NULL) {
            m->spool_row = row;
            out[n++] = m;
        }
    }
    (void)sqlite3_reset(stmt);
    return n;
}

size_t nw_spool_read(struct nw_spool_route *r, uint64_t after, struct nw_message **out, size_t max)
{
    int64_t not_before = 0;
    uint64_t expired = 0;
    size_t n;

    if (r->limits.max_age_ms > 0) {
        not_before = nw_clock_real_ns() / NW_MILLISECOND_NS - r->limits.max_age_ms;
    }
    (void)pthread_mutex_lock(&r->spool->lock);
    n = after + 1 < r->spool->journal.first_row
            ? read_rows(r, after, not_before, out, max, &expired)
            : 0;
    if (expired > 0) {
        r->dropped.aged += remove_range(r, after + 1, expired);
    }
    n += nw_spool_read_journal(r, after, n > 0 ? 0 : not_before, out + n, max - n);
    if (n > 0) {
        nw_spool_given(r, out[n - 1]->spool_row);
    }
    (void)pthread_mutex_unlock(&r->spool->lock);
    return n;
}

uint64_t nw_spool_last_row(struct nw_spool_route *r)
{
    uint64_t row;

    (void)pthread_mutex_lock(&r->spool->lock);
    row = r->last_row;
    (void)pthread_mutex_unlock(&r->spool->lock);
    return row;
}

void nw_spool_size(struct nw_spool_route *r, uint64_t *messages, uint64_t *bytes)
{
    (void)pthread_mutex_lock(&r->spool->lock);
    *messages = r->messages;
    *bytes = r->bytes;
    (void)pthread_mutex_unlock(&r->spool->lock);
}

struct nw_spool_dropped nw_spool_dropped(struct nw_spool_route *r)
{
    struct nw_spool_dropped n;

    (void)pthread_mutex_lock(&r->spool->lock);
    n = r->dropped;
    (void)pthread_mutex_unlock(&r->spool->lock);
    return n;
}

void nw_spool_given(struct nw_spool_route *r, uint64_t row)
{
    atomic_store(&r->given_row, row);
}
