/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/duration.h"

Test(duration, reads_what_people_write)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"250ms", 250},
        {"2s", 2000},
        {"5m", 300000},
        {"1h", 3600000},
        {"7d", 604800000},
        {"0", 0},
        {"0s", 0},
        {"1h30m", 5400000},
        {"1m30s250ms", 90250},
        {"007s", 7000},
        {"106751991167d", INT64_C(9223372036828800000)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_error error = {0};
        int64_t ms = -1;
        cr_expect_eq(nw_duration_parse(nw_slice_text(cases[i].text), &ms, &error), 0, "%s: %s",
                     cases[i].text, error.text);
        cr_expect_eq(ms, cases[i].ms, "%s", cases[i].text);
    }
}

Test(duration, refuses_the_rest_and_says_what_it_expected)
{
    static const char *const cases[] = {
        "",     "5",     "ms",   "-2s",  "1.5s", "2 s",           "2S",
        "2sec", "30m1h", "1s1s", "1h30", "2s ",  "106751991168d", "99999999999999999999s"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_error error = {0};
        char says[200];
        int64_t ms = 7;
        (void)snprintf(says, sizeof says,
                       "expected a duration like 250ms, 2s, 5m or 1h, found \"%s\"", cases[i]);
        cr_expect_eq(nw_duration_parse(nw_slice_text(cases[i]), &ms, &error), NW_EINVAL, "%s",
                     cases[i]);
        cr_expect_str_eq(error.text, says);
        cr_expect_eq(ms, 7, "%s", cases[i]);
    }
}

Test(duration, does_not_read_beyond_its_end)
{
    int64_t ms = 0;
    cr_expect_eq(nw_duration_parse((struct nw_slice){"10s..30s", 3}, &ms, NULL), 0);
    cr_expect_eq(ms, 10000);
}

Test(duration, writes_the_shortest_form)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{0, "0"}, {250, "250ms"}, {2000, "2s"}, {5400000, "1h30m"}, {86400000, "1d"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[NW_DURATION_TEXT];
        cr_expect_str_eq(nw_duration_format(cases[i].ms, out), cases[i].text);
    }
}

Test(duration, writes_the_longest_within_its_room)
{
    char out[NW_DURATION_TEXT];
    int64_t again = 0;
    cr_assert_eq(nw_duration_parse(nw_slice_text(nw_duration_format(INT64_MAX, out)), &again, NULL),
                 0);
    cr_expect_eq(again, INT64_MAX);
}
