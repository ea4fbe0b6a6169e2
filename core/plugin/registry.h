/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connectors that are there: the built-in ones of the hub (nats, jetstream, dead_letter), those
 * linked into the program, and the shared objects of the searched folders. The first found of a
 * name wins. Used from the main thread only; connectors stay loaded until the process ends.
 */
#ifndef NATSWAY_PLUGIN_REGISTRY_H
#define NATSWAY_PLUGIN_REGISTRY_H

#include "base/error.h"

struct nw_registry;

struct nw_registry *nw_registry_new(void);
void nw_registry_free(struct nw_registry *r);

/* Is it of this program's ABI? 0, or NW_EINVAL with what to do about it. */
int nw_registry_check(const struct nw_connector *connector, struct nw_error *error);

/* Add one that is in the program; origin is what `natsway connectors` shows ("built in"). Checks
 * ABI version and structure sizes. */
int nw_registry_add(struct nw_registry *r, const struct nw_connector *connector, const char *origin,
                    struct nw_error *error);

/* Load every NAME.so of folder. Each file that cannot be used is given to `failed` with one line
 * that names its path and what to do. A folder that does not exist is passed over. */
void nw_registry_search(struct nw_registry *r, const char *folder,
                        void (*failed)(void *context, const char *text), void *context);

/* NULL if there is none of that name. */
const struct nw_connector *nw_registry_find(const struct nw_registry *r, const char *name);

/* All, in the order found. index from 0; NULL at the end. *origin: path or "built in". */
const struct nw_connector *nw_registry_at(const struct nw_registry *r, size_t index,
                                          const char **origin);

/* Registers the hub's own connectors and, in a static build, the linked ones. */
int nw_registry_add_builtin(struct nw_registry *r, struct nw_error *error);

#endif
