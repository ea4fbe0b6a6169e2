/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message and its pool.
 *
 * A message travels the whole way as one pooled object. What a source offers is the *original*: it
 * is not changed until it is settled, because a retry, a dead letter and the templates of every
 * target need it as it came. What is sent to a target is an *outgoing* message: a second object
 * whose slices begin as the original's and are replaced where a rule says so; it holds a reference
 * on its original, so bytes are borrowed, never copied.
 *
 * Everything a connector may see is in natsway/connector.h; this header shows the fields to
 * mappings and pump. Threads: a message has one owner at a time; only the reference count and the
 * pool are shared.
 */
#ifndef NATSWAY_MESSAGE_MESSAGE_H
#define NATSWAY_MESSAGE_MESSAGE_H

#include <stdatomic.h>

#include "base/slice.h"

struct nw_lane;
struct nw_claim;

struct nw_header {
    struct nw_slice name, value;
};

/* Headers, params and queries: an array in the message's arena that grows by doubling. An outgoing
 * message shares its original's array until it changes it (capacity == 0 means: shared). */
struct nw_headers {
    struct nw_header *items;
    uint32_t count, capacity;
};

#define NW_MESSAGE_ARENA 416

struct nw_message {
    /* What it is. */
    struct nw_slice address, key, payload, origin, id;
    int64_t timestamp_ns; /* 0: none; an offered message has one */
    int64_t deadline_ns;  /* monotonic; 0: nobody waits */
    int64_t numbers[NW_META_NUMBERS];
    struct nw_slice texts[NW_META_COUNT - NW_META_NUMBERS];
    uint32_t numbers_set; /* bit per number; above them flags of mappings */
    uint32_t value_count;
    struct nw_slice *values; /* of template slots, 1-based: values[slot - 1] */
    struct nw_headers headers, params, queries;
    struct nw_claim *claims; /* original: ids that a dedupe step enters when it is settled */
    struct nw_slice part;    /* what `split` made of the payload; absent: it was not split */
    struct nw_slice part_id; /* of such a part, until it goes to a target: counts before id */
    uint32_t part_split;     /* of such a part: which of the map's splits made it, from 1 */

    /* Who holds it. */
    atomic_uint references;
    struct nw_message *original; /* of an outgoing message: a reference; NULL in an original */
    void (*release)(void *owner);
    void *release_owner;
    uintptr_t cookie; /* the connector's */

    /* The pump's: where it is and what became of it. */
    struct nw_message *next; /* in a worker's inbox, an outbox or the pool: one list at a time */
    struct nw_lane *lane;
    void *endpoint;           /* the pump's struct nw_endpoint it came from or goes to */
    struct nw_message *reply; /* the pump drops its reference before the message's last one */
    const char *reason;       /* in the arena */
    uint64_t number;          /* the lane's count: order */
    uint64_t spool_row;       /* 0: not spooled */
    int64_t offered_ns;
    size_t size;      /* bytes counted against the budget */
    uint32_t pending; /* original: outgoing messages not yet done */
    uint32_t attempts;
    uint32_t retry_after_ms;
    uint32_t split_index;
    uint16_t target;
    uint8_t outcome, cause, worst, state;
    uint16_t only; /* original: the one target that it is for, from 1; 0: for all */

    /* Memory that lives as long as the message. */
    struct nw_message_chunk *chunks; /* the first one has room, see chunk_room */
    uint32_t arena_used, chunk_room;
    _Alignas(16) char arena[NW_MESSAGE_ARENA];
};

/* A message outside of any lane: for tests, `natsway try` and dead letters. NULL: no memory. */
struct nw_message *nw_message_make(void);

/* An outgoing message of original: same slices, headers shared, metadata copied; takes one
 * reference on original. NULL: no memory. */
struct nw_message *nw_message_derive(struct nw_message *original);

/* As nw_message_alloc, without alignment: for bytes. */
char *nw_message_bytes(struct nw_message *m, size_t size);
/* Give back the end of what nw_message_bytes gave last: only used bytes of size stay. A no-op if
 * anything was allocated since. */
void nw_message_trim(struct nw_message *m, const char *bytes, size_t size, size_t used);

/* Headers of an outgoing message. Names compare without case, as in NATS and HTTP.
 * set replaces all values of the name by one; add keeps them; remove takes a name or "Prefix-*". */
int nw_message_set_header(struct nw_message *m, struct nw_slice name, struct nw_slice value);
int nw_message_remove_header(struct nw_message *m, struct nw_slice pattern);
/* First value of the name, or the absent slice. */
struct nw_slice nw_message_find_header(const struct nw_message *m, struct nw_slice name);
struct nw_slice nw_headers_find(const struct nw_headers *headers, struct nw_slice name);
bool nw_header_name_equal(struct nw_slice a, struct nw_slice b);

/*
 * The ids of what becomes of an original: origin|route.target.split, or what `set: id` gave with
 * |.target.split behind it, so that two targets or parts never share one. make_id gives m that of
 * its target, for good; make_part_id gives a part of a split the id that its first target will see,
 * for the steps between. NW_ENOMEM.
 */
int nw_message_make_id(struct nw_message *m, const char *route);
int nw_message_make_part_id(struct nw_message *m, const char *route);

/* Bytes of payload, key, address and headers, as they count against a budget. */
size_t nw_message_size(const struct nw_message *m);

/* The original that m was made from, over any number of derivations; m itself if it is one. */
static inline struct nw_message *nw_message_original(struct nw_message *m)
{
    while (m->original != NULL) {
        m = m->original;
    }
    return m;
}

/* Messages now alive, for leak checks in tests. */
size_t nw_message_alive(void);

#endif
