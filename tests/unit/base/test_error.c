/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"

Test(error, holds_code_place_and_text)
{
    struct nw_error error = {0};

    cr_expect_eq(nw_error_set_at(&error, NW_EINVAL, 7, "found \"%s\"", "x"), NW_EINVAL);
    cr_expect_eq(error.code, NW_EINVAL);
    cr_expect_eq(error.at, 7);
    cr_expect_str_eq(error.text, "found \"x\"");
    cr_expect_eq(nw_error_set(&error, NW_EIO, "gone"), NW_EIO);
    cr_expect_eq(error.at, 0);
    cr_expect_str_eq(error.text, "gone");
}

Test(error, may_be_left_out_and_is_cut_to_its_room)
{
    struct nw_error error = {0};
    char longer[2000];

    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    cr_expect_eq(nw_error_set(NULL, NW_EFULL, "nobody reads this"), NW_EFULL);
    cr_expect_eq(nw_error_set(&error, NW_EFULL, "%s", longer), NW_EFULL);
    cr_expect_eq(strlen(error.text), sizeof error.text - 1);
}

Test(slice, absent_and_empty_differ)
{
    cr_expect(nw_slice_equal(NW_ABSENT, NW_ABSENT));
    cr_expect(nw_slice_equal(NW_LITERAL(""), nw_slice_text("")));
    cr_expect_not(nw_slice_equal(NW_ABSENT, NW_LITERAL("")));
    cr_expect(nw_slice_equal(NW_LITERAL("ab"), nw_slice_text("ab")));
    cr_expect_not(nw_slice_equal(NW_LITERAL("ab"), NW_LITERAL("ac")));
    cr_expect(nw_slice_starts(NW_LITERAL("orders.eu"), NW_LITERAL("orders.")));
    cr_expect(nw_slice_starts(NW_LITERAL("x"), NW_ABSENT));
    cr_expect_not(nw_slice_starts(NW_LITERAL("ord"), NW_LITERAL("orders")));
}

Test(clock, goes_forward_and_knows_the_year)
{
    int64_t before = nw_clock_monotonic_ns();
    cr_expect_geq(nw_clock_monotonic_ns(), before);
    cr_expect_gt(nw_clock_real_ns(), INT64_C(1700000000) * NW_SECOND_NS);
}
