/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing the spool and its routes. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "store/spool_internal.h"

/* More than an empty spool needs. */
#define EMPTY_PAGES 16

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS route (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE IF NOT EXISTS message (route INTEGER NOT NULL, id INTEGER NOT NULL,"
    " time INTEGER NOT NULL, record BLOB NOT NULL, PRIMARY KEY (route, id)) WITHOUT ROWID;";

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
    s->syncs |= limits->sync;
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
                     " RETURNING length(record), id"},
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

/* Read all of the messages' pages, which finds damage now and not when they are wanted; and give
 * the space of an emptied spool back to the disk. */
static int look_through(struct nw_spool *s, struct nw_error *error)
{
    int64_t bytes = 0, pages = 0;
    int rc =
        query(s, "SELECT sum(length(record)) FROM message", NULL, -1, take_number, &bytes, error);

    rc = rc != 0 ? rc : query(s, "PRAGMA page_count", NULL, -1, take_number, &pages, error);
    if (rc == 0 && bytes == 0 && pages > EMPTY_PAGES) {
        rc = nw_sqlite_run(s->db, "VACUUM", error);
    }
    return rc;
}

static int open_db(struct nw_spool *s, const char *folder, struct nw_error *error)
{
    int64_t reserved = 0;
    int rc = nw_sqlite_open(folder, "spool.db", schema, true, &s->db, error);

    rc = rc != 0 ? rc : look_through(s, error);
    rc = rc != 0 ? rc : prepare(s, error);
    rc = rc != 0 ? rc : make_identity(s, error);
    rc = rc != 0 ? rc
                 : query(s, "SELECT value FROM meta WHERE name='reserved'", NULL, -1, take_number,
                         &reserved, error);
    s->next_row = reserved == 0 ? 1 : (uint64_t)reserved;
    return rc != 0 ? rc : nw_spool_reserve_rows(s, error);
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

bool nw_spool_exists(const char *folder)
{
    char *path = NULL;
    bool exists = asprintf(&path, "%s/spool.db", folder) >= 0 && access(path, F_OK) == 0;

    free(path);
    return exists;
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
    (void)pthread_mutex_init(&s->sync_lock, NULL);
    (void)pthread_cond_init(&s->sync_changed, NULL);
    s->log_fd = -1;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->remove_changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    rc = open_db(s, folder, error);
    if (rc == NW_EINVAL) {
        close_db(s);
        rc = move_aside(folder, moved_to, error);
        rc = rc != 0 ? rc : open_db(s, folder, error);
        if (rc == 0) {
            nw_spool_rescue(s, *moved_to);
        }
    }
    if (rc == 0 &&
        nw_reserve_init(&s->reserve_file, folder, "spool.reserve", NW_SPOOL_DISK_RESERVE)) {
        rc = nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    rc = rc != 0 ? rc : nw_spool_open_journal(s, folder, error);
    rc = rc != 0 ? rc : nw_spool_start_remover(s, error);
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
    nw_spool_end_remover(s);
    if (s->journal.live > 0) {
        (void)nw_spool_empty_journal(s, NULL); /* what cannot be moved is taken over at the start */
    }
    nw_journal_close(&s->journal);
    if (s->log_fd >= 0) {
        (void)close(s->log_fd);
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
    (void)pthread_cond_destroy(&s->sync_changed);
    (void)pthread_mutex_destroy(&s->sync_lock);
    (void)pthread_mutex_destroy(&s->remove_lock);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
