/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The first is small, for there may be an arena for each of many thousands of rules; each is twice
 * the one before. */
#define BLOCK_FIRST ((size_t)1024)
#define BLOCK_MOST ((size_t)32 * 1024)
#define ALIGNMENT ((size_t)16)

struct block {
    struct block *next;
    size_t used, size;
    _Alignas(16) char bytes[];
};

struct deferred {
    struct deferred *next;
    void (*release)(void *object);
    void *object;
};

struct nw_arena {
    struct block *blocks; /* the newest, which is the one that is filled */
    size_t block_size;    /* of the next */
    struct deferred *deferred;
};

struct nw_arena *nw_arena_new(void)
{
    struct nw_arena *arena = calloc(1, sizeof *arena);

    if (arena != NULL) {
        arena->block_size = BLOCK_FIRST;
    }
    return arena;
}

void nw_arena_free(struct nw_arena *arena)
{
    if (arena == NULL) {
        return;
    }
    for (struct deferred *d = arena->deferred; d != NULL; d = d->next) {
        d->release(d->object);
    }
    while (arena->blocks != NULL) {
        struct block *next = arena->blocks->next;

        free(arena->blocks);
        arena->blocks = next;
    }
    free(arena);
}

/* A block with room for size. A large piece gets a block of its own behind the one being filled, so
 * that the rest of that one is not lost. */
static struct block *add_block(struct nw_arena *arena, size_t size)
{
    bool large = size > arena->block_size / 4;
    size_t room = large ? size : arena->block_size;
    struct block *block = calloc(1, sizeof *block + room);

    if (block == NULL) {
        return NULL;
    }
    block->size = room;
    arena->block_size = arena->block_size < BLOCK_MOST ? arena->block_size * 2 : BLOCK_MOST;
    if (large && arena->blocks != NULL) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

void *nw_arena_alloc(struct nw_arena *arena, size_t size)
{
    struct block *block = arena->blocks;
    void *piece;

    if (size > PTRDIFF_MAX / 2) { /* no machine has so much, and rounding up must not wrap */
        return NULL;
    }
    size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (block == NULL || block->size - block->used < size) {
        block = add_block(arena, size);
        if (block == NULL) {
            return NULL;
        }
    }
    piece = block->bytes + block->used;
    block->used += size;
    return piece;
}

char *nw_arena_copy(struct nw_arena *arena, struct nw_slice text)
{
    char *copy;

    if (text.data == NULL || text.len == SIZE_MAX) {
        return NULL;
    }
    copy = nw_arena_alloc(arena, text.len + 1);
    if (copy != NULL) {
        memcpy(copy, text.data, text.len); /* the NUL is there: the arena gives zeros */
    }
    return copy;
}

char *nw_arena_text(struct nw_arena *arena, const char *text)
{
    return nw_arena_copy(arena, nw_slice_text(text));
}

char *nw_arena_format(struct nw_arena *arena, const char *format, ...)
{
    va_list args, again;
    char *text = NULL;
    int n;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n >= 0) {
        text = nw_arena_alloc(arena, (size_t)n + 1);
    }
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)n + 1, format, again);
    }
    va_end(again);
    return text;
}

int nw_arena_defer(struct nw_arena *arena, void (*release)(void *object), void *object)
{
    struct deferred *d = nw_arena_alloc(arena, sizeof *d);

    if (d == NULL) {
        release(object);
        return NW_ENOMEM;
    }
    *d = (struct deferred){.next = arena->deferred, .release = release, .object = object};
    arena->deferred = d;
    return 0;
}
