/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include "base/error.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void nw_base64_encode(struct nw_buffer *b, struct nw_slice bytes)
{
    const unsigned char *in = (const unsigned char *)bytes.data;

    if (bytes.len > SIZE_MAX / 2 || !nw_buffer_reserve(b, (bytes.len + 2) / 3 * 4)) {
        b->failed = true;
        return;
    }
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                         (left > 2 ? in[i + 2] : 0);
        char out[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63],
                       left > 1 ? alphabet[group >> 6 & 63] : '=',
                       left > 2 ? alphabet[group & 63] : '='};

        nw_buffer_add(b, out, sizeof out);
    }
}

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : (c == '/' ? 63 : -1);
}

/* How many bytes of text are digits, once one or two '=' that complete a group are cut off. */
static size_t without_padding(struct nw_slice text)
{
    size_t n = text.len;

    for (int i = 0; i < 2 && text.len % 4 == 0 && n > 0 && text.data[n - 1] == '='; i++) {
        n--;
    }
    return n;
}

int nw_base64_decode(struct nw_buffer *b, struct nw_slice text, struct nw_error *error)
{
    size_t n = without_padding(text), start = b->len;
    uint32_t bits = 0;
    int held = 0;

    if (!nw_buffer_reserve(b, n / 4 * 3 + 3)) {
        return nw_error_set(error, NW_ENOMEM, "no memory");
    }
    for (size_t i = 0; i < n; i++) {
        int digit = digit_of(text.data[i]);

        if (digit < 0) {
            b->len = start;
            b->data[start] = '\0';
            return nw_error_set_at(error, NW_EINVAL, i, "not base64 at byte %zu", i + 1);
        }
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            nw_buffer_add_char(b, (char)(bits >> held & 0xFF));
        }
    }
    if (n % 4 == 1 || (bits & ((1U << held) - 1)) != 0) {
        b->len = start;
        b->data[start] = '\0';
        return nw_error_set_at(error, NW_EINVAL, n, "base64 that ends in the middle of a byte");
    }
    return 0;
}
