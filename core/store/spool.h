/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool: messages on disk between a source that has confirmed them and a target that has not.
 * One SQLite file for the process (WAL, exclusive locking, synchronous=NORMAL: a killed process
 * loses nothing), rows in the order in which they came, for each route apart. In front of it is a
 * journal, see journal.h: most messages are settled before they reach the database. With
 * limits.sync what is stored also outlives a power cut; all that wait for it at one time share one
 * sync.
 *
 * Rows are appended by the source's own thread and removed in batches by a thread of the spool,
 * behind everything else.
 */
#ifndef NATSWAY_STORE_SPOOL_H
#define NATSWAY_STORE_SPOOL_H

#include "message/message.h"

struct nw_spool;
struct nw_spool_route;

struct nw_spool_limits {
    int64_t max_size;   /* bytes of records; 0: no limit */
    int64_t max_age_ms; /* older ones are not given out again; 0: no limit */
    bool drop_oldest;   /* when full: make room instead of being full */
    bool sync;          /* nw_spool_sync() is going to be called for it */
};

/* What a sender has under way when the spool becomes full is confirmed by its library whatever we
 * say, so a route takes this much more beyond max_size. For the same reason a file of the disk
 * reserve's size lies beside the database and is given up when the disk is full. */
#define NW_SPOOL_RESERVE (INT64_C(64) * 1024 * 1024)
#define NW_SPOOL_DISK_RESERVE (INT64_C(16) * 1024 * 1024)

/* Open spool.db in folder, which exists. A damaged file is moved aside; *moved_to then names it (to
 * be freed), else NULL. 0, NW_ENOMEM, or NW_EIO with the reason. */
int nw_spool_open(const char *folder, struct nw_spool **out, char **moved_to,
                  struct nw_error *error);
/* Whether there is one in folder. */
bool nw_spool_exists(const char *folder);
/* Remove what is settled and close; all routes become invalid. NULL is allowed. */
void nw_spool_close(struct nw_spool *spool);

/* The part of one route; the same name gives the same part. Belongs to the spool. */
int nw_spool_route(struct nw_spool *spool, const char *route, const struct nw_spool_limits *limits,
                   struct nw_spool_route **out, struct nw_error *error);

/*
 * Write n messages, in order, all or none, and set spool_row of each. A message without an origin
 * gets one: the spool's identity and its row. Any thread. 0; NW_STORED_FULL: written, but max_size
 * is reached or the disk is full, as error says, so the sender is to be stopped; NW_EFULL: the
 * reserve is used up;
 * NW_EIO: the disk; NW_ENOMEM. On failure nothing was written. n 0 writes nothing and says
 * NW_STORED_FULL until a tenth of the room is free again.
 */
int nw_spool_append(struct nw_spool_route *route, struct nw_message *const *messages, size_t n,
                    struct nw_error *error);

/* Wait until this row and all before it are on disk, also should the power fail. Any thread,
 * without any lock that the spool's other users wait for. 0, or NW_EIO: they may not be there. */
int nw_spool_sync(struct nw_spool_route *route, uint64_t row, struct nw_error *error);

/* Up to max messages behind row `after`, oldest first; returns how many. The caller owns them. */
size_t nw_spool_read(struct nw_spool_route *route, uint64_t after, struct nw_message **out,
                     size_t max);

/* These rows are settled. Any thread; returns at once. */
void nw_spool_remove(struct nw_spool_route *route, const uint64_t *rows, size_t n);

/* The newest row that was written, 0 if there is none. */
uint64_t nw_spool_last_row(struct nw_spool_route *route);
/* Messages and bytes now on disk, settled ones that are not yet removed included. */
void nw_spool_size(struct nw_spool_route *route, uint64_t *messages, uint64_t *bytes);

/* Messages that were taken away before they were given out, since the start. */
struct nw_spool_dropped {
    uint64_t full; /* by drop_oldest */
    uint64_t aged; /* by max_age */
};
struct nw_spool_dropped nw_spool_dropped(struct nw_spool_route *route);
/* The rows up to this one were given out without nw_spool_read(). Any thread. */
void nw_spool_given(struct nw_spool_route *route, uint64_t row);

#endif
