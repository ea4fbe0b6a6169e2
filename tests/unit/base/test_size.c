/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "base/size.h"

Test(size, reads_what_people_write)
{
    static const struct {
        const char *text;
        int64_t bytes;
    } cases[] = {
        {"0", 0},
        {"65536", 65536},
        {"10B", 10},
        {"64KiB", 65536},
        {"1MiB", 1048576},
        {"2GiB", INT64_C(2147483648)},
        {"1TiB", INT64_C(1099511627776)},
        {"64KB", 64000},
        {"64kB", 64000},
        {"3MB", 3000000},
        {"9223372036854775807", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_error error = {0};
        int64_t bytes = -1;
        cr_expect_eq(nw_size_parse(nw_slice_text(cases[i].text), &bytes, &error), 0, "%s: %s",
                     cases[i].text, error.text);
        cr_expect_eq(bytes, cases[i].bytes, "%s", cases[i].text);
    }
}

Test(size, refuses_the_rest_and_says_what_it_expected)
{
    static const char *const cases[] = {
        "", "KiB", "-1", "1.5MiB", "64K", "64kib", "64 KiB", "9223372036854775808", "8388608TiB"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_error error = {0};
        char says[200];
        int64_t bytes = 7;
        (void)snprintf(says, sizeof says, "expected a size like 65536, 64KiB or 1MiB, found \"%s\"",
                       cases[i]);
        cr_expect_eq(nw_size_parse(nw_slice_text(cases[i]), &bytes, &error), NW_EINVAL, "%s",
                     cases[i]);
        cr_expect_str_eq(error.text, says);
        cr_expect_eq(bytes, 7, "%s", cases[i]);
    }
}

Test(size, writes_the_largest_unit_that_loses_nothing)
{
    static const struct {
        int64_t bytes;
        const char *text;
    } cases[] = {{0, "0"},       {1000, "1000"},   {1024, "1KiB"},
                 {1536, "1536"}, {65536, "64KiB"}, {INT64_C(1) << 40, "1TiB"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[NW_SIZE_TEXT];
        cr_expect_str_eq(nw_size_format(cases[i].bytes, out), cases[i].text);
    }
}
