/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "spool_help.h"

TestSuite(spool, .init = make_folder, .fini = remove_folder);

Test(spool, gives_back_a_whole_message)
{
    struct nw_spool *s = open_spool();
    struct nw_spool_route *r = plain_route(s, "r");
    struct nw_message *m = text_message("payload"), *back;

    m->address = NW_LITERAL("plant/\xc3\xa4/x");
    m->key = (struct nw_slice){"", 0};
    m->payload = (struct nw_slice){"a\0b", 3};
    m->timestamp_ns = 1234567890123456789;
    nw_message_set_number(m, NW_META_QOS, 2);
    nw_message_set_number(m, NW_META_RETAINED, 0);
    nw_message_set_number(m, NW_META_OFFSET, -7);
    nw_message_set_text(m, NW_META_REMOTE, NW_LITERAL("10.0.0.1"));
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(nw_message_add_header(m, NW_LITERAL("X"), nw_slice_text(i % 2 ? "b" : "a")),
                     0);
    }
    cr_assert_eq(nw_message_add_header(m, NW_LITERAL("Empty"), (struct nw_slice){"", 0}), 0);
    cr_assert_eq(nw_message_add_param(m, NW_LITERAL("id"), NW_LITERAL("7")), 0);
    cr_assert_eq(nw_message_add_query(m, NW_LITERAL("q"), NW_LITERAL("1")), 0);
    cr_assert_eq(nw_spool_append(r, &m, 1, NULL), 0);
    cr_assert_eq(nw_spool_read(r, 0, &back, 1), 1);

    cr_assert(nw_slice_equal(back->address, m->address));
    cr_assert(nw_slice_equal(back->key, m->key));
    cr_assert(nw_slice_equal(back->payload, m->payload));
    cr_assert(nw_slice_equal(back->origin, m->origin));
    cr_assert_eq(back->timestamp_ns, m->timestamp_ns);
    cr_assert_eq(back->numbers_set, m->numbers_set);
    cr_assert_eq(back->numbers[NW_META_OFFSET], -7);
    cr_assert(nw_slice_equal(nw_message_text(back, NW_META_REMOTE), NW_LITERAL("10.0.0.1")));
    cr_assert(nw_message_text(back, NW_META_METHOD).data == NULL);
    cr_assert_eq(back->headers.count, 21);
    for (uint32_t i = 0; i < 21; i++) {
        cr_assert(nw_slice_equal(back->headers.items[i].name, m->headers.items[i].name));
        cr_assert(nw_slice_equal(back->headers.items[i].value, m->headers.items[i].value));
    }
    cr_assert_eq(back->params.count, 1);
    cr_assert_eq(back->queries.count, 1);
    nw_message_unref(back);
    nw_message_unref(m);
    nw_spool_close(s);
}

Test(spool, keeps_absent_and_empty_apart)
{
    struct nw_spool *s = open_spool();
    struct nw_spool_route *r = plain_route(s, "r");
    struct nw_message *m[2] = {text_message("x"), text_message("x")}, *back[2];

    m[0]->payload = NW_ABSENT;
    m[1]->payload = (struct nw_slice){"", 0};
    cr_assert_eq(nw_spool_append(r, m, 2, NULL), 0);
    cr_assert_eq(nw_spool_read(r, 0, back, 2), 2);
    cr_assert(back[0]->payload.data == NULL && back[0]->key.data == NULL);
    cr_assert(back[1]->payload.data != NULL && back[1]->payload.len == 0);
    for (int i = 0; i < 2; i++) {
        nw_message_unref(m[i]);
        nw_message_unref(back[i]);
    }
    nw_spool_close(s);
}

Test(spool, origins_name_the_spool_and_the_row_and_stay)
{
    struct nw_spool *s = open_spool();
    struct nw_spool_route *r = plain_route(s, "r");
    struct nw_message *m[2] = {text_message("1"), text_message("2")}, *back[2];

    m[1]->origin = NW_LITERAL("webhook:17");
    cr_assert_eq(nw_spool_append(r, m, 2, NULL), 0);
    cr_assert(nw_slice_starts(m[0]->origin, NW_LITERAL("spool:")));
    nw_spool_close(s);
    s = open_spool();
    r = plain_route(s, "r");
    cr_assert_eq(nw_spool_read(r, 0, back, 2), 2);
    cr_assert(nw_slice_equal(back[0]->origin, m[0]->origin));
    cr_assert(nw_slice_equal(back[1]->origin, NW_LITERAL("webhook:17")));
    for (int i = 0; i < 2; i++) {
        nw_message_unref(m[i]);
        nw_message_unref(back[i]);
    }
    nw_spool_close(s);
}

Test(spool, keeps_order_and_routes_apart_over_a_restart)
{
    struct nw_spool *s = open_spool();
    struct nw_spool_route *a = plain_route(s, "a"), *b = plain_route(s, "a#1");

    for (unsigned i = 0; i < 1000; i++) {
        cr_assert_eq(append_number(i % 2 ? b : a, i % 2 ? i / 2 : i / 2), 0);
    }
    cr_assert_eq(plain_route(s, "a"), a, "the same name gives the same part");
    nw_spool_close(s);
    s = open_spool();
    a = plain_route(s, "a");
    b = plain_route(s, "a#1");
    expect_size(a, 500);
    expect_numbers(a, 0, 499);
    expect_numbers(b, 0, 499);
    nw_spool_close(s);
}

Test(spool, what_is_removed_is_gone_and_its_row_is_never_used_again)
{
    struct nw_spool *s = open_spool();
    struct nw_spool_route *r = plain_route(s, "r");
    uint64_t rows[300], last, row;

    for (unsigned i = 0; i < 300; i++) {
        cr_assert_eq(append(r, "x", &rows[i]), 0);
    }
    last = rows[299];
    /* In any order, and more than once. */
    for (unsigned i = 0; i < 300; i++) {
        nw_spool_remove(r, &rows[(i * 7) % 300], 1);
    }
    nw_spool_remove(r, rows, 300);
    nw_spool_close(s);
    s = open_spool();
    r = plain_route(s, "r");
    expect_size(r, 0);
    cr_assert_eq(append(r, "y", &row), 0);
    cr_assert_gt(row, last);
    nw_spool_close(s);
}

Test(spool, a_part_that_was_removed_leaves_the_rest)
{
    struct nw_spool *s = open_spool();
    struct nw_spool_route *r = plain_route(s, "r");
    uint64_t rows[10];

    for (unsigned i = 0; i < 10; i++) {
        char text[8];
        (void)snprintf(text, sizeof text, "%u", i);
        cr_assert_eq(append(r, text, &rows[i]), 0);
    }
    nw_spool_remove(r, rows, 4);
    nw_spool_close(s);
    s = open_spool();
    r = plain_route(s, "r");
    expect_size(r, 6);
    expect_numbers(r, 4, 9);
    cr_assert_eq(nw_spool_last_row(r), rows[9]);
    nw_spool_close(s);
}

Test(spool, when_full_it_takes_what_is_under_way_and_says_so)
{
    struct nw_spool *s = open_spool();
    struct nw_spool_route *r = open_route(s, "r", (struct nw_spool_limits){.max_size = 100000});
    uint64_t rows[80], messages, bytes;
    int rc = 0;
    unsigned n = 0;

    fill(r, 0, 80, rows);
    cr_assert_eq(nw_spool_append(r, NULL, 0, NULL), 0, "there is room");
    while (rc == 0) {
        char text[1001];
        memset(text, 'y', 1000);
        text[1000] = '\0';
        rc = append(r, text, NULL);
        n++;
    }
    cr_assert_eq(rc, NW_STORED_FULL);
    cr_assert(n > 5 && n < 25, "full after %u more", n);
    nw_spool_size(r, &messages, &bytes);
    cr_assert_eq(messages, 80 + n, "the one that made it full was stored");
    cr_assert_eq(nw_spool_append(r, NULL, 0, NULL), NW_STORED_FULL);
    nw_spool_remove(r, rows, 80);
    nw_spool_close(s);
    s = open_spool();
    r = open_route(s, "r", (struct nw_spool_limits){.max_size = 100000});
    expect_size(r, n);
    cr_assert_eq(nw_spool_append(r, NULL, 0, NULL), 0, "there is room again");
    nw_spool_close(s);
}

Test(spool, the_reserve_has_an_end_too)
{
    struct nw_spool *s = open_spool();
    struct nw_spool_route *r = open_route(s, "r", (struct nw_spool_limits){.max_size = 1000});
    size_t len = 20 * 1024 * 1024;
    char *large = calloc(1, len);
    struct nw_message *m = text_message("x");
    struct nw_error error;

    cr_assert_not_null(large);
    m->payload = (struct nw_slice){large, len};
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(nw_spool_append(r, &m, 1, &error), NW_STORED_FULL);
    }
    cr_assert_eq(nw_spool_append(r, &m, 1, &error), NW_EFULL);
    cr_assert(strstr(error.text, "the spool of r is full") != NULL, "%s", error.text);
    expect_size(r, 3);
    nw_message_unref(m);
    free(large);
    nw_spool_close(s);
}

Test(spool, drop_oldest_makes_room_and_counts)
{
    struct nw_spool *s = open_spool();
    struct nw_spool_route *r =
        open_route(s, "r", (struct nw_spool_limits){.max_size = 500000, .drop_oldest = true});
    struct nw_message *first;
    uint64_t messages, bytes;

    fill(r, 0, 2000, NULL);
    nw_spool_size(r, &messages, &bytes);
    cr_assert(bytes <= 501000, "%llu bytes", (unsigned long long)bytes);
    cr_assert(messages > 300 && messages < 500, "%llu messages", (unsigned long long)messages);
    cr_assert_eq(nw_spool_dropped(r).full, 2000 - messages);
    cr_assert_eq(nw_spool_read(r, 0, &first, 1), 1);
    cr_assert_eq((uint64_t)atoll(first->payload.data), 2000 - messages);
    nw_message_unref(first);
    nw_spool_close(s);
}

Test(spool, too_old_messages_are_not_given_back)
{
    struct nw_spool *s = open_spool();
    struct nw_spool_route *r = open_route(s, "r", (struct nw_spool_limits){.max_age_ms = 50});
    struct nw_message *batch[10];
    int64_t until = nw_clock_monotonic_ns() + 10 * NW_SECOND_NS;
    size_t n = 2;

    cr_assert_eq(append(r, "1", NULL), 0);
    cr_assert_eq(append(r, "2", NULL), 0);
    while (n > 0 && nw_clock_monotonic_ns() < until) {
        n = nw_spool_read(r, 0, batch, 10);
        for (size_t i = 0; i < n; i++) {
            nw_message_unref(batch[i]);
        }
    }
    cr_assert_eq(n, 0);
    cr_assert_eq(nw_spool_dropped(r).aged, 2);
    expect_size(r, 0);
    nw_spool_close(s);
}

/* A child appends numbers and says after each append that it is stored, until it is killed. */
static _Noreturn void append_for_ever(int said)
{
    struct nw_spool *s = open_spool();
    struct nw_spool_route *r = plain_route(s, "r");

    for (unsigned n = 0;; n++) {
        if (append_number(r, n) != 0 || write(said, &n, sizeof n) != sizeof n) {
            _exit(1);
        }
    }
}

Test(spool, a_killed_process_keeps_every_message_it_said_was_stored)
{
    int said[2];
    pid_t child;
    unsigned last = 0, n;

    cr_assert_eq(pipe(said), 0);
    child = fork();
    if (child == 0) {
        (void)close(said[0]);
        append_for_ever(said[1]);
    }
    (void)close(said[1]);
    while (last < 20000 && read(said[0], &n, sizeof n) == sizeof n) {
        last = n;
    }
    cr_assert_eq(kill(child, SIGKILL), 0);
    while (read(said[0], &n, sizeof n) == sizeof n) {
        last = n;
    }
    cr_assert_eq(waitpid(child, NULL, 0), child);
    (void)close(said[0]);

    struct nw_spool *s = open_spool();
    struct nw_spool_route *r = plain_route(s, "r");
    uint64_t messages, bytes;
    nw_spool_size(r, &messages, &bytes);
    cr_assert(messages == last + 1 || messages == last + 2, "%llu of %u are there",
              (unsigned long long)messages, last + 1);
    expect_numbers(r, 0, (unsigned)messages - 1);
    nw_spool_close(s);
}

Test(spool, its_file_shrinks_when_it_was_emptied)
{
    struct nw_spool *s = open_spool();
    struct nw_spool_route *r = plain_route(s, "r");
    uint64_t rows[5000];

    fill(r, 0, 5000, rows);
    nw_spool_remove(r, rows, 5000);
    nw_spool_close(s);
    nw_spool_close(open_spool());
    cr_assert_leq(file_size("spool.db"), 100000);
}

Test(spool, a_file_that_is_no_database_is_moved_aside)
{
    struct nw_spool *s = open_spool();
    char *moved_to = NULL;
    struct nw_error error;

    nw_spool_close(s);
    damage("spool.db", 0, 100);
    cr_assert_eq(nw_spool_open(folder, &s, &moved_to, &error), 0, "%s", error.text);
    cr_assert_not_null(moved_to);
    cr_assert_eq(access(moved_to, F_OK), 0);
    free(moved_to);
    cr_assert_eq(append(plain_route(s, "r"), "x", NULL), 0);
    nw_spool_close(s);
}

Test(spool, what_can_be_read_of_a_damaged_file_is_kept)
{
    struct nw_spool *s = open_spool();
    struct nw_spool_route *r = plain_route(s, "r");
    char *moved_to = NULL;
    struct nw_error error;
    uint64_t messages, bytes;
    off_t size;

    fill(r, 0, 1000, NULL);
    nw_spool_close(s);
    size = file_size("spool.db");
    damage("spool.db", size / 2, size / 2 + 20000);
    cr_assert_eq(nw_spool_open(folder, &s, &moved_to, &error), 0, "%s", error.text);
    cr_assert_not_null(moved_to);
    free(moved_to);
    r = plain_route(s, "r");
    nw_spool_size(r, &messages, &bytes);
    cr_assert(messages > 300 && messages < 1000, "%llu messages", (unsigned long long)messages);
    cr_assert_eq(append(r, "x", NULL), 0);
    nw_spool_close(s);
}
