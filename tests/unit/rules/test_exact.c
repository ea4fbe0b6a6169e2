/* SPDX-License-Identifier: Apache-2.0 */
/* An integer that no double is: kept, or rejected, but never rounded without a rule that does it.
 */
#include <criterion/criterion.h>

#include "mappings/exact.h"
#include "mappings/map.h"

Test(exact, integers_that_a_double_is_not)
{
    static const char *const kept[] = {"1",
                                       "9007199254740991",
                                       "-9007199254740992",
                                       "9007199254740994",
                                       "100000000000000000000",
                                       "1e400",
                                       "1234567890.1234567890123",
                                       "\"9007199254740993\"",
                                       "{\"9007199254740993\":1}"};
    static const char *const lost[] = {"9007199254740993", "-9007199254740993",
                                       "[1,{\"a\":12345678901234567890}]",
                                       "\xef\xbb\xbf 9007199254740993"};
    char huge[400];

    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        cr_expect_eq(nw_exact_check(nw_slice_text(kept[i]), NULL), 0, "%s", kept[i]);
    }
    for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
        cr_expect_eq(nw_exact_check(nw_slice_text(lost[i]), NULL), NW_EINVAL, "%s", lost[i]);
    }
    for (size_t n = 300; n < sizeof huge; n += 3) {
        memset(huge, '9', n);
        cr_expect_eq(nw_exact_check((struct nw_slice){huge, n}, NULL), NW_EINVAL, "%zu", n);
    }
}

/* What `encode: msgpack` behind a rule makes of {"a":9007199254740993}. */
static enum nw_map_outcome encode_behind(const char *rule, bool json_between)
{
    static const struct nw_codec msgpack = {.format = NW_FORMAT_MSGPACK};
    static const struct nw_codec json = {.format = NW_FORMAT_JSON};
    struct nw_map *map = nw_map_new();
    struct nw_mapper *mapper = nw_mapper_new();
    struct nw_message *m = nw_message_make();
    struct nw_program *p = NULL;
    struct nw_mapped mapped;

    cr_assert_eq(nw_program_compile(nw_slice_text(rule), &p, NULL), 0);
    cr_assert_eq(strstr(rule, "filter") != NULL ? nw_map_add_filter(map, p, NULL)
                                                : nw_map_add_payload(map, p, NULL),
                 0);
    if (json_between) {
        cr_assert_eq(nw_map_add_encode(map, &json, NULL), 0);
    }
    cr_assert_eq(nw_map_add_encode(map, &msgpack, NULL), 0);
    nw_message_set_payload(m, NW_LITERAL("{\"a\":9007199254740993}"));
    cr_assert_eq(nw_map_run(map, mapper, m, &mapped), 0);
    nw_message_unref(mapped.messages);
    nw_message_unref(m);
    nw_mapper_free(mapper);
    nw_map_free(map);
    return mapped.outcome;
}

Test(exact, only_what_a_rule_rebuilt_has_jqs_numbers)
{
    for (int between = 0; between < 2; between++) {
        cr_expect_eq(encode_behind(". # filter", between == 1), NW_MAP_REJECTED);
        cr_expect_eq(encode_behind("{b: .a}", between == 1), NW_MAPPED);
        cr_expect_eq(encode_behind("{b: (.a | reduce . as $x (0; $x))}", between == 1), NW_MAPPED);
    }
}
