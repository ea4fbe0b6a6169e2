/* SPDX-License-Identifier: Apache-2.0 */
#include "base/compact.h"

#include "base/json.h"

struct reader {
    const char *at, *end;
    struct nw_buffer *out;
    unsigned depth;
};

static bool read_value(struct reader *r);

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end &&
           (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) {
        r->at++;
    }
}

/* c, with blanks before it passed over. */
static bool take(struct reader *r, char c)
{
    skip_blanks(r);
    if (r->at == r->end || *r->at != c) {
        return false;
    }
    nw_buffer_add_char(r->out, c);
    r->at++;
    return true;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Length of the escape at text, 0 if it is none. */
static size_t escape_length(const char *text, const char *end)
{
    if (end - text >= 2 && strchr("\"\\/bfnrt", text[1]) != NULL && text[1] != '\0') {
        return 2;
    }
    if (end - text < 6 || text[1] != 'u') {
        return 0;
    }
    for (int i = 2; i < 6; i++) {
        if (!is_hex(text[i])) {
            return 0;
        }
    }
    return 6;
}

static bool read_string(struct reader *r)
{
    const char *from = r->at++;

    while (r->at < r->end && *r->at != '"') {
        size_t length = 1;
        if ((unsigned char)*r->at < 0x20) {
            return false;
        }
        if (*r->at == '\\') {
            length = escape_length(r->at, r->end);
        }
        if (length == 0) {
            return false;
        }
        r->at += length;
    }
    if (r->at == r->end) {
        return false;
    }
    r->at++;
    nw_buffer_add(r->out, from, (size_t)(r->at - from));
    return true;
}

static size_t digits(const struct reader *r, const char *at)
{
    const char *from = at;

    while (at < r->end && *at >= '0' && *at <= '9') {
        at++;
    }
    return (size_t)(at - from);
}

static bool read_number(struct reader *r)
{
    const char *at = r->at + (*r->at == '-' ? 1 : 0);
    size_t n = digits(r, at);

    if (n == 0 || (n > 1 && *at == '0')) {
        return false;
    }
    at += n;
    if (at < r->end && *at == '.') {
        n = digits(r, at + 1);
        if (n == 0) {
            return false;
        }
        at += n + 1;
    }
    if (at < r->end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < r->end && (*at == '+' || *at == '-') ? 1 : 0;
        n = digits(r, at);
        if (n == 0) {
            return false;
        }
        at += n;
    }
    nw_buffer_add(r->out, r->at, (size_t)(at - r->at));
    r->at = at;
    return true;
}

static bool read_word(struct reader *r, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0) {
        return false;
    }
    nw_buffer_add(r->out, word, len);
    r->at += len;
    return true;
}

static bool read_members(struct reader *r, char close, bool named)
{
    r->at++;
    if (take(r, close)) {
        return true;
    }
    do {
        skip_blanks(r);
        if (named && (r->at == r->end || *r->at != '"' || !read_string(r) || !take(r, ':'))) {
            return false;
        }
        if (!read_value(r)) {
            return false;
        }
    } while (take(r, ','));
    return take(r, close);
}

static bool read_nested(struct reader *r, char close, bool named)
{
    bool good;

    if (r->depth == NW_JSON_DEPTH_MAX) {
        return false;
    }
    r->depth++;
    nw_buffer_add_char(r->out, *r->at);
    good = read_members(r, close, named);
    r->depth--;
    return good;
}

static bool read_value(struct reader *r)
{
    skip_blanks(r);
    if (r->at == r->end) {
        return false;
    }
    switch (*r->at) {
    case '{':
        return read_nested(r, '}', true);
    case '[':
        return read_nested(r, ']', false);
    case '"':
        return read_string(r);
    case 't':
        return read_word(r, "true");
    case 'f':
        return read_word(r, "false");
    case 'n':
        return read_word(r, "null");
    default:
        return read_number(r);
    }
}

bool nw_json_compact(struct nw_buffer *b, struct nw_slice text)
{
    struct reader r = {text.data, text.data + text.len, b, 0};
    size_t len = b->len;
    bool good;

    if (text.data == NULL || !nw_utf8_valid(text)) {
        return false;
    }
    good = read_value(&r);
    skip_blanks(&r);
    if (!good || r.at != r.end || b->failed) {
        if (b->data != NULL) {
            b->len = len;
            b->data[len] = '\0';
        }
        return false;
    }
    return true;
}
