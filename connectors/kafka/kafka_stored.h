/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which messages of a stream are in Kafka: the set of their sequences. A mark below which all are
 * would not do: a message that was refused, or is with another process, comes again behind ones
 * that were stored, and must not be taken for stored.
 *
 * The set has the newest ones, as many as fit where it is kept; what is older does not come again,
 * because the source acknowledged it long ago. A sequence that is not in it counts as not stored:
 * in doubt a message comes twice and none is lost. A stream that was deleted and made anew begins
 * again at 1: that is seen by a timestamp newer than the set's newest, and empties the set.
 */
#ifndef NATSWAY_CONNECTORS_KAFKA_STORED_H
#define NATSWAY_CONNECTORS_KAFKA_STORED_H

#include <natsway/connector.h>

#define KAFKA_STREAM_MAX 256

struct kafka_run {
    uint64_t first, last;
};

/* All zero is the empty set of no stream. */
struct kafka_stored {
    char stream[KAFKA_STREAM_MAX];
    int64_t newest_ns;      /* timestamp of the highest sequence */
    struct kafka_run *runs; /* ascending, with gaps between them */
    size_t count, capacity;
};

void nw_kafka_stored_done(struct kafka_stored *s);
/* NW_ENOMEM leaves `to` as it was. */
int nw_kafka_stored_copy(const struct kafka_stored *from, struct kafka_stored *to);

/* Whether the message is in it. */
bool nw_kafka_stored_has(const struct kafka_stored *s, struct nw_slice stream, uint64_t sequence,
                         int64_t timestamp_ns);
/* Put it in; one that says that the stream is another one empties the set first. NW_ENOMEM. */
int nw_kafka_stored_add(struct kafka_stored *s, struct nw_slice stream, uint64_t sequence,
                        int64_t timestamp_ns);
/* The highest sequence; 0: it is empty. */
uint64_t nw_kafka_stored_highest(const struct kafka_stored *s);

/* As text, with the newest sequences that `room` bytes have space for; *left is how many runs had
 * none. At least 400 bytes. Returns the length. */
size_t nw_kafka_stored_write(const struct kafka_stored *s, char *out, size_t room, size_t *left);
/* From such a text into an empty set. NW_EINVAL, and the set is empty, if it is none. */
int nw_kafka_stored_read(struct kafka_stored *s, const char *text, size_t len);

#endif
