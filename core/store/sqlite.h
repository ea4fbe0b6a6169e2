/* SPDX-License-Identifier: Apache-2.0 */
/* The little that state and spool share of SQLite: opening a file the same way, and errors as text.
 */
#ifndef NATSWAY_STORE_SQLITE_H
#define NATSWAY_STORE_SQLITE_H

#include <natsway/connector.h>
#include <sqlite3.h>

/* Open folder/file in WAL mode with synchronous=NORMAL and run schema. On failure *out is NULL and
 * the text names the file. NW_EINVAL: the file is damaged. */
int nw_sqlite_open(const char *folder, const char *file, const char *schema, bool exclusive,
                   sqlite3 **out, struct nw_error *error);

/* Run statements that give no rows. */
int nw_sqlite_run(sqlite3 *db, const char *sql, struct nw_error *error);

int nw_sqlite_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct nw_error *error);

/* The last error of db with text: NW_EINVAL if the file is damaged, else NW_EIO. */
int nw_sqlite_error(sqlite3 *db, const char *doing, struct nw_error *error);

#endif
