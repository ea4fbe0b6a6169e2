/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schemas of Confluent-compatible registries, for the maps of a bridge. Each registry that is asked
 * gets a thread of its own (client.c), which fetches one thing after another with libcurl, so a
 * worker never waits: it asks the cache, and what is not in it yet is wanted from then on.
 *
 * A schema is fetched once and kept; an id stands for the same schema for ever. There are at most
 * 1000 of a registry: then the one goes that was asked for the longest time ago. That an id does
 * not exist is remembered for a minute. Everything else that goes wrong (the registry is away, does
 * not let us in, is overloaded, or refuses to register the schema of the configuration) is no fault
 * of a message: it is tried again, after 100 ms and then up to 10 s, and the messages wait.
 */
#ifndef NATSWAY_SCHEMAS_SCHEMAS_H
#define NATSWAY_SCHEMAS_SCHEMAS_H

#include "mappings/avro.h"

struct nw_schemas;

/* For so many registries and subjects, as the configuration counts them. NULL: no memory. */
struct nw_schemas *nw_schemas_new(size_t registries, size_t subjects);
/* When nobody asks any more. A request under way is broken off. NULL is allowed. */
void nw_schemas_free(struct nw_schemas *s);

/* For the mappers of the workers. It asks, and does no I/O. */
struct nw_avro_fetcher *nw_schemas_fetcher(struct nw_schemas *s);

#endif
