/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Option rows: from a mapping of the file to the structure that the rows describe. The only reader
 * of options there is: connectors, connections, routes and the top level all have rows.
 */
#ifndef NATSWAY_CONFIG_OPTIONS_H
#define NATSWAY_CONFIG_OPTIONS_H

#include "config/reader.h"

/* Rows and the structure they fill. out NULL: the names are known here and read elsewhere. */
struct nw_layer {
    const struct nw_option *rows;
    void *out;
};

/* Fill in every row's default. out must be all zero. */
int nw_options_defaults(const struct nw_reader *r, const struct nw_option *rows, void *out);

/*
 * Read the items of map from index `first` on; each belongs to the first layer that has a row of
 * its name. What is not given stays as it is. Required options that are missing, and names that
 * no layer has, are mistakes. of: whose options, for messages ("kafka", "a route").
 */
int nw_options_read(const struct nw_reader *r, const struct nw_node *map, size_t first,
                    const struct nw_layer *layers, size_t n, const char *of);

/* The row of that name, or NULL; rows may be NULL. */
const struct nw_option *nw_option_find(const struct nw_option *rows, struct nw_slice name);

/* Read one value into the member that row describes. name: the option's with its groups'. */
int nw_option_value(const struct nw_reader *r, const struct nw_option *row, const char *name,
                    const struct nw_node *node, void *member);

/* "earliest, latest or {since: …}" into out (size bytes); for messages and the reference. */
void nw_option_choices(const char *choices, char *out, size_t size);
/* "a whole number from 0 to 2" into out. */
void nw_option_expected(const struct nw_option *row, char *out, size_t size);

#endif
