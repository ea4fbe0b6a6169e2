/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "base/compact.h"

Test(compact, takes_out_blanks_and_nothing_else)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {" { \"a\" : [ 1 , 2.50 ,\n-0e+1 ] , \"b\":\"x y\\u00e9\" }\t",
         "{\"a\":[1,2.50,-0e+1],\"b\":\"x y\\u00e9\"}"},
        {"12345678901234567890", "12345678901234567890"},
        {"[]", "[]"},
        {"{ }", "{}"},
        {" null", "null"},
        {"\"\"", "\"\""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_buffer b = {NULL, 0, 0, false};
        cr_expect(nw_json_compact(&b, nw_slice_text(cases[i].in)), "%s", cases[i].in);
        cr_expect_str_eq(nw_buffer_text(&b), cases[i].out);
        nw_buffer_done(&b);
    }
}

Test(compact, leaves_the_buffer_alone_when_it_is_not_json)
{
    static const char *const cases[] = {"",      "{",     "[1,]", "{\"a\"}",    "{\"a\":1,}",
                                        "01",    "1.",    "-",    "\"\\x\"",    "\"a\nb\"",
                                        "tru",   "nul l", "1 2",  "\"open",     "1e",
                                        "{a:1}", "\xff",  "[1}",  "\"\\u12g4\""};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_buffer b = {NULL, 0, 0, false};
        nw_buffer_add_text(&b, "before");
        cr_expect_not(nw_json_compact(&b, nw_slice_text(cases[i])), "%s", cases[i]);
        cr_expect_str_eq(nw_buffer_text(&b), "before", "%s", cases[i]);
        nw_buffer_done(&b);
    }
}

Test(compact, stops_at_its_depth)
{
    struct nw_buffer deep = {NULL, 0, 0, false}, out = {NULL, 0, 0, false};

    for (int i = 0; i < 100000; i++) {
        nw_buffer_add_char(&deep, '[');
    }
    cr_expect_not(nw_json_compact(&out, nw_buffer_slice(&deep)));
    nw_buffer_done(&deep);
    nw_buffer_done(&out);
}
