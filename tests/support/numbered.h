/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbered messages, for checking that each of many arrived, whole and in order. The payload of
 * number i begins with "i:" and goes on with bytes that follow from i, so that any damage shows.
 * The counts may be read while another thread adds to them.
 */
#ifndef NATSWAY_TESTS_NUMBERED_H
#define NATSWAY_TESTS_NUMBERED_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Order is checked within a group: a partition, a key, a subject, a file. */
#define NWT_GROUPS 4096

struct nwt_numbered {
    size_t count, payload_size;
    bool binary; /* payloads hold all 256 bytes; otherwise letters and digits only */
    /* What arrived. */
    size_t total, distinct, duplicates;
    size_t wrong;      /* no number, or not the bytes of that number */
    size_t disordered; /* first arrivals behind a later number of their group */
    uint8_t *seen;
    int64_t last[NWT_GROUPS];
    pthread_mutex_t lock; /* guards what arrived */
};

/* payload_size at least 16; the payload of each number has exactly so many bytes. */
struct nwt_numbered *nwt_numbered_new(size_t count, size_t payload_size, bool binary);
void nwt_numbered_free(struct nwt_numbered *n);
/* Forget what arrived. */
void nwt_numbered_reset(struct nwt_numbered *n);

/* The payload of number i, payload_size bytes into out. */
void nwt_numbered_payload(const struct nwt_numbered *n, size_t i, char *out);

/* Take in what arrived; its number, or -1 if it is wrong. */
int64_t nwt_numbered_take(struct nwt_numbered *n, const void *payload, size_t len, unsigned group);
/* The same for a message whose number is known otherwise (a tombstone). */
void nwt_numbered_note(struct nwt_numbered *n, int64_t number, unsigned group);

size_t nwt_numbered_distinct(struct nwt_numbered *n);
/* The first number that has not arrived; count if all have. */
size_t nwt_numbered_first_missing(struct nwt_numbered *n);

/* All arrived, none was wrong, and order held in each group; prints what is not so. Repeats are
 * allowed if `repeats`. */
bool nwt_numbered_complete(struct nwt_numbered *n, bool repeats);

#endif
