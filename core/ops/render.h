/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot as text: the bodies of the admin listener's pages. */
#ifndef NATSWAY_OPS_RENDER_H
#define NATSWAY_OPS_RENDER_H

#include "base/buffer.h"
#include "pump/bridge.h"

/* Prometheus text format 0.0.4. */
void nw_render_metrics(const struct nw_bridge_snapshot *s, struct nw_buffer *out);
/* The JSON of /api/routes. */
void nw_render_routes(const struct nw_bridge_snapshot *s, const char *bridge,
                      struct nw_buffer *out);
/* The body of /readyz; returns whether all is ready. */
bool nw_render_ready(const struct nw_bridge_snapshot *s, struct nw_buffer *out);

#endif
