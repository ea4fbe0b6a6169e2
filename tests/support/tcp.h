/* SPDX-License-Identifier: Apache-2.0 */
/* A blocking loopback socket with a time limit, for asking a server whether it answers. */
#ifndef NATSWAY_TESTS_TCP_H
#define NATSWAY_TESTS_TCP_H

#include <stdbool.h>
#include <stddef.h>

/* Connected to 127.0.0.1, each later call on it takes at most a second; -1 if nobody listens. */
int nwt_tcp_connect(int port);

/* Sends len bytes and takes one answer into answer, which gets a NUL at its end. False without an
 * answer. Sends nothing when len is 0. */
bool nwt_tcp_ask(int port, const void *question, size_t len, char *answer, size_t size);

#endif
