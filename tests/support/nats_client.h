/* SPDX-License-Identifier: Apache-2.0 */
/* A NATS client for tests: nats.c with the errors taken care of (they fail the test). */
#ifndef NATSWAY_TESTS_NATS_CLIENT_H
#define NATSWAY_TESTS_NATS_CLIENT_H

#include <nats/nats.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nwt_numbered;

struct nwt_nats_client {
    natsConnection *connection;
    jsCtx *js;
};

/* Fails the test, naming the call, unless the status is NATS_OK. */
#define NWT_NATS(call) nwt_nats_check((call), #call)
void nwt_nats_check(natsStatus status, const char *call);

/* Reconnects for ever when the server is restarted. */
struct nwt_nats_client *nwt_nats_connect(const char *url);
void nwt_nats_close(struct nwt_nats_client *client);

/* Make a stream on a subject, in files. */
void nwt_stream_add(struct nwt_nats_client *client, const char *name, const char *subject);
/* How many messages it holds; -1 if it cannot be asked. */
int64_t nwt_stream_count(struct nwt_nats_client *client, const char *name);

/* Wait until the stream that takes subject has forgotten all ids that it has now, a short duplicate
 * window, by what is stored there; returns how many messages that were. */
unsigned nwt_stream_pass_window(struct nwt_nats_client *client, const char *subject);

/* Publish without waiting for the PubAck; nwt_stream_flush waits for all and fails the test if one
 * was not stored. Takes the message. */
void nwt_stream_publish(struct nwt_nats_client *client, natsMsg *message);
void nwt_stream_flush(struct nwt_nats_client *client);
/* Publish numbers from … to - 1, and wait for all. */
void nwt_stream_publish_numbers(struct nwt_nats_client *client, const char *subject,
                                const struct nwt_numbered *n, size_t from, size_t to);

/* Read what the stream holds, in order, until `each` says false or its last message is read;
 * returns how many were read. filter: a subject that the stream captures. */
size_t nwt_stream_read(struct nwt_nats_client *client, const char *name, const char *filter,
                       bool (*each)(void *context, natsMsg *message), void *context);

/* The first value of a header; NULL if there is none. It lives as long as the message. */
const char *nwt_nats_header(natsMsg *message, const char *name);

#endif
