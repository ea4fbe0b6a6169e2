/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/json.h"

Test(json, writes_strings_with_their_escapes)
{
    static const struct {
        const char *text;
        size_t len;
        const char *json;
    } cases[] = {
        {"", 0, "\"\""},
        {"plain", 5, "\"plain\""},
        {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
        {"\n\r\t\b\f", 5, "\"\\n\\r\\t\\b\\f\""},
        {"\0\x1f\x7f", 3, "\"\\u0000\\u001f\\u007f\""},
        {"gr\xC3\xBC\xC3\x9F", 6, "\"gr\xC3\xBC\xC3\x9F\""},
        {"\xF0\x9F\x98\x80", 4, "\"\xF0\x9F\x98\x80\""},
        {"a\xFFz", 3, "\"a\xEF\xBF\xBDz\""},
        {"\xC3", 1, "\"\xEF\xBF\xBD\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_buffer b = {0};
        nw_json_add_string(&b, (struct nw_slice){cases[i].text, cases[i].len});
        cr_expect_str_eq(nw_buffer_text(&b), cases[i].json);
        nw_buffer_done(&b);
    }
}

Test(json, tells_absent_from_empty)
{
    struct nw_buffer b = {0};
    nw_json_add_string_or_null(&b, NW_ABSENT);
    nw_json_add_string_or_null(&b, NW_LITERAL(""));
    cr_expect_str_eq(nw_buffer_text(&b), "null\"\"");
    nw_buffer_done(&b);
}

Test(json, knows_utf8)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"", true},
        {"ascii", true},
        {"\xC2\x80\xDF\xBF", true},
        {"\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80", true},
        {"\xF0\x90\x80\x80\xF4\x8F\xBF\xBF", true},
        {"\x80", false},
        {"\xC0\xAF", false},     /* overlong */
        {"\xE0\x9F\xBF", false}, /* overlong */
        {"\xF0\x8F\xBF\xBF", false},
        {"\xED\xA0\x80", false},     /* surrogate */
        {"\xF4\x90\x80\x80", false}, /* above U+10FFFF */
        {"\xF5\x80\x80\x80", false},
        {"ab\xE2\x82", false}, /* cut off */
        {"\xE2\x28\xA1", false},
        {"\xF0\x9F\x98\x28", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(nw_utf8_valid(nw_slice_text(cases[i].text)), cases[i].valid, "case %zu", i);
    }
}
