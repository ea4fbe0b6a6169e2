/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <string.h>

#include "hub/token.h"

Test(token, names_a_slot_and_its_generation)
{
    static const uint32_t numbers[] = {0, 1, 63, 64, 1000, 0xabcdef, 0xffffff};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        for (size_t j = 0; j < sizeof numbers / sizeof numbers[0]; j++) {
            char text[NW_TOKEN_LEN + 1];
            uint32_t index = 1, generation = 1;
            nw_token_write(text, numbers[i], numbers[j]);
            cr_assert_eq(strlen(text), NW_TOKEN_LEN);
            cr_assert(nw_token_read(text, &index, &generation));
            cr_expect_eq(index, numbers[i]);
            cr_expect_eq(generation, numbers[j]);
        }
    }
}

Test(token, refuses_what_it_did_not_write)
{
    uint32_t index, generation;

    cr_expect_not(nw_token_read("0000 000", &index, &generation));
    cr_expect_not(nw_token_read("0000.000", &index, &generation));
}

Test(token, random_ones_differ)
{
    char a[NW_TOKEN_RANDOM], b[NW_TOKEN_RANDOM];

    nw_token_random(a);
    nw_token_random(b);
    cr_expect_eq(strlen(a), NW_TOKEN_RANDOM - 1);
    cr_expect_str_neq(a, b);
    cr_expect_eq(strpbrk(a, ".*> -_"), NULL);
}
