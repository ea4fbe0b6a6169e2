/* SPDX-License-Identifier: Apache-2.0 */
/* The spool and its journal: what goes there, what is moved from it, what was left in it. All with
 * the spool's lock held. Rows in the database are older than those in the journal. */
#include <stdlib.h>

#include "base/clock.h"
#include "store/record.h"
#include "store/spool_internal.h"

static void settled(struct nw_spool_route *r, struct nw_journal_entry *entry)
{
    r->messages -= r->messages > 0 ? 1 : 0;
    r->bytes -= entry->len > r->bytes ? r->bytes : entry->len;
    nw_journal_settle(&r->spool->journal, entry);
}

/* ---- moving into the database ---- */

static int move_entry(struct nw_spool *s, const struct nw_journal_entry *entry,
                      struct nw_error *error)
{
    const struct nw_spool_route *r = entry->owner;
    struct nw_slice record = nw_journal_record(&s->journal, entry);
    int step;

    (void)sqlite3_bind_int64(s->insert, 1, r->id);
    (void)sqlite3_bind_int64(s->insert, 2, (sqlite3_int64)entry->row);
    (void)sqlite3_bind_int64(s->insert, 3, entry->time_ms);
    (void)sqlite3_bind_blob64(s->insert, 4, record.data, record.len, SQLITE_STATIC);
    step = sqlite3_step(s->insert);
    (void)sqlite3_reset(s->insert);
    return step == SQLITE_DONE ? 0 : nw_sqlite_error(s->db, "the spool cannot be written", error);
}

static int move_entries(struct nw_spool *s, struct nw_error *error)
{
    struct nw_journal *j = &s->journal;
    int rc = nw_sqlite_run(s->db, "BEGIN", error);

    for (size_t i = 0; rc == 0 && i < j->count; i++) {
        rc = j->entries[i].owner == NULL ? 0 : move_entry(s, &j->entries[i], error);
    }
    rc = rc != 0 ? rc : nw_sqlite_run(s->db, "COMMIT", error);
    if (rc != 0) {
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return rc;
}

/* What waits to be removed need not be moved: rows of the journal are settled here and now, the
 * others are left to the remover. */
static void settle_waiting(struct nw_spool_route *r)
{
    struct nw_journal *j = &r->spool->journal;
    size_t left = 0;

    (void)pthread_mutex_lock(&r->spool->remove_lock);
    for (size_t i = 0; i < r->removed_count; i++) {
        struct nw_journal_entry *entry = nw_journal_find(j, r, r->removed[i]);
        if (entry != NULL) {
            settled(r, entry);
        } else if (r->removed[i] < j->first_row) {
            r->removed[left++] = r->removed[i];
        }
    }
    r->removed_count = left;
    (void)pthread_mutex_unlock(&r->spool->remove_lock);
}

int nw_spool_empty_journal(struct nw_spool *s, struct nw_error *error)
{
    int rc = 0;

    for (struct nw_spool_route *r = s->routes; r != NULL; r = r->next) {
        settle_waiting(r);
    }
    if (s->journal.live > 0) {
        rc = move_entries(s, error);
        s->db_unsynced |= rc == 0;
        if (rc == 0 && s->syncs && nw_spool_sync_log(s) != 0) { /* or they would be nowhere */
            rc = nw_error_set(error, NW_EIO, "the spool cannot be synced");
        }
    }
    if (rc == 0) {
        nw_journal_begin(&s->journal, s->next_row);
    }
    return rc;
}

/* ---- appending, settling, reading ---- */

static int write_record(struct nw_spool_route *r, const struct nw_message *m, uint64_t *size)
{
    struct nw_spool *s = r->spool;
    struct nw_journal *j = &s->journal;
    int rc;

    nw_journal_prepare(j, nw_slice_text(r->name));
    nw_record_write(m, &j->buffer);
    rc = nw_journal_append(j, r, s->next_row, nw_clock_real_ns() / NW_MILLISECOND_NS);
    if (rc == 0) {
        *size += j->entries[j->count - 1].len;
    }
    return rc;
}

static int write_records(struct nw_spool_route *r, struct nw_message *const *messages, size_t n,
                         uint64_t *size)
{
    struct nw_spool *s = r->spool;
    struct nw_journal *j = &s->journal;
    uint64_t first = s->next_row;
    size_t count = j->count;
    uint32_t end = j->end;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = write_record(r, messages[i], size);
        if (rc == 0) {
            messages[i]->spool_row = s->next_row++;
        }
    }
    if (rc != 0) {
        nw_journal_take_back(j, count, end);
        s->next_row = first;
        *size = 0;
    }
    return rc;
}

int nw_spool_append_journal(struct nw_spool_route *r, struct nw_message *const *messages, size_t n,
                            uint64_t *size, struct nw_error *error)
{
    int rc = write_records(r, messages, n, size);

    if (rc == NW_EFULL) {
        rc = nw_spool_empty_journal(r->spool, error);
        rc = rc != 0 ? rc : write_records(r, messages, n, size);
    }
    return rc;
}

void nw_spool_settle_journal(struct nw_spool_route *r, const uint64_t *rows, size_t n)
{
    struct nw_spool *s = r->spool;
    uint64_t ranges[2 * NW_SPOOL_REMOVE_AT_ONCE];
    size_t count = 0;
    int rc;

    for (size_t i = 0; i < n; i++) {
        struct nw_journal_entry *entry = nw_journal_find(&s->journal, r, rows[i]);
        if (entry == NULL) {
            continue;
        }
        settled(r, entry);
        if (count > 0 && ranges[2 * count - 1] + 1 == rows[i]) {
            ranges[2 * count - 1] = rows[i];
        } else {
            ranges[2 * count] = ranges[2 * count + 1] = rows[i];
            count++;
        }
    }
    if (count == 0) {
        return;
    }
    if (s->journal.live == 0) {
        nw_journal_begin(&s->journal, s->next_row);
        return;
    }
    rc = nw_journal_note(&s->journal, ranges, count);
    if (rc == NW_EFULL) {
        (void)nw_spool_empty_journal(s, NULL);
    }
    /* Should it fail: they come again after a kill, as repeats with the same id. */
}

size_t nw_spool_read_journal(struct nw_spool_route *r, uint64_t after, int64_t not_before,
                             struct nw_message **out, size_t max)
{
    struct nw_journal *j = &r->spool->journal;
    size_t n = 0;

    for (size_t i = nw_journal_from(j, after + 1); n < max && i < j->count; i++) {
        struct nw_journal_entry *entry = &j->entries[i];
        struct nw_message *m;
        if (entry->owner != r) {
            continue;
        }
        if (entry->time_ms < not_before) {
            settled(r, entry);
            r->dropped.aged++;
            continue;
        }
        m = nw_record_read(nw_journal_record(j, entry).data, entry->len);
        if (m != NULL) {
            m->spool_row = entry->row;
            out[n++] = m;
        }
    }
    return n;
}

/* ---- what a killed process left ---- */

struct found {
    struct nw_spool *spool;
    sqlite3_stmt *add_route, *add_message;
    struct nw_error *error;
};

static int run(struct found *f, sqlite3_stmt *stmt)
{
    int step = sqlite3_step(stmt);

    (void)sqlite3_reset(stmt);
    return step == SQLITE_DONE
               ? 0
               : nw_sqlite_error(f->spool->db, "the spool cannot be written", f->error);
}

/* It may be in the database already: killed between moving and beginning anew. */
static int take_found(void *context, struct nw_slice name, uint64_t row, int64_t time_ms,
                      struct nw_slice record)
{
    struct found *f = context;
    int rc;

    (void)sqlite3_bind_text(f->add_route, 1, name.data, (int)name.len, SQLITE_STATIC);
    rc = run(f, f->add_route);
    if (rc != 0) {
        return rc;
    }
    (void)sqlite3_bind_text(f->add_message, 1, name.data, (int)name.len, SQLITE_STATIC);
    (void)sqlite3_bind_int64(f->add_message, 2, (sqlite3_int64)row);
    (void)sqlite3_bind_int64(f->add_message, 3, time_ms);
    (void)sqlite3_bind_blob64(f->add_message, 4, record.data, record.len, SQLITE_STATIC);
    if (row >= f->spool->next_row) {
        f->spool->next_row = row + 1; /* the database was lost and is a new one */
    }
    return run(f, f->add_message);
}

static int take_over(struct nw_spool *s, const char *folder, struct nw_error *error)
{
    struct found f = {.spool = s, .error = error};
    int rc = nw_sqlite_prepare(s->db, "INSERT OR IGNORE INTO route (name) VALUES (?1)",
                               &f.add_route, error);

    rc = rc != 0 ? rc
                 : nw_sqlite_prepare(s->db,
                                     "INSERT OR IGNORE INTO message"
                                     " SELECT id, ?2, ?3, ?4 FROM route WHERE name=?1",
                                     &f.add_message, error);
    rc = rc != 0 ? rc : nw_sqlite_run(s->db, "BEGIN", error);
    if (rc == 0) {
        rc = nw_journal_open(&s->journal, folder, take_found, &f);
        rc = rc != 0 ? rc : nw_sqlite_run(s->db, "COMMIT", error);
        if (rc != 0) {
            (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
            nw_journal_close(&s->journal);
        }
    }
    (void)sqlite3_finalize(f.add_route);
    (void)sqlite3_finalize(f.add_message);
    return rc;
}

int nw_spool_open_journal(struct nw_spool *s, const char *folder, struct nw_error *error)
{
    int rc = take_over(s, folder, error);

    if (rc == NW_EIO && nw_reserve_give_up(&s->reserve_file)) {
        rc = take_over(s, folder, error);
    }
    if (rc == 0 && s->next_row + 1 > s->reserved_row) {
        rc = nw_spool_reserve_rows(s, error);
    }
    if (rc == 0) {
        nw_journal_begin(&s->journal, s->next_row);
    }
    return rc;
}
