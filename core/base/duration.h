/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durations as people write them: 250ms, 2s, 5m, 1h, 7d, and joined from the longer to the shorter:
 * 1h30m. Inside natsway a duration is a count of milliseconds.
 */
#ifndef NATSWAY_BASE_DURATION_H
#define NATSWAY_BASE_DURATION_H

#include "base/slice.h"

/* Read all of text. *out_ms is written only on success and is never negative. 0 or NW_EINVAL with
 * what was expected. A number without a unit is refused, except 0. */
int nw_duration_parse(struct nw_slice text, int64_t *out_ms, struct nw_error *error);

#define NW_DURATION_TEXT 64

/* Write ms (not negative) as nw_duration_parse reads it, shortest form. Returns out. */
const char *nw_duration_format(int64_t ms, char out[NW_DURATION_TEXT]);

#endif
