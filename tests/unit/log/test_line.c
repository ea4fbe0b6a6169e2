/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "log/line.h"

static const struct nw_log_field fields[] = {
    {"route", "orders"}, {"origin", NULL}, {"path", "a b\x1b[31m"}, {NULL, NULL}};

static void expect(const struct nw_line *line, enum nw_line_style style, const char *wanted)
{
    struct nw_buffer out = {0};

    nw_line_write(&out, line, style);
    cr_expect_str_eq(nw_buffer_text(&out), wanted);
    nw_buffer_done(&out);
}

static const struct nw_line line = {
    .time_ns = INT64_C(1767225600123000000),
    .level = NW_LOG_WARNING,
    .text = "said \"no\"",
    .fields = fields,
    .repeated = 7,
};

Test(line, has_pairs_where_a_program_reads)
{
    expect(&line, NW_LINE_PAIRS,
           "time=2026-01-01T00:00:00.123Z level=warning msg=\"said \\\"no\\\"\" route=orders "
           "path=\"a b\\u001b[31m\" repeated=7\n");
}

Test(line, can_be_json)
{
    expect(&line, NW_LINE_JSON,
           "{\"time\":\"2026-01-01T00:00:00.123Z\",\"level\":\"warning\",\"msg\":\"said "
           "\\\"no\\\"\",\"route\":\"orders\",\"path\":\"a b\\u001b[31m\",\"repeated\":7}\n");
}

Test(line, gives_a_terminal_no_controls_of_others)
{
    struct nw_buffer out = {0};

    nw_line_write(&out, &line, NW_LINE_TERMINAL);
    cr_expect(strstr(nw_buffer_text(&out),
                     "warning said \"no\" route=orders path=a b?[31m (7 more") != NULL);
    cr_expect(strchr(nw_buffer_text(&out), '\x1b') == NULL);
    nw_buffer_done(&out);
}
