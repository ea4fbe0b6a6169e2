/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "connectors/kafka/kafka_stored.h"

#define SLICE(text) ((struct nw_slice){(text), strlen(text)})
#define ROOM 4000

static const char *stream = "ORDERS";

static void add(struct kafka_stored *s, uint64_t sequence)
{
    cr_assert_eq(nw_kafka_stored_add(s, SLICE(stream), sequence, (int64_t)(sequence * 10)), 0);
}

static bool has(const struct kafka_stored *s, uint64_t sequence)
{
    return nw_kafka_stored_has(s, SLICE(stream), sequence, (int64_t)(sequence * 10));
}

/* The same after it was text. */
static struct kafka_stored again(const struct kafka_stored *s, size_t *left)
{
    struct kafka_stored back = {0};
    char text[ROOM];
    size_t len = nw_kafka_stored_write(s, text, sizeof text, left);

    cr_assert_leq(len, sizeof text);
    cr_assert_eq(nw_kafka_stored_read(&back, text, len), 0, "%.*s", (int)len, text);
    return back;
}

Test(kafka_stored, only_what_was_put_in_is_in_it)
{
    struct kafka_stored s = {0};
    const uint64_t in[] = {1, 2, 3, 7, 9, 8, 20, 5};
    bool expected[32] = {false};

    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++) {
        add(&s, in[i]);
        add(&s, in[i]);
        expected[in[i]] = true;
        for (uint64_t n = 0; n < 32; n++) {
            cr_assert_eq(has(&s, n), expected[n], "%d after %d", (int)n, (int)in[i]);
        }
    }
    cr_assert_eq(nw_kafka_stored_highest(&s), 20);
    cr_assert_eq(s.count, 4 + 0, "1-3, 5, 7-9, 20");
    nw_kafka_stored_done(&s);
}

Test(kafka_stored, any_set_is_the_same_after_it_was_text)
{
    srand(1);
    for (int round = 0; round < 200; round++) {
        struct kafka_stored s = {0}, back;
        uint64_t most = 1 + (uint64_t)rand() % 2000, base = (uint64_t)rand() << (rand() % 30);
        size_t left;
        for (int i = 0; i < 400; i++) {
            add(&s, base + 1 + (uint64_t)rand() % most);
        }
        back = again(&s, &left);
        cr_assert_eq(left, 0);
        cr_assert_eq(back.count, s.count);
        cr_assert_eq(memcmp(back.runs, s.runs, s.count * sizeof *s.runs), 0);
        cr_assert_str_eq(back.stream, stream);
        cr_assert_eq(back.newest_ns, s.newest_ns);
        nw_kafka_stored_done(&s);
        nw_kafka_stored_done(&back);
    }
}

/* A filter that takes each tenth message: what has no room is the oldest. */
Test(kafka_stored, what_has_no_room_is_the_oldest)
{
    struct kafka_stored s = {0}, back;
    size_t left;

    for (uint64_t i = 1; i <= 10000; i++) {
        add(&s, i * 10);
    }
    back = again(&s, &left);
    cr_assert_gt(left, 0);
    cr_assert_eq(back.count + left, 10000);
    cr_assert_gt(back.count, 3800, "%zu", back.count);
    cr_assert(has(&back, 100000) && has(&back, 100000 - 38000));
    cr_assert(!has(&back, 10) && !has(&back, 99999));
    nw_kafka_stored_done(&s);
    nw_kafka_stored_done(&back);
}

Test(kafka_stored, millions_of_a_dense_stream_take_a_few_bytes)
{
    struct kafka_stored s = {0};
    char text[ROOM];
    size_t left;

    for (uint64_t i = 1; i <= 3000000; i++) {
        add(&s, i);
    }
    cr_assert_lt(nw_kafka_stored_write(&s, text, sizeof text, &left), 60);
    nw_kafka_stored_done(&s);
}

Test(kafka_stored, another_stream_begins_anew)
{
    struct kafka_stored s = {0};

    add(&s, 5);
    cr_assert(!nw_kafka_stored_has(&s, SLICE("OTHER"), 5, 50));
    cr_assert_eq(nw_kafka_stored_add(&s, SLICE("OTHER"), 3, 30), 0);
    cr_assert(nw_kafka_stored_has(&s, SLICE("OTHER"), 3, 30));
    cr_assert(!has(&s, 5));
    nw_kafka_stored_done(&s);
}

Test(kafka_stored, a_stream_made_anew_under_its_name_begins_anew)
{
    struct kafka_stored s = {0};

    for (uint64_t i = 1; i <= 100; i++) {
        add(&s, i);
    }
    cr_assert(!nw_kafka_stored_has(&s, SLICE(stream), 1, 1001), "it is newer than number 100");
    cr_assert_eq(nw_kafka_stored_add(&s, SLICE(stream), 1, 1001), 0);
    cr_assert(nw_kafka_stored_has(&s, SLICE(stream), 1, 1001));
    cr_assert(!has(&s, 100));
    nw_kafka_stored_done(&s);
}

Test(kafka_stored, what_is_no_such_text_is_refused)
{
    const char *texts[] = {"",
                           "ORDERS",
                           "ORDERS 5",
                           "ORDERS x 5 A",
                           "ORDERS 5 5",
                           "ORDERS 5 5 B!",
                           "ORDERS 5 5 ",
                           "ORDERS 5 5 BG",
                           "ORDERS 5 5 Bz",
                           "ORDERS 5 5 AAAAAAAA"};
    struct kafka_stored s = {0};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bool empty = strcmp(texts[i], "ORDERS 5 5 ") == 0;
        int rc = nw_kafka_stored_read(&s, texts[i], strlen(texts[i]));
        cr_expect_eq(rc, empty ? 0 : NW_EINVAL, "%s", texts[i]);
        cr_expect_eq(s.count, 0, "%s", texts[i]);
    }
    nw_kafka_stored_done(&s);
}
