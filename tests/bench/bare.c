/* SPDX-License-Identifier: Apache-2.0 */
/* The ring, and which source goes with which sink. */
#include "bare.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RING (1L << 17)

void (*ring_settle)(struct slot *slot, bool last);
void (*ring_each)(struct slot *slot);

static struct slot ring[RING];
static atomic_long head, tail; /* settled up to head, submitted up to tail */
static long window;
static const struct bare_sink *sink;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t room;
static bool waiting;

void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    _Exit(1);
}

int64_t monotonic_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void check_nats(natsStatus status, const char *doing)
{
    if (status != NATS_OK) {
        die("%s: %s", doing, natsStatus_GetText(status));
    }
}

natsConnection *bare_connect(const char *url)
{
    natsOptions *options;
    natsConnection *connection;

    check_nats(natsOptions_Create(&options), "options");
    check_nats(natsOptions_SetURL(options, url), "url");
    check_nats(natsConnection_Connect(&connection, options), "connect");
    natsOptions_Destroy(options);
    return connection;
}

void ring_init(const struct bare_sink *to, long most)
{
    sink = to;
    window = most;
    (void)pthread_cond_init(&room, NULL);
}

static struct slot *slot_of(long i)
{
    return &ring[i & (RING - 1)];
}

void ring_done(long i)
{
    struct slot *s = slot_of(i);
    long h;

    if (ring_each != NULL) {
        ring_each(s);
    }
    s->done = true;
    if (i != head) {
        return;
    }
    (void)pthread_mutex_lock(&lock);
    for (h = head; h < tail && slot_of(h)->done; h++) {
        slot_of(h)->done = false;
        if (ring_settle != NULL) {
            ring_settle(slot_of(h), h + 1 >= tail);
        }
        head = h + 1;
    }
    if (waiting && tail - head <= window / 2) {
        (void)pthread_cond_signal(&room);
    }
    (void)pthread_mutex_unlock(&lock);
}

struct slot *ring_next(void)
{
    if (tail - head >= window) {
        ring_idle();
        (void)pthread_mutex_lock(&lock);
        waiting = true;
        while (tail - head > window / 2) {
            struct timespec t;
            (void)clock_gettime(CLOCK_REALTIME, &t);
            t.tv_nsec += 5000000;
            t.tv_sec += t.tv_nsec / 1000000000;
            t.tv_nsec %= 1000000000;
            (void)pthread_cond_timedwait(&room, &lock, &t);
        }
        waiting = false;
        (void)pthread_mutex_unlock(&lock);
    }
    return slot_of(tail);
}

void ring_submit(const char *data, size_t len)
{
    long i = tail;

    tail = i + 1;
    sink->send(i, data, len);
}

void ring_idle(void)
{
    if (sink->flush != NULL) {
        sink->flush();
    }
}

void ring_locked(void (*copy)(void *context), void *context)
{
    (void)pthread_mutex_lock(&lock);
    copy(context);
    (void)pthread_mutex_unlock(&lock);
}

static void need(int argc, int count, const char *what)
{
    if (argc != count) {
        die("usage: bare %s", what);
    }
}

int main(int argc, char **argv)
{
    const char *flow = argc > 1 ? argv[1] : "";

    (void)signal(SIGPIPE, SIG_IGN);
    if (strcmp(flow, "kafka-jetstream") == 0) {
        need(argc, 7, "kafka-jetstream BROKERS TOPIC GROUP NATS-URL SUBJECT");
        ring_init(sink_jetstream(argv[5], argv[6]), 4000);
        source_kafka(argv[2], argv[3], argv[4]);
    } else if (strcmp(flow, "jetstream-kafka") == 0) {
        need(argc, 7, "jetstream-kafka NATS-URL STREAM DURABLE BROKERS TOPIC");
        ring_init(sink_kafka(argv[5], argv[6]), 100000);
        source_jetstream(argv[2], argv[3], argv[4]);
    } else if (strcmp(flow, "mqtt-jetstream") == 0) {
        need(argc, 6, "mqtt-jetstream PORT FILTER NATS-URL SUBJECT");
        ring_init(sink_jetstream(argv[4], argv[5]), 4000);
        source_mqtt(argv[2], argv[3]);
    } else if (strcmp(flow, "http-jetstream") == 0) {
        need(argc, 5, "http-jetstream PORT NATS-URL SUBJECT");
        ring_init(sink_jetstream(argv[3], argv[4]), 4000);
        source_http(argv[2]);
    } else if (strcmp(flow, "file-jetstream") == 0) {
        need(argc, 5, "file-jetstream PATH NATS-URL SUBJECT");
        ring_init(sink_jetstream(argv[3], argv[4]), 4000);
        source_file(argv[2]);
    } else if (strcmp(flow, "jetstream-file") == 0) {
        need(argc, 6, "jetstream-file NATS-URL STREAM DURABLE PATH");
        ring_init(sink_file(argv[5]), 4000);
        source_jetstream(argv[2], argv[3], argv[4]);
    }
    die("which flow? kafka-jetstream, jetstream-kafka, mqtt-jetstream, http-jetstream, "
        "file-jetstream or jetstream-file");
}
