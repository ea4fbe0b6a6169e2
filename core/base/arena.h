/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An arena: memory that is taken piece by piece and given back all at once. The configuration lives
 * in one. What cannot live in an arena (a compiled template) is tied to it with nw_arena_defer().
 * One thread at a time.
 */
#ifndef NATSWAY_BASE_ARENA_H
#define NATSWAY_BASE_ARENA_H

#include "base/slice.h"

struct nw_arena;

/* NULL: no memory. */
struct nw_arena *nw_arena_new(void);
/* Run what was deferred, the latest first, then free everything. NULL is allowed. */
void nw_arena_free(struct nw_arena *arena);

/* size bytes of zeros, aligned for anything; NULL: no memory. */
void *nw_arena_alloc(struct nw_arena *arena, size_t size);

/* Copies that end with a NUL; NULL: no memory, or an absent slice or text was given. */
char *nw_arena_copy(struct nw_arena *arena, struct nw_slice text);
char *nw_arena_text(struct nw_arena *arena, const char *text);
char *nw_arena_format(struct nw_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Call release(object) when the arena is freed. Without memory it is called at once and NW_ENOMEM
 * is returned. */
int nw_arena_defer(struct nw_arena *arena, void (*release)(void *object), void *object);

#endif
