/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of one partition was sent to a stream and what of it is finished (stored, or refused for
 * good): the bookkeeping from which checkpoints are made. Pure; one thread at a time.
 *
 * Each message remembers the highest sequence of the stream that was known when it was first sent,
 * its *floor*: if it is stored at all, then above. A *point* is a position and a sequence, and
 * says: what was stored of the partition from the position on stands in the stream behind the
 * sequence. So whoever reads the stream from there knows all of it.
 *
 * Parts of a split share an offset, and their group counts as one.
 */
#ifndef NATSWAY_HUB_ONCE_TRACK_H
#define NATSWAY_HUB_ONCE_TRACK_H

#include "base/slice.h"

struct nw_once_entry {
    int64_t offset;
    uint64_t floor;
    int64_t sent_ns;
    bool finished;
};

struct nw_once_point {
    int64_t position;
    uint64_t sequence;
};

/* Entries are counted for ever; those from head to tail are kept, in a ring. Invariants: head <=
 * open <= tail; all before open are finished; head is the first of the group that open belongs to,
 * or of the last group if all are finished; floors do not fall from head to tail. */
struct nw_once_track {
    struct nw_once_entry *entries;
    size_t capacity;
    uint64_t head, open, tail;
    int64_t last_offset; /* of the newest entry, -1: none since the start */
    uint32_t last_part;
    int64_t next; /* the position when all is finished */
};

/* More than this are not kept: then the oldest counts as finished. */
#define NW_ONCE_ENTRIES_MOST ((size_t)1 << 17)

void nw_once_track_done(struct nw_once_track *t);
/* Begin anew at an offset; what was sent before is forgotten. */
void nw_once_track_restart(struct nw_once_track *t, int64_t offset);
/* A message is sent for the first time; *index names it from now on. 0 or NW_ENOMEM. */
int nw_once_track_add(struct nw_once_track *t, int64_t offset, uint32_t part, uint64_t floor,
                      int64_t now_ns, uint64_t *index);
/* NULL: it is finished and forgotten. */
const struct nw_once_entry *nw_once_track_at(const struct nw_once_track *t, uint64_t index);
void nw_once_track_finish(struct nw_once_track *t, uint64_t index);
/* No floor may be above this one. */
void nw_once_track_lower(struct nw_once_track *t, uint64_t floor);
bool nw_once_track_all_finished(const struct nw_once_track *t);
/* Is it not behind the newest, in the order of the source? */
bool nw_once_track_came_back(const struct nw_once_track *t, int64_t offset, uint32_t part);
/* last_sequence: the highest that the stream has told. */
struct nw_once_point nw_once_track_point(const struct nw_once_track *t, uint64_t last_sequence);

#endif
