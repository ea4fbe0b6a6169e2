/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a message: made, derived, counted, freed; and the memory that lives as long. */
#include "message/message.h"

#include <stdlib.h>

#include "message/pool.h"

#define ALIGNMENT ((size_t)16)
#define CHUNK_SIZE ((size_t)2048)

/* Bytes beyond the arena in the message itself. Only the first chunk is filled; what is too large
 * for a shared chunk gets one of its own behind it. */
struct nw_message_chunk {
    struct nw_message_chunk *next;
    size_t used;
    _Alignas(16) char data[];
};

struct nw_message *nw_message_make(void)
{
    struct nw_message *m = nw_pool_take();

    if (m == NULL) {
        return NULL;
    }
    memset(m, 0, offsetof(struct nw_message, arena));
    atomic_init(&m->references, 1);
    return m;
}

struct nw_message *nw_message_derive(struct nw_message *original)
{
    struct nw_message *m = nw_pool_take();

    if (m == NULL) {
        return NULL;
    }
    memset(m, 0, offsetof(struct nw_message, arena));
    atomic_init(&m->references, 1);
    memcpy(m, original, offsetof(struct nw_message, value_count));
    m->headers = original->headers;
    m->params = original->params;
    m->queries = original->queries;
    m->headers.capacity = m->params.capacity = m->queries.capacity = 0;
    m->part = original->part;
    m->part_id = original->part_id;
    m->part_split = original->part_split;
    m->lane = original->lane;
    m->number = original->number;
    m->split_index = original->split_index;
    m->original = nw_message_ref(original);
    return m;
}

struct nw_message *nw_message_ref(struct nw_message *message)
{
    atomic_fetch_add_explicit(&message->references, 1, memory_order_relaxed);
    return message;
}

static bool drop_reference(struct nw_message *m)
{
    /* The only owner needs no locked instruction: nobody else can count one more. */
    return atomic_load_explicit(&m->references, memory_order_acquire) == 1 ||
           atomic_fetch_sub_explicit(&m->references, 1, memory_order_acq_rel) == 1;
}

void nw_message_unref(struct nw_message *message)
{
    while (message != NULL && drop_reference(message)) {
        struct nw_message *original = message->original;

        if (message->release != NULL) {
            message->release(message->release_owner);
        }
        while (message->chunks != NULL) {
            struct nw_message_chunk *chunk = message->chunks;
            message->chunks = chunk->next;
            free(chunk);
        }
        nw_pool_give(message);
        message = original;
    }
}

void nw_message_set_release(struct nw_message *message, void (*release)(void *owner), void *owner)
{
    message->release = release;
    message->release_owner = owner;
}

/* A chunk with room for capacity bytes, linked where its kind belongs. */
static struct nw_message_chunk *add_chunk(struct nw_message *m, size_t capacity, bool shared)
{
    struct nw_message_chunk *chunk;

    if (capacity > SIZE_MAX - sizeof *chunk) {
        return NULL;
    }
    chunk = malloc(sizeof *chunk + capacity);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->used = 0;
    if (shared || m->chunks == NULL) {
        chunk->next = m->chunks;
        m->chunks = chunk;
        m->chunk_room = shared ? (uint32_t)capacity : 0;
    } else {
        chunk->next = m->chunks->next;
        m->chunks->next = chunk;
    }
    return chunk;
}

static char *take(struct nw_message *m, size_t size, size_t alignment)
{
    size_t start = (m->arena_used + alignment - 1) & ~(alignment - 1);
    struct nw_message_chunk *chunk = m->chunks;

    if (NW_MESSAGE_POOL_BYPASS) { /* an allocation each: its edges are guarded */
        chunk = add_chunk(m, size, false);
        return chunk == NULL ? NULL : chunk->data;
    }
    if (start <= NW_MESSAGE_ARENA && size <= NW_MESSAGE_ARENA - start) {
        m->arena_used = (uint32_t)(start + size);
        return m->arena + start;
    }
    if (size > CHUNK_SIZE / 4) {
        chunk = add_chunk(m, size, false);
        return chunk == NULL ? NULL : chunk->data;
    }
    start = chunk == NULL ? 0 : (chunk->used + alignment - 1) & ~(alignment - 1);
    if (chunk == NULL || start + size > m->chunk_room) {
        chunk = add_chunk(m, CHUNK_SIZE, true);
        start = 0;
    }
    if (chunk == NULL) {
        return NULL;
    }
    chunk->used = start + size;
    return chunk->data + start;
}

void *nw_message_alloc(struct nw_message *message, size_t size)
{
    return take(message, size, ALIGNMENT);
}

char *nw_message_bytes(struct nw_message *m, size_t size)
{
    return take(m, size, 1);
}

void nw_message_trim(struct nw_message *m, const char *bytes, size_t size, size_t used)
{
    if (NW_MESSAGE_POOL_BYPASS) {
        return;
    }
    if (bytes + size == m->arena + m->arena_used) {
        m->arena_used -= (uint32_t)(size - used);
    } else if (m->chunks != NULL && bytes + size == m->chunks->data + m->chunks->used) {
        m->chunks->used -= size - used;
    }
}

struct nw_slice nw_message_copy(struct nw_message *message, const void *data, size_t len)
{
    char *copy;

    if (data == NULL) {
        return NW_ABSENT;
    }
    copy = nw_message_bytes(message, len);
    if (copy == NULL) {
        return NW_ABSENT;
    }
    if (len > 0) {
        memcpy(copy, data, len);
    }
    return (struct nw_slice){copy, len};
}

size_t nw_message_size(const struct nw_message *m)
{
    size_t size = m->payload.len + m->key.len + m->address.len;

    for (uint32_t i = 0; i < m->headers.count; i++) {
        size += m->headers.items[i].name.len + m->headers.items[i].value.len;
    }
    return size;
}

size_t nw_message_alive(void)
{
    return nw_pool_taken();
}
