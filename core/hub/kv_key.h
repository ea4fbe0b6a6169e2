/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of KV buckets that are made of names. */
#ifndef NATSWAY_HUB_KV_KEY_H
#define NATSWAY_HUB_KV_KEY_H

#include "base/buffer.h"

/* Append name as one token: what a key, or a token, cannot have becomes =XX. */
void nw_kv_key_add(struct nw_buffer *b, struct nw_slice name);

#endif
