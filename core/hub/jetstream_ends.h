/* SPDX-License-Identifier: Apache-2.0 */
/* The two ends of the connector `jetstream`. */
#ifndef NATSWAY_HUB_JETSTREAM_ENDS_H
#define NATSWAY_HUB_JETSTREAM_ENDS_H

#include <nats/nats.h>
#include <natsway/connector.h>

struct nw_hub_sink;

extern const struct nw_source_kind nw_jetstream_source;
extern const struct nw_sink_kind nw_jetstream_sink;

/* Loop thread: the end of m by JetStream's answer to its publish. */
void nw_js_sink_take_puback(struct nw_hub_sink *base, struct nw_message *m, natsMsg *msg);

#endif
