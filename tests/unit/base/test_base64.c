/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/base64.h"

Test(base64, encodes_and_decodes)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *text;
    } cases[] = {
        {"", 0, ""},
        {"f", 1, "Zg=="},
        {"fo", 2, "Zm8="},
        {"foo", 3, "Zm9v"},
        {"foob", 4, "Zm9vYg=="},
        {"fooba", 5, "Zm9vYmE="},
        {"foobar", 6, "Zm9vYmFy"},
        {"\0\xFF\xFE", 3, "AP/+"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_buffer text = {0}, bytes = {0};
        nw_base64_encode(&text, (struct nw_slice){cases[i].bytes, cases[i].len});
        cr_expect_str_eq(nw_buffer_text(&text), cases[i].text);
        cr_expect_eq(nw_base64_decode(&bytes, nw_buffer_slice(&text), NULL), 0);
        cr_expect_eq(bytes.len, cases[i].len);
        cr_expect(memcmp(nw_buffer_text(&bytes), cases[i].bytes, cases[i].len) == 0);
        nw_buffer_done(&text);
        nw_buffer_done(&bytes);
    }
}

Test(base64, takes_text_without_padding)
{
    struct nw_buffer b = {0};
    cr_expect_eq(nw_base64_decode(&b, NW_LITERAL("Zm8"), NULL), 0);
    cr_expect_eq(nw_base64_decode(&b, NW_LITERAL("Zg"), NULL), 0);
    cr_expect_str_eq(nw_buffer_text(&b), "fof");
    nw_buffer_done(&b);
}

Test(base64, refuses_the_rest_and_appends_nothing)
{
    static const struct {
        const char *text;
        size_t at;
    } cases[] = {{"Zm9v!", 4}, {"Z", 1},    {"Zh==", 2}, {"Zm9=", 3},  {"Zg=", 2},
                 {"Zg===", 2}, {"====", 0}, {"Zm 9", 2}, {"Zm9v\n", 4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_buffer b = {0};
        struct nw_error error = {0};
        nw_buffer_add_text(&b, "kept");
        cr_expect_eq(nw_base64_decode(&b, nw_slice_text(cases[i].text), &error), NW_EINVAL, "%s",
                     cases[i].text);
        cr_expect_eq(error.at, cases[i].at, "%s: %zu", cases[i].text, error.at);
        cr_expect_str_eq(nw_buffer_text(&b), "kept");
        nw_buffer_done(&b);
    }
}
