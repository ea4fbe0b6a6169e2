/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dialer: a thread that makes connections to NATS, one after the other, for ever. While one is
 * up it sleeps; it looks whether the server still answers when it has been silent, and waits on the
 * loop's behalf for the server to have seen what was sent (a PING and its PONG, which need no
 * permission). It is the only place of the hub that blocks.
 */
#ifndef NATSWAY_HUB_DIALER_H
#define NATSWAY_HUB_DIALER_H

#include <nats/nats.h>
#include <natsway/connector.h>

struct nw_hub;
struct nw_dialer;

/* Start dialing for hub, whose loop runs. 0, NW_ENOMEM or NW_EIO. */
int nw_dialer_start(struct nw_hub *hub, struct nw_dialer **out);

/* Loop thread: the session is over (it has no socket any more); make a new one. */
void nw_dialer_lost(struct nw_dialer *d, const char *text);
/* Loop thread: did the session end because the server did not answer? */
bool nw_dialer_gave_up(struct nw_dialer *d);
/* Loop thread: call nw_hub_synced(hub, count) when the server has seen what was sent so far. */
void nw_dialer_sync(struct nw_dialer *d, uint64_t count);
/* Loop thread: look now whether the server answers. */
void nw_dialer_probe(struct nw_dialer *d);

/* Send what is buffered, within half a second, end the session, and free the dialer. true: done.
 * false: it is in the middle of a connection attempt; it will free itself and the hub (nw_hub_free)
 * when that is over, and says nothing more about the connection. */
bool nw_dialer_stop(struct nw_dialer *d);

#endif
