/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "mappings/json_path.h"

static int read(const char *path, struct nw_slice json, struct nw_message *m, struct nw_slice *out,
                struct nw_error *error)
{
    struct nw_json_path *p = NULL;
    int rc = nw_json_path_compile(nw_slice_text(path), &p, error);

    cr_assert_eq(rc, 0, "%s: %s", path, error->text);
    rc = nw_json_path_read(p, json, m, out, error);
    nw_json_path_free(p);
    return rc;
}

Test(json_path, finds_a_value)
{
    static const struct {
        const char *path, *json, *value; /* NULL: none */
    } rows[] = {
        {".a", "{\"a\":1}", "1"},
        {".a.b", " { \"a\" : { \"b\" : \"x\" } } ", "x"},
        {".a.b", "{\"a\":{\"c\":{\"b\":1}},\"b\":2}", NULL},
        {".a", "{\"a\":1,\"a\":2}", "2"},
        {".a.b", "{\"a\":{\"b\":1},\"a\":{}}", NULL},
        {".a", "{\"a\":null}", NULL},
        {".a", "{\"a\":\"null\"}", "null"},
        {".a", "{\"a\":\"\"}", ""},
        {".a", "[1]", NULL},
        {".[1]", "[1,\"two\",3]", "two"},
        {".[3]", "[1,2,3]", NULL},
        {".a[1].b", "{\"a\":[{\"b\":1},{\"b\":true}]}", "true"},
        {".a[0][1]", "{\"a\":[[1,2]]}", "2"},
        {".", "12", "12"},
        {".", "\"x\"", "x"},
        {".", "{\"a\": [1, 2]}", "{\"a\": [1, 2]}"},
        {".a", "{\"a\":12345678901234567890.50}", "12345678901234567890.50"},
        {".a", "{\"a\":-1.5e+10}", "-1.5e+10"},
        {".\"a b\"", "{\"a b\":1}", "1"},
        {".[\"a.b\"].c", "{\"a.b\":{\"c\":1}}", "1"},
        {".a-b_c", "{\"a-b_c\":1}", "1"},
        {".\xc3\xa9", "{\"\xc3\xa9\":1}", "1"},
        {".\xc3\xa9", "{\"\\u00e9\":1}", "1"},
        {".a", "{\"\\u0061\":1}", "1"},
        {".a", "{\"a\":\"q\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "q\"\\/\b\f\n\r\t"},
        {".a", "{\"a\":\"\\u20ac\\ud83d\\ude00\"}", "\xe2\x82\xac\xf0\x9f\x98\x80"},
        {".a", "{}", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nw_message *m = nw_message_make();
        struct nw_error error = {.text = ""};
        struct nw_slice out;
        cr_assert_eq(read(rows[i].path, nw_slice_text(rows[i].json), m, &out, &error), 0, "%s: %s",
                     rows[i].json, error.text);
        cr_expect(nw_slice_equal(out, nw_slice_text(rows[i].value)), "%s of %s: %.*s", rows[i].path,
                  rows[i].json, (int)out.len, out.data);
        nw_message_unref(m);
    }
}

Test(json_path, a_tombstone_or_an_empty_payload_has_no_values)
{
    struct nw_message *m = nw_message_make();
    struct nw_slice out = NW_LITERAL("x");

    cr_expect_eq(read(".a", NW_ABSENT, m, &out, NULL), 0);
    cr_expect_null(out.data);
    out = NW_LITERAL("x");
    cr_expect_eq(read(".a", NW_LITERAL(""), m, &out, NULL), 0);
    cr_expect_null(out.data);
    nw_message_unref(m);
}

Test(json_path, the_whole_payload_must_be_json)
{
    static const char *const payloads[] = {" ",
                                           "{",
                                           "{\"a\":1",
                                           "{\"a\":1}x",
                                           "{\"a\" 1}",
                                           "{a:1}",
                                           "{\"a\":1,}",
                                           "[1,]",
                                           "[1 2]",
                                           "01",
                                           "1.",
                                           "1e",
                                           "-",
                                           "+1",
                                           ".5",
                                           "nul",
                                           "nan",
                                           "truee",
                                           "\"a",
                                           "\"\\x\"",
                                           "\"\\u12g4\"",
                                           "\"\\u12\"",
                                           "\"a\nb\"",
                                           "\"\\",
                                           "\xff",
                                           "\"\xff\"",
                                           "{\"a\":1} {}",
                                           "]",
                                           "{\"a\":}",
                                           "no json",
                                           "{\"a\":1}\v",
                                           "\"\\ud800\"",
                                           "\"\\udc00\"",
                                           "\"\\ud800\\ud800\"",
                                           "[\"\\ud83d\\u0041\"]"};

    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        struct nw_message *m = nw_message_make();
        struct nw_error error = {.text = ""};
        struct nw_slice out;
        cr_expect_eq(read(".a", nw_slice_text(payloads[i]), m, &out, &error), NW_EINVAL, "%s",
                     payloads[i]);
        cr_expect(strncmp(error.text, "not JSON: ", 10) == 0, "%s: %s", payloads[i], error.text);
        nw_message_unref(m);
    }
    cr_expect_eq(read(".a", (struct nw_slice){"\"\\\0\"", 4}, NULL, NULL, &(struct nw_error){0}),
                 NW_EINVAL);
}

Test(json_path, depth_is_limited)
{
    struct nw_message *m = nw_message_make();
    struct nw_error error = {.text = ""};
    struct nw_slice out;
    size_t deep = 1000000;
    char *text = malloc(deep);

    memset(text, '[', deep);
    cr_expect_eq(read(".a", (struct nw_slice){text, deep}, m, &out, &error), NW_EINVAL);
    cr_expect(strstr(error.text, "deeper than 128") != NULL, "%s", error.text);
    memset(text, '[', 128);
    memset(text + 128, ']', 128);
    cr_expect_eq(read(".a", (struct nw_slice){text, 256}, m, &out, &error), 0);
    free(text);
    nw_message_unref(m);
}

Test(json_path, mistakes_in_a_path_have_their_place)
{
    static const struct {
        const char *path;
        size_t at;
    } rows[] = {{"", 0},      {"a", 0},       {"..a", 1},      {".a.", 3},  {".a[", 3},
                {".a[x]", 3}, {".a[1", 4},    {".a[-1]", 3},   {".a b", 2}, {".\"a", 3},
                {".a|.b", 2}, {".[\"a\"", 5}, {".\"a\\n\"", 3}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nw_json_path *p = NULL;
        struct nw_error error = {0};
        cr_expect_eq(nw_json_path_compile(nw_slice_text(rows[i].path), &p, &error), NW_EINVAL, "%s",
                     rows[i].path);
        cr_expect_eq(error.at, rows[i].at, "%s: %zu", rows[i].path, error.at);
    }
}
