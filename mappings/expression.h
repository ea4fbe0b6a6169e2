/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands between {{ and }}:
 *
 *     expression = operand { "or" operand | "|" filter }      from left to right
 *     operand    = name | name(arguments) | filter(expression) | $n | 'text' | ( expression )
 *
 * Parsing (expression.c) finds the name in a table, checks it against the route's source and leaves
 * a node with all that evaluating (evaluate.c) needs. Nodes are immutable.
 */
#ifndef NATSWAY_MAPPINGS_EXPRESSION_H
#define NATSWAY_MAPPINGS_EXPRESSION_H

#include "mappings/json_path.h"
#include "mappings/nats_functions.h"
#include "mappings/pattern.h"
#include "mappings/template.h"

enum nw_op {
    NW_OP_LITERAL,
    NW_OP_ADDRESS,
    NW_OP_KEY,
    NW_OP_NUMBER, /* of meta */
    NW_OP_FLAG,   /* of meta: true or false */
    NW_OP_TEXT,   /* of meta */
    NW_OP_TIMESTAMP,
    NW_OP_HEADER,
    NW_OP_PARAM,
    NW_OP_QUERY,
    NW_OP_JSON,
    NW_OP_ID,
    NW_OP_ROUTE,
    NW_OP_BRIDGE,
    NW_OP_UUID,
    NW_OP_NOW,
    NW_OP_DATE,
    NW_OP_WILDCARD, /* number: which, from 1 */
    NW_OP_TOKEN,    /* number: which level, from 1 */
    NW_OP_PARTITION,
    NW_OP_RANDOM,
    NW_OP_CUT,
    NW_OP_OR,
    NW_OP_FILTER
};

enum nw_filter {
    NW_FILTER_RAW,
    NW_FILTER_LOWER,
    NW_FILTER_UPPER,
    NW_FILTER_BASE64,
    NW_FILTER_HEX,
    NW_FILTER_SHA256
};

#define NW_PARTITION_WILDCARDS 16

struct nw_expression {
    enum nw_op op;
    struct nw_slice source; /* as it was written, for reasons */
    struct nw_slice text;   /* literal, name, format, delimiter; lies in the template */
    enum nw_meta meta;
    enum nw_cut cut;
    enum nw_filter filter;
    int64_t number; /* which wildcard or level; of how many partitions or random numbers */
    size_t size;    /* where or into how many bytes to cut */
    uint16_t wildcards[NW_PARTITION_WILDCARDS]; /* of a partition; none: the whole address */
    size_t wildcard_count;
    struct nw_json_path *path;
    struct nw_expression *left, *right; /* left is also what a filter filters */
};

/* What parsing needs to know, and where it is. text is the whole template, which the nodes point
 * into. */
struct nw_parser {
    struct nw_slice text;
    size_t at;
    const struct nw_template_scope *scope;
    const struct nw_pattern *pattern;
    struct nw_error *error;
};

/* Parse from p->at, behind {{, up to and with }}. NULL: p->error says why, error->code what. */
struct nw_expression *nw_expression_parse(struct nw_parser *p);
/* The node of wildcard n, as `$n` and a final `>` need it. */
struct nw_expression *nw_expression_wildcard(struct nw_parser *p, size_t at, size_t len, int64_t n);
void nw_expression_free(struct nw_expression *e);

/* What a value is decides how it is put in. */
enum nw_form {
    NW_FORM_NONE,    /* there is no value */
    NW_FORM_VALUE,   /* bytes: one token, escaped */
    NW_FORM_TOKEN,   /* one level of the source's address */
    NW_FORM_ADDRESS, /* one or more levels of the source's address: converted */
    NW_FORM_PIECES   /* several tokens */
};

struct nw_operand {
    enum nw_form form;
    bool raw;  /* put in as it is */
    bool rest; /* of an address: only its last levels */
    struct nw_slice text;
    const struct nw_slice *pieces;
    size_t count;
};

struct nw_evaluation {
    const struct nw_template_scope *scope;
    const struct nw_pattern *pattern;
    struct nw_message *m;
    struct nw_error *error;
};

/* The value of e for v->m; its bytes live as long as the message or the template. 0 (also without a
 * value), NW_EINVAL or NW_ENOMEM. */
int nw_expression_evaluate(const struct nw_expression *e, const struct nw_evaluation *v,
                           struct nw_operand *out);

/* %XX of a level of an HTTP path as bytes, in m's arena; other levels as they are. */
int nw_level_decode(enum nw_address_kind kind, struct nw_slice level, struct nw_message *m,
                    struct nw_slice *out);

#endif
