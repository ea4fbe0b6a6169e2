/* SPDX-License-Identifier: Apache-2.0 */
/* Under which subjects the dead letters of a template can be: "dlq.{{route}}" gives "dlq.*". */
#ifndef NATSWAY_HUB_LETTER_PATTERN_H
#define NATSWAY_HUB_LETTER_PATTERN_H

#include "base/buffer.h"

/* Append the pattern of all subjects that the template can give in the bridge of that name. */
void nw_letter_add_pattern(struct nw_buffer *out, const char *template, const char *bridge);

#endif
