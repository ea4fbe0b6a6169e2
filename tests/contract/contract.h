/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract suite: one body of tests that every connector has to pass.
 *
 * Each program contract_NAME runs the tests of source_tests.c and sink_tests.c against one
 * connector, which is loaded from its shared object by the real loader and configured from YAML by
 * the real reader. The pump is not there: the host (host.h) stands in for it, calls the connector
 * as the pump does and sees every breach of the contract.
 *
 * A connector takes part through adapters, one for each kind of endpoint or way of using it: where
 * its server is, how a message gets into the foreign system, how to see what has arrived there, and
 * how to make the server stand still or be away. To add one's own connector: a file with its
 * adapters beside the others, and a line in CMakeLists.txt.
 *
 * Messages are numbered from 0; payload, key and headers are made from the number (message.c).
 */
#ifndef NATSWAY_TESTS_CONTRACT_H
#define NATSWAY_TESTS_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <natsway/connector.h>

#include "support/folder.h"

/* No test uses more numbers. */
#define NWC_MAX 1000

struct nwc_adapter {
    const char *name; /* what is printed: "mqtt, QoS 1" */
    /* YAML, in which every @ stands for a name that only this test has: the entry under
     * `connections:` (a line; NULL: none), and the flow mapping of `from:` or `to:`; one of the two
     * is NULL. */
    const char *connection, *source, *sink;
    const char *more; /* further lines of the route */
    const char *hub;  /* URL of a NATS server, for adapters that use one */

    size_t some;        /* how many messages most tests use; 0: 200. For what is slow: fewer */
    bool keys, headers; /* they pass */
    bool null_payload;  /* a null payload is not an empty one */
    bool null_key;      /* a null key is not an empty one */
    bool loses;         /* source: nothing comes again, nobody holds it (core NATS, QoS 0) */
    bool forgets;       /* sink: who listens may miss what comes right after an outage */
    size_t at_once;   /* source: so many unsettled at most, whatever the credit; 0: credit rules */
    size_t under_way; /* source with nw_store: the reserve after NW_STORED_FULL */
    size_t window;    /* sink: what it asks for with nw_sink_window; 0: it does not */

    bool alone;            /* there can be no other route like it beside it */
    const char *impatient; /* as source or sink, for tests in which somebody gives up soon */
    int64_t outlast_ms; /* sink: it keeps the messages; the server stands still for so long then */

    bool brief;         /* only the first test: of what differs little from another adapter */
    const char *breach; /* of a broken connector: the fault that its first test must find */

    /* Each may be NULL. Once for the program: start and end the server. */
    void (*start)(struct nwt_folder *folder);
    void (*end)(void);
    /* For each test: make its topic, stream, folder; remove what reads it. */
    void (*begin)(const char *name);
    void (*finish)(const char *name);
    /* Source: put messages [from, to) into the foreign system. NULL: it makes them by itself. */
    void (*put)(const char *name, size_t from, size_t to);
    /* Sink: tell nwc_arrived() of all that is there now; NULL: it is told as it comes. */
    void (*collect)(const char *name);
    /* The server stands still (SIGSTOP) and goes on; cannot be reached, and can again. */
    void (*freeze)(void);
    void (*thaw)(void);
    void (*away)(void);
    void (*back)(void);
    /* Sink: make of message `number` one that the target can never take. */
    void (*spoil)(struct nw_message *m);
    /* Something else fails than the server: another client takes over, answers are errors for a
     * while. Returns when that has happened. */
    void (*disturb)(const char *name);
};

/* Defined by each connector's file: the file NAME.so that is loaded (NULL: it is built in), and its
 * adapters, ended by NULL. */
extern const char *const nwc_connector;
extern const struct nwc_adapter *const nwc_adapters[];

/* ---- message.c: what message `number` is ---- */

struct nwc_text {
    char data[64];
    size_t len;
};

struct nwc_text nwc_payload(size_t number);
struct nwc_text nwc_key(size_t number);
/* The value of the header that every message has. */
#define NWC_HEADER "Contract-Number"
struct nwc_text nwc_header(size_t number);
/* The number that a payload begins with; false if it does not. */
bool nwc_number(struct nw_slice payload, size_t *number);

/* Something arrived in the foreign system. header: of NWC_HEADER. Absent slices are allowed where
 * the adapter says that they do not pass. Any thread. */
void nwc_arrived(struct nw_slice payload, struct nw_slice key, struct nw_slice header);
/* Forget all that has arrived: a collect() begins anew. */
void nwc_arrived_clear(void);
/* How often message `number` has arrived; how many of [0, n) have at least once. */
size_t nwc_arrivals(size_t number);
size_t nwc_arrived_count(size_t n);
/* What the last arrival with this header had. False: there was none. */
struct nwc_piece {
    struct nwc_text payload, key;
    bool payload_null, key_null;
};
bool nwc_arrived_piece(const char *header, struct nwc_piece *piece);

/* ---- Saying what is wrong; the test fails and goes on to its end. Any thread. ---- */

void nwc_fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool nwc_failed(void);

#define NWC_CHECK(condition, ...)   \
    do {                            \
        if (!(condition)) {         \
            nwc_fault(__VA_ARGS__); \
        }                           \
    } while (0)

/* Wait for a condition; a fault if it does not come. At once in a test that has failed. */
int64_t nwc_long_ms(void);
#define NWC_LONG_MS nwc_long_ms()
#define NWC_AWAIT(expression, ...)                                  \
    do {                                                            \
        if (!NWT_WAIT(NWC_LONG_MS, nwc_failed() || (expression))) { \
            nwc_fault(__VA_ARGS__);                                 \
        }                                                           \
    } while (0)

/* ---- The tests ---- */

/* `name` is of this test only: the adapter's @. An endpoint that is left open is shut. */
struct nwc_test {
    const char *name;
    void (*run)(const struct nwc_adapter *adapter, const char *name);
    size_t max_in_flight;
    bool (*applies)(const struct nwc_adapter *adapter); /* NULL: always */
    bool impatient;                                     /* with the adapter's other end */
};
extern const struct nwc_test nwc_source_tests[], nwc_sink_tests[];

#endif
