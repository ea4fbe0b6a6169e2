/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool's journal: a small file of a fixed size in front of the database, mapped into memory. A
 * message that comes one by one costs one copy of its bytes here; a commit of the database costs
 * several writes of whole pages. Most messages are settled before the file is full and never reach
 * the database; when it is full the spool moves what is left and the file is begun anew.
 *
 * Entries follow each other, each with a checksum and the number of the round it was written in, so
 * that the first that does not fit ends the file. Like the database's log it is synced only for
 * who asks: a killed process loses nothing, a power cut may take what was not.
 *
 * No locks: its owner guards it.
 */
#ifndef NATSWAY_STORE_JOURNAL_H
#define NATSWAY_STORE_JOURNAL_H

#include "base/buffer.h"

/* The largest record that it takes. */
#define NW_JOURNAL_LARGEST (256 * 1024)

struct nw_journal_entry {
    void *owner; /* whose it is; NULL: settled */
    uint64_t row;
    int64_t time_ms;
    uint32_t at, len; /* of the record in the file */
};

struct nw_journal {
    char *map;      /* the file; NULL: there is none */
    size_t touched; /* bytes of it that were read and written since it was last given back */
    uint64_t round;
    uint32_t end;       /* where the next entry goes */
    uint32_t synced;    /* the file is on disk up to here; 0: not even its head */
    uint64_t first_row; /* rows before it were never here in this round, or have been moved */
    struct nw_journal_entry *entries; /* in the order of rows */
    size_t count, capacity, live;
    struct nw_buffer buffer; /* an entry on its way to the file */
};

/* An entry of before, as nw_journal_open finds it; all of it lives for the call. */
typedef int nw_journal_found(void *context, struct nw_slice name, uint64_t row, int64_t time_ms,
                             struct nw_slice record);

/* Open or make folder/spool.journal and give all entries that are not settled to found, in order,
 * until it says something else than 0, which is then returned. Where the file cannot be made or has
 * no room, there is no journal, which is no error. The file stays as it is until
 * nw_journal_begin(). */
int nw_journal_open(struct nw_journal *j, const char *folder, nw_journal_found *found,
                    void *context);
void nw_journal_close(struct nw_journal *j);

/* Forget all entries; the next row is first_row. */
void nw_journal_begin(struct nw_journal *j, uint64_t first_row);

/* Begin an entry: j->buffer then takes its record, for nw_journal_append. */
void nw_journal_prepare(struct nw_journal *j, struct nw_slice name);
/* 0, NW_EFULL: it must be emptied first, or NW_ENOMEM. */
int nw_journal_append(struct nw_journal *j, void *owner, uint64_t row, int64_t time_ms);

/* Take back the entries from the count-th on, which begin at end: a part of what is stored together
 * could not be. */
void nw_journal_take_back(struct nw_journal *j, size_t count, uint32_t end);

/* Wait until the file is on disk from byte `from` to `to`. Needs no guard against what is written
 * meanwhile. 0 or NW_EIO. */
int nw_journal_sync(const struct nw_journal *j, uint32_t from, uint32_t to);

/* The entry of this row if owner has one that is not settled, else NULL. */
struct nw_journal_entry *nw_journal_find(struct nw_journal *j, const void *owner, uint64_t row);
void nw_journal_settle(struct nw_journal *j, struct nw_journal_entry *entry);
/* Write down which rows are settled, ascending, each range as its first and last row. As append. */
int nw_journal_note(struct nw_journal *j, const uint64_t *ranges, size_t n);

/* The index of the first entry with at least this row; j->count if there is none. */
size_t nw_journal_from(const struct nw_journal *j, uint64_t row);
/* An entry's record, until the journal is begun anew. */
struct nw_slice nw_journal_record(struct nw_journal *j, const struct nw_journal_entry *entry);

#endif
