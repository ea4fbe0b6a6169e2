/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value out of a JSON payload, for templates: json('.order.items[0].sku'). The payload is read
 * once, from front to back, without building anything; the whole of it is checked to be JSON. Of
 * equal names in an object the last counts, as in jq.
 */
#ifndef NATSWAY_MAPPINGS_JSON_PATH_H
#define NATSWAY_MAPPINGS_JSON_PATH_H

#include "base/error.h"
#include "message/message.h"

struct nw_json_path;

/* text: ".", ".a.b", ".a[0]", '."a b"', '.["a b"]'. text must outlive the path. 0; NW_EINVAL with
 * error->at; NW_ENOMEM. */
int nw_json_path_compile(struct nw_slice text, struct nw_json_path **out, struct nw_error *error);
void nw_json_path_free(struct nw_json_path *path);

/*
 * The value as text: of a string what it says, of anything else its JSON as it was written. *out is
 * absent if there is no such value or it is null. It lies in json or in m's arena. 0; NW_EINVAL:
 * "not JSON: …"; NW_ENOMEM.
 */
int nw_json_path_read(const struct nw_json_path *path, struct nw_slice json, struct nw_message *m,
                      struct nw_slice *out, struct nw_error *error);

/* Its steps one by one: the name of a member, or with name.data NULL an index. false: there are no
 * more. */
bool nw_json_path_step(const struct nw_json_path *path, size_t at, struct nw_slice *name,
                       size_t *index);

#endif
