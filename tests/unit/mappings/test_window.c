/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "mappings/window.h"

#define MINUTE INT64_C(60000)
#define START INT64_C(1767225600000)
#define AREAS_MAX 64

/* Areas as a store keeps them: they outlive the window. */
static struct {
    void *items[AREAS_MAX];
    size_t count;
    bool full;
    char said[300];
} store;

static void *take(void *context)
{
    (void)context;
    if (store.full) {
        return NULL;
    }
    cr_assert_lt(store.count, (size_t)AREAS_MAX);
    store.items[store.count] = calloc(1, NW_WINDOW_AREA);
    return store.items[store.count++];
}

static void give(void *context, void *area)
{
    (void)context;
    for (size_t i = 0; i < store.count; i++) {
        if (store.items[i] == area) {
            store.items[i] = store.items[--store.count];
            free(area);
            return;
        }
    }
    cr_assert_fail("what was given is none of the areas");
}

static void say(void *context, const char *text)
{
    (void)context;
    cr_expect_str_empty(store.said, "said twice: %s", text);
    (void)snprintf(store.said, sizeof store.said, "%s", text);
}

static const struct nw_window_memory memory = {.take = take, .give = give, .say = say};
static struct nw_window *window;
static int64_t now;

static void begin(void)
{
    now = START;
    window = nw_window_new(2 * MINUTE, 100000);
    cr_assert_eq(nw_window_open(window, &memory, NULL, 0, now), 0);
}

static void end(void)
{
    nw_window_free(window);
    while (store.count > 0) {
        free(store.items[--store.count]);
    }
}

TestSuite(window, .init = begin, .fini = end);

static enum nw_window_answer ask(const char *id, const char *origin)
{
    struct nw_message m = {.origin = nw_slice_text(origin)};
    struct nw_window_entry e = nw_window_entry(window, nw_slice_text(id), &m);

    return nw_window_ask(window, &e, now, true);
}

static enum nw_window_answer ask_number(size_t id, const char *origin)
{
    char text[32];

    (void)snprintf(text, sizeof text, "id-%zu", id);
    return ask(text, origin);
}

/* As a process that is killed and started again: nothing was closed. Returns the bad entries. */
static size_t restart(int64_t length_ms, size_t most)
{
    void *areas[AREAS_MAX];
    size_t count = store.count;

    memcpy(areas, store.items, sizeof areas);
    nw_window_free(window);
    window = nw_window_new(length_ms, most);
    return nw_window_open(window, &memory, areas, count, now);
}

Test(window, another_message_with_the_id_is_a_repeat)
{
    cr_expect_eq(ask("a", "js:s/1"), NW_WINDOW_NEW);
    cr_expect_eq(ask("a", "js:s/2"), NW_WINDOW_REPEAT);
    cr_expect_eq(ask("b", "js:s/2"), NW_WINDOW_NEW);
}

Test(window, the_same_message_comes_again_until_it_is_settled)
{
    cr_expect_eq(ask("a", "js:s/1"), NW_WINDOW_NEW);
    cr_expect_eq(ask("a", "js:s/1"), NW_WINDOW_AGAIN);
    cr_expect_eq(ask("a", "js:s/2"), NW_WINDOW_REPEAT);
    cr_expect_eq(ask("a", "js:s/1"), NW_WINDOW_AGAIN);
}

Test(window, the_time_counts_from_the_first_message)
{
    cr_expect_eq(ask("a", "1"), NW_WINDOW_NEW);
    now += 2 * MINUTE - 1;
    cr_expect_eq(ask("a", "2"), NW_WINDOW_REPEAT);
    now += 1;
    cr_expect_eq(ask("a", "3"), NW_WINDOW_NEW);
    cr_expect_eq(ask("a", "2"), NW_WINDOW_REPEAT);
    now += 2 * MINUTE - 1;
    cr_expect_eq(ask("a", "2"), NW_WINDOW_REPEAT);
}

Test(window, only_looking_remembers_nothing)
{
    struct nw_message m = {.origin = NW_LITERAL("1")};
    struct nw_window_entry e = nw_window_entry(window, NW_LITERAL("a"), &m);

    cr_expect_eq(nw_window_ask(window, &e, now, false), NW_WINDOW_NEW);
    cr_expect_eq(ask("a", "2"), NW_WINDOW_NEW);
    cr_expect_eq(nw_window_ask(window, &e, now, false), NW_WINDOW_REPEAT);
}

/* Many times what one area holds, over many windows of time. */
Test(window, memory_is_bounded_by_what_is_in_the_window)
{
    size_t most = 0;

    for (size_t i = 0; i < 1000000; i++) {
        now += i % 4 == 0 ? 10 : 0; /* 48,000 within two minutes */
        cr_assert_eq(ask_number(i, "1"), NW_WINDOW_NEW);
        if (i > 5000) {
            cr_assert_eq(ask_number(i - 5000, "2"), NW_WINDOW_REPEAT, "%zu", i);
        }
        most = nw_window_count(window) > most ? nw_window_count(window) : most;
    }
    cr_expect_leq(most, 48004);
    cr_expect_leq(store.count, 5);
    cr_expect_str_empty(store.said);
}

Test(window, the_oldest_are_forgotten_when_it_is_full_and_that_is_said_once)
{
    for (size_t i = 0; i < 100000; i++) {
        cr_assert_eq(ask_number(i, "1"), NW_WINDOW_NEW);
    }
    cr_expect_str_empty(store.said);
    cr_expect_eq(ask_number(0, "2"), NW_WINDOW_REPEAT);
    for (size_t i = 100000; i < 150000; i++) {
        cr_assert_eq(ask_number(i, "1"), NW_WINDOW_NEW);
    }
    cr_expect(strstr(store.said, "max_entries") != NULL, "%s", store.said);
    cr_expect_eq(nw_window_count(window), 100000);
    cr_expect_eq(ask_number(50000, "2"), NW_WINDOW_REPEAT);
    cr_expect_eq(ask_number(49999, "2"), NW_WINDOW_NEW);
}

Test(window, a_restart_forgets_nothing)
{
    for (size_t i = 0; i < 40000; i++) { /* three areas */
        cr_assert_eq(ask_number(i, "1"), NW_WINDOW_NEW);
    }
    for (int round = 0; round < 3; round++) {
        now += MINUTE / 2;
        cr_assert_eq(restart(2 * MINUTE, 100000), 0);
        cr_expect_eq(nw_window_count(window), 40000);
        for (size_t i = 0; i < 40000; i += 7) {
            cr_assert_eq(ask_number(i, "2"), NW_WINDOW_REPEAT, "%zu", i);
            cr_assert_eq(ask_number(i, "1"), NW_WINDOW_AGAIN, "%zu", i);
        }
    }
    now += MINUTE;
    cr_assert_eq(restart(2 * MINUTE, 100000), 0);
    cr_expect_eq(nw_window_count(window), 0);
    cr_expect_eq(ask_number(3, "2"), NW_WINDOW_NEW);
}

Test(window, it_goes_on_behind_what_was_there)
{
    for (size_t i = 0; i < 100000; i++) {
        now += 2;
        cr_assert_eq(ask_number(i, "1"), NW_WINDOW_NEW);
        if (i % 10000 == 9999) {
            cr_assert_eq(restart(2 * MINUTE, 100000), 0);
        }
    }
    cr_expect_eq(ask_number(41000, "2"), NW_WINDOW_REPEAT);
    cr_expect_eq(ask_number(39000, "2"), NW_WINDOW_NEW);
    cr_expect_leq(store.count, 5);
}

Test(window, a_shorter_or_smaller_window_counts_from_the_next_start)
{
    for (size_t i = 0; i < 1000; i++) {
        now += 100;
        cr_assert_eq(ask_number(i, "1"), NW_WINDOW_NEW);
    }
    cr_assert_eq(restart(MINUTE / 6, 100000), 0);
    cr_expect_eq(nw_window_count(window), 100);
    cr_expect_eq(ask_number(899, "2"), NW_WINDOW_NEW);
    cr_expect_eq(ask_number(950, "2"), NW_WINDOW_REPEAT);
    cr_assert_eq(restart(MINUTE, 10), 0);
    cr_expect_eq(nw_window_count(window), 10);
}

Test(window, a_clock_that_was_set_back_keeps_nothing_for_ever)
{
    (void)ask("a", "1");
    now -= 1000 * MINUTE;
    cr_assert_eq(restart(2 * MINUTE, 1000), 0);
    cr_expect_eq(ask("a", "2"), NW_WINDOW_REPEAT);
    now += 2 * MINUTE;
    cr_expect_eq(ask("a", "2"), NW_WINDOW_NEW);
}

Test(window, damaged_entries_are_left_out_and_counted)
{
    for (size_t i = 0; i < 100; i++) {
        (void)ask_number(i, "1");
    }
    memset((char *)store.items[0] + 64 + 10 * 32 + 9, 0x55, 2 * 32);
    cr_expect_eq(restart(2 * MINUTE, 1000), 3);
    cr_expect_eq(nw_window_count(window), 97);
    cr_expect_eq(ask_number(9, "2"), NW_WINDOW_REPEAT);
    cr_expect_eq(ask_number(11, "2"), NW_WINDOW_NEW);
    cr_expect_eq(ask_number(99, "2"), NW_WINDOW_REPEAT);
}

Test(window, a_damaged_head_is_no_area)
{
    (void)ask("a", "1");
    cr_expect(nw_window_is_area(store.items[0]));
    cr_expect(!nw_window_is_over(store.items[0], now));
    cr_expect(nw_window_is_over(store.items[0], now + 2 * MINUTE));
    ((char *)store.items[0])[12] ^= 1;
    cr_expect(!nw_window_is_area(store.items[0]));
}

Test(window, without_room_it_works_from_memory_and_says_so_once)
{
    store.full = true;
    for (size_t i = 0; i < 40000; i++) {
        cr_assert_eq(ask_number(i, "1"), NW_WINDOW_NEW);
    }
    cr_expect(strstr(store.said, "no room on disk") != NULL, "%s", store.said);
    cr_expect_eq(ask_number(0, "2"), NW_WINDOW_REPEAT);
    cr_expect_eq(store.count, 0);
}

Test(window, each_part_and_each_row_of_the_spool_is_a_message_of_its_own)
{
    struct nw_message original = {.origin = NW_LITERAL("1")};
    struct nw_message part = {.origin = NW_LITERAL("1"), .part = NW_LITERAL("{}")};
    struct nw_window_entry whole, first, second, row;

    part.original = &original;
    whole = nw_window_entry(window, NW_LITERAL("a"), &original);
    first = nw_window_entry(window, NW_LITERAL("a"), &part);
    part.split_index = 1;
    second = nw_window_entry(window, NW_LITERAL("a"), &part);
    original.spool_row = 7;
    row = nw_window_entry(window, NW_LITERAL("a"), &original);
    cr_expect(whole.owner != first.owner && first.owner != second.owner &&
              row.owner != whole.owner);
    cr_expect_eq(nw_window_ask(window, &first, now, true), NW_WINDOW_NEW);
    cr_expect_eq(nw_window_ask(window, &second, now, true), NW_WINDOW_REPEAT);
    cr_expect_eq(nw_window_ask(window, &first, now, true), NW_WINDOW_AGAIN);
}
