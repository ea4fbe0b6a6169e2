/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "connectors/http/http_text.h"

Test(http_text, an_address_is_methods_and_what_they_are_used_on)
{
    static const struct {
        const char *text, *methods, *target;
        bool called;
    } cases[] = {
        {"POST /hooks/{repo}", "POST", "/hooks/{repo}", false},
        {"GET|POST  /a", "GET|POST", "/a", false},
        {"/a", "", "/a", false},
        {"GET https://erp.example/price/{{json('.sku')}}", "GET",
         "https://erp.example/price/{{json('.sku')}}", true},
        {"https://erp.example/a b", "", "https://erp.example/a b", true},
        {"{{method}} https://erp.example", "", "{{method}} https://erp.example", true},
        {"POST", "", "POST", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_address a = http_address_parse(cases[i].text);
        cr_expect_eq(a.methods.len, strlen(cases[i].methods), "%s", cases[i].text);
        cr_expect_eq(memcmp(a.methods.data, cases[i].methods, a.methods.len), 0);
        cr_expect_str_eq(a.target, cases[i].target);
        cr_expect_eq(http_address_is_called(cases[i].text), cases[i].called, "%s", cases[i].text);
    }
}

Test(http_text, percent_encoding_is_decoded_or_refused)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},        {"abc", "abc"}, {"%41%62", "Ab"}, {"%2F%2f", "//"}, {"100%25", "100%"},
        {"%", NULL},     {"a%4", NULL},  {"%4x", NULL},    {"%00", NULL},    {"a+b", "a+b"},
        {"%ff", "\xff"}, {"%-1", NULL},  {"% 1", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[20];
        ptrdiff_t len = http_unescape(http_slice(cases[i].in), out);
        if (cases[i].out == NULL) {
            cr_expect_lt(len, 0, "%s", cases[i].in);
        } else {
            cr_expect_eq(len, (ptrdiff_t)strlen(cases[i].out), "%s", cases[i].in);
            cr_expect_eq(memcmp(out, cases[i].out, strlen(cases[i].out)), 0, "%s", cases[i].in);
        }
    }
}

Test(http_text, headers_that_do_not_pass)
{
    static const struct {
        const char *name;
        bool in, out;
    } cases[] = {
        {"Content-Type", true, true},
        {"X-GitHub-Event", true, true},
        {"content-length", false, false},
        {"HOST", false, false},
        {"Transfer-Encoding", false, false},
        {"te", false, false},
        {"Connection", false, false},
        {"Keep-Alive", false, false},
        {"Authorization", false, true},
        {"Cookie", false, true},
        {"Nats-Msg-Id", false, false},
        {"nats-rollup", false, false},
        {"Natsway-Via", false, false},
        {"KV-Operation", false, false},
        {"Natural", true, true},
        {"Upgrade", false, false},
        {"Expect", false, false},
        {"Proxy-Authorization", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_slice name = http_slice(cases[i].name);
        cr_expect_eq(http_header_comes_in(name), cases[i].in, "%s in", cases[i].name);
        cr_expect_eq(http_header_goes_out(name), cases[i].out, "%s out", cases[i].name);
    }
}

Test(http_text, header_bytes_that_http_can_carry)
{
    cr_expect(http_header_name_valid(http_slice("X-A_b~1")));
    cr_expect_not(http_header_name_valid(http_slice("")));
    cr_expect_not(http_header_name_valid(http_slice("a b")));
    cr_expect_not(http_header_name_valid(http_slice("a:b")));
    cr_expect_not(http_header_name_valid((struct nw_slice){"a\0b", 3}));
    cr_expect(http_header_value_valid(http_slice("")));
    cr_expect(http_header_value_valid(http_slice("gr\xc3\xbc\xc3\x9f\t \"x\"")));
    cr_expect_not(http_header_value_valid(http_slice("a\r\nInjected: b")));
    cr_expect_not(http_header_value_valid((struct nw_slice){"a\0", 2}));
}

Test(http_text, a_payload_like_json_is_called_so)
{
    cr_expect_str_eq(http_content_type_guess(http_slice(" \n{\"a\":1}")), "application/json");
    cr_expect_str_eq(http_content_type_guess(http_slice("[1]")), "application/json");
    cr_expect_str_eq(http_content_type_guess(http_slice("a,b")), "application/octet-stream");
    cr_expect_str_eq(http_content_type_guess(http_slice("")), "application/octet-stream");
}

Test(http_text, statuses_are_codes_and_classes)
{
    static const char *const good[] = {"2xx", "404", "5XX"};
    static const char *const bad[] = {"2xx", "20x"};
    struct nw_list list = {good, 3};
    struct http_codes codes;
    struct nw_error error = {0};

    cr_assert_eq(http_codes_parse(&list, &codes, NULL), 0);
    cr_expect(http_codes_has(&codes, 200));
    cr_expect(http_codes_has(&codes, 299));
    cr_expect(http_codes_has(&codes, 404));
    cr_expect(http_codes_has(&codes, 599));
    cr_expect_not(http_codes_has(&codes, 403));
    cr_expect_not(http_codes_has(&codes, 300));
    cr_expect_not(http_codes_has(&codes, 600));
    cr_expect_not(http_codes_has(&codes, 0));
    cr_expect_not(http_codes_has(&codes, 9999));
    list = (struct nw_list){bad, 2};
    cr_expect_eq(http_codes_parse(&list, &codes, &error), NW_EINVAL);
    cr_expect(strstr(error.text, "found \"20x\"") != NULL, "%s", error.text);
    cr_expect(http_codes_has(&codes, 404), "a failure leaves the set as it was");
}
