/* SPDX-License-Identifier: Apache-2.0 */
/* nkeys: the public key of a user's seed, which nats.c wants to be told beside the seed. */
#ifndef NATSWAY_HUB_NKEY_H
#define NATSWAY_HUB_NKEY_H

#include "base/slice.h"

#define NW_NKEY_PUBLIC 57 /* 56 characters and a NUL */

/* The public key ("U…") of a seed ("SU…"; blanks around it are allowed). 0 or NW_EINVAL. */
int nw_nkey_public(struct nw_slice seed, char out[NW_NKEY_PUBLIC], struct nw_error *error);

/* As above for the seed in a file, which may be surrounded by comments and marks as in a
 * credentials file. */
int nw_nkey_public_from_file(const char *path, char out[NW_NKEY_PUBLIC], struct nw_error *error);

#endif
