/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions that stand as a text in a program: libjq looks at them when a message comes,
 * which is late to learn that there is a bracket too many. */
#ifndef NATSWAY_MAPPINGS_PROGRAM_REGEX_H
#define NATSWAY_MAPPINGS_PROGRAM_REGEX_H

#include "base/error.h"
#include "base/slice.h"

/* Is it a function of jq that takes a regular expression? */
bool nw_program_takes_regex(struct nw_slice function);

/* The call of such a function: at is behind its name, in text, which ends with a NUL. 0: the
 * expression is good, or cannot be told; NW_EINVAL with error->at where it stands in text. */
int nw_program_check_regex(struct nw_slice function, const char *at, const char *text,
                           struct nw_error *error);

#endif
