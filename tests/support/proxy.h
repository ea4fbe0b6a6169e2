/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP proxy between natsway and a server, to be in the way: it cuts connections, holds what they
 * carry, or lets it vanish while the connections stay open. One thread with a poll loop; as long as
 * nothing is to be disturbed it copies bytes.
 */
#ifndef NATSWAY_TESTS_PROXY_H
#define NATSWAY_TESTS_PROXY_H

#include <stdbool.h>

struct nwt_proxy;

enum nwt_proxy_way {
    NWT_PROXY_OPEN,   /* bytes pass */
    NWT_PROXY_CLOSED, /* all connections are cut, new ones are cut as they come */
    NWT_PROXY_STALL,  /* nothing is read: what is on its way passes later */
    NWT_PROXY_VANISH, /* bytes are read and thrown away; connections from before and from then stay
                         dead for as long as they live */
};

/* Listen on a free port and pass everything on to 127.0.0.1:target. Fails the test if it cannot. */
struct nwt_proxy *nwt_proxy_new(int target);
/* The same on a port that was taken with nwt_port_free(). */
struct nwt_proxy *nwt_proxy_new_on(int port, int target);
void nwt_proxy_free(struct nwt_proxy *proxy); /* NULL is allowed */

int nwt_proxy_port(const struct nwt_proxy *proxy);

/* What comes waits up to so long before it goes on, 0 to 200; so that there is always something on
 * its way, as in a real network, when a connection is cut. */
void nwt_proxy_delay(struct nwt_proxy *proxy, int delay_ms);
/* From now on; any thread. Returns when it is so. */
void nwt_proxy_set(struct nwt_proxy *proxy, enum nwt_proxy_way way);
/* As soon as a client sends the text, as one piece, all vanishes from this piece on (it included),
 * once. The text is kept by the caller. */
void nwt_proxy_vanish_at(struct nwt_proxy *proxy, const char *text);
/* It was sent. */
bool nwt_proxy_has_vanished(struct nwt_proxy *proxy);
/* Cut the connections that there are; new ones pass. */
void nwt_proxy_cut(struct nwt_proxy *proxy);

#endif
