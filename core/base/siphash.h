/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4 with 128 bits: a short keyed hash. Who does not know the key cannot make two texts
 * with the same one. */
#ifndef NATSWAY_BASE_SIPHASH_H
#define NATSWAY_BASE_SIPHASH_H

#include <natsway/connector.h>

struct nw_hash128 {
    uint64_t words[2];
};

struct nw_hash128 nw_siphash(struct nw_hash128 key, struct nw_slice bytes);

#endif
