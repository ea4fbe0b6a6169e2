/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be told about a jq program from its text, without running it: whether it asks for what a
 * rule must not have, and what of a message it looks at. A message need not be parsed, and $meta
 * not be built, for a rule that does not look at them.
 */
#ifndef NATSWAY_MAPPINGS_PROGRAM_TEXT_H
#define NATSWAY_MAPPINGS_PROGRAM_TEXT_H

#include "base/buffer.h"
#include "base/error.h"

struct nw_program_uses {
    bool payload;    /* false only if it certainly never looks at it */
    uint32_t meta;   /* bits of nw_meta_bit() */
    uint32_t guards; /* bits of mappings/program_guard.h */
};

/* text ends with a NUL. 0 and *uses; NW_EINVAL with error->at at the word that is refused. What is
 * no jq at all is not noticed here. */
int nw_program_text_check(const char *text, struct nw_program_uses *uses, struct nw_error *error);

/* Append text, which was checked, with its computed slices in the hands of NW_GUARD_SLICE. */
void nw_program_text_guard(const char *text, struct nw_buffer *out);

#endif
