/* SPDX-License-Identifier: Apache-2.0 */
/* One request to a schema registry, from the client's own thread, and what its answer means. */
#ifndef NATSWAY_SCHEMAS_REQUEST_H
#define NATSWAY_SCHEMAS_REQUEST_H

#include <stdatomic.h>

#include "mappings/avro.h"

struct nw_request;

/* NULL: no memory. registry must outlive it. */
struct nw_request *nw_request_new(const struct nw_avro_registry *registry);
void nw_request_free(struct nw_request *r);

/* Any thread: break off what is under way, and all that comes. */
void nw_request_end(struct nw_request *r);

/* The schema of that id, with one reference. 0; NW_ENOTFOUND: the registry says that there is none,
 * or it is none that can be read; NW_EAGAIN: nothing is known. With the reason. */
int nw_request_schema(struct nw_request *r, uint32_t id, struct nw_avro_schema **out,
                      struct nw_error *error);

/* Register the subject's schema, or look it up: its id. 0 or NW_EAGAIN with the reason. */
int nw_request_subject(struct nw_request *r, const struct nw_avro_subject *subject, uint32_t *out,
                       struct nw_error *error);

#endif
