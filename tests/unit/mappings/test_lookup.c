/* SPDX-License-Identifier: Apache-2.0 */
/* Tables, what they are made from, and the step lookup in a map. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "mappings/map.h"

static struct nw_looked_up text(const char *s)
{
    return (struct nw_looked_up){nw_slice_text(s), false};
}

/* ---- tables ---- */

static void expect_value(const struct nw_values *t, const char *key, const char *want)
{
    struct nw_looked_up found;

    if (!nw_values_find(t, nw_slice_text(key), &found)) {
        cr_expect_null(want, "%s is missing", key);
        return;
    }
    cr_assert_not_null(want, "%s is there", key);
    cr_expect(nw_slice_equal(found.bytes, nw_slice_text(want)), "%s is %.*s", key,
              (int)found.bytes.len, found.bytes.data);
}

Test(lookup, a_table_keeps_the_newest_of_each_key)
{
    struct nw_values *t = nw_values_new();
    char key[32], value[32];

    expect_value(t, "k1", NULL);
    nw_values_remove(t, NW_LITERAL("k1"));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5000; i++) {
            (void)snprintf(key, sizeof key, "k%d", i);
            (void)snprintf(value, sizeof value, "v%d", i + round);
            cr_assert_eq(nw_values_put(t, nw_slice_text(key), text(value)), 0);
        }
        cr_expect_eq(nw_values_count(t), 5000);
    }
    for (int i = 0; i < 5000; i += 2) {
        (void)snprintf(key, sizeof key, "k%d", i);
        nw_values_remove(t, nw_slice_text(key));
    }
    cr_expect_eq(nw_values_count(t), 2500);
    expect_value(t, "k4", NULL);
    expect_value(t, "k5", "v6");
    expect_value(t, "k4999", "v5000");
    cr_assert_eq(nw_values_put(t, NW_LITERAL(""), text("")), 0);
    expect_value(t, "", "");
    nw_values_free(t);
}

/* ---- files ---- */

static struct nw_values *parse(const struct nw_lookup_layout *layout, const char *bytes)
{
    struct nw_values *t = NULL;
    struct nw_error error = {.text = ""};

    cr_assert_eq(nw_lookup_parse(layout, nw_slice_text(bytes), &t, &error), 0, "%s", error.text);
    return t;
}

static void expect_refused(const struct nw_lookup_layout *layout, const char *bytes,
                           const char *why)
{
    struct nw_values *t = NULL;
    struct nw_error error = {.text = ""};

    cr_expect_eq(nw_lookup_parse(layout, nw_slice_text(bytes), &t, &error), NW_EINVAL);
    cr_expect_str_eq(error.text, why);
}

#define CSV(...) ((struct nw_lookup_layout){.format = NW_LOOKUP_CSV, .delimiter = ',', __VA_ARGS__})
#define JSON(...) ((struct nw_lookup_layout){.format = NW_LOOKUP_JSON, __VA_ARGS__})

Test(lookup, csv_of_two_columns_gives_text_and_of_more_objects)
{
    struct nw_values *t = parse(&CSV(.by = NULL), "\xEF\xBB\xBF"
                                                  "code,name\r\n7,seven\r\n\"8\",\"a,\nb\"\r\n");

    cr_expect_eq(nw_values_count(t), 2);
    expect_value(t, "7", "seven");
    expect_value(t, "8", "a,\nb");
    nw_values_free(t);
    t = parse(&CSV(.by = NULL), "code,name,unit\n7,\"se\"\"ven\",kg\n");
    expect_value(t, "7", "{\"code\":\"7\",\"name\":\"se\\\"ven\",\"unit\":\"kg\"}");
    nw_values_free(t);
    t = parse(&CSV(.by = "name", .take = "unit"), "code,name,unit\n7,seven,kg\n");
    expect_value(t, "seven", "kg");
    nw_values_free(t);
    t = parse(&CSV(.by = "name"), "code,name\n7,seven\n7,eight\n7,seven\n");
    expect_value(t, "eight", "7");
    nw_values_free(t);
}

Test(lookup, json_has_its_keys_or_a_member_that_is_the_key)
{
    struct nw_values *t = parse(&JSON(.by = NULL), "{\"a\":\"x\",\"b\":{\"n\":1},\"c\":null}");

    expect_value(t, "a", "x");
    expect_value(t, "b", "{\"n\":1}");
    expect_value(t, "c", "null");
    nw_values_free(t);
    t = parse(&JSON(.by = "id", .take = ".name.de"),
              "[{\"id\":7,\"name\":{\"de\":\"sieben\"}},{\"id\":\"8\",\"name\":{}}]");
    cr_expect_eq(nw_values_count(t), 1);
    expect_value(t, "7", "sieben");
    nw_values_free(t);
}

Test(lookup, what_is_wrong_with_a_file_is_said_with_its_place)
{
    expect_refused(&CSV(.by = NULL), "", "line 1: the names of the columns are missing");
    expect_refused(&CSV(.by = NULL), "a,b\n1,2\n3\n", "line 3 has 1 field, expected 2");
    expect_refused(&CSV(.by = NULL), "a,b\n1,\"2\n3", "csv: line 2: a quoted field does not end");
    expect_refused(&CSV(.by = NULL), "a,b\n1,2\n\n1,3\n",
                   "line 4: there was another value for the key \"1\" before it");
    expect_refused(&CSV(.by = "cod"), "code,b\n",
                   "line 1: there is no column \"cod\"; did you mean \"code\"?");
    expect_refused(&CSV(.by = NULL), "a,b\n\xE4,2\n", "it is not UTF-8");
    expect_refused(&JSON(.by = NULL), "{\"a\":1,\n\"b\":}",
                   "not JSON: unexpected character at line 2, column 5");
    expect_refused(&JSON(.by = NULL), "", "not JSON: it ends too soon at line 1, column 1");
    expect_refused(&JSON(.by = NULL), "7",
                   "expected an object, or an array of objects, found a number");
    expect_refused(&JSON(.by = NULL), "[{}]",
                   "an array needs by: the member of its objects that is the key");
    expect_refused(&JSON(.by = "k"), "[{\"k\":1},{\"k\":[]}]",
                   "item 2 has no text or number in \"k\"");
    expect_refused(&JSON(.by = "k"), "[{\"k\":1},{\"k\":\"1\"}]",
                   "item 2: there was another value for the key \"1\" before it");
}

Test(lookup, an_entry_of_a_bucket_is_json_or_text)
{
    struct nw_buffer scratch = {0};
    struct nw_looked_up v;

    cr_expect(nw_lookup_entry(NW_LITERAL("{\"a\": 1}"), NULL, &scratch, &v) && v.is_json);
    cr_expect(nw_lookup_entry(NW_LITERAL("one two"), NULL, &scratch, &v) && !v.is_json);
    cr_expect(nw_lookup_entry(NW_LITERAL("\xE4"), NULL, &scratch, &v) && !v.is_json);
    cr_expect(nw_lookup_entry(NW_LITERAL(""), NULL, &scratch, &v) && !v.is_json);
    cr_expect(nw_lookup_entry(NW_LITERAL("{\"a\":{\"b\":\"x\"}}"), ".a.b", &scratch, &v) &&
              nw_slice_equal(v.bytes, NW_LITERAL("x")) && !v.is_json);
    cr_expect(!nw_lookup_entry(NW_LITERAL("{\"a\":1}"), "b", &scratch, &v));
    cr_expect(!nw_lookup_entry(NW_LITERAL("text"), "b", &scratch, &v));
    nw_buffer_done(&scratch);
}

/* ---- the step ---- */

static struct nw_mapper *mapper;
static struct nw_map *map;
static struct nw_lookup *lookup;
static struct nw_json_path *into;
static struct nw_lookup_rule rule;

static void begin(void)
{
    struct nw_error error;

    mapper = nw_mapper_new();
    map = nw_map_new();
    lookup = nw_lookup_new("codes.csv");
    cr_assert_eq(nw_json_path_compile(NW_LITERAL(".x.y"), &into, &error), 0);
    rule = (struct nw_lookup_rule){.lookup = lookup, .into = into};
}

static void end(void)
{
    nw_map_free(map);
    nw_mapper_free(mapper);
    nw_lookup_free(lookup);
    nw_json_path_free(into);
    cr_expect_eq(nw_message_alive(), 0);
}

TestSuite(lookup_step, .init = begin, .fini = end);

static void add_step(const char *key)
{
    struct nw_program *p = NULL;
    struct nw_error error;

    cr_assert_eq(nw_program_compile(nw_slice_text(key), &p, &error), 0);
    cr_assert_eq(nw_map_add_lookup(map, p, &rule, NULL), 0);
}

static void load(void)
{
    struct nw_values *t = nw_values_new();

    (void)nw_values_put(t, NW_LITERAL("7"), text("seven"));
    (void)nw_values_put(t, NW_LITERAL("true"), text("yes"));
    (void)nw_values_put(t, NW_LITERAL("a.b"), text("dots"));
    (void)nw_values_put(t, NW_LITERAL("a=20b"), text("blank"));
    (void)nw_values_put(t, NW_LITERAL("o"),
                        (struct nw_looked_up){NW_LITERAL("{\"n\": [1]}"), true});
    nw_lookup_replace(lookup, t);
}

/* The payload that comes out of it, or why none did: it is the same until the next call. */
static const char *run_slice(struct nw_slice payload, enum nw_map_outcome outcome)
{
    static char said[600];
    struct nw_message *m = nw_message_make();
    struct nw_mapped mapped;

    nw_message_set_payload(m, payload);
    cr_assert_eq(nw_map_run(map, mapper, m, &mapped), 0);
    cr_expect_eq(mapped.outcome, outcome, "%.*s: %d", (int)payload.len, payload.data,
                 (int)mapped.outcome);
    if (mapped.outcome == NW_MAPPED) {
        struct nw_slice out = mapped.messages->payload;
        (void)snprintf(said, sizeof said, "%.*s", (int)out.len, out.data == NULL ? "" : out.data);
        nw_message_unref(mapped.messages);
    } else {
        (void)snprintf(said, sizeof said, "%s", mapped.error.text);
    }
    nw_message_unref(m);
    return said;
}

static const char *run(const char *payload, enum nw_map_outcome outcome)
{
    return run_slice(nw_slice_text(payload), outcome);
}

Test(lookup_step, the_value_goes_where_it_is_wanted)
{
    add_step(".code");
    load();
    cr_expect_str_eq(run("{\"code\":7}", NW_MAPPED), "{\"code\":7,\"x\":{\"y\":\"seven\"}}");
    cr_expect_str_eq(run("{\"code\":\"7\",\"x\":{\"y\":1,\"z\":2}}", NW_MAPPED),
                     "{\"code\":\"7\",\"x\":{\"y\":\"seven\",\"z\":2}}");
    cr_expect_str_eq(run("{\"code\":\"o\"}", NW_MAPPED),
                     "{\"code\":\"o\",\"x\":{\"y\":{\"n\":[1]}}}");
    cr_expect_str_eq(run("{\"code\":true}", NW_MAPPED), "{\"code\":true,\"x\":{\"y\":\"yes\"}}");
}

Test(lookup_step, what_is_not_there_rejects_and_is_named)
{
    add_step(".code");
    load();
    cr_expect_str_eq(run("{\"code\":\"q\"}", NW_MAP_REJECTED),
                     "lookup: there is no \"q\" in codes.csv");
    cr_expect_str_eq(run("{}", NW_MAP_REJECTED),
                     "lookup: there is no key to look for in codes.csv");
    cr_expect_str_eq(run("{\"code\":[]}", NW_MAP_REJECTED),
                     "lookup: key: expected a text or a number, found an array");
    cr_expect_str_eq(run("{\"code\":7,\"x\":[]}", NW_MAP_REJECTED),
                     "lookup: into: Cannot index array with string \"y\"");
    cr_expect_str_eq(run("no", NW_MAP_REJECTED),
                     "not JSON: unexpected character at line 1, column 1");
}

Test(lookup_step, or_it_is_kept_as_it_is_byte_for_byte)
{
    rule.missing = NW_MISSING_KEEP;
    add_step(".code");
    load();
    cr_expect_str_eq(run("{ \"code\": 1.50 }", NW_MAPPED), "{ \"code\": 1.50 }");
    cr_expect_str_eq(run("{ }", NW_MAPPED), "{ }");
}

Test(lookup_step, or_gets_another_value)
{
    rule.missing = NW_MISSING_VALUE;
    rule.value = NW_LITERAL("[null]");
    add_step(".code");
    load();
    cr_expect_str_eq(run("{\"code\":1}", NW_MAPPED), "{\"code\":1,\"x\":{\"y\":[null]}}");
    cr_expect_str_eq(run("{}", NW_MAPPED), "{\"x\":{\"y\":[null]}}");
}

Test(lookup_step, without_a_table_it_waits_and_without_hope_it_rejects)
{
    rule.missing = NW_MISSING_KEEP;
    add_step(".code");
    cr_expect_str_eq(run("{\"code\":7}", NW_MAP_LATER), "lookup: codes.csv: it is not loaded yet");
    cr_expect_str_eq(run("{}", NW_MAP_LATER), "lookup: codes.csv: it is not loaded yet");
    load();
    (void)run("{\"code\":7}", NW_MAPPED);
    nw_lookup_closed(lookup, "no network");
    cr_expect_str_eq(run("{\"code\":7}", NW_MAP_REJECTED), "lookup: codes.csv: no network");
}

Test(lookup_step, a_tombstone_stays_one)
{
    add_step("\"7\"");
    load();
    cr_expect_str_eq(run_slice(NW_ABSENT, NW_MAPPED), "");
}

Test(lookup_step, the_key_of_a_bucket_may_be_one_that_had_to_be_escaped)
{
    rule.kv = true;
    add_step(".code");
    load();
    cr_expect_str_eq(run("{\"code\":\"a.b\"}", NW_MAPPED),
                     "{\"code\":\"a.b\",\"x\":{\"y\":\"dots\"}}");
    cr_expect_str_eq(run("{\"code\":\"a b\"}", NW_MAPPED),
                     "{\"code\":\"a b\",\"x\":{\"y\":\"blank\"}}");
    cr_expect_str_eq(run("{\"code\":\"\"}", NW_MAP_REJECTED),
                     "lookup: there is no \"\" in codes.csv");
}

Test(lookup_step, single_keys_change_while_it_is_used)
{
    add_step(".code");
    load();
    cr_expect_eq(nw_lookup_put(lookup, NW_LITERAL("9"), text("nine")), 0);
    nw_lookup_remove(lookup, NW_LITERAL("7"));
    cr_expect_str_eq(run("{\"code\":9}", NW_MAPPED), "{\"code\":9,\"x\":{\"y\":\"nine\"}}");
    (void)run("{\"code\":7}", NW_MAP_REJECTED);
}
