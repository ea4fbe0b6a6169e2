/* SPDX-License-Identifier: Apache-2.0 */
/* Rules beside libjq: whatever a rule decides, libjq must say the same, byte for byte. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "mappings/program.h"
#include "tests/support/leaks.h"

/* Programs that rules must run. */
static const char *const programs[] = {
    ".",
    ".a",
    ".a.b",
    ".a.b.c",
    ".a?",
    ".a.b?",
    ".\"a\"",
    ".[\"a\"]",
    ".a[\"b\"]",
    ".\"a b\"",
    ".[0]",
    ".[-1]",
    ".a[1]",
    ".a[0].b",
    ".[5]?",
    ".n > 3",
    ".n >= 3",
    ".n < 3",
    ".n <= 3",
    ".n == 3",
    ".n != 3",
    ".a == .b",
    ".a < .b",
    ".s == \"x\"",
    ".s < \"y\"",
    ".s == null",
    ".t == true",
    ".a == \"\\u00e9\"",
    ".n > 3 and .s == \"x\"",
    ".n > 3 or .s == \"x\"",
    ".t and .u or .s",
    ".t | not",
    "(.t | not) and .u",
    ".a and (.b or .c)",
    "{a: .a, b: .s}",
    "{a, s}",
    "{\"a\", \"b c\": .s}",
    "{a: {b: {c: .n}}}",
    "{(.s // \"none\"): 1}",
    "{\"k\\(.n)\": .a}",
    "{a: .a | length, b: 1}",
    "{a: 1, a: 2, b: 3, a: .n}",
    "{}",
    "[]",
    "[.a, .s]",
    "[.a, .s, 1, null, \"x\"]",
    "{list: [.a, .n]}",
    "[.a | .b?, .c?]",
    ".a // \"default\"",
    ".a // .b // .c // 0",
    ".a.b // null",
    "(.a // 1) + 2",
    "{a: (.a // 0)}",
    ".n | tostring",
    ".a | tostring",
    ". | tostring",
    ".s | tonumber",
    ".n | tonumber",
    "length",
    ".a | length",
    ".s | length",
    "has(\"a\")",
    "has(\"b c\")",
    ".a | has(\"b\")",
    ".s | test(\"^x\")",
    ".s | test(\"[0-9]+$\")",
    ".s | test(\"\\\\d+\\\\.\\\\d\")",
    "\"\\(.s)-\\(.n)\"",
    "\"a \\(.a) b \\(.t) c\"",
    "\"plain\"",
    "\"tab\\t quote\\\" \\u00e9 \\ud83d\\ude00\"",
    "\"\\(\"in \\(.n) in\") out\"",
    ".n + 1",
    ".n - 1",
    ".n * 2",
    ".n / 4",
    "1 + 2 * 3 - 4 / 8",
    ".n * 1.8 + 32",
    ".s + \"!\"",
    "\"<\" + .s + \">\"",
    ".a + .b",
    ". + {z: 1}",
    "{z: 1} + .",
    ". + {a: null, y: {x: 1}}",
    "[1] + [.n]",
    "null + .n",
    "-1",
    "[-1, 1 - 2, .n - -1]",
    "0.1 + 0.2",
    "1e3",
    ".5",
    "1.50",
    "100000000000000",
    "if .n > 3 then \"high\" else \"low\" end",
    "if .t then .a elif .u then .b else .s end",
    "if .a then . else {a: 1} end",
    "select(.n > 3)",
    "select(.s == \"x\") | .a",
    "empty",
    "{a: (.a | select(. != null))}",
    "\"\\(empty)x\"",
    "type",
    ".a | type",
    ".n | floor",
    ".s | startswith(\"x\")",
    ".s | endswith(\"0\")",
    ".s | ltrimstr(\"x\")",
    ".s | rtrimstr(\"0\")",
    ".s | ascii_downcase",
    ".s | ascii_upcase",
    ".[]",
    ".[]?",
    ".a[]",
    ".a[]?",
    ".items[].id",
    ".items[] | {id, n: .v}",
    ".items[]? | select(.v > 1) | .id",
    "map(.v)",
    ".items | map({i: .id})",
    "[.items[] | select(.v > 1)] | length",
    "[.[] | type]",
    ".a, .b",
    "(.a, .b) | type",
    "$meta.key",
    "$meta.address",
    "$meta.timestamp",
    "$meta.sequence",
    "$meta.offset",
    "$meta.retained",
    "$meta.id",
    "$meta.headers.Y",
    "$meta.headers[\"X-A\"]",
    "$meta.headers.none // \"no\"",
    "{k: $meta.key, v: .}",
    "\"\\($meta.key)/\\($meta.sequence)\"",
    "$meta.key == \"k1\" and .n > 3",
    "# a comment\n.a # another\n| .b?",
    " .a\n\t.b ",
    "(((.a)))",
    ".a|.b",
    "true and null",
    "null // false // 3",
};
#define PROGRAMS (sizeof programs / sizeof programs[0])

/* Programs that are left to libjq whole. */
static const char *const others[] = {
    ".a as $x | $x",
    "reduce .[] as $x (0; . + $x)",
    "def f: .a; f",
    "try .a catch 1",
    ".a |= 1",
    ".a = 1",
    ".a += 1",
    ".a //= 1",
    "..",
    "keys",
    "$meta",
    "$meta.headers",
    ".a[1:2]",
    ".[.a]",
    "-.n",
    "-1 * 2",
    ".n % 2",
    "(.a)?",
    "@base64",
    "@base64 \"\\(.s)\"",
    ".s | test(\"A\"; \"i\")",
    ".s | test(.a)",
    "label $out | 1",
    "limit(1; .[])",
    "12345678901234567",
};

static const char *const inputs[] = {
    "",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "3",
    "4.0",
    "1e2",
    "1.50",
    "\"x\"",
    "\"\"",
    "\"12\"",
    "\"12.50\"",
    "\" 12 \"",
    "\"nan\"",
    "[]",
    "{}",
    "[1,2,3]",
    "[[1],{\"v\":2},null]",
    "{\"a\":1}",
    "{\"a\":{\"b\":{\"c\":7}}}",
    "{\"a\":[{\"b\":1},{\"b\":2}],\"b\":[3]}",
    "{\"a\":null,\"b\":false,\"c\":3}",
    "{\"n\":3,\"s\":\"x\",\"t\":true,\"u\":false}",
    "{\"n\":4,\"s\":\"x10\",\"t\":null,\"u\":1}",
    "{\"n\":-4.25,\"s\":\"12.5\",\"t\":[],\"u\":{}}",
    "{\"n\":\"4\",\"s\":5,\"t\":\"true\"}",
    "{\"n\":21.5,\"s\":\"X\\u00e9\\n\\\"q\\\"0\"}",
    "{\"n\":1e3,\"s\":\"\\u0000\\u001f\\u007f\"}",
    "{\"n\":0.1,\"s\":\"\\ud83d\\ude00\"}",
    "{\"n\":0.0001,\"s\":\"\xc3\xa9\xe2\x82\xac\"}",
    "{\"n\":0.00001,\"s\":\"\\/\\b\\f\\r\\t\"}",
    "{\"n\":1.5e-7,\"s\":\"a\\\\b\"}",
    "{\"n\":123456789012345,\"s\":\"\"}",
    "{\"n\":1234567890123456,\"s\":\" \"}",
    "{\"n\":12345678901234567890,\"s\":\"x\"}",
    "{\"n\":9007199254740993,\"s\":\"x\"}",
    "{\"n\":1e15,\"s\":\"x\"}",
    "{\"n\":1e16,\"s\":\"x\"}",
    "{\"n\":1e17,\"s\":\"x\"}",
    "{\"n\":1e400,\"s\":\"x\"}",
    "{\"n\":-1e400,\"s\":\"x\"}",
    "{\"n\":5e-324}",
    "{\"n\":1e-400}",
    "{\"n\":21.299999999999997}",
    "{\"n\":0.30000000000000004}",
    "{\"n\":100.10}",
    "{\"n\":-0.0}",
    "{\"n\":00}",
    "{\"n\":01}",
    "{\"n\":1.}",
    "{\"n\":.5}",
    "{\"n\":+1}",
    "{\"n\":nan}",
    "{\"n\":NaN}",
    "{\"n\":-}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":1,\"b\":2,\"a\":{\"b\":3}}",
    "{\"a\":{\"x\":1,\"x\":2},\"s\":\"x\"}",
    "{\"\\u0061\":1,\"n\":4}",
    "{\"b c\":1,\"a b\":2,\"\":3}",
    " {\n \"a\" : [ 1 , 2 ] ,\r\n\t\"n\" : 4 } ",
    "{\"items\":[{\"id\":\"p\",\"v\":1},{\"id\":\"q\",\"v\":2},{\"id\":\"r\",\"v\":3}]}",
    "{\"items\":[{\"id\":\"p\"},{\"id\":\"q\",\"v\":\"2\"}],\"n\":9}",
    "{\"items\":{\"x\":{\"id\":1,\"v\":5}}}",
    "{\"items\":7}",
    "[{\"v\":1},{\"v\":2}]",
    "{\"a\":1,}",
    "{\"a\" 1}",
    "{a:1}",
    "{'a':1}",
    "[1,2",
    "[1 2]",
    "{\"a\":1} {\"a\":2}",
    "tru",
    "nulll",
    "\"abc",
    "\"\\x\"",
    "\"\\ud800\"",
    "\"\\ud800\\u0041\"",
    "\"\\udc00\"",
    "\"a\nb\"",
    "\xef\xbb\xbf{\"a\":1}",
    "\"\xff\"",
    "[[[[[[[[[[1]]]]]]]]]]",
    "{\"a\":\"b\",\"b\":\"a\",\"t\":[1,[2,{\"x\":null}]],\"s\":\"0\"}",
    "{\"time\":\"2026-01-01T00:00:00Z\",\"a\":{\"b\":-1.5},\"s\":\"x-99\",\"n\":42}",
};
#define INPUTS (sizeof inputs / sizeof inputs[0])

/* libjq takes long to compile a program with sanitizers: there a third of them must do. */
#ifdef __SANITIZE_ADDRESS__
#define STEP 3
#else
#define STEP 1
#endif

static struct nw_mapper *mapper;
static struct nw_rule_space *space;
static struct nw_message *message;
static size_t pairs, decided;

static void begin(void)
{
    mapper = nw_mapper_new();
    space = nw_rule_space_new();
    message = nw_message_make();
    nw_message_set_address(message, NW_LITERAL("a.x"));
    nw_message_set_key(message, NW_LITERAL("k1"));
    nw_message_set_origin(message, NW_LITERAL("o-1"));
    nw_message_set_number(message, NW_META_SEQUENCE, 7);
    nw_message_set_number(message, NW_META_RETAINED, 1);
    nw_message_set_timestamp(message, INT64_C(1767225600000000000));
    (void)nw_message_add_header(message, NW_LITERAL("X-A"), NW_LITERAL("1"));
    (void)nw_message_add_header(message, NW_LITERAL("X-A"), NW_LITERAL("2"));
    (void)nw_message_add_header(message, NW_LITERAL("Y"), NW_LITERAL("3\t\"q\""));
}

static void end(void)
{
    nw_message_unref(message);
    nw_rule_space_free(space);
    nw_mapper_free(mapper);
}

static struct nw_program *compile(const char *text)
{
    struct nw_program *p = NULL;
    struct nw_error error = {.text = ""};

    cr_assert_eq(nw_program_compile(nw_slice_text(text), &p, &error), 0, "%s: %s", text,
                 error.text);
    return p;
}

/* What libjq makes of it, a line for each value; false: it refuses. */
static bool by_libjq(const struct nw_program *p, struct nw_buffer *out)
{
    struct nw_value v = {.parsed = false};
    struct nw_error error;
    bool good;
    jv all;

    leaks_ignore();
    good = nw_value_for(&v, p, message, &error) == 0;
    good = good && nw_program_collect(mapper, p, &v, message, &all, &error) == 0;
    if (good) {
        jv_array_foreach(all, i, value)
        {
            jv text = jv_dump_string(value, 0);
            nw_buffer_add(out, jv_string_value(text),
                          (size_t)jv_string_length_bytes(jv_copy(text)));
            nw_buffer_add_char(out, '\n');
            jv_free(text);
        }
        jv_free(all);
    }
    nw_value_done(&v);
    leaks_notice();
    return good;
}

/* What the rule makes of it; false: it leaves it to libjq. */
static bool by_rule(const struct nw_rule *rule, struct nw_buffer *out)
{
    const struct nw_rule_member *values;
    size_t count;

    if (nw_rule_space_read(space, message->payload.len == 0 ? NW_ABSENT : message->payload) != 0 ||
        nw_rule_run_all(rule, space, message, &values, &count) != NW_RULE_VALUE) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!nw_rule_write(space, &values[i].value, out)) {
            return false;
        }
        nw_buffer_add_char(out, '\n');
    }
    return true;
}

/* The way by which filters and payloads are made: at most one value. */
static void check_single(const struct nw_rule *rule, const struct nw_buffer *all,
                         const char *program, const char *input)
{
    struct nw_rule_value value;
    struct nw_buffer text = {0};
    enum nw_rule_outcome outcome = nw_rule_run(rule, space, message, &value);

    if (outcome == NW_RULE_VALUE && nw_rule_write(space, &value, &text)) {
        nw_buffer_add_char(&text, '\n');
        cr_expect_str_eq(nw_buffer_text(&text), nw_buffer_text(all), "%s of %s", program, input);
    } else if (outcome == NW_RULE_NONE) {
        cr_expect_str_empty(nw_buffer_text(all), "%s of %s", program, input);
    }
    nw_buffer_done(&text);
}

static bool check_pair(const struct nw_program *p, const struct nw_rule *rule, const char *program,
                       const char *input)
{
    struct nw_buffer expected = {0}, found = {0};
    bool good = by_libjq(p, &expected), ruled = by_rule(rule, &found);

    pairs++;
    if (ruled) {
        decided++;
        cr_expect(good, "%s of %s: libjq refuses, the rule gives %s", program, input,
                  nw_buffer_text(&found));
        cr_expect_str_eq(nw_buffer_text(&found), nw_buffer_text(&expected), "%s of %s", program,
                         input);
        check_single(rule, &expected, program, input);
    }
    nw_buffer_done(&expected);
    nw_buffer_done(&found);
    return ruled;
}

Test(rule, says_what_libjq_says, .init = begin, .fini = end, .timeout = 300)
{
    for (size_t i = 0; i < PROGRAMS; i += STEP) {
        struct nw_program *p = compile(programs[i]);
        struct nw_rule *rule = nw_rule_compile(programs[i]);
        size_t ruled = 0;

        cr_expect_not_null(rule, "%s is left to libjq", programs[i]);
        for (size_t k = 0; rule != NULL && k < INPUTS; k++) {
            message->payload = nw_slice_text(inputs[k]);
            ruled += check_pair(p, rule, programs[i], inputs[k]);
        }
        cr_expect_gt(ruled, 0, "%s: no input was decided", programs[i]);
        nw_rule_free(rule);
        nw_program_free(p);
    }
    cr_expect_geq(pairs, 2000);
    cr_expect_geq(decided, pairs / 4, "%zu of %zu pairs", decided, pairs);
    printf("%zu of %zu pairs without libjq\n", decided, pairs);
}

Test(rule, leaves_what_it_does_not_know_to_libjq, .init = begin, .fini = end)
{
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct nw_program *p = compile(others[i]); /* it is a program */
        cr_expect_null(nw_rule_compile(others[i]), "%s", others[i]);
        nw_program_free(p);
    }
}

/* Which payload a rule decides on is not a matter of luck. */
Test(rule, plain_payloads_are_decided_without_libjq, .init = begin, .fini = end)
{
    static const struct {
        const char *program, *input, *output;
    } rows[] = {
        {".n > 3 and .s == \"x\"", "{\"n\":4,\"s\":\"x\"}", "true\n"},
        {"{t: .c, at: $meta.timestamp}", "{\"c\":21.50}",
         "{\"t\":21.5,\"at\":\"2026-01-01T00:00:00Z\"}\n"},
        {".s | test(\"^[a-z]+-\")", "{\"s\":\"abc-1\"}", "true\n"},
        {"\"\\(.a)/\\(.b // \"none\")\"", "{\"a\":[1, 2]}", "\"[1,2]/none\"\n"},
        {".items[] | {id}", "{\"items\":[{\"id\":1},{\"id\":2}]}", "{\"id\":1}\n{\"id\":2}\n"},
        {". + {x: (.a | tonumber)}", "{\"a\":\"12\"}", "{\"a\":\"12\",\"x\":12}\n"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nw_rule *rule = nw_rule_compile(rows[i].program);
        struct nw_buffer found = {0};

        message->payload = nw_slice_text(rows[i].input);
        cr_assert_not_null(rule, "%s", rows[i].program);
        cr_expect(by_rule(rule, &found), "%s", rows[i].program);
        cr_expect_str_eq(nw_buffer_text(&found), rows[i].output);
        nw_buffer_done(&found);
        nw_rule_free(rule);
    }
}
