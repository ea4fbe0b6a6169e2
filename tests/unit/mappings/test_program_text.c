/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/slice.h"
#include "mappings/map.h"
#include "mappings/meta.h"
#include "mappings/program_text.h"

Test(program_text, tells_whether_the_payload_is_looked_at)
{
    static const struct {
        const char *text;
        bool payload;
    } rows[] = {
        {".", true},
        {".a", true},
        {"..", true},
        {".[0]", true},
        {".\"a b\"", true},
        {"length > 2", true},
        {"$meta.key", false},
        {"$meta.key == \"x.y\"", false},
        {"$meta.headers[\"X.Y\"] == \"a\" and $meta.qos == 1.5", false},
        {"$meta.headers[.name]", true},
        {"$meta[\"key\"] | test(\"^a\")", false},
        {"$meta.key | . == \"x\"", false},
        {"$meta.key | ascii_downcase | length > 2", false},
        {"$meta.key | .a, .b", true},
        {"$meta.key | ltrimstr(length)", true},
        {"$meta.key | select(. == \"x\")", true},
        {"select($meta.key == \"x\")", true},
        {"$meta.key as $k | .a", true},
        {"$meta.key | . as $k | 1", true},
        {"if $meta.key then 1 else null end", false},
        {"if $meta.key then .a else null end", true},
        {"$meta.key // \"x\"", false},
        {"$meta.key // .a", true},
        {"$meta.key?", false},
        {"($meta.key).x", false},
        {"{k: $meta.key, \"a.b\": 1}", false},
        {"{k: ($meta.param.id | tonumber)}", false},
        {"{id, k: $meta.key}", true},
        {"{k: $meta.key, id}", true},
        {"{(.a): 1}", true},
        {"[$meta.key, 1.5, .5]", false},
        {"\"key \\($meta.key) and text.\"", false},
        {"\"key \\(.key)\"", true},
        {"\"a\\(\"b\\($meta.key)\")c\"", false},
        {"\"a\\(\"b\\(.key)\")c\"", true},
        {"@base64 \"\\($meta.key)\"", true},
        {"$meta.key | @base64", false},
        {"def f: 1; f", true},
        {"reduce $meta.key as $x (0; . + 1)", true},
        {"true", false},
        {"not", true},
        {"$meta.key | not", false},
        {"empty", false},
        {"$meta.key |= .b", true},
        {"1 # .comment\n", false},
        {"$meta .key", false},
        {"[$meta.key | .[1:2]]", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nw_program_uses uses;
        cr_expect_eq(nw_program_text_check(rows[i].text, &uses, NULL), 0, "%s", rows[i].text);
        cr_expect_eq(uses.payload, rows[i].payload, "%s", rows[i].text);
    }
}

Test(program_text, tells_what_of_meta_is_looked_at)
{
    static const struct {
        const char *text, *first, *second;
        bool all;
    } rows[] = {
        {".a", NULL, NULL, false},
        {"$meta.key", "key", NULL, false},
        {"$meta.key + $meta[\"address\"]", "key", "address", false},
        {"$meta.\"key\"", "key", NULL, false},
        {"\"\\($meta.timestamp)\"", "timestamp", NULL, false},
        {". as $meta | $meta.unknown", NULL, NULL, true},
        {"$meta", NULL, NULL, true},
        {"$meta | .key", NULL, NULL, true},
        {"$meta[.a]", NULL, NULL, true},
        {"$meta[\"ke\\u0079\"]", NULL, NULL, true},
        {"$meta[\"key\" + .a]", NULL, NULL, true},
        {"$meta[\"head\" + \"ers\"]", NULL, NULL, true},
    };
    static const struct {
        const char *text, *why;
        size_t at;
    } wrong[] = {
        {"$meta.header", "$meta has no \"header\"; did you mean \"headers\"?", 6},
        {".a + $meta[\"kye\"]", "$meta has no \"kye\"; did you mean \"key\"?", 12},
        {"$meta.key + ($meta.\"key2\" | $meta)", "$meta has no \"key2\"; did you mean \"key\"?",
         20},
        {"\"\\($meta.nothing)\"",
         "$meta has no \"nothing\"; it has address, key, id, headers, header_values, param, query, "
         "timestamp, partition, offset, sequence, qos, retained, line, status, stream, method and "
         "remote",
         9},
        {".a | test(\"(\")",
         "\"(\" is no regular expression: end pattern with unmatched parenthesis", 10},
        {"[scan( \"a[\" )]", "\"a[\" is no regular expression: premature end of char-class", 7},
        {"split(\"\\\\\"; null)", "\"\\\" is no regular expression: end pattern at escape", 6},
        {"\"\\(.a | sub(\"+\"; .b; \"x\"))\"",
         "\"+\" is no regular expression: target of repeat operator is not specified", 12},
        {"test(\"a\"; \"gk\")",
         "\"a\" is no regular expression: its flags are letters of g, i, x, s, n, p and l", 5},
    };
    static const char *const right[] = {
        "test(\"a\"; \"gixsnpl\")",    "test(\"a(\\(.b)\")",          "split(\"(\")",
        "sub(\"a #(\"; \"b\"; \"x\")", "test(\"a #(\"; \"x\")",       "test(.re)",
        "{test: \"(\"} | .test",       "def test(f): f; test(\"(\")", "test([\"a\", \"g\"])"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nw_program_uses uses;
        uint32_t expected = rows[i].all ? NW_META_ALL : 0;
        expected |= rows[i].first == NULL ? 0 : nw_meta_bit(nw_slice_text(rows[i].first));
        expected |= rows[i].second == NULL ? 0 : nw_meta_bit(nw_slice_text(rows[i].second));
        cr_expect_eq(nw_program_text_check(rows[i].text, &uses, NULL), 0);
        cr_expect_eq(uses.meta, expected, "%s", rows[i].text);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct nw_program_uses uses;
        struct nw_error error;
        cr_expect_eq(nw_program_text_check(wrong[i].text, &uses, &error), NW_EINVAL);
        cr_expect_str_eq(error.text, wrong[i].why);
        cr_expect_eq(error.at, wrong[i].at, "%s: %zu", wrong[i].text, error.at);
    }
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        struct nw_program_uses uses;
        cr_expect_eq(nw_program_text_check(right[i], &uses, NULL), 0, "%s", right[i]);
    }
    cr_expect_neq(nw_meta_bit(NW_LITERAL("key")), 0);
    cr_expect_eq(nw_meta_bit(NW_LITERAL("kex")), 0);
}

Test(program_text, names_of_the_payload_may_be_those_of_refused_functions)
{
    static const char *const good[] = {".env",       ".a.input",      "{env: 1}",
                                       "{input}",    "{a: 1, debug}", "\"env\"",
                                       ".[\"env\"]", "$meta | .env",  ". as $env | $env",
                                       "# env\n.",   ".a?.halt",      "environment"};
    static const char *const bad[] = {"env",
                                      "env.PATH",
                                      "$ENV",
                                      "$ENV.PATH",
                                      ".a | input",
                                      "[inputs]",
                                      "{a: env}",
                                      "{a: (env)}",
                                      "{(env): 1}",
                                      "\"\\(env)\"",
                                      "\"a\\(\"b\\(env)\")\"",
                                      "import \"a\" as a; .",
                                      "include \"a\"; .",
                                      "debug",
                                      "stderr",
                                      "halt",
                                      "\"x\" | halt_error",
                                      "\"a\" | modulemeta",
                                      "input_filename",
                                      "[env]",
                                      "first(inputs)",
                                      "$__loc__ | env"};
    struct nw_program_uses uses;
    struct nw_error error;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_expect_eq(nw_program_text_check(good[i], &uses, &error), 0, "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_eq(nw_program_text_check(bad[i], &uses, &error), NW_EINVAL, "%s", bad[i]);
        cr_expect(strstr(error.text, "not allowed in a rule") != NULL, "%s", bad[i]);
    }
}

Test(program_text, what_is_no_program_does_no_harm)
{
    static const char *const texts[] = {"\"",     "\"\\(", "\"\\(\"", "\"\\", "((((",
                                        ")",      "}]",    "$",       "@",    "\\",
                                        "\"\\(a", "|",     ".\"",     "1e",   "\"\\()"};
    struct nw_program_uses uses;
    char deep[1000];

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cr_expect_eq(nw_program_text_check(texts[i], &uses, NULL), 0, "%s", texts[i]);
    }
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    cr_expect_eq(nw_program_text_check(deep, &uses, NULL), NW_EINVAL);
    for (size_t i = 0; i + 4 < sizeof deep; i += 3) {
        memcpy(deep + i, "\"\\(", 4);
    }
    cr_expect_eq(nw_program_text_check(deep, &uses, NULL), NW_EINVAL);
}

/* A program that is said not to look at the payload must give the same with any payload. */
Test(map, rules_on_meta_alone_take_payloads_of_any_kind)
{
    struct nw_mapper *mapper = nw_mapper_new();
    struct nw_message *m = nw_message_make();
    struct nw_program *p = NULL;
    struct nw_error error;

    nw_message_set_key(m, NW_LITERAL("x"));
    nw_message_set_payload(m, NW_LITERAL("\xff\xfe no json"));
    cr_assert_eq(nw_program_compile(NW_LITERAL("$meta.key == \"x\""), &p, &error), 0);
    cr_expect_eq(nw_mapper_test(mapper, p, m, &error), 1);
    nw_message_set_key(m, NW_LITERAL("y"));
    cr_expect_eq(nw_mapper_test(mapper, p, m, &error), 0);
    nw_program_free(p);
    cr_assert_eq(nw_program_compile(NW_LITERAL("$meta.key == .x"), &p, &error), 0);
    cr_expect_eq(nw_mapper_test(mapper, p, m, &error), NW_EINVAL);
    nw_program_free(p);
    nw_message_unref(m);
    nw_mapper_free(mapper);
}
