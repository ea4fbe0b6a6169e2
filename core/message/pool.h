/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool: where message objects come from and go to.
 *
 * Each thread keeps some free objects of its own; whole batches move between threads through a
 * shared list under a mutex, since most messages are made on one thread and freed on another.
 * Objects are never given back to the system: the pool is as large as the most that ever was in
 * flight, which credit bounds. Under the address sanitizer each object is an allocation of its own,
 * so that a use after free is seen.
 */
#ifndef NATSWAY_MESSAGE_POOL_H
#define NATSWAY_MESSAGE_POOL_H

#include "message/message.h"

/* An object of undefined content; NULL: no memory. Any thread. */
struct nw_message *nw_pool_get(void);
/* Any thread. */
void nw_pool_put(struct nw_message *m);

#endif
