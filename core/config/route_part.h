/* SPDX-License-Identifier: Apache-2.0 */
/* One route while it is read: what route.c and route_targets.c know of it in common. */
#ifndef NATSWAY_CONFIG_ROUTE_PART_H
#define NATSWAY_CONFIG_ROUTE_PART_H

#include "config/loader.h"

struct nw_route_part {
    struct nw_loader *loader;
    struct nw_reader reader;
    const struct nw_node *node;
    struct nw_route_options options;
    struct nw_route_spec *spec;
    bool source_good;
    bool source_known; /* what templates can ask it for */
};

/* An option of the route, or of its group; of `defaults:` if it has none; NULL: not given. */
const struct nw_item *nw_route_option(const struct nw_route_part *p, const char *group,
                                      const char *name);

/* The choice that is made by `respond: {when}`, which those sources have that may answer before
 * anything is delivered; NULL: this one is none. */
const struct nw_choice *nw_route_respond(const struct nw_source_spec *source);

/* NULL: the source is not known, so templates cannot be checked. */
const struct nw_template_scope *nw_route_scope(const struct nw_route_part *p);

/* 0, also after a mistake, which was said; NW_ENOMEM. */
int nw_route_read_targets(struct nw_route_part *p);

#endif
