/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the spool share: its two structures, and how they begin and end. */
#ifndef NATSWAY_STORE_SPOOL_INTERNAL_H
#define NATSWAY_STORE_SPOOL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buffer.h"
#include "store/journal.h"
#include "store/reserve.h"
#include "store/spool.h"
#include "store/sqlite.h"

struct nw_spool_route {
    struct nw_spool_route *next;
    struct nw_spool *spool;
    char *name;
    int64_t id;
    struct nw_spool_limits limits;
    uint64_t last_row, messages, bytes; /* guarded by the spool's lock, as is dropped */
    struct nw_spool_dropped dropped;
    atomic_ullong given_row; /* rows up to it were given out: who drops them loses nothing */
    uint64_t *removed;       /* rows to remove; guarded by the spool's remove_lock */
    size_t removed_count, removed_capacity;
};

struct nw_spool {
    pthread_mutex_t lock; /* guards the database and all below down to the line */
    sqlite3 *db;
    sqlite3_stmt *insert, *read, *remove, *reserve, *oldest;
    char identity[12];
    uint64_t next_row, reserved_row;
    struct nw_buffer record;
    struct nw_journal journal;
    struct nw_reserve reserve_file;
    struct nw_spool_route *routes;
    bool syncs;       /* a route wants to be synced */
    bool db_unsynced; /* the database's log has what is not yet on disk */
    int log_fd;       /* that log, to sync it; -1: not opened yet */
    /* ---- */
    pthread_mutex_t sync_lock; /* guards what follows; never held while syncing */
    pthread_cond_t sync_changed;
    uint64_t synced_row, failed_row; /* up to it: on disk; not known to be, and never will be */
    bool syncing;
    /* ---- */
    pthread_mutex_t remove_lock; /* guards what follows; taken after lock, if both */
    pthread_cond_t remove_changed;
    bool remove_wanted, ending;
    pthread_t remover;
    bool remover_runs;
};

/* Row numbers are never used twice, or a repeat could not be told from a new message: they are
 * reserved on disk in blocks, before the first of a block is used. */
#define NW_SPOOL_ROW_BLOCK 65536

/* With lock held, or before any other thread has the spool. */
int nw_spool_reserve_rows(struct nw_spool *s, struct nw_error *error);

/* Rows are removed at most so many under one hold of the lock, since appending waits for it. */
#define NW_SPOOL_REMOVE_AT_ONCE 512

/* ---- spool_journal.c: the journal; with lock held ---- */

/* Take over what a killed process left in it, into the database, and begin it anew. */
int nw_spool_open_journal(struct nw_spool *s, const char *folder, struct nw_error *error);
/* Move what is not settled into the database and begin anew. */
int nw_spool_empty_journal(struct nw_spool *s, struct nw_error *error);
/* Messages whose origins are set, none larger than NW_JOURNAL_LARGEST, all or none; *size grows by
 * the bytes of the records. 0, NW_EFULL: together they are too large for the journal, NW_ENOMEM,
 * NW_EIO. */
int nw_spool_append_journal(struct nw_spool_route *r, struct nw_message *const *messages, size_t n,
                            uint64_t *size, struct nw_error *error);
/* At most NW_SPOOL_REMOVE_AT_ONCE rows, ascending; those that are elsewhere are passed over. */
void nw_spool_settle_journal(struct nw_spool_route *r, const uint64_t *rows, size_t n);
/* As nw_spool_read; what is older than not_before is dropped. */
size_t nw_spool_read_journal(struct nw_spool_route *r, uint64_t after, int64_t not_before,
                             struct nw_message **out, size_t max);

/* spool_sync.c: with lock held. The database's log onto the disk, if there is anything to sync. 0
 * or NW_EIO. */
int nw_spool_sync_log(struct nw_spool *s);

/* The remover thread: start, and end with everything removed. */
int nw_spool_start_remover(struct nw_spool *s, struct nw_error *error);
void nw_spool_end_remover(struct nw_spool *s);

/* Take over what can be read of a damaged spool, now at path, into s, which is empty. */
void nw_spool_rescue(struct nw_spool *s, const char *path);

#endif
