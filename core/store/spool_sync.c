/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Onto the disk. What was appended lies in the journal's mapping or in the database's log, with the
 * kernel; here somebody waits until the disk has it. One of those that wait syncs for all that has
 * come until then, the others wait for that, or for the next one (group commit).
 *
 * After a sync that failed the kernel may forget what it could not write, so that the next one
 * succeeds without it: what waited for the failed one counts as not stored for good.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/spool_internal.h"

/* SQLite opens its log by itself; a second descriptor syncs the same file, and no lock of SQLite's
 * is on it. */
static int open_log(struct nw_spool *s)
{
    char *path = NULL;

    if (s->log_fd < 0 && asprintf(&path, "%s-wal", sqlite3_db_filename(s->db, "main")) >= 0) {
        s->log_fd = open(path, O_RDONLY | O_CLOEXEC);
        free(path);
    }
    return s->log_fd;
}

int nw_spool_sync_log(struct nw_spool *s)
{
    int rc = !s->db_unsynced || (open_log(s) >= 0 && fdatasync(s->log_fd) == 0) ? 0 : NW_EIO;

    s->db_unsynced &= rc != 0;
    return rc;
}

/* All that was appended until now. *row is the last of it. */
static int sync_all(struct nw_spool *s, uint64_t *row)
{
    uint32_t from, to;
    uint64_t round;
    bool log;
    int fd, rc;

    (void)pthread_mutex_lock(&s->lock);
    *row = s->next_row - 1;
    from = s->journal.synced;
    to = s->journal.end;
    round = s->journal.round;
    log = s->db_unsynced;
    fd = log ? open_log(s) : -1;
    s->db_unsynced = false;
    (void)pthread_mutex_unlock(&s->lock);
    rc = nw_journal_sync(&s->journal, from, to);
    if (log && (fd < 0 || fdatasync(fd) != 0)) {
        rc = NW_EIO;
    }
    (void)pthread_mutex_lock(&s->lock);
    if (rc == 0 && s->journal.round == round) {
        s->journal.synced = to; /* what was there of another round is settled, or in the log */
    }
    s->db_unsynced |= log && rc != 0;
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}

/* With sync_lock held, which is given up meanwhile. */
static void lead(struct nw_spool *s)
{
    uint64_t row;
    int rc;

    s->syncing = true;
    (void)pthread_mutex_unlock(&s->sync_lock);
    rc = sync_all(s, &row);
    (void)pthread_mutex_lock(&s->sync_lock);
    s->syncing = false;
    *(rc == 0 ? &s->synced_row : &s->failed_row) = row;
    (void)pthread_cond_broadcast(&s->sync_changed);
}

int nw_spool_sync(struct nw_spool_route *r, uint64_t row, struct nw_error *error)
{
    struct nw_spool *s = r->spool;
    bool synced;

    (void)pthread_mutex_lock(&s->sync_lock);
    while (s->synced_row < row && s->failed_row < row) {
        if (s->syncing) {
            (void)pthread_cond_wait(&s->sync_changed, &s->sync_lock);
        } else {
            lead(s);
        }
    }
    synced = s->failed_row < row;
    (void)pthread_mutex_unlock(&s->sync_lock);
    return synced ? 0 : nw_error_set(error, NW_EIO, "the spool cannot be synced to disk");
}
