/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "message/letter.h"

#define TEXT(m, name) (nw_message_find_header((m), NW_LITERAL(name)))

static bool is(struct nw_slice s, const char *text)
{
    return s.data != NULL && nw_slice_equal(s, nw_slice_text(text));
}

static struct nw_message *make(void)
{
    struct nw_message *m = nw_message_make();

    nw_message_set_address(m, NW_LITERAL("/hooks/a b"));
    nw_message_set_origin(m, NW_LITERAL("http:1"));
    nw_message_set_number(m, NW_META_OFFSET, -7);
    nw_message_set_number(m, NW_META_RETAINED, 1);
    nw_message_set_text(m, NW_META_METHOD, NW_LITERAL("POST"));
    (void)nw_message_add_param(m, NW_LITERAL("Repo"), NW_LITERAL("a b"));
    (void)nw_message_add_query(m, NW_LITERAL("q"), NW_LITERAL("1"));
    (void)nw_message_add_query(m, NW_LITERAL("q"), NW_LITERAL("2"));
    (void)nw_message_add_query(m, NW_LITERAL("empty"), NW_ABSENT);
    (void)nw_message_add_header(m, NW_LITERAL("X"), NW_LITERAL("1"));
    (void)nw_message_add_header(m, NW_LITERAL("nats-rollup"), NW_LITERAL("all"));
    (void)nw_message_add_header(m, NW_LITERAL("X"), NW_LITERAL("2"));
    return m;
}

Test(letter, has_no_orders_for_the_server_that_stores_it)
{
    struct nw_letter said = {.reason = NW_LITERAL("why"), .route = NW_LITERAL("r")};
    struct nw_message *original = make(), *m = nw_message_derive(original);

    cr_assert_eq(nw_letter_write(m, &said), 0);
    cr_expect_null(TEXT(m, "Nats-Rollup").data);
    cr_expect(is(TEXT(m, "Natsway-Error"), "why"));
    cr_expect(is(TEXT(m, "Natsway-Route"), "r"));
    cr_expect(is(TEXT(m, "Natsway-Origin"), "http:1"));
    cr_expect(is(TEXT(m, "Natsway-Address"), "/hooks/a b"));
    cr_expect(is(TEXT(original, "nats-rollup"), "all"), "the original stays as it is");
    nw_message_unref(m);
    nw_message_unref(original);
}

/* What a stream gives back of it: its headers and nothing else. */
static struct nw_message *stored(const struct nw_message *letter)
{
    struct nw_message *m = nw_message_make();

    for (uint32_t i = 0; i < letter->headers.count; i++) {
        (void)nw_message_add_header(m, letter->headers.items[i].name,
                                    letter->headers.items[i].value);
    }
    (void)nw_message_add_header(m, NW_LITERAL("Nats-Msg-Id"), NW_LITERAL("dlq.1"));
    return m;
}

Test(letter, becomes_what_it_was)
{
    struct nw_letter said = {.reason = NW_LITERAL("why"),
                             .part = NW_LITERAL("3"),
                             .target = NW_LITERAL("1 http 00")},
                     read;
    struct nw_message *original = make(), *m = nw_message_derive(original), *again;
    int64_t number;

    cr_assert_eq(nw_letter_write(m, &said), 0);
    again = stored(m);
    cr_assert_eq(nw_letter_read(again, &read), 0);
    cr_expect(is(read.reason, "why"));
    cr_expect(is(read.part, "3"));
    cr_expect(is(read.target, "1 http 00"));
    cr_expect_null(read.truncated.data);
    cr_expect(is(again->address, "/hooks/a b"));
    cr_expect(is(again->origin, "http:1"));
    cr_expect(nw_message_number(again, NW_META_OFFSET, &number) && number == -7);
    cr_expect(nw_message_number(again, NW_META_RETAINED, &number) && number == 1);
    cr_expect_not(nw_message_number(again, NW_META_PARTITION, &number));
    cr_expect(is(nw_message_text(again, NW_META_METHOD), "POST"));
    cr_expect(is(nw_headers_find(&again->params, NW_LITERAL("Repo")), "a b"));
    cr_assert_eq(again->queries.count, 3);
    cr_expect(is(again->queries.items[0].value, "1"));
    cr_expect(is(again->queries.items[1].value, "2"));
    cr_expect(is(again->queries.items[2].value, ""));
    cr_assert_eq(again->headers.count, 3);
    cr_expect(is(again->headers.items[0].value, "1"));
    cr_expect(is(again->headers.items[1].name, "nats-rollup"));
    cr_expect(is(again->headers.items[2].value, "2"));
    nw_message_unref(again);
    nw_message_unref(m);
    nw_message_unref(original);
}
