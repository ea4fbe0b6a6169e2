/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where messages come from: memory for struct nw_message, and nothing about its content.
 *
 * Messages are often made on one thread (a library's) and freed on another (a worker), at a million
 * a second. Each thread keeps a few in a cache of its own and trades whole batches with one shared
 * list, so the lock is taken once for 64 messages. Memory once used is kept for reuse; credit
 * bounds how much that can be. With address sanitizer every message is malloc and free, so that a
 * use after free is seen.
 */
#ifndef NATSWAY_MESSAGE_POOL_H
#define NATSWAY_MESSAGE_POOL_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define NW_MESSAGE_POOL_BYPASS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NW_MESSAGE_POOL_BYPASS 1
#endif
#endif
#ifndef NW_MESSAGE_POOL_BYPASS
#define NW_MESSAGE_POOL_BYPASS 0
#endif

struct nw_message;

/* A message with undefined content, or NULL. Any thread. */
struct nw_message *nw_pool_take(void);
/* Any thread. */
void nw_pool_give(struct nw_message *m);

/* Taken and not yet given back, by all threads. Exact while no other thread takes or gives. */
size_t nw_pool_taken(void);

#endif
