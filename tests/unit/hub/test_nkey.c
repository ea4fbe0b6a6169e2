/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "hub/nkey.h"

#define SEED "SUAACCAPCYOSIKZSHFAEOTSVLRRWU4LYP6DI3FE3UKU3BN56YXGNHWVCJA"
#define PUBLIC "UDSAGCMYZ7K22FZDYFU7SVVKBOPLQYM3LGJL2YJMFL2CR26HT6G7AGME"

Test(nkey, gives_the_public_key_of_a_user_seed)
{
    char out[NW_NKEY_PUBLIC];

    cr_assert_eq(nw_nkey_public(NW_LITERAL(SEED), out, NULL), 0);
    cr_expect_str_eq(out, PUBLIC);
    cr_assert_eq(nw_nkey_public(NW_LITERAL("  " SEED "\r\n"), out, NULL), 0);
    cr_expect_str_eq(out, PUBLIC);
}

Test(nkey, says_what_is_wrong_with_a_seed)
{
    static const struct {
        const char *seed, *says;
    } cases[] = {
        {"", "expected an nkey seed"},
        {PUBLIC, "expected an nkey seed"},
        {"SUAACCAPCYOSIKZSHFAEOTSVLRRWU4LYP6DI3FE3UKU3BN56YXGNHWVCJB", NULL}, /* unused bits */
        {"SUABCCAPCYOSIKZSHFAEOTSVLRRWU4LYP6DI3FE3UKU3BN56YXGNHWVCJA", "checksum"},
        {"SUAACCAPCYOSIKZSHFAEOTSVLRRWU4LYP6DI3FE3UKU3BN56YXGNHWVCJ1", "expected an nkey seed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[NW_NKEY_PUBLIC];
        struct nw_error error = {0};
        int rc = nw_nkey_public(nw_slice_text(cases[i].seed), out, &error);
        cr_expect_eq(rc, cases[i].says == NULL ? 0 : NW_EINVAL, "case %zu", i);
        if (cases[i].says != NULL) {
            cr_expect(strstr(error.text, cases[i].says) != NULL, "case %zu: %s", i, error.text);
        }
    }
}

Test(nkey, never_tells_the_seed)
{
    char out[NW_NKEY_PUBLIC];
    struct nw_error error = {0};

    cr_assert_eq(nw_nkey_public(NW_LITERAL(SEED "X"), out, &error), NW_EINVAL);
    cr_expect_eq(strstr(error.text, "ACCAPC"), NULL);
}
