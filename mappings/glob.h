/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shell patterns of one file name: * ? [a-z] [!a] and \ before a character, with what each wildcard
 * matched. A leading dot must be written. Where several ways would do, each * takes as little as it
 * can.
 */
#ifndef NATSWAY_MAPPINGS_GLOB_H
#define NATSWAY_MAPPINGS_GLOB_H

#include "base/slice.h"

#define NW_GLOB_WILDCARDS 16

/* How many wildcards pattern has, up to NW_GLOB_WILDCARDS. */
size_t nw_glob_wildcards(struct nw_slice pattern);

/* Does name match? Then matched (may be NULL) has what each wildcard took. */
bool nw_glob_match(struct nw_slice pattern, struct nw_slice name,
                   struct nw_slice matched[NW_GLOB_WILDCARDS]);

#endif
