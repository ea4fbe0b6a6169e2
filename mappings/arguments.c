/* SPDX-License-Identifier: Apache-2.0 */
/* What stands between the parentheses of a name, checked against the route's source. */
#include <time.h>

#include "base/suggest.h"
#include "mappings/parser.h"

bool nw_at_end(const struct nw_parser *p)
{
    return nw_peek(p) == '}' && p->at + 1 < p->text.len && p->text.data[p->at + 1] == '}';
}

struct nw_slice nw_cut_text(const struct nw_parser *p, size_t from, size_t to)
{
    return (struct nw_slice){p->text.data + from, to - from};
}

struct nw_slice nw_take_word(struct nw_parser *p)
{
    size_t start = p->at;

    while (isalnum(nw_peek(p)) || nw_peek(p) == '_') {
        p->at++;
    }
    return nw_cut_text(p, start, p->at);
}

/* 'text' or "text" at the quote. */
bool nw_take_quoted(struct nw_parser *p, struct nw_slice *out)
{
    size_t quote = p->at++;
    const char *end = memchr(p->text.data + p->at, p->text.data[quote], p->text.len - p->at);

    if (end == NULL) {
        (void)nw_error_set_at(p->error, NW_EINVAL, quote, "the text in quotes is not closed");
        return false;
    }
    *out = nw_cut_text(p, p->at, (size_t)(end - p->text.data));
    p->at += out->len + 1;
    return true;
}

/* ---- wildcards ---- */

bool nw_wildcard_check(struct nw_parser *p, size_t at, int64_t n)
{
    size_t count = nw_pattern_wildcards(p->pattern);
    const char *pattern = p->scope->pattern == NULL ? "" : p->scope->pattern;

    if (p->scope->pattern_wrong || (n >= 1 && (uint64_t)n <= count)) {
        return true;
    }
    if (count == 0) {
        (void)nw_error_set_at(p->error, NW_EINVAL, at,
                              "there is no wildcard: the source is \"%.200s\"", pattern);
    } else {
        (void)nw_error_set_at(p->error, NW_EINVAL, at,
                              "there is no wildcard %lld: the source \"%.200s\" has %zu",
                              (long long)n, pattern, count);
    }
    return false;
}

/* Of one level: what a NATS function works on. */
static bool check_single(struct nw_parser *p, size_t at, int64_t n)
{
    if (!nw_wildcard_check(p, at, n)) {
        return false;
    }
    if (!p->scope->pattern_wrong && nw_pattern_is_rest(p->pattern, (size_t)n)) {
        (void)nw_error_set_at(p->error, NW_EINVAL, at,
                              "wildcard %lld is all that is left of the address, not one level",
                              (long long)n);
        return false;
    }
    return true;
}

/* ---- arguments ---- */

bool nw_take_number(struct nw_parser *p, int64_t *out)
{
    size_t start;

    nw_skip_blanks(p);
    start = p->at;
    *out = 0;
    while (isdigit(nw_peek(p)) && *out <= INT32_MAX) {
        *out = *out * 10 + (nw_peek(p) - '0');
        p->at++;
    }
    nw_skip_blanks(p);
    if (p->at == start || *out > INT32_MAX) {
        (void)nw_error_set_at(p->error, NW_EINVAL, start, "expected a number");
        return false;
    }
    return true;
}

static bool take_positive(struct nw_parser *p, int64_t *out)
{
    size_t at = p->at;

    if (!nw_take_number(p, out)) {
        return false;
    }
    if (*out == 0) {
        (void)nw_error_set_at(p->error, NW_EINVAL, at, "expected a number above 0");
        return false;
    }
    return true;
}

static bool take_comma(struct nw_parser *p, const struct nw_name *n, size_t at)
{
    return nw_take(p, ',') || nw_name_wrong_call(p, at, n);
}

static bool take_single_wildcard(struct nw_parser *p, int64_t *out)
{
    size_t at;

    nw_skip_blanks(p);
    at = p->at;
    return nw_take_number(p, out) && check_single(p, at, *out);
}

static bool take_partition(struct nw_parser *p, struct nw_expression *e)
{
    int64_t wildcard;

    if (!take_positive(p, &e->number)) {
        return false;
    }
    while (nw_take(p, ',')) {
        size_t at = p->at;
        if (e->wildcard_count == NW_PARTITION_WILDCARDS) {
            (void)nw_error_set_at(p->error, NW_EINVAL, at, "partition takes up to %d wildcards",
                                  NW_PARTITION_WILDCARDS);
            return false;
        }
        if (!take_single_wildcard(p, &wildcard)) {
            return false;
        }
        e->wildcards[e->wildcard_count++] = (uint16_t)wildcard;
    }
    return true;
}

/* The delimiter goes as far as the closing parenthesis; in quotes it may be anything. */
static bool take_delimiter(struct nw_parser *p, struct nw_expression *e)
{
    size_t start, end;

    nw_skip_blanks(p);
    if (nw_peek(p) == '\'' || nw_peek(p) == '"') {
        bool good = nw_take_quoted(p, &e->text);
        nw_skip_blanks(p);
        return good;
    }
    start = p->at;
    while (nw_peek(p) >= 0 && nw_peek(p) != ')' && !nw_at_end(p)) {
        p->at++;
    }
    for (end = p->at; end > start && p->text.data[end - 1] == ' ';) {
        end--;
    }
    e->text = nw_cut_text(p, start, end);
    if (e->text.len > 0 && (memchr(e->text.data, ' ', e->text.len) != NULL ||
                            memchr(e->text.data, ',', e->text.len) != NULL)) {
        (void)nw_error_set_at(p->error, NW_EINVAL, start,
                              "a delimiter with a blank or comma "
                              "needs quotes");
        return false;
    }
    return true;
}

/* A {param} must be one of the path's. */
static bool check_param(struct nw_parser *p, size_t at, struct nw_slice name)
{
    char copies[8][64];
    struct nw_suggest suggest;
    struct nw_slice param;
    const char *best;

    if (p->scope->pattern_wrong) {
        return true;
    }
    nw_suggest_init(&suggest, name);
    for (size_t i = 0; (param = nw_pattern_param(p->pattern, i)).data != NULL; i++) {
        if (nw_slice_equal(param, name)) {
            return true;
        }
        if (i < sizeof copies / sizeof copies[0] && param.len < sizeof copies[i]) {
            memcpy(copies[i], param.data, param.len);
            copies[i][param.len] = '\0';
            nw_suggest_offer(&suggest, copies[i]);
        }
    }
    best = nw_suggest_best(&suggest);
    (void)nw_error_set_at(p->error, NW_EINVAL, at, "the source's path has no {%.*s}%s%s%s",
                          (int)name.len, name.data, best == NULL ? "" : "; did you mean {",
                          best == NULL ? "" : best, best == NULL ? "" : "}?");
    return false;
}

/* The length of the conversion at the head of s, as "%Y" or "%-d", that strftime has; 0: it is
 * none. What it does not know it copies. */
static size_t conversion_length(struct nw_slice s)
{
    size_t at = 1;
    const char *all = "aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ%";

    while (at < s.len && s.data[at] != '\0' && strchr("_-0^#", s.data[at]) != NULL) {
        at++;
    }
    while (at < s.len && isdigit((unsigned char)s.data[at])) {
        at++;
    }
    if (at < s.len && (s.data[at] == 'E' || s.data[at] == 'O')) {
        all = s.data[at] == 'E' ? "cCxXyY" : "deHImMSuUVwWy";
        at++;
    }
    return at < s.len && s.data[at] != '\0' && strchr(all, s.data[at]) != NULL ? at + 1 : 0;
}

static bool check_conversions(struct nw_parser *p, size_t at, struct nw_slice format)
{
    for (size_t i = 0; i < format.len; i++) {
        struct nw_slice rest = {format.data + i, format.len - i};
        size_t n = format.data[i] == '%' ? conversion_length(rest) : 1;
        if (n == 0) {
            (void)nw_error_set_at(
                p->error, NW_EINVAL, at + i,
                "\"%.*s\" is no part of a date; there are %%Y, %%m, %%d, %%H, %%M, "
                "%%S and what else strftime has",
                (int)(rest.len < 2 ? rest.len : 2), rest.data);
            return false;
        }
        i += n - 1;
    }
    return true;
}

/* A format that gives nothing, or too much, is found now. */
static bool check_date(struct nw_parser *p, size_t at, struct nw_slice format)
{
    char text[100], out[200];
    struct tm tm = {.tm_mday = 1, .tm_year = 126};

    if (!check_conversions(p, at + 1, format)) {
        return false;
    }
    if (format.len < sizeof text) {
        memcpy(text, format.data, format.len);
        text[format.len] = '\0';
        if (strftime(out, sizeof out, text, &tm) > 0) {
            return true;
        }
    }
    (void)nw_error_set_at(p->error, NW_EINVAL, at, "expected a date format like '%%Y-%%m-%%d'");
    return false;
}

static bool take_text(struct nw_parser *p, const struct nw_name *n, struct nw_expression *e)
{
    size_t at;
    int rc = 0;

    nw_skip_blanks(p);
    at = p->at;
    if (nw_peek(p) != '\'' && nw_peek(p) != '"') {
        return nw_name_wrong_call(p, at, n);
    }
    if (!nw_take_quoted(p, &e->text)) {
        return false;
    }
    nw_skip_blanks(p);
    switch (n->op) {
    case NW_OP_JSON:
        rc = nw_json_path_compile(e->text, &e->path, p->error);
        if (rc == NW_EINVAL && p->error != NULL) {
            p->error->at += at + 1;
        }
        return rc == 0;
    case NW_OP_PARAM:
        return check_param(p, at, e->text);
    case NW_OP_DATE:
        return check_date(p, at, e->text);
    default:
        return true;
    }
}

bool nw_arguments_take(struct nw_parser *p, const struct nw_name *n, struct nw_expression *e,
                       size_t at)
{
    int64_t size = 0;
    size_t inside = p->at;

    switch (n->arguments) {
    case TEXT:
        return take_text(p, n, e);
    case WILDCARD:
        return nw_take_number(p, &e->number) && nw_wildcard_check(p, inside, e->number);
    case LEVEL:
    case COUNT:
        return take_positive(p, &e->number);
    case PARTITION:
        return take_partition(p, e);
    case SPLIT:
        return take_single_wildcard(p, &e->number) && take_comma(p, n, at) && take_delimiter(p, e);
    case SIZE:
        if (!take_single_wildcard(p, &e->number) || !take_comma(p, n, at) ||
            !nw_take_number(p, &size)) {
            return false;
        }
        e->size = (size_t)size;
        return true;
    default:
        return true;
    }
}
