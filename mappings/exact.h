/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSWAY_MAPPINGS_EXACT_H
#define NATSWAY_MAPPINGS_EXACT_H

#include "base/error.h"
#include "base/slice.h"

/*
 * Has json, a payload as it came, an integer that no double is? What is made of its values would
 * have another one. 0, or NW_EINVAL that names the integer, or NW_ENOMEM. Almost free where there
 * are not sixteen digits in a row.
 */
int nw_exact_check(struct nw_slice json, struct nw_error *error);

#endif
