/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `check` step: does a payload have what it must, in the types it must? It looks at the
 * payload's text (mappings/document.h), so that a number is the number that was sent and not the
 * double nearest to it.
 */
#ifndef NATSWAY_MAPPINGS_CHECK_H
#define NATSWAY_MAPPINGS_CHECK_H

#include "mappings/codec.h"

struct nw_document;
struct nw_json_path;

/* A name that begins with a dot is a path (mappings/json_path.h): *path, the caller's, is NULL for
 * any other. 0, NW_ENOMEM, or NW_EINVAL with error->at. */
int nw_check_path(struct nw_slice name, struct nw_json_path **path, struct nw_error *error);

struct nw_check;

/* The rule is kept by reference. 0 and *out, NW_ENOMEM, or NW_EINVAL: a name is no path. */
int nw_check_new(const struct nw_check_rule *rule, struct nw_check **out);
void nw_check_free(struct nw_check *check);

/* 0, or NW_EINVAL with all that is wrong, or "not JSON: …"; NW_ENOMEM. An empty payload is null. */
int nw_check_run(const struct nw_check *check, struct nw_slice payload, struct nw_error *error);
/* The same for a payload that was read before: 0 or NW_EINVAL. */
int nw_check_document(const struct nw_check *check, const struct nw_document *d,
                      struct nw_error *error);

#endif
