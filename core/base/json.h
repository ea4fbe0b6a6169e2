/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON by hand: strings with their escapes, and the check for UTF-8 that decides how. */
#ifndef NATSWAY_BASE_JSON_H
#define NATSWAY_BASE_JSON_H

#include "base/buffer.h"

/* Valid UTF-8: no overlong form, no surrogate, nothing above U+10FFFF. */
bool nw_utf8_valid(struct nw_slice text);

/* How many bytes the valid character at the head of text has; 0 if there is none. */
size_t nw_utf8_length(struct nw_slice text);

/* Append text as a JSON string with its quotes. A byte that is not UTF-8 becomes U+FFFD. */
void nw_json_add_string(struct nw_buffer *b, struct nw_slice text);

/* Append a string, or null for the absent slice. */
void nw_json_add_string_or_null(struct nw_buffer *b, struct nw_slice text);

#endif
