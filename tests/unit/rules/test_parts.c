/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps behind a split see of the ids of its parts, and what targets see. */
#include <criterion/criterion.h>

#include "mappings/map.h"

static const struct nw_template_scope scope = {"bridge", "orders", NW_ADDRESS_SUBJECT, "a", 0,
                                               false,    false};
static struct nw_mapper *mapper;
static struct nw_map *map;
static struct nw_message *original;

static void begin(void)
{
    mapper = nw_mapper_new();
    map = nw_map_new();
    nw_map_set_route(map, "orders");
    original = nw_message_make();
    nw_message_set_origin(original, NW_LITERAL("kafka:t/0/7"));
    nw_message_set_payload(original, NW_LITERAL("[1,[2,3]]"));
}

static void end(void)
{
    nw_message_unref(original);
    nw_map_free(map);
    nw_mapper_free(mapper);
    cr_expect_eq(nw_message_alive(), 0);
}

TestSuite(parts, .init = begin, .fini = end);

static struct nw_program *program(const char *text)
{
    struct nw_program *p = NULL;

    cr_assert_eq(nw_program_compile(nw_slice_text(text), &p, NULL), 0);
    return p;
}

static void add_split(const char *when)
{
    cr_assert_eq(nw_map_add_split(map, program(".[]"), when == NULL ? NULL : program(when)), 0);
}

static void add_set(enum nw_map_field field, const char *text)
{
    struct nw_template *t = NULL;

    cr_assert_eq(nw_template_compile(nw_slice_text(text), NW_FILL_TEXT, &scope, &t, NULL), 0);
    cr_assert_eq(nw_map_add_set(map, field, NW_LITERAL("Seen"), t, NULL), 0);
}

/* For each part: the header that a `set` made of {{id}}, $meta.id as the payload, and what the
 * first and the second target see. */
static void expect(const char *wanted)
{
    struct nw_mapped mapped;
    struct nw_buffer got = {0};

    add_set(NW_MAP_HEADER, "{{id}}");
    cr_assert_eq(nw_map_add_payload(map, program("$meta.id"), NULL), 0);
    cr_assert_eq(nw_map_run(map, mapper, original, &mapped), 0);
    cr_assert_eq(mapped.outcome, NW_MAPPED);
    for (struct nw_message *m = mapped.messages, *next; m != NULL; m = next) {
        struct nw_message *second = nw_message_derive(m);
        next = m->next;
        nw_buffer_add_slice(&got, nw_message_find_header(m, NW_LITERAL("Seen")));
        nw_buffer_add_char(&got, ' ');
        nw_buffer_add_slice(&got, m->payload);
        second->target = 1;
        cr_assert_eq(nw_message_make_id(m, "orders"), 0);
        cr_assert_eq(nw_message_make_id(second, "orders"), 0);
        nw_buffer_add_char(&got, ' ');
        nw_buffer_add_slice(&got, nw_message_id(m));
        nw_buffer_add_char(&got, ' ');
        nw_buffer_add_slice(&got, nw_message_id(second));
        nw_buffer_add_char(&got, '\n');
        nw_message_unref(second);
        nw_message_unref(m);
    }
    cr_expect_str_eq(nw_buffer_text(&got), wanted, "%s", nw_buffer_text(&got));
    nw_buffer_done(&got);
}

Test(parts, without_a_split_the_id_is_where_it_came_from)
{
    expect("kafka:t/0/7 \"kafka:t/0/7\" kafka:t/0/7|orders.0.0 kafka:t/0/7|orders.1.0\n");
}

Test(parts, each_part_has_the_id_that_its_target_sees)
{
    add_split(NULL);
    expect("kafka:t/0/7|orders.0.0 \"kafka:t/0/7|orders.0.0\" kafka:t/0/7|orders.0.0 "
           "kafka:t/0/7|orders.1.0\n"
           "kafka:t/0/7|orders.0.1 \"kafka:t/0/7|orders.0.1\" kafka:t/0/7|orders.0.1 "
           "kafka:t/0/7|orders.1.1\n");
}

Test(parts, also_those_of_parts)
{
    add_split(NULL);
    add_split("type == \"array\"");
    expect("kafka:t/0/7|orders.0.0 \"kafka:t/0/7|orders.0.0\" kafka:t/0/7|orders.0.0 "
           "kafka:t/0/7|orders.1.0\n"
           "kafka:t/0/7|orders.0.2 \"kafka:t/0/7|orders.0.2\" kafka:t/0/7|orders.0.2 "
           "kafka:t/0/7|orders.1.2\n"
           "kafka:t/0/7|orders.0.3 \"kafka:t/0/7|orders.0.3\" kafka:t/0/7|orders.0.3 "
           "kafka:t/0/7|orders.1.3\n");
}

Test(parts, an_id_that_was_set_keeps_them_apart_too)
{
    add_set(NW_MAP_ID, "e-7");
    add_split(NULL);
    expect("e-7 \"e-7\" e-7 e-7|.1.0\n"
           "e-7|.0.1 \"e-7|.0.1\" e-7|.0.1 e-7|.1.1\n");
}

Test(parts, also_if_it_is_set_behind_the_split)
{
    add_split(NULL);
    add_set(NW_MAP_ID, "e-8");
    expect("e-8 \"e-8\" e-8 e-8|.1.0\n"
           "e-8|.0.1 \"e-8|.0.1\" e-8|.0.1 e-8|.1.1\n");
}
