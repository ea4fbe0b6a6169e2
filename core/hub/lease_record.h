/* SPDX-License-Identifier: Apache-2.0 */
/* What a lease's bucket and its values look like. */
#ifndef NATSWAY_HUB_LEASE_RECORD_H
#define NATSWAY_HUB_LEASE_RECORD_H

#include <jv.h>

#include "base/buffer.h"
#include "base/timestamp.h"
#include "hub/lease_state.h"

/* The configuration of the stream behind the bucket. */
jv nw_lease_bucket(int replicas);

/* The value that says that it is ours. since: when it was taken, as text. */
void nw_lease_record_write(const struct nw_lease_state *s, const char *instance, const char *since,
                           struct nw_buffer *out);
/* From `message` of the answer to STREAM.MSG.GET, which is not taken. Returns the revision. What
 * natsway did not write counts as somebody's. */
uint64_t nw_lease_record_read(jv message, struct nw_lease_record *out);

#endif
