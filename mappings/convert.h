/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting a value into what a template fills. A value becomes one token, escaped. An address keeps
 * its levels: they are separated as the target separates them and each is escaped by itself; only
 * between MQTT topics and subjects the rules of topic.h hold.
 */
#ifndef NATSWAY_MAPPINGS_CONVERT_H
#define NATSWAY_MAPPINGS_CONVERT_H

#include "mappings/expression.h"
#include "mappings/fill.h"

/* Append operand, which has a value. Returns NULL, or what is wrong with it: "is empty". Memory
 * running out marks out failed. */
const char *nw_operand_put(struct nw_text *out, enum nw_fill fill,
                           const struct nw_template_scope *scope, const struct nw_operand *operand);

#endif
