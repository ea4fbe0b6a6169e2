/* SPDX-License-Identifier: Apache-2.0 */
/* One step of a `map:` while it is read: what steps.c and step_formats.c share. */
#ifndef NATSWAY_CONFIG_STEPS_H
#define NATSWAY_CONFIG_STEPS_H

#include "config/reader.h"

struct nw_step {
    const struct nw_reader *reader;
    const struct nw_template_scope *scope; /* NULL: the source is wrong */
    const enum nw_fill *subject;           /* NULL: these are the steps of an answer */
    const struct nw_node *node, *when;     /* its value; its condition or NULL */
    const char *name;
    struct nw_map *map;
    const struct nw_check_rule *
        *checked; /* by the latest `check` of this map; *checked may be NULL */
};

/* The condition once more: each call of the map takes one over. *out is NULL without one. */
int nw_step_when(const struct nw_step *s, struct nw_program **out);

/* step_numbers.c: the step's program, or the step whatever it says, may change integers. */
void nw_step_warn_integers(const struct nw_step *s);
void nw_step_warn_all_integers(const struct nw_step *s);

/* step_formats.c */
int nw_step_read_decode(const struct nw_step *s);
int nw_step_read_encode(const struct nw_step *s);
int nw_step_read_check(const struct nw_step *s);

/* step_dedupe.c */
int nw_step_read_dedupe(const struct nw_step *s);

/* step_lookup.c */
int nw_step_read_lookup(const struct nw_step *s);

#endif
