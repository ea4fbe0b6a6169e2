/* SPDX-License-Identifier: Apache-2.0 */
/* What consumers and producers have in common beside their configuration: librdkafka's log, its
 * errors, and asking whether the brokers are there. */
#ifndef NATSWAY_CONNECTORS_KAFKA_CONNECTION_H
#define NATSWAY_CONNECTORS_KAFKA_CONNECTION_H

#include "kafka.h"

/* What librdkafka says goes to the connection's log, as debug lines: what matters comes as an error
 * event too. The connection becomes the client's opaque. */
void nw_kafka_log_to(rd_kafka_conf_t *conf, struct kafka_connection *connection);

/* Whether a broker answers; waits up to timeout_ms. */
bool nw_kafka_reachable(rd_kafka_t *rk, int timeout_ms);

/* Whether the error says that brokers cannot be reached or do not let us in. */
bool nw_kafka_is_outage(rd_kafka_resp_err_t error);

/* Text of an error without what differs from time to time ("after 3ms in state CONNECT"), so that
 * it is said once. */
void nw_kafka_plain_text(const char *text, char *out, size_t size);

#endif
