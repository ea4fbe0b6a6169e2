/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin listener: what the running bridge tells about itself over HTTP.
 *
 *     /metrics      Prometheus text
 *     /healthz      200 while the process runs
 *     /readyz       200 when every route's two ends are connected; else 503 and which are not
 *     /api/routes   the routes and their ledgers as JSON
 *     /api/reload   POST, as all that follow: see request.h
 *     /api/plan
 *     /api/seek
 *
 * One thread of the HTTP library serves it; it only reads snapshots, and hands over what changes
 * something.
 */
#ifndef NATSWAY_OPS_ADMIN_H
#define NATSWAY_OPS_ADMIN_H

#include "config/config.h"
#include "pump/bridge.h"

struct nw_admin;

/* Listen where config->admin_listen says. Callers wait until it serves. NW_EIO with the reason if
 * the address cannot be had, NW_EINVAL if it is none. */
int nw_admin_open(const struct nw_config *config, struct nw_admin **out, struct nw_error *error);

/* Answer about bridge, which must outlive the listener. */
int nw_admin_serve(struct nw_admin *admin, struct nw_bridge *bridge, struct nw_error *error);

/* From now on this token is needed; NULL: none. 0 or NW_ENOMEM. */
int nw_admin_set_token(struct nw_admin *admin, const char *token);

/* NULL is allowed. */
void nw_admin_close(struct nw_admin *admin);

#endif
