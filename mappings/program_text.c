/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scanner of jq's tokens. What a "." or a word means depends on what stands before it: behind a
 * term ".a" is a part of that term, behind "|" it is a part of what came through the pipe, anywhere
 * else it is a part of the payload. Where this is in doubt the payload counts as used.
 */
#include "mappings/program_text.h"

#include <ctype.h>
#include <string.h>

#include "base/slice.h"
#include "mappings/meta.h"
#include "mappings/program_guard.h"
#include "mappings/program_regex.h"

#define DEEPEST 200

enum before { NOTHING, TERM, PIPE, OPEN_OR_COMMA, OTHER };

/* An open bracket. */
struct bracket {
    const char *at, *colon; /* colon: of [from:to], or NULL */
    bool defines;           /* has a `def`, whose colon is another */
};

/* The positions of [from:to]. */
struct slice {
    const char *open, *colon, *close;
};

struct scanner {
    const char *text, *at;
    enum before before;
    struct bracket open[DEEPEST]; /* around what is read */
    size_t depth;
    struct nw_buffer *slices; /* NULL, or where each struct slice goes */
    bool own_regex;           /* defines a function with the name of one that takes an expression */
    struct nw_program_uses *uses;
    struct nw_error *error;
};

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool is_one_of(struct nw_slice word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (nw_slice_equal(nw_slice_text(words[i]), word)) {
            return true;
        }
    }
    return false;
}
#define IS_ONE_OF(word, words) is_one_of(word, words, sizeof(words) / sizeof(words)[0])

/* These reach out of the message: to the process, its files, its output, or other messages. */
static const char *const refused[] = {
    "env",   "input",  "inputs", "input_filename", "input_line_number", "import",         "include",
    "debug", "stderr", "halt",   "halt_error",     "modulemeta",        "get_search_list"};
/* Behind these begins an expression. */
static const char *const keywords[] = {"and",     "or",  "if",    "then", "elif", "else",  "reduce",
                                       "foreach", "try", "catch", "as",   "def",  "label", "break"};
/* Not all that follows in a pipe behind these is what came through the pipe. */
static const char *const binders[] = {"as", "def", "reduce", "foreach", "label"};
/* Terms that look at nothing. */
static const char *const constants[] = {"true", "false", "null", "empty", "now", "end"};

static int scan(struct scanner *s);

static int refuse(struct scanner *s, const char *at, struct nw_slice word)
{
    return nw_error_set_at(s->error, NW_EINVAL, (size_t)(at - s->text),
                           "jq's \"%.*s\" is not allowed in a rule", (int)word.len, word.data);
}

static struct nw_slice take_word(struct scanner *s)
{
    const char *start = s->at;

    while (is_word(*s->at)) {
        s->at++;
    }
    return (struct nw_slice){start, (size_t)(s->at - start)};
}

/* A text at its quote, with the code of each \( ) in it. */
static int scan_string(struct scanner *s)
{
    int rc = 0;

    for (s->at++; rc == 0 && *s->at != '\0' && *s->at != '"'; s->at++) {
        if (*s->at != '\\' || s->at[1] == '\0') {
            continue;
        }
        s->at++;
        if (*s->at == '(') {
            s->uses->guards |= nw_guard_of_word(NW_LITERAL("@"));
            s->before = OPEN_OR_COMMA;
            rc = scan(s);
            if (*s->at == '\0') {
                return rc;
            }
        }
    }
    s->at += *s->at == '"' ? 1 : 0;
    s->before = TERM;
    return rc;
}

/* The name of the member behind $meta: .name, ."name", ["name"]; empty where it is another. */
static struct nw_slice member_of_meta(const char *at)
{
    const char *before = "", *behind = "", *end;

    at += strspn(at, " \t\r\n");
    if (strncmp(at, "[\"", 2) == 0) {
        before = "[\"";
        behind = "\"]";
    } else if (strncmp(at, ".\"", 2) == 0) {
        before = ".\"";
        behind = "\"";
    } else if (at[0] == '.') {
        before = ".";
    }
    at += strlen(before);
    for (end = at; before[0] != '\0' && is_word(*end); end++) {
    }
    return strncmp(end, behind, strlen(behind)) == 0 ? (struct nw_slice){at, (size_t)(end - at)}
                                                     : (struct nw_slice){NULL, 0};
}

/* Where $meta was seen as a whole, it may be a variable of the program's own. */
static int use_meta(struct scanner *s)
{
    struct nw_slice name = member_of_meta(s->at);
    uint32_t bit = name.len == 0 ? NW_META_ALL : nw_meta_bit(name);
    const char *meant;

    if (bit == 0 && s->uses->meta != NW_META_ALL) {
        meant = nw_meta_suggest(name);
        return nw_error_set_at(s->error, NW_EINVAL, (size_t)(name.data - s->text),
                               "$meta has no \"%.*s\"%s%s%s", (int)name.len, name.data,
                               meant == NULL ? "; it has " : "; did you mean \"",
                               meant == NULL ? nw_meta_names : meant, meant == NULL ? "" : "\"?");
    }
    s->uses->meta |= bit;
    return 0;
}

static int scan_variable(struct scanner *s)
{
    const char *start = s->at++;
    struct nw_slice name = take_word(s);

    if (nw_slice_equal(name, NW_LITERAL("ENV"))) {
        return refuse(s, start + 1, name);
    }
    s->before = TERM;
    return nw_slice_equal(name, NW_LITERAL("meta")) ? use_meta(s) : 0;
}

/* The name of a member, {a: 1}; in the short form {a} it is a part of the payload, too. */
static bool is_member(struct scanner *s)
{
    const char *next = s->at + strspn(s->at, " \t\r\n");

    if (s->depth == 0 || *s->open[s->depth - 1].at != '{' || s->before != OPEN_OR_COMMA) {
        return false;
    }
    if (*next == ',' || *next == '}') {
        s->uses->payload = true;
        return true;
    }
    return *next == ':';
}

/* Behind `def`. */
static void see_definition(struct scanner *s)
{
    struct scanner ahead = {.at = s->at + strspn(s->at, " \t\r\n")};

    s->own_regex |= nw_program_takes_regex(take_word(&ahead));
    if (s->depth > 0) {
        s->open[s->depth - 1].defines = true;
    }
}

static int scan_word(struct scanner *s)
{
    const char *start = s->at;
    struct nw_slice word = take_word(s);
    bool keyword = IS_ONE_OF(word, keywords);
    int rc = 0;

    if (is_member(s)) {
        s->before = TERM;
        return 0;
    }
    if (IS_ONE_OF(word, refused)) {
        return refuse(s, start, word);
    }
    if (nw_slice_equal(word, NW_LITERAL("def"))) {
        see_definition(s);
    } else if (s->slices == NULL && !s->own_regex) {
        rc = nw_program_check_regex(word, s->at, s->text, s->error);
    }
    s->uses->guards |= nw_guard_of_word(word);
    if (IS_ONE_OF(word, binders) ||
        (!keyword && !IS_ONE_OF(word, constants) && s->before != PIPE)) {
        s->uses->payload = true;
    }
    s->before = keyword ? OTHER : TERM;
    return rc;
}

static void scan_number(struct scanner *s)
{
    while (isdigit((unsigned char)*s->at) || *s->at == '.') {
        s->at++;
    }
    if (*s->at == 'e' || *s->at == 'E') {
        s->at++;
        s->at += *s->at == '-' || *s->at == '+' ? 1 : 0;
    }
    while (isdigit((unsigned char)*s->at)) {
        s->at++;
    }
    s->before = TERM;
}

/* "." ".a" ".." at the dot. A text behind it is read as any text. */
static void scan_path(struct scanner *s)
{
    if (s->before != TERM && s->before != PIPE) {
        s->uses->payload = true;
    }
    s->at += strspn(s->at, ".");
    (void)take_word(s);
    s->before = TERM;
}

/* At the end of a bracket. Numbers as they stand need no guard. */
static void end_bracket(struct scanner *s, const struct bracket *bracket)
{
    if (bracket->colon == NULL || bracket->at + strspn(bracket->at, "[0123456789-: ") == s->at) {
        return;
    }
    s->uses->guards |= NW_GUARD_SLICE;
    if (s->slices != NULL) {
        struct slice slice = {bracket->at, bracket->colon, s->at};
        nw_buffer_add(s->slices, &slice, sizeof slice);
    }
}

static int scan_bracket(struct scanner *s)
{
    if (strchr("([{", *s->at) != NULL) {
        if (s->depth == DEEPEST) {
            return nw_error_set_at(s->error, NW_EINVAL, (size_t)(s->at - s->text),
                                   "more than %d brackets within each other", DEEPEST);
        }
        s->open[s->depth++] = (struct bracket){s->at, NULL, false};
        s->before = OPEN_OR_COMMA;
    } else {
        if (s->depth > 0) {
            end_bracket(s, &s->open[--s->depth]);
        }
        s->before = TERM;
    }
    s->at++;
    return 0;
}

static void scan_other(struct scanner *s)
{
    bool pipe = *s->at == '|' && s->at[1] != '=';
    struct bracket *inner = s->depth == 0 ? NULL : &s->open[s->depth - 1];

    if (*s->at == ':' && inner != NULL && *inner->at == '[' && !inner->defines) {
        inner->colon = s->at;
    }
    s->uses->guards |= nw_guard_of_operator(s->text, s->at);
    if (*s->at == '?') { /* belongs to the term before it */
        s->at++;
        return;
    }
    s->before = pipe ? PIPE : *s->at == ',' ? OPEN_OR_COMMA : OTHER;
    s->at++;
}

static int scan_token(struct scanner *s)
{
    char c = *s->at;

    if (c == '#') {
        s->at += strcspn(s->at, "\n");
    } else if (isspace((unsigned char)c)) {
        s->at++;
    } else if (c == '"') {
        return scan_string(s);
    } else if (c == '$') {
        return scan_variable(s);
    } else if (c == '@') {
        s->uses->guards |= nw_guard_of_word((struct nw_slice){s->at, 1});
        s->at++;
        s->uses->payload = s->uses->payload || s->before != PIPE;
        (void)take_word(s);
        s->before = TERM;
    } else if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)s->at[1]))) {
        scan_number(s);
    } else if (is_word(c)) {
        return scan_word(s);
    } else if (c == '.') {
        scan_path(s);
    } else if (strchr("()[]{}", c) != NULL) {
        return scan_bracket(s);
    } else {
        scan_other(s);
    }
    return 0;
}

/* Up to the end, or from the "(" of a text's \( to its ")", which is left. */
static int scan(struct scanner *s)
{
    size_t outside = s->depth;
    bool nested = *s->at == '(' && s->at > s->text && s->at[-1] == '\\';
    int rc = nested ? scan_bracket(s) : 0;

    while (rc == 0 && *s->at != '\0') {
        if (nested && *s->at == ')' && s->depth == outside + 1) {
            s->depth--;
            return 0;
        }
        rc = scan_token(s);
    }
    return rc;
}

int nw_program_text_check(const char *text, struct nw_program_uses *uses, struct nw_error *error)
{
    struct scanner s = {.text = text, .at = text, .uses = uses, .error = error};

    *uses = (struct nw_program_uses){false, 0, 0};
    s.before = NOTHING;
    return scan(&s);
}

/* What is put in before a character of the text. */
static const char *inserted(const struct nw_buffer *slices, const char *at)
{
    const struct slice *all = (const void *)slices->data;

    for (size_t i = 0; i < slices->len / sizeof *all; i++) {
        const struct slice *s = &all[i];

        if ((at == s->open + 1 && at < s->colon) || (at == s->colon + 1 && at < s->close)) {
            return "_nw_bound(";
        }
        if ((at == s->colon && s->open + 1 < at) || (at == s->close && s->colon + 1 < at)) {
            return ")";
        }
    }
    return "";
}

void nw_program_text_guard(const char *text, struct nw_buffer *out)
{
    struct nw_program_uses uses = {0};
    struct nw_buffer slices = {0};
    struct nw_error error;
    struct scanner s = {
        .text = text, .at = text, .slices = &slices, .uses = &uses, .error = &error};

    (void)scan(&s);
    for (const char *at = text; *at != '\0'; at++) {
        nw_buffer_add_text(out, inserted(&slices, at));
        nw_buffer_add_char(out, *at);
    }
    out->failed = out->failed || slices.failed;
    nw_buffer_done(&slices);
}
