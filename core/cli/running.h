/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge of `natsway run`, and what is asked of it while it runs. Main thread. */
#ifndef NATSWAY_CLI_RUNNING_H
#define NATSWAY_CLI_RUNNING_H

#include "cli/cli.h"
#include "ops/admin.h"
#include "ops/request.h"
#include "pump/bridge.h"

struct nw_running {
    const struct nw_arguments *arguments;
    const struct nw_registry *registry;
    const struct nw_config *config; /* the newest */
    struct nw_bridge *bridge;
    struct nw_admin *admin; /* NULL: off */
};

/* Read the files of the command line again and go over to what stands in them. What was done, or
 * why nothing was, is logged and appended to out. Returns the status for HTTP: 200 if it was. */
unsigned nw_running_reload(struct nw_running *running, struct nw_buffer *out);

/* Do what is asked through the admin address. */
void nw_running_serve(struct nw_running *running);

/* What the configuration is warned of, as lines of the log that it sets up. */
void nw_running_log(const struct nw_diagnostics *d);

#endif
