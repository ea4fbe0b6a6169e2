/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a lookup: read when the configuration is, and by the bridge whenever it changes. One
 * thread at a time for each file. */
#ifndef NATSWAY_CONFIG_LOOKUP_FILE_H
#define NATSWAY_CONFIG_LOOKUP_FILE_H

#include "config/config.h"

/* Read it and put what it has in the place of the table of before. 0; NW_EINVAL with the reason,
 * without the file's name: the table stays; NW_ENOMEM. Either way it is `seen`. */
int nw_lookup_file_read(struct nw_lookup_spec *spec, struct nw_error *error);

/* The stamp of the file as it is now. false: it cannot be seen; error says why. */
bool nw_lookup_file_stamp(const struct nw_lookup_spec *spec, struct nw_file_stamp *out,
                          struct nw_error *error);

#endif
