/* SPDX-License-Identifier: Apache-2.0 */
/* The ends of the connectors `jetstream` and `kv`. */
#ifndef NATSWAY_HUB_JETSTREAM_ENDS_H
#define NATSWAY_HUB_JETSTREAM_ENDS_H

#include <nats/nats.h>
#include <natsway/connector.h>

#include "hub/js_parse.h"

struct nw_hub_sink;

extern const struct nw_source_kind nw_jetstream_source;
extern const struct nw_sink_kind nw_jetstream_sink;
extern const struct nw_source_kind nw_kv_source;
extern const struct nw_sink_kind nw_kv_sink;

/* Read JetStream's answer to a publish; the slices are those of msg. */
void nw_js_sink_read_puback(natsMsg *msg, struct nw_js_puback *ack);
/* Loop thread: the end of m by that answer. chained: it may have named the one before it. Returns 0
 * if it is stored, otherwise the code of the error, -1 if it has none. */
int nw_js_sink_take_puback(struct nw_hub_sink *base, struct nw_message *m,
                           const struct nw_js_puback *ack, bool chained);

#endif
