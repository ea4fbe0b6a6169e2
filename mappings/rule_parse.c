/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the text of a jq program to a tree. libjq has taken the text before, so what is not known
 * here is no error: the rule is left to libjq whole. By the same token nothing may be read as
 * something that it is not; each branch follows the grammar of jq 1.6.
 */
#include <ctype.h>
#include <stdlib.h>

#include "base/json.h"
#include "mappings/rule_node.h"

#define DEEPEST 60
#define NODES_MOST 2000 /* a chain of operators is as deep a tree as it is long */

struct parser {
    struct nw_arena *arena;
    const char *at;
    unsigned depth, nodes;
    bool failed;
};

typedef struct nw_rule_node node;

static node *parse_pipe(struct parser *p);
static node *parse_alternative(struct parser *p);
static node *parse_term(struct parser *p);

static node *fail(struct parser *p)
{
    p->failed = true;
    return NULL;
}

static node *new_node(struct parser *p, enum nw_rule_op op)
{
    node *n = ++p->nodes > NODES_MOST ? NULL : nw_arena_alloc(p->arena, sizeof *n);

    if (n == NULL) {
        return fail(p);
    }
    n->op = op;
    return n;
}

/* With operands, each of which must give one value. */
static node *new_single(struct parser *p, enum nw_rule_op op, const node *a, const node *b)
{
    node *n =
        p->failed || (a != NULL && a->many) || (b != NULL && b->many) ? fail(p) : new_node(p, op);

    if (n != NULL) {
        n->a = a;
        n->b = b;
    }
    return n;
}

static node *new_constant(struct parser *p, struct nw_rule_value value)
{
    node *n = new_node(p, NW_RULE_CONSTANT);

    if (n != NULL) {
        n->constant = value;
    }
    return n;
}

/* ---- tokens ---- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void skip(struct parser *p)
{
    while (*p->at == '#' || (*p->at != '\0' && strchr(" \t\r\n", *p->at) != NULL)) {
        p->at += *p->at == '#' ? strcspn(p->at, "\n") : 1;
    }
}

static bool take(struct parser *p, const char *token)
{
    size_t n = strlen(token);

    skip(p);
    if (strncmp(p->at, token, n) != 0) {
        return false;
    }
    p->at += n;
    return true;
}

static bool take_word(struct parser *p, const char *word)
{
    size_t n = strlen(word);

    skip(p);
    if (strncmp(p->at, word, n) != 0 || is_word(p->at[n])) {
        return false;
    }
    p->at += n;
    return true;
}

static struct nw_slice read_word(struct parser *p)
{
    const char *start = p->at;

    while (is_word(*p->at)) {
        p->at++;
    }
    return (struct nw_slice){start, (size_t)(p->at - start)};
}

static bool is_name(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

/* ---- texts ---- */

/* The literal piece from p->at up to a quote or \( as a constant. */
static node *parse_piece(struct parser *p)
{
    const char *start = p->at;
    struct nw_slice raw;
    char *text;
    long len;

    while (*p->at != '"' && *p->at != '\0' && !(p->at[0] == '\\' && p->at[1] == '(')) {
        p->at += *p->at == '\\' && p->at[1] != '\0' ? 2 : 1;
    }
    raw = (struct nw_slice){start, (size_t)(p->at - start)};
    text = nw_arena_alloc(p->arena, raw.len + 1);
    len = text == NULL ? -1 : nw_document_unescape(raw, text);
    return len < 0 ? fail(p)
                   : new_constant(p, nw_rule_string((struct nw_slice){text, (size_t)len}));
}

/* Behind the quote. A text without \( ) is a constant. */
static node *parse_text(struct parser *p)
{
    node *text = new_node(p, NW_RULE_TEXT), *first = parse_piece(p), *last = text;
    node *piece = first;

    while (!p->failed && *p->at != '"') {
        node *holder = new_single(p, NW_RULE_TEXT, piece, NULL);
        if (holder == NULL || *p->at == '\0') {
            return fail(p);
        }
        last->next = holder;
        last = holder;
        p->at += 2;
        piece = parse_pipe(p);
        holder = new_single(p, NW_RULE_TEXT, piece, NULL);
        if (holder == NULL || !take(p, ")")) {
            return fail(p);
        }
        last->next = holder;
        last = holder;
        piece = parse_piece(p);
    }
    if (p->failed) {
        return NULL;
    }
    p->at++;
    if (piece == first) {
        return first;
    }
    last->next = new_single(p, NW_RULE_TEXT, piece, NULL);
    return text;
}

/* ---- terms ---- */

/* At a digit, or a dot and a digit. */
static node *parse_number(struct parser *p)
{
    char *end;
    double n;

    if (strspn(p->at, "0123456789.") > 15) {
        return fail(p);
    }
    n = strtod(p->at, &end);
    p->at = end;
    return new_constant(p, nw_rule_number(n));
}

/* Behind `{`. */
static node *parse_member_name(struct parser *p, bool *whole)
{
    node *name;

    *whole = false;
    skip(p);
    if (take(p, "(")) {
        name = parse_pipe(p);
        return take(p, ")") ? name : fail(p);
    }
    if (take(p, "\"")) {
        name = parse_text(p);
    } else if (is_name(*p->at)) {
        name = new_constant(p, nw_rule_string(read_word(p)));
    } else {
        return fail(p); /* $name, @format */
    }
    skip(p);
    *whole = *p->at == ',' || *p->at == '}';
    return name;
}

/* {a}, which is {a: .a} */
static node *short_member(struct parser *p, const node *name)
{
    node *input = new_node(p, NW_RULE_INPUT);
    node *member = new_single(p, NW_RULE_MEMBER, input, NULL);

    if (member == NULL || name->op != NW_RULE_CONSTANT) {
        return fail(p);
    }
    member->name = name->constant.text;
    return member;
}

/* Terms between pipes: less than any expression. */
static node *parse_member_value(struct parser *p)
{
    node *value = parse_term(p);

    skip(p);
    while (!p->failed && *p->at == '|' && p->at[1] != '=') {
        p->at++;
        value = new_single(p, NW_RULE_PIPE, value, parse_term(p));
        skip(p);
    }
    return value;
}

static node *parse_object(struct parser *p)
{
    node *object = new_node(p, NW_RULE_OBJECT), *last = object;

    if (p->failed || take(p, "}")) {
        return object;
    }
    do {
        bool whole;
        node *name = parse_member_name(p, &whole), *value, *member;

        if (p->failed) {
            return NULL;
        }
        if (!whole && !take(p, ":")) {
            return fail(p);
        }
        value = whole ? short_member(p, name) : parse_member_value(p);
        member = new_single(p, NW_RULE_OBJECT, name, value);
        if (member == NULL) {
            return NULL;
        }
        last->next = member;
        last = member;
    } while (take(p, ","));
    return take(p, "}") ? object : fail(p);
}

static node *parse_array(struct parser *p)
{
    node *array = new_node(p, NW_RULE_ARRAY);

    if (p->failed || take(p, "]")) {
        return array;
    }
    array->a = parse_pipe(p);
    return take(p, "]") && !p->failed ? array : fail(p);
}

/* Behind `if` or `elif`, to behind `end`. */
static node *parse_if(struct parser *p)
{
    node *condition = parse_pipe(p), *n;

    if (p->failed || !take_word(p, "then")) {
        return fail(p);
    }
    n = new_single(p, NW_RULE_IF, condition, parse_pipe(p));
    if (n == NULL) {
        return NULL;
    }
    if (take_word(p, "elif")) {
        n->c = parse_if(p);
    } else if (take_word(p, "else")) {
        n->c = parse_pipe(p);
        if (!take_word(p, "end")) {
            return fail(p);
        }
    } else {
        return fail(p);
    }
    return p->failed || n->c->many ? fail(p) : n;
}

static void free_regex(void *regex)
{
    nw_rule_regex_free(regex);
}

static bool compile_regex(struct parser *p, node *call)
{
    const node *pattern = call->a;

    if (pattern->op != NW_RULE_CONSTANT || pattern->constant.kind != NW_KIND_STRING) {
        return false;
    }
    call->regex = nw_rule_regex_compile(pattern->constant.text);
    return call->regex != NULL && nw_arena_defer(p->arena, free_regex, call->regex) == 0;
}

/* map(f) is [.[] | f] */
static node *parse_map(struct parser *p, const node *f)
{
    node *each = new_single(p, NW_RULE_EACH, new_node(p, NW_RULE_INPUT), NULL);
    node *pipe = new_node(p, NW_RULE_PIPE), *array = new_node(p, NW_RULE_ARRAY);

    if (p->failed) {
        return NULL;
    }
    each->many = pipe->many = true;
    pipe->a = each;
    pipe->b = f;
    array->a = pipe;
    return array;
}

static node *parse_call(struct parser *p, struct nw_slice name)
{
    const node *argument = NULL;
    node *call;

    if (take(p, "(")) {
        argument = parse_pipe(p);
        if (p->failed || !take(p, ")")) {
            return fail(p);
        }
        if (nw_slice_equal(name, NW_LITERAL("map"))) {
            return parse_map(p, argument);
        }
    }
    call = new_single(p, NW_RULE_CALL, argument, NULL);
    if (call == NULL) {
        return NULL;
    }
    call->function = nw_rule_function_find(name, argument == NULL ? 0 : 1);
    if (call->function == NULL ||
        (nw_slice_equal(name, NW_LITERAL("test")) && !compile_regex(p, call))) {
        return fail(p);
    }
    return call;
}

static node *parse_word(struct parser *p)
{
    static const char *const others[] = {"def",   "reduce", "foreach", "as",   "try",
                                         "catch", "label",  "import",  "then", "elif",
                                         "else",  "end",    "and",     "or",   "__loc__"};
    struct nw_slice word = read_word(p);

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (nw_slice_equal(word, nw_slice_text(others[i]))) {
            return fail(p);
        }
    }
    if (nw_slice_equal(word, NW_LITERAL("true")) || nw_slice_equal(word, NW_LITERAL("false"))) {
        return new_constant(p, nw_rule_bool(word.len == 4));
    }
    if (nw_slice_equal(word, NW_LITERAL("null"))) {
        return new_constant(p, (struct nw_rule_value){.kind = NW_KIND_NULL});
    }
    if (nw_slice_equal(word, NW_LITERAL("if"))) {
        return parse_if(p);
    }
    return *p->at == ':' ? fail(p) : parse_call(p, word);
}

/* .name, ."name" or ["name"] behind the dot or bracket; absent: none of them. */
static struct nw_slice read_member_name(struct parser *p)
{
    bool bracket = take(p, "[");
    node *text;

    if (!bracket && *p->at++ != '.') {
        return NW_ABSENT;
    }
    if (!bracket && is_name(*p->at)) {
        return read_word(p);
    }
    if (!take(p, "\"")) {
        return NW_ABSENT;
    }
    text = parse_text(p);
    if (p->failed || text->op != NW_RULE_CONSTANT || (bracket && !take(p, "]"))) {
        return NW_ABSENT;
    }
    return text->constant.text;
}

static node *parse_meta(struct parser *p)
{
    static const char *const lists[] = {"headers", "param", "query"};
    struct nw_slice word = read_word(p);
    node *n = new_node(p, NW_RULE_META);

    if (n == NULL || !nw_slice_equal(word, NW_LITERAL("meta"))) {
        return fail(p);
    }
    n->name = read_member_name(p);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        if (nw_slice_equal(n->name, nw_slice_text(lists[i]))) {
            n->member = read_member_name(p);
            return n->member.data == NULL ? fail(p) : n;
        }
    }
    return n->name.data == NULL || nw_slice_equal(n->name, NW_LITERAL("header_values")) ? fail(p)
                                                                                        : n;
}

/* What a term begins with. */
static node *parse_head(struct parser *p)
{
    skip(p);
    if (isdigit((unsigned char)*p->at) || (*p->at == '.' && isdigit((unsigned char)p->at[1]))) {
        return parse_number(p);
    }
    if (*p->at == '.') {
        /* "..", or one of what follows a term: of the input */
        if (p->at[1] == '.') {
            return fail(p);
        }
        p->at += is_name(p->at[1]) || p->at[1] == '"' ? 0 : 1;
        return new_node(p, NW_RULE_INPUT);
    }
    if (take(p, "(")) {
        node *inner = parse_pipe(p);
        return take(p, ")") ? inner : fail(p);
    }
    if (take(p, "\"")) {
        return parse_text(p);
    }
    if (take(p, "{")) {
        return parse_object(p);
    }
    if (take(p, "[")) {
        return parse_array(p);
    }
    if (take(p, "$")) {
        return parse_meta(p);
    }
    return is_name(*p->at) ? parse_word(p) : fail(p);
}

/* [0], ["a"], [] behind the bracket. */
static node *parse_index(struct parser *p)
{
    bool negative;
    node *n;

    skip(p);
    if (take(p, "]")) {
        n = new_node(p, NW_RULE_EACH);
        if (n != NULL) {
            n->many = true;
        }
        return n;
    }
    if (take(p, "\"")) {
        node *name = parse_text(p);
        n = new_node(p, NW_RULE_MEMBER);
        if (p->failed || name->op != NW_RULE_CONSTANT) {
            return fail(p);
        }
        n->name = name->constant.text;
    } else {
        negative = take(p, "-");
        skip(p);
        n = new_node(p, NW_RULE_ELEMENT);
        if (p->failed || !isdigit((unsigned char)*p->at) || strspn(p->at, "0123456789") > 9) {
            return fail(p);
        }
        n->index = (double)strtol(p->at, (char **)&p->at, 10) * (negative ? -1 : 1);
    }
    return take(p, "]") ? n : fail(p);
}

/* One of what may follow a term; NULL without failure: nothing does. */
static node *parse_suffix(struct parser *p)
{
    node *n;

    skip(p);
    if (*p->at == '[') {
        p->at++;
        n = parse_index(p);
    } else if (*p->at == '.' && (is_name(p->at[1]) || p->at[1] == '"')) {
        n = new_node(p, NW_RULE_MEMBER);
        if (n != NULL) {
            n->name = read_member_name(p);
        }
        if (n == NULL || n->name.data == NULL) {
            return fail(p);
        }
    } else {
        return *p->at == '?' ? fail(p) : NULL;
    }
    if (n != NULL && take(p, "?")) {
        n->optional = true;
    }
    return n;
}

static node *pipe_of(struct parser *p, const node *a, const node *b)
{
    node *n = new_node(p, NW_RULE_PIPE);

    if (p->failed) {
        return NULL;
    }
    n->a = a;
    n->b = b;
    n->many = a->many || b->many;
    return n;
}

static node *parse_term(struct parser *p)
{
    node *term, *suffix;

    if (p->failed || ++p->depth > DEEPEST) {
        return fail(p);
    }
    term = parse_head(p);
    while (!p->failed && (suffix = parse_suffix(p)) != NULL) {
        if (term->many) { /* .[].a is .[] | .a */
            suffix->a = new_node(p, NW_RULE_INPUT);
            term = pipe_of(p, term, suffix);
        } else {
            suffix->a = term;
            term = suffix;
        }
    }
    p->depth--;
    return p->failed ? NULL : term;
}

/* ---- operators, from the tightest ---- */

/* -1; of other things - is left to libjq. */
static node *parse_signed(struct parser *p)
{
    node *n;

    skip(p);
    if (*p->at != '-') {
        return parse_term(p);
    }
    p->at++;
    skip(p);
    if (!isdigit((unsigned char)*p->at)) {
        return fail(p);
    }
    n = parse_number(p);
    skip(p);
    if (p->failed || (*p->at != '\0' && strchr("*/%.[?", *p->at) != NULL)) {
        return fail(p);
    }
    n->constant.number = -n->constant.number;
    return n;
}

static node *parse_product(struct parser *p)
{
    node *n = parse_signed(p);

    for (;;) {
        char c;
        skip(p);
        c = *p->at;
        if (p->failed || (c != '*' && c != '/' && c != '%') || (c == '/' && p->at[1] == '/')) {
            return n;
        }
        if (c == '%' || p->at[1] == '=') {
            return fail(p);
        }
        p->at++;
        skip(p);
        if (*p->at == '-') {
            return fail(p);
        }
        n = new_single(p, c == '*' ? NW_RULE_MULTIPLY : NW_RULE_DIVIDE, n, parse_signed(p));
    }
}

static node *parse_sum(struct parser *p)
{
    node *n = parse_product(p);

    for (;;) {
        char c;
        skip(p);
        c = *p->at;
        if (p->failed || (c != '+' && c != '-')) {
            return n;
        }
        if (p->at[1] == '=') {
            return fail(p);
        }
        p->at++;
        n = new_single(p, c == '+' ? NW_RULE_ADD : NW_RULE_SUBTRACT, n, parse_product(p));
    }
}

static node *parse_comparison(struct parser *p)
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
        if (take(p, operators[i].text)) {
            return new_single(p, operators[i].op, n, parse_sum(p));
        }
    }
    return n;
}

static node *parse_and(struct parser *p)
{
    node *n = parse_comparison(p);

    while (!p->failed && take_word(p, "and")) {
        n = new_single(p, NW_RULE_AND, n, parse_comparison(p));
    }
    return n;
}

static node *parse_or(struct parser *p)
{
    node *n = parse_and(p);

    while (!p->failed && take_word(p, "or")) {
        n = new_single(p, NW_RULE_OR, n, parse_and(p));
    }
    return n;
}

/* Binds to the right: a // (b // c). */
static node *parse_alternative(struct parser *p)
{
    node *n = parse_or(p);

    skip(p);
    if (p->failed || p->at[0] != '/' || p->at[1] != '/') {
        return n;
    }
    if (p->at[2] == '=') {
        return fail(p);
    }
    if (++p->depth > DEEPEST) {
        return fail(p);
    }
    p->at += 2;
    n = new_single(p, NW_RULE_ALTERNATIVE, n, parse_alternative(p));
    p->depth--;
    return n;
}

static node *parse_comma(struct parser *p)
{
    node *n = parse_alternative(p);

    while (!p->failed && take(p, ",")) {
        node *right = parse_alternative(p), *comma = new_node(p, NW_RULE_COMMA);
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

static node *parse_pipe(struct parser *p)
{
    node *n;

    if (p->failed || ++p->depth > DEEPEST) {
        return fail(p);
    }
    n = parse_comma(p);
    skip(p);
    if (!p->failed && *p->at == '|') {
        p->at++;
        if (*p->at == '=') {
            return fail(p);
        }
        n = pipe_of(p, n, parse_pipe(p));
    }
    p->depth--;
    return p->failed ? NULL : n;
}

/* ---- rules ---- */

struct nw_rule *nw_rule_compile(const char *text)
{
    struct nw_rule *rule = calloc(1, sizeof *rule);
    struct parser p = {.arena = nw_arena_new()};
    char *copy = p.arena == NULL ? NULL : nw_arena_text(p.arena, text);

    if (rule == NULL || copy == NULL || !nw_utf8_valid(nw_slice_text(text))) {
        nw_arena_free(p.arena);
        free(rule);
        return NULL;
    }
    p.at = copy;
    rule->arena = p.arena;
    rule->root = parse_pipe(&p);
    skip(&p);
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
