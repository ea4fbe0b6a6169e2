/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "mappings/glob.h"
#include "mappings/pattern.h"

Test(glob, matches_as_the_shell_does_and_tells_what_it_matched)
{
    static const struct {
        const char *pattern, *name, *matched; /* NULL: no match; else with | behind each */
    } rows[] = {
        {"a.csv", "a.csv", ""},
        {"a.csv", "b.csv", NULL},
        {"*", "abc", "abc|"},
        {"*", "", "|"},
        {"*", ".hidden", NULL},
        {".*", ".hidden", "hidden|"},
        {"*.csv", "a.csv", "a|"},
        {"*.csv", "a.b.csv", "a.b|"},
        {"*.csv", "csv", NULL},
        {"*-*.csv", "a-b-c.csv", "a|b-c|"},
        {"*-?", "a-b-c", "a-b|c|"},
        {"?at", "cat", "c|"},
        {"?at", "at", NULL},
        {"[a-c]x", "bx", "b|"},
        {"[!a-c]x", "bx", NULL},
        {"[^a-c]x", "dx", "d|"},
        {"[]a]x", "]x", "]|"},
        {"[x", "[x", ""},
        {"\\*x", "*x", ""},
        {"\\*x", "ax", NULL},
        {"a*b*c", "aXbYbZc", "X|YbZ|"},
        {"**", "ab", "|ab|"},
        {"", "", ""},
        {"", "a", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nw_slice matched[NW_GLOB_WILDCARDS];
        struct nw_slice pattern = nw_slice_text(rows[i].pattern);
        bool matches = nw_glob_match(pattern, nw_slice_text(rows[i].name), matched);
        cr_expect_eq(matches, rows[i].matched != NULL, "%s %s", rows[i].pattern, rows[i].name);
        if (matches && rows[i].matched != NULL) {
            char text[100] = "";
            size_t used = 0;
            for (size_t k = 0; k < nw_glob_wildcards(pattern); k++) {
                used += (size_t)snprintf(text + used, sizeof text - used, "%.*s|",
                                         (int)matched[k].len, matched[k].data);
            }
            cr_expect_str_eq(text, rows[i].matched, "%s %s", rows[i].pattern, rows[i].name);
        }
    }
}

Test(glob, a_hostile_name_costs_no_more_than_its_length)
{
    char name[20001];

    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_expect_not(nw_glob_match(NW_LITERAL("*a*a*a*a*a*a*a*a*b"), nw_slice_text(name), NULL));
}

Test(pattern, tells_what_each_wildcard_matched)
{
    static const struct {
        enum nw_address_kind kind;
        const char *pattern, *address;
        size_t count, n;
        const char *matched; /* NULL: nothing */
    } rows[] = {
        {NW_ADDRESS_SUBJECT, "a.*.c.*", "a.b.c.d", 2, 1, "b"},
        {NW_ADDRESS_SUBJECT, "a.*.c.*", "a.b.c.d", 2, 2, "d"},
        {NW_ADDRESS_SUBJECT, "a.*.c.*", "a.b.c.d", 2, 3, NULL},
        {NW_ADDRESS_SUBJECT, "a.>", "a.b.c", 1, 1, "b.c"},
        {NW_ADDRESS_SUBJECT, "a.>", "a", 1, 1, NULL},
        {NW_ADDRESS_SUBJECT, "a.b*", "a.b*", 0, 1, NULL},
        {NW_ADDRESS_TOPIC_MQTT, "+/b/#", "/b//x", 2, 1, ""},
        {NW_ADDRESS_TOPIC_MQTT, "+/b/#", "a/b//x", 2, 2, "/x"},
        {NW_ADDRESS_TOPIC_MQTT, "a/#", "a", 1, 1, NULL},
        {NW_ADDRESS_TOPIC_KAFKA, "orders", "orders", 0, 1, NULL},
        {NW_ADDRESS_HTTP_PATH, "POST /a/{x}/{y}", "/a/1/2", 2, 2, "2"},
        {NW_ADDRESS_HTTP_PATH, "/{x}", "/1", 1, 1, "1"},
        {NW_ADDRESS_FILE_PATH, "/in/*/*.csv", "/in/d/f.csv", 2, 1, "d"},
        {NW_ADDRESS_FILE_PATH, "/in/*/*.csv", "/in/d/f.csv", 2, 2, "f"},
        {NW_ADDRESS_FILE_PATH, "/in/*.csv", "/in/f.txt", 1, 1, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nw_pattern *p = NULL;
        struct nw_slice matched;
        cr_assert_eq(nw_pattern_compile(rows[i].kind, rows[i].pattern, &p), 0);
        cr_expect_eq(nw_pattern_wildcards(p), rows[i].count, "%s", rows[i].pattern);
        matched = nw_pattern_wildcard(p, nw_slice_text(rows[i].address), rows[i].n);
        cr_expect(nw_slice_equal(matched, nw_slice_text(rows[i].matched)), "%s %s: %.*s",
                  rows[i].pattern, rows[i].address, (int)matched.len, matched.data);
        nw_pattern_free(p);
    }
}

Test(pattern, knows_the_names_of_params)
{
    struct nw_pattern *p = NULL;

    cr_assert_eq(nw_pattern_compile(NW_ADDRESS_HTTP_PATH, "GET|POST /a/{one}/{two}", &p), 0);
    cr_expect(nw_slice_equal(nw_pattern_param(p, 0), NW_LITERAL("one")));
    cr_expect(nw_slice_equal(nw_pattern_param(p, 1), NW_LITERAL("two")));
    cr_expect_null(nw_pattern_param(p, 2).data);
    cr_expect_not(nw_pattern_is_rest(p, 1));
    nw_pattern_free(p);
    nw_pattern_free(NULL);
}

Test(pattern, the_path_of_an_http_address_has_no_method_or_host)
{
    static const struct {
        const char *address, *path;
    } rows[] = {{"/a/b", "/a/b"},     {"POST /a/b", "/a/b"}, {"GET https://h/a?q", "/a"},
                {"https://h:1", "/"}, {"/a b", "/a b"},      {"", ""}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nw_slice path =
            nw_address_path(NW_ADDRESS_HTTP_PATH, nw_slice_text(rows[i].address));
        cr_expect(nw_slice_equal(path, nw_slice_text(rows[i].path)), "%s: %.*s", rows[i].address,
                  (int)path.len, path.data);
    }
}
