/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hub: NATS at one end of every route. Its ends obey the same contract as any connector and are
 * built into the program; they share one connection, which is the top-level `nats:` block.
 */
#ifndef NATSWAY_HUB_HUB_H
#define NATSWAY_HUB_HUB_H

#include <natsway/connector.h>

/* `nats: subject` and `jetstream: subject`, both ways. */
const struct nw_connector *nw_hub_nats(void);
const struct nw_connector *nw_hub_jetstream(void);
const struct nw_connector *nw_hub_kv(void);

/* Sink only, of no user's configuration: the address is a dead-letter subject. Stored by JetStream
 * where a stream captures the subject; otherwise published with a fence, and held while nobody
 * listens. */
const struct nw_connector *nw_hub_dead_letter(void);

/* Whether a connection that was closed in the middle of an attempt to connect is still about it. It
 * reads its options until that is over, which only the operating system's patience ends. Any
 * thread. */
bool nw_hub_lingers(void);

/* The kind of the top-level `nats:` block; what all three above have as their connection. */
extern const struct nw_connection_kind nw_hub_connection_kind;

#endif
