/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bare limit: each flow of the benchmark as the shortest program with the same durability as
 * the bridge: one source, one window, nothing settled at the source before the target confirmed it.
 * No retry, no second route, no configuration: what the client libraries allow, and nothing else.
 *
 * A source submits messages with ring_submit(), which waits while the window is full. A sink sends
 * message number i and calls ring_done(i) when it is confirmed. Confirmed messages are settled in
 * order, on the sink's thread.
 */
#ifndef NATSWAY_BENCH_BARE_H
#define NATSWAY_BENCH_BARE_H

#include <nats/nats.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the source needs to settle one message. */
struct slot {
    void *owner;
    int64_t number;
    int32_t part;
    _Atomic bool done;
};

struct bare_sink {
    void (*send)(long i, const char *data, size_t len);
    void (*flush)(void); /* may be NULL: nothing more comes just now */
    bool borrows;        /* data must stay until done */
};

/* Set by the source before the first submit. settle: in order; last: nothing is in flight behind
 * it. each: at once, in any order. Either may be NULL. */
extern void (*ring_settle)(struct slot *slot, bool last);
extern void (*ring_each)(struct slot *slot);

void ring_init(const struct bare_sink *sink, long window);
/* The next slot to fill; waits for room. */
struct slot *ring_next(void);
void ring_submit(const char *data, size_t len);
void ring_idle(void);
void ring_done(long i);
/* Copies what settle wrote, under the ring's lock. */
void ring_locked(void (*copy)(void *context), void *context);

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
int64_t monotonic_ns(void);
natsConnection *bare_connect(const char *url);
void check_nats(natsStatus status, const char *doing);

const struct bare_sink *sink_jetstream(const char *url, const char *subject);
const struct bare_sink *sink_kafka(const char *brokers, const char *topic);
const struct bare_sink *sink_file(const char *path);

/* Each runs until it is killed. */
void source_jetstream(const char *url, const char *stream, const char *durable);
void source_kafka(const char *brokers, const char *topic, const char *group);
void source_mqtt(const char *port, const char *filter);
void source_http(const char *port);
void source_file(const char *path);

#endif
