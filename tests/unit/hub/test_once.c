/* SPDX-License-Identifier: Apache-2.0 */
/* The bookkeeping of checkpoints: names, tracks, histories, records, sets. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "hub/once_name.h"
#include "hub/once_record.h"
#include "hub/once_set.h"
#include "hub/once_track.h"

/* ---- names ---- */

Test(once_name, reads_origins_and_ids)
{
    static const struct {
        const char *origin, *id, *partition;
        int64_t offset;
        uint32_t target, part;
    } cases[] = {
        {"kafka:orders/3/1234", "kafka:orders/3/1234|in.0.0", "kafka:orders/3", 1234, 0, 0},
        {"kafka:a.b-c/0/0", "kafka:a.b-c/0/0|r.with.dots.2.17", "kafka:a.b-c/0", 0, 2, 17},
        {"kafka:t/1/9", "given", "kafka:t/1", 9, 0, 0},
        {"kafka:t/1/9", "given|.1.4", "kafka:t/1", 9, 1, 4},
        {"kafka:t/1/9", "1.2.3", "kafka:t/1", 9, 0, 0},
        {"kafka:t/1/9", NULL, "kafka:t/1", 9, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_once_name name;
        cr_assert(
            nw_once_name_read(nw_slice_text(cases[i].origin), nw_slice_text(cases[i].id), &name));
        cr_expect(nw_slice_equal(name.partition, nw_slice_text(cases[i].partition)));
        cr_expect_eq(name.offset, cases[i].offset);
        cr_expect_eq(name.target, cases[i].target, "case %zu", i);
        cr_expect_eq(name.part, cases[i].part, "case %zu", i);
    }
}

Test(once_name, takes_nothing_else_for_an_origin)
{
    static const char *const origins[] = {
        NULL, "",    "kafka:t/1/", "kafka:t/1/x", "kafka:t/x/1",
        "12", "/12", "12/12",      "kafka:t",     "kafka:t/1/1234567890123456789",
    };
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        struct nw_once_name name;
        cr_expect_not(nw_once_name_read(nw_slice_text(origins[i]), NW_ABSENT, &name), "%s",
                      origins[i]);
    }
}

Test(once_name, keys_are_one_token_for_each_part)
{
    struct nw_buffer b = {0};
    nw_once_name_key(&b, "my bridge", "in.x", "1", NW_LITERAL("kafka:a..b/12"));
    cr_expect_str_eq(nw_buffer_text(&b), "my=20bridge.in=2Ex.1.kafka.a=2E=2Eb.12");
    nw_buffer_clear(&b);
    nw_once_name_keys(&b, "my bridge", "in.x");
    cr_expect_str_eq(nw_buffer_text(&b), "my=20bridge.in=2Ex.>");
    nw_buffer_done(&b);
}

Test(once_name, filters_take_all_that_an_address_becomes)
{
    static const char *const cases[][2] = {
        {"in.x", "in.x"}, {"in.{{partition}}", "in.>"}, {"in.a{{x}}.b", "in.>"}, {"{{topic}}", ""},
        {"in{{x}}", ""},  {"a.b.$1", "a.b.>"},          {"a.b{{$x}}.c", "a.>"},  {"", ""},
        {NULL, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_buffer b = {0};
        nw_once_name_filter(&b, cases[i][0]);
        cr_expect_str_eq(nw_buffer_text(&b), cases[i][1]);
        nw_buffer_done(&b);
    }
}

/* ---- tracks ---- */

static uint64_t add(struct nw_once_track *t, int64_t offset, uint32_t part, uint64_t floor)
{
    uint64_t index;
    cr_assert_eq(nw_once_track_add(t, offset, part, floor, 1, &index), 0);
    return index;
}

static void expect_point(const struct nw_once_track *t, uint64_t last, int64_t position,
                         uint64_t sequence)
{
    struct nw_once_point point = nw_once_track_point(t, last);
    cr_expect_eq(point.position, position, "position %lld, not %lld", (long long)point.position,
                 (long long)position);
    cr_expect_eq(point.sequence, sequence, "sequence %llu, not %llu",
                 (unsigned long long)point.sequence, (unsigned long long)sequence);
}

Test(once_track, the_point_is_that_of_the_first_that_is_not_finished)
{
    struct nw_once_track t = {0};
    nw_once_track_restart(&t, 10);
    expect_point(&t, 100, 10, 100);
    uint64_t a = add(&t, 10, 0, 100), b = add(&t, 12, 0, 100), c = add(&t, 13, 0, 105);
    expect_point(&t, 110, 10, 100);
    nw_once_track_finish(&t, c);
    expect_point(&t, 110, 10, 100);
    nw_once_track_finish(&t, a);
    expect_point(&t, 110, 12, 100);
    nw_once_track_finish(&t, b);
    expect_point(&t, 110, 14, 110);
    cr_expect(nw_once_track_all_finished(&t));
    nw_once_track_done(&t);
}

Test(once_track, what_was_refused_is_not_passed_by_those_behind_it)
{
    struct nw_once_track t = {0};
    nw_once_track_restart(&t, 0);
    uint64_t refused = add(&t, 0, 0, 7);
    for (int64_t i = 1; i < 1000; i++) {
        nw_once_track_finish(&t, add(&t, i, 0, 7 + (uint64_t)i));
    }
    expect_point(&t, 2000, 0, 7);
    cr_expect_eq(nw_once_track_at(&t, refused)->floor, 7);
    nw_once_track_finish(&t, refused);
    expect_point(&t, 2000, 1000, 2000);
    cr_expect_null(nw_once_track_at(&t, refused));
    nw_once_track_done(&t);
}

Test(once_track, parts_of_a_split_count_together)
{
    struct nw_once_track t = {0};
    nw_once_track_restart(&t, 5);
    uint64_t first = add(&t, 5, 0, 50);
    nw_once_track_finish(&t, first);
    /* It may be stored at 51: with another part under way nobody may read from there only. */
    uint64_t second = add(&t, 5, 1, 51), other = add(&t, 6, 0, 51);
    expect_point(&t, 60, 5, 50);
    nw_once_track_finish(&t, other);
    expect_point(&t, 60, 5, 50);
    nw_once_track_finish(&t, second);
    expect_point(&t, 60, 7, 60);
    nw_once_track_done(&t);
}

Test(once_track, knows_what_comes_back)
{
    struct nw_once_track t = {0};
    nw_once_track_restart(&t, 5);
    cr_expect_not(nw_once_track_came_back(&t, 0, 0));
    add(&t, 5, 1, 0);
    cr_expect(nw_once_track_came_back(&t, 4, 9));
    cr_expect(nw_once_track_came_back(&t, 5, 0));
    cr_expect(nw_once_track_came_back(&t, 5, 1));
    cr_expect_not(nw_once_track_came_back(&t, 5, 2));
    cr_expect_not(nw_once_track_came_back(&t, 6, 0));
    nw_once_track_restart(&t, 5);
    expect_point(&t, 9, 5, 9);
    nw_once_track_done(&t);
}

Test(once_track, floors_can_be_lowered)
{
    struct nw_once_track t = {0};
    nw_once_track_restart(&t, 0);
    uint64_t a = add(&t, 0, 0, 10), b = add(&t, 1, 0, 20);
    nw_once_track_lower(&t, 15);
    expect_point(&t, 30, 0, 10);
    nw_once_track_finish(&t, a);
    expect_point(&t, 30, 1, 15);
    nw_once_track_finish(&t, b);
    nw_once_track_done(&t);
}

/* A message that was given up without a word is never finished; it must not keep all behind it. */
Test(once_track, is_bounded)
{
    struct nw_once_track t = {0};
    nw_once_track_restart(&t, 0);
    uint64_t lost = add(&t, 0, 0, 0);
    for (size_t i = 1; i <= NW_ONCE_ENTRIES_MOST; i++) {
        nw_once_track_finish(&t, add(&t, (int64_t)i, 0, i));
    }
    cr_expect_leq(t.capacity, NW_ONCE_ENTRIES_MOST);
    cr_expect_null(nw_once_track_at(&t, lost));
    nw_once_track_finish(&t, lost); /* too late: nothing happens */
    expect_point(&t, 1, (int64_t)NW_ONCE_ENTRIES_MOST + 1, 1);
    nw_once_track_done(&t);
}

/* Whatever is finished in whatever order: what is stored from the position on is stored behind the
 * sequence. */
Test(once_track, points_are_true)
{
    enum { N = 3000, WINDOW = 40 };
    static int64_t offset[N];
    static uint64_t index[N], at[N]; /* at: 0, or the sequence it was stored at */
    static bool done[N];
    struct nw_once_track t = {0};
    uint64_t last = 0, known = 0;
    unsigned random = 12345, oldest = 0;

    nw_once_track_restart(&t, 0);
    for (unsigned sent = 0; oldest < N;) {
        random = random * 1103515245u + 12345u;
        unsigned pick = oldest + (random >> 16) % WINDOW;
        if (sent < N && (pick >= sent || done[pick])) {
            bool is_part = sent > 0 && (random >> 20) % 4 == 0;
            offset[sent] = sent == 0 ? 0 : offset[sent - 1] + (is_part ? 0 : 1 + random % 3);
            index[sent] = add(&t, offset[sent], is_part, known);
            sent += sent < oldest + WINDOW ? 1 : 0;
            if ((random >> 22) % 2 == 0) {
                at[sent - 1] = ++last; /* at once, and its answer comes later */
            }
        } else if (pick < sent && !done[pick]) {
            at[pick] = at[pick] == 0 && (random >> 24) % 8 != 0 ? ++last : at[pick];
            known = at[pick] > known ? at[pick] : known;
            done[pick] = true;
            nw_once_track_finish(&t, index[pick]);
        }
        while (oldest < sent && done[oldest]) {
            oldest++;
        }
        struct nw_once_point point = nw_once_track_point(&t, known);
        for (unsigned i = oldest > WINDOW ? oldest - WINDOW : 0; i < sent; i++) {
            cr_assert(at[i] == 0 || offset[i] < point.position || at[i] > point.sequence,
                      "message %u at offset %lld is stored at %llu, the point is (%lld, %llu)", i,
                      (long long)offset[i], (unsigned long long)at[i], (long long)point.position,
                      (unsigned long long)point.sequence);
        }
    }
    nw_once_track_done(&t);
}

/* ---- histories and records ---- */

Test(once_record, keeps_points_of_every_age)
{
    struct nw_once_history h = {0};
    uint64_t sequence;
    for (int64_t i = 0; i < 4000; i++) {
        nw_once_history_add(&h, (struct nw_once_point){i * 10, (uint64_t)i});
        cr_assert_leq(h.count, NW_ONCE_POINTS);
        for (int64_t age = 0; age <= i; age = age * 2 + 1) {
            cr_assert(nw_once_history_find(&h, (i - age) * 10, &sequence) || age > i / 2,
                      "nothing of age %lld at %lld", (long long)age, (long long)i);
            cr_assert(age > i / 2 || (int64_t)sequence >= i - age * 2 - 4,
                      "of age %lld there is %llu at %lld", (long long)age,
                      (unsigned long long)sequence, (long long)i);
        }
    }
}

Test(once_record, finds_the_newest_point_that_is_not_above)
{
    struct nw_once_history h = {0};
    uint64_t sequence = 99;
    nw_once_history_add(&h, (struct nw_once_point){100, 1});
    nw_once_history_add(&h, (struct nw_once_point){200, 2});
    nw_once_history_add(&h, (struct nw_once_point){200, 5});
    nw_once_history_add(&h, (struct nw_once_point){150, 9}); /* not taken */
    cr_expect_not(nw_once_history_find(&h, 99, &sequence));
    cr_expect(nw_once_history_find(&h, 199, &sequence));
    cr_expect_eq(sequence, 1);
    cr_expect(nw_once_history_find(&h, 200, &sequence));
    cr_expect_eq(sequence, 5);
    nw_once_history_cut(&h, 199);
    cr_expect(nw_once_history_find(&h, 300, &sequence));
    cr_expect_eq(sequence, 1);
}

Test(once_record, is_read_as_it_was_written)
{
    struct nw_once_stream stream = {"IN", "2026-01-01T00:00:00.123456789Z"}, other = stream;
    struct nw_once_history h = {0}, again;
    struct nw_buffer b = {0};
    for (int64_t i = 0; i < 100; i++) {
        nw_once_history_add(&h, (struct nw_once_point){i, (uint64_t)i * 3});
    }
    nw_once_record_write(&b, &stream, &h);
    cr_assert(nw_once_record_read(nw_buffer_slice(&b), &stream, &again));
    cr_expect_eq(again.count, h.count);
    cr_expect_eq(again.made, h.made);
    cr_expect_arr_eq(again.numbers, h.numbers, h.count * sizeof h.numbers[0]);
    cr_expect_arr_eq(again.points, h.points, h.count * sizeof h.points[0]);
    other.created[3] = '7'; /* made again */
    cr_expect_not(nw_once_record_read(nw_buffer_slice(&b), &other, &again));
    cr_expect_eq(again.count, 0);
    nw_buffer_done(&b);
}

Test(once_record, takes_nothing_that_is_wrong)
{
    static const char *const records[] = {
        "",
        "{",
        "[]",
        "{\"stream\":\"S\",\"created\":\"C\"}",
        "{\"stream\":\"S\",\"created\":\"C\",\"points\":[1]}",
        "{\"stream\":\"S\",\"created\":\"C\",\"points\":[[1,2]]}",
        "{\"stream\":\"S\",\"created\":\"C\",\"points\":[[1,-2,3]]}",
        "{\"stream\":\"S\",\"created\":\"C\",\"points\":[[1,2,1e300]]}",
        "{\"stream\":\"S\",\"created\":\"C\",\"points\":[[1,2,3],[1,3,4]]}",
        "{\"stream\":\"S\",\"created\":\"C\",\"points\":[[1,2,3],[2,2,4]]}",
        "{\"stream\":\"S\",\"created\":1,\"points\":[[1,2,3]]}",
        "{\"stream\":\"T\",\"created\":\"C\",\"points\":[[1,2,3]]}",
    };
    struct nw_once_stream stream = {"S", "C"};
    struct nw_once_history h;
    cr_assert(nw_once_record_read(
        NW_LITERAL("{\"stream\":\"S\",\"created\":\"C\",\"points\":[[1,2,3]]}"), &stream, &h));
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        cr_expect_not(nw_once_record_read(nw_slice_text(records[i]), &stream, &h), "%s",
                      records[i]);
        cr_expect_eq(h.count, 0);
    }
}

/* ---- sets ---- */

Test(once_set, has_what_was_added)
{
    struct nw_once_set set = {0};
    cr_expect_not(nw_once_set_has(&set, 0, 1));
    for (int64_t i = 0; i < 50000; i++) {
        cr_assert_eq(nw_once_set_add(&set, i, (uint64_t)i * 0x9e3779b97f4a7c15u), 0);
        cr_assert_eq(nw_once_set_add(&set, i, (uint64_t)i * 0x9e3779b97f4a7c15u), 0);
    }
    cr_expect_eq(set.count, 50000);
    for (int64_t i = 0; i < 50000; i++) {
        cr_assert(nw_once_set_has(&set, i, (uint64_t)i * 0x9e3779b97f4a7c15u));
        cr_assert_not(nw_once_set_has(&set, i + 1, (uint64_t)i * 0x9e3779b97f4a7c15u));
    }
    nw_once_set_clear(&set);
    cr_expect_not(nw_once_set_has(&set, 5, 5 * 0x9e3779b97f4a7c15u));
}
