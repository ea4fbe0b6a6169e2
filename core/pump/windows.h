/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The windows of the routes' dedupe steps, on disk: state_dir/dedupe/ROUTE.STEP.N, where STEP
 * counts the dedupe steps of the route. A window that cannot be kept there works from memory, and
 * the log says so.
 */
#ifndef NATSWAY_PUMP_WINDOWS_H
#define NATSWAY_PUMP_WINDOWS_H

#include "config/config.h"

struct nw_windows;

/* Open those of a route, before it runs. *out NULL: it has none. 0 or NW_ENOMEM. Main thread. */
int nw_windows_open(const struct nw_route_spec *route, const char *state_dir,
                    struct nw_windows **out);
/* When no lane of it runs any more. NULL is allowed. */
void nw_windows_close(struct nw_windows *windows);

/* Remove what routes left that the configuration does not have, when its time is over. */
void nw_windows_sweep(const struct nw_config *config);

#endif
