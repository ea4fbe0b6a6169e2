/* SPDX-License-Identifier: Apache-2.0 */
/* The reference as Markdown, out of the option rows: what the parser takes is what is documented.
 */
#ifndef NATSWAY_CLI_DOCS_H
#define NATSWAY_CLI_DOCS_H

#include "base/buffer.h"

/* A table of the rows, those of groups under "group.name"; nothing if there are none. */
void nw_docs_rows(struct nw_buffer *out, const struct nw_option *rows);

/* The same for keys that are not options: names and what they are. Those that are only known, to be
 * refused in this version, are left out. */
void nw_docs_names(struct nw_buffer *out, const struct nw_option *rows);

/* The page of one connector. */
void nw_docs_connector(struct nw_buffer *out, const struct nw_connector *connector);

/* The page of what is no connector's: top level, routes, targets, map steps. */
void nw_docs_configuration(struct nw_buffer *out);

#endif
