/* SPDX-License-Identifier: Apache-2.0 */
/* Types of values as rules name them: `types: {n: integer}`. For the files that work with jv. */
#ifndef NATSWAY_MAPPINGS_TYPES_H
#define NATSWAY_MAPPINGS_TYPES_H

#include <jv.h>

#include "mappings/codec.h"

#define NW_EXACT_INTEGERS 9007199254740992.0 /* 2^53: each one below it is a double of its own */

/* Bytes as JSON has them: base64. */
jv nw_value_of_bytes(struct nw_slice bytes);

/* A number as JSON can have it: what is beyond all, as 1e400, is the largest, as jq writes it. */
double nw_type_number(jv value);

/* Is value of that type? An integer is a number without a fraction. */
bool nw_type_holds(enum nw_value_type type, jv value);
/* "an integer", for messages. */
const char *nw_type_article(enum nw_value_type type);
/* "a string", of any value, for messages. */
const char *nw_type_found(jv value);

/*
 * text as a value of that type; an empty one is null, but for a string. An integer from 2^53 on is
 * refused, because a jq number would not keep it. false: it is no such text.
 */
bool nw_type_read(enum nw_value_type type, struct nw_slice text, jv *out);

#endif
