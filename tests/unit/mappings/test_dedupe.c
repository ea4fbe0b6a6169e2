/* SPDX-License-Identifier: Apache-2.0 */
/* The step dedupe in a map. */
#include <criterion/criterion.h>

#include "mappings/dedupe.h"
#include "mappings/map.h"

static const struct nw_template_scope scope = {
    .bridge = "b", .route = "r", .address = NW_ADDRESS_SUBJECT, .pattern = "a"};
static struct nw_mapper *mapper;
static struct nw_map *map;

static struct nw_program *program(const char *text)
{
    struct nw_program *p = NULL;
    struct nw_error error;

    cr_assert_eq(nw_program_compile(nw_slice_text(text), &p, &error), 0);
    return p;
}

static void add_dedupe(const char *id, const char *when)
{
    struct nw_template *t = NULL;
    struct nw_error error;

    cr_assert_eq(nw_template_compile(nw_slice_text(id), NW_FILL_TEXT, &scope, &t, &error), 0);
    cr_assert_eq(nw_map_add_dedupe(map, t, 60000, 1000, when == NULL ? NULL : program(when)), 0);
}

static void begin(void)
{
    mapper = nw_mapper_new();
    map = nw_map_new();
}

static void end(void)
{
    nw_map_free(map);
    nw_mapper_free(mapper);
    cr_expect_eq(nw_message_alive(), 0);
}

TestSuite(dedupe, .init = begin, .fini = end);

/* How many come out of it; negative: it was rejected. With a deadline and then confirmed: somebody
 * waits, and gets a good answer. */
static int run(const char *origin, const char *payload, bool awaited, bool confirmed)
{
    struct nw_message *m = nw_message_make();
    struct nw_mapped mapped;
    int count = 0;

    nw_message_set_origin(m, nw_slice_text(origin));
    nw_message_set_payload(m, nw_slice_text(payload));
    m->deadline_ns = awaited ? 1 : 0;
    cr_assert_eq(nw_map_run(map, mapper, m, &mapped), 0);
    while (mapped.messages != NULL) {
        struct nw_message *next = mapped.messages->next;
        count += mapped.messages->outcome == NW_REJECT ? 0 : 1;
        nw_message_unref(mapped.messages);
        mapped.messages = next;
    }
    if (confirmed) {
        nw_dedupe_confirm(m);
    }
    nw_message_unref(m);
    return mapped.outcome == NW_MAP_REJECTED ? -1 : count;
}

Test(dedupe, a_repeat_is_filtered_and_what_comes_again_is_not)
{
    add_dedupe("{{json('.id')}}", NULL);
    cr_expect_eq(run("1", "{\"id\":7}", false, false), 1);
    cr_expect_eq(run("2", "{\"id\":7}", false, false), 0);
    cr_expect_eq(run("1", "{\"id\":7}", false, false), 1);
    cr_expect_eq(run("3", "{\"id\":8}", false, false), 1);
}

Test(dedupe, only_where_its_condition_is_true)
{
    add_dedupe("{{json('.id')}}", ".once");
    cr_expect_eq(run("1", "{\"id\":7,\"once\":true}", false, false), 1);
    cr_expect_eq(run("2", "{\"id\":7}", false, false), 1);
    cr_expect_eq(run("3", "{\"id\":7,\"once\":true}", false, false), 0);
}

Test(dedupe, without_an_id_nothing_is_a_repeat)
{
    add_dedupe("{{json('.id') or ''}}", NULL);
    cr_expect_eq(run("1", "{}", false, false), 1);
    cr_expect_eq(run("2", "{}", false, false), 1);
}

Test(dedupe, an_id_that_cannot_be_made_rejects)
{
    add_dedupe("{{json('.id')}}", NULL);
    cr_expect_eq(run("1", "{}", false, false), -1);
}

/* Two parts with one id: the second is a repeat, and still the whole may come again. */
Test(dedupe, parts_of_one_message_are_compared_too)
{
    const char *basket = "[{\"id\":1},{\"id\":2},{\"id\":1}]";

    cr_assert_eq(nw_map_add_split(map, program(".[]"), NULL), 0);
    add_dedupe("{{json('.id')}}", NULL);
    cr_expect_eq(run("1", basket, false, false), 2);
    cr_expect_eq(run("1", basket, false, false), 2);
    cr_expect_eq(run("2", basket, false, false), 0);
    cr_expect_eq(run("3", "[{\"id\":2},{\"id\":3}]", false, false), 1);
}

/* Who waits was told of a failure, and sends it once more as another message. */
Test(dedupe, what_somebody_waits_for_counts_when_it_is_delivered)
{
    add_dedupe("{{json('.id')}}", NULL);
    cr_expect_eq(run("1", "{\"id\":7}", true, false), 1);
    cr_expect_eq(run("2", "{\"id\":7}", true, false), 1);
    cr_expect_eq(run("3", "{\"id\":7}", true, true), 1);
    cr_expect_eq(run("4", "{\"id\":7}", true, false), 0);
    cr_expect_eq(run("3", "{\"id\":7}", true, false), 0);
    cr_expect_eq(run("5", "{\"id\":7}", false, false), 0);
}

Test(dedupe, parts_of_what_somebody_waits_for_are_compared_at_once)
{
    cr_assert_eq(nw_map_add_split(map, program(".[]"), NULL), 0);
    add_dedupe("{{json('.id')}}", NULL);
    cr_expect_eq(run("1", "[{\"id\":1},{\"id\":1}]", true, false), 1);
    cr_expect_eq(run("2", "[{\"id\":1},{\"id\":1}]", true, true), 1);
    cr_expect_eq(run("3", "[{\"id\":1},{\"id\":1}]", true, true), 0);
}

Test(dedupe, each_step_has_a_window_of_its_own)
{
    add_dedupe("{{json('.a')}}", NULL);
    add_dedupe("{{json('.b')}}", NULL);
    cr_expect_not_null(nw_map_window(map, 1));
    cr_expect_null(nw_map_window(map, 2));
    cr_expect_eq(run("1", "{\"a\":1,\"b\":2}", false, false), 1);
    cr_expect_eq(run("2", "{\"a\":2,\"b\":1}", false, false), 1);
    cr_expect_eq(run("3", "{\"a\":3,\"b\":2}", false, false), 0);
}
