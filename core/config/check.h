/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connector's own check of options that were read: it names an option, we know where that
 * stands. nw_check_error() and nw_check_warning() of the contract are here.
 */
#ifndef NATSWAY_CONFIG_CHECK_H
#define NATSWAY_CONFIG_CHECK_H

#include "config/reader.h"

struct nw_check {
    const struct nw_reader *reader;
    const struct nw_node *options; /* the mapping that the options were read from, or NULL */
    struct nw_mark address;        /* for what is of no option */
    bool address_wrong;            /* a mistake of no option was said */
};

/* Where the option of that name ("tls.ca", "properties.linger.ms") has its value; the nearest that
 * is written, when it is not. */
struct nw_mark nw_check_mark(const struct nw_check *check, const char *option);

#endif
