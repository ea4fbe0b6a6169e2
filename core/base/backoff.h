/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backoff: how long to wait before the next try.
 *
 * The pump owns one for each target of a lane and asks it after every failed try. The wait doubles
 * from the first to the longest; what is returned lies between half of the wait and all of it, so
 * that lanes that failed together do not come back together. No clock in here: the caller waits.
 */
#ifndef NATSWAY_BASE_BACKOFF_H
#define NATSWAY_BASE_BACKOFF_H

#include <stdint.h>

struct nw_error;

/* The two ends as the configuration gives them: 0 < first_ms <= longest_ms. */
struct nw_backoff_range {
    uint32_t first_ms, longest_ms;
};

/* Invariant: range.first_ms <= wait_ms <= range.longest_ms. */
struct nw_backoff {
    struct nw_backoff_range range;
    uint32_t wait_ms;
    uint64_t random;
};

/* Read "100ms..30s" into out, which is written only on success. 0 or NW_EINVAL with the reason. */
int nw_backoff_parse(const char *text, struct nw_backoff_range *out, struct nw_error *error);

/* Make b ready. Equal seeds give equal waits. */
void nw_backoff_init(struct nw_backoff *b, struct nw_backoff_range range, uint64_t seed);

/* The wait before the next try, in milliseconds; the following one is drawn from twice as much. */
uint32_t nw_backoff_next(struct nw_backoff *b);

/* The target answered: the next failure starts from the first wait again. */
void nw_backoff_reset(struct nw_backoff *b);

#endif
