/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters through their routes again: the bridge itself runs in this process, with the chosen
 * routes only, whose sources are their dead letters. A bridge that runs beside it is not touched:
 * no consumer, group, session, listener or state folder of its own is used.
 */
#ifndef NATSWAY_CLI_DLQ_AGAIN_H
#define NATSWAY_CLI_DLQ_AGAIN_H

#include "cli/dlq.h"
#include "hub/letter_source.h"

/* The letters of one route. */
struct dlq_again_route {
    struct nw_route_spec *spec;
    struct nw_source_kind kind;
    struct nw_letter_source_options options;
    struct nw_letter_place *places;
    size_t *letters; /* of each place: its index in the struct dlq */
    void *owner;     /* the callbacks' */
};

/* Why the route's letters cannot be sent; NULL: they can. */
const char *dlq_again_refuses(const struct nw_route_spec *route);

/* Make of d's configuration, of which nothing runs in this process, one that sends the letters of
 * these routes; state_dir is an empty folder. 0 or NW_ENOMEM. */
int dlq_again_prepare(struct dlq *d, struct dlq_again_route *routes, size_t count,
                      const char *state_dir);

/* Make of m, as it lies in its stream, what came to the route. 0; NW_EINVAL with the reason why it
 * is not to be sent; NW_ENOMEM. */
int dlq_again_restore(const struct nw_route_spec *route, const struct nw_letter_place *place,
                      struct nw_message *m, struct nw_error *error);

/* Remove a folder with all that is in it. */
void dlq_again_remove_folder(const char *path);

#endif
