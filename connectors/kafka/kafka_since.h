/* SPDX-License-Identifier: Apache-2.0 */
/* `start: {since: …}`: a moment in time. */
#ifndef NATSWAY_CONNECTORS_KAFKA_SINCE_H
#define NATSWAY_CONNECTORS_KAFKA_SINCE_H

#include <stdint.h>

struct nw_error;

/* "2h", "90s" (back from now_ms), "2026-01-31", "2026-01-31T12:00:00Z", "…T12:00:00.5+02:00".
 * Writes milliseconds since 1970. 0 or NW_EINVAL with what is expected. */
int nw_kafka_since_parse(const char *text, int64_t now_ms, int64_t *out, struct nw_error *error);

#endif
