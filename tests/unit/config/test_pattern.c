/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "config/pattern.h"

static void mark_found(void *context, size_t value)
{
    ((bool *)context)[value] = true;
}

/* May what the target sends match the pattern? */
static bool meets(const char *target, const char *pattern, char separator)
{
    struct nw_arena *arena = nw_arena_new();
    struct nw_patterns *p = nw_patterns_new(arena);
    struct nw_words words;
    size_t budget = 1000;
    bool found[1] = {false};

    nw_words_of_pattern(pattern, separator, &words);
    cr_assert_eq(nw_patterns_add(p, &words, 0), 0);
    nw_words_of_template(target, separator, &words);
    nw_patterns_find(p, &words, &budget, mark_found, found);
    nw_arena_free(arena);
    return found[0];
}

Test(pattern, knows_what_can_meet)
{
    static const struct {
        const char *target, *pattern;
        char separator;
        bool meets;
    } cases[] = {
        {"a.b", "a.b", '.', true},
        {"a.b", "a.c", '.', false},
        {"a.b", "a", '.', false},
        {"a", "a.b", '.', false},
        {"a.b", "a.*", '.', true},
        {"a.b.c", "a.*", '.', false},
        {"a.b.c", "a.>", '.', true},
        {"a", "a.>", '.', false},
        {"a", ">", '.', true},
        {"anything.at.all", "", '.', true},
        {"a.{{key}}", "a.*", '.', true},
        {"a.{{key}}", "a.b", '.', true},
        {"a.{{key}}", "b.*", '.', false},
        {"a.x{{json('.b.c')}}", "a.*", '.', true},
        {"a.x{{json('.b.c')}}", "a.*.*", '.', false},
        {"{{topic}}", "a.b.c", '.', true},
        {"a.{{subject}}.z", "a.b.c.z", '.', true},
        {"a.{{subject}}.z", "a.b.c.y", '.', false},
        {"a.{{subject}}.z", "a.z", '.', false},
        {"new.>", "new.a.b", '.', true},
        {"new.$1", "new.a", '.', true},
        {"$JS.a", "$SYS.>", '.', false},
        {"$1x", "new", '.', false},
        {"a/b", "a/+", '/', true},
        {"a/b", "a/#", '/', true},
        {"a.b/c", "a.b/c", '/', true},
        {"t", "t", '\0', true},
        {"a.b", "a.b", '\0', true},
        {"t", "^t.*", '\0', true},
        {"{{key}}", "t", '\0', true},
        {"1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4",
         "1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4", '.', true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(meets(cases[i].target, cases[i].pattern, cases[i].separator), cases[i].meets,
                     "%s and %s", cases[i].target, cases[i].pattern);
    }
}

Test(pattern, keeps_to_its_budget)
{
    struct nw_arena *arena = nw_arena_new();
    struct nw_patterns *p = nw_patterns_new(arena);
    static char texts[200][8];
    static bool found[200];
    struct nw_words words;
    size_t budget = 50, count = 0;

    for (size_t i = 0; i < 200; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "a%zu", i);
        nw_words_of_pattern(texts[i], '.', &words);
        cr_assert_eq(nw_patterns_add(p, &words, i), 0);
    }
    nw_words_of_template("{{key}}", '.', &words);
    nw_patterns_find(p, &words, &budget, mark_found, found);
    for (size_t i = 0; i < 200; i++) {
        count += found[i];
    }
    cr_expect(count > 0 && count < 50, "%zu", count);
    cr_expect_eq(budget, 0);
    nw_arena_free(arena);
}
