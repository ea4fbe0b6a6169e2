/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing JSON values, for `natsway test`. */
#ifndef NATSWAY_MAPPINGS_JSON_MATCH_H
#define NATSWAY_MAPPINGS_JSON_MATCH_H

#include "base/slice.h"

/* Is found JSON, and the value that expected is? The order of members does not matter, numbers
 * compare by value. subset: an object in found may have members that expected does not have. */
bool nw_json_matches(struct nw_slice expected, struct nw_slice found, bool subset);

#endif
