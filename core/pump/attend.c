/* SPDX-License-Identifier: Apache-2.0 */
/* What the main thread does for routes with a lease while the bridge runs: see gate.h. */
#include <sys/eventfd.h>

#include "log/log.h"
#include "pump/bridge_state.h"

int nw_bridge_descriptor(const struct nw_bridge *bridge)
{
    return bridge->attention_fd;
}

void nw_bridge_want_attention(struct nw_bridge *bridge)
{
    (void)eventfd_write(bridge->attention_fd, 1);
}

/* Its lanes once more, to wait for the lease. */
static void make_anew(struct nw_route *route)
{
    struct nw_log_field fields[] = {{"route", route->spec->name}, {NULL, NULL}};

    nw_route_close(route);
    if (nw_route_open(route) != 0) {
        nw_log_write(NW_LOG_ERROR, fields, "the route stands still: out of memory");
        return;
    }
    nw_route_start(route);
}

void nw_bridge_attend(struct nw_bridge *bridge)
{
    eventfd_t count;

    (void)eventfd_read(bridge->attention_fd, &count);
    for (size_t i = 0; i < bridge->route_count; i++) {
        struct nw_route *route = bridge->routes[i];
        if (route->gate.lease == NULL || !nw_gate_is_started(route) ||
            !nw_bridge_wait(bridge, &route, 1, 0, NULL)) {
            continue;
        }
        if (nw_gate_is_lost(route)) {
            make_anew(route);
        } else {
            nw_gate_leave(route); /* it has stopped by itself: others may go on */
        }
    }
}
