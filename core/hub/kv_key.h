/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of KV buckets: those made of names, and addresses `bucket/key`. */
#ifndef NATSWAY_HUB_KV_KEY_H
#define NATSWAY_HUB_KV_KEY_H

#include "base/buffer.h"

/* Headers of what is no value: "DEL" or "PURGE", and that what was before it goes. */
#define NW_KV_OPERATION "KV-Operation"
#define NW_KV_ROLLUP "Nats-Rollup"
/* What the server deletes by itself, at the end of its time, has this one. */
#define NW_KV_MARKER "Nats-Marker-Reason"

/* What the subjects of the keys begin with, and then a bucket and a dot; its stream. */
#define NW_KV_SUBJECTS "$KV."
#define NW_KV_STREAM "KV_"

/* Append name as one token: what a key, or a token, cannot have becomes =XX. */
void nw_kv_key_add(struct nw_buffer *b, struct nw_slice name);

/* Take `bucket/key` apart at its first slash; without one, or with nothing behind it, key is
 * empty. */
void nw_kv_split(struct nw_slice address, struct nw_slice *bucket, struct nw_slice *key);

/* 0, or NW_EINVAL with the reason. */
int nw_kv_check_bucket(struct nw_slice bucket, struct nw_error *error);
/* May be put: not empty, no empty token, only what keys may have. */
int nw_kv_check_key(struct nw_slice key, struct nw_error *error);
/* May be watched: as above, with `*` and a last `>` as tokens. */
int nw_kv_check_pattern(struct nw_slice pattern, struct nw_error *error);

#endif
