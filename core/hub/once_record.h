/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checkpoint of a partition as it stands in the bucket: the stream that it is about, and a
 * history of points (once_track.h). What Kafka lets come again begins at the offset that it has
 * committed, which is behind the newest point by a second, or by as much as another target of the
 * route is late. So points are kept that grow thinner with their age, and the one to read from is
 * the newest that is not above the first message that comes.
 */
#ifndef NATSWAY_HUB_ONCE_RECORD_H
#define NATSWAY_HUB_ONCE_RECORD_H

#include "base/buffer.h"
#include "hub/once_track.h"

#define NW_ONCE_POINTS 32

struct nw_once_history {
    uint64_t made; /* points so far */
    size_t count;
    uint64_t numbers[NW_ONCE_POINTS]; /* which of those made it was, from 1 */
    struct nw_once_point points[NW_ONCE_POINTS];
};

/* A point below the last one is not taken. */
void nw_once_history_add(struct nw_once_history *h, struct nw_once_point point);
/* Forget what is above the offset. */
void nw_once_history_cut(struct nw_once_history *h, int64_t offset);
/* The sequence behind which all stands that was stored from offset on. false: not known. */
bool nw_once_history_find(const struct nw_once_history *h, int64_t offset, uint64_t *sequence);

/* Which stream: one that was deleted and made again is another. */
struct nw_once_stream {
    char name[256], created[64];
};

/* Append the record as JSON. */
void nw_once_record_write(struct nw_buffer *b, const struct nw_once_stream *stream,
                          const struct nw_once_history *history);
/* false: it is none, or of another stream; *history is empty then. */
bool nw_once_record_read(struct nw_slice json, const struct nw_once_stream *stream,
                         struct nw_once_history *history);

#endif
