/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host: in the pump's place, with one endpoint, at times two. It implements the functions that
 * natsway/connector.h declares, runs what belongs on a worker thread on one (host_worker.c), and
 * reports every breach of the contract as a fault of the running test:
 *
 *     offers without credit, after stop() or of what was already offered; messages done twice or
 *     without having been sent; nw_closed() twice or too early, and any call after it; nw_store()
 *     on the worker; a worker call that does not return in time; messages that are left.
 *
 * All functions here are called on the main thread.
 */
#ifndef NATSWAY_TESTS_CONTRACT_HOST_H
#define NATSWAY_TESTS_CONTRACT_HOST_H

#include "contract.h"

/* What happened to message `number`. */
struct nwc_record {
    unsigned offered, settled_ack; /* source */
    char origin[200];
    unsigned sent, acked, retried, rejected; /* sink */
    char reason[200];                        /* of the last rejection */
};
struct nwc_record nwc_record(size_t number);
/* How many of [0, n) were offered, were settled with ACK, are done with ACK. */
size_t nwc_count_offered(size_t n);
size_t nwc_count_settled(size_t n);
size_t nwc_count_acked(size_t n);

/* ---- The life of an endpoint ---- */

/* Once: find the connector. In each test: read the YAML of this adapter. */
void nwc_host_start(struct nwt_folder *folder);
void nwc_host_end(void);
void nwc_configure(const struct nwc_adapter *adapter, const char *name, const struct nwc_test *test,
                   struct nwt_folder *folder);
/* Forget it, and see that nothing is left. */
void nwc_unconfigure(void);

/* Open connection and endpoint, as at a start of the bridge. Must succeed. */
void nwc_open(void);
/* And one of another route beside it, on the same connection. Nobody puts messages for it. Until
 * the next nwc_shut(). */
void nwc_open_beside(void);
/* What the pump does when time is over: stop, settle what is held with NW_RETRY, close, wait until
 * nw_closed() has come, close the connection. Two endpoints close at once, the one beside last. */
void nwc_shut(void);
/* The same, the one beside first. */
void nwc_shut_from(bool beside_first);
bool nwc_is_open(void);

enum nw_state nwc_state(void);
/* How long the longest worker call took so far. */
int64_t nwc_longest_call_ms(void);
/* The same from close() to nw_closed(). */
int64_t nwc_longest_close_ms(void);

/* ---- Sources ---- */

/* Settle with ACK whatever is offered, as it comes; or hold it (the beginning). */
void nwc_settle_by_itself(bool yes);
/* Offered and not settled; and what is offered without being a numbered message is a fault. */
size_t nwc_held(void);
/* Settle the n that were offered first. */
void nwc_settle(size_t n, enum nw_outcome outcome);
/* The source asked for credit, was given none, and waits for credit(). */
bool nwc_starved(void);
/* The source was told that the spool is full. */
bool nwc_store_full(void);

/* ---- Sinks ---- */

/* Send [from, to) in one call. Not more than the window. */
void nwc_send(size_t from, size_t to);
/* The same for one message that is changed before by `change`. */
void nwc_send_changed(size_t number, void (*change)(struct nw_message *m));
/* Send [from, to) in one call, `which` of them changed. */
void nwc_send_among(size_t from, size_t to, size_t which, void (*change)(struct nw_message *m));
/* Sent and not done. */
size_t nwc_in_flight(void);
size_t nwc_window(void);
/* As the pump does: send [0, n) of what is not yet acknowledged or refused, in order, and again
 * what came back with NW_RETRY, until all is through. */
void nwc_deliver(size_t n);
/* The same, but returns when one came back with NW_RETRY or after ms. */
void nwc_try_to_deliver(size_t n, int64_t ms);

#endif
