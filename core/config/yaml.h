/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML text into a tree with places. What libyaml lets pass and we do not: a key given twice, more
 * than one document, merge keys (<<), custom tags, and files that grow beyond all bounds when their
 * aliases are followed.
 */
#ifndef NATSWAY_CONFIG_YAML_H
#define NATSWAY_CONFIG_YAML_H

#include "config/node.h"

#define NW_YAML_DEEPEST 64
#define NW_YAML_MOST_NODES 4000000

/*
 * Parse text, which is the content of file. The tree lives in arena, *out is NULL for a file with
 * nothing in it. Mistakes are added to diagnostics, those inside of `routes: NAME:` with the
 * route's name. Returns 0 also when there were some that leave a tree to look at further;
 * NW_EINVAL when there is none, NW_ENOMEM.
 */
int nw_yaml_parse(struct nw_slice text, const struct nw_file *file, struct nw_arena *arena,
                  struct nw_diagnostics *diagnostics, struct nw_node **out);

#endif
