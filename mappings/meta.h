/* SPDX-License-Identifier: Apache-2.0 */
/* The names that rules know as $meta, for libjq (meta.c) and for our own rules (rule_meta.c). */
#ifndef NATSWAY_MAPPINGS_META_H
#define NATSWAY_MAPPINGS_META_H

#include <jq.h>

#include "message/message.h"

/* What a name stands for: one of these, or NW_OF_META + an enum nw_meta of the message. */
enum nw_meta_kind {
    NW_OF_ADDRESS,
    NW_OF_KEY,
    NW_OF_ID,
    NW_OF_HEADERS,
    NW_OF_HEADER_VALUES,
    NW_OF_PARAM,
    NW_OF_QUERY,
    NW_OF_TIMESTAMP,
    NW_OF_META
};

/* The kind of that name; -1: there is no such name. */
int nw_meta_kind(struct nw_slice name);
/* Its bit, for nw_meta_value(); 0: there is no such name. */
uint32_t nw_meta_bit(struct nw_slice name);
#define NW_META_ALL UINT32_MAX
/* The name that was meant instead, or NULL; and all of them, for people. */
const char *nw_meta_suggest(struct nw_slice name);
extern const char nw_meta_names[];
/* $meta of m with what is wanted, which is the caller's. */
jv nw_meta_value(struct nw_message *m, uint32_t wanted);

#endif
