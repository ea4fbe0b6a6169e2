/* SPDX-License-Identifier: Apache-2.0 */
/* The two ends of the connector `nats`. */
#ifndef NATSWAY_HUB_NATS_ENDS_H
#define NATSWAY_HUB_NATS_ENDS_H

#include <natsway/connector.h>

extern const struct nw_source_kind nw_nats_source;
extern const struct nw_sink_kind nw_nats_sink;

#endif
