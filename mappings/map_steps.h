/* SPDX-License-Identifier: Apache-2.0 */
/* What map.c makes and map_run.c runs: the list of steps. */
#ifndef NATSWAY_MAPPINGS_MAP_STEPS_H
#define NATSWAY_MAPPINGS_MAP_STEPS_H

#include "mappings/check.h"
#include "mappings/map.h"

enum nw_step_kind {
    NW_STEP_FILTER,
    NW_STEP_PAYLOAD,
    NW_STEP_SPLIT,
    NW_STEP_SET,
    NW_STEP_REMOVE,
    NW_STEP_DECODE,
    NW_STEP_ENCODE,
    NW_STEP_CHECK,
    NW_STEP_DROP,
    NW_STEP_REJECT,
    NW_STEP_CALL,
    NW_STEP_DEDUPE,
    NW_STEP_LOOKUP
};

/* Its key in the configuration. */
const char *nw_step_name(enum nw_step_kind kind);

struct nw_map_step {
    enum nw_step_kind kind;
    unsigned number; /* as the user counts, from 1 */
    struct nw_program *program, *when;
    struct nw_template *value; /* SET: NULL removes. REJECT: the reason. DEDUPE: the id */
    enum nw_map_field field;
    char *name; /* of a header, or the pattern of REMOVE */
    const struct nw_codec *codec;
    struct nw_check *check; /* CHECK: the step's own */
    const struct nw_map_call *call;
    struct nw_window *window; /* DEDUPE: the step's own */
    const struct nw_lookup_rule *lookup;
};

struct nw_map {
    const char *route; /* for the ids of parts; NULL: it has no name */
    struct nw_map_step *steps;
    size_t count;
    unsigned number; /* of the step that is being added; 0: each addition is a step */
};

/* map_fields.c: what a SET step names becomes value, or goes. 0, NW_EINVAL with the reason, or
 * NW_ENOMEM. */
int nw_map_set_field(struct nw_message *m, const struct nw_map_step *s, struct nw_slice value,
                     struct nw_error *error);
void nw_map_remove_field(struct nw_message *m, const struct nw_map_step *s);

#endif
