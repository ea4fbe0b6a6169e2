/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSWAY_MAPPINGS_LOOKUP_RUN_H
#define NATSWAY_MAPPINGS_LOOKUP_RUN_H

#include "mappings/lookup.h"
#include "mappings/program.h"

/*
 * Look up what key gives for m, whose payload's value is v. 0: *out, the caller's, is the payload
 * with the value in it. NW_ENOTFOUND: it goes on as it is. NW_EAGAIN: the table is not there yet.
 * Otherwise, and then too, error says why.
 */
int nw_lookup_run(const struct nw_lookup_rule *rule, const struct nw_program *key,
                  struct nw_mapper *mapper, struct nw_value *v, struct nw_message *m, jv *out,
                  struct nw_error *error);

#endif
