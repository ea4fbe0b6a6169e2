/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "mappings/map.h"

static struct nw_mapper *mapper;
static struct nw_map *map;
static struct nw_message *original;
static struct nw_mapped mapped;

static const struct nw_template_scope scope = {.bridge = "b",
                                               .route = "r",
                                               .address = NW_ADDRESS_SUBJECT,
                                               .pattern = "a.*",
                                               .has =
                                                   NW_HAS(NW_META_KEY) | NW_HAS(NW_META_SEQUENCE)};

static void begin(void)
{
    mapper = nw_mapper_new();
    map = nw_map_new();
    original = nw_message_make();
    nw_message_set_address(original, NW_LITERAL("a.x"));
    nw_message_set_key(original, NW_LITERAL("k1"));
    nw_message_set_origin(original, NW_LITERAL("o-1"));
    nw_message_set_number(original, NW_META_SEQUENCE, 7);
    nw_message_set_timestamp(original, INT64_C(1767225600000000000));
    (void)nw_message_add_header(original, NW_LITERAL("X-A"), NW_LITERAL("1"));
    (void)nw_message_add_header(original, NW_LITERAL("X-A"), NW_LITERAL("2"));
    (void)nw_message_add_header(original, NW_LITERAL("Y"), NW_LITERAL("3"));
}

static void end(void)
{
    while (mapped.messages != NULL) {
        struct nw_message *next = mapped.messages->next;
        nw_message_unref(mapped.messages);
        mapped.messages = next;
    }
    nw_message_unref(original);
    nw_map_free(map);
    nw_mapper_free(mapper);
    cr_expect_eq(nw_message_alive(), 0);
}

static struct nw_program *program(const char *text)
{
    struct nw_program *p = NULL;
    struct nw_error error = {.text = ""};

    cr_assert_eq(nw_program_compile(nw_slice_text(text), &p, &error), 0, "%s: %s", text,
                 error.text);
    return p;
}

static struct nw_template *template(const char *text)
{
    struct nw_template *t = NULL;
    struct nw_error error = {.text = ""};

    cr_assert_eq(nw_template_compile(nw_slice_text(text), NW_FILL_TEXT, &scope, &t, &error), 0,
                 "%s", error.text);
    return t;
}

static void run(const char *payload)
{
    nw_message_set_payload(original, nw_slice_text(payload));
    cr_assert_eq(nw_map_run(map, mapper, original, &mapped), 0);
}

static void expect_payload(const char *payload)
{
    cr_assert_eq(mapped.outcome, NW_MAPPED, "%s", mapped.error.text);
    cr_expect(nw_slice_equal(nw_message_payload(mapped.messages), nw_slice_text(payload)), "%.*s",
              (int)mapped.messages->payload.len, mapped.messages->payload.data);
}

Test(map, without_steps_everything_passes_as_it_is, .init = begin, .fini = end)
{
    run("\xff no json");
    expect_payload("\xff no json");
    cr_expect_eq(mapped.messages->payload.data, original->payload.data, "the bytes were copied");
    cr_expect(nw_slice_equal(nw_message_key(mapped.messages), NW_LITERAL("k1")));
}

Test(map, a_filter_keeps_by_jq_truth_and_leaves_the_bytes_alone, .init = begin, .fini = end)
{
    (void)nw_map_add_filter(map, program(".n > 1"), NULL);
    run("{ \"n\" : 2.50 }");
    expect_payload("{ \"n\" : 2.50 }");
    nw_message_unref(mapped.messages);
    run("{\"n\":1}");
    cr_expect_eq(mapped.outcome, NW_MAP_FILTERED);
    cr_expect_eq(mapped.step, 1);
}

Test(map, null_and_nothing_are_not_true, .init = begin, .fini = end)
{
    (void)nw_map_add_filter(map, program(".a"), NULL);
    run("{\"a\":0}");
    expect_payload("{\"a\":0}");
    nw_message_unref(mapped.messages);
    run("{}");
    cr_expect_eq(mapped.outcome, NW_MAP_FILTERED);
}

Test(map, a_payload_is_one_value, .init = begin, .fini = end)
{
    (void)nw_map_add_payload(map,
                             program("if .n == 0 then empty elif .n == 1 then 1, 2 "
                                     "elif .n == 2 then error(\"bad n\") else {t: .n} end"),
                             NULL);
    run("{\"n\": 3}");
    expect_payload("{\"t\":3}");
    nw_message_unref(mapped.messages);
    run("{\"n\": 0}");
    cr_expect_eq(mapped.outcome, NW_MAP_FILTERED);
    run("{\"n\": 1}");
    cr_expect_eq(mapped.outcome, NW_MAP_REJECTED);
    cr_expect(strstr(mapped.error.text, "more than one value") != NULL);
    run("{\"n\": 2}");
    cr_expect_eq(mapped.outcome, NW_MAP_REJECTED);
    cr_expect_str_eq(mapped.error.text, "bad n");
}

Test(map, nothing_is_null, .init = begin, .fini = end)
{
    (void)nw_map_add_payload(map, program("[.]"), NULL);
    run("");
    expect_payload("[null]");
}

Test(map, what_is_not_json_is_rejected_with_the_reason, .init = begin, .fini = end)
{
    static const char *const cases[] = {" ", "{", "1 2", "\xff\xfe", "no json", "[\"a\" \"lost\"]"};

    (void)nw_map_add_filter(map, program("true or ."), NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run(cases[i]);
        cr_expect_eq(mapped.outcome, NW_MAP_REJECTED, "%s", cases[i]);
        cr_expect(strncmp(mapped.error.text, "not JSON", 8) == 0, "%s", mapped.error.text);
    }
}

Test(map, an_empty_payload_is_null, .init = begin, .fini = end)
{
    (void)nw_map_add_payload(map, program("{was: ., key: $meta.key}"), NULL);
    run("");
    expect_payload("{\"was\":null,\"key\":\"k1\"}");
}

Test(map, meta_shows_what_the_source_knows, .init = begin, .fini = end)
{
    (void)nw_map_add_payload(map,
                             program("[$meta.address, $meta.key, $meta.sequence, $meta.timestamp,"
                                     " $meta.headers[\"X-A\"], $meta.header_values[\"X-A\"],"
                                     " $meta.id, .n]"),
                             NULL);
    run("{\"n\":1}");
    expect_payload("[\"a.x\",\"k1\",7,\"2026-01-01T00:00:00Z\",\"1\",[\"1\",\"2\"],\"o-1\",1]");
}

Test(map, steps_follow_each_other_on_the_new_value, .init = begin, .fini = end)
{
    (void)nw_map_add_payload(map, program("{a: .n}"), NULL);
    (void)nw_map_add_payload(map, program("{b: (.a + 1)}"), program(".a == 1"));
    (void)nw_map_add_filter(map, program("has(\"b\")"), NULL);
    run("{\"n\":1}");
    expect_payload("{\"b\":2}");
    nw_message_unref(mapped.messages);
    run("{\"n\":5}");
    cr_expect_eq(mapped.outcome, NW_MAP_FILTERED);
    cr_expect_eq(mapped.step, 3);
}

static struct nw_message *part(size_t i)
{
    struct nw_message *m = mapped.messages;

    for (; i > 0 && m != NULL; i--) {
        m = m->next;
    }
    return m;
}

static void expect_part(size_t i, uint32_t index, const char *payload)
{
    struct nw_message *m = part(i);

    cr_assert_not_null(m, "there is no part %zu", i);
    cr_expect_eq(m->split_index, index);
    cr_expect(nw_slice_equal(nw_message_payload(m), nw_slice_text(payload)), "%.*s",
              (int)m->payload.len, m->payload.data);
    cr_expect(nw_slice_equal(nw_message_key(m), NW_LITERAL("k1")));
}

Test(map, split_makes_a_message_of_each_value, .init = begin, .fini = end)
{
    (void)nw_map_add_split(map, program(".[]"), NULL);
    (void)nw_map_add_filter(map, program(". != 2"), NULL);
    (void)nw_map_add_payload(map, program("{n: .}"), NULL);
    run("[1, 2, 3.0]");
    cr_assert_eq(mapped.outcome, NW_MAPPED);
    expect_part(0, 0, "{\"n\":1}");
    expect_part(1, 2, "{\"n\":3}");
    cr_expect_null(part(2));
}

Test(map, split_in_a_split_keeps_the_numbers_apart, .init = begin, .fini = end)
{
    (void)nw_map_add_split(map, program(".[]"), NULL);
    (void)nw_map_add_split(map, program(".[]"), program("type == \"array\""));
    run("[[\"a\",\"b\"],\"c\",[\"d\"]]");
    expect_part(0, 1, "\"a\"");
    expect_part(1, 2, "\"b\"");
    expect_part(2, 3, "\"c\"");
    expect_part(3, 5, "\"d\"");
    cr_expect_null(part(4));
}

Test(map, a_part_is_refused_by_itself, .init = begin, .fini = end)
{
    (void)nw_map_add_split(map, program(".[]"), NULL);
    (void)nw_map_add_payload(map, program(".a"), NULL);
    run("[{\"a\":1},7,{\"a\":2}]");
    cr_assert_eq(mapped.outcome, NW_MAPPED);
    expect_part(0, 0, "1");
    expect_part(1, 1, "7");
    cr_expect_eq(part(1)->outcome, NW_REJECT);
    cr_expect_str_eq(part(1)->reason, "step 2 (payload): Cannot index number with string \"a\"");
    cr_expect(nw_slice_equal(part(1)->part, NW_LITERAL("7")));
    expect_part(2, 2, "2");
    cr_expect_eq(part(2)->outcome, NW_ACK);
}

Test(map, nothing_to_split_is_filtered_and_an_error_refuses_the_whole, .init = begin, .fini = end)
{
    (void)nw_map_add_split(map, program(".[] | if . == 2 then error(\"two\") else . end"), NULL);
    run("[]");
    cr_expect_eq(mapped.outcome, NW_MAP_FILTERED);
    cr_expect_eq(mapped.step, 1);
    run("[1,2]");
    cr_expect_eq(mapped.outcome, NW_MAP_REJECTED);
    cr_expect_str_eq(mapped.error.text, "two");
    cr_expect_null(mapped.messages);
}

Test(map, a_split_has_an_end, .init = begin, .fini = end)
{
    (void)nw_map_add_split(map, program("range(.)"), NULL);
    run("100001");
    cr_expect_eq(mapped.outcome, NW_MAP_REJECTED);
    cr_expect_str_eq(mapped.error.text, "the rule gave more than 100000 values");
}

Test(map, set_and_remove_change_the_outgoing_message_only, .init = begin, .fini = end)
{
    (void)nw_map_add_set(map, NW_MAP_KEY, NW_ABSENT, template("{{key}}-2"), NULL);
    (void)nw_map_add_set(map, NW_MAP_HEADER, NW_LITERAL("Z"), template("{{json('.n')}}"), NULL);
    (void)nw_map_add_remove(map, NW_LITERAL("x-*"), NULL);
    run("{\"n\":5}");
    expect_payload("{\"n\":5}");
    cr_expect(nw_slice_equal(nw_message_key(mapped.messages), NW_LITERAL("k1-2")));
    cr_expect_eq(nw_message_header_count(mapped.messages), 2);
    cr_expect(
        nw_slice_equal(nw_message_find_header(mapped.messages, NW_LITERAL("z")), NW_LITERAL("5")));
    cr_expect_eq(nw_message_header_count(original), 3);
    cr_expect(nw_slice_equal(nw_message_key(original), NW_LITERAL("k1")));
}

Test(map, a_null_value_takes_the_key_away, .init = begin, .fini = end)
{
    (void)nw_map_add_set(map, NW_MAP_KEY, NW_ABSENT, NULL, NULL);
    run("{}");
    cr_expect(nw_message_key(mapped.messages).data == NULL);
}

Test(map, reject_gives_its_reason, .init = begin, .fini = end)
{
    (void)nw_map_add_reject(map, template("no {{key}}"), program(".n == 1"));
    run("{\"n\":1}");
    cr_expect_eq(mapped.outcome, NW_MAP_REJECTED);
    cr_expect_str_eq(mapped.error.text, "no k1");
    run("{\"n\":2}");
    expect_payload("{\"n\":2}");
}

Test(program, refuses_what_reaches_outside)
{
    static const struct {
        const char *text;
        size_t at;
    } cases[] = {{"env", 0},
                 {"$ENV.HOME", 1},
                 {". | input", 4},
                 {"[inputs]", 1},
                 {"import \"a\" as a; .", 0},
                 {"\"\\(env.HOME)\"", 3},
                 {"halt", 0}};
    static const char *const allowed[] = {".env", "{env: 1}", "\"env\"", ". # env", ".a.input"};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_program *p = NULL;
        struct nw_error error;
        cr_expect_eq(nw_program_compile(nw_slice_text(cases[i].text), &p, &error), NW_EINVAL, "%s",
                     cases[i].text);
        cr_expect_eq(error.at, cases[i].at, "%s: %zu", cases[i].text, error.at);
    }
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        nw_program_free(program(allowed[i]));
    }
}

Test(program, says_what_jq_says_of_a_mistake)
{
    static const char *const cases[] = {"{a: ", "foo(1)", ".a)|(.b", "$nothing"};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_program *p = NULL;
        struct nw_error error = {.text = ""};
        cr_expect_eq(nw_program_compile(nw_slice_text(cases[i]), &p, &error), NW_EINVAL, "%s",
                     cases[i]);
        cr_expect(strncmp(error.text, "jq: ", 4) == 0 && error.text[4] != '\0', "%s", error.text);
        cr_expect(strstr(error.text, "shell") == NULL, "%s", error.text);
    }
}

static void run_again(const char *payload)
{
    while (mapped.messages != NULL) {
        struct nw_message *next = mapped.messages->next;
        nw_message_unref(mapped.messages);
        mapped.messages = next;
    }
    run(payload);
}

Test(map, a_rule_without_end_is_refused_and_the_next_message_goes_on, .init = begin, .fini = end,
     .timeout = 120)
{
    (void)nw_map_add_payload(map, program("if .a then last(range(1e12)) else .b end"), NULL);
    nw_mapper_message(mapper, 50);
    run("{\"a\":true}");
    cr_assert_eq(mapped.outcome, NW_MAP_REJECTED);
    cr_expect_str_eq(mapped.error.text, "the rule took longer than map_timeout, 50 ms");
    nw_mapper_message(mapper, 50);
    run_again("{\"a\":false,\"b\":7}");
    cr_assert_eq(mapped.outcome, NW_MAPPED);
    cr_expect(nw_slice_equal(mapped.messages->payload, NW_LITERAL("7")));
}

Test(map, a_split_without_end_is_refused, .init = begin, .fini = end, .timeout = 120)
{
    (void)nw_map_add_split(map, program("range(1e12) | select(. < 0)"), NULL);
    nw_mapper_message(mapper, 50);
    run("{}");
    cr_assert_eq(mapped.outcome, NW_MAP_REJECTED);
    cr_expect_str_eq(mapped.error.text, "the rule took longer than map_timeout, 50 ms");
}
