/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/buffer.h"

Test(buffer, grows_and_stays_a_text)
{
    struct nw_buffer b = {0};

    cr_expect_str_eq(nw_buffer_text(&b), "");
    nw_buffer_add_text(&b, "orders");
    nw_buffer_add_char(&b, '.');
    nw_buffer_add_slice(&b, NW_LITERAL("eu"));
    nw_buffer_add_format(&b, "/%03d", 7);
    nw_buffer_add(&b, "", 0);
    cr_expect_str_eq(nw_buffer_text(&b), "orders.eu/007");
    for (int i = 0; i < 1000; i++) {
        nw_buffer_add_text(&b, "0123456789");
    }
    cr_expect_eq(b.len, 10013);
    cr_expect_eq(strlen(nw_buffer_text(&b)), 10013);
    nw_buffer_done(&b);
}

Test(buffer, reports_a_failure_once_at_the_end)
{
    struct nw_buffer b = {0};

    nw_buffer_add_text(&b, "kept");
    cr_expect_not(nw_buffer_reserve(&b, SIZE_MAX - 2));
    nw_buffer_add_text(&b, "lost");
    cr_expect_str_eq(nw_buffer_text(&b), "kept");
    cr_expect(b.failed);
    cr_expect_null(nw_buffer_take(&b));
    nw_buffer_add_text(&b, "usable again");
    cr_expect_str_eq(nw_buffer_text(&b), "usable again");
    nw_buffer_done(&b);
}

Test(buffer, gives_its_bytes_away)
{
    struct nw_buffer b = {0};
    char *text, *empty;

    nw_buffer_add_text(&b, "mine");
    text = nw_buffer_take(&b);
    empty = nw_buffer_take(&b);
    cr_expect_str_eq(text, "mine");
    cr_expect_str_eq(empty, "");
    cr_expect_eq(b.len, 0);
    free(text);
    free(empty);
}

Test(buffer, forgets_and_keeps_its_memory)
{
    struct nw_buffer b = {0};
    char *memory;

    nw_buffer_add_text(&b, "old");
    memory = b.data;
    nw_buffer_clear(&b);
    cr_expect_str_eq(nw_buffer_text(&b), "");
    nw_buffer_add_text(&b, "new");
    cr_expect_eq(b.data, memory);
    cr_expect_str_eq(nw_buffer_text(&b), "new");
    nw_buffer_done(&b);
}
