/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A jq program of a text into which ${…} put something. In a string of the program it is that text,
 * whatever it holds: it is escaped. Outside of strings it must be a number or a word. So it cannot
 * change what the program does beside that; only where it is all there is, it is the program.
 */
#ifndef NATSWAY_CONFIG_PROGRAM_FILL_H
#define NATSWAY_CONFIG_PROGRAM_FILL_H

#include "base/error.h"
#include "config/node.h"

/* Append the program of node to out, and to pieces each struct nw_piece of it with what it stands
 * for in node's text. 0; NW_EINVAL with error->at in node's text; NW_ENOMEM. */
int nw_program_fill(const struct nw_node *node, struct nw_buffer *out, struct nw_buffer *pieces,
                    struct nw_error *error);

#endif
