/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of jq that rules have without libjq. What is an error in jq is UNSURE. */
#include <math.h>
#include <string.h>

#include "mappings/rule_node.h"

typedef struct nw_rule_run_state state;
typedef struct nw_rule_node node;
typedef struct nw_rule_value value;

static enum nw_rule_outcome give(value *out, value v)
{
    *out = v;
    return NW_RULE_VALUE;
}

static enum nw_rule_outcome run_not(state *r, const node *n, const value *in, value *out)
{
    (void)r;
    (void)n;
    return give(out, nw_rule_bool(!nw_rule_is_true(in)));
}

static enum nw_rule_outcome run_empty(state *r, const node *n, const value *in, value *out)
{
    (void)r;
    (void)n;
    (void)in;
    (void)out;
    return NW_RULE_NONE;
}

static enum nw_rule_outcome run_select(state *r, const node *n, const value *in, value *out)
{
    value condition;
    enum nw_rule_outcome outcome = nw_rule_eval(r, n->a, in, &condition);

    if (outcome != NW_RULE_VALUE) {
        return outcome;
    }
    return nw_rule_is_true(&condition) ? give(out, *in) : NW_RULE_NONE;
}

static double characters(struct nw_slice text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        n += ((unsigned char)text.data[i] & 0xC0) != 0x80;
    }
    return (double)n;
}

static enum nw_rule_outcome run_length(state *r, const node *n, const value *in, value *out)
{
    const struct nw_rule_member *members;
    size_t count;
    double number;

    (void)n;
    switch (in->kind) {
    case NW_KIND_NULL:
        return give(out, nw_rule_number(0));
    case NW_KIND_STRING:
        return give(out, nw_rule_number(characters(in->text)));
    case NW_KIND_NUMBER:
        number = fabs(nw_rule_number_of(in));
        return isfinite(number) ? give(out, nw_rule_number(number)) : NW_RULE_UNSURE;
    case NW_KIND_ARRAY:
        return give(
            out, nw_rule_number(in->made ? (double)in->count : (double)r->d->items[in->item].len));
    case NW_KIND_OBJECT:
        return nw_rule_members(r, in, &members, &count) == NW_RULE_VALUE
                   ? give(out, nw_rule_number((double)count))
                   : NW_RULE_UNSURE;
    default:
        return NW_RULE_UNSURE;
    }
}

static enum nw_rule_outcome run_type(state *r, const node *n, const value *in, value *out)
{
    static const char *const names[] = {
        [NW_KIND_NULL] = "null",     [NW_KIND_FALSE] = "boolean", [NW_KIND_TRUE] = "boolean",
        [NW_KIND_NUMBER] = "number", [NW_KIND_STRING] = "string", [NW_KIND_ARRAY] = "array",
        [NW_KIND_OBJECT] = "object",
    };

    (void)r;
    (void)n;
    return give(out, nw_rule_string(nw_slice_text(names[in->kind])));
}

static enum nw_rule_outcome run_tostring(state *r, const node *n, const value *in, value *out)
{
    (void)n;
    return nw_rule_text_of(r, in, out);
}

/* jq reads any JSON there; here a number as JSON has it. */
static enum nw_rule_outcome run_tonumber(state *r, const node *n, const value *in, value *out)
{
    struct nw_document d = {0};
    int rc;

    (void)r;
    (void)n;
    if (in->kind == NW_KIND_NUMBER) {
        return give(out, *in);
    }
    if (in->kind != NW_KIND_STRING || in->text.len > 30) {
        return NW_RULE_UNSURE;
    }
    rc = nw_document_read(&d, in->text);
    if (rc == 0 && d.items[0].kind == NW_KIND_NUMBER && d.items[0].len == in->text.len) {
        *out = (value){.kind = NW_KIND_NUMBER, .literal = true, .text = in->text};
    } else {
        rc = NW_EINVAL;
    }
    nw_document_done(&d);
    return rc == 0 ? NW_RULE_VALUE : NW_RULE_UNSURE;
}

static enum nw_rule_outcome run_floor(state *r, const node *n, const value *in, value *out)
{
    double number = in->kind == NW_KIND_NUMBER ? floor(nw_rule_number_of(in)) : NAN;

    (void)r;
    (void)n;
    return isfinite(number) ? give(out, nw_rule_number(number)) : NW_RULE_UNSURE;
}

/* ---- with a name ---- */

static bool has_member(const state *r, const value *in, struct nw_slice name, bool *unsure)
{
    uint32_t at = in->item + 1;

    if (in->made) {
        for (size_t i = 0; i < in->count; i++) {
            const value *own = &in->members[i].name;
            if (own->text.len == name.len && memcmp(own->text.data, name.data, name.len) == 0) {
                return true;
            }
        }
        return false;
    }
    for (uint32_t i = 0; i < r->d->items[in->item].len; i++) {
        const struct nw_item *key = &r->d->items[at];
        *unsure |= key->escaped;
        if (key->len == name.len && memcmp(r->d->text + key->at, name.data, name.len) == 0) {
            return true;
        }
        at = r->d->items[at + 1].next;
    }
    return false;
}

static enum nw_rule_outcome run_has(state *r, const node *n, const value *in, value *out)
{
    value name;
    enum nw_rule_outcome outcome = nw_rule_eval(r, n->a, in, &name);
    bool unsure = false, has;

    if (outcome != NW_RULE_VALUE) {
        return outcome;
    }
    if (in->kind != NW_KIND_OBJECT || name.kind != NW_KIND_STRING) {
        return NW_RULE_UNSURE;
    }
    has = has_member(r, in, name.text, &unsure);
    return unsure ? NW_RULE_UNSURE : give(out, nw_rule_bool(has));
}

/* ---- texts ---- */

static enum nw_rule_outcome run_test(state *r, const node *n, const value *in, value *out)
{
    int found = in->kind == NW_KIND_STRING ? nw_rule_regex_search(n->regex, in->text) : -1;

    (void)r;
    return found < 0 ? NW_RULE_UNSURE : give(out, nw_rule_bool(found == 1));
}

/* The argument, a text, of a function of texts. */
static enum nw_rule_outcome text_argument(state *r, const node *n, const value *in, value *text)
{
    enum nw_rule_outcome outcome = nw_rule_eval(r, n->a, in, text);

    if (outcome != NW_RULE_VALUE) {
        return outcome;
    }
    return in->kind == NW_KIND_STRING && text->kind == NW_KIND_STRING ? NW_RULE_VALUE
                                                                      : NW_RULE_UNSURE;
}

static bool starts(struct nw_slice text, struct nw_slice with)
{
    return nw_slice_starts(text, with);
}

static bool ends(struct nw_slice text, struct nw_slice with)
{
    return text.len >= with.len &&
           (with.len == 0 || memcmp(text.data + text.len - with.len, with.data, with.len) == 0);
}

static enum nw_rule_outcome run_startswith(state *r, const node *n, const value *in, value *out)
{
    value with;
    enum nw_rule_outcome outcome = text_argument(r, n, in, &with);

    return outcome != NW_RULE_VALUE ? outcome
                                    : give(out, nw_rule_bool(starts(in->text, with.text)));
}

static enum nw_rule_outcome run_endswith(state *r, const node *n, const value *in, value *out)
{
    value with;
    enum nw_rule_outcome outcome = text_argument(r, n, in, &with);

    return outcome != NW_RULE_VALUE ? outcome : give(out, nw_rule_bool(ends(in->text, with.text)));
}

/* What does not begin or end so, or is no text, stays. */
static enum nw_rule_outcome trim(state *r, const node *n, const value *in, bool left, value *out)
{
    value with;
    enum nw_rule_outcome outcome = nw_rule_eval(r, n->a, in, &with);
    struct nw_slice t = in->text;

    if (outcome != NW_RULE_VALUE) {
        return outcome;
    }
    if (in->kind != NW_KIND_STRING || with.kind != NW_KIND_STRING ||
        !(left ? starts(t, with.text) : ends(t, with.text))) {
        return give(out, *in);
    }
    t = (struct nw_slice){t.data + (left ? with.text.len : 0), t.len - with.text.len};
    return give(out, nw_rule_string(t));
}

static enum nw_rule_outcome run_ltrimstr(state *r, const node *n, const value *in, value *out)
{
    return trim(r, n, in, true, out);
}

static enum nw_rule_outcome run_rtrimstr(state *r, const node *n, const value *in, value *out)
{
    return trim(r, n, in, false, out);
}

/* ASCII's letters from `from` on, 26 of them, to those from `to` on. */
static enum nw_rule_outcome change_case(state *r, const value *in, char from, char to, value *out)
{
    char *text = in->kind == NW_KIND_STRING ? nw_rule_alloc(r->space, in->text.len + 1) : NULL;

    if (text == NULL) {
        return NW_RULE_UNSURE;
    }
    for (size_t i = 0; i < in->text.len; i++) {
        char c = in->text.data[i];
        text[i] = c >= from && c < from + 26 ? (char)(c - from + to) : c;
    }
    *out = *in;
    out->text = (struct nw_slice){text, in->text.len};
    return NW_RULE_VALUE;
}

static enum nw_rule_outcome run_downcase(state *r, const node *n, const value *in, value *out)
{
    (void)n;
    return change_case(r, in, 'A', 'a', out);
}

static enum nw_rule_outcome run_upcase(state *r, const node *n, const value *in, value *out)
{
    (void)n;
    return change_case(r, in, 'a', 'A', out);
}

/* ---- the table ---- */

static const struct {
    const char *name;
    size_t arguments;
    nw_rule_function *run;
} functions[] = {
    {"not", 0, run_not},
    {"empty", 0, run_empty},
    {"select", 1, run_select},
    {"length", 0, run_length},
    {"type", 0, run_type},
    {"tostring", 0, run_tostring},
    {"tonumber", 0, run_tonumber},
    {"floor", 0, run_floor},
    {"has", 1, run_has},
    {"test", 1, run_test},
    {"startswith", 1, run_startswith},
    {"endswith", 1, run_endswith},
    {"ltrimstr", 1, run_ltrimstr},
    {"rtrimstr", 1, run_rtrimstr},
    {"ascii_downcase", 0, run_downcase},
    {"ascii_upcase", 0, run_upcase},
};

nw_rule_function *nw_rule_function_find(struct nw_slice name, size_t arguments)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (functions[i].arguments == arguments &&
            nw_slice_equal(nw_slice_text(functions[i].name), name)) {
            return functions[i].run;
        }
    }
    return NULL;
}
