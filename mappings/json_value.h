/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSWAY_MAPPINGS_JSON_VALUE_H
#define NATSWAY_MAPPINGS_JSON_VALUE_H

#include <jv.h>

#include "base/error.h"
#include "mappings/document.h"

/*
 * What text, which is JSON (RFC 8259; a byte order mark before it is passed over), stands for:
 * *out, the caller's. 0, NW_ENOMEM, or NW_EINVAL with "not JSON: …" and the place; never a part of
 * the text, which is nobody's who reads logs.
 *
 * It is read by mappings/document.h first: libjq 1.6 loses the memory of what stands behind a
 * missing comma, which a sender could do again and again.
 */
int nw_json_value(struct nw_slice text, jv *out, struct nw_error *error);

/* The same text indexed in d, which the caller ends, also after a failure. */
int nw_json_read(struct nw_document *d, struct nw_slice text, struct nw_error *error);

/* Borrows value. Is it small enough to be written: up to NW_VALUE_PARTS_MOST values, nested up to
 * NW_VALUE_DEEPEST? What has itself in it many times may be large beyond all memory; a rule's time
 * may end while it is counted (deadline.h), then it is not. */
#define NW_VALUE_PARTS_MOST 10000000
#define NW_VALUE_DEEPEST 10000
bool nw_json_is_writable(jv value);

#endif
