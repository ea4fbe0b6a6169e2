/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Free loopback ports. They are picked below the range that the kernel gives to outgoing
 * connections, and each is held by a lock until the test's process ends, so that tests running
 * side by side never get the same.
 */
#ifndef NATSWAY_TESTS_PORT_H
#define NATSWAY_TESTS_PORT_H

/* A port on 127.0.0.1 that nobody listens on; fails the test if there is none. */
int nwt_port_free(void);

/* The same for `count` ports in a row; returns the first. */
int nwt_port_free_row(int count);

#endif
