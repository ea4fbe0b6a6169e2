/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "hub/letter_pattern.h"

Test(letter_pattern, takes_all_that_the_template_can_give)
{
    static const struct {
        const char *template, *pattern;
    } cases[] = {
        {"dlq.orders", "dlq.orders"},
        {"dlq.{{route}}", "dlq.*"},
        {"dlq.{{ route }}.x", "dlq.*.x"},
        {"dlq-{{route}}.{{bridge}}.x", "*.plant-1.x"},
        {"dlq.{{ bridge }}-{{bridge}}.{{route}}", "dlq.plant-1-plant-1.*"},
        {"dlq.{{bridge}}-{{route}}.x", "dlq.*.x"},
        {"dlq.{{key}}", "dlq.*"},
        {"dlq.{{keys}}", "dlq.>"},
        {"dlq.{{key or 'a.b'}}", "dlq.>"},
        {"dlq.{{subject}}", "dlq.>"},
        {"dlq.{{topic}}.{{route}}", "dlq.>"},
        {"dlq.{{header('a}}.b')}}.x", "dlq.>"},
        {"dlq.$1.x", "dlq.*.x"},
        {"{{route}}.dlq", "*.dlq"},
        {"{{subject}}", ">"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_buffer b = {0};
        nw_letter_add_pattern(&b, cases[i].template, "plant-1");
        cr_expect_str_eq(nw_buffer_text(&b), cases[i].pattern, "%s: %s", cases[i].template,
                         nw_buffer_text(&b));
        nw_buffer_done(&b);
    }
}

Test(letter_pattern, does_not_spell_a_name_that_is_escaped)
{
    struct nw_buffer b = {0};

    nw_letter_add_pattern(&b, "dlq.{{bridge}}.{{route}}", "plant 1.a");
    cr_expect_str_eq(nw_buffer_text(&b), "dlq.*.*");
    nw_buffer_done(&b);
}
