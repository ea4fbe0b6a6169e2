/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the parser of rules: tokens, nodes and operators (rule_parse.c), and what stands between
 * the operators (rule_term.c). After a failure every function gives NULL or false, and the rule is
 * left to libjq.
 */
#ifndef NATSWAY_MAPPINGS_RULE_PARSER_H
#define NATSWAY_MAPPINGS_RULE_PARSER_H

#include "mappings/rule_node.h"

#define NW_RULE_DEEPEST 60

struct nw_rule_parser {
    struct nw_arena *arena;
    const char *at;
    unsigned depth, nodes;
    bool failed;
};

/* ---- nodes ---- */

/* NULL, and the rule is given up. */
struct nw_rule_node *nw_rule_fail(struct nw_rule_parser *p);
struct nw_rule_node *nw_rule_node_new(struct nw_rule_parser *p, enum nw_rule_op op);
/* With operands, each of which must give one value; NULL: has none. */
struct nw_rule_node *nw_rule_node_of(struct nw_rule_parser *p, enum nw_rule_op op,
                                     const struct nw_rule_node *a, const struct nw_rule_node *b);
/* a | b, of which each may give many. */
struct nw_rule_node *nw_rule_node_pipe(struct nw_rule_parser *p, const struct nw_rule_node *a,
                                       const struct nw_rule_node *b);

/* ---- tokens ---- */

/* Blanks, of which a carriage return is none for jq 1.6, and comments. */
void nw_rule_skip(struct nw_rule_parser *p);
/* Go behind the token, or the word and no longer one, if it is next. */
bool nw_rule_take(struct nw_rule_parser *p, const char *token);
bool nw_rule_take_word(struct nw_rule_parser *p, const char *word);
/* May stand in a name. */
bool nw_rule_is_word(char c);

/* ---- grammar ---- */

/* A whole expression. */
struct nw_rule_node *nw_rule_parse_pipe(struct nw_rule_parser *p);
/* What stands between operators, with all that follows it: .a[0].b? */
struct nw_rule_node *nw_rule_parse_term(struct nw_rule_parser *p);
/* At a digit, or a dot and a digit. */
struct nw_rule_node *nw_rule_parse_number(struct nw_rule_parser *p);

#endif
