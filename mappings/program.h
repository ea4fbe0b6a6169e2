/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running jq programs: what map_run.c needs beside mappings/map.h. Most are run by our own
 * mappings/rule.h; what that leaves goes through libjq.
 *
 * A program is its text, checked once. Equal texts have equal numbers, so that a mapper compiles
 * each distinct text once, when it first needs it, whatever the number of routes that share it.
 */
#ifndef NATSWAY_MAPPINGS_PROGRAM_H
#define NATSWAY_MAPPINGS_PROGRAM_H

#include <jq.h>

#include "mappings/map.h"
#include "mappings/program_text.h"
#include "mappings/rule.h"

/* What nw_mapper_set_fetcher gave, or NULL. */
struct nw_avro_fetcher *nw_mapper_fetcher(const struct nw_mapper *mapper);

/* A payload on its way through the steps: bytes, and the value once somebody asked for it. */
struct nw_value {
    jv value;
    bool parsed;
    uint64_t indexed; /* by the mapper, for rules, as its so many-th payload; 0: not */
};

enum nw_program_result { NW_PROGRAM_NONE, NW_PROGRAM_ONE, NW_PROGRAM_SEVERAL, NW_PROGRAM_FAILED };

/* Have the value of m's payload in v, if p looks at it; it is parsed at most once while v is not
 * reset. 0; NW_EINVAL: not JSON. */
int nw_value_for(struct nw_value *v, const struct nw_program *p, const struct nw_message *m,
                 struct nw_error *error);
/* The same, whatever looks at it. */
int nw_value_parse(struct nw_value *v, const struct nw_message *m, struct nw_error *error);
void nw_value_done(struct nw_value *v);

/* The payload of m, which v is of, as it stands, until the next program runs. It is indexed once
 * for this and for rules. NULL: there is none, or it is not plainly JSON. */
const struct nw_document *nw_mapper_document(struct nw_mapper *mapper, struct nw_value *v,
                                             const struct nw_message *m);

/*
 * Run p as a rule on m's payload, which v is of. NW_PROGRAM_ONE: *out is the value, until the next
 * program runs. NW_PROGRAM_FAILED says no more than that libjq must run it.
 */
enum nw_program_result nw_program_rule(struct nw_mapper *mapper, const struct nw_program *p,
                                       struct nw_value *v, struct nw_message *m,
                                       struct nw_rule_value *out);
/* The same for all values: true, with *values and *count, or libjq must run it. */
bool nw_program_rule_all(struct nw_mapper *mapper, const struct nw_program *p, struct nw_value *v,
                         struct nw_message *m, const struct nw_rule_member **values, size_t *count);
/* Append a value that one of these gave, as JSON. false: libjq must run it. */
bool nw_program_rule_write(struct nw_mapper *mapper, const struct nw_rule_value *value,
                           struct nw_buffer *out);
/* The same in the memory of `to`, which may be m itself; absent:
 * libjq must run it. */
struct nw_slice nw_program_rule_text(struct nw_mapper *mapper, const struct nw_rule_value *value,
                                     struct nw_message *to);

/*
 * Run p on v with $meta of m. *first (the caller's, to be freed with jv_free) is the first result,
 * if there is one; all_of_them: look for a second, to tell ONE from SEVERAL. FAILED: error says
 * why.
 */
enum nw_program_result nw_program_run(struct nw_mapper *mapper, const struct nw_program *p,
                                      const struct nw_value *v, struct nw_message *m,
                                      bool all_of_them, jv *first, struct nw_error *error);

#define NW_SPLIT_MOST 100000

/* Run p on v as nw_program_run does and put all results, up to NW_SPLIT_MOST, into the array *all,
 * which is the caller's. 0, or NW_EINVAL with the reason. */
int nw_program_collect(struct nw_mapper *mapper, const struct nw_program *p,
                       const struct nw_value *v, struct nw_message *m, jv *all,
                       struct nw_error *error);

#endif
