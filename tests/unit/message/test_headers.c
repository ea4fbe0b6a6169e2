/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "message/message.h"

static struct nw_message *with_headers(void)
{
    static const char *const names[] = {"A", "X-One", "a", "X-Two", "B"};
    static const char *const values[] = {"1", "2", "3", "4", "5"};
    struct nw_message *m = nw_message_make();

    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(nw_message_add_header(m, nw_slice_text(names[i]), nw_slice_text(values[i])),
                     0);
    }
    return m;
}

/* "A=1 B=2 " */
static const char *show(const struct nw_message *m)
{
    static char text[400];
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < nw_message_header_count(m); i++) {
        struct nw_slice name, value;
        nw_message_header(m, i, &name, &value);
        used += (size_t)snprintf(text + used, sizeof text - used, "%.*s=%.*s ", (int)name.len,
                                 name.data, (int)value.len, value.data);
    }
    return text;
}

Test(headers, keep_their_order_and_all_values)
{
    struct nw_message *m = with_headers();
    struct nw_slice name, value;

    cr_expect_str_eq(show(m), "A=1 X-One=2 a=3 X-Two=4 B=5 ");
    nw_message_header(m, 5, &name, &value);
    cr_expect(name.data == NULL && value.data == NULL, "beyond the last");
    nw_message_unref(m);
}

Test(headers, set_replaces_all_values_at_the_place_of_the_first)
{
    struct nw_message *m = with_headers();

    cr_assert_eq(nw_message_set_header(m, NW_LITERAL("a"), NW_LITERAL("new")), 0);
    cr_expect_str_eq(show(m), "a=new X-One=2 X-Two=4 B=5 ");
    cr_assert_eq(nw_message_set_header(m, NW_LITERAL("C"), NW_LITERAL("6")), 0);
    cr_expect_str_eq(show(m), "a=new X-One=2 X-Two=4 B=5 C=6 ");
    nw_message_unref(m);
}

Test(headers, are_removed_by_name_or_prefix)
{
    static const struct {
        const char *pattern, *left;
    } cases[] = {
        {"a", "X-One=2 X-Two=4 B=5 "},
        {"x-*", "A=1 a=3 B=5 "},
        {"X-", "A=1 X-One=2 a=3 X-Two=4 B=5 "},
        {"*", ""},
        {"none", "A=1 X-One=2 a=3 X-Two=4 B=5 "},
        {"B", "A=1 X-One=2 a=3 X-Two=4 "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_message *m = with_headers();
        cr_assert_eq(nw_message_remove_header(m, nw_slice_text(cases[i].pattern)), 0);
        cr_expect_str_eq(show(m), cases[i].left, "%s", cases[i].pattern);
        nw_message_unref(m);
    }
}

Test(headers, of_an_outgoing_message_change_without_the_original)
{
    struct nw_message *m = with_headers();
    struct nw_message *set = nw_message_derive(m), *added = nw_message_derive(m);
    struct nw_message *removed = nw_message_derive(m), *same = nw_message_derive(m);

    cr_expect_eq(same->headers.items, m->headers.items, "shared until changed");
    cr_assert_eq(nw_message_set_header(set, NW_LITERAL("A"), NW_LITERAL("x")), 0);
    cr_assert_eq(nw_message_add_header(added, NW_LITERAL("Z"), NW_LITERAL("z")), 0);
    cr_assert_eq(nw_message_remove_header(removed, NW_LITERAL("*")), 0);
    cr_assert_eq(nw_message_remove_header(same, NW_LITERAL("none")), 0);
    cr_expect_eq(same->headers.items, m->headers.items, "nothing was removed");
    cr_expect_str_eq(show(m), "A=1 X-One=2 a=3 X-Two=4 B=5 ");
    cr_expect_str_eq(show(set), "A=x X-One=2 X-Two=4 B=5 ");
    cr_expect_str_eq(show(added), "A=1 X-One=2 a=3 X-Two=4 B=5 Z=z ");
    cr_expect_str_eq(show(removed), "");
    nw_message_unref(m);
    nw_message_unref(set);
    nw_message_unref(added);
    nw_message_unref(removed);
    nw_message_unref(same);
}

Test(headers, are_found_without_case)
{
    struct nw_message *m = with_headers();

    cr_expect(nw_slice_equal(nw_message_find_header(m, NW_LITERAL("x-tWO")), NW_LITERAL("4")));
    cr_expect(nw_slice_equal(nw_message_find_header(m, NW_LITERAL("a")), NW_LITERAL("1")));
    cr_expect_null(nw_message_find_header(m, NW_LITERAL("X")).data);
    cr_expect(nw_header_name_equal(NW_ABSENT, NW_LITERAL("")));
    nw_message_unref(m);
}

Test(headers, many_fit)
{
    struct nw_message *m = nw_message_make();

    for (int i = 0; i < 1000; i++) {
        struct nw_slice n = nw_message_copy(m, &i, sizeof i);
        cr_assert_eq(nw_message_add_header(m, n, n), 0);
        cr_assert_eq(nw_message_add_param(m, n, n), 0);
        cr_assert_eq(nw_message_add_query(m, n, n), 0);
    }
    for (int i = 0; i < 1000; i++) {
        cr_expect(memcmp(m->headers.items[i].value.data, &i, sizeof i) == 0);
        cr_expect(memcmp(m->params.items[i].value.data, &i, sizeof i) == 0);
        cr_expect(memcmp(m->queries.items[i].value.data, &i, sizeof i) == 0);
    }
    nw_message_unref(m);
}
