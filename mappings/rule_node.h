/* SPDX-License-Identifier: Apache-2.0 */
/* What rule_parse.c makes and rule_run.c runs: a tree of expressions. */
#ifndef NATSWAY_MAPPINGS_RULE_NODE_H
#define NATSWAY_MAPPINGS_RULE_NODE_H

#include "base/arena.h"
#include "mappings/rule.h"
#include "mappings/rule_regex.h"

#define NW_RULE_VALUES_MOST 100000

enum nw_rule_op {
    NW_RULE_CONSTANT,
    NW_RULE_INPUT,       /* . */
    NW_RULE_META,        /* $meta.name, $meta.headers.name */
    NW_RULE_MEMBER,      /* a.name */
    NW_RULE_ELEMENT,     /* a[index] */
    NW_RULE_EACH,        /* a[] */
    NW_RULE_PIPE,        /* a | b */
    NW_RULE_COMMA,       /* a, b */
    NW_RULE_ALTERNATIVE, /* a // b */
    NW_RULE_AND,
    NW_RULE_OR,
    NW_RULE_EQUAL,
    NW_RULE_UNEQUAL,
    NW_RULE_LESS,
    NW_RULE_LESS_EQUAL,
    NW_RULE_GREATER,
    NW_RULE_GREATER_EQUAL,
    NW_RULE_ADD,
    NW_RULE_SUBTRACT,
    NW_RULE_MULTIPLY,
    NW_RULE_DIVIDE,
    NW_RULE_OBJECT, /* members: a is the name, b the value, next the next */
    NW_RULE_ARRAY,  /* a, or nothing */
    NW_RULE_TEXT,   /* pieces: a, next */
    NW_RULE_IF,     /* a then b else c */
    NW_RULE_CALL
};

struct nw_rule_run_state;
struct nw_rule_node;

/* A function of jq: input, and up to one argument, which it evaluates itself. */
typedef enum nw_rule_outcome nw_rule_function(struct nw_rule_run_state *r,
                                              const struct nw_rule_node *n,
                                              const struct nw_rule_value *in,
                                              struct nw_rule_value *out);

struct nw_rule_node {
    enum nw_rule_op op;
    bool many;     /* may give more than one value */
    bool optional; /* MEMBER, ELEMENT, EACH: followed by ? */
    const struct nw_rule_node *a, *b, *c;
    struct nw_rule_node *next;
    struct nw_rule_value constant;
    struct nw_slice name; /* MEMBER; META: of the header or parameter */
    int meta;             /* META: of enum nw_meta_kind */
    double index;         /* ELEMENT */
    nw_rule_function *function;
    struct nw_rule_regex *regex; /* of test(), whose argument is a literal */
};

struct nw_rule {
    struct nw_arena *arena;
    const struct nw_rule_node *root;
};

/* One run: what its functions share. */
struct nw_rule_run_state {
    struct nw_rule_space *space;
    struct nw_message *m;
    const struct nw_document *d;
};

/* The function of that name with so many arguments; NULL: not one that we have. */
nw_rule_function *nw_rule_function_find(struct nw_slice name, size_t arguments);

enum nw_rule_outcome nw_rule_eval(struct nw_rule_run_state *r, const struct nw_rule_node *n,
                                  const struct nw_rule_value *in, struct nw_rule_value *out);

/* The value of n, a META. */
enum nw_rule_outcome nw_rule_meta(struct nw_rule_run_state *r, const struct nw_rule_node *n,
                                  struct nw_rule_value *out);

/* ---- values ---- */

/* Append v as jq prints it. false: left to libjq. */
bool nw_rule_write_in(struct nw_rule_run_state *r, const struct nw_rule_value *v,
                      struct nw_buffer *out);

/* Memory until the next run; NULL: there is none. */
void *nw_rule_alloc(struct nw_rule_space *space, size_t size);
/* A buffer for texts in the making; what is taken from it is copied. */
struct nw_buffer *nw_rule_buffer(struct nw_rule_space *space);

/* The item of the document as a value. false: no memory. */
bool nw_rule_from_item(struct nw_rule_run_state *r, uint32_t item, struct nw_rule_value *v);

struct nw_rule_value nw_rule_bool(bool b);
struct nw_rule_value nw_rule_number(double n);
/* text must live as long as the value, and be UTF-8. */
struct nw_rule_value nw_rule_string(struct nw_slice text);

/* What v, a NUMBER, is. */
double nw_rule_number_of(const struct nw_rule_value *v);

/* Elements or members of v, an ARRAY or OBJECT, as an array of members. UNSURE: names that stand
 * twice, or no memory. */
enum nw_rule_outcome nw_rule_members(struct nw_rule_run_state *r, const struct nw_rule_value *v,
                                     const struct nw_rule_member **out, size_t *count);
/* Put m into the object of so many members; one of the same name is replaced where it stands.
 * Returns how many there are now. */
size_t nw_rule_set_member(struct nw_rule_member *members, size_t count,
                          const struct nw_rule_member *m);

/* -1, 0, 1 in *order. */
enum nw_rule_outcome nw_rule_compare(const struct nw_rule_value *a, const struct nw_rule_value *b,
                                     int *order);
enum nw_rule_outcome nw_rule_arithmetic(struct nw_rule_run_state *r, enum nw_rule_op op,
                                        const struct nw_rule_value *a,
                                        const struct nw_rule_value *b, struct nw_rule_value *out);
/* v as a text: a string is what it is, another is written. */
enum nw_rule_outcome nw_rule_text_of(struct nw_rule_run_state *r, const struct nw_rule_value *v,
                                     struct nw_rule_value *out);

#endif
