/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/table.h"

Test(table, finds_what_was_put_and_nothing_else)
{
    static char names[3000][16];
    struct nw_table table = {0};

    cr_expect_null(nw_table_find(&table, NW_LITERAL("route")));
    for (size_t i = 0; i < 3000; i++) {
        (void)snprintf(names[i], sizeof names[i], "route-%zu", i);
        cr_assert_eq(nw_table_put(&table, nw_slice_text(names[i]), names[i]), 0);
    }
    cr_expect_eq(table.count, 3000);
    for (size_t i = 0; i < 3000; i++) {
        cr_assert_eq(nw_table_find(&table, nw_slice_text(names[i])), names[i]);
    }
    cr_expect_null(nw_table_find(&table, NW_LITERAL("route-3000")));
    cr_expect_null(nw_table_find(&table, NW_LITERAL("route-")));
    cr_expect_null(nw_table_find(&table, NW_LITERAL("")));
    nw_table_done(&table);
    cr_expect_null(nw_table_find(&table, NW_LITERAL("route-1")));
}

Test(table, replaces_the_value_of_an_equal_key)
{
    struct nw_table table = {0};
    int one, two;

    cr_expect_eq(nw_table_put(&table, NW_LITERAL("a"), &one), 0);
    cr_expect_eq(nw_table_put(&table, NW_LITERAL("a"), &two), 0);
    cr_expect_eq(table.count, 1);
    cr_expect_eq(nw_table_find(&table, NW_LITERAL("a")), &two);
    nw_table_done(&table);
}
