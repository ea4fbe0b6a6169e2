/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/backoff.h"
#include "base/error.h"

Test(backoff, reads_a_range_or_says_what_is_wrong)
{
    static const struct {
        const char *text;
        int rc;
        uint32_t first_ms, longest_ms;
        const char *says;
    } cases[] = {
        {"100ms..30s", 0, 100, 30000, NULL},
        {"1s..1s", 0, 1000, 1000, NULL},
        {"100ms", NW_EINVAL, 0, 0, "expected two durations"},
        {"..", NW_EINVAL, 0, 0, "expected a duration"},
        {"0ms..1s", NW_EINVAL, 0, 0, "above zero"},
        {"2s..1s", NW_EINVAL, 0, 0, "not longer"},
        {"1s..60d", NW_EINVAL, 0, 0, "not be longer than 49d"},
        {"2 parsecs..1s", NW_EINVAL, 0, 0, "found \"2 parsecs\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_backoff_range range = {0, 0};
        struct nw_error error = {0};
        cr_expect_eq(nw_backoff_parse(cases[i].text, &range, &error), cases[i].rc, "%s",
                     cases[i].text);
        cr_expect_eq(range.first_ms, cases[i].first_ms, "%s", cases[i].text);
        cr_expect_eq(range.longest_ms, cases[i].longest_ms, "%s", cases[i].text);
        if (cases[i].says != NULL) {
            cr_expect(strstr(error.text, cases[i].says) != NULL, "%s: %s", cases[i].text,
                      error.text);
        }
    }
}

Test(backoff, doubles_to_the_longest_and_starts_again_after_a_reset)
{
    static const uint32_t up_to_ms[] = {100, 200, 400, 800, 1000, 1000};
    struct nw_backoff b;

    nw_backoff_init(&b, (struct nw_backoff_range){100, 1000}, 42);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof up_to_ms / sizeof up_to_ms[0]; i++) {
            uint32_t wait_ms = nw_backoff_next(&b);
            cr_expect(wait_ms >= up_to_ms[i] / 2 && wait_ms <= up_to_ms[i], "try %zu waits %u ms",
                      i, wait_ms);
        }
        nw_backoff_reset(&b);
    }
}

Test(backoff, lanes_that_fail_together_come_back_apart)
{
    struct nw_backoff a, b;
    int equal = 0;

    nw_backoff_init(&a, (struct nw_backoff_range){1000, 60000}, 1);
    nw_backoff_init(&b, (struct nw_backoff_range){1000, 60000}, 3);
    for (int i = 0; i < 20; i++) {
        equal += nw_backoff_next(&a) == nw_backoff_next(&b);
    }
    cr_expect_lt(equal, 3);
}
