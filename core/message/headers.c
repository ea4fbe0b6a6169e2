/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers, params and queries. An outgoing message begins with its original's arrays
 * (capacity == 0) and copies one before its first change to it; the copy lives in its own arena.
 */
#include <strings.h>

#include "message/message.h"

/* Make h the message's own, with room for extra more. */
static int own(struct nw_message *m, struct nw_headers *h, uint32_t extra)
{
    struct nw_header *items;
    uint32_t want = h->count + extra, capacity = 4;

    if (want <= h->capacity) {
        return 0;
    }
    while (capacity < want) {
        capacity *= 2;
    }
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

static int add(struct nw_message *m, struct nw_headers *h, struct nw_slice name,
               struct nw_slice value)
{
    int rc = own(m, h, 1);

    if (rc == 0) {
        h->items[h->count++] = (struct nw_header){name, value};
    }
    return rc;
}

int nw_message_add_header(struct nw_message *message, struct nw_slice name, struct nw_slice value)
{
    return add(message, &message->headers, name, value);
}

int nw_message_add_param(struct nw_message *message, struct nw_slice name, struct nw_slice value)
{
    return add(message, &message->params, name, value);
}

int nw_message_add_query(struct nw_message *message, struct nw_slice name, struct nw_slice value)
{
    return add(message, &message->queries, name, value);
}

bool nw_header_name_equal(struct nw_slice a, struct nw_slice b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.data, b.data, a.len) == 0);
}

/* pattern: a name, or a prefix with a final '*'. */
static bool name_matches(struct nw_slice name, struct nw_slice pattern)
{
    if (pattern.len > 0 && pattern.data[pattern.len - 1] == '*') {
        pattern.len--;
        if (name.len > pattern.len) {
            name.len = pattern.len;
        }
    }
    return nw_header_name_equal(name, pattern);
}

int nw_message_set_header(struct nw_message *m, struct nw_slice name, struct nw_slice value)
{
    struct nw_headers *h = &m->headers;
    uint32_t first = 0, kept;
    int rc = own(m, h, 1);

    if (rc != 0) {
        return rc;
    }
    while (first < h->count && !nw_header_name_equal(h->items[first].name, name)) {
        first++;
    }
    kept = first + 1;
    for (uint32_t i = kept; i < h->count; i++) {
        if (!nw_header_name_equal(h->items[i].name, name)) {
            h->items[kept++] = h->items[i];
        }
    }
    h->items[first] = (struct nw_header){name, value};
    h->count = kept;
    return 0;
}

int nw_message_remove_header(struct nw_message *m, struct nw_slice pattern)
{
    struct nw_headers *h = &m->headers;
    uint32_t kept = 0;
    int rc;

    while (kept < h->count && !name_matches(h->items[kept].name, pattern)) {
        kept++;
    }
    if (kept == h->count) {
        return 0; /* nothing to remove: stay shared */
    }
    rc = own(m, h, 0);
    if (rc != 0) {
        return rc;
    }
    for (uint32_t i = kept; i < h->count; i++) {
        if (!name_matches(h->items[i].name, pattern)) {
            h->items[kept++] = h->items[i];
        }
    }
    h->count = kept;
    return 0;
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

size_t nw_message_header_count(const struct nw_message *message)
{
    return message->headers.count;
}

void nw_message_header(const struct nw_message *message, size_t index, struct nw_slice *name,
                       struct nw_slice *value)
{
    if (index >= message->headers.count) {
        *name = *value = NW_ABSENT;
        return;
    }
    *name = message->headers.items[index].name;
    *value = message->headers.items[index].value;
}
