/* SPDX-License-Identifier: Apache-2.0 */
/* A NATS KV bucket that lookup steps look into, kept current by a watch of the hub. */
#ifndef NATSWAY_PUMP_BUCKET_H
#define NATSWAY_PUMP_BUCKET_H

#include "config/config.h"

struct nw_bucket;

/* Watch the bucket of spec and put it in front of *list. 0 or NW_ENOMEM. */
int nw_bucket_start(const struct nw_lookup_spec *spec, void *hub, struct nw_bucket **list);
/* All of the list; NULL is an empty one. */
void nw_buckets_stop(struct nw_bucket *list);

#endif
