/* SPDX-License-Identifier: Apache-2.0 */
/* Removing what a route keeps of how far it is stored (once.h): its position is to be another. */
#ifndef NATSWAY_HUB_ONCE_FORGET_H
#define NATSWAY_HUB_ONCE_FORGET_H

#include <natsway/connector.h>

/* hub: the state of the open connection to NATS. None of the route's sinks is open. Waits for the
 * server's answers, a few seconds at most: not for the loop or a worker. 0: there are no
 * checkpoints of the route, or none that it could read; else one of NW_E…, and error says why. */
int nw_once_forget(void *hub, const char *bridge, const char *route, struct nw_error *error);

#endif
