/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a route or a connection means, as a text to compare: see struct nw_connection_spec. Keys are
 * sorted, so that their order in the file does not count; only that of an endpoint's connector,
 * which is its first, and that of lists does. Defaults of a connector are not in it: they change
 * with the program only.
 */
#ifndef NATSWAY_CONFIG_MEANING_H
#define NATSWAY_CONFIG_MEANING_H

#include "config/reader.h"

/* The path, made absolute, belongs to what is being read. 0 or NW_ENOMEM. */
int nw_meaning_see(const struct nw_reader *r, const char *path);
/* So does what is in the file, unless it is read again whenever it changes. */
int nw_meaning_see_content(const struct nw_reader *r, const char *path);

/* node NULL: only defaults. What was seen is in the reader. 0 or NW_ENOMEM. */
int nw_meaning_of_connection(const struct nw_reader *r, const struct nw_node *node,
                             struct nw_connection_spec *spec);
/* seen: by part. node is the whole route, a template's filled in. 0 or NW_ENOMEM. */
int nw_meaning_of_route(const struct nw_reader *r, const struct nw_node *node,
                        const struct nw_buffer *seen, struct nw_route_spec *spec);

#endif
