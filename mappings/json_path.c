/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/json_path.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/json.h"
#include "mappings/document.h"

struct step {
    bool is_index;
    struct nw_slice name;
    size_t index;
};

struct nw_json_path {
    size_t count;
    struct step steps[];
};

/* ---- compiling ---- */

static int bad_path(struct nw_error *error, size_t at)
{
    return nw_error_set_at(error, NW_EINVAL, at,
                           "expected a path into the payload, like .a.b, .a[0] or .[\"a b\"]");
}

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || (unsigned char)c >= 0x80;
}

/* "…" at at; *at moves behind it. Escapes have no use in a template and are refused. */
static bool read_quoted(struct nw_slice t, size_t *at, struct step *step)
{
    size_t start = ++*at;

    while (*at < t.len && t.data[*at] != '"') {
        if (t.data[*at] == '\\') {
            return false;
        }
        ++*at;
    }
    *step = (struct step){.name = {t.data + start, *at - start}};
    return (*at)++ < t.len;
}

static bool read_bracket(struct nw_slice t, size_t *at, struct step *step)
{
    ++*at;
    if (*at < t.len && t.data[*at] == '"') {
        if (!read_quoted(t, at, step)) {
            return false;
        }
    } else {
        size_t start = *at;
        *step = (struct step){.is_index = true};
        while (*at < t.len && isdigit((unsigned char)t.data[*at]) && *at - start < 9) {
            step->index = step->index * 10 + (size_t)(t.data[(*at)++] - '0');
        }
        if (*at == start) {
            return false;
        }
    }
    return *at < t.len && t.data[(*at)++] == ']';
}

static bool read_name(struct nw_slice t, size_t *at, struct step *step)
{
    size_t start = *at;

    while (*at < t.len && is_name(t.data[*at])) {
        ++*at;
    }
    *step = (struct step){.name = {t.data + start, *at - start}};
    return *at > start;
}

static bool read_step(struct nw_slice t, size_t *at, struct step *step)
{
    if (t.data[*at] == '[' && *at > 0) {
        return read_bracket(t, at, step);
    }
    if (t.data[*at] != '.' || ++*at >= t.len) {
        return false;
    }
    if (t.data[*at] == '[') {
        return read_bracket(t, at, step);
    }
    return t.data[*at] == '"' ? read_quoted(t, at, step) : read_name(t, at, step);
}

int nw_json_path_compile(struct nw_slice text, struct nw_json_path **out, struct nw_error *error)
{
    struct nw_json_path *path = calloc(1, sizeof *path + (text.len + 1) * sizeof(struct step));
    size_t at = 0;

    if (path == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    if (text.len == 1 && text.data[0] == '.') {
        at = 1;
    } else if (text.len == 0) {
        free(path);
        return bad_path(error, 0);
    }
    while (at < text.len) {
        if (!read_step(text, &at, &path->steps[path->count])) {
            free(path);
            return bad_path(error, at < text.len ? at : text.len);
        }
        path->count++;
    }
    *out = path;
    return 0;
}

void nw_json_path_free(struct nw_json_path *path)
{
    free(path);
}

bool nw_json_path_step(const struct nw_json_path *path, size_t at, struct nw_slice *name,
                       size_t *index)
{
    if (at >= path->count) {
        return false;
    }
    *name = path->steps[at].is_index ? NW_ABSENT : path->steps[at].name;
    *index = path->steps[at].index;
    return true;
}

/* ---- reading ---- */

/* A value's place in the text, and whether a string in it has escapes. */
struct found {
    struct nw_slice text;
    bool escapes;
};

struct reader {
    const struct nw_json_path *path;
    struct nw_slice json;
    size_t at;
    struct nw_message *m;
    struct found found;
    const char *problem;
    bool no_memory, too_deep;
};

static bool fail(struct reader *r, const char *problem)
{
    if (r->problem == NULL) {
        r->problem = problem;
    }
    return false;
}

static int peek(const struct reader *r)
{
    return r->at < r->json.len ? (unsigned char)r->json.data[r->at] : -1;
}

static void skip_blanks(struct reader *r)
{
    int c;

    while ((c = peek(r)) == ' ' || c == '\n' || c == '\t' || c == '\r') {
        r->at++;
    }
}

/* Behind a backslash. */
static bool read_escape(struct reader *r)
{
    int c = peek(r);
    const char *at;

    if (c <= 0 || strchr("\"\\/bfnrtu", c) == NULL) {
        return fail(r, "a string has an unknown escape");
    }
    at = r->json.data + ++r->at;
    if (c == 'u' && nw_document_take_unicode(&at, r->json.data + r->json.len) < 0) {
        return fail(r, "a string has a \\u that is no character");
    }
    r->at = (size_t)(at - r->json.data);
    return true;
}

/* A string at its opening quote; *text is what stands between the quotes. */
static bool read_string(struct reader *r, struct nw_slice *text, bool *escapes)
{
    size_t start = ++r->at;

    *escapes = false;
    for (;;) {
        int c = peek(r);
        if (c < 0) {
            return fail(r, "a string is not closed");
        }
        if (c == '"') {
            *text = (struct nw_slice){r->json.data + start, r->at++ - start};
            return true;
        }
        if (c < ' ') {
            return fail(r, "a string has a control character");
        }
        r->at++;
        if (c != '\\') {
            continue;
        }
        *escapes = true;
        if (!read_escape(r)) {
            return false;
        }
    }
}

static bool read_digits(struct reader *r)
{
    size_t start = r->at;

    while (isdigit(peek(r))) {
        r->at++;
    }
    return r->at > start;
}

static bool read_number(struct reader *r)
{
    r->at += peek(r) == '-' ? 1 : 0;
    if (peek(r) == '0') {
        r->at++;
    } else if (!read_digits(r)) {
        return fail(r, "a value is missing");
    }
    if (peek(r) == '.') {
        r->at++;
        if (!read_digits(r)) {
            return fail(r, "a number ends in \".\"");
        }
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->at++;
        r->at += peek(r) == '-' || peek(r) == '+' ? 1 : 0;
        if (!read_digits(r)) {
            return fail(r, "a number has no exponent");
        }
    }
    return true;
}

static bool read_word(struct reader *r)
{
    static const struct nw_slice words[] = {NW_LITERAL("true"), NW_LITERAL("false"),
                                            NW_LITERAL("null")};
    struct nw_slice rest = {r->json.data + r->at, r->json.len - r->at};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (nw_slice_starts(rest, words[i])) {
            r->at += words[i].len;
            return true;
        }
    }
    return read_number(r);
}

/* What a checked string says. Never longer than it was. */
static bool decode(struct reader *r, struct nw_slice *text)
{
    char *start = nw_message_bytes(r->m, text->len);

    if (start == NULL) {
        r->no_memory = true;
        return fail(r, "out of memory");
    }
    *text = (struct nw_slice){start, (size_t)nw_document_unescape(*text, start)};
    return true;
}

/* Values down to `depth` steps are on the path; OFF_THE_PATH: this one and all in it are not. */
static bool read_value(struct reader *r, size_t level, size_t depth);

static bool name_fits(struct reader *r, size_t depth, struct nw_slice name, bool escapes)
{
    if (depth >= r->path->count || r->path->steps[depth].is_index) {
        return false;
    }
    return (!escapes || decode(r, &name)) && nw_slice_equal(name, r->path->steps[depth].name);
}

#define OFF_THE_PATH SIZE_MAX

static bool read_member(struct reader *r, size_t level, size_t depth)
{
    struct nw_slice name;
    bool escapes, fits;

    skip_blanks(r);
    if (peek(r) != '"') {
        return fail(r, "expected a name in quotes");
    }
    if (!read_string(r, &name, &escapes)) {
        return false;
    }
    fits = depth != OFF_THE_PATH && name_fits(r, depth, name, escapes);
    skip_blanks(r);
    if (peek(r) != ':') {
        return fail(r, "expected \":\" behind a name");
    }
    r->at++;
    if (fits) {
        r->found = (struct found){NW_ABSENT, false}; /* an equal name before it does not count */
    }
    return read_value(r, level + 1, fits ? depth + 1 : OFF_THE_PATH);
}

static bool read_item(struct reader *r, size_t level, size_t depth, size_t index)
{
    bool fits = depth != OFF_THE_PATH && depth < r->path->count && r->path->steps[depth].is_index &&
                r->path->steps[depth].index == index;

    return read_value(r, level + 1, fits ? depth + 1 : OFF_THE_PATH);
}

/* An object or array, at its opening bracket. */
static bool read_container(struct reader *r, size_t level, size_t depth)
{
    bool object = peek(r) == '{';
    int close = object ? '}' : ']';

    if (level == NW_DOCUMENT_DEEPEST) {
        r->too_deep = true;
        return fail(r, NW_DOCUMENT_TOO_DEEP);
    }
    r->at++;
    skip_blanks(r);
    if (peek(r) == close) {
        r->at++;
        return true;
    }
    for (size_t i = 0;; i++) {
        if (!(object ? read_member(r, level, depth) : read_item(r, level, depth, i))) {
            return false;
        }
        skip_blanks(r);
        if (peek(r) == close) {
            r->at++;
            return true;
        }
        if (peek(r) != ',') {
            return fail(r, object ? "an object is not closed" : "an array is not closed");
        }
        r->at++;
    }
}

static bool read_value(struct reader *r, size_t level, size_t depth)
{
    struct nw_slice text;
    bool escapes = false, good;
    size_t start;
    int c;

    skip_blanks(r);
    start = r->at;
    c = peek(r);
    if (c == '"') {
        good = read_string(r, &text, &escapes);
    } else if (c == '{' || c == '[') {
        good = read_container(r, level, depth);
    } else {
        good = read_word(r);
    }
    if (good && depth != OFF_THE_PATH && depth == r->path->count) {
        r->found = (struct found){{r->json.data + start, r->at - start}, escapes};
    }
    return good;
}

/* What was found, as text. */
static bool take(struct reader *r, struct nw_slice *out)
{
    struct nw_slice text = r->found.text;

    if (text.data == NULL || (text.len == 4 && memcmp(text.data, "null", 4) == 0)) {
        *out = NW_ABSENT;
        return true;
    }
    if (text.data[0] == '"') {
        text = (struct nw_slice){text.data + 1, text.len - 2};
        if (r->found.escapes && !decode(r, &text)) {
            return false;
        }
    }
    *out = text;
    return true;
}

int nw_json_path_read(const struct nw_json_path *path, struct nw_slice json, struct nw_message *m,
                      struct nw_slice *out, struct nw_error *error)
{
    struct reader r = {.path = path, .json = nw_document_behind_mark(json), .m = m};
    bool good;

    if (json.len == 0) { /* a tombstone, or a request without a body, is null, as to a rule */
        *out = NW_ABSENT;
        return 0;
    }
    if (!nw_utf8_valid(json)) {
        return nw_error_set(error, NW_EINVAL, "not JSON: the payload is not UTF-8");
    }
    good = read_value(&r, 0, 0);
    if (good) {
        skip_blanks(&r);
        good = r.at == r.json.len || fail(&r, "something stands behind the value");
    }
    if (!good || !take(&r, out)) {
        return r.no_memory ? nw_error_set(error, NW_ENOMEM, "out of memory")
                           : nw_error_set_at(error, NW_EINVAL, r.at, "%s%s at byte %zu",
                                             r.too_deep ? "" : "not JSON: ", r.problem, r.at + 1);
    }
    return 0;
}
