/* SPDX-License-Identifier: Apache-2.0 */
/* mosquitto as source and as sink, QoS 1. It keeps its sessions when it is stopped, so what it has
 * confirmed comes out of it. */
#include "chaos.h"

#include "support/fail.h"
#include "support/wait.h"
#include "wire.h"
#include <stdio.h>
#include <stdlib.h>

#define WINDOW 18 /* mosquitto takes 20 at a time */

static struct wire wire; /* of the publisher, or of the reader */
static pthread_t reader;

static void open_broker(struct run *run)
{
    run->mosquitto = nwt_mosquitto_new(run->folder, NULL);
    run->other_proxy = nwt_proxy_new(run->mosquitto->port);
    snprintf(run->connections, sizeof run->connections,
             "  mqtt: {url: \"mqtt://127.0.0.1:%d\", keep_alive: 2s}\n",
             nwt_proxy_port(run->other_proxy));
    wire.fd = -1;
}

static void close_broker(struct run *run)
{
    wire_close(&wire);
    nwt_mosquitto_free(run->mosquitto);
}

/* ---- source ---- */

static void open_source(struct run *run)
{
    open_broker(run);
    snprintf(run->from, sizeof run->from, "mqtt: \"t/+\", qos: 1");
}

static uint16_t id_of(size_t number)
{
    return (uint16_t)(number % 65000 + 1);
}

/* A window at a time; after a cut from the first that is not confirmed. */
static size_t feed(struct run *run, size_t first, size_t n)
{
    char payload[PAYLOAD_SIZE], topic[40];
    size_t sent = 0, confirmed = 0;
    if (wire.fd < 0 && !wire_connect(&wire, run->mosquitto->port, "publisher")) {
        return 0;
    }
    while (wire.fd >= 0 && confirmed < n) {
        while (sent < n && sent - confirmed < WINDOW && wire.fd >= 0) {
            nwt_numbered_payload(run->numbers, first + sent, payload);
            snprintf(topic, sizeof topic, "t/%u", run_group(run, first + sent));
            sent += wire_publish(&wire, topic, payload, sizeof payload, id_of(first + sent));
        }
        while (confirmed < sent && wire_confirmed(&wire, id_of(first + confirmed))) {
            confirmed++;
        }
    }
    return confirmed;
}

const struct source feed_mqtt = {open_source, feed, NULL, close_broker};

/* ---- sink ---- */

static void take(struct run *run, const struct wire_message *message)
{
    char text[24];
    snprintf(text, sizeof text, "%.*s", (int)message->len, message->payload);
    size_t number = strtoul(text, NULL, 10);
    nwt_numbered_take(run->numbers, message->payload, message->len,
                      number < run->messages ? run_group(run, number) : 0);
}

/* Confirms what it has taken, and comes back to its session after every cut. */
static void *read_all(void *context)
{
    struct run *run = context;
    struct wire_message message;
    while (!run->ending) {
        if (wire.fd < 0 && !wire_connect(&wire, run->mosquitto->port, "reader")) {
            nwt_wait_step(INT64_MAX);
        }
        while (wire.fd >= 0 && !run->ending) {
            if (wire_next(&wire, &message)) {
                take(run, &message);
                wire_confirm(&wire, message.id);
            }
        }
    }
    return NULL;
}

static void open_sink(struct run *run)
{
    open_broker(run);
    if (!wire_connect(&wire, run->mosquitto->port, "reader") || !wire_subscribe(&wire, "t/+") ||
        pthread_create(&reader, NULL, read_all, run) != 0) {
        nwt_fail("the reader cannot subscribe");
    }
    snprintf(run->to, sizeof run->to, "mqtt: \"t/{{wildcard(1)}}\", qos: 1");
}

static int64_t arrived(struct run *run)
{
    return (int64_t)nwt_numbered_distinct(run->numbers);
}

static void close_sink(struct run *run)
{
    pthread_join(reader, NULL);
    close_broker(run);
}

const struct sink take_mqtt = {open_sink, arrived, NULL, close_sink};
