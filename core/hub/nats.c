/* SPDX-License-Identifier: Apache-2.0 */
/* The connector `nats`: core NATS, both ways. */
#include "hub/hub.h"
#include "hub/nats_ends.h"

static const struct nw_connector connector = {
    NW_CONNECTOR_HEAD,
    .name = "nats",
    .version = "0.1.0",
    .summary = "core NATS subjects: publish and subscribe, queue groups, request and reply",
    .connection = &nw_hub_connection_kind,
    .source = &nw_nats_source,
    .sink = &nw_nats_sink,
};

const struct nw_connector *nw_hub_nats(void)
{
    return &connector;
}
