/* SPDX-License-Identifier: Apache-2.0 */
/* What is another in another configuration. Main thread. */
#ifndef NATSWAY_PUMP_COMPARE_H
#define NATSWAY_PUMP_COMPARE_H

#include "base/buffer.h"
#include "pump/bridge.h"

/* A set of changes: bits by enum nw_part, and these. */
#define NW_CHANGED_CONNECTION (1u << NW_PARTS)
#define NW_CHANGES (NW_PARTS + 1)

/* May a running bridge go over to it? 0, or NW_EINVAL with all that it would have to be stopped
 * for. */
int nw_compare_fixed(const struct nw_config *now, const struct nw_config *then,
                     struct nw_error *error);

/* Is the open connection that spec names the same? Also if none is open. */
bool nw_compare_connection(struct nw_bridge *bridge, const struct nw_connection_spec *spec);

/* What is another in the route, which runs as now; 0: nothing. */
unsigned nw_compare_route(struct nw_bridge *bridge, const struct nw_route_spec *now,
                          const struct nw_route_spec *then);

/* "from, map": the names of the changes. */
void nw_compare_say(unsigned changes, struct nw_buffer *out);

#endif
