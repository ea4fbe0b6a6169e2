/* SPDX-License-Identifier: Apache-2.0 */
/* One registry: what is known of it, and the thread that asks it. See schemas.h. */
#ifndef NATSWAY_SCHEMAS_CLIENT_H
#define NATSWAY_SCHEMAS_CLIENT_H

#include "mappings/avro.h"

struct nw_client;

/* The id of a subject, as the client keeps it; all zero is unknown. Guarded by the client's lock.
 */
struct nw_subject_state {
    const struct nw_avro_subject *subject; /* NULL: nobody has asked yet */
    bool known;
    uint32_t id;
    struct nw_subject_state *next; /* of those that are wanted */
};

/* With its thread. NULL: it could not be made. registry must outlive it. */
struct nw_client *nw_client_new(const struct nw_avro_registry *registry);
void nw_client_free(struct nw_client *c);

/* As in struct nw_avro_fetcher. */
int nw_client_schema(struct nw_client *c, uint32_t id, struct nw_avro_schema **out,
                     struct nw_error *error);
int nw_client_id(struct nw_client *c, struct nw_subject_state *state,
                 const struct nw_avro_subject *subject, uint32_t *out, struct nw_error *error);

#endif
