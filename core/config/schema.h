/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as a JSON Schema (2020-12), out of the same rows that the parser reads, for
 * editors and validators. It is not as strict as `check`: templates, jq programs, names and what
 * two places say of each other are beyond it.
 */
#ifndef NATSWAY_CONFIG_SCHEMA_H
#define NATSWAY_CONFIG_SCHEMA_H

#include "base/buffer.h"

/* Append the schema for these connectors. */
void nw_schema(struct nw_buffer *b, const struct nw_connector *const *connectors, size_t count);

#endif
