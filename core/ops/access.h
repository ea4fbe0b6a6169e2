/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask the admin listener. */
#ifndef NATSWAY_OPS_ACCESS_H
#define NATSWAY_OPS_ACCESS_H

#include <microhttpd.h>
#include <stdbool.h>

#include "base/buffer.h"

struct nw_access {
    bool loopback;     /* the listener is reached from this machine only */
    const char *token; /* NULL: none is needed */
};

/* 0, or the status of a refusal whose reason is appended to why. changes: it is asked to change
 * something, not only to tell. */
unsigned nw_access_refuse(const struct nw_access *access, struct MHD_Connection *connection,
                          bool changes, struct nw_buffer *why);

#endif
