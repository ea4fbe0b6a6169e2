/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/document.h"

#include <stdlib.h>

#include "base/json.h"

struct reader {
    struct nw_document *d;
    const char *at, *end;
    size_t depth;
    int failure;
};

/* What a byte within a string is. */
enum { PLAIN, END, ESCAPE, HIGH, DEL, CONTROL };

static const uint8_t classes[256] = {
    ['"'] = END, ['\\'] = ESCAPE, [0x7f] = DEL, [0 ... 0x1f] = CONTROL, [0x80 ... 0xff] = HIGH,
};

static bool refuse_for(struct reader *r, const char *why)
{
    if (r->failure == 0) {
        r->failure = NW_EINVAL;
        r->d->why = why;
        r->d->wrong_at = (size_t)(r->at - r->d->text);
    }
    return false;
}

static bool refuse(struct reader *r)
{
    return refuse_for(r, r->at == r->end ? "it ends too soon" : "unexpected character");
}

/* ---- items ---- */

/* A new item at the reader's place; SIZE_MAX: no memory. */
static size_t add(struct reader *r, enum nw_kind kind)
{
    struct nw_document *d = r->d;

    if (d->count == d->capacity) {
        size_t capacity = d->capacity == 0 ? 64 : d->capacity * 2;
        struct nw_item *items = realloc(d->items, capacity * sizeof *items);
        if (items == NULL) {
            r->failure = NW_ENOMEM;
            return SIZE_MAX;
        }
        d->items = items;
        d->capacity = capacity;
    }
    d->items[d->count] = (struct nw_item){
        .at = (uint32_t)(r->at - d->text), .next = (uint32_t)(d->count + 1), .kind = (uint8_t)kind};
    return d->count++;
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end &&
           (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')) {
        r->at++;
    }
}

static bool take(struct reader *r, char c)
{
    if (r->at == r->end || *r->at != c) {
        return false;
    }
    r->at++;
    return true;
}

/* ---- strings ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits at `at`; -1: there are none. */
static long hex4(const char *at, const char *end)
{
    long value = 0;

    if (end - at < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

long nw_document_take_unicode(const char **at, const char *end)
{
    long high = hex4(*at, end), low;

    if (high < 0 || (high >= 0xDC00 && high <= 0xDFFF)) {
        return -1;
    }
    *at += 4;
    if (high < 0xD800 || high > 0xDFFF) {
        return high;
    }
    if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u') {
        return -1;
    }
    low = hex4(*at + 2, end);
    if (low < 0xDC00 || low > 0xDFFF) {
        return -1;
    }
    *at += 6;
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

/* The byte that \c stands for; -1: none. */
static int simple_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return -1;
    }
}

static bool skip_escape(struct reader *r)
{
    r->at++;
    if (take(r, 'u')) {
        return nw_document_take_unicode(&r->at, r->end) >= 0 ||
               refuse_for(r, "no character after \\u");
    }
    if (r->at == r->end || simple_escape(*r->at) < 0) {
        return refuse(r);
    }
    r->at++;
    return true;
}

static bool skip_character(struct reader *r)
{
    size_t n = nw_utf8_length((struct nw_slice){r->at, (size_t)(r->end - r->at)});

    r->at += n;
    return n > 0 || refuse_for(r, "not UTF-8");
}

/* Behind the quote, to behind the other. */
static bool read_string(struct reader *r)
{
    size_t item = add(r, NW_KIND_STRING);
    const char *start = r->at;
    bool good = item != SIZE_MAX, escaped = false;

    while (good && r->at < r->end) {
        switch (classes[(unsigned char)*r->at]) {
        case PLAIN:
            r->at++;
            break;
        case END:
            r->d->items[item].len = (uint32_t)(r->at++ - start);
            r->d->items[item].escaped = escaped;
            return true;
        case ESCAPE:
            escaped = true;
            good = skip_escape(r);
            break;
        case HIGH:
            good = skip_character(r);
            break;
        case DEL:
            escaped = true;
            r->at++;
            break;
        default:
            return refuse(r);
        }
    }
    return good ? refuse(r) : false;
}

static size_t put_utf8(char *out, long c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

long nw_document_unescape(struct nw_slice text, char *out)
{
    const char *at = text.data, *end = text.data + text.len;
    char *to = out;

    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        if (++at == end) {
            return -1;
        }
        if (*at == 'u') {
            long c;
            at++;
            c = nw_document_take_unicode(&at, end);
            if (c < 0) {
                return -1;
            }
            to += put_utf8(to, c);
        } else {
            int c = simple_escape(*at++);
            if (c < 0) {
                return -1;
            }
            *to++ = (char)c;
        }
    }
    return to - out;
}

/* ---- the others ---- */

static bool is_digit(const struct reader *r)
{
    return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

static bool skip_digits(struct reader *r)
{
    if (!is_digit(r)) {
        return refuse(r);
    }
    while (is_digit(r)) {
        r->at++;
    }
    return true;
}

static bool read_number(struct reader *r)
{
    const char *start = r->at;
    size_t item = add(r, NW_KIND_NUMBER);

    if (item == SIZE_MAX) {
        return false;
    }
    (void)take(r, '-');
    if (!take(r, '0') && !skip_digits(r)) {
        return false;
    }
    if (take(r, '.') && !skip_digits(r)) {
        return false;
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        r->at++;
        if (!take(r, '-')) {
            (void)take(r, '+');
        }
        if (!skip_digits(r)) {
            return false;
        }
    }
    r->d->items[item].len = (uint32_t)(r->at - start);
    return true;
}

static bool read_word(struct reader *r, const char *word, size_t len, enum nw_kind kind)
{
    size_t item = add(r, kind);

    if (item == SIZE_MAX) {
        return false;
    }
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0) {
        return refuse(r);
    }
    r->at += len;
    r->d->items[item].len = (uint32_t)len;
    return true;
}

static bool read_value(struct reader *r);

/* A key and its colon. */
static bool read_key(struct reader *r)
{
    skip_blanks(r);
    if (!take(r, '"')) {
        return refuse(r);
    }
    if (!read_string(r)) {
        return false;
    }
    skip_blanks(r);
    return take(r, ':') || refuse(r);
}

static bool read_container(struct reader *r, enum nw_kind kind)
{
    char close = kind == NW_KIND_OBJECT ? '}' : ']';
    size_t item = add(r, kind);
    uint32_t n = 0;
    bool more;

    if (item == SIZE_MAX) {
        return false;
    }
    if (r->depth == NW_DOCUMENT_DEEPEST) {
        r->d->too_deep = true;
        return refuse_for(r, NW_DOCUMENT_TOO_DEEP);
    }
    r->depth++;
    r->at++;
    skip_blanks(r);
    more = !take(r, close);
    while (more) {
        if ((kind == NW_KIND_OBJECT && !read_key(r)) || !read_value(r)) {
            return false;
        }
        n++;
        skip_blanks(r);
        more = take(r, ',');
        if (!more && !take(r, close)) {
            return refuse(r);
        }
    }
    r->depth--;
    r->d->items[item].len = n;
    r->d->items[item].next = (uint32_t)r->d->count;
    return true;
}

static bool read_value(struct reader *r)
{
    skip_blanks(r);
    if (r->at == r->end) {
        return refuse(r);
    }
    switch (*r->at) {
    case '"':
        r->at++;
        return read_string(r);
    case '{':
        return read_container(r, NW_KIND_OBJECT);
    case '[':
        return read_container(r, NW_KIND_ARRAY);
    case 't':
        return read_word(r, "true", 4, NW_KIND_TRUE);
    case 'f':
        return read_word(r, "false", 5, NW_KIND_FALSE);
    case 'n':
        return read_word(r, "null", 4, NW_KIND_NULL);
    default:
        return read_number(r);
    }
}

struct nw_slice nw_document_behind_mark(struct nw_slice text)
{
    static const struct nw_slice mark = NW_LITERAL("\xef\xbb\xbf");

    return nw_slice_starts(text, mark)
               ? (struct nw_slice){text.data + mark.len, text.len - mark.len}
               : text;
}

int nw_document_read(struct nw_document *d, struct nw_slice text)
{
    struct reader r = {.d = d, .at = text.data, .end = text.data + text.len};

    d->text = text.data;
    d->count = 0;
    d->too_deep = false;
    if (text.data == NULL || text.len > INT32_MAX) {
        (void)refuse_for(&r, text.data == NULL ? "there is no value" : "too long");
    } else if (read_value(&r)) {
        skip_blanks(&r);
        if (r.at != r.end) {
            (void)refuse(&r);
        }
    }
    return r.failure;
}

void nw_document_done(struct nw_document *d)
{
    free(d->items);
    *d = (struct nw_document){0};
}
