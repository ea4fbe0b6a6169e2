/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes that loop: what one sends another takes, until it is back at the first. The loop guard
 * stops such messages when they come back; here it is said before they do.
 */
#ifndef NATSWAY_CONFIG_LOOPS_H
#define NATSWAY_CONFIG_LOOPS_H

#include "config/loader.h"

/* Add a warning for each loop. 0 or NW_ENOMEM. */
int nw_load_loops(struct nw_loader *l);

#endif
