/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storing messages of Kafka once in a stream, over restarts and outages that are longer than the
 * stream's duplicate window. For a sink of JetStream; all on the loop thread.
 *
 * While it runs: each partition's *track* (once_track.h) knows what was sent and what is finished,
 * and once a second its *checkpoint* (once_record.h) goes into a KV bucket.
 *
 * Before a message is sent that might have been stored by a predecessor, or by ourselves longer ago
 * than the stream remembers its id, there is a *look*: the checkpoint is read, and from the stream
 * all that was stored behind it. Who is in that set is confirmed without being sent. It is the set
 * that decides, not the position: a message that was refused while those behind it were stored is
 * sent. And only what was seen in the stream is passed over: where something cannot be known (no
 * checkpoint, another stream, a piece too long) it is sent, at least once.
 *
 * The checkpoint is put only over the revision that was read or put before. So whoever takes over a
 * partition puts it first, and its former owner, should it still run, cannot put any more; if the
 * partition comes back to it, it looks again.
 */
#ifndef NATSWAY_HUB_ONCE_H
#define NATSWAY_HUB_ONCE_H

#include "hub/js_parse.h"
#include "hub/sink.h"

#define NW_ONCE_BUCKET "natsway-checkpoints"

struct nw_once;

/* message_id: the slot of what is sent as Nats-Msg-Id, 0: nw_message_id. which: of the route's
 * sinks, in the names of its checkpoints; NULL: the number of the target. NULL without memory. */
struct nw_once *nw_once_new(struct nw_hub_sink *sink, uint32_t message_id, const char *which);
/* Put the last checkpoints, without waiting for the answers, and free. NULL is allowed. */
void nw_once_free(struct nw_once *o);

/* May m, the first that waits in the sink, be published? May begin a look; then the sink's
 * nw_hub_sink_feed is called at its end. */
enum nw_admission nw_once_admit(struct nw_once *o, struct nw_message *m);
/* m, which was just admitted, is published now. */
void nw_once_sent(struct nw_once *o, struct nw_message *m);
/* m is stored (ack), or refused for good (NULL). Before its end is told. */
void nw_once_finished(struct nw_once *o, struct nw_message *m, const struct nw_js_puback *ack);
/* No stream took m. */
void nw_once_missing(struct nw_once *o);

/* The listener's calls. */
void nw_once_received(struct nw_once *o);
void nw_once_lost(struct nw_once *o);

#endif
