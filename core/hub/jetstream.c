/* SPDX-License-Identifier: Apache-2.0 */
/* The connector `jetstream`: streams of NATS, both ways. */
#include "hub/hub.h"
#include "hub/jetstream_ends.h"

static const struct nw_connector connector = {
    NW_CONNECTOR_HEAD,
    .name = "jetstream",
    .version = "0.1.0",
    .summary = "NATS JetStream: durable pull consumers, confirmed publishes",
    .connection = &nw_hub_connection_kind,
    .source = &nw_jetstream_source,
    .sink = &nw_jetstream_sink,
};

const struct nw_connector *nw_hub_jetstream(void)
{
    return &connector;
}
