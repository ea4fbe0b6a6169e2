/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking over what can be read of a damaged spool. A damaged page makes the rows on it unreadable,
 * not the others: reading goes on behind it, row by row, up to the last row number that was ever
 * reserved. Messages keep their rows and with them their origins.
 */
#include "store/spool_internal.h"

struct rescue {
    struct nw_spool *to;
    sqlite3 *from;
    sqlite3_stmt *read, *add_route;
    int64_t last_row; /* no row is behind it */
};

/* The first number of the query's first row; standard if there is none. */
static int64_t number_of(sqlite3 *db, const char *sql, int64_t standard)
{
    sqlite3_stmt *stmt = NULL;
    int64_t number = standard;

    if (nw_sqlite_prepare(db, sql, &stmt, NULL) == 0 && sqlite3_step(stmt) == SQLITE_ROW) {
        number = sqlite3_column_int64(stmt, 0);
    }
    (void)sqlite3_finalize(stmt);
    return number;
}

/* One row into the new spool, under the same number. */
static void copy_row(struct rescue *r, int64_t route)
{
    sqlite3_stmt *insert = r->to->insert;

    (void)sqlite3_bind_int64(insert, 1, route);
    (void)sqlite3_bind_int64(insert, 2, sqlite3_column_int64(r->read, 0));
    (void)sqlite3_bind_int64(insert, 3, sqlite3_column_int64(r->read, 1));
    (void)sqlite3_bind_value(insert, 4, sqlite3_column_value(r->read, 2));
    (void)sqlite3_step(insert);
    (void)sqlite3_reset(insert);
}

static void copy_route(struct rescue *r, int64_t from, int64_t to)
{
    int64_t after = 0;
    int step = SQLITE_ERROR;

    while (step != SQLITE_DONE && after < r->last_row) {
        (void)sqlite3_bind_int64(r->read, 1, from);
        (void)sqlite3_bind_int64(r->read, 2, after);
        while ((step = sqlite3_step(r->read)) == SQLITE_ROW) {
            after = sqlite3_column_int64(r->read, 0);
            copy_row(r, to);
        }
        (void)sqlite3_reset(r->read);
        after++; /* this one cannot be read */
    }
}

static void copy_routes(struct rescue *r)
{
    sqlite3_stmt *routes = NULL;

    if (nw_sqlite_prepare(r->from, "SELECT id, name FROM route", &routes, NULL) != 0) {
        return;
    }
    while (sqlite3_step(routes) == SQLITE_ROW) {
        (void)sqlite3_bind_value(r->add_route, 1, sqlite3_column_value(routes, 1));
        (void)sqlite3_step(r->add_route);
        (void)sqlite3_reset(r->add_route);
        copy_route(r, sqlite3_column_int64(routes, 0), sqlite3_last_insert_rowid(r->to->db));
    }
    (void)sqlite3_finalize(routes);
}

void nw_spool_rescue(struct nw_spool *s, const char *path)
{
    struct rescue r = {.to = s};

    if (sqlite3_open_v2(path, &r.from, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
        nw_sqlite_prepare(r.from,
                          "SELECT id, time, record FROM message WHERE route=?1 AND id>?2"
                          " ORDER BY id",
                          &r.read, NULL) == 0 &&
        nw_sqlite_prepare(s->db, "INSERT INTO route (name) VALUES (?1)", &r.add_route, NULL) == 0) {
        r.last_row = number_of(r.from, "SELECT value FROM meta WHERE name='reserved'", 0);
        (void)nw_sqlite_run(s->db, "BEGIN", NULL);
        copy_routes(&r);
        (void)nw_sqlite_run(s->db, "COMMIT", NULL);
        if ((uint64_t)r.last_row > s->next_row) {
            s->next_row = (uint64_t)r.last_row;
            (void)nw_spool_reserve_rows(s, NULL);
        }
    }
    (void)sqlite3_finalize(r.read);
    (void)sqlite3_finalize(r.add_route);
    (void)sqlite3_close(r.from);
}
