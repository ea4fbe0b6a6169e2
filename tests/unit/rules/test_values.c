/* SPDX-License-Identifier: Apache-2.0 */
/* What libjq does to whole values in one instruction gives what it gives by itself, and ends in
 * time. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "base/buffer.h"
#include "mappings/json_value.h"
#include "mappings/program.h"
#include "mappings/program_values.h"
#include "tests/support/leaks.h"

static const char *const values[] = {
    "null",
    "false",
    "true",
    "nan",
    "0",
    "-1.5",
    "1e300",
    "\"\"",
    "\"a\"",
    "\"b\"",
    "\"a\\u0000b\"",
    "[]",
    "[0]",
    "[nan]",
    "[0,1]",
    "[1,0]",
    "[0,1,0,1,0]",
    "[[0],[1]]",
    "[[0],[1,0]]",
    "[{\"a\":1},null]",
    "[\"a\",\"b\",\"abc\"]",
    "{}",
    "{\"a\":1}",
    "{\"a\":2}",
    "{\"a\":nan}",
    "{\"b\":1}",
    "{\"a\":1,\"b\":1}",
    "{\"b\":1,\"a\":1}",
    "{\"a\":{\"b\":1,\"c\":[1]}}",
    "{\"a\":{\"b\":{\"d\":2},\"c\":[2]},\"e\":3}",
    "{\"a\":{\"b\":{\"e\":2}},\"c\":[]}",
    "{\"a\":null,\"b\":[1,2]}",
};
#define VALUES (sizeof values / sizeof values[0])

static void expect_same(const char *what, jv found, jv expected, const char *a, const char *b)
{
    jv found_text = nw_value_library()->write(found, 0);
    jv expected_text = nw_value_library()->write(expected, 0);

    cr_expect_str_eq(jv_string_value(found_text), jv_string_value(expected_text), "%s: %s, %s",
                     what, a, b);
    jv_free(found_text);
    jv_free(expected_text);
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void compare_all(jv a, jv b, const char *text_a, const char *text_b)
{
    const struct nw_value_library *jq = nw_value_library();

    cr_expect_eq(jv_equal(jv_copy(a), jv_copy(b)), jq->equal(jv_copy(a), jv_copy(b)),
                 "equal: %s, %s", text_a, text_b);
    cr_expect_eq(sign(jv_cmp(jv_copy(a), jv_copy(b))), sign(jq->compare(jv_copy(a), jv_copy(b))),
                 "order: %s, %s", text_a, text_b);
    if (jv_get_kind(a) == jv_get_kind(b)) {
        cr_expect_eq(jv_contains(jv_copy(a), jv_copy(b)), jq->contains(jv_copy(a), jv_copy(b)),
                     "contains: %s, %s", text_a, text_b);
    }
    if (jv_get_kind(a) == JV_KIND_ARRAY && jv_get_kind(b) == JV_KIND_ARRAY) {
        expect_same("indexes", jv_array_indexes(jv_copy(a), jv_copy(b)),
                    jq->indexes(jv_copy(a), jv_copy(b)), text_a, text_b);
    }
    if (jv_get_kind(a) == JV_KIND_OBJECT && jv_get_kind(b) == JV_KIND_OBJECT) {
        expect_same("merge", jv_object_merge_recursive(jv_copy(a), jv_copy(b)),
                    jq->merge(jv_copy(a), jv_copy(b)), text_a, text_b);
    }
    expect_same("write", jv_dump_string(jv_copy(a), 0), jq->write(jv_copy(a), 0), text_a, "");
}

Test(values, same_as_libjq)
{
    leaks_ignore(); /* libjq's own jv_array_indexes() loses its first argument */
    cr_assert_neq((void *)nw_value_library()->equal, (void *)jv_equal);
    for (size_t i = 0; i < VALUES; i++) {
        jv a = jv_parse(values[i]);
        for (size_t k = 0; k < VALUES; k++) {
            jv b = i == k ? jv_copy(a) : jv_parse(values[k]);
            jv again = jv_parse(values[k]);
            compare_all(a, b, values[i], values[k]);
            compare_all(a, again, values[i], values[k]);
            jv_free(b);
            jv_free(again);
        }
        jv_free(a);
    }
}

static int64_t processor_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void expect_it_ends(const char *text, struct nw_slice payload)
{
    static const int64_t limit_ms = 20;
    struct nw_mapper *mapper = nw_mapper_new();
    struct nw_message *message = nw_message_make();
    struct nw_value v = {.parsed = false};
    struct nw_program *p = NULL;
    struct nw_error error;
    int64_t began;
    jv first;

    message->payload = payload;
    cr_assert_eq(nw_program_compile(nw_slice_text(text), &p, &error), 0, "%s", error.text);
    cr_assert_eq(nw_value_parse(&v, message, &error), 0);
    nw_mapper_message(mapper, limit_ms);
    began = processor_ns();
    cr_expect_eq(nw_program_run(mapper, p, &v, message, true, &first, &error), NW_PROGRAM_FAILED,
                 "%s", text);
    cr_expect_str_eq(error.text, "the rule took longer than map_timeout, 20 ms", "%s", text);
    /* Of processor time, and far below what they take without a limit: minutes, or for ever. */
    cr_expect_lt((processor_ns() - began) / 1000000, 50 * limit_ms, "%s", text);
    nw_value_done(&v);
    nw_program_free(p);
    nw_message_unref(message);
    nw_mapper_free(mapper);
}

#define MANY "reduce range(60) as $i (.s; [., .])"
#define MANY_NAMED "reduce range(60) as $i (.s; {a: ., b: .})"

Test(values, end_in_time)
{
    static const char *const texts[] = {
        ".a - .c",
        ".a as $a | .b + .c | index($a)",
        "[.b[:40000] | .[] | [.]] as $b | [.c[] | [.]] | contains($b)",
        ".c as $c | .a - $c | length",
        "[" MANY ", " MANY "] | .[0] == .[1]",
        "[" MANY_NAMED ", " MANY_NAMED "] | .[0] == .[1]",
        "[" MANY_NAMED ", " MANY_NAMED "] | .[0] < .[1]",
        MANY " | sort",
        MANY " | contains(.)",
        MANY_NAMED " | . * .",
        MANY " | tonumber",
        MANY " | error",
        "[{key: (" MANY "), value: 1}] | from_entries",
        MANY " | [range(100000) as $i | try tonumber catch 1] | length",
    };
    struct nw_buffer payload = {0};

    leaks_ignore(); /* interpreters are left alone on purpose */
    nw_buffer_add_text(&payload, "{\"s\": 1, \"a\": [");
    for (int i = 0; i < 60000; i++) {
        nw_buffer_add_text(&payload, "1,");
    }
    nw_buffer_add_text(&payload, "1], \"b\": [");
    for (int i = 0; i < 60000; i++) {
        nw_buffer_add_text(&payload, i < 30000 ? "1," : "2,");
    }
    nw_buffer_add_text(&payload, "2], \"c\": [");
    for (int i = 0; i < 60000; i++) {
        nw_buffer_add_text(&payload, "3,");
    }
    nw_buffer_add_text(&payload, "3]}");
    cr_assert(!payload.failed);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        expect_it_ends(texts[i], (struct nw_slice){payload.data, payload.len});
    }
    nw_buffer_done(&payload);
}

/* Deeper than the stack is. */
Test(values, deep)
{
    static const char *const texts[] = {
        "reduce range(600000) as $i (.; [.]) | length",
        "reduce range(300000) as $i (.; {a: .}) | length",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct nw_mapper *mapper = nw_mapper_new();
        struct nw_message *message = nw_message_make();
        struct nw_value v = {.parsed = false};
        struct nw_program *p = NULL;
        struct nw_error error;
        jv first;

        message->payload = nw_slice_text("1");
        cr_assert_eq(nw_program_compile(nw_slice_text(texts[i]), &p, &error), 0);
        cr_assert_eq(nw_value_parse(&v, message, &error), 0);
        nw_mapper_message(mapper, 0);
        cr_assert_eq(nw_program_run(mapper, p, &v, message, true, &first, &error), NW_PROGRAM_ONE,
                     "%s: %s", texts[i], error.text);
        cr_expect_eq((int)jv_number_value(first), 1);
        jv_free(first);
        nw_value_done(&v);
        nw_program_free(p);
        nw_message_unref(message);
        nw_mapper_free(mapper);
    }
}
