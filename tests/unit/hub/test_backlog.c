/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "hub/js_backlog.h"

static void keep(struct nw_js_backlog *b, uint64_t delivered, uint64_t sequence)
{
    natsMsg *msg = NULL;

    cr_assert_eq(natsMsg_Create(&msg, "x", NULL, NULL, 0), NATS_OK);
    cr_assert(nw_js_backlog_keep(b, msg, delivered, sequence));
}

Test(backlog, what_comes_twice_counts_once)
{
    struct nw_js_backlog b = {0};

    cr_assert_eq(nats_Open(-1), NATS_OK);
    nw_js_backlog_expect(&b, 3);
    keep(&b, 2, 7);
    keep(&b, 1, 9);
    keep(&b, 2, 5);
    cr_assert_not(nw_js_backlog_is_complete(&b));
    keep(&b, 3, 5);
    cr_assert(nw_js_backlog_is_complete(&b));
    cr_expect_eq(nw_js_backlog_unite(&b), 1);
    cr_assert_not(nw_js_backlog_is_complete(&b));
    keep(&b, 2, 6);
    cr_expect_eq(nw_js_backlog_unite(&b), 0);
    cr_assert(nw_js_backlog_is_complete(&b));
    nw_js_backlog_end(&b);
    cr_assert_eq(b.count, 4);
    for (size_t i = 0; i < b.count; i++) {
        static const uint64_t sorted[] = {5, 6, 7, 9};
        cr_expect_eq(b.items[i].sequence, sorted[i]);
        natsMsg_Destroy(b.items[i].msg);
    }
    nw_js_backlog_done(&b);
    nats_Close();
}
