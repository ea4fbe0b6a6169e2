/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <malloc.h>

#include "base/arena.h"

Test(arena, gives_zeros_that_do_not_overlap)
{
    struct nw_arena *arena = nw_arena_new();
    unsigned char *pieces[600];
    static const size_t sizes[] = {1, 7, 16, 100, 5000, 9000, 100000};

    for (size_t i = 0; i < 600; i++) {
        size_t size = sizes[i % 7];
        pieces[i] = nw_arena_alloc(arena, size);
        cr_assert_not_null(pieces[i]);
        cr_expect_eq((uintptr_t)pieces[i] % 16, 0);
        for (size_t j = 0; j < size; j++) {
            cr_assert_eq(pieces[i][j], 0);
        }
        memset(pieces[i], (int)(i % 251) + 1, size);
    }
    for (size_t i = 0; i < 600; i++) {
        cr_expect_eq(pieces[i][0], i % 251 + 1);
        cr_expect_eq(pieces[i][sizes[i % 7] - 1], i % 251 + 1);
    }
    nw_arena_free(arena);
}

/* Each rule has one. */
Test(arena, takes_little_for_little)
{
    struct nw_arena *arenas[100];
    size_t before = mallinfo2().uordblks;

    for (size_t i = 0; i < 100; i++) {
        arenas[i] = nw_arena_new();
        cr_assert_not_null(nw_arena_alloc(arenas[i], 100));
    }
    cr_expect_lt(mallinfo2().uordblks - before, 100 * 2000);
    for (size_t i = 0; i < 100; i++) {
        nw_arena_free(arenas[i]);
    }
}

Test(arena, copies_texts)
{
    struct nw_arena *arena = nw_arena_new();
    cr_expect_str_eq(nw_arena_copy(arena, (struct nw_slice){"orders.eu", 6}), "orders");
    cr_expect_str_eq(nw_arena_copy(arena, NW_LITERAL("")), "");
    cr_expect_str_eq(nw_arena_text(arena, "x"), "x");
    cr_expect_str_eq(nw_arena_format(arena, "%s-%d", "lane", 3), "lane-3");
    cr_expect_null(nw_arena_copy(arena, NW_ABSENT));
    cr_expect_null(nw_arena_text(arena, NULL));
    nw_arena_free(arena);
}

Test(arena, refuses_what_no_machine_has)
{
    struct nw_arena *arena = nw_arena_new();
    cr_expect_null(nw_arena_alloc(arena, SIZE_MAX));
    cr_expect_null(nw_arena_alloc(arena, SIZE_MAX / 2));
    cr_expect_not_null(nw_arena_alloc(arena, 1));
    nw_arena_free(arena);
}

static void note(void *object)
{
    char **end = object;
    *(*end)++ = 'x';
}

Test(arena, runs_what_was_deferred_when_it_is_freed)
{
    char text[8] = "", *end = text;
    struct nw_arena *arena = nw_arena_new();

    cr_expect_eq(nw_arena_defer(arena, note, &end), 0);
    cr_expect_eq(nw_arena_defer(arena, note, &end), 0);
    cr_expect_str_eq(text, "");
    nw_arena_free(arena);
    cr_expect_str_eq(text, "xx");
    nw_arena_free(NULL);
}
