/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Did you mean …?": offer every name that would have been right, then ask for the nearest. Near
 * means few letters inserted, left out, replaced or swapped with their neighbour; upper and lower
 * case count as equal.
 */
#ifndef NATSWAY_BASE_SUGGEST_H
#define NATSWAY_BASE_SUGGEST_H

#include "base/slice.h"

struct nw_suggest {
    struct nw_slice word;
    const char *best; /* one of those offered, or NULL */
    size_t distance;  /* of best */
};

/* Begin for word, which must live as long as s. */
void nw_suggest_init(struct nw_suggest *s, struct nw_slice word);
/* candidate is kept by reference. */
void nw_suggest_offer(struct nw_suggest *s, const char *candidate);
/* The nearest of those offered, or NULL when none is near enough to be what was meant. */
const char *nw_suggest_best(const struct nw_suggest *s);

#endif
