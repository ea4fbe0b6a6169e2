/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite.h"

#include <stdio.h>
#include <stdlib.h>

int nw_sqlite_error(sqlite3 *db, const char *doing, struct nw_error *error)
{
    int code = sqlite3_errcode(db) & 0xff;

    return nw_error_set(error, code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? NW_EINVAL : NW_EIO,
                        "%s: %s", doing, sqlite3_errmsg(db));
}

int nw_sqlite_run(sqlite3 *db, const char *sql, struct nw_error *error)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return nw_sqlite_error(db, "the state on disk", error);
    }
    return 0;
}

int nw_sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct nw_error *error)
{
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) != SQLITE_OK) {
        return nw_sqlite_error(db, "the state on disk", error);
    }
    return 0;
}

int nw_sqlite_open(const char *folder, const char *file, const char *schema, bool exclusive,
                   sqlite3 **out, struct nw_error *error)
{
    sqlite3 *db = NULL;
    char *path = NULL;
    int rc;

    *out = NULL;
    if (asprintf(&path, "%s/%s", folder, file) < 0) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK) {
        rc = NW_EIO;
    } else {
        /* A checkpoint syncs two files while everybody waits: rarely, then. */
        rc = exclusive ? nw_sqlite_run(db,
                                       "PRAGMA locking_mode=EXCLUSIVE;"
                                       "PRAGMA wal_autocheckpoint=8000",
                                       error)
                       : 0;
        rc = rc != 0 ? rc
                     : nw_sqlite_run(db,
                                     "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
                                     "PRAGMA journal_size_limit=67108864",
                                     error);
        rc = rc != 0 ? rc : nw_sqlite_run(db, schema, error);
    }
    if (rc == 0) {
        *out = db;
    } else {
        (void)nw_error_set(error, rc, "%s: %s", path, sqlite3_errmsg(db));
        (void)sqlite3_close(db);
    }
    free(path);
    return rc;
}
