/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reload would change. `natsway plan` reads the files and asks the running bridge; neither
 * tells the other what its configuration says, for there are secrets in it: the one who asks sends
 * digests with a key of its own choice, and the bridge answers which of them are others than its
 * own. Both are lines of words:
 *
 *     key HEX                                   route NAME CHANGE PARTS
 *     setting NAME DIGEST                       position NAME TEXT
 *     connection NAME DIGEST                    setting NAME
 *     route NAME CONNECTIONS DIGEST x 4
 */
#ifndef NATSWAY_CLI_PLAN_H
#define NATSWAY_CLI_PLAN_H

#include "base/buffer.h"
#include "pump/bridge.h"

/* Append the question about config. 0; NW_EIO: there are no random numbers. */
int nw_plan_ask(const struct nw_config *config, struct nw_buffer *out);

/* Append what bridge, which runs config, answers. 0; NW_EINVAL: it is no such question; NW_ENOMEM.
 * Main thread. */
int nw_plan_answer(struct nw_bridge *bridge, const struct nw_config *config,
                   struct nw_slice question, struct nw_buffer *out);

/* Append what the source of the route keeps its position by: "the durable plant-orders", or
 * nothing. bridge: the bridge's name. */
void nw_plan_position(const char *bridge, const struct nw_route_spec *route, struct nw_buffer *out);

#endif
