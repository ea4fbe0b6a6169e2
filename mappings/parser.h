/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the expression parser: the names there are (names.c), what stands between their
 * parentheses (arguments.c), and how both read. Functions that return bool or NULL have said why in
 * p->error.
 */
#ifndef NATSWAY_MAPPINGS_PARSER_H
#define NATSWAY_MAPPINGS_PARSER_H

#include <ctype.h>
#include <string.h>

#include "mappings/expression.h"

/* What stands between the parentheses. */
enum nw_arguments {
    NOTHING,   /* no parentheses at all */
    TEXT,      /* one text in quotes */
    WILDCARD,  /* the number of a wildcard */
    LEVEL,     /* the number of a level */
    COUNT,     /* a number above 0 */
    PARTITION, /* a number above 0, numbers of wildcards */
    SPLIT,     /* the number of a wildcard, a delimiter */
    SIZE       /* the number of a wildcard, a number of bytes */
};

/* Which sources have it. */
enum nw_needs { ANY_SOURCE, SUBJECTS, TOPICS, PATHS, META };

struct nw_name {
    const char *name;
    enum nw_op op;
    enum nw_arguments arguments;
    enum nw_needs needs;
    int detail;    /* the meta, or how to cut */
    bool any_case; /* a function of NATS */
};

/* ---- reading ---- */

static inline int nw_peek(const struct nw_parser *p)
{
    return p->at < p->text.len ? (unsigned char)p->text.data[p->at] : -1;
}

static inline void nw_skip_blanks(struct nw_parser *p)
{
    while (nw_peek(p) == ' ' || nw_peek(p) == '\t' || nw_peek(p) == '\n' || nw_peek(p) == '\r') {
        p->at++;
    }
}

static inline bool nw_take(struct nw_parser *p, char c)
{
    if (nw_peek(p) != c) {
        return false;
    }
    p->at++;
    return true;
}

/* At "}}". */
bool nw_at_end(const struct nw_parser *p);
struct nw_slice nw_cut_text(const struct nw_parser *p, size_t from, size_t to);
/* Letters, digits and _; may be empty. */
struct nw_slice nw_take_word(struct nw_parser *p);
/* 'text' or "text", at the quote. */
bool nw_take_quoted(struct nw_parser *p, struct nw_slice *out);
/* Digits with blanks around. */
bool nw_take_number(struct nw_parser *p, int64_t *out);

/* ---- names ---- */

/* The name as it stands with or without parentheses; NULL, and nothing said, if there is none. */
const struct nw_name *nw_name_find(struct nw_slice word, bool call);
bool nw_name_unknown(struct nw_parser *p, size_t at, struct nw_slice word, bool call);
/* "expected header('name')" */
bool nw_name_wrong_call(struct nw_parser *p, size_t at, const struct nw_name *n);
/* Which enum nw_filter; -1, and nothing said, if there is none. */
int nw_filter_find(struct nw_slice word);
bool nw_filter_unknown(struct nw_parser *p, size_t at, struct nw_slice word);
/* Does the route's source have it? */
bool nw_name_check_source(struct nw_parser *p, size_t at, const struct nw_name *n);

/* ---- arguments ---- */

/* What stands behind the "(" of n, up to its ")"; at is where n begins. */
bool nw_arguments_take(struct nw_parser *p, const struct nw_name *n, struct nw_expression *e,
                       size_t at);
/* Is there a wildcard n? */
bool nw_wildcard_check(struct nw_parser *p, size_t at, int64_t n);

#endif
