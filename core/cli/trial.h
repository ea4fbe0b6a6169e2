/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trial: one message through a route's rules, with no network. `natsway try` prints what comes
 * out, `natsway test` compares it.
 */
#ifndef NATSWAY_CLI_TRIAL_H
#define NATSWAY_CLI_TRIAL_H

#include "base/buffer.h"
#include "cli/cli.h"

/* What the values are called where they come from, for errors. */
struct nw_trial_names {
    const char *address, *meta;
};

/* Make m what is given, as the source of route would make it. What belongs to given must outlive m.
 * Otherwise error says what is wrong: NW_EXIT_USAGE; NW_EXIT_REFUSED for an address that the source
 * cannot have; NW_EXIT_INTERNAL without memory. */
enum nw_exit nw_trial_fill(struct nw_message *m, const struct nw_route_spec *route,
                           const struct nw_test_message *given, const struct nw_trial_names *names,
                           struct nw_error *error);

/* One thing that comes out. */
struct nw_trial_end {
    enum nw_expect_kind kind;
    const struct nw_sink_spec *sink;  /* sent: where to */
    const struct nw_message *message; /* sent: with its address and key */
    const char *text;                 /* filtered: by which step; rejected: why */
};

/* Before a trial: what the buckets of lookups have, of which none is read. test NULL: nothing. 0 or
 * NW_ENOMEM. */
int nw_trial_lookups(const struct nw_config *config, const struct nw_test_spec *test);

/* Run original through the rules of route; each thing that comes out is told, in order. 0 or
 * NW_ENOMEM. */
int nw_trial_run(const struct nw_route_spec *route, struct nw_mapper *mapper,
                 struct nw_message *original,
                 void (*tell)(void *context, const struct nw_trial_end *end), void *context);

/* Append it as one JSON object, as `natsway try` prints it. */
void nw_trial_add_end(struct nw_buffer *out, const struct nw_trial_end *end);

/* Append the members key, headers and payload of such an object: "key":…, and so on. */
void nw_trial_add_content(struct nw_buffer *out, const struct nw_message *m);

/* Append a payload as a JSON value: what it is if it is JSON, otherwise a string, and what is not
 * UTF-8 in base64 between angle brackets; null for none. */
void nw_trial_add_payload(struct nw_buffer *out, struct nw_slice payload);

#endif
