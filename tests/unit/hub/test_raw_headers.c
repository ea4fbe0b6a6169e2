/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "hub/raw_headers.h"

#define BYTES(text) ((struct nw_slice){(text), sizeof(text) - 1})

static void expect_next(struct nw_slice *lines, const char *name, const char *value, bool folded)
{
    struct nw_slice n, v;
    bool f;

    cr_assert(nw_raw_headers_next(lines, &n, &v, &f), "%s", name);
    cr_expect(nw_slice_equal(n, nw_slice_text(name)), "%.*s", (int)n.len, n.data);
    cr_expect(nw_slice_equal(v, nw_slice_text(value)), "%s: %.*s", name, (int)v.len, v.data);
    cr_expect_eq(f, folded);
}

static void expect_end(struct nw_slice *lines)
{
    struct nw_slice n, v;
    bool f;

    cr_expect_not(nw_raw_headers_next(lines, &n, &v, &f));
}

Test(raw_headers, keep_order_and_empty_values)
{
    struct nw_slice lines = BYTES("B: 1\r\nEmpty: \r\nA:2\r\nB:  3 : 4 \t\r\nLast:\r\n\r\n");

    expect_next(&lines, "B", "1", false);
    expect_next(&lines, "Empty", "", false);
    expect_next(&lines, "A", "2", false);
    expect_next(&lines, "B", "3 : 4", false);
    expect_next(&lines, "Last", "", false);
    expect_end(&lines);
}

Test(raw_headers, pass_over_what_is_no_header)
{
    struct nw_slice lines = BYTES(" lost\r\nno colon\r\n: no name\r\nA: 1\r\n");

    expect_next(&lines, "A", "1", false);
    expect_end(&lines);
    lines = NW_ABSENT;
    expect_end(&lines);
    lines = BYTES("A: no end");
    expect_next(&lines, "A", "no end", false);
    expect_end(&lines);
}

Test(raw_headers, value_may_go_over_several_lines)
{
    struct nw_slice lines = BYTES("A: 1\r\n  2\r\n\t3\r\nB: 4\r\n\r\n");

    expect_next(&lines, "A", "1\r\n  2\r\n\t3", true);
    expect_next(&lines, "B", "4", false);
    expect_end(&lines);
}

/* What nats.c leaves behind when somebody has asked it for a header. */
Test(raw_headers, are_read_when_nats_c_has_looked_at_them)
{
    struct nw_slice lines = BYTES("A\0 1\0\nE\0\r\nB\0 2  \0\n\r\n");

    expect_next(&lines, "A", "1", false);
    expect_next(&lines, "E", "", false);
    expect_next(&lines, "B", "2", false);
    expect_end(&lines);
}

Test(raw_headers, of_a_message_without_any_are_absent)
{
    natsMsg *msg = NULL;

    cr_assert_eq(nats_Open(-1), NATS_OK);
    cr_assert_eq(natsMsg_Create(&msg, "subject", NULL, "NATS/1.0\r\nA: 1\r\n\r\n", 18), NATS_OK);
    cr_expect_null(nw_raw_headers(msg).data);
    natsMsg_Destroy(msg);
    cr_assert_eq(natsMsg_Create(&msg, "subject", "reply", "", 0), NATS_OK);
    cr_expect_null(nw_raw_headers(msg).data);
    natsMsg_Destroy(msg);
    nats_Close();
}
