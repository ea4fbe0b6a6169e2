/* SPDX-License-Identifier: Apache-2.0 */
#include "store/spool.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "store/record.h"
#include "store/reserve.h"
#include "store/sqlite.h"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS route (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE IF NOT EXISTS message (route INTEGER NOT NULL, id INTEGER NOT NULL,"
    " time INTEGER NOT NULL, record BLOB NOT NULL, PRIMARY KEY (route, id)) WITHOUT ROWID;";

/* Row numbers are never used twice, or a repeat could not be told from a new message: they are
 * reserved on disk in blocks, before the first of a block is used. */
#define ROW_BLOCK 65536
/* Rows are removed at most so many under one hold of the lock, since appending waits for it. */
#define REMOVE_AT_ONCE 512
#define REMOVE_EVERY_MS 20

struct nw_spool_route {
    struct nw_spool_route *next;
    struct nw_spool *spool;
    char *name;
    int64_t id;
    struct nw_spool_limits limits;
    uint64_t last_row, messages, bytes, dropped; /* guarded by the spool's lock */
    uint64_t *removed; /* rows to remove; guarded by the spool's remove_lock */
    size_t removed_count, removed_capacity;
};

struct nw_spool {
    pthread_mutex_t lock; /* guards the database and all below down to the line */
    sqlite3 *db;
    sqlite3_stmt *insert, *read, *remove, *reserve, *oldest;
    char identity[12];
    uint64_t next_row, reserved_row;
    struct nw_buffer record;
    struct nw_reserve reserve_file;
    struct nw_spool_route *routes;
    /* ---- */
    pthread_mutex_t remove_lock; /* guards what follows; taken after lock, if both */
    pthread_cond_t remove_changed;
    bool remove_wanted, ending;
    pthread_t remover;
    bool remover_runs;
};

/* ---- removing ---- */

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* With lock held: the rows from..to of the route, which stand together. */
static void remove_range(struct nw_spool_route *r, uint64_t from, uint64_t to)
{
    sqlite3_stmt *stmt = r->spool->remove;

    (void)sqlite3_bind_int64(stmt, 1, r->id);
    (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)from);
    (void)sqlite3_bind_int64(stmt, 3, (sqlite3_int64)to);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        uint64_t size = (uint64_t)sqlite3_column_int64(stmt, 0);
        r->messages -= r->messages > 0 ? 1 : 0;
        r->bytes -= size > r->bytes ? r->bytes : size;
    }
    (void)sqlite3_reset(stmt);
}

static void remove_some(struct nw_spool_route *r, const uint64_t *rows, size_t n)
{
    (void)pthread_mutex_lock(&r->spool->lock);
    (void)sqlite3_exec(r->spool->db, "BEGIN", NULL, NULL, NULL);
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && rows[end] <= rows[end - 1] + 1) {
            end++;
        }
        remove_range(r, rows[i], rows[end - 1]);
        i = end;
    }
    if (sqlite3_exec(r->spool->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
        /* They stay on disk and come again after a restart, as repeats with the same id. */
        (void)sqlite3_exec(r->spool->db, "ROLLBACK", NULL, NULL, NULL);
    }
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
    for (size_t i = 0; i < n; i += REMOVE_AT_ONCE) {
        remove_some(r, rows + i, n - i < REMOVE_AT_ONCE ? n - i : REMOVE_AT_ONCE);
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

static int reserve_rows(struct nw_spool *s, struct nw_error *error)
{
    int step;

    (void)sqlite3_bind_int64(s->reserve, 1, (sqlite3_int64)(s->next_row + ROW_BLOCK));
    step = sqlite3_step(s->reserve);
    (void)sqlite3_reset(s->reserve);
    if (step != SQLITE_DONE) {
        return nw_sqlite_error(s->db, "the spool cannot be written", error);
    }
    s->reserved_row = s->next_row + ROW_BLOCK;
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

    if (set_origin(s, m, row) != 0) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
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
        uint64_t row = 0, before = r->messages;
        (void)sqlite3_bind_int64(s->oldest, 1, r->id);
        if (sqlite3_step(s->oldest) == SQLITE_ROW) {
            row = (uint64_t)sqlite3_column_int64(s->oldest, 0);
        }
        (void)sqlite3_reset(s->oldest);
        if (row == 0) {
            return;
        }
        remove_range(r, 0, row);
        r->dropped += before - r->messages;
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

static int append_all(struct nw_spool_route *r, struct nw_message *const *messages, size_t n,
                      uint64_t *size, struct nw_error *error)
{
    struct nw_spool *s = r->spool;
    uint64_t first = s->next_row;
    bool together = n > 1;
    int rc = s->next_row + n > s->reserved_row ? reserve_rows(s, error) : 0;

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
    return rc;
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

/* With lock held: may a sender that was stopped go on? */
static int ask_room(struct nw_spool_route *r)
{
    uint64_t limit = limit_of(r);

    if (!nw_reserve_take(&r->spool->reserve_file)) {
        return NW_STORED_FULL;
    }
    return r->limits.drop_oldest || r->bytes <= limit - limit / 10 ? 0 : NW_STORED_FULL;
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
        full = ask_room(r);
        (void)pthread_mutex_unlock(&r->spool->lock);
        return full;
    }
    full = check_room(r, size, error);
    rc = full < 0 ? full : append_or_use_reserve(r, messages, n, &written, error);
    if (rc == 0) {
        r->last_row = messages[n - 1]->spool_row;
        r->messages += n;
        r->bytes += written;
        rc = r->spool->reserve_file.held ? full : NW_STORED_FULL;
    }
    (void)pthread_mutex_unlock(&r->spool->lock);
    return rc;
}

/* ---- reading ---- */

/* With lock held. A row that is no message is passed over: it was damaged on disk. */
static size_t read_rows(struct nw_spool_route *r, uint64_t after, int64_t not_before,
                        struct nw_message **out, size_t max)
{
    sqlite3_stmt *stmt = r->spool->read;
    size_t n = 0;

    (void)sqlite3_bind_int64(stmt, 1, r->id);
    (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)after);
    while (n < max && sqlite3_step(stmt) == SQLITE_ROW) {
        struct nw_message *m;
        if (sqlite3_column_int64(stmt, 1) < not_before) {
            r->dropped++;
            continue;
        }
        m = nw_record_read(sqlite3_column_blob(stmt, 2), (size_t)sqlite3_column_bytes(stmt, 2));
        if (m != NULL) {
            m->spool_row = (uint64_t)sqlite3_column_int64(stmt, 0);
            out[n++] = m;
        }
    }
    (void)sqlite3_reset(stmt);
    return n;
}

size_t nw_spool_read(struct nw_spool_route *r, uint64_t after, struct nw_message **out, size_t max)
{
    int64_t not_before = 0;
    size_t n;

    if (r->limits.max_age_ms > 0) {
        not_before = nw_clock_real_ns() / NW_MILLISECOND_NS - r->limits.max_age_ms;
    }
    (void)pthread_mutex_lock(&r->spool->lock);
    n = read_rows(r, after, not_before, out, max);
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

uint64_t nw_spool_dropped(struct nw_spool_route *r)
{
    uint64_t n;

    (void)pthread_mutex_lock(&r->spool->lock);
    n = r->dropped;
    (void)pthread_mutex_unlock(&r->spool->lock);
    return n;
}

/* ---- opening and closing ---- */

/* One number or text out of a query, with lock held. */
static int query(struct nw_spool *s, const char *sql, const char *text, int64_t number,
                 void (*row)(sqlite3_stmt *stmt, void *context), void *context,
                 struct nw_error *error)
{
    sqlite3_stmt *stmt;
    int rc = nw_sqlite_prepare(s->db, sql, &stmt, error);
    int step;

    if (rc != 0) {
        return rc;
    }
    if (text != NULL) {
        (void)sqlite3_bind_text(stmt, 1, text, -1, SQLITE_STATIC);
    } else if (number >= 0) {
        (void)sqlite3_bind_int64(stmt, 1, number);
    }
    step = sqlite3_step(stmt);
    if (step == SQLITE_ROW && row != NULL) {
        row(stmt, context);
    }
    rc = step == SQLITE_ROW || step == SQLITE_DONE
             ? 0
             : nw_sqlite_error(s->db, "the spool cannot be read", error);
    (void)sqlite3_finalize(stmt);
    return rc;
}

static void take_number(sqlite3_stmt *stmt, void *context)
{
    *(int64_t *)context = sqlite3_column_int64(stmt, 0);
}

static void take_totals(sqlite3_stmt *stmt, void *context)
{
    struct nw_spool_route *r = context;

    r->messages = (uint64_t)sqlite3_column_int64(stmt, 0);
    r->bytes = (uint64_t)sqlite3_column_int64(stmt, 1);
    r->last_row = (uint64_t)sqlite3_column_int64(stmt, 2);
}

static void take_identity(sqlite3_stmt *stmt, void *context)
{
    struct nw_spool *s = context;

    (void)snprintf(s->identity, sizeof s->identity, "%s",
                   (const char *)sqlite3_column_text(stmt, 0));
}

static int load_route(struct nw_spool_route *r, struct nw_error *error)
{
    struct nw_spool *s = r->spool;
    int rc =
        query(s, "INSERT OR IGNORE INTO route (name) VALUES (?1)", r->name, -1, NULL, NULL, error);

    rc = rc != 0 ? rc
                 : query(s, "SELECT id FROM route WHERE name=?1", r->name, -1, take_number, &r->id,
                         error);
    return rc != 0 ? rc
                   : query(s,
                           "SELECT count(*), coalesce(sum(length(record)), 0),"
                           " coalesce(max(id), 0) FROM message WHERE route=?1",
                           NULL, r->id, take_totals, r, error);
}

static struct nw_spool_route *find_route(struct nw_spool *s, const char *name)
{
    struct nw_spool_route *r = s->routes;

    while (r != NULL && strcmp(r->name, name) != 0) {
        r = r->next;
    }
    return r;
}

static int add_route(struct nw_spool *s, const char *name, const struct nw_spool_limits *limits,
                     struct nw_spool_route **out, struct nw_error *error)
{
    struct nw_spool_route *r = calloc(1, sizeof *r);
    int rc;

    if (r == NULL || (r->name = strdup(name)) == NULL) {
        free(r);
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    r->spool = s;
    r->limits = *limits;
    rc = load_route(r, error);
    if (rc != 0) {
        free(r->name);
        free(r);
        return rc;
    }
    r->next = s->routes;
    s->routes = r;
    *out = r;
    return 0;
}

int nw_spool_route(struct nw_spool *s, const char *name, const struct nw_spool_limits *limits,
                   struct nw_spool_route **out, struct nw_error *error)
{
    int rc = 0;

    (void)pthread_mutex_lock(&s->lock);
    *out = find_route(s, name);
    if (*out == NULL) {
        rc = add_route(s, name, limits, out, error);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}

static int make_identity(struct nw_spool *s, struct nw_error *error)
{
    unsigned char random[4];
    char text[12];
    int rc;

    if (getrandom(random, sizeof random, 0) != sizeof random) {
        return nw_error_set(error, NW_EIO, "no random numbers");
    }
    (void)snprintf(text, sizeof text, "%02x%02x%02x%02x", random[0], random[1], random[2],
                   random[3]);
    rc =
        query(s, "INSERT OR IGNORE INTO meta VALUES ('identity', ?1)", text, -1, NULL, NULL, error);
    return rc != 0 ? rc
                   : query(s, "SELECT value FROM meta WHERE name='identity'", NULL, -1,
                           take_identity, s, error);
}

static int prepare(struct nw_spool *s, struct nw_error *error)
{
    const struct {
        sqlite3_stmt **stmt;
        const char *sql;
    } list[] = {
        {&s->insert, "INSERT INTO message VALUES (?1, ?2, ?3, ?4)"},
        {&s->read, "SELECT id, time, record FROM message WHERE route=?1 AND id>?2 ORDER BY id"},
        {&s->remove, "DELETE FROM message WHERE route=?1 AND id BETWEEN ?2 AND ?3"
                     " RETURNING length(record)"},
        {&s->reserve, "INSERT OR REPLACE INTO meta VALUES ('reserved', ?1)"},
        {&s->oldest, "SELECT max(id) FROM (SELECT id FROM message WHERE route=?1"
                     " ORDER BY id LIMIT 100)"},
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof list / sizeof list[0]; i++) {
        rc = nw_sqlite_prepare(s->db, list[i].sql, list[i].stmt, error);
    }
    return rc;
}

static int open_db(struct nw_spool *s, const char *folder, struct nw_error *error)
{
    int64_t reserved = 0;
    int rc = nw_sqlite_open(folder, "spool.db", schema, true, &s->db, error);

    rc = rc != 0 ? rc : prepare(s, error);
    rc = rc != 0 ? rc : make_identity(s, error);
    rc = rc != 0 ? rc
                 : query(s, "SELECT value FROM meta WHERE name='reserved'", NULL, -1, take_number,
                         &reserved, error);
    s->next_row = reserved == 0 ? 1 : (uint64_t)reserved;
    return rc != 0 ? rc : reserve_rows(s, error);
}

static void close_db(struct nw_spool *s)
{
    sqlite3_stmt **all[] = {&s->insert, &s->read, &s->remove, &s->reserve, &s->oldest};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        (void)sqlite3_finalize(*all[i]);
        *all[i] = NULL;
    }
    (void)sqlite3_close(s->db);
    s->db = NULL;
}

static bool is_damaged(struct nw_spool *s)
{
    int code = s->db == NULL ? SQLITE_NOTADB : sqlite3_errcode(s->db) & 0xff;

    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

/* spool.db and its log become spool.db.damaged-TIME. */
static int move_aside(const char *folder, char **moved_to, struct nw_error *error)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    long now = (long)time(NULL);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof ends / sizeof ends[0]; i++) {
        char *from = NULL, *to = NULL;
        if (asprintf(&from, "%s/spool.db%s", folder, ends[i]) < 0 ||
            asprintf(&to, "%s/spool.db.damaged-%ld%s", folder, now, ends[i]) < 0) {
            rc = nw_error_set(error, NW_ENOMEM, "out of memory");
        } else if (rename(from, to) != 0 && i == 0) {
            rc = nw_error_set(error, NW_EIO, "%s is damaged and cannot be moved aside", from);
        } else if (i == 0) {
            *moved_to = to;
            to = NULL;
        }
        free(from);
        free(to);
    }
    return rc;
}

static int start_remover(struct nw_spool *s, struct nw_error *error)
{
    if (pthread_create(&s->remover, NULL, remove_rows, s) != 0) {
        return nw_error_set(error, NW_EIO, "no thread could be started");
    }
    s->remover_runs = true;
    return 0;
}

int nw_spool_open(const char *folder, struct nw_spool **out, char **moved_to,
                  struct nw_error *error)
{
    struct nw_spool *s = calloc(1, sizeof *s);
    pthread_condattr_t monotonic;
    int rc;

    *moved_to = NULL;
    if (s == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_mutex_init(&s->remove_lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->remove_changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    rc = open_db(s, folder, error);
    if (rc == NW_EIO && is_damaged(s)) {
        close_db(s);
        rc = move_aside(folder, moved_to, error);
        rc = rc != 0 ? rc : open_db(s, folder, error);
    }
    if (rc == 0 &&
        nw_reserve_init(&s->reserve_file, folder, "spool.reserve", NW_SPOOL_DISK_RESERVE)) {
        rc = nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    rc = rc != 0 ? rc : start_remover(s, error);
    if (rc != 0) {
        nw_spool_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void nw_spool_close(struct nw_spool *s)
{
    if (s == NULL) {
        return;
    }
    if (s->remover_runs) {
        (void)pthread_mutex_lock(&s->remove_lock);
        s->ending = true;
        (void)pthread_cond_signal(&s->remove_changed);
        (void)pthread_mutex_unlock(&s->remove_lock);
        (void)pthread_join(s->remover, NULL);
    }
    close_db(s);
    while (s->routes != NULL) {
        struct nw_spool_route *next = s->routes->next;
        free(s->routes->name);
        free(s->routes->removed);
        free(s->routes);
        s->routes = next;
    }
    nw_reserve_done(&s->reserve_file);
    nw_buffer_done(&s->record);
    (void)pthread_cond_destroy(&s->remove_changed);
    (void)pthread_mutex_destroy(&s->remove_lock);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
