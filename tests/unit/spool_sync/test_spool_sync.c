/* SPDX-License-Identifier: Apache-2.0 */
/* Onto the disk: who waits for a sync shares it, and a sync that failed stays failed. The system's
 * calls are ours here. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "../store/spool_help.h"
#include "store/spool_internal.h"

#define THREADS 8

static atomic_int map_syncs, log_syncs, appended, threads;
static atomic_bool fails;
static struct nw_spool_route *shared;

/* The first one lasts until everybody has appended: the next one is for all of them. */
int msync(void *start, size_t len, int flags)
{
    (void)start;
    (void)len;
    cr_assert_eq(flags, MS_SYNC);
    if (atomic_fetch_add(&map_syncs, 1) == 0) {
        while (atomic_load(&appended) < atomic_load(&threads)) {
            (void)sched_yield();
        }
    }
    errno = EIO;
    return atomic_load(&fails) ? -1 : 0;
}

int fdatasync(int fd)
{
    cr_assert_geq(fcntl(fd, F_GETFL), 0);
    atomic_fetch_add(&log_syncs, 1);
    return 0;
}

static void begin(void)
{
    make_folder();
    atomic_store(&map_syncs, 0);
    atomic_store(&log_syncs, 0);
    atomic_store(&appended, 0);
    atomic_store(&threads, 0);
    atomic_store(&fails, false);
}

TestSuite(spool_sync, .init = begin, .fini = remove_folder);

static struct nw_spool *open_synced(struct nw_spool_route **r)
{
    struct nw_spool_limits limits = {.max_size = 1 << 30, .sync = true};
    struct nw_spool *s = open_spool();

    cr_assert_eq(nw_spool_route(s, "r", &limits, r, NULL), 0);
    return s;
}

static void *append_and_sync(void *context)
{
    uint64_t row = 0;

    (void)context;
    cr_assert_eq(append(shared, "x", &row), 0);
    atomic_fetch_add(&appended, 1);
    cr_assert_eq(nw_spool_sync(shared, row, NULL), 0);
    return NULL;
}

Test(spool_sync, many_at_once_share_one)
{
    struct nw_spool *s = open_synced(&shared);
    pthread_t thread[THREADS];

    atomic_store(&threads, THREADS);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&thread[i], NULL, append_and_sync, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(thread[i], NULL), 0);
    }
    cr_expect(atomic_load(&map_syncs) >= 1 && atomic_load(&map_syncs) <= 2, "%d syncs",
              atomic_load(&map_syncs));
    nw_spool_close(s);
}

Test(spool_sync, what_is_on_disk_is_not_synced_again)
{
    struct nw_spool *s = open_synced(&shared);
    uint64_t row = 0;

    cr_assert_eq(append(shared, "x", &row), 0);
    cr_expect_eq(nw_spool_sync(shared, row, NULL), 0);
    cr_expect_eq(nw_spool_sync(shared, row, NULL), 0);
    cr_expect_eq(atomic_load(&map_syncs), 1);
    nw_spool_close(s);
}

Test(spool_sync, what_could_not_be_synced_is_never_said_to_be)
{
    struct nw_spool *s = open_synced(&shared);
    struct nw_error error;
    uint64_t row = 0, next = 0;

    cr_assert_eq(append(shared, "x", &row), 0);
    atomic_store(&fails, true);
    cr_expect_eq(nw_spool_sync(shared, row, &error), NW_EIO);
    cr_expect_str_eq(error.text, "the spool cannot be synced to disk");
    atomic_store(&fails, false);
    cr_assert_eq(append(shared, "y", &next), 0);
    cr_expect_eq(nw_spool_sync(shared, next, NULL), 0);
    cr_expect_eq(nw_spool_sync(shared, row, NULL), NW_EIO);
    nw_spool_close(s);
}

/* Before the journal is begun anew, and its old rows with it go, they are on disk elsewhere; and a
 * message too large for it lies in the database's log. */
Test(spool_sync, the_log_is_synced_for_what_lies_there)
{
    struct nw_spool *s = open_synced(&shared);
    char *large = calloc(1, NW_JOURNAL_LARGEST + 2);
    uint64_t row = 0;
    int before;

    cr_assert_eq(append(shared, "x", &row), 0);
    cr_assert_eq(nw_spool_sync(shared, row, NULL), 0);
    before = atomic_load(&log_syncs);
    memset(large, 'x', NW_JOURNAL_LARGEST + 1);
    cr_assert_eq(append(shared, large, &row), 0); /* x is moved */
    cr_expect_eq(atomic_load(&log_syncs), before + 1);
    cr_assert_eq(nw_spool_sync(shared, row, NULL), 0);
    cr_expect_eq(atomic_load(&log_syncs), before + 2);
    free(large);
    nw_spool_close(s);
}

Test(spool_sync, several_at_once_are_stored_together_and_come_back_in_order)
{
    struct nw_spool *s = open_synced(&shared);
    struct nw_message *batch[100];

    for (unsigned i = 0; i < 100; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%u", i);
        batch[i] = nw_message_make();
        batch[i]->payload = nw_message_copy(batch[i], text, strlen(text));
    }
    cr_assert_eq(nw_spool_append(shared, batch, 100, NULL), 0);
    cr_expect_eq(nw_spool_sync(shared, batch[99]->spool_row, NULL), 0);
    cr_expect_eq(atomic_load(&map_syncs), 1);
    for (unsigned i = 0; i < 100; i++) {
        nw_message_unref(batch[i]);
    }
    expect_numbers(shared, 0, 99);
    expect_size(shared, 100);
    nw_spool_close(s);
    s = open_synced(&shared);
    expect_numbers(shared, 0, 99);
    nw_spool_close(s);
}
