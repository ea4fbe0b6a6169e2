/* SPDX-License-Identifier: Apache-2.0 */
#include "message/message.h"

#include <stddef.h>
#include <stdlib.h>
#include <strings.h>

#include "message/pool.h"

#define CHUNK_SIZE 2048

struct nw_message_chunk {
    struct nw_message_chunk *next;
    size_t used, size;
    _Alignas(16) char data[];
};

struct nw_message *nw_message_make(void)
{
    struct nw_message *m = nw_pool_get();

    if (m != NULL) {
        memset(m, 0, offsetof(struct nw_message, arena)); /* the arena need not be clean */
        atomic_init(&m->references, 1);
    }
    return m;
}

struct nw_message *nw_message_ref(struct nw_message *m)
{
    atomic_fetch_add_explicit(&m->references, 1, memory_order_relaxed);
    return m;
}

static void free_message(struct nw_message *m)
{
    struct nw_message *original = m->original;

    if (m->release != NULL) {
        m->release(m->release_owner);
    }
    while (m->chunks != NULL) {
        struct nw_message_chunk *next = m->chunks->next;
        free(m->chunks);
        m->chunks = next;
    }
    nw_pool_put(m);
    if (original != NULL) {
        nw_message_unref(original);
    }
}

void nw_message_unref(struct nw_message *m)
{
    if (m == NULL) {
        return;
    }
    if (atomic_load_explicit(&m->references, memory_order_acquire) == 1 ||
        atomic_fetch_sub_explicit(&m->references, 1, memory_order_acq_rel) == 1) {
        free_message(m);
    }
}

void nw_message_set_release(struct nw_message *m, void (*release)(void *owner), void *owner)
{
    m->release = release;
    m->release_owner = owner;
}

/* ---- memory ---- */

static void *alloc_in_chunk(struct nw_message *m, size_t size)
{
    struct nw_message_chunk *chunk = m->chunks;
    size_t room;

    if (chunk != NULL && chunk->size - chunk->used >= size) {
        void *at = chunk->data + chunk->used;
        chunk->used += size;
        return at;
    }
    room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
    chunk = malloc(sizeof *chunk + room);
    if (chunk == NULL) {
        return NULL;
    }
    *chunk = (struct nw_message_chunk){.next = m->chunks, .used = size, .size = room};
    m->chunks = chunk;
    return chunk->data;
}

void *nw_message_alloc(struct nw_message *m, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;

    if (rounded < size) {
        return NULL;
    }
    if (rounded <= NW_MESSAGE_ARENA - m->arena_used) {
        void *at = m->arena + m->arena_used;
        m->arena_used += (uint32_t)rounded;
        return at;
    }
    return alloc_in_chunk(m, rounded);
}

struct nw_slice nw_message_copy(struct nw_message *m, const void *data, size_t len)
{
    char *copy = nw_message_alloc(m, len == 0 ? 1 : len);

    if (copy == NULL) {
        return NW_ABSENT;
    }
    if (len > 0) {
        memcpy(copy, data, len);
    }
    return (struct nw_slice){copy, len};
}

/* ---- headers ---- */

bool nw_header_name_equal(struct nw_slice a, struct nw_slice b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.data, b.data, a.len) == 0);
}

/* Room for one more item in an array of the message's own. */
static int own_headers(struct nw_message *m, struct nw_headers *h)
{
    uint32_t capacity;
    struct nw_header *items;

    if (h->count < h->capacity) {
        return 0;
    }
    capacity = h->count < 4 ? 8 : h->count * 2;
    items = nw_message_alloc(m, capacity * sizeof *items);
    if (items == NULL) {
        return NW_ENOMEM;
    }
    if (h->count > 0) {
        memcpy(items, h->items, h->count * sizeof *items);
    }
    h->items = items;
    h->capacity = capacity;
    return 0;
}

static int add_pair(struct nw_message *m, struct nw_headers *h, struct nw_slice name,
                    struct nw_slice value)
{
    int rc = own_headers(m, h);

    if (rc == 0) {
        h->items[h->count++] = (struct nw_header){name, value};
    }
    return rc;
}

int nw_message_add_header(struct nw_message *m, struct nw_slice name, struct nw_slice value)
{
    return add_pair(m, &m->headers, name, value);
}

int nw_message_add_param(struct nw_message *m, struct nw_slice name, struct nw_slice value)
{
    return add_pair(m, &m->params, name, value);
}

int nw_message_add_query(struct nw_message *m, struct nw_slice name, struct nw_slice value)
{
    return add_pair(m, &m->queries, name, value);
}

static bool pattern_matches(struct nw_slice pattern, struct nw_slice name)
{
    if (pattern.len > 0 && pattern.data[pattern.len - 1] == '*') {
        pattern.len--;
        return name.len >= pattern.len &&
               nw_header_name_equal(pattern, (struct nw_slice){name.data, pattern.len});
    }
    return nw_header_name_equal(pattern, name);
}

void nw_message_remove_header(struct nw_message *m, struct nw_slice pattern)
{
    struct nw_headers *h = &m->headers;
    uint32_t first = 0, kept;

    while (first < h->count && !pattern_matches(pattern, h->items[first].name)) {
        first++;
    }
    if (first == h->count) {
        return;
    }
    if (h->capacity == 0) { /* shared with the original: make it our own before changing it */
        struct nw_header *items = nw_message_alloc(m, h->count * sizeof *items);
        if (items == NULL) {
            h->count = 0; /* without memory rather no header than one that was to go */
            return;
        }
        memcpy(items, h->items, h->count * sizeof *items);
        h->items = items;
        h->capacity = h->count;
    }
    for (kept = first; first < h->count; first++) {
        if (!pattern_matches(pattern, h->items[first].name)) {
            h->items[kept++] = h->items[first];
        }
    }
    h->count = kept;
}

int nw_message_set_header(struct nw_message *m, struct nw_slice name, struct nw_slice value)
{
    nw_message_remove_header(m, name);
    return nw_message_add_header(m, name, value);
}

struct nw_slice nw_headers_find(const struct nw_headers *headers, struct nw_slice name)
{
    for (uint32_t i = 0; i < headers->count; i++) {
        if (nw_header_name_equal(headers->items[i].name, name)) {
            return headers->items[i].value;
        }
    }
    return NW_ABSENT;
}

struct nw_slice nw_message_find_header(const struct nw_message *m, struct nw_slice name)
{
    return nw_headers_find(&m->headers, name);
}

/* ---- derived messages ---- */

static struct nw_headers shared(struct nw_headers h)
{
    h.capacity = 0;
    return h;
}

struct nw_message *nw_message_derive(struct nw_message *original)
{
    struct nw_message *m = nw_message_make();

    if (m == NULL) {
        return NULL;
    }
    m->address = original->address;
    m->key = original->key;
    m->payload = original->payload;
    m->origin = original->origin;
    m->id = original->id;
    m->timestamp_ns = original->timestamp_ns;
    m->deadline_ns = original->deadline_ns;
    memcpy(m->numbers, original->numbers, sizeof m->numbers);
    memcpy(m->texts, original->texts, sizeof m->texts);
    m->numbers_set = original->numbers_set;
    m->headers = shared(original->headers);
    m->params = shared(original->params);
    m->queries = shared(original->queries);
    m->split_index = original->split_index;
    m->number = original->number;
    m->lane = original->lane;
    m->original = nw_message_ref(original);
    return m;
}

size_t nw_message_size(const struct nw_message *m)
{
    size_t size = m->address.len + m->key.len + m->payload.len;

    for (uint32_t i = 0; i < m->headers.count; i++) {
        size += m->headers.items[i].name.len + m->headers.items[i].value.len;
    }
    return size;
}

/* ---- fields ---- */

void nw_message_set_address(struct nw_message *m, struct nw_slice address)
{
    m->address = address;
}

void nw_message_set_key(struct nw_message *m, struct nw_slice key)
{
    m->key = key;
}

void nw_message_set_payload(struct nw_message *m, struct nw_slice payload)
{
    m->payload = payload;
}

void nw_message_set_number(struct nw_message *m, enum nw_meta meta, int64_t number)
{
    m->numbers[meta] = number;
    m->numbers_set |= UINT32_C(1) << meta;
}

void nw_message_set_text(struct nw_message *m, enum nw_meta meta, struct nw_slice text)
{
    m->texts[meta - NW_META_NUMBERS] = text;
}

void nw_message_set_timestamp(struct nw_message *m, int64_t real_ns)
{
    m->timestamp_ns = real_ns;
}

void nw_message_set_origin(struct nw_message *m, struct nw_slice origin)
{
    m->origin = origin;
}

void nw_message_set_deadline(struct nw_message *m, int64_t monotonic_ns)
{
    m->deadline_ns = monotonic_ns;
}

void nw_message_set_cookie(struct nw_message *m, uintptr_t cookie)
{
    m->cookie = cookie;
}

uintptr_t nw_message_cookie(const struct nw_message *m)
{
    return m->cookie;
}

struct nw_slice nw_message_address(const struct nw_message *m)
{
    return m->address;
}

struct nw_slice nw_message_key(const struct nw_message *m)
{
    return m->key;
}

struct nw_slice nw_message_payload(const struct nw_message *m)
{
    return m->payload;
}

size_t nw_message_header_count(const struct nw_message *m)
{
    return m->headers.count;
}

void nw_message_header(const struct nw_message *m, size_t index, struct nw_slice *name,
                       struct nw_slice *value)
{
    *name = m->headers.items[index].name;
    *value = m->headers.items[index].value;
}

bool nw_message_number(const struct nw_message *m, enum nw_meta meta, int64_t *number)
{
    if ((m->numbers_set >> meta & 1) == 0) {
        return false;
    }
    *number = m->numbers[meta];
    return true;
}

struct nw_slice nw_message_text(const struct nw_message *m, enum nw_meta meta)
{
    return m->texts[meta - NW_META_NUMBERS];
}

int64_t nw_message_timestamp(const struct nw_message *m)
{
    return m->timestamp_ns;
}

struct nw_slice nw_message_origin(const struct nw_message *m)
{
    return m->origin;
}

struct nw_slice nw_message_id(const struct nw_message *m)
{
    return m->id;
}

int64_t nw_message_deadline(const struct nw_message *m)
{
    return m->deadline_ns;
}

struct nw_slice nw_message_value(const struct nw_message *m, uint32_t slot)
{
    return slot == 0 || slot > m->value_count ? NW_ABSENT : m->values[slot - 1];
}
