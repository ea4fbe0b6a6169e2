/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest whole connector: what its files share. See README.md for how to make yours of it. */
#ifndef NATSWAY_SKELETON_H
#define NATSWAY_SKELETON_H

#include <natsway/connector.h>

/* What the rows in skeleton.c fill. */
struct skeleton_source_options {
    int64_t every; /* milliseconds */
    int64_t count;
};

struct skeleton_sink_options {
    int64_t keep;
};

int skeleton_source_open(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                         void **state, struct nw_error *error);
void skeleton_source_credit(void *state);
void skeleton_source_settle(void *state, const struct nw_result *results, size_t n);
void skeleton_source_stop(void *state);
void skeleton_source_close(void *state);

int skeleton_sink_open(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                       void **state, struct nw_error *error);
void skeleton_sink_send(void *state, struct nw_message *const *messages, size_t n);
void skeleton_sink_close(void *state);

#endif
