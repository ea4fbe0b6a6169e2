/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From options to a configuration of librdkafka. Later wins: what natsway sets for all clients,
 * for consumers or producers, the connection's options, its properties, the endpoint's properties.
 * What correctness depends on is natsway's own and cannot be set.
 */
#ifndef NATSWAY_CONNECTORS_KAFKA_PROPERTIES_H
#define NATSWAY_CONNECTORS_KAFKA_PROPERTIES_H

#include "kafka.h"

/* Report every property that librdkafka does not take, or that natsway sets itself. */
void nw_kafka_properties_check(const struct nw_pairs *properties, struct nw_check *check);

/* Report user without password and the like, and properties. */
void nw_kafka_connection_check(const struct kafka_connection_options *options,
                               struct nw_check *check);

/* One property in a conf. 0 or NW_EINVAL with librdkafka's words. */
int nw_kafka_property_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                          struct nw_error *error);

/* Unless the user has set it: let the consumer fetch no more than these bytes ahead. The half is
 * for its queue, the other for the fetch that is under way. */
int nw_kafka_properties_fetch(rd_kafka_conf_t *conf, const struct kafka_connection_options *options,
                              const struct nw_pairs *own, size_t bytes, struct nw_error *error);

/* A conf with everything but what belongs to one client (group, logging, callbacks). Its caller
 * gives it to rd_kafka_new or destroys it. 0, or NW_EINVAL or NW_ENOMEM with the reason. */
int nw_kafka_properties_conf(rd_kafka_type_t type, const struct kafka_connection_options *options,
                             const struct nw_pairs *own, rd_kafka_conf_t **out,
                             struct nw_error *error);

#endif
