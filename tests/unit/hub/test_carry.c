/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "hub/carry.h"

#define BYTES(text) ((struct nw_slice){(text), sizeof(text) - 1})

Test(carry, says_what_nats_can_carry)
{
    static const struct {
        struct nw_slice name, value;
        bool fits;
    } cases[] = {
        {BYTES("X-Trace"), BYTES("a"), true},
        {BYTES("X-Trace"), BYTES(""), true},
        {BYTES("X-Trace"), BYTES("a b\tc"), true},
        {BYTES("X-Trace"), BYTES("\xc3\xa4\xff"), true},
        {BYTES("X-Trace"), BYTES(" a"), false},
        {BYTES("X-Trace"), BYTES("a\t"), false},
        {BYTES("X-Trace"), BYTES("a\nb"), false},
        {BYTES("X-Trace"), BYTES("a\rb"), false},
        {BYTES("X-Trace"), BYTES("a\0b"), false},
        {BYTES("X Trace"), BYTES("a"), false},
        {BYTES("X:Trace"), BYTES("a"), false},
        {BYTES("\xc3\xa4"), BYTES("a"), false},
        {BYTES(""), BYTES("a"), false},
        {BYTES("~a"), BYTES("a"), false},
        {BYTES("a~"), BYTES("a"), true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(nw_carry_fits(cases[i].name, cases[i].value), cases[i].fits, "case %zu", i);
    }
}

static void expect_encoded(struct nw_slice name, struct nw_slice value, bool as_base64,
                           const char *header, const char *text)
{
    struct nw_buffer b = {0};

    nw_carry_encode(&b, name, value, as_base64);
    cr_assert_str_eq(nw_buffer_text(&b), header);
    cr_expect_str_eq(b.data + strlen(b.data) + 1, text);
    nw_buffer_done(&b);
}

Test(carry, writes_what_does_not_fit_as_base64)
{
    expect_encoded(BYTES("A"), BYTES("b"), false, "A", "b");
    expect_encoded(BYTES("A"), BYTES("b"), true, "Natsway-B64-A", "Yg==");
    expect_encoded(BYTES("A"), BYTES("a\0b"), true, "Natsway-B64-A", "YQBi");
    expect_encoded(BYTES("A"), BYTES(""), true, "Natsway-B64-A", "");
    expect_encoded(BYTES("a b"), BYTES("c"), true, "Natsway-B64-~YSBi", "Yw==");
    expect_encoded(BYTES("\xff\xfe\xfd"), BYTES("c"), true, "Natsway-B64-~__79", "Yw==");
    expect_encoded(BYTES(""), BYTES("c"), true, "Natsway-B64-~", "Yw==");
}

Test(carry, reads_back_whatever_it_wrote)
{
    static const struct {
        struct nw_slice name, value;
    } cases[] = {
        {BYTES("A"), BYTES("a\0\r\n b ")},
        {BYTES("a b"), BYTES("c")},
        {BYTES("\0\x01\xff"), BYTES("\xff")},
        {BYTES(""), BYTES("")},
        {BYTES("~x"), BYTES("c")},
        {BYTES("Natsway-Key"), BYTES(" k")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_buffer wire = {0}, name = {0}, value = {0};
        nw_carry_encode(&wire, cases[i].name, cases[i].value, true);
        struct nw_slice header = nw_slice_text(wire.data);
        struct nw_slice text = nw_slice_text(wire.data + header.len + 1);
        cr_assert_eq(nw_carry_decode(header, text, &name, &value), 0, "case %zu", i);
        cr_expect(nw_slice_equal(nw_buffer_slice(&name), cases[i].name), "case %zu", i);
        cr_expect(nw_slice_equal(nw_buffer_slice(&value), cases[i].value), "case %zu", i);
        nw_buffer_done(&wire);
        nw_buffer_done(&name);
        nw_buffer_done(&value);
    }
}

Test(carry, leaves_alone_what_is_not_its_own)
{
    static const struct {
        struct nw_slice header, text;
    } cases[] = {
        {BYTES("X"), BYTES("Yg==")},
        {BYTES("Natsway-B64-"), BYTES("Yg==")},
        {BYTES("Natsway-B64-A"), BYTES("no base64!")},
        {BYTES("Natsway-B64-~*"), BYTES("Yg==")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nw_buffer name = {0}, value = {0};
        cr_expect_eq(nw_carry_decode(cases[i].header, cases[i].text, &name, &value), NW_EINVAL,
                     "case %zu", i);
        cr_expect_eq(name.len, 0, "case %zu", i);
        cr_expect_eq(value.len, 0, "case %zu", i);
        nw_buffer_done(&name);
        nw_buffer_done(&value);
    }
}
