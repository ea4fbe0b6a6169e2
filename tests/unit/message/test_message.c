/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdint.h>

#include "message/message.h"

static int released;

static void count_release(void *owner)
{
    released += *(int *)owner;
}

Test(message, a_new_one_is_empty_and_of_this_moment)
{
    int64_t before = nw_clock_real_ns(), number = 77;
    struct nw_message *m = nw_message_make();

    cr_assert_not_null(m);
    cr_expect_null(nw_message_address(m).data);
    cr_expect_null(nw_message_key(m).data);
    cr_expect_null(nw_message_payload(m).data);
    cr_expect_null(nw_message_origin(m).data);
    cr_expect_null(nw_message_id(m).data);
    cr_expect_null(nw_message_text(m, NW_META_STREAM).data);
    cr_expect_not(nw_message_number(m, NW_META_OFFSET, &number));
    cr_expect_eq(number, 77);
    cr_expect_eq(nw_message_header_count(m), 0);
    cr_expect_eq(nw_message_deadline(m), 0);
    cr_expect_geq(nw_message_timestamp(m), before);
    cr_expect_leq(nw_message_timestamp(m), nw_clock_real_ns());
    nw_message_unref(m);
}

Test(message, keeps_what_is_set)
{
    struct nw_message *m = nw_message_make();
    int64_t number;

    nw_message_set_address(m, NW_LITERAL("a.b"));
    nw_message_set_key(m, NW_LITERAL(""));
    nw_message_set_payload(m, NW_LITERAL("{}"));
    nw_message_set_number(m, NW_META_PARTITION, 3);
    nw_message_set_number(m, NW_META_STATUS, -1);
    nw_message_set_number(m, NW_META_STREAM, 9); /* a text: ignored */
    nw_message_set_text(m, NW_META_REMOTE, NW_LITERAL("10.0.0.1"));
    nw_message_set_text(m, NW_META_LINE, NW_LITERAL("x")); /* a number: ignored */
    nw_message_set_timestamp(m, 42);
    nw_message_set_deadline(m, 43);
    nw_message_set_cookie(m, 44);
    nw_message_set_origin(m, NW_LITERAL("kafka:t/3/1"));

    cr_expect(nw_slice_equal(nw_message_address(m), NW_LITERAL("a.b")));
    cr_expect(nw_slice_equal(nw_message_key(m), NW_LITERAL("")));
    cr_expect_not_null(nw_message_key(m).data, "an empty key is not an absent one");
    cr_expect(nw_slice_equal(nw_message_payload(m), NW_LITERAL("{}")));
    cr_expect(nw_message_number(m, NW_META_PARTITION, &number) && number == 3);
    cr_expect(nw_message_number(m, NW_META_STATUS, &number) && number == -1);
    cr_expect_not(nw_message_number(m, NW_META_STREAM, &number));
    cr_expect(nw_slice_equal(nw_message_text(m, NW_META_REMOTE), NW_LITERAL("10.0.0.1")));
    cr_expect_eq(nw_message_timestamp(m), 42);
    cr_expect_eq(nw_message_deadline(m), 43);
    cr_expect_eq(nw_message_cookie(m), 44);
    cr_expect(nw_slice_equal(nw_message_id(m), NW_LITERAL("kafka:t/3/1")));
    m->id = NW_LITERAL("kafka:t/3/1:r:0");
    cr_expect(nw_slice_equal(nw_message_id(m), NW_LITERAL("kafka:t/3/1:r:0")));
    nw_message_unref(m);
}

Test(message, values_are_found_by_slot)
{
    struct nw_message *m = nw_message_make();

    m->values = nw_message_alloc(m, 2 * sizeof *m->values);
    m->value_count = 2;
    m->values[0] = NW_LITERAL("one");
    m->values[1] = NW_LITERAL("two");
    cr_expect_null(nw_message_value(m, 0).data);
    cr_expect(nw_slice_equal(nw_message_value(m, 2), NW_LITERAL("two")));
    cr_expect_null(nw_message_value(m, 3).data);
    nw_message_unref(m);
}

Test(message, release_runs_once_when_the_last_owner_lets_go)
{
    int one = 1;
    struct nw_message *m = nw_message_make();
    struct nw_message *out;
    size_t alive = nw_message_alive();

    nw_message_set_release(m, count_release, &one);
    out = nw_message_derive(m);
    nw_message_ref(m);
    nw_message_unref(m);
    nw_message_unref(m);
    cr_expect_eq(released, 0, "the outgoing message still borrows the original's bytes");
    nw_message_unref(out);
    cr_expect_eq(released, 1);
    cr_expect_eq(nw_message_alive(), alive - 1);
    nw_message_unref(NULL);
}

Test(message, memory_of_any_size_is_aligned_and_apart)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 300, 500, 513, 2048, 2049, 100000};
    enum { COUNT = 400 };
    struct nw_message *m = nw_message_make();
    unsigned char *blocks[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        size_t size = sizes[i % (sizeof sizes / sizeof sizes[0])];
        blocks[i] = nw_message_alloc(m, size);
        cr_assert_not_null(blocks[i]);
        cr_expect_eq((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)(i % 251), size);
    }
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = sizes[i % (sizeof sizes / sizeof sizes[0])];
        for (size_t k = 0; k < size; k++) {
            cr_assert_eq(blocks[i][k], i % 251, "block %zu, byte %zu", i, k);
        }
    }
    cr_expect_null(nw_message_alloc(m, SIZE_MAX));
    cr_expect_null(nw_message_alloc(m, SIZE_MAX - 8));
    nw_message_unref(m);
}

Test(message, copies_keep_empty_and_absent_apart)
{
    struct nw_message *m = nw_message_make();
    char text[] = "abc";
    struct nw_slice copy = nw_message_copy(m, text, 3);

    text[0] = 'x';
    cr_expect(nw_slice_equal(copy, NW_LITERAL("abc")));
    cr_expect_not_null(nw_message_copy(m, "", 0).data);
    cr_expect_eq(nw_message_copy(m, "", 0).len, 0);
    cr_expect_null(nw_message_copy(m, NULL, 0).data);
    nw_message_unref(m);
}

Test(message, the_end_of_the_last_bytes_can_be_given_back)
{
    static const size_t sizes[] = {100, 400, 1000};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct nw_message *m = nw_message_make();
        char *first = nw_message_bytes(m, sizes[i]), *second;
        memset(first, 'a', 3);
        nw_message_trim(m, first, sizes[i], 3);
        second = nw_message_bytes(m, 50);
        memset(second, 'b', 50);
        nw_message_trim(m, first, 3, 0); /* not the last any more: nothing happens */
        memset(nw_message_bytes(m, 50), 'c', 50);
        cr_expect(memcmp(first, "aaa", 3) == 0);
        cr_expect(second[0] == 'b' && second[49] == 'b');
        nw_message_unref(m);
    }
}

Test(message, size_counts_all_that_is_carried)
{
    struct nw_message *m = nw_message_make();

    cr_expect_eq(nw_message_size(m), 0);
    nw_message_set_address(m, NW_LITERAL("12"));
    nw_message_set_key(m, NW_LITERAL("345"));
    nw_message_set_payload(m, NW_LITERAL("6789"));
    cr_assert_eq(nw_message_add_header(m, NW_LITERAL("N"), NW_LITERAL("ab")), 0);
    cr_assert_eq(nw_message_add_header(m, NW_LITERAL("M"), NW_LITERAL("")), 0);
    cr_expect_eq(nw_message_size(m), 13);
    nw_message_unref(m);
}
