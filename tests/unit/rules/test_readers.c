/* SPDX-License-Identifier: Apache-2.0 */
/* A payload is read by json() in templates, by our rules, by libjq and by check: what one of them
 * takes the others take too. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "mappings/map.h"

#define DEEPEST 128

static const struct nw_template_scope scope = {"bridge", "orders", NW_ADDRESS_SUBJECT, "a", 0,
                                               false,    false};
static struct nw_mapper *mapper;

static void begin(void)
{
    mapper = nw_mapper_new();
}

static void end(void)
{
    nw_mapper_free(mapper);
    cr_expect_eq(nw_message_alive(), 0);
}

TestSuite(readers, .init = begin, .fini = end);

static struct nw_program *program(const char *text)
{
    struct nw_program *p = NULL;

    cr_assert_eq(nw_program_compile(nw_slice_text(text), &p, NULL), 0);
    return p;
}

static struct nw_template *template(const char *text)
{
    struct nw_template *t = NULL;

    cr_assert_eq(nw_template_compile(nw_slice_text(text), NW_FILL_TEXT, &scope, &t, NULL), 0);
    return t;
}

enum reader { RULE, LIBJQ, TEMPLATE, CHECK, READERS };

static void add_step(struct nw_map *map, enum reader reader)
{
    static const char *const names[] = {"."};
    static const struct nw_check_rule rule = {names, 1, NULL, 0};

    switch (reader) {
    case RULE:
        cr_assert_eq(nw_map_add_filter(map, program("[.] | length == 1"), NULL), 0);
        break;
    case LIBJQ: /* no rule has reduce */
        cr_assert_eq(nw_map_add_filter(map, program("[.] | reduce .[] as $x (true; .)"), NULL), 0);
        break;
    case TEMPLATE:
        cr_assert_eq(
            nw_map_add_set(map, NW_MAP_KEY, NW_ABSENT, template("{{json('.') or 'x'}}"), NULL), 0);
        break;
    default:
        cr_assert_eq(nw_map_add_check(map, &rule, NULL), 0);
        break;
    }
}

/* The reason in error, or "" if it goes on. */
static void run(enum reader reader, struct nw_slice payload, struct nw_error *error)
{
    struct nw_map *map = nw_map_new();
    struct nw_message *m = nw_message_make();
    struct nw_mapped mapped;

    add_step(map, reader);
    nw_message_set_payload(m, payload);
    cr_assert_eq(nw_map_run(map, mapper, m, &mapped), 0);
    *error = mapped.error;
    if (mapped.outcome == NW_MAPPED) {
        error->text[0] = '\0';
    }
    cr_expect_neq(mapped.outcome, NW_MAP_FILTERED, "%d", reader);
    nw_message_unref(mapped.messages);
    nw_message_unref(m);
    nw_map_free(map);
}

static void expect_all(struct nw_slice payload, const char *wrong)
{
    for (enum reader reader = 0; reader < READERS; reader++) {
        struct nw_error error;
        run(reader, payload, &error);
        cr_expect_eq(wrong == NULL, error.text[0] == '\0', "%d: %.*s: %s", reader,
                     (int)(payload.len > 60 ? 60 : payload.len), payload.data, error.text);
        cr_expect(wrong == NULL || strstr(error.text, wrong) != NULL, "%d: %s", reader, error.text);
    }
}

/* `before` and `behind` so many times around a 1. */
static void expect_nested(size_t levels, const char *before, const char *behind, const char *wrong)
{
    struct nw_buffer text = {0};

    for (size_t i = 0; i < levels; i++) {
        nw_buffer_add_text(&text, before);
    }
    nw_buffer_add_char(&text, '1');
    for (size_t i = 0; i < levels; i++) {
        nw_buffer_add_text(&text, behind);
    }
    expect_all(nw_buffer_slice(&text), wrong);
    nw_buffer_done(&text);
}

Test(readers, all_have_the_same_depth)
{
    static const char *const brackets[][2] = {{"[", "]"}, {"{\"a\":", "}"}};

    for (size_t i = 0; i < 2; i++) {
        expect_nested(DEEPEST, brackets[i][0], brackets[i][1], NULL);
        for (size_t levels = DEEPEST + 1; levels < 300; levels += 10) {
            expect_nested(levels, brackets[i][0], brackets[i][1], "nested deeper than 128 levels");
        }
    }
    expect_nested(DEEPEST / 2, "[{\"a\":", "}]", NULL);
    expect_nested(DEEPEST / 2 + 1, "[{\"a\":", "}]", "nested deeper than 128 levels");
}

Test(readers, all_take_the_same_texts)
{
    static const char *const good[] = {"\xef\xbb\xbf[1]",  " 1 ", "\"\\ud83d\\ude00\"",
                                       "\"\\u0041\"",      "1e5", "-0",
                                       "{\"a\":1,\"a\":2}"};
    static const char *const bad[] = {"\"\\ud800\"",     "\"\\udc00\"", "\"\\ud83d\\u0041\"",
                                      "{\"\\ud800\":1}", "[1,]",        "nan",
                                      "\"a\nb\"",        "\xff",        "1 2",
                                      "\xef\xbb\xbf",    "no json",     "\"\\u12\"",
                                      "\"\xed\xa0\x80\""};

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        expect_all(nw_slice_text(good[i]), NULL);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_all(nw_slice_text(bad[i]), "not JSON: ");
    }
}

Test(readers, a_template_says_which_expression_wanted_json)
{
    struct nw_error error;

    run(TEMPLATE, NW_LITERAL("no json"), &error);
    cr_expect_str_eq(error.text, "json('.'): not JSON: a value is missing at byte 1", "%s",
                     error.text);
}
