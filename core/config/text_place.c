/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a byte of a text back to its line and column. The text and its source are read side by side:
 * what is no blank is the same in both, in the same order, but for the escapes of quoted texts; the
 * blanks are what YAML's styles fold, strip and indent. Slow, and only for mistakes.
 */
#include <stdlib.h>

#include "base/json.h"
#include "config/node.h"
#include "config/yaml_parser.h"

/* A place in the source. */
struct place {
    const char *at;
    size_t line, column;
    char quote; /* 0: not a quoted text */
};

size_t nw_yaml_break(const char *at)
{
    if (at[0] == '\r' && at[1] == '\n') {
        return 2;
    }
    if (at[0] == '\n' || at[0] == '\r') {
        return 1;
    }
    if (strncmp(at, "\xC2\x85", 2) == 0) {
        return 2;
    }
    return strncmp(at, "\xE2\x80\xA8", 3) == 0 || strncmp(at, "\xE2\x80\xA9", 3) == 0 ? 3 : 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t character_length(const char *at)
{
    size_t n = *at == '\0' ? 0 : 1;

    while (n > 0 && ((unsigned char)at[n] & 0xC0) == 0x80) {
        n++;
    }
    return n;
}

static void go_on(struct place *p)
{
    size_t n = nw_yaml_break(p->at);

    if (n > 0) {
        p->line++;
        p->column = 1;
    } else {
        n = character_length(p->at);
        p->column += n > 0 ? 1 : 0;
    }
    p->at += n;
}

static void go_over(struct place *p, size_t characters)
{
    while (characters-- > 0) {
        go_on(p);
    }
}

/* ---- escapes of "…" ---- */

struct escape {
    size_t source; /* characters that it takes in the source; 0: there is none */
    size_t bytes;  /* that it stands for */
    bool blank;    /* or for nothing */
};

static size_t utf8_length(unsigned long code)
{
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

static struct escape read_escape(const struct place *p)
{
    char kind = p->at[0] == '\\' && p->quote == '"' ? p->at[1] : '\0', digits[9] = "";
    size_t count = kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    unsigned long code;

    if (kind == '\0') {
        return (struct escape){0, 0, false};
    }
    if (count == 0) {
        bool blank = strchr("ntr \t", kind) != NULL || nw_yaml_break(p->at + 1) > 0;
        return (struct escape){2, strchr("LP", kind) ? 3 : strchr("N_", kind) ? 2 : 1, blank};
    }
    strncat(digits, p->at + 2, count);
    code = strtoul(digits, NULL, 16);
    return (struct escape){2 + count, utf8_length(code), code < 0x80 && is_blank((char)code)};
}

/* ---- reading along ---- */

static void skip_blanks(struct place *p)
{
    for (;;) {
        struct escape escape = read_escape(p);

        if (is_blank(*p->at) || nw_yaml_break(p->at) > 0) {
            go_on(p);
        } else if (escape.source > 0 && escape.blank) {
            go_over(p, escape.source);
        } else {
            return;
        }
    }
}

/* From the mark to the first byte of what the text says. */
static bool find_begin(const struct nw_node *node, struct place *p)
{
    *p = (struct place){node->source, node->mark.line, 1, '\0'};
    while (p->column < node->mark.column) {
        size_t column = p->column;

        go_on(p);
        if (p->column <= column) {
            return false;
        }
    }
    while (*p->at == '&' || *p->at == '!') { /* its anchor, its tag */
        while (*p->at != '\0' && !is_blank(*p->at)) {
            go_on(p);
        }
        skip_blanks(p);
    }
    if (*p->at == '|' || *p->at == '>') {
        for (size_t line = p->line; p->line == line && *p->at != '\0';) {
            go_on(p);
        }
    } else if (*p->at == '\'' || *p->at == '"') {
        p->quote = *p->at;
        go_on(p);
    }
    return true;
}

/* Go over the character at text; how many bytes of the text that were, 0: it stands not here. */
static size_t read_character(struct place *p, const char *text)
{
    size_t n = character_length(text);
    struct escape escape;

    if (is_blank(*text)) {
        return 1;
    }
    skip_blanks(p);
    escape = read_escape(p);
    if (escape.source > 0) {
        go_over(p, escape.source);
        return escape.bytes == n ? n : 0;
    }
    if (strncmp(p->at, text, n) != 0) {
        return 0;
    }
    go_over(p, *text == '\'' && p->quote == '\'' ? 2 : 1);
    return n;
}

/* The place of byte `at` of what was written. */
static bool find(const struct nw_node *node, size_t at, struct place *p)
{
    const char *text = node->written;

    if (!find_begin(node, p)) {
        return false;
    }
    for (size_t i = 0; i < at;) {
        size_t n = text[i] == '\0' ? 0 : read_character(p, text + i);

        if (n == 0) {
            return false;
        }
        i += n;
    }
    if (text[at] != '\0' && !is_blank(text[at])) {
        skip_blanks(p);
    }
    return true;
}

struct nw_mark nw_node_at(const struct nw_node *node, size_t at)
{
    struct nw_mark mark = node->mark;
    struct place place;

    if (node->kind != NW_NODE_TEXT || node->source == NULL || at < node->before ||
        at > node->text.len ||
        !find(node, nw_pieces_back(node->pieces, node->piece_count, at - node->before), &place)) {
        return mark;
    }
    mark.line = place.line;
    mark.column = place.column;
    return mark;
}
