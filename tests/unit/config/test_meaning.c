/* SPDX-License-Identifier: Apache-2.0 */
/* Which changes of a file change a route, and in which part; and which do not. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "fakes.h"

TestSuite(meaning, .init = folder_enter, .fini = folder_leave);

static struct nw_config *load(const char *text)
{
    struct nw_config *config = NULL;
    char *said = load_text(text, &config);

    cr_assert_not_null(config, "%s%s", text, said);
    free(said);
    return config;
}

/* The parts of the route r that differ, a letter each: f, m, t, o. */
static void difference(const struct nw_config *a, const struct nw_config *b, char out[NW_PARTS + 1])
{
    const struct nw_route_spec *x = nw_config_route(a, "r"), *y = nw_config_route(b, "r");
    size_t n = 0;

    for (int i = 0; i < NW_PARTS; i++) {
        if (strcmp(x->meaning[i], y->meaning[i]) != 0) {
            out[n++] = "fmto"[i];
        }
    }
    out[n] = '\0';
}

static void expect(const char *first, const char *second, const char *parts)
{
    struct nw_config *a = load(first), *b = load(second);
    char found[NW_PARTS + 1];

    difference(a, b, found);
    cr_expect_str_eq(found, parts, "%s\n---\n%s", first, second);
    nw_config_free(a);
    nw_config_free(b);
}

#define HEAD "connections: {kafka: {brokers: \"a:9092\"}}\n"
#define BASE "{r: {from: {kafka: t, group: g}, map: [{filter: \".a\"}], to: {nats: out}}}\n"

static const struct {
    const char *text, *parts;
} changes[] = {
    {HEAD "routes: " BASE, ""},
    {"# a word\nroutes: " BASE HEAD, ""},
    {HEAD "routes:\n  r:\n    to: {nats: \"out\"} # there\n    map:\n      - filter: .a\n"
          "    from:\n      kafka: t\n      group: g\n",
     ""},
    {HEAD "routes: {x: {from: {nats: a}, to: {nats: b}}, r: {from: {kafka: t, group: g}, map: "
          "[{filter: \".a\"}], to: {nats: out}}}\n",
     ""},
    {HEAD "templates: {k: {with: {g: }, from: {kafka: t, group: \"$(g)\"}, map: [{filter: \".a\"}],"
          " to: {nats: out}}}\nroutes: {r: {use: k, with: {g: g}}}\n",
     ""},
    {HEAD "defaults: {lanes: 1}\nroutes: " BASE, ""},
    {HEAD "defaults: {lanes: 2}\nroutes: " BASE, "o"},
    {HEAD "dead_letter: dlq\nroutes: " BASE, "o"},
    {HEAD "routes: {r: {from: {kafka: t, group: h}, map: [{filter: \".a\"}], to: {nats: out}}}\n",
     "f"},
    {HEAD "routes: {r: {from: {kafka: t, group: g}, map: [{filter: \".b\"}], to: {nats: out}}}\n",
     "m"},
    {HEAD "routes: {r: {from: {kafka: t, group: g}, map: [{filter: \".a\"}], to: {nats: oux}}}\n",
     "t"},
    {HEAD "routes: {r: {description: d, from: {kafka: t, group: g}, map: [{filter: \".a\"}], to: "
          "{nats: out}}}\n",
     ""},
    {HEAD "routes: {r: {order: key, from: {kafka: t, group: g}, map: [{filter: \".a\"}], to: "
          "[{nats: out, when: .x}]}}\n",
     "to"},
};

Test(meaning, changes_with_what_is_meant_and_not_with_how_it_is_written)
{
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        expect(changes[0].text, changes[i].text, changes[i].parts);
    }
}

/* Load text, change something outside of it, and load it again. */
static void expect_outside(const char *text, void (*change)(void), const char *parts)
{
    struct nw_config *a = load(text), *b;
    char found[NW_PARTS + 1];

    change();
    b = load(text);
    difference(a, b, found);
    cr_expect_str_eq(found, parts, "%s", text);
    nw_config_free(a);
    nw_config_free(b);
}

static void change_secret(void)
{
    folder_write("secret", "another");
}

static void change_table(void)
{
    folder_write("table.json", "{\"a\": 2}");
}

Test(meaning, knows_what_came_from_outside)
{
    folder_write("secret", "one");
    folder_write("table.json", "{\"a\": 1}");
    expect_outside("routes: {r: {from: {nats: \"${file:secret}\"}, to: {nats: b}}}\n",
                   change_secret, "f");
    expect_outside("routes: {r: {from: {nats: a}, map: [{lookup: {file: table.json, key: .k, into: "
                   ".v}}], to: {nats: b}}}\n",
                   change_table, "");
}

Test(meaning, of_a_connection_has_its_files)
{
    static const char text[] = "nats: {tls: {ca: secret}}\n"
                               "routes: {r: {from: {nats: a}, to: {nats: b}}}\n";
    struct nw_config *a, *b;

    folder_write("secret", "one");
    a = load(text);
    b = load(text);
    cr_expect_str_eq(a->nats->meaning, b->nats->meaning);
    nw_config_free(b);
    change_secret();
    b = load(text);
    cr_expect_str_neq(a->nats->meaning, b->nats->meaning);
    nw_config_free(a);
    nw_config_free(b);
}
