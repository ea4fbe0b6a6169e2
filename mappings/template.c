/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A template is a list of parts, each text or an expression. Compiling also checks what the author
 * wrote by filling in "X" for every expression; rendering puts the parts one behind the other and
 * checks the whole.
 */
#include "mappings/template.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "mappings/convert.h"
#include "mappings/fill_rules.h"

#define STACK_BYTES 512

struct part {
    struct nw_slice text;             /* in the template's text */
    struct nw_expression *expression; /* NULL: text */
};

struct nw_template {
    char *text;
    enum nw_fill fill;
    struct nw_template_scope scope;
    struct nw_pattern *pattern;
    struct part *parts;
    size_t count;
    struct nw_slice constant; /* all of it, if there is no expression; else absent */
    size_t own; /* what the author wrote of what no value may add: see nw_fill_count_own */
};

/* ---- compiling ---- */

static int add_part(struct nw_template *t, struct nw_slice text, struct nw_expression *expression)
{
    struct part *parts = realloc(t->parts, (t->count + 1) * sizeof *parts);

    if (parts == NULL) {
        nw_expression_free(expression);
        return NW_ENOMEM;
    }
    t->parts = parts;
    parts[t->count++] = (struct part){text, expression};
    return 0;
}

static int add_text(struct nw_template *t, size_t from, size_t to)
{
    return from == to ? 0 : add_part(t, (struct nw_slice){t->text + from, to - from}, NULL);
}

/* "$12" gives 12; anything else -1. */
static int64_t dollar_number(struct nw_slice token)
{
    int64_t n = 0;

    if (token.len < 2 || token.len > 6 || token.data[0] != '$') {
        return -1;
    }
    for (size_t i = 1; i < token.len; i++) {
        if (!isdigit((unsigned char)token.data[i])) {
            return -1;
        }
        n = n * 10 + (token.data[i] - '0');
    }
    return n;
}

/* Which wildcard a whole token of a subject stands for: `$n`, or a final `>`; -1: none. */
static int64_t token_wildcard(const struct nw_parser *p, struct nw_slice token, size_t end)
{
    if (token.len == 1 && token.data[0] == '>' && end == p->text.len) {
        size_t last = nw_pattern_wildcards(p->pattern);
        return nw_pattern_is_rest(p->pattern, last) ? (int64_t)last : -1;
    }
    return dollar_number(token);
}

static int add_wildcard(struct nw_template *t, struct nw_parser *p, size_t from, size_t to,
                        int64_t n)
{
    struct nw_expression *e = nw_expression_wildcard(p, from, to - from, n);

    return e == NULL ? p->error->code : add_part(t, e->source, e);
}

/* Text between expressions. In a subject its whole tokens may stand for wildcards. */
static int add_tokens(struct nw_template *t, struct nw_parser *p, const struct nw_ranges *outside,
                      size_t from, size_t to)
{
    size_t kept = from, start = from;
    int rc = 0;

    for (size_t i = from; rc == 0 && i <= to; i++) {
        bool whole =
            (start == 0 || t->text[start - 1] == '.') && (i == p->text.len || t->text[i] == '.');
        int64_t n;
        if (i < to && t->text[i] != '.') {
            continue;
        }
        whole = whole && !nw_ranges_touch(outside, start, i);
        n = whole ? token_wildcard(p, (struct nw_slice){t->text + start, i - start}, i) : -1;
        if (n >= 0) {
            rc = add_text(t, kept, start);
            rc = rc == 0 ? add_wildcard(t, p, start, i, n) : rc;
            kept = i;
        }
        start = i + 1;
    }
    return rc == 0 ? add_text(t, kept, to) : rc;
}

/* The next "{{" that the author wrote; NULL: there is none. */
static const char *find_open(const struct nw_parser *p, const struct nw_ranges *outside)
{
    const char *text = p->text.data, *at = text + p->at;

    while ((at = memmem(at, p->text.len - (size_t)(at - text), "{{", 2)) != NULL &&
           nw_ranges_touch(outside, (size_t)(at - text), (size_t)(at - text) + 2)) {
        at++;
    }
    return at;
}

/* In the expression at p->at: what is not the author's must not end the quotes that it is in, and
 * is a word outside of quotes. */
static int check_outside(const struct nw_parser *p, const struct nw_ranges *outside)
{
    const char *text = p->text.data;
    char quote = '\0';

    for (size_t at = p->at; outside->count > 0 && at < p->text.len; at++) {
        char c = text[at];

        if (nw_ranges_touch(outside, at, at + 1)) {
            if (quote != '\0' ? c == quote : !isalnum((unsigned char)c) && c != '_') {
                return nw_error_set_at(p->error, NW_EINVAL, at,
                                       "what is put into an expression from outside must be a "
                                       "word, or stand in quotes that it does not have");
            }
        } else if (quote == '\0' && c == '}' && text[at + 1] == '}') {
            break;
        } else if (quote != '\0' ? c == quote : c == '\'' || c == '"') {
            quote = quote == '\0' ? c : '\0';
        }
    }
    return 0;
}

static int parse(struct nw_template *t, struct nw_parser *p, const struct nw_ranges *outside)
{
    int rc = 0;

    while (rc == 0 && p->at < p->text.len) {
        size_t from = p->at;
        const char *open = find_open(p, outside);
        size_t to = open == NULL ? p->text.len : (size_t)(open - t->text);
        struct nw_expression *e;
        rc = t->fill == NW_FILL_SUBJECT ? add_tokens(t, p, outside, from, to)
                                        : add_text(t, from, to);
        p->at = to;
        if (rc != 0 || open == NULL) {
            break;
        }
        p->at += 2;
        rc = check_outside(p, outside);
        if (rc != 0) {
            break;
        }
        e = nw_expression_parse(p);
        rc = e == NULL ? p->error->code
                       : add_part(t, (struct nw_slice){t->text + to, p->at - to}, e);
    }
    return rc;
}

/* Where in the template the byte at `at` of the probe comes from. */
static size_t place_of(const struct nw_template *t, size_t at)
{
    size_t probe = 0;

    for (size_t i = 0; i < t->count; i++) {
        size_t len = t->parts[i].expression != NULL ? 1 : t->parts[i].text.len;
        if (at < probe + len) {
            return (size_t)(t->parts[i].text.data - t->text) +
                   (t->parts[i].expression != NULL ? 0 : at - probe);
        }
        probe += len;
    }
    return strlen(t->text);
}

/* Is all that e gives put in as it is? */
static bool is_raw(const struct nw_expression *e)
{
    switch (e->op) {
    case NW_OP_FILTER:
        return e->filter == NW_FILTER_RAW || is_raw(e->left);
    case NW_OP_OR:
        return is_raw(e->left) && is_raw(e->right);
    default:
        return false;
    }
}

/* Who is called is not for a message to say, unless that is asked for: then it is known only when
 * the message is there. */
static int check_url(const struct nw_template *t, struct nw_slice probe, struct nw_error *error)
{
    struct nw_url_parts url = nw_url_parts(probe);
    size_t at = 0;
    bool known = true;

    for (size_t i = 0; i < t->count; i++) {
        const struct part *part = &t->parts[i];
        if (part->expression != NULL && at >= url.start && at < url.end) {
            if (!is_raw(part->expression)) {
                return nw_error_set_at(
                    error, NW_EINVAL, at,
                    "a URL's host cannot come from a message unless it is | raw");
            }
            known = false;
        }
        at += part->expression != NULL ? 1 : part->text.len;
    }
    return nw_url_check(probe, known, t->own, error);
}

static int check_probe(struct nw_template *t, struct nw_slice probe, struct nw_error *error)
{
    t->own = nw_fill_count_own(t->fill, probe);
    return t->fill == NW_FILL_URL && probe.len > 0 ? check_url(t, probe, error)
                                                   : nw_fill_check(t->fill, probe, t->own, error);
}

static int check_text(struct nw_template *t, struct nw_error *error)
{
    struct nw_buffer probe = {0};
    int rc;

    for (size_t i = 0; i < t->count; i++) {
        if (t->parts[i].expression != NULL) {
            nw_buffer_add_char(&probe, 'X');
        } else {
            nw_buffer_add_slice(&probe, t->parts[i].text);
        }
    }
    rc = probe.failed ? nw_error_set(error, NW_ENOMEM, "out of memory")
                      : check_probe(t, nw_buffer_slice(&probe), error);
    if (rc == NW_EINVAL) {
        error->at = place_of(t, error->at);
    }
    nw_buffer_done(&probe);
    return rc;
}

static void find_constant(struct nw_template *t, size_t len)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->parts[i].expression != NULL) {
            return;
        }
    }
    t->constant = (struct nw_slice){t->text, len};
}

int nw_template_compile(struct nw_slice text, enum nw_fill fill,
                        const struct nw_template_scope *scope, struct nw_template **out,
                        struct nw_error *error)
{
    return nw_template_compile_text(&(struct nw_template_text){text, {NULL, 0}}, fill, scope, out,
                                    error);
}

int nw_template_compile_text(const struct nw_template_text *whole, enum nw_fill fill,
                             const struct nw_template_scope *scope, struct nw_template **out,
                             struct nw_error *error)
{
    struct nw_slice text = whole->text;
    struct nw_error own;
    struct nw_parser p = {.scope = scope, .error = error == NULL ? &own : error};
    struct nw_template *t = calloc(1, sizeof *t);
    int rc;

    if (t == NULL || (t->text = malloc(text.len + 1)) == NULL) {
        free(t);
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    if (text.len > 0) {
        memcpy(t->text, text.data, text.len);
    }
    t->text[text.len] = '\0';
    t->fill = fill;
    t->scope = *scope;
    rc = nw_pattern_compile(scope->address, scope->pattern, &t->pattern);
    p.text = (struct nw_slice){t->text, text.len};
    p.pattern = t->pattern;
    rc = rc == 0 ? parse(t, &p, &whole->outside) : rc;
    rc = rc == 0 ? check_text(t, p.error) : rc;
    if (rc != 0) {
        nw_template_free(t);
        return rc == NW_ENOMEM ? nw_error_set(error, rc, "out of memory") : rc;
    }
    find_constant(t, text.len);
    *out = t;
    return 0;
}

void nw_template_free(struct nw_template *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->count; i++) {
        nw_expression_free(t->parts[i].expression);
    }
    free(t->parts);
    nw_pattern_free(t->pattern);
    free(t->text);
    free(t);
}

bool nw_template_is_constant(const struct nw_template *t)
{
    return t->constant.data != NULL;
}

/* ---- rendering ---- */

static int complain(struct nw_error *error, const struct part *part, const char *problem)
{
    struct nw_slice s = part->text;

    return nw_error_set(error, NW_EINVAL, "%.*s %s", (int)(s.len > 100 ? 100 : s.len), s.data,
                        problem);
}

static int evaluate(const struct nw_template *t, const struct part *part, struct nw_message *m,
                    struct nw_operand *out, struct nw_error *error)
{
    struct nw_evaluation v = {&t->scope, t->pattern, m, error};
    int rc = nw_expression_evaluate(part->expression, &v, out);

    return rc == 0 && out->form == NW_FORM_NONE ? complain(error, part, "has no value") : rc;
}

/* Subjects that begin with "$" are the server's own. A value must not get there; a source that
 * reads them may lead there. */
static int check_dollar(const struct nw_template *t, struct nw_message *m, struct nw_slice whole,
                        struct nw_error *error)
{
    struct nw_slice address = nw_message_original(m)->address;
    bool from_there =
        t->scope.address == NW_ADDRESS_SUBJECT && address.len > 0 && address.data[0] == '$';

    if (t->fill != NW_FILL_SUBJECT || whole.len == 0 || whole.data[0] != '$' ||
        t->parts[0].expression == NULL || from_there) {
        return 0;
    }
    return complain(error, &t->parts[0], "must not begin a subject with \"$\"");
}

static int check_whole(const struct nw_template *t, struct nw_message *m, struct nw_slice whole,
                       struct nw_error *error)
{
    int rc = t->fill == NW_FILL_TEXT ? 0 : nw_fill_check(t->fill, whole, t->own, error);

    return rc == 0 ? check_dollar(t, m, whole, error) : rc;
}

/* The only part, an expression, whose bytes can stay where they are. */
static bool is_whole(const struct nw_template *t, const struct nw_operand *operand)
{
    bool as_it_is = operand->raw || t->fill == NW_FILL_TEXT || t->fill == NW_FILL_HEADER ||
                    (t->fill == NW_FILL_SUBJECT && t->scope.address == NW_ADDRESS_SUBJECT &&
                     operand->form == NW_FORM_ADDRESS);

    return t->count == 1 && as_it_is && operand->form != NW_FORM_PIECES;
}

static int render_parts(const struct nw_template *t, struct nw_message *m, struct nw_text *text,
                        struct nw_slice *whole, struct nw_error *error)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct part *part = &t->parts[i];
        struct nw_operand operand;
        const char *problem;
        int rc;
        if (part->expression == NULL) {
            nw_text_add(text, part->text.data, part->text.len);
            continue;
        }
        rc = evaluate(t, part, m, &operand, error);
        if (rc != 0) {
            return rc;
        }
        if (is_whole(t, &operand)) {
            *whole = operand.text;
            return 0;
        }
        problem = nw_operand_put(text, t->fill, &t->scope, &operand);
        if (problem != NULL) {
            return complain(error, part, problem);
        }
    }
    return nw_text_end(text, whole);
}

int nw_template_render(const struct nw_template *t, struct nw_message *m, struct nw_slice *out,
                       struct nw_error *error)
{
    char buffer[STACK_BYTES];
    struct nw_text text = nw_text_begin(m, buffer, sizeof buffer);
    struct nw_slice whole = NW_ABSENT;
    int rc;

    if (t->constant.data != NULL) {
        *out = t->constant;
        return 0;
    }
    rc = render_parts(t, m, &text, &whole, error);
    rc = rc == 0 ? check_whole(t, m, whole, error) : rc;
    if (rc == NW_ENOMEM) {
        return nw_error_set(error, rc, "out of memory");
    }
    if (rc == 0) {
        *out = whole;
    }
    return rc;
}

/* ---- scopes ---- */

int nw_template_scope_matches(const struct nw_template_scope *scope, struct nw_slice address)
{
    struct nw_pattern *p = NULL;
    int matches;

    if (nw_pattern_compile(scope->address, scope->pattern, &p) != 0) {
        return NW_ENOMEM;
    }
    matches = nw_pattern_matches(p, address) ? 1 : 0;
    nw_pattern_free(p);
    return matches;
}

const char *nw_template_default_address(const struct nw_template_scope *scope)
{
    switch (scope->address) {
    case NW_ADDRESS_SUBJECT:
        return "{{subject}}";
    case NW_ADDRESS_TOPIC_MQTT:
    case NW_ADDRESS_TOPIC_KAFKA:
        return "{{topic}}";
    default:
        return "{{path}}";
    }
}
