/* SPDX-License-Identifier: Apache-2.0 */
/* What the Avro steps of all routes share while they are read: a file is parsed once, and equal
 * registries and subjects are one. */
#ifndef NATSWAY_CONFIG_STEP_AVRO_H
#define NATSWAY_CONFIG_STEP_AVRO_H

#include "base/table.h"
#include "config/steps.h"
#include "mappings/avro.h"

struct nw_avro_shared {
    struct nw_table schemas;    /* by path, of both kinds of use */
    struct nw_table registries; /* by all that they are */
    struct nw_table subjects;   /* the same */
};

void nw_avro_shared_done(struct nw_avro_shared *shared);

/* The options of `avro:` at node, which is a mapping, or NULL: none are given. *out stays NULL
 * after a mistake. */
int nw_step_read_avro(const struct nw_step *s, const struct nw_node *node, bool encodes,
                      const struct nw_avro_codec **out);

#endif
