/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time as text: RFC 3339 in UTC, and nanoseconds since 1970. */
#ifndef NATSWAY_BASE_TIMESTAMP_H
#define NATSWAY_BASE_TIMESTAMP_H

#include "base/slice.h"

#define NW_TIMESTAMP_TEXT_MAX 40

/* Write ns as "2026-01-01T00:00:00.123Z", with no more digits behind the point than it needs.
 * Returns the length without the NUL. */
size_t nw_timestamp_format(int64_t ns, char text[NW_TIMESTAMP_TEXT_MAX]);

/* Read RFC 3339 with "Z" or an offset. 0, or NW_EINVAL with the reason; *ns only on success. */
int nw_timestamp_parse(struct nw_slice text, int64_t *ns, struct nw_error *error);

#endif
