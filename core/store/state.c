/* SPDX-License-Identifier: Apache-2.0 */
#include "store/state.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/folder.h"
#include "store/sqlite.h"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS state (owner TEXT NOT NULL, key TEXT NOT NULL, value BLOB,"
    " PRIMARY KEY (owner, key)) WITHOUT ROWID;";

/* A value that is set and not yet on disk. data NULL: to be removed. */
struct change {
    struct change *next;
    char *owner, *key;
    void *data;
    size_t len;
};

struct nw_state_store {
    int lock_fd;
    pthread_t writer;
    bool writing; /* the thread runs */

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    struct change *pending, *in_work; /* in_work: being written */
    uint64_t set_count, written_count;
    bool ending, hurry, collect_now;
    int64_t pending_since_ns, collected_ns;
    char trouble[200];

    nw_state_collector *collector; /* with its context: set before anything is touched */
    void *collector_context;
    atomic_bool touched;
    bool collect_failed; /* writer's thread */

    pthread_mutex_t db_lock; /* guards db and its statements; never taken while lock is held */
    sqlite3 *db;
    sqlite3_stmt *put, *del, *get;
};

static void free_changes(struct change *c)
{
    while (c != NULL) {
        struct change *next = c->next;
        free(c->owner);
        free(c->key);
        free(c->data);
        free(c);
        c = next;
    }
}

static struct change *find(struct change *c, const char *owner, const char *key)
{
    while (c != NULL && (strcmp(c->key, key) != 0 || strcmp(c->owner, owner) != 0)) {
        c = c->next;
    }
    return c;
}

/* ---- the writer ---- */

static int write_one(struct nw_state_store *s, const struct change *c)
{
    sqlite3_stmt *stmt = c->data == NULL ? s->del : s->put;
    int rc;

    (void)sqlite3_bind_text(stmt, 1, c->owner, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 2, c->key, -1, SQLITE_STATIC);
    if (c->data != NULL) {
        (void)sqlite3_bind_blob64(stmt, 3, c->data, c->len, SQLITE_STATIC);
    }
    rc = sqlite3_step(stmt) == SQLITE_DONE ? 0 : NW_EIO;
    (void)sqlite3_reset(stmt);
    return rc;
}

struct nw_state_writer {
    struct nw_state_store *store;
    int rc;
};

void nw_state_put(struct nw_state_writer *to, const char *owner, const char *key, const void *data,
                  size_t len)
{
    const struct change c = {
        .owner = (char *)owner, .key = (char *)key, .data = (void *)data, .len = len};

    to->rc = to->rc != 0 ? to->rc : write_one(to->store, &c);
}

static int write_all(struct nw_state_store *s, const struct change *changes, bool collect,
                     struct nw_error *error)
{
    struct nw_state_writer to = {s, nw_sqlite_run(s->db, "BEGIN", error)};
    int rc;

    for (const struct change *c = changes; to.rc == 0 && c != NULL; c = c->next) {
        to.rc = write_one(s, c);
    }
    if (collect && to.rc == 0) {
        s->collector(s->collector_context, s->collect_failed, &to);
    }
    rc = to.rc;
    if (rc == 0) {
        rc = nw_sqlite_run(s->db, "COMMIT", error);
    } else {
        rc = nw_sqlite_error(s->db, "the state cannot be written", error);
    }
    if (rc != 0) {
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return rc;
}

/* Until more has come together: what is set waits for a moment, what is touched for longer. */
static void wait_for_more(struct nw_state_store *s)
{
    while (!s->ending && !s->hurry && !s->collect_now) {
        int64_t until = s->pending != NULL
                            ? s->pending_since_ns + NW_STATE_DELAY_MS * NW_MILLISECOND_NS
                            : s->collected_ns + NW_STATE_COLLECT_MS * NW_MILLISECOND_NS;
        struct timespec t = {until / NW_SECOND_NS, until % NW_SECOND_NS};
        if (nw_clock_monotonic_ns() >= until) {
            return;
        }
        (void)pthread_cond_timedwait(&s->changed, &s->lock, &t);
    }
}

/* Whether the batch that begins is to collect; the lock is held. */
static bool begin_collecting(struct nw_state_store *s)
{
    int64_t now = nw_clock_monotonic_ns();

    if (!atomic_load(&s->touched) ||
        (!s->ending && !s->collect_now &&
         now - s->collected_ns < NW_STATE_COLLECT_MS * NW_MILLISECOND_NS)) {
        return false;
    }
    s->collect_now = false;
    s->collected_ns = now;
    atomic_store(&s->touched, false); /* what is touched from here on is for the next */
    return true;
}

/* What could not be written goes back, unless it has been set anew since. */
static void put_back(struct nw_state_store *s)
{
    while (s->in_work != NULL) {
        struct change *c = s->in_work;
        s->in_work = c->next;
        c->next = NULL;
        if (find(s->pending, c->owner, c->key) == NULL) {
            c->next = s->pending;
            s->pending = c;
        } else {
            free_changes(c);
        }
    }
}

/* One batch; the lock is held before and after. */
static bool write_batch(struct nw_state_store *s)
{
    uint64_t count = s->set_count;
    struct nw_error error = {.text = ""};
    bool collect = begin_collecting(s);
    int rc;

    s->in_work = s->pending;
    s->pending = NULL;
    s->hurry = false;
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_mutex_lock(&s->db_lock);
    rc = write_all(s, s->in_work, collect, &error);
    (void)pthread_mutex_unlock(&s->db_lock);
    (void)pthread_mutex_lock(&s->lock);
    (void)snprintf(s->trouble, sizeof s->trouble, "%.199s", rc == 0 ? "" : error.text);
    if (rc == 0) {
        free_changes(s->in_work);
        s->in_work = NULL;
    } else {
        put_back(s);
        s->pending_since_ns = nw_clock_monotonic_ns();
    }
    if (collect) {
        s->collect_failed = rc != 0;
    }
    if (collect && rc != 0) {
        atomic_store(&s->touched, true);
    }
    s->written_count = count;
    (void)pthread_cond_broadcast(&s->changed);
    return rc == 0;
}

static void *write_changes(void *context)
{
    struct nw_state_store *s = context;

    (void)pthread_mutex_lock(&s->lock);
    while (!s->ending || s->pending != NULL || atomic_load(&s->touched)) {
        if (s->pending == NULL && !atomic_load(&s->touched)) {
            s->collect_now = false;
            (void)pthread_cond_wait(&s->changed, &s->lock);
            continue;
        }
        wait_for_more(s);
        if (!write_batch(s) && s->ending) {
            break;
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- setting and getting ---- */

static struct change *new_change(const char *owner, const char *key)
{
    struct change *c = calloc(1, sizeof *c);

    if (c == NULL) {
        return NULL;
    }
    c->owner = strdup(owner);
    c->key = strdup(key);
    if (c->owner == NULL || c->key == NULL) {
        free_changes(c);
        return NULL;
    }
    return c;
}

int nw_state_set(struct nw_state_store *s, const char *owner, const char *key, const void *data,
                 size_t len)
{
    struct change *c;
    void *copy = NULL;

    if (len > NW_STATE_VALUE_MAX) {
        return NW_EINVAL;
    }
    if (data != NULL) {
        copy = malloc(len + 1);
        if (copy == NULL) {
            return NW_ENOMEM;
        }
        memcpy(copy, data, len);
    }
    (void)pthread_mutex_lock(&s->lock);
    c = find(s->pending, owner, key);
    if (c == NULL && (c = new_change(owner, key)) != NULL) {
        if (s->pending == NULL) {
            s->pending_since_ns = nw_clock_monotonic_ns();
        }
        c->next = s->pending;
        s->pending = c;
        (void)pthread_cond_broadcast(&s->changed);
    }
    if (c != NULL) {
        free(c->data);
        c->data = copy;
        c->len = len;
        s->set_count++;
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (c == NULL) {
        free(copy);
        return NW_ENOMEM;
    }
    return 0;
}

static int copy_out(const void *from, size_t size, void **data, size_t *len)
{
    char *copy = malloc(size + 1);

    if (copy == NULL) {
        return NW_ENOMEM;
    }
    if (size > 0) {
        memcpy(copy, from, size);
    }
    copy[size] = '\0';
    *data = copy;
    *len = size;
    return 0;
}

static int get_from_disk(struct nw_state_store *s, const char *owner, const char *key, void **data,
                         size_t *len)
{
    int rc = NW_ENOTFOUND, step;

    (void)pthread_mutex_lock(&s->db_lock);
    (void)sqlite3_bind_text(s->get, 1, owner, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(s->get, 2, key, -1, SQLITE_STATIC);
    step = sqlite3_step(s->get);
    if (step == SQLITE_ROW) {
        rc = copy_out(sqlite3_column_blob(s->get, 0), (size_t)sqlite3_column_bytes(s->get, 0), data,
                      len);
    } else if (step != SQLITE_DONE) {
        rc = NW_EIO;
    }
    (void)sqlite3_reset(s->get);
    (void)pthread_mutex_unlock(&s->db_lock);
    return rc;
}

int nw_state_get(struct nw_state_store *s, const char *owner, const char *key, void **data,
                 size_t *len)
{
    struct change *c;
    int rc = NW_ENOTFOUND;

    (void)pthread_mutex_lock(&s->lock);
    c = find(s->pending, owner, key);
    if (c == NULL) {
        c = find(s->in_work, owner, key);
    }
    if (c != NULL && c->data != NULL) {
        rc = copy_out(c->data, c->len, data, len);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return c != NULL ? rc : get_from_disk(s, owner, key, data, len);
}

void nw_state_flush(struct nw_state_store *s)
{
    uint64_t wanted;

    (void)pthread_mutex_lock(&s->lock);
    wanted = s->set_count;
    while (s->written_count < wanted) {
        s->hurry = true;
        (void)pthread_cond_broadcast(&s->changed);
        (void)pthread_cond_wait(&s->changed, &s->lock);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

void nw_state_collect(struct nw_state_store *s, nw_state_collector *collector, void *context)
{
    s->collector = collector;
    s->collector_context = context;
}

void nw_state_touch(struct nw_state_store *s)
{
    if (!atomic_load_explicit(&s->touched, memory_order_relaxed) &&
        !atomic_exchange(&s->touched, true)) {
        (void)pthread_mutex_lock(&s->lock); /* it may be about to wait */
        (void)pthread_cond_broadcast(&s->changed);
        (void)pthread_mutex_unlock(&s->lock);
    }
}

void nw_state_hurry(struct nw_state_store *s)
{
    if (atomic_load(&s->touched)) {
        (void)pthread_mutex_lock(&s->lock);
        s->collect_now = true;
        (void)pthread_cond_broadcast(&s->changed);
        (void)pthread_mutex_unlock(&s->lock);
    }
}

int nw_state_each(struct nw_state_store *s, const char *key,
                  void (*each)(void *context, const char *owner, struct nw_slice value),
                  void *context)
{
    sqlite3_stmt *stmt = NULL;
    int rc, step;

    (void)pthread_mutex_lock(&s->db_lock);
    rc = nw_sqlite_prepare(s->db, "SELECT owner, value FROM state WHERE key=?1", &stmt, NULL);
    if (rc == 0) {
        (void)sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
        while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
            each(context, (const char *)sqlite3_column_text(stmt, 0),
                 (struct nw_slice){sqlite3_column_blob(stmt, 1),
                                   (size_t)sqlite3_column_bytes(stmt, 1)});
        }
        rc = step == SQLITE_DONE ? 0 : NW_EIO;
    }
    (void)sqlite3_finalize(stmt);
    (void)pthread_mutex_unlock(&s->db_lock);
    return rc;
}

void nw_state_trouble(struct nw_state_store *s, char *text, size_t size)
{
    (void)pthread_mutex_lock(&s->lock);
    (void)snprintf(text, size, "%s", s->trouble);
    (void)pthread_mutex_unlock(&s->lock);
}

#define RANDOM_MOST 12

/* Some random bytes as text, made the first time. */
static int random_name(struct nw_state_store *s, const char *key, size_t bytes, char **out,
                       struct nw_error *error)
{
    unsigned char random[RANDOM_MOST];
    char name[2 * RANDOM_MOST + 1];
    void *data;
    size_t len;
    int rc = nw_state_get(s, "", key, &data, &len);

    if (rc == 0) {
        *out = data;
        return 0;
    }
    if (rc != NW_ENOTFOUND || getrandom(random, bytes, 0) != (ssize_t)bytes) {
        return nw_error_set(error, NW_EIO, "the instance's name cannot be read");
    }
    for (size_t i = 0; i < bytes; i++) {
        (void)snprintf(name + 2 * i, 3, "%02x", random[i]);
    }
    *out = strdup(name);
    if (*out == NULL || nw_state_set(s, "", key, name, strlen(name)) != 0) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    nw_state_flush(s);
    return 0;
}

int nw_state_instance(struct nw_state_store *s, char **out, struct nw_error *error)
{
    return random_name(s, "instance", 5, out, error);
}

int nw_state_identity(struct nw_state_store *s, char **out, struct nw_error *error)
{
    return random_name(s, "identity", RANDOM_MOST, out, error);
}

/* ---- opening and closing ---- */

static int open_db(struct nw_state_store *s, const char *folder, struct nw_error *error)
{
    int rc = nw_sqlite_open(folder, "state.db", schema, false, &s->db, error);

    rc = rc != 0 ? rc
                 : nw_sqlite_prepare(s->db, "INSERT OR REPLACE INTO state VALUES (?1, ?2, ?3)",
                                     &s->put, error);
    rc = rc != 0 ? rc
                 : nw_sqlite_prepare(s->db, "DELETE FROM state WHERE owner=?1 AND key=?2", &s->del,
                                     error);
    rc = rc != 0 ? rc
                 : nw_sqlite_prepare(s->db, "SELECT value FROM state WHERE owner=?1 AND key=?2",
                                     &s->get, error);
    return rc;
}

int nw_state_open(const char *folder, struct nw_state_store **out, struct nw_error *error)
{
    struct nw_state_store *s = calloc(1, sizeof *s);
    pthread_condattr_t monotonic;
    int rc;

    if (s == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_mutex_init(&s->db_lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    s->lock_fd = nw_folder_lock(folder, error);
    rc = s->lock_fd < 0 ? s->lock_fd : open_db(s, folder, error);
    if (rc == 0 && pthread_create(&s->writer, NULL, write_changes, s) != 0) {
        rc = nw_error_set(error, NW_EIO, "no thread could be started");
    }
    if (rc != 0) {
        nw_state_close(s);
        return rc;
    }
    s->writing = true;
    *out = s;
    return 0;
}

void nw_state_close(struct nw_state_store *s)
{
    if (s == NULL) {
        return;
    }
    if (s->writing) {
        (void)pthread_mutex_lock(&s->lock);
        s->ending = true;
        (void)pthread_cond_broadcast(&s->changed);
        (void)pthread_mutex_unlock(&s->lock);
        (void)pthread_join(s->writer, NULL);
    }
    (void)sqlite3_finalize(s->put);
    (void)sqlite3_finalize(s->del);
    (void)sqlite3_finalize(s->get);
    (void)sqlite3_close(s->db);
    free_changes(s->pending);
    if (s->lock_fd >= 0) {
        (void)close(s->lock_fd);
    }
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->db_lock);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
