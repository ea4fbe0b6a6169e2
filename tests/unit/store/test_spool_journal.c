/* SPDX-License-Identifier: Apache-2.0 */
/* The spool's journal: what is in it, in the database, or on the way from the one to the other. */
#include <signal.h>
#include <sys/wait.h>

#include "spool_help.h"

TestSuite(spool_journal, .init = make_folder, .fini = remove_folder);

/* Reads all messages of fill(): the numbers 0..count-1 in order. */
static void expect_filled(struct nw_spool_route *r, unsigned count)
{
    struct nw_message *batch[100];
    unsigned next = 0;
    uint64_t after = 0;
    size_t n;

    while ((n = nw_spool_read(r, after, batch, 100)) > 0) {
        for (size_t i = 0; i < n; i++) {
            cr_assert_eq((unsigned)atoi(batch[i]->payload.data), next);
            next++;
            after = batch[i]->spool_row;
            nw_message_unref(batch[i]);
        }
    }
    cr_assert_eq(next, count);
}

/* Everything that was appended is read, from the database and from the journal before it. */
Test(spool_journal, more_than_the_journal_holds_is_read_in_order)
{
    struct nw_spool *s = open_spool();
    struct nw_spool_route *r = plain_route(s, "r"), *other = plain_route(s, "other");
    uint64_t rows[12000];

    for (unsigned i = 0; i < 12; i++) {
        fill(r, i * 1000, 1000, rows + i * 1000);
        fill(other, i, 1, NULL);
    }
    expect_size(r, 12000);
    expect_filled(r, 12000);
    for (unsigned i = 0; i < 11990; i += 2) {
        nw_spool_remove(r, &rows[i], 1);
    }
    for (unsigned i = 1; i < 11990; i += 2) {
        nw_spool_remove(r, &rows[i], 1);
    }
    nw_spool_close(s);
    s = open_spool();
    r = plain_route(s, "r");
    other = plain_route(s, "other");
    expect_size(r, 10);
    expect_size(other, 12);
    nw_spool_close(s);
}

/* Runs in a child, says when it is done, and waits to be killed. */
static void killed_after(void (*act)(void))
{
    int said[2];
    pid_t child;
    char done;

    cr_assert_eq(pipe(said), 0);
    child = fork();
    if (child == 0) {
        act();
        (void)!write(said[1], "d", 1);
        for (;;) {
            (void)pause();
        }
    }
    (void)close(said[1]);
    cr_assert_eq(read(said[0], &done, 1), 1, "the child failed");
    cr_assert_eq(kill(child, SIGKILL), 0);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    (void)close(said[0]);
}

static void settle_half(void)
{
    struct nw_spool *s = open_spool();
    struct nw_spool_route *r = plain_route(s, "r");
    uint64_t rows[1000], messages = 1000, bytes;

    for (unsigned i = 0; i < 1000; i++) {
        char text[8];
        (void)snprintf(text, sizeof text, "%u", i);
        if (append(r, text, &rows[i]) != 0) {
            _exit(1);
        }
    }
    nw_spool_remove(r, rows, 500);
    while (messages > 500) {
        nw_spool_size(r, &messages, &bytes);
    }
}

Test(spool_journal, what_was_settled_does_not_come_again_after_a_kill)
{
    struct nw_spool *s;
    struct nw_spool_route *r;

    killed_after(settle_half);
    s = open_spool();
    r = plain_route(s, "r");
    expect_size(r, 500);
    expect_numbers(r, 500, 999);
    nw_spool_close(s);
}

static void fill_two(void)
{
    struct nw_spool *s = open_spool();

    fill(plain_route(s, "a"), 0, 100, NULL);
    fill(plain_route(s, "b"), 0, 100, NULL);
}

Test(spool_journal, what_a_killed_process_left_is_taken_over_once)
{
    struct nw_spool *s;

    killed_after(fill_two);
    for (int i = 0; i < 3; i++) {
        s = open_spool();
        expect_size(plain_route(s, "b"), 100);
        expect_size(plain_route(s, "a"), 100);
        nw_spool_close(s);
    }
}

Test(spool_journal, an_entry_that_was_half_written_ends_the_journal)
{
    struct nw_spool *s;
    struct nw_spool_route *b;
    uint64_t messages, bytes, row;

    killed_after(fill_two);
    damage("spool.journal", 150000, 150001); /* of the second hundred of a thousand bytes */
    s = open_spool();
    expect_size(plain_route(s, "a"), 100);
    b = plain_route(s, "b");
    nw_spool_size(b, &messages, &bytes);
    cr_assert(messages > 20 && messages < 80, "%llu messages", (unsigned long long)messages);
    cr_assert_eq(append(b, "x", &row), 0);
    cr_assert_gt(row, 200, "no row is used again");
    nw_spool_close(s);
}

Test(spool_journal, a_lost_database_does_not_lose_the_journal)
{
    struct nw_spool *s;
    char path[sizeof folder + 32], *moved_to = NULL;
    struct nw_error error;
    uint64_t row;

    killed_after(fill_two);
    (void)snprintf(path, sizeof path, "%s/spool.db-wal", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/spool.db", folder);
    (void)unlink(path);
    cr_assert_eq(nw_spool_open(folder, &s, &moved_to, &error), 0, "%s", error.text);
    free(moved_to);
    expect_size(plain_route(s, "a"), 100);
    expect_size(plain_route(s, "b"), 100);
    cr_assert_eq(append(plain_route(s, "b"), "x", &row), 0);
    cr_assert_gt(row, 200, "no row is used again");
    nw_spool_close(s);
}
