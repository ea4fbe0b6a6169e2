/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of `natsway try`: the message that goes in and the lines that come out. */
#ifndef NATSWAY_CLI_TRY_H
#define NATSWAY_CLI_TRY_H

#include "cli/cli.h"

/* Say what is wrong with the command line on standard error. Returns result. */
enum nw_exit nw_try_wrong(enum nw_exit result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Make m what --address, --key, --header and --meta say, as the source of route would make it.
 * payload, and what belongs to arguments, must outlive m. Otherwise what is wrong has been said:
 * NW_EXIT_USAGE; NW_EXIT_REFUSED for an address that the source cannot have. */
enum nw_exit nw_try_fill(struct nw_message *m, const struct nw_route_spec *route,
                         const struct nw_arguments *arguments, struct nw_slice payload);

/* One line on standard output each. */
void nw_try_print_sent(const struct nw_sink_spec *sink, const struct nw_message *m);
void nw_try_print_filtered(const char *step);
void nw_try_print_rejected(const char *why);

#endif
