/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/timestamp.h"

Test(timestamp, reads_and_writes_the_same_moment)
{
    static const struct {
        const char *in, *out;
        int64_t ns;
    } cases[] = {
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", 0},
        {"2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", INT64_C(1767225600000000000)},
        {"2026-01-01T01:30:00+01:30", "2026-01-01T00:00:00Z", INT64_C(1767225600000000000)},
        {"2026-01-01T00:00:00.120Z", "2026-01-01T00:00:00.12Z", INT64_C(1767225600120000000)},
        {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z", INT64_C(1709164800000000000)},
        {"2262-04-11T23:47:16.8Z", "2262-04-11T23:47:16.8Z", INT64_C(9223372036800000000)},
        {"1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z", INT64_C(-500000000)},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[NW_TIMESTAMP_TEXT_MAX];
        int64_t ns = 0;
        cr_expect_eq(nw_timestamp_parse(nw_slice_text(cases[i].in), &ns, NULL), 0, "%s",
                     cases[i].in);
        cr_expect_eq(ns, cases[i].ns, "%s", cases[i].in);
        cr_expect_eq(nw_timestamp_format(ns, text), strlen(cases[i].out));
        cr_expect_str_eq(text, cases[i].out);
    }
}

Test(timestamp, refuses_what_is_no_time)
{
    static const char *const cases[] = {
        "",
        "2026-01-01",
        "2026-13-01T00:00:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00+1:00",
        "2026-01-01T25:00:00Z",
        "x026-01-01T00:00:00Z",
        "2026-01-01T00:00:00Zz",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "9999-12-31T23:59:59Z", /* not in 64 bits */
        "0001-01-01T00:00:00Z",
        "2262-04-11T23:47:16.9Z",
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_error error;
        int64_t ns = 7;
        cr_expect_eq(nw_timestamp_parse(nw_slice_text(cases[i]), &ns, &error), NW_EINVAL, "%s",
                     cases[i]);
        cr_expect_eq(ns, 7);
        cr_expect(strstr(error.text, "expected a time ") != NULL);
    }
}
