/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the text of a jq program to a tree. What is not known here is no error: it is left to libjq
 * whole. But nothing may be read as something that it is not, and nothing be taken that libjq does
 * not take: it is not asked. Each branch follows the grammar and the lexer of jq 1.6.
 */
#include <ctype.h>
#include <stdlib.h>

#include "base/json.h"
#include "mappings/rule_parser.h"

#define NODES_MOST 2000 /* a chain of operators is as deep a tree as it is long */

typedef struct nw_rule_node node;

/* ---- nodes ---- */

node *nw_rule_fail(struct nw_rule_parser *p)
{
    p->failed = true;
    return NULL;
}

node *nw_rule_node_new(struct nw_rule_parser *p, enum nw_rule_op op)
{
    node *n = ++p->nodes > NODES_MOST ? NULL : nw_arena_alloc(p->arena, sizeof *n);

    if (n == NULL) {
        return nw_rule_fail(p);
    }
    n->op = op;
    return n;
}

node *nw_rule_node_of(struct nw_rule_parser *p, enum nw_rule_op op, const node *a, const node *b)
{
    node *n = p->failed || (a != NULL && a->many) || (b != NULL && b->many)
                  ? nw_rule_fail(p)
                  : nw_rule_node_new(p, op);

    if (n != NULL) {
        n->a = a;
        n->b = b;
    }
    return n;
}

node *nw_rule_node_pipe(struct nw_rule_parser *p, const node *a, const node *b)
{
    node *n = nw_rule_node_new(p, NW_RULE_PIPE);

    if (p->failed) {
        return NULL;
    }
    n->a = a;
    n->b = b;
    n->many = a->many || b->many;
    return n;
}

/* ---- tokens ---- */

bool nw_rule_is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

void nw_rule_skip(struct nw_rule_parser *p)
{
    while (*p->at == '#' || (*p->at != '\0' && strchr(" \t\n", *p->at) != NULL)) {
        p->at += *p->at == '#' ? strcspn(p->at, "\n") : 1;
    }
}

bool nw_rule_take(struct nw_rule_parser *p, const char *token)
{
    size_t n = strlen(token);

    nw_rule_skip(p);
    if (strncmp(p->at, token, n) != 0) {
        return false;
    }
    p->at += n;
    return true;
}

bool nw_rule_take_word(struct nw_rule_parser *p, const char *word)
{
    size_t n = strlen(word);

    nw_rule_skip(p);
    if (strncmp(p->at, word, n) != 0 || nw_rule_is_word(p->at[n])) {
        return false;
    }
    p->at += n;
    return true;
}

/* ---- operators, from the tightest ---- */

/* -1; of other things - is left to libjq. */
static node *parse_signed(struct nw_rule_parser *p)
{
    node *n;

    nw_rule_skip(p);
    if (*p->at != '-') {
        return nw_rule_parse_term(p);
    }
    p->at++;
    nw_rule_skip(p);
    if (!isdigit((unsigned char)*p->at)) {
        return nw_rule_fail(p);
    }
    n = nw_rule_parse_number(p);
    nw_rule_skip(p);
    if (p->failed || (*p->at != '\0' && strchr("*/%.[?", *p->at) != NULL)) {
        return nw_rule_fail(p);
    }
    n->constant.number = -n->constant.number;
    return n;
}

static node *parse_product(struct nw_rule_parser *p)
{
    node *n = parse_signed(p);

    for (;;) {
        char c;
        nw_rule_skip(p);
        c = *p->at;
        if (p->failed || (c != '*' && c != '/' && c != '%') || (c == '/' && p->at[1] == '/')) {
            return n;
        }
        if (c == '%' || p->at[1] == '=') {
            return nw_rule_fail(p);
        }
        p->at++;
        nw_rule_skip(p);
        if (*p->at == '-') {
            return nw_rule_fail(p);
        }
        n = nw_rule_node_of(p, c == '*' ? NW_RULE_MULTIPLY : NW_RULE_DIVIDE, n, parse_signed(p));
    }
}

static node *parse_sum(struct nw_rule_parser *p)
{
    node *n = parse_product(p);

    for (;;) {
        char c;
        nw_rule_skip(p);
        c = *p->at;
        if (p->failed || (c != '+' && c != '-')) {
            return n;
        }
        if (p->at[1] == '=') {
            return nw_rule_fail(p);
        }
        p->at++;
        n = nw_rule_node_of(p, c == '+' ? NW_RULE_ADD : NW_RULE_SUBTRACT, n, parse_product(p));
    }
}

static node *parse_comparison(struct nw_rule_parser *p)
{
    static const struct {
        const char *text;
        enum nw_rule_op op;
    } operators[] = {
        {"==", NW_RULE_EQUAL},         {"!=", NW_RULE_UNEQUAL}, {"<=", NW_RULE_LESS_EQUAL},
        {">=", NW_RULE_GREATER_EQUAL}, {"<", NW_RULE_LESS},     {">", NW_RULE_GREATER},
    };
    node *n = parse_sum(p);

    for (size_t i = 0; !p->failed && i < sizeof operators / sizeof operators[0]; i++) {
        if (nw_rule_take(p, operators[i].text)) {
            return nw_rule_node_of(p, operators[i].op, n, parse_sum(p));
        }
    }
    return n;
}

static node *parse_and(struct nw_rule_parser *p)
{
    node *n = parse_comparison(p);

    while (!p->failed && nw_rule_take_word(p, "and")) {
        n = nw_rule_node_of(p, NW_RULE_AND, n, parse_comparison(p));
    }
    return n;
}

static node *parse_or(struct nw_rule_parser *p)
{
    node *n = parse_and(p);

    while (!p->failed && nw_rule_take_word(p, "or")) {
        n = nw_rule_node_of(p, NW_RULE_OR, n, parse_and(p));
    }
    return n;
}

/* Binds to the right: a // (b // c). */
static node *parse_alternative(struct nw_rule_parser *p)
{
    node *n = parse_or(p);

    nw_rule_skip(p);
    if (p->failed || p->at[0] != '/' || p->at[1] != '/') {
        return n;
    }
    if (p->at[2] == '=') {
        return nw_rule_fail(p);
    }
    if (++p->depth > NW_RULE_DEEPEST) {
        return nw_rule_fail(p);
    }
    p->at += 2;
    n = nw_rule_node_of(p, NW_RULE_ALTERNATIVE, n, parse_alternative(p));
    p->depth--;
    return n;
}

static node *parse_comma(struct nw_rule_parser *p)
{
    node *n = parse_alternative(p);

    while (!p->failed && nw_rule_take(p, ",")) {
        node *right = parse_alternative(p), *comma = nw_rule_node_new(p, NW_RULE_COMMA);
        if (p->failed) {
            return NULL;
        }
        comma->a = n;
        comma->b = right;
        comma->many = true;
        n = comma;
    }
    return n;
}

node *nw_rule_parse_pipe(struct nw_rule_parser *p)
{
    node *n;

    if (p->failed || ++p->depth > NW_RULE_DEEPEST) {
        return nw_rule_fail(p);
    }
    n = parse_comma(p);
    nw_rule_skip(p);
    if (!p->failed && *p->at == '|') {
        p->at++;
        if (*p->at == '=') {
            return nw_rule_fail(p);
        }
        n = nw_rule_node_pipe(p, n, nw_rule_parse_pipe(p));
    }
    p->depth--;
    return p->failed ? NULL : n;
}

/* ---- rules ---- */

struct nw_rule *nw_rule_compile(const char *text)
{
    struct nw_rule *rule = calloc(1, sizeof *rule);
    struct nw_rule_parser p = {.arena = nw_arena_new()};
    char *copy = p.arena == NULL ? NULL : nw_arena_text(p.arena, text);

    if (rule == NULL || copy == NULL || !nw_utf8_valid(nw_slice_text(text))) {
        nw_arena_free(p.arena);
        free(rule);
        return NULL;
    }
    p.at = copy;
    rule->arena = p.arena;
    rule->root = nw_rule_parse_pipe(&p);
    nw_rule_skip(&p);
    if (p.failed || *p.at != '\0') {
        nw_rule_free(rule);
        return NULL;
    }
    return rule;
}

void nw_rule_free(struct nw_rule *rule)
{
    if (rule != NULL) {
        nw_arena_free(rule->arena);
        free(rule);
    }
}
