/* SPDX-License-Identifier: Apache-2.0 */
/* From what came from NATS to a message: the reverse of publish.h. */
#ifndef NATSWAY_HUB_RECEIVE_H
#define NATSWAY_HUB_RECEIVE_H

#include <nats/nats.h>
#include <natsway/connector.h>

enum nw_received_from { NW_FROM_CORE, NW_FROM_STREAM, NW_FROM_BUCKET };

/*
 * A message of endpoint with payload, headers, key, timestamp and status of msg, which it owns from
 * now on: the bytes are borrowed. From a stream, conditions that were meant for the first publish
 * (Nats-Expected-*) are left out; from a bucket also what says how long the key's values are kept,
 * and what is no value has no payload. timestamp_ns: where no header says it; 0: unknown. NULL
 * without memory; then msg stays the caller's.
 */
struct nw_message *nw_receive(struct nw_endpoint *endpoint, natsMsg *msg,
                              enum nw_received_from from, int64_t timestamp_ns);

/* The same for a message that is there already, out of the lines of the headers and the payload,
 * which are borrowed and must outlive it. 0 or NW_ENOMEM. */
int nw_receive_into(struct nw_message *m, struct nw_slice headers, struct nw_slice payload,
                    enum nw_received_from from, int64_t timestamp_ns);

#endif
