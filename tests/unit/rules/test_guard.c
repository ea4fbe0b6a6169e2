/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that would end or hang the process in libjq, and that their guards change nothing else.
 */
#include <criterion/criterion.h>

#include "mappings/program.h"
#include "tests/support/leaks.h"

/* It takes libjq long to compile a program, with sanitizers longer: there a third must do. */
#ifdef __SANITIZE_ADDRESS__
#define STEP 3
#else
#define STEP 1
#endif

static struct nw_mapper *mapper;
static struct nw_message *message;

static void begin(void)
{
    leaks_ignore(); /* interpreters are left alone on purpose */
    mapper = nw_mapper_new();
    message = nw_message_make();
}

static void end(void)
{
    nw_message_unref(message);
    nw_mapper_free(mapper);
}

static void add_line(struct nw_buffer *out, jv value)
{
    jv text = jv_dump_string(value, 0);

    nw_buffer_add(out, jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text)));
    nw_buffer_add_char(out, '\n');
    jv_free(text);
}

/* All values, or "error: " and the reason. */
static void guarded(const char *text, const char *input, struct nw_buffer *out)
{
    struct nw_program *p = NULL;
    struct nw_value v = {.parsed = false};
    struct nw_error error = {.text = ""};
    jv all;

    cr_assert_eq(nw_program_compile(nw_slice_text(text), &p, &error), 0, "%s: %s", text,
                 error.text);
    message->payload = nw_slice_text(input);
    if (nw_value_parse(&v, message, &error) != 0 ||
        nw_program_collect(mapper, p, &v, message, &all, &error) != 0) {
        nw_buffer_add_format(out, "error: %s\n", error.text);
    } else {
        jv_array_foreach(all, i, value)
        {
            add_line(out, value);
        }
        jv_free(all);
    }
    nw_value_done(&v);
    nw_program_free(p);
}

static void ignore(void *context, jv message_of)
{
    (void)context;
    jv_free(message_of);
}

static jq_state *bare_of(const char *text)
{
    jq_state *jq = jq_init();

    jq_set_error_cb(jq, ignore, NULL);
    cr_assert(jq_compile(jq, text), "%s", text);
    return jq;
}

static void bare(jq_state *jq, const char *input, struct nw_buffer *out)
{
    jv value;

    jq_start(jq, jv_parse(input), 0);
    while (jv_is_valid(value = jq_next(jq))) {
        add_line(out, value);
    }
    if (jv_invalid_has_msg(jv_copy(value))) {
        value = jv_invalid_get_msg(value);
        nw_buffer_clear(out);
        nw_buffer_add_format(out, "error: %s\n",
                             jv_get_kind(value) == JV_KIND_STRING ? jv_string_value(value) : "");
    }
    jv_free(value);
}

static const char *const same_texts[] = {
    "todate",
    "strftime(\"%A, %B %d, %Y\")",
    "map(todate)?",
    "strflocaltime(\"%H\")",
    "todateiso8601",
    "tostring",
    "tojson",
    "[.[]? | tostring]",
    "\"<\\(.)>\"",
    "@json",
    "@text",
    "@html \"<\\(.)\"",
    "@csv",
    "@sh",
    "@base64",
    "@uri \"?\\(1, 2)=\\(.)\"",
    "map(tojson)?",

    "gmtime | strftime((\"%Y\", \"%j\"))",
    "indices(\"a\")",
    "index(\"b\")",
    "rindex(\"b\")",
    "indices(1)",
    "indices([1, 2])",
    "index(\"a\", \"b\")",
    "gsub(\"b\"; \"x\")",
    "sub(\"(?<l>[a-c])\"; \"<\\(.l)>\"; \"g\")",
    "gsub(\"A\"; \"x\"; \"i\")",
    "sub(\"a\"; \"1\", \"2\")",
    "[scan(\"[ab]\")]",
    "[match(\"a\", \"b\"; \"g\", null) | .offset]",
    "[match([\"B\", \"gi\"]) | .string]",
    "[match(\"(a)(x)?\").captures[].string]",
    "capture(\"(?<x>b)(?<y>c)\")",
    "[capture(\"(?<x>[ab])\"; \"g\")]",
    "[splits(\"b\")]",
    "split(\"b\")",
    "split(\"B\"; \"i\")",
    "[splits(\"B\"; \"i\")]",
    "split(\"\")",
    "gsub(1; 2)",
    "[match(\"\"; \"g\").offset]",
    "test(\"a\")",
    "match(\"(\" + \"\")",
    "[match(null)]?",
    "scan(.)",
    ". % 5",
    "5 % .",
    "-5 % 3",
    "[(5, 7) % (2, 3)]",
    ". % 0",
    "[.[]? % 4]",
    "\"a\" % 1",
    "5 % -1",
    "-7.5 % -1.5",
    "5 % -2",
    "[.[]?] | map(. % -1)",
    ". * 2",
    "[(1, 2) * (10, 20)]",
    "\"x\" * 3",
    "3 * \"x\"",
    "\"x\" * 0",
    "\"x\" * -1",
    "\"x\" * 0.5",
    "{a: {b: 1}} * {a: {c: 2}}",
    ". * .",
    "null * 1",
    "\"ab\" * 1.5",
    ".a = 1",
    ".a[1] = 2",
    ".a[0:1] = [9]",
    ".a |= . + 1",
    ".a += 1",
    ".a *= 2",
    ".a //= 7",
    ".a[]? |= empty",
    "(.a, .b) = (1, 2)",
    ".[] += 1",
    "del(.a)",
    "del(.[0, 2])",
    "del(..)",
    "[paths]",
    "[leaf_paths]",
    "[path(..)]",
    "path(.a[0].b)",
    "to_entries",
    "map_values(. + 1)",
    "with_entries(.value += 1)",
    "(.. | select(type == \"number\")) |= . + 1",
    ".[-1] = 5",
    "(.a | select(. == 1)) = 3",
    "first(.[]?) |= 4",
    ".a.b.c = 1",
    ".a[\"b\"] |= 3",
    "(if .a then .a else .b end) = 1",
    "reduce (1, 2) as $i (.; .x += $i)",
    "limit(1; .[]) = 3",
    "getpath([\"a\", \"b\"]) = 5",
    ".a? = 1",
    "try (.a[0] = 1) catch .",
    ".[\"a\", \"b\"] = 1",
    "recurse |= .",
    "(.a // .b) = 3",
    ".a as $x | .b = $x",
    "[tostream]",
    "fromstream(tostream)",
    "setpath([\"a\", 0]; 1)",
    "setpath([]; 1)",
    "setpath(1; 1)",
    "setpath([\"a\"], [\"b\"]; 1)",
    "[1 | truncate_stream([[0], 1], [[1, 0], 2], [[1, 0]], [[1]])]",
    ".[1:]",
    ".[:1]",
    ".[(1):(2)]",
    ".[.a?:]",
    ".[length - 1:]?",
    ".[1 + 1:3]",
    ".[null:1]?",
    "[.[0:1], .[1:(2, 3)]]?",
    ".[(0, 1):][0:1]?",
    "[def f: 1; .[f:]?]",
    "[def f(x): x; f(2)]",
    "[.[[1, 2][0]:]?]",
    "{a: .[1 - 1:]?}",
    "[.[\"a\"]?, {b: 1}.b]",
    "\"\\(.[0 + 1:]?)\"",
    ".[-(1):]?",
    ".[0 + 0:1] = [7]",
    ".[1.5 + 0:]?",
    "[.[]?] | .[length / 2:]",
};
static const char *const same_inputs[] = {
    "null",
    "true",
    "0",
    "7",
    "-12.5",
    "1e10",
    "1425599621",
    "\"abcab\"",
    "\"\"",
    "[]",
    "{}",
    "[1, 2, 3]",
    "[0, [1, 2], \"b\"]",
    "{\"a\": 1, \"b\": 2}",
    "{\"a\": [1, {\"b\": 5}], \"b\": 0}",
    "{\"a\": {\"b\": {\"c\": [true]}}}",
    "[9007199254740993, 1425599621]",
    "[[1, 2], [1, 2, 1, 2]]",
};

Test(guard, what_libjq_can_do_is_done_as_before, .init = begin, .fini = end)
{
    for (size_t i = 0; i < sizeof same_texts / sizeof same_texts[0]; i += STEP) {
        jq_state *jq = bare_of(same_texts[i]);

        for (size_t k = 0; k < sizeof same_inputs / sizeof same_inputs[0]; k++) {
            struct nw_buffer expected = {0}, found = {0};

            bare(jq, same_inputs[k], &expected);
            guarded(same_texts[i], same_inputs[k], &found);
            cr_expect_str_eq(nw_buffer_text(&found), nw_buffer_text(&expected), "%s of %s",
                             same_texts[i], same_inputs[k]);
            nw_buffer_done(&expected);
            nw_buffer_done(&found);
        }
        jq_teardown(&jq);
    }
}

Test(guard, what_libjq_cannot_do_is_refused, .init = begin, .fini = end)
{
    static const struct {
        const char *text, *input, *output;
    } rows[] = {
        {"todate", "1e18", "error: a date beyond all years\n"},
        {"map(todate)", "[-1e18]", "error: a date beyond all years\n"},
        {"strftime(\"%Y\")", "67767976000000008", "error: a date beyond all years\n"},
        {"strflocaltime(\"%Y\")", "1e17", "error: a date beyond all years\n"},
        {"strftime(\"%Y\")", "67767976000000000", "\"2147483"},
        {"indices(\"\")", "\"abc\"", "null\n"},
        {"index(.)", "\"\"", "null\n"},
        {". % -1", "-9223372036854775808", "0\n"},
        {". % -1.5", "1e300", "0\n"},
        {".t * .n", "{\"t\": \"x\", \"n\": 1000000000}", "error: a text larger than 16 MiB\n"},
        {".n * .t", "{\"t\": \"\", \"n\": 1e18}", "error: a text larger than 16 MiB\n"},
        {".t * .n", "{\"t\": \"0123456789\", \"n\": 1e7}", "error: a text larger than 16 MiB\n"},
        {".t *= .n", "{\"t\": \"x\", \"n\": 1e9}", "error: a text larger than 16 MiB\n"},
        {".a[.n] = 1", "{\"n\": 999999999}", "error: an array index above 1000000\n"},
        {".a[.n] |= 1", "{\"n\": 1e300}", "error: an array index above 1000000\n"},
        {".a[.n] += 1", "{\"n\": 536870911}", "error: an array index above 1000000\n"},
        {"setpath(.; 1)", "[999999999]", "error: an array index above 1000000\n"},
        {".p as $p | null | setpath($p; 1)", "{\"p\": [\"a\", 999999999]}",
         "error: an array index above 1000000\n"},
        {"fromstream(.[])", "[[[999999999], 1], [[999999999]]]",
         "error: an array index above 1000000\n"},
        {"reduce range(60) as $i (.; [., .])", "1",
         "error: the rule gave more than 10000000 values in one, or nested deeper than 10000 "
         "levels\n"},
        {"reduce range(20000) as $i (.; {a: .})", "1", "error: the rule gave more than"},
        {"strftime(.)", "0", "error: the format of a date is a text\n"},
        {"[scan(\"x*\")]", "\"\xF0\x9F\x98\x80\"",
         "error: an expression that may match an empty text, in a text that is not ASCII\n"},
        {"gsub(\"\\\\b\"; \"|\")", "\"\xC3\xA9\"",
         "error: an expression that may match an empty text, in a text that is not ASCII\n"},
        {"split(\" *\"; null)", "\"\xC3\xA9\"",
         "error: an expression that may match an empty text, in a text that is not ASCII\n"},
        {"gsub(\" +\"; \"_\")", "\"\xC3\xA9 \xC3\xA9\"", "\"\xC3\xA9_\xC3\xA9\"\n"},
        {"[.[(.[0] - .[1]):]]", "[1e999, 1e999, 3]", "[[1.7976931348623157e+308,"},
        {".[:(.[0] - .[1])]", "[1e999, 1e999, 3]", "[1.7976931348623157e+308,"},
        {"[.s[(.n | tonumber):]]", "{\"s\": \"abc\", \"n\": \"nan\"}", "[\"abc\"]\n"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nw_buffer found = {0};

        guarded(rows[i].text, rows[i].input, &found);
        cr_expect(strncmp(nw_buffer_text(&found), rows[i].output, strlen(rows[i].output)) == 0,
                  "%s of %s: %s", rows[i].text, rows[i].input, nw_buffer_text(&found));
        nw_buffer_done(&found);
    }
}

/* At each of its places it is below Oniguruma's own limit; at all of them it takes minutes. */
Test(guard, a_search_that_goes_back_for_ever, .init = begin, .fini = end)
{
    static const char *const texts[] = {"test(\"(x|y)+(x|w)+[yz]\"; \"g\")",
                                        "test(\"(x|y)+(x|w)+[yz]\")",
                                        "[scan(\"(x|y)+(x|w)+[yz]\")]"};
    char input[2003] = "\"";

    memset(input + 1, 'x', 2000);
    input[2001] = '"';
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct nw_buffer found = {0};

        guarded(texts[i], input, &found);
        cr_expect(strncmp(nw_buffer_text(&found), "error: ", 7) == 0, "%s: %s", texts[i],
                  nw_buffer_text(&found));
        nw_buffer_done(&found);
    }
}

/* Small, but not when it is written. */
Test(guard, a_text_of_a_value_that_has_itself_in_it, .init = begin, .fini = end)
{
    static const char *const texts[] = {
        "reduce range(60) as $i (.; [., .]) | tostring | length",
        "reduce range(60) as $i (.; {a: ., b: .}) | tojson | length",
        "reduce range(60) as $i (.; [., .]) | \"\\(.)\" | length",
        "reduce range(60) as $i (.; [., .]) | @text | length",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct nw_buffer found = {0};

        nw_mapper_message(mapper, 20);
        guarded(texts[i], "1", &found);
        cr_expect_str_eq(nw_buffer_text(&found),
                         "error: the rule took longer than map_timeout, 20 ms\n", "%s", texts[i]);
        nw_buffer_done(&found);
    }
}

/* One value is wanted, and there are more, in the middle of a path. */
Test(guard, a_path_that_is_not_followed_to_its_end, .init = begin, .fini = end)
{
    struct nw_program *p = NULL;
    struct nw_value v = {.parsed = false};
    struct nw_error error;
    jv first;

    message->payload = NW_LITERAL("{\"a\": {\"b\": [1, 2, 3]}}");
    cr_assert_eq(nw_program_compile(NW_LITERAL("path(..)"), &p, &error), 0);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(nw_value_parse(&v, message, &error), 0);
        cr_expect_eq(nw_program_run(mapper, p, &v, message, true, &first, &error),
                     NW_PROGRAM_SEVERAL);
        cr_expect_eq(nw_program_run(mapper, p, &v, message, false, &first, &error), NW_PROGRAM_ONE);
        jv_free(first);
    }
    nw_value_done(&v);
    nw_program_free(p);
}

/* What is halted there cannot be taken down; so much is lost, and no more. */
Test(guard, a_path_that_takes_too_long, .init = begin, .fini = end)
{
    static const char text[] = "if .fast then 1 else .a[] |= [range(1000000000)] end";
    struct nw_buffer found = {0};

    for (int i = 0; i < 34; i++) {
        nw_mapper_message(mapper, 5);
        nw_buffer_clear(&found);
        guarded(text, "{\"a\": [1, 2]}", &found);
        cr_expect_str_eq(nw_buffer_text(&found),
                         i < 32 ? "error: the rule took longer than map_timeout, 5 ms\n"
                                : "error: the rule took longer than map_timeout 32 times, and is "
                                  "not run any more\n");
    }
    nw_mapper_message(mapper, 60000);
    nw_buffer_clear(&found);
    guarded("[.a[] | . % 2]", "{\"a\": [1, 2]}", &found);
    cr_expect_str_eq(nw_buffer_text(&found), "[1,0]\n");
    nw_buffer_done(&found);
}
