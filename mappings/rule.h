/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of the kind most people write, without libjq: paths, comparisons, and/or/not, `//`,
 * arithmetic, objects and arrays, texts with \( ), if, and the commonest functions, run on the
 * payload's bytes where they stand (mappings/document.h).
 *
 * The contract is that nobody can tell the difference. A rule that is not understood whole is not
 * compiled; a value for which jq would give an error, or about which there is the least doubt, is
 * NW_RULE_UNSURE, and the same message goes through libjq, which has the last word and the text of
 * the error.
 *
 * A rule is immutable and shared by all threads. What a run needs is in a struct nw_rule_space, one
 * for each thread; values live in it until the next run.
 */
#ifndef NATSWAY_MAPPINGS_RULE_H
#define NATSWAY_MAPPINGS_RULE_H

#include "base/buffer.h"
#include "mappings/document.h"
#include "message/message.h"

struct nw_rule_member;

struct nw_rule_value {
    enum nw_kind kind;
    bool made;    /* ARRAY, OBJECT: made by the rule; otherwise an item of the document */
    bool plain;   /* STRING: written as it is, without an escape */
    bool literal; /* NUMBER: text is as in the document, number is not known yet */
    uint32_t item;
    double number;
    struct nw_slice text; /* STRING: its bytes, UTF-8 */
    /* of what is made; the names of an array's are absent */
    const struct nw_rule_member *members;
    size_t count;
};

struct nw_rule_member {
    struct nw_rule_value name, value; /* name: a STRING */
};

enum nw_rule_outcome { NW_RULE_VALUE, NW_RULE_NONE, NW_RULE_UNSURE };

struct nw_rule;

/* NULL: libjq runs it, if it takes it; it takes all that is compiled here. text ends with a NUL. */
struct nw_rule *nw_rule_compile(const char *text);
void nw_rule_free(struct nw_rule *rule);

struct nw_rule_space;

struct nw_rule_space *nw_rule_space_new(void);
void nw_rule_space_free(struct nw_rule_space *space);

/* Make payload the input of what runs next; absent: the input is null. It must stay as it is. 0, or
 * NW_EINVAL or NW_ENOMEM: left to libjq. */
int nw_rule_space_read(struct nw_rule_space *space, struct nw_slice payload);

/* What was read last, until something else is; NULL: nothing, or it could not be. */
const struct nw_document *nw_rule_space_document(const struct nw_rule_space *space);

/* Run rule on what was read, with $meta of m. VALUE: *out is the only value that there is. */
enum nw_rule_outcome nw_rule_run(const struct nw_rule *rule, struct nw_rule_space *space,
                                 struct nw_message *m, struct nw_rule_value *out);
/* All values that there are, in the value of each of *values. VALUE or UNSURE. */
enum nw_rule_outcome nw_rule_run_all(const struct nw_rule *rule, struct nw_rule_space *space,
                                     struct nw_message *m, const struct nw_rule_member **values,
                                     size_t *count);

/* jq's truth. */
static inline bool nw_rule_is_true(const struct nw_rule_value *v)
{
    return v->kind > NW_KIND_FALSE;
}

/* Append v as libjq prints it, without blanks. false: left to libjq; out may have a part of it. */
bool nw_rule_write(struct nw_rule_space *space, const struct nw_rule_value *v,
                   struct nw_buffer *out);

#endif
