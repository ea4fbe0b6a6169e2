/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "config/yaml.h"

/* A text parsed; done() frees it. */
struct parsed {
    struct nw_arena *arena;
    struct nw_node *root;
    struct nw_diagnostics diagnostics;
    int rc;
};

static struct parsed parse(const char *text)
{
    static const struct nw_file file = {.name = "c.yaml", .folder = "/etc"};
    struct parsed p = {.arena = nw_arena_new()};

    p.rc = nw_yaml_parse(nw_slice_text(text), &file, p.arena, &p.diagnostics, &p.root);
    return p;
}

static void done(struct parsed *p)
{
    nw_diagnostics_done(&p->diagnostics);
    nw_arena_free(p->arena);
}

static const struct nw_node *get(const struct nw_node *node, const char *key)
{
    const struct nw_item *item = nw_node_get(node, key);

    cr_assert_not_null(item, "%s", key);
    return item->value;
}

static void expect_mark(struct nw_mark mark, size_t line, size_t column)
{
    cr_expect_str_eq(mark.file, "c.yaml");
    cr_expect(mark.line == line && mark.column == column, "%zu:%zu instead of %zu:%zu", mark.line,
              mark.column, line, column);
}

Test(yaml, knows_where_everything_stands)
{
    struct parsed p = parse("# a comment\n"
                            "name: plant-1\n"
                            "list:\n"
                            "  - one\n"
                            "  - {deep: \"two\"}\n");
    const struct nw_node *list = get(p.root, "list");

    cr_assert_eq(p.rc, 0);
    cr_expect_eq(p.diagnostics.count, 0);
    cr_expect_eq(p.root->count, 2);
    expect_mark(p.root->items[0].mark, 2, 1);
    expect_mark(get(p.root, "name")->mark, 2, 7);
    cr_expect_str_eq(get(p.root, "name")->text.data, "plant-1");
    cr_expect_eq(list->kind, NW_NODE_LIST);
    cr_expect_eq(list->count, 2);
    expect_mark(list->items[0].value->mark, 4, 5);
    expect_mark(get(list->items[1].value, "deep")->mark, 5, 12);
    cr_expect_eq(list->height, 2);
    cr_expect_eq(p.root->weight, 6);
    done(&p);
}

Test(yaml, tells_nothing_from_an_empty_text)
{
    struct parsed p = parse("a:\nb: ~\nc: null\nd: ''\ne: \"null\"\n");

    cr_expect(get(p.root, "a")->null);
    cr_expect(get(p.root, "b")->null);
    cr_expect(get(p.root, "c")->null);
    cr_expect_not(get(p.root, "d")->null);
    cr_expect_not(get(p.root, "e")->null);
    done(&p);
}

Test(yaml, each_byte_of_a_text_has_a_place)
{
    static const struct {
        const char *yaml;
        size_t at, line, column;
    } cases[] = {
        {"a: orders.x", 7, 1, 11},
        {"a: orders.x", 8, 1, 12},
        {"a: 'orders.x'", 7, 1, 12},
        {"a: \"orders.x\"", 7, 1, 12},
        {"a: \"gr\xC3\xBC.x\"", 5, 1, 9},
        {"\xEF\xBB\xBF"
         "a: x.y",
         2, 1, 6},
        {"a: \"or\\u0064ers\"", 4, 1, 14},
        {"a: \"\\x22\\t\\\\ \\U0001F600\\\"\\_x\"", 12, 1, 29},
        {"a: 'it''s'", 3, 1, 9},
        {"b: &x [c]\na: &y !!str 'it''s'", 3, 2, 18},
        {"a: |\n  orders.x\n", 4, 2, 7},
        {"\n\na: |2- # why\n\n   b c\n\n   d", 9, 7, 5},
        {"a: >\n  one\n  two\n\n  three\n", 8, 5, 3},
        {"a: >-\r\n  one\r\n  two three\r\n", 8, 3, 7},
        {"a: one\n  two", 4, 2, 3},
        {"a: 'one\n\n  two'", 4, 3, 3},
        {"a: \"one\\\n  two\\n\n  three\"", 8, 3, 3},
        {"a: \"one\\n\\\n  two\"", 3, 1, 8},
        {"a: \"$${x}y\"", 4, 1, 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct parsed p = parse(cases[i].yaml);
        const struct nw_node *node = get(p.root, "a");
        struct nw_mark mark = nw_node_at(node, cases[i].at);

        cr_expect_eq(p.diagnostics.count, 0, "%s", cases[i].yaml);
        cr_expect(mark.line == cases[i].line && mark.column == cases[i].column,
                  "%s: %zu:%zu instead of %zu:%zu", cases[i].yaml, mark.line, mark.column,
                  cases[i].line, cases[i].column);
        mark = nw_node_at(node, 1000);
        cr_expect_eq(mark.column, node->mark.column);
        done(&p);
    }
}

Test(yaml, values_come_from_outside_after_parsing)
{
    struct parsed p;

    (void)setenv("NATSWAY_TEST", "x, y: [z", 1);
    p = parse("a: ${NATSWAY_TEST}\n"
              "b: [\"<${NATSWAY_TEST}>\", '$${NATSWAY_TEST}'] # ${NATSWAY_TEST_UNSET}\n"
              "${NATSWAY_TEST}: key\n");
    cr_assert_eq(p.diagnostics.count, 0);
    cr_expect_str_eq(get(p.root, "a")->text.data, "x, y: [z");
    cr_expect_str_eq(get(p.root, "a")->written, "${NATSWAY_TEST}");
    cr_expect_eq(get(p.root, "b")->count, 2);
    cr_expect_str_eq(get(p.root, "b")->items[0].value->text.data, "<x, y: [z>");
    cr_expect_str_eq(get(p.root, "b")->items[1].value->text.data, "${NATSWAY_TEST}");
    cr_expect_str_eq(get(p.root, "${NATSWAY_TEST}")->text.data, "key");
    done(&p);
}

Test(yaml, an_alias_is_its_anchor)
{
    struct parsed p = parse("a: &x {k: [1, 2]}\nb: *x\n");

    cr_assert_eq(p.rc, 0);
    cr_expect_eq(get(p.root, "b"), get(p.root, "a"));
    cr_expect_eq(p.root->weight, 9);
    done(&p);
}

/* Nine levels of ten aliases each: a kilobyte that would be a thousand million values. */
Test(yaml, a_bomb_of_aliases_is_refused)
{
    struct nw_buffer b = {0};
    struct parsed p;

    nw_buffer_add_text(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 9; i++) {
        nw_buffer_add_format(&b, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++) {
            nw_buffer_add_format(&b, "%s*a%d", j == 0 ? "" : ", ", i - 1);
        }
        nw_buffer_add_text(&b, "]\n");
    }
    p = parse(nw_buffer_text(&b));
    cr_expect_eq(p.rc, NW_EINVAL);
    cr_assert_eq(p.diagnostics.count, 1);
    cr_expect_str_eq(p.diagnostics.items[0].text, "more than 4000000 values, aliases followed");
    nw_buffer_done(&b);
    done(&p);
}

Test(yaml, depth_has_a_limit_also_through_aliases)
{
    struct nw_buffer b = {0};
    struct parsed p;

    for (int i = 0; i < 100000; i++) {
        nw_buffer_add_char(&b, '[');
    }
    p = parse(nw_buffer_text(&b));
    cr_assert_eq(p.diagnostics.count, 1);
    cr_expect_str_eq(p.diagnostics.items[0].text, "more than 64 levels");
    done(&p);

    nw_buffer_clear(&b);
    nw_buffer_add_text(&b, "a0: &a0 [x]\n");
    for (int i = 1; i < 100; i++) {
        nw_buffer_add_format(&b, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    }
    p = parse(nw_buffer_text(&b));
    cr_assert_eq(p.diagnostics.count, 1);
    cr_expect_str_eq(p.diagnostics.items[0].text, "more than 64 levels with *a62 followed");
    nw_buffer_done(&b);
    done(&p);
}

Test(yaml, finds_a_key_given_twice_among_thousands)
{
    struct nw_buffer b = {0};
    struct parsed p;

    for (int i = 0; i < 5000; i++) {
        nw_buffer_add_format(&b, "k%d: 1\n", i);
    }
    nw_buffer_add_text(&b, "k17: 2\nk4999: 3\n");
    p = parse(nw_buffer_text(&b));
    cr_expect_eq(p.rc, 0);
    cr_assert_eq(p.diagnostics.count, 2);
    cr_expect_str_eq(p.diagnostics.items[0].text, "\"k17\" is given twice, first in line 18");
    expect_mark(p.diagnostics.items[0].mark, 5001, 1);
    cr_expect_eq(p.root->count, 5000);
    cr_expect_str_eq(get(p.root, "k17")->text.data, "1");
    nw_buffer_done(&b);
    done(&p);
}

Test(yaml, mistakes_in_a_route_have_its_name)
{
    struct parsed p = parse("routes:\n"
                            "  a: {x: 1, x: 2}\n"
                            "  b: {routes: {c: {y: 1, y: 2}}}\n"
                            "other: {z: 1, z: 2}\n");

    cr_assert_eq(p.diagnostics.count, 3);
    cr_expect_str_eq(p.diagnostics.items[0].route, "a");
    cr_expect_str_eq(p.diagnostics.items[1].route, "b");
    cr_expect_null(p.diagnostics.items[2].route);
    done(&p);
}

Test(yaml, nothing_is_no_mistake)
{
    static const char *const cases[] = {"", "# only a comment\n", "---\n", "\n\n"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct parsed p = parse(cases[i]);

        cr_expect_eq(p.rc, 0, "%s", cases[i]);
        cr_expect(p.root == NULL || p.root->null, "%s", cases[i]);
        done(&p);
    }
}

Test(node, shows_what_was_found)
{
    static const struct {
        const char *yaml, *shown;
    } cases[] = {
        {"[a]", "a list"},
        {"{a: b}", "a mapping"},
        {"~", "nothing"},
        {"''", "\"\""},
        {"orders", "\"orders\""},
        {"|\n  one\n  two\n", "\"one…\""},
        {"0123456789012345678901234567890123456789012345678901234567890123456789",
         "\"012345678901234567890123456789012345678901234567890123456789…\""},
        {"a2345678901234567890123456789012345678901234567890123456789\xC3\xBCz",
         "\"a2345678901234567890123456789012345678901234567890123456789…\""},
        {"${NATSWAY_TEST:-secret}", "the value of \"${NATSWAY_TEST:-secret}\""},
    };
    (void)unsetenv("NATSWAY_TEST");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct parsed p = parse(cases[i].yaml);
        char shown[NW_NODE_SHOWN];

        cr_expect_str_eq(nw_node_show(p.root, shown), cases[i].shown);
        done(&p);
    }
}
