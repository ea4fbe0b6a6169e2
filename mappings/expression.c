/* SPDX-License-Identifier: Apache-2.0 */
#include "mappings/expression.h"

#include <stdlib.h>

#include "mappings/parser.h"

#define DEEPEST 16 /* parentheses in parentheses */

static struct nw_expression *make(struct nw_parser *p, enum nw_op op)
{
    struct nw_expression *e = calloc(1, sizeof *e);

    if (e == NULL) {
        (void)nw_error_set(p->error, NW_ENOMEM, "out of memory");
        return NULL;
    }
    e->op = op;
    return e;
}

void nw_expression_free(struct nw_expression *e)
{
    while (e != NULL) {
        struct nw_expression *left = e->left;
        nw_json_path_free(e->path);
        nw_expression_free(e->right);
        free(e);
        e = left;
    }
}

static struct nw_expression *give(struct nw_parser *p, struct nw_expression *e, bool good,
                                  size_t start)
{
    if (e == NULL || !good) {
        nw_expression_free(e);
        return NULL;
    }
    e->source = nw_cut_text(p, start, p->at);
    return e;
}

struct nw_expression *nw_expression_wildcard(struct nw_parser *p, size_t at, size_t len, int64_t n)
{
    struct nw_expression *e;

    if (!nw_wildcard_check(p, at, n)) {
        return NULL;
    }
    e = make(p, NW_OP_WILDCARD);
    if (e != NULL) {
        e->number = n;
        e->source = nw_cut_text(p, at, at + len);
    }
    return e;
}

static struct nw_expression *parse_sequence(struct nw_parser *p, int depth);

/* An expression behind a "(", and its ")". */
static struct nw_expression *parse_inside(struct nw_parser *p, int depth)
{
    struct nw_expression *e;

    if (depth == DEEPEST) {
        (void)nw_error_set_at(p->error, NW_EINVAL, p->at - 1,
                              "parentheses are nested deeper than %d levels", DEEPEST);
        return NULL;
    }
    e = parse_sequence(p, depth + 1);
    if (e != NULL && !nw_take(p, ')')) {
        (void)nw_error_set_at(p->error, NW_EINVAL, p->at, "expected \")\"");
        nw_expression_free(e);
        return NULL;
    }
    return e;
}

static struct nw_expression *make_filter(struct nw_parser *p, int filter,
                                         struct nw_expression *left)
{
    struct nw_expression *e = make(p, NW_OP_FILTER);

    if (e != NULL) {
        e->filter = (enum nw_filter)filter;
        e->left = left;
    }
    return e;
}

/* lower(…) is … | lower. */
static struct nw_expression *parse_filter_call(struct nw_parser *p, int filter, size_t start,
                                               int depth)
{
    struct nw_expression *left = parse_inside(p, depth), *e;

    if (left == NULL) {
        return NULL;
    }
    e = make_filter(p, filter, left);
    if (e == NULL) {
        nw_expression_free(left);
    }
    return give(p, e, true, start);
}

static struct nw_expression *parse_name(struct nw_parser *p, int depth)
{
    size_t start = p->at;
    struct nw_slice word = nw_take_word(p);
    const struct nw_name *n, *other;
    struct nw_expression *e;
    int filter = nw_filter_find(word);
    bool call, good;

    nw_skip_blanks(p);
    call = nw_take(p, '(');
    if (call && filter >= 0) {
        return parse_filter_call(p, filter, start, depth);
    }
    n = nw_name_find(word, call);
    other = nw_name_find(word, !call);
    if (n == NULL) {
        (void)(other == NULL ? nw_name_unknown(p, start, word, call)
                             : nw_name_wrong_call(p, start, other));
        return NULL;
    }
    if (!nw_name_check_source(p, start, n) || (e = make(p, n->op)) == NULL) {
        return NULL;
    }
    e->meta = (enum nw_meta)n->detail;
    e->cut = (enum nw_cut)n->detail;
    good = nw_arguments_take(p, n, e, start) &&
           (!call || nw_take(p, ')') || nw_name_wrong_call(p, start, n));
    return give(p, e, good, start);
}

static struct nw_expression *parse_operand(struct nw_parser *p, int depth)
{
    size_t start;
    struct nw_expression *e;
    int64_t n;

    nw_skip_blanks(p);
    start = p->at;
    if (nw_peek(p) == '\'' || nw_peek(p) == '"') {
        e = make(p, NW_OP_LITERAL);
        return give(p, e, e != NULL && nw_take_quoted(p, &e->text), start);
    }
    if (nw_take(p, '$')) {
        return nw_take_number(p, &n) ? nw_expression_wildcard(p, start, p->at - start, n) : NULL;
    }
    if (isalpha(nw_peek(p)) || nw_peek(p) == '_') {
        return parse_name(p, depth);
    }
    if (nw_take(p, '(')) {
        return parse_inside(p, depth);
    }
    (void)nw_error_set_at(p->error, NW_EINVAL, p->at, "expected a name, like {{key}}, or a 'text'");
    return NULL;
}

static struct nw_expression *parse_filter(struct nw_parser *p, struct nw_expression *left)
{
    struct nw_slice word;
    size_t at;
    int filter;

    nw_skip_blanks(p);
    at = p->at;
    word = nw_take_word(p);
    filter = nw_filter_find(word);
    if (filter < 0) {
        (void)nw_filter_unknown(p, at, word);
        return NULL;
    }
    return make_filter(p, filter, left);
}

static struct nw_expression *parse_or(struct nw_parser *p, struct nw_expression *left, int depth)
{
    struct nw_expression *e = make(p, NW_OP_OR);

    if (e == NULL) {
        return NULL;
    }
    e->right = parse_operand(p, depth);
    if (e->right == NULL) {
        nw_expression_free(e);
        return NULL;
    }
    e->left = left;
    return e;
}

/* operand { "or" operand | "|" filter } */
static struct nw_expression *parse_sequence(struct nw_parser *p, int depth)
{
    size_t start = p->at;
    struct nw_expression *e = parse_operand(p, depth);

    while (e != NULL) {
        struct nw_expression *next = NULL;
        size_t before;
        nw_skip_blanks(p);
        before = p->at;
        if (nw_take(p, '|')) {
            next = parse_filter(p, e);
        } else if (nw_slice_equal(nw_take_word(p), NW_LITERAL("or"))) {
            next = parse_or(p, e, depth);
        } else {
            p->at = before;
            return e;
        }
        if (next == NULL) {
            nw_expression_free(e);
            return NULL;
        }
        e = give(p, next, true, start);
    }
    return NULL;
}

struct nw_expression *nw_expression_parse(struct nw_parser *p)
{
    size_t open = p->at;
    struct nw_expression *e;

    nw_skip_blanks(p);
    if (p->text.len - p->at < 2 ||
        memmem(p->text.data + p->at, p->text.len - p->at, "}}", 2) == NULL) {
        (void)nw_error_set_at(p->error, NW_EINVAL, open - 2, "\"{{\" is not closed by \"}}\"");
        return NULL;
    }
    e = parse_sequence(p, 0);
    if (e != NULL && !nw_at_end(p)) {
        (void)nw_error_set_at(p->error, NW_EINVAL, p->at,
                              "expected \"}}\", \"or\" or a filter after \"|\"");
        nw_expression_free(e);
        return NULL;
    }
    p->at += e == NULL ? 0 : 2;
    return e;
}
