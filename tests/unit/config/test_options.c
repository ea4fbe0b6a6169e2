/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "config/check.h"
#include "config/options.h"
#include "config/yaml.h"

struct all {
    const char *text, *secret, *path;
    bool flag;
    int64_t number, size, duration;
    struct nw_choice choice;
    struct nw_list list;
    struct nw_pairs pairs;
    uint32_t template;
    struct nw_pairs templates;
    struct {
        const char *inner;
        int64_t deep;
    } group;
};
#define AT(member) offsetof(struct all, member)

static const struct nw_option group_rows[] = {
    {.name = "inner", .type = NW_OPTION_TEXT, .offset = 0},
    {.name = "deep", .type = NW_OPTION_INT, .offset = AT(group.deep) - AT(group), .standard = "7"},
    {.name = NULL}};
static const struct nw_option rows[] = {
    {.name = "text", .type = NW_OPTION_TEXT, .offset = AT(text), .standard = "standard"},
    {.name = "secret", .type = NW_OPTION_SECRET, .offset = AT(secret)},
    {.name = "path", .type = NW_OPTION_PATH, .offset = AT(path)},
    {.name = "flag", .type = NW_OPTION_BOOL, .offset = AT(flag), .standard = "true"},
    {.name = "number", .type = NW_OPTION_INT, .offset = AT(number), .standard = "-5"},
    {.name = "size", .type = NW_OPTION_SIZE, .offset = AT(size), .standard = "64KiB"},
    {.name = "duration", .type = NW_OPTION_DURATION, .offset = AT(duration), .standard = "2s"},
    {.name = "choice",
     .type = NW_OPTION_CHOICE,
     .offset = AT(choice),
     .standard = "two",
     .choices = "one|two|three="},
    {.name = "list", .type = NW_OPTION_LIST, .offset = AT(list), .standard = "[a, b]"},
    {.name = "pairs", .type = NW_OPTION_PAIRS, .offset = AT(pairs)},
    {.name = "template", .type = NW_OPTION_TEMPLATE, .offset = AT(template), .fill = NW_FILL_TEXT},
    {.name = "templates",
     .type = NW_OPTION_TEMPLATES,
     .offset = AT(templates),
     .fill = NW_FILL_TEXT},
    {.name = "group", .type = NW_OPTION_GROUP, .offset = AT(group), .rows = group_rows},
    {.name = NULL}};

static struct {
    struct nw_arena *arena;
    struct nw_diagnostics diagnostics;
    struct nw_template_scope scope;
    struct nw_slots slots;
    struct nw_reader reader;
    struct nw_node *map;
    struct all all;
} t;

static const struct nw_file file = {.name = "c.yaml", .folder = "/etc"};

static void set_up(void)
{
    memset(&t, 0, sizeof t);
    t.arena = nw_arena_new();
    t.scope = (struct nw_template_scope){
        .bridge = "b", .route = "r", .address = NW_ADDRESS_SUBJECT, .pattern = "a.*"};
    t.slots.scope = &t.scope;
    t.reader = (struct nw_reader){.arena = t.arena,
                                  .diagnostics = &t.diagnostics,
                                  .file = &file,
                                  .mark = {"c.yaml", 1, 1},
                                  .slots = &t.slots};
}

static void tear_down(void)
{
    nw_diagnostics_done(&t.diagnostics);
    nw_arena_free(t.arena);
}

TestSuite(options, .init = set_up, .fini = tear_down);

static void read_options(const char *yaml)
{
    struct nw_layer layer = {rows, &t.all};

    cr_assert_eq(nw_options_defaults(&t.reader, rows, &t.all), 0);
    cr_assert_eq(nw_yaml_parse(nw_slice_text(yaml), &file, t.arena, &t.diagnostics, &t.map), 0);
    cr_assert_eq(nw_options_read(&t.reader, t.map, 0, &layer, 1, "test"), 0);
}

static void expect_no_mistake(void)
{
    cr_expect_eq(t.diagnostics.count, 0, "%s",
                 t.diagnostics.count == 0 ? "" : t.diagnostics.items[0].text);
}

Test(options, what_is_not_given_has_its_default)
{
    read_options("{}");
    expect_no_mistake();
    cr_expect_str_eq(t.all.text, "standard");
    cr_expect_null(t.all.secret);
    cr_expect(t.all.flag);
    cr_expect_eq(t.all.number, -5);
    cr_expect_eq(t.all.size, 65536);
    cr_expect_eq(t.all.duration, 2000);
    cr_expect_eq(t.all.choice.index, 1);
    cr_expect_null(t.all.choice.value);
    cr_expect_eq(t.all.list.count, 2);
    cr_expect_str_eq(t.all.list.items[1], "b");
    cr_expect_eq(t.all.pairs.count, 0);
    cr_expect_eq(t.all.template, 0);
    cr_expect_null(t.all.group.inner);
    cr_expect_eq(t.all.group.deep, 7);
}

Test(options, every_type_is_read)
{
    read_options("text: 12\n"
                 "secret: s3cret\n"
                 "path: passwd\n"
                 "flag: false\n"
                 "number: +9223372036854775807\n"
                 "size: 1GiB\n"
                 "duration: 1h30m\n"
                 "choice: {three: 5m}\n"
                 "list: alone\n"
                 "pairs: {linger.ms: 5, acks: all}\n"
                 "group: {inner: x}\n");
    expect_no_mistake();
    cr_expect_str_eq(t.all.text, "12");
    cr_expect_str_eq(t.all.secret, "s3cret");
    cr_expect_str_eq(t.all.path, "/etc/passwd");
    cr_expect_not(t.all.flag);
    cr_expect_eq(t.all.number, INT64_MAX);
    cr_expect_eq(t.all.size, INT64_C(1) << 30);
    cr_expect_eq(t.all.duration, 5400000);
    cr_expect_eq(t.all.choice.index, 2);
    cr_expect_str_eq(t.all.choice.value, "5m");
    cr_expect_eq(t.all.list.count, 1);
    cr_expect_str_eq(t.all.list.items[0], "alone");
    cr_expect_eq(t.all.pairs.count, 2);
    cr_expect_str_eq(t.all.pairs.names[0], "linger.ms");
    cr_expect_str_eq(t.all.pairs.texts[1], "all");
    cr_expect_str_eq(t.all.group.inner, "x");
    cr_expect_eq(t.all.group.deep, 7);
}

Test(options, an_absolute_path_and_a_list_stay_as_they_are)
{
    read_options("{path: /proc/self/status, list: [x, y, z]}");
    expect_no_mistake();
    cr_expect_str_eq(t.all.path, "/proc/self/status");
    cr_expect_eq(t.all.list.count, 3);
    cr_expect_str_eq(t.all.list.items[2], "z");
}

Test(options, templates_get_slots)
{
    read_options("{template: constant, templates: {A: x, B: y}}");
    expect_no_mistake();
    cr_expect_eq(t.slots.count, 3);
    cr_expect_eq(t.all.template, 1);
    cr_expect_eq(t.all.templates.count, 2);
    cr_expect_str_eq(t.all.templates.names[1], "B");
    cr_expect_eq(t.all.templates.slots[0], 2);
    cr_expect_eq(t.all.templates.slots[1], 3);
    for (size_t i = 0; i < 3; i++) {
        cr_expect(nw_template_is_constant(t.slots.items[i]));
    }
}

Test(options, what_is_wrong_leaves_the_default)
{
    read_options("{number: x, size: 1, flag: maybe, duration: 5, choice: four}");
    cr_expect_eq(t.diagnostics.errors, 4);
    cr_expect_eq(t.all.number, -5);
    cr_expect_eq(t.all.size, 1);
    cr_expect_eq(t.all.duration, 2000);
    cr_expect_eq(t.all.choice.index, 1);
}

Test(options, a_check_finds_the_place_of_an_option)
{
    static const struct {
        const char *option;
        size_t line, column;
    } cases[] = {{"text", 1, 7},         {"group.inner", 2, 16}, {"pairs.linger.ms", 3, 20},
                 {"pairs.absent", 3, 8}, {"group.absent", 2, 8}, {"absent", 77, 1},
                 {NULL, 77, 1}};
    struct nw_check check = {.reader = &t.reader, .address = {"c.yaml", 77, 1}};

    read_options("text: a\ngroup: {inner: b}\npairs: {linger.ms: 5}\n");
    check.options = t.map;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_mark mark = nw_check_mark(&check, cases[i].option);

        cr_expect(mark.line == cases[i].line && mark.column == cases[i].column, "%s: %zu:%zu",
                  cases[i].option, mark.line, mark.column);
    }
    nw_check_error(&check, "group.inner", "no %s", "good");
    nw_check_warning(&check, NULL, "hm");
    cr_assert_eq(t.diagnostics.count, 2);
    cr_expect_str_eq(t.diagnostics.items[0].text, "group.inner: no good");
    cr_expect_str_eq(t.diagnostics.items[1].text, "hm");
    cr_expect(t.diagnostics.items[1].warning);
}

Test(options, says_what_is_expected)
{
    static const struct {
        struct nw_option row;
        const char *expected;
    } cases[] = {
        {{.type = NW_OPTION_INT}, "a whole number"},
        {{.type = NW_OPTION_INT, .min = -1, .max = 5}, "a whole number from -1 to 5"},
        {{.type = NW_OPTION_INT, .min = 1, .max = INT64_MAX}, "a whole number at least 1"},
        {{.type = NW_OPTION_SIZE, .min = 1024, .max = 1048576},
         "a size like 64KiB, from 1KiB to 1MiB"},
        {{.type = NW_OPTION_DURATION, .min = 1, .max = 3600000},
         "a duration like 2s, from 1ms to 1h"},
        {{.type = NW_OPTION_CHOICE, .choices = "one"}, "one"},
        {{.type = NW_OPTION_CHOICE, .choices = "one|two="}, "one or {two: …}"},
        {{.type = NW_OPTION_CHOICE, .choices = "one|two|three"}, "one, two or three"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[200];

        nw_option_expected(&cases[i].row, expected, sizeof expected);
        cr_expect_str_eq(expected, cases[i].expected);
    }
}
