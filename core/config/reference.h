/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference as Markdown, out of the same rows that the parser reads: what is not a row is not
 * in it, what is a row cannot be missing.
 */
#ifndef NATSWAY_CONFIG_REFERENCE_H
#define NATSWAY_CONFIG_REFERENCE_H

#include "base/buffer.h"

/* Append the page of one connector: connection, source, target. */
void nw_reference_connector(struct nw_buffer *b, const struct nw_connector *connector);

/* Append what is no connector's: the top level, routes, endpoints, steps. */
void nw_reference_language(struct nw_buffer *b);

#endif
