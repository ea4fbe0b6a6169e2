/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

/* How many continuation bytes must follow lead, and the range of the first of them: that range is
 * what keeps out overlong forms, surrogates and what is above U+10FFFF. */
static size_t sequence_length(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xBF;
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        return 2;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        *low = lead == 0xE0 ? 0xA0 : 0x80;
        *high = lead == 0xED ? 0x9F : 0xBF;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        *low = lead == 0xF0 ? 0x90 : 0x80;
        *high = lead == 0xF4 ? 0x8F : 0xBF;
        return 4;
    }
    return 0;
}

size_t nw_utf8_length(struct nw_slice text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    unsigned char low, high;
    size_t n;

    if (text.len == 0) {
        return 0;
    }
    n = sequence_length(bytes[0], &low, &high);
    if (n > text.len || (n > 1 && (bytes[1] < low || bytes[1] > high))) {
        return 0;
    }
    for (size_t i = 2; i < n; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return n;
}

bool nw_utf8_valid(struct nw_slice text)
{
    while (text.len > 0) {
        size_t n = nw_utf8_length(text);

        if (n == 0) {
            return false;
        }
        text.data += n;
        text.len -= n;
    }
    return true;
}

/* The escape of an ASCII byte, or NULL if it stands for itself or needs \u. */
static const char *short_escape(char c)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    default:
        return NULL;
    }
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7F && c != '"' && c != '\\';
}

/* Append the character at the head of text; returns how many bytes it took. */
static size_t add_character(struct nw_buffer *b, struct nw_slice text)
{
    size_t n = nw_utf8_length(text);
    const char *escape = short_escape(text.data[0]);

    if (n == 0) {
        nw_buffer_add_text(b, "\xEF\xBF\xBD");
        return 1;
    }
    if (escape != NULL) {
        nw_buffer_add_text(b, escape);
    } else if (n == 1 && ((unsigned char)text.data[0] < 0x20 || text.data[0] == 0x7F)) {
        nw_buffer_add_format(b, "\\u%04x", (unsigned)text.data[0]);
    } else {
        nw_buffer_add(b, text.data, n);
    }
    return n;
}

void nw_json_add_string(struct nw_buffer *b, struct nw_slice text)
{
    nw_buffer_add_char(b, '"');
    while (text.len > 0) {
        size_t n = 0;

        while (n < text.len && is_plain(text.data[n])) {
            n++;
        }
        if (n > 0) {
            nw_buffer_add(b, text.data, n);
        } else {
            n = add_character(b, text);
        }
        text.data += n;
        text.len -= n;
    }
    nw_buffer_add_char(b, '"');
}

void nw_json_add_string_or_null(struct nw_buffer *b, struct nw_slice text)
{
    if (text.data == NULL) {
        nw_buffer_add_text(b, "null");
    } else {
        nw_json_add_string(b, text);
    }
}
