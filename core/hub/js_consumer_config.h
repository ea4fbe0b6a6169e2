/* SPDX-License-Identifier: Apache-2.0 */
/* The options of a JetStream source as a consumer's configuration, and how one that exists compares
 * to it. No I/O. */
#ifndef NATSWAY_HUB_JS_CONSUMER_CONFIG_H
#define NATSWAY_HUB_JS_CONSUMER_CONFIG_H

#include "hub/js_consumer.h"

/* there (taken): the configuration that exists, or an empty object for a new consumer. Returns it
 * with what the route wants and what may be changed. */
jv nw_js_consumer_wanted(const struct nw_js_consumer *c, jv there);

/* The request to make or change the consumer; config is taken. */
jv nw_js_consumer_request(const struct nw_js_consumer *c, jv config);

/* The name of the consumer that marks where a seek is to go, behind that of the durable: one that
 * no bridge and route make. */
#define NW_JS_SEEK_MARK "=seek"

/* Where a consumer begins that has delivered nothing; info is not taken. */
int64_t nw_js_consumer_start(jv info);

/* Can we work with the consumer that exists? Otherwise why not. */
bool nw_js_consumer_usable(const struct nw_js_consumer *c, char *why, size_t size);

/* Is what exists other than what is wanted? A changed filter is logged. */
bool nw_js_consumer_differs(const struct nw_js_consumer *c);

#endif
