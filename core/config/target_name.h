/* SPDX-License-Identifier: Apache-2.0 */
/* How a dead letter names the target that refused it, so that the same one is found in a file that
 * was changed since: its number, its kind and a digest of what it is. Not its address itself, in
 * which there may be a secret. */
#ifndef NATSWAY_CONFIG_TARGET_NAME_H
#define NATSWAY_CONFIG_TARGET_NAME_H

#include "config/config.h"

#define NW_TARGET_NAME 64

/* "1 http 1f00ab3287c4d5e6" */
void nw_target_name(const struct nw_route_spec *route, size_t index, char out[NW_TARGET_NAME]);

/* The index of the route's target of that name. Negative: there is none, or more than one could be
 * meant. */
int nw_target_find(const struct nw_route_spec *route, struct nw_slice name);

#endif
