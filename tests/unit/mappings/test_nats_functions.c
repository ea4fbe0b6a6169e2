/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "mappings/nats_functions.h"

Test(nats_functions, partitions_are_fnv_1a)
{
    /* The published values of 32-bit FNV-1a. */
    static const struct {
        const char *text;
        uint32_t hash;
    } rows[] = {{"", 0x811c9dc5}, {"a", 0xe40c292c}, {"b", 0xe70c2de5}, {"foobar", 0xbf9cf968}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cr_expect_eq(nw_partition_hash(NW_PARTITION_START, nw_slice_text(rows[i].text)),
                     rows[i].hash, "%s", rows[i].text);
    }
    cr_expect_eq(nw_partition_hash(nw_partition_hash(NW_PARTITION_START, NW_LITERAL("foo")),
                                   NW_LITERAL("bar")),
                 0xbf9cf968);
}

Test(nats_functions, tokens_are_cut_as_nats_server_cuts_them)
{
    static const struct {
        enum nw_cut how;
        const char *token, *delimiter;
        size_t n;
        const char *pieces; /* with dots between */
    } rows[] = {
        {NW_CUT_SPLIT, "a-b-c", "-", 0, "a.b.c"},
        {NW_CUT_SPLIT, "-a--b-", "-", 0, "a.b"},
        {NW_CUT_SPLIT, "abc", "-", 0, "abc"},
        {NW_CUT_SPLIT, "-", "-", 0, ""},
        {NW_CUT_SPLIT, "a--b-c", "--", 0, "a.b-c"},
        {NW_CUT_SPLIT, "a\xc3\xa9", "", 0, "a.\xc3\xa9"},
        {NW_CUT_SPLIT, "\xff\xfe", "", 0, "\xff.\xfe"},
        {NW_CUT_SPLIT_FROM_LEFT, "12345", "", 3, "123.45"},
        {NW_CUT_SPLIT_FROM_LEFT, "12345", "", 0, "12345"},
        {NW_CUT_SPLIT_FROM_LEFT, "12345", "", 5, "12345"},
        {NW_CUT_SPLIT_FROM_LEFT, "12345", "", 6, "12345"},
        {NW_CUT_SPLIT_FROM_RIGHT, "12345", "", 3, "12.345"},
        {NW_CUT_SPLIT_FROM_RIGHT, "12345", "", 0, "12345"},
        {NW_CUT_SPLIT_FROM_RIGHT, "12345", "", 6, "12345"},
        {NW_CUT_SLICE_FROM_LEFT, "1234567890", "", 3, "123.456.789.0"},
        {NW_CUT_SLICE_FROM_LEFT, "123456", "", 3, "123.456"},
        {NW_CUT_SLICE_FROM_LEFT, "123", "", 3, "123"},
        {NW_CUT_SLICE_FROM_LEFT, "123", "", 0, "123"},
        {NW_CUT_SLICE_FROM_RIGHT, "1234567890", "", 3, "1.234.567.890"},
        {NW_CUT_SLICE_FROM_RIGHT, "123456", "", 3, "123.456"},
        {NW_CUT_SLICE_FROM_RIGHT, "12", "", 3, "12"},
        {NW_CUT_LEFT, "12345", "", 2, "12"},
        {NW_CUT_LEFT, "12345", "", 5, "12345"},
        {NW_CUT_LEFT, "12345", "", 9, "12345"},
        {NW_CUT_LEFT, "12345", "", 0, "12345"},
        {NW_CUT_RIGHT, "12345", "", 2, "45"},
        {NW_CUT_RIGHT, "12345", "", 9, "12345"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nw_message *m = nw_message_make();
        const struct nw_slice *pieces;
        size_t count, at = 0;
        char joined[64];
        cr_assert_eq(nw_cut(rows[i].how, nw_slice_text(rows[i].token),
                            nw_slice_text(rows[i].delimiter), rows[i].n, m, &pieces, &count),
                     0);
        for (size_t k = 0; k < count; k++) {
            if (k > 0) {
                joined[at++] = '.';
            }
            memcpy(joined + at, pieces[k].data, pieces[k].len);
            at += pieces[k].len;
        }
        joined[at] = '\0';
        cr_expect_str_eq(joined, rows[i].pieces, "%zu", i);
        nw_message_unref(m);
    }
}
