/* SPDX-License-Identifier: Apache-2.0 */
/* The connector `kv`: the keys of a bucket. A bucket is a stream, KV_BUCKET, with the subjects
 * $KV.BUCKET.KEY, so that its ends are those of `jetstream` with addresses of their own. */
#include "hub/hub.h"
#include "hub/jetstream_ends.h"

static const struct nw_connector connector = {
    NW_CONNECTOR_HEAD,
    .name = "kv",
    .version = "0.1.0",
    .summary = "NATS KV buckets: keys put and deleted, and watched",
    .connection = &nw_hub_connection_kind,
    .source = &nw_kv_source,
    .sink = &nw_kv_sink,
};

const struct nw_connector *nw_hub_kv(void)
{
    return &connector;
}
