/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of NATS server's subject mapping, with its results: a token becomes a number, a
 * part of itself, or several tokens. What they give are pieces of the token, never copies.
 */
#ifndef NATSWAY_MAPPINGS_NATS_FUNCTIONS_H
#define NATSWAY_MAPPINGS_NATS_FUNCTIONS_H

#include "message/message.h"

/* Of a token or of several ones behind each other: FNV-1a of the bytes. Begin with
 * NW_PARTITION_START; the partition is the hash modulo their number. */
#define NW_PARTITION_START UINT32_C(2166136261)
uint32_t nw_partition_hash(uint32_t hash, struct nw_slice bytes);

enum nw_cut {
    NW_CUT_SPLIT,
    NW_CUT_SPLIT_FROM_LEFT,
    NW_CUT_SPLIT_FROM_RIGHT,
    NW_CUT_SLICE_FROM_LEFT,
    NW_CUT_SLICE_FROM_RIGHT,
    NW_CUT_LEFT,
    NW_CUT_RIGHT
};

/* Cut token: split at each delimiter (empty: behind each character), the others at or into n bytes.
 * The pieces are in m's arena, at least one. 0 or NW_ENOMEM. */
int nw_cut(enum nw_cut how, struct nw_slice token, struct nw_slice delimiter, size_t n,
           struct nw_message *m, const struct nw_slice **pieces, size_t *count);

#endif
