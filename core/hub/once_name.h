/* SPDX-License-Identifier: Apache-2.0 */
/* What the ids of a message of Kafka say, and the names that checkpoints go by. Pure functions. */
#ifndef NATSWAY_HUB_ONCE_NAME_H
#define NATSWAY_HUB_ONCE_NAME_H

#include "base/buffer.h"

struct nw_once_name {
    struct nw_slice partition; /* "kafka:orders/3": the origin without its offset */
    int64_t offset;
    uint32_t target, part; /* the route's target, and which part of a split: the end of the id */
};

/* origin: "kafka:TOPIC/PARTITION/OFFSET"; id: what nw_message_id gives. false: it is no such
 * origin. The slice is one of origin's. */
bool nw_once_name_read(struct nw_slice origin, struct nw_slice id, struct nw_once_name *out);

/* Append the key of a partition's checkpoint: bridge, route, which of the route's sinks, kind,
 * topic and partition, each one token. */
void nw_once_name_key(struct nw_buffer *b, const char *bridge, const char *route, const char *which,
                      struct nw_slice partition);

/* Append what takes the keys of all checkpoints of a route. */
void nw_once_name_keys(struct nw_buffer *b, const char *bridge, const char *route);

/* Append a subject that takes all that an address, a template, may become: its tokens up to the
 * first that has a variable part, and ">" for the rest. Nothing is appended if that is any. */
void nw_once_name_filter(struct nw_buffer *b, const char *address);

#endif
