/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/clock.h"
#include "log/repeat.h"

static const struct nw_log_field orders[] = {{"route", "orders"}, {NULL, NULL}};
static const struct nw_log_field other[] = {{"route", "other"}, {NULL, NULL}};
static struct nw_repeat repeat;
static uint64_t skipped;

static bool pass(enum nw_level level, const struct nw_log_field *fields, const char *text,
                 int64_t second)
{
    return nw_repeat_pass(&repeat, level, fields, text, second * NW_SECOND_NS, &skipped);
}

Test(repeat, says_a_line_once_in_ten_seconds_and_then_how_often)
{
    cr_expect(pass(NW_LOG_WARNING, orders, "refused", 0));
    for (int i = 0; i < 5; i++) {
        cr_expect_not(pass(NW_LOG_WARNING, orders, "refused", 1 + i));
    }
    cr_expect(pass(NW_LOG_WARNING, other, "refused", 5), "of another route");
    cr_expect(pass(NW_LOG_WARNING, orders, "refused", 10));
    cr_expect_eq(skipped, 5);
}

Test(repeat, limits_lines_that_differ_in_numbers_only)
{
    int written = 0;

    for (int i = 0; i < 1000; i++) {
        char text[40];
        (void)snprintf(text, sizeof text, "message %d rejected", i);
        written += pass(NW_LOG_WARNING, orders, text, 0);
    }
    cr_expect_eq(written, 10);
    cr_expect(pass(NW_LOG_WARNING, orders, "message 1001 rejected", 11));
    cr_expect_eq(skipped, 990);
}

Test(repeat, tells_every_change_of_state)
{
    cr_expect(pass(NW_LOG_WARNING, orders, "lost", 0));
    cr_expect(pass(NW_LOG_INFO, orders, "connected", 1));
    cr_expect(pass(NW_LOG_WARNING, orders, "lost", 2));
    cr_expect(pass(NW_LOG_INFO, orders, "connected", 3));
    cr_expect_not(pass(NW_LOG_INFO, orders, "connected", 4));
}

Test(repeat, gives_what_was_left_out_when_its_time_is_over)
{
    struct nw_repeat_kind *kind;

    (void)pass(NW_LOG_WARNING, orders, "refused", 0);
    (void)pass(NW_LOG_WARNING, orders, "refused", 1);
    cr_expect_null(nw_repeat_left(&repeat, 2 * NW_SECOND_NS, false));
    cr_expect_not_null(nw_repeat_left(&repeat, 2 * NW_SECOND_NS, true));
    kind = nw_repeat_left(&repeat, 10 * NW_SECOND_NS, false);
    cr_assert_not_null(kind);
    cr_expect_eq(kind->skipped, 1);
    cr_expect_str_eq(kind->text, "refused");
    cr_expect_str_eq(kind->value, "orders");
}
