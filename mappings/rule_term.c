/* SPDX-License-Identifier: Apache-2.0 */
/* What stands between the operators of a rule: numbers, texts, objects, calls, paths. */
#include <ctype.h>
#include <stdlib.h>

#include "mappings/meta.h"
#include "mappings/rule_parser.h"

typedef struct nw_rule_node node;

static node *new_constant(struct nw_rule_parser *p, struct nw_rule_value value)
{
    node *n = nw_rule_node_new(p, NW_RULE_CONSTANT);

    if (n != NULL) {
        n->constant = value;
    }
    return n;
}

static struct nw_slice read_word(struct nw_rule_parser *p)
{
    const char *start = p->at;

    while (nw_rule_is_word(*p->at)) {
        p->at++;
    }
    return (struct nw_slice){start, (size_t)(p->at - start)};
}

static bool is_name(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

/* Words that cannot name a function, nor stand for {word: .word}. */
static bool is_keyword(struct nw_slice word)
{
    static const char *const keywords[] = {"def",   "reduce", "foreach", "as",      "try",  "catch",
                                           "label", "import", "include", "if",      "then", "elif",
                                           "else",  "end",    "and",     "__loc__", "or"};

    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (nw_slice_equal(word, nw_slice_text(keywords[i]))) {
            return true;
        }
    }
    return false;
}

/* ---- texts ---- */

/* The literal piece from p->at up to a quote or \( as a constant. */
static node *parse_piece(struct nw_rule_parser *p)
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
    return len < 0 ? nw_rule_fail(p)
                   : new_constant(p, nw_rule_string((struct nw_slice){text, (size_t)len}));
}

/* Behind the quote. A text without \( ) is a constant. */
static node *parse_text(struct nw_rule_parser *p)
{
    node *text = nw_rule_node_new(p, NW_RULE_TEXT), *first = parse_piece(p), *last = text;
    node *piece = first;

    while (!p->failed && *p->at != '"') {
        node *holder = nw_rule_node_of(p, NW_RULE_TEXT, piece, NULL);
        if (holder == NULL || *p->at == '\0') {
            return nw_rule_fail(p);
        }
        last->next = holder;
        last = holder;
        p->at += 2;
        piece = nw_rule_parse_pipe(p);
        holder = nw_rule_node_of(p, NW_RULE_TEXT, piece, NULL);
        if (holder == NULL || !nw_rule_take(p, ")")) {
            return nw_rule_fail(p);
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
    last->next = nw_rule_node_of(p, NW_RULE_TEXT, piece, NULL);
    return text;
}

/* ---- terms ---- */

/* Of e5, E-5; 0: none. */
static size_t exponent_len(const char *at)
{
    size_t sign = (*at == 'e' || *at == 'E') && (at[1] == '-' || at[1] == '+') ? 1 : 0;
    size_t digits = *at == 'e' || *at == 'E' ? strspn(at + 1 + sign, "0123456789") : 0;

    return digits == 0 ? 0 : 1 + sign + digits;
}

/* jq 1.6 takes all digits and dots for one number: "1..a" and "0.1.a" are mistakes. */
node *nw_rule_parse_number(struct nw_rule_parser *p)
{
    size_t len = strspn(p->at, "0123456789.");
    const char *behind = p->at + len + exponent_len(p->at + len);
    char *end;
    double n;

    if (len > 15 || nw_rule_is_word(*behind)) {
        return nw_rule_fail(p);
    }
    n = strtod(p->at, &end);
    if (end != behind) {
        return nw_rule_fail(p);
    }
    p->at = behind;
    return new_constant(p, nw_rule_number(n));
}

/* At the dot of ".name" or "."name"". ".e5" is no name for jq 1.6, but a number gone wrong. */
static bool is_field(const char *at)
{
    return *at == '.' && (at[1] == '"' || (is_name(at[1]) && exponent_len(at + 1) == 0));
}

/* Behind `{`. */
static node *parse_member_name(struct nw_rule_parser *p, bool *whole)
{
    struct nw_slice word = NW_ABSENT;
    node *name;

    *whole = false;
    nw_rule_skip(p);
    if (nw_rule_take(p, "(")) {
        name = nw_rule_parse_pipe(p);
        return nw_rule_take(p, ")") ? name : nw_rule_fail(p);
    }
    if (nw_rule_take(p, "\"")) {
        name = parse_text(p);
    } else if (is_name(*p->at)) {
        word = read_word(p);
        name = new_constant(p, nw_rule_string(word));
    } else {
        return nw_rule_fail(p); /* $name, @format */
    }
    nw_rule_skip(p);
    *whole = *p->at == ',' || *p->at == '}';
    return *whole && is_keyword(word) ? nw_rule_fail(p) : name;
}

/* {a}, which is {a: .a} */
static node *short_member(struct nw_rule_parser *p, const node *name)
{
    node *input = nw_rule_node_new(p, NW_RULE_INPUT);
    node *member = nw_rule_node_of(p, NW_RULE_MEMBER, input, NULL);

    if (member == NULL || name->op != NW_RULE_CONSTANT) {
        return nw_rule_fail(p);
    }
    member->name = name->constant.text;
    return member;
}

/* Terms between pipes: less than any expression. */
static node *parse_member_value(struct nw_rule_parser *p)
{
    node *value = nw_rule_parse_term(p);

    nw_rule_skip(p);
    while (!p->failed && *p->at == '|' && p->at[1] != '=') {
        p->at++;
        value = nw_rule_node_of(p, NW_RULE_PIPE, value, nw_rule_parse_term(p));
        nw_rule_skip(p);
    }
    return value;
}

static node *parse_object(struct nw_rule_parser *p)
{
    node *object = nw_rule_node_new(p, NW_RULE_OBJECT), *last = object;

    if (p->failed || nw_rule_take(p, "}")) {
        return object;
    }
    do {
        bool whole;
        node *name = parse_member_name(p, &whole), *value, *member;

        if (p->failed) {
            return NULL;
        }
        if (!whole && !nw_rule_take(p, ":")) {
            return nw_rule_fail(p);
        }
        value = whole ? short_member(p, name) : parse_member_value(p);
        member = nw_rule_node_of(p, NW_RULE_OBJECT, name, value);
        if (member == NULL) {
            return NULL;
        }
        last->next = member;
        last = member;
    } while (nw_rule_take(p, ","));
    return nw_rule_take(p, "}") ? object : nw_rule_fail(p);
}

static node *parse_array(struct nw_rule_parser *p)
{
    node *array = nw_rule_node_new(p, NW_RULE_ARRAY);

    if (p->failed || nw_rule_take(p, "]")) {
        return array;
    }
    array->a = nw_rule_parse_pipe(p);
    return nw_rule_take(p, "]") && !p->failed ? array : nw_rule_fail(p);
}

/* Behind `if` or `elif`, to behind `end`. */
static node *parse_if(struct nw_rule_parser *p)
{
    node *condition = nw_rule_parse_pipe(p), *n;

    if (p->failed || !nw_rule_take_word(p, "then")) {
        return nw_rule_fail(p);
    }
    n = nw_rule_node_of(p, NW_RULE_IF, condition, nw_rule_parse_pipe(p));
    if (n == NULL) {
        return NULL;
    }
    if (nw_rule_take_word(p, "elif")) {
        n->c = parse_if(p);
    } else if (nw_rule_take_word(p, "else")) {
        n->c = nw_rule_parse_pipe(p);
        if (!nw_rule_take_word(p, "end")) {
            return nw_rule_fail(p);
        }
    } else {
        return nw_rule_fail(p);
    }
    return p->failed || n->c->many ? nw_rule_fail(p) : n;
}

static void free_regex(void *regex)
{
    nw_rule_regex_free(regex);
}

static bool compile_regex(struct nw_rule_parser *p, node *call)
{
    const node *pattern = call->a;

    if (pattern->op != NW_RULE_CONSTANT || pattern->constant.kind != NW_KIND_STRING) {
        return false;
    }
    call->regex = nw_rule_regex_compile(pattern->constant.text);
    return call->regex != NULL && nw_arena_defer(p->arena, free_regex, call->regex) == 0;
}

/* map(f) is [.[] | f] */
static node *parse_map(struct nw_rule_parser *p, const node *f)
{
    node *each = nw_rule_node_of(p, NW_RULE_EACH, nw_rule_node_new(p, NW_RULE_INPUT), NULL);
    node *pipe = nw_rule_node_new(p, NW_RULE_PIPE), *array = nw_rule_node_new(p, NW_RULE_ARRAY);

    if (p->failed) {
        return NULL;
    }
    each->many = pipe->many = true;
    pipe->a = each;
    pipe->b = f;
    array->a = pipe;
    return array;
}

static node *parse_call(struct nw_rule_parser *p, struct nw_slice name)
{
    const node *argument = NULL;
    node *call;

    if (nw_rule_take(p, "(")) {
        argument = nw_rule_parse_pipe(p);
        if (p->failed || !nw_rule_take(p, ")")) {
            return nw_rule_fail(p);
        }
        if (nw_slice_equal(name, NW_LITERAL("map"))) {
            return parse_map(p, argument);
        }
    }
    call = nw_rule_node_of(p, NW_RULE_CALL, argument, NULL);
    if (call == NULL) {
        return NULL;
    }
    call->function = nw_rule_function_find(name, argument == NULL ? 0 : 1);
    if (call->function == NULL ||
        (nw_slice_equal(name, NW_LITERAL("test")) && !compile_regex(p, call))) {
        return nw_rule_fail(p);
    }
    return call;
}

static node *parse_word(struct nw_rule_parser *p)
{
    struct nw_slice word = read_word(p);

    if (nw_slice_equal(word, NW_LITERAL("if"))) {
        return parse_if(p);
    }
    if (is_keyword(word)) {
        return nw_rule_fail(p);
    }
    if (nw_slice_equal(word, NW_LITERAL("true")) || nw_slice_equal(word, NW_LITERAL("false"))) {
        return new_constant(p, nw_rule_bool(word.len == 4));
    }
    if (nw_slice_equal(word, NW_LITERAL("null"))) {
        return new_constant(p, (struct nw_rule_value){.kind = NW_KIND_NULL});
    }
    return *p->at == ':' ? nw_rule_fail(p) : parse_call(p, word);
}

/* .name, ."name" or ["name"] behind the dot or bracket; absent: none of them. */
static struct nw_slice read_member_name(struct nw_rule_parser *p)
{
    bool bracket = nw_rule_take(p, "[");
    node *text;

    if (!bracket && (*p->at != '.' || (is_name(p->at[1]) && !is_field(p->at)))) {
        return NW_ABSENT;
    }
    p->at += bracket ? 0 : 1;
    if (!bracket && is_name(*p->at)) {
        return read_word(p);
    }
    if (!nw_rule_take(p, "\"")) {
        return NW_ABSENT;
    }
    text = parse_text(p);
    if (p->failed || text->op != NW_RULE_CONSTANT || (bracket && !nw_rule_take(p, "]"))) {
        return NW_ABSENT;
    }
    return text->constant.text;
}

/* Behind the $. Objects of $meta are known by their members only: $meta.headers.name */
static node *parse_meta(struct nw_rule_parser *p)
{
    struct nw_slice word = read_word(p);
    node *n = nw_rule_node_new(p, NW_RULE_META);

    if (n == NULL || !nw_slice_equal(word, NW_LITERAL("meta"))) {
        return nw_rule_fail(p);
    }
    n->meta = nw_meta_kind(read_member_name(p));
    switch (n->meta) {
    case -1:
    case NW_OF_HEADER_VALUES:
        return nw_rule_fail(p);
    case NW_OF_HEADERS:
    case NW_OF_PARAM:
    case NW_OF_QUERY:
        n->name = read_member_name(p);
        return n->name.data == NULL ? nw_rule_fail(p) : n;
    default:
        return n;
    }
}

/* What a term begins with. */
static node *parse_head(struct nw_rule_parser *p)
{
    nw_rule_skip(p);
    if (isdigit((unsigned char)*p->at) || (*p->at == '.' && isdigit((unsigned char)p->at[1]))) {
        return nw_rule_parse_number(p);
    }
    if (*p->at == '.') {
        /* "..", or one of what follows a term: of the input */
        if (p->at[1] == '.') {
            return nw_rule_fail(p);
        }
        p->at += is_field(p->at) ? 0 : 1;
        return nw_rule_node_new(p, NW_RULE_INPUT);
    }
    if (nw_rule_take(p, "(")) {
        node *inner = nw_rule_parse_pipe(p);
        return nw_rule_take(p, ")") ? inner : nw_rule_fail(p);
    }
    if (nw_rule_take(p, "\"")) {
        return parse_text(p);
    }
    if (nw_rule_take(p, "{")) {
        return parse_object(p);
    }
    if (nw_rule_take(p, "[")) {
        return parse_array(p);
    }
    if (nw_rule_take(p, "$")) {
        return parse_meta(p);
    }
    return is_name(*p->at) ? parse_word(p) : nw_rule_fail(p);
}

/* [0], ["a"], [] behind the bracket. */
static node *parse_index(struct nw_rule_parser *p)
{
    bool negative;
    node *n;

    nw_rule_skip(p);
    if (nw_rule_take(p, "]")) {
        n = nw_rule_node_new(p, NW_RULE_EACH);
        if (n != NULL) {
            n->many = true;
        }
        return n;
    }
    if (nw_rule_take(p, "\"")) {
        node *name = parse_text(p);
        n = nw_rule_node_new(p, NW_RULE_MEMBER);
        if (p->failed || name->op != NW_RULE_CONSTANT) {
            return nw_rule_fail(p);
        }
        n->name = name->constant.text;
    } else {
        negative = nw_rule_take(p, "-");
        nw_rule_skip(p);
        n = nw_rule_node_new(p, NW_RULE_ELEMENT);
        if (p->failed || !isdigit((unsigned char)*p->at) || strspn(p->at, "0123456789") > 9) {
            return nw_rule_fail(p);
        }
        n->index = (double)strtol(p->at, (char **)&p->at, 10) * (negative ? -1 : 1);
    }
    return nw_rule_take(p, "]") ? n : nw_rule_fail(p);
}

/* One of what may follow a term; NULL without failure: nothing does. */
static node *parse_suffix(struct nw_rule_parser *p)
{
    node *n;

    nw_rule_skip(p);
    if (*p->at == '[') {
        p->at++;
        n = parse_index(p);
    } else if (is_field(p->at)) {
        n = nw_rule_node_new(p, NW_RULE_MEMBER);
        if (n != NULL) {
            n->name = read_member_name(p);
        }
        if (n == NULL || n->name.data == NULL) {
            return nw_rule_fail(p);
        }
    } else {
        return *p->at == '?' ? nw_rule_fail(p) : NULL;
    }
    if (n != NULL && nw_rule_take(p, "?")) {
        n->optional = true;
    }
    return n;
}

node *nw_rule_parse_term(struct nw_rule_parser *p)
{
    node *term, *suffix;

    if (p->failed || ++p->depth > NW_RULE_DEEPEST) {
        return nw_rule_fail(p);
    }
    term = parse_head(p);
    while (!p->failed && (suffix = parse_suffix(p)) != NULL) {
        if (term->many) { /* .[].a is .[] | .a */
            suffix->a = nw_rule_node_new(p, NW_RULE_INPUT);
            term = nw_rule_node_pipe(p, term, suffix);
        } else {
            suffix->a = term;
            term = suffix;
        }
    }
    p->depth--;
    return p->failed ? NULL : term;
}
