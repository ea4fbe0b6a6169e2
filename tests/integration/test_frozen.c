/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers that take a connection and never answer: each holds the routes that need it, and no
 * other, also where all routes share one worker. And a bridge with nothing to do does nothing.
 */
#include "support/bridge.h"
#include "support/mosquitto.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/numbered.h"
#include "support/port.h"
#include "support/wait.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT 10000
#define SIZE 64

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_mosquitto *mosquitto;
static struct nwt_bridge *bridge;

static void set_up(void)
{
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    mosquitto = nwt_mosquitto_new(folder, NULL);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_mosquitto_free(mosquitto);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(frozen, .init = set_up, .fini = tear_down, .timeout = 600);

/* The kernel takes connections to it, and nobody ever reads them. */
static int listen_only(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(fd, 64), 0);
    return fd;
}

static void publish(const char *subject, size_t count)
{
    struct nwt_numbered *n = nwt_numbered_new(count, SIZE, false);
    char payload[SIZE];

    for (size_t i = 0; i < count; i++) {
        natsMsg *m = NULL;
        nwt_numbered_payload(n, i, payload);
        NWT_NATS(natsMsg_Create(&m, subject, NULL, payload, SIZE));
        nwt_stream_publish(client, m);
    }
    nwt_stream_flush(client);
    nwt_numbered_free(n);
}

static bool delivered(const char *route, int64_t count)
{
    return nwt_bridge_number(bridge, route, "delivered") == count;
}

Test(frozen, servers_hold_only_the_routes_that_need_them)
{
    int kafka = nwt_port_free(), http = nwt_port_free(), mqtt = nwt_port_free();
    int fds[] = {listen_only(kafka), listen_only(http), listen_only(mqtt)};

    nwt_stream_add(client, "IN", "in.>");
    nwt_stream_add(client, "OUT", "out");
    bridge = nwt_bridge_new(
        folder, "bridge",
        "nats: {url: \"%s\"}\nworkers: 1\nshutdown_timeout: 1s\n"
        "connections:\n"
        "  kafka: {brokers: \"127.0.0.1:%d\"}\n"
        "  deaf: {type: mqtt, url: \"mqtt://127.0.0.1:%d\"}\n"
        "  mqtt: {type: mqtt, url: \"%s\"}\n"
        "routes:\n"
        "  kafka:\n    from: {jetstream: in.a, ack_wait: 5m}\n    to: {kafka: t}\n"
        "  http:\n    from: {jetstream: in.a, ack_wait: 5m}\n    to: {http: \"POST "
        "http://127.0.0.1:%d/x\"}\n"
        "  deaf:\n    from: {jetstream: in.a, ack_wait: 5m}\n    to: {mqtt: t, connection: deaf, "
        "qos: 1}\n"
        "  mqtt:\n    from: {jetstream: in.a, ack_wait: 5m}\n    to: {mqtt: t, connection: mqtt, "
        "qos: 1}\n"
        "  file:\n    from: {jetstream: in.>, ack_wait: 5m}\n    to: {file: out.txt}\n"
        "  nats:\n    from: {jetstream: in.>, ack_wait: 5m}\n    to: {jetstream: out}\n",
        nats->url, kafka, mqtt, mosquitto->url, http);
    nwt_bridge_start(bridge, NULL);
    publish("in.a", COUNT / 2);
    cr_assert(NWT_WAIT(60000, delivered("mqtt", COUNT / 2)));
    nwt_process_signal(&mosquitto->process, SIGSTOP);
    publish("in.b", COUNT / 2);
    publish("in.a", 10);
    cr_assert(NWT_WAIT(60000, delivered("file", COUNT + 10)));
    cr_assert(NWT_WAIT(60000, delivered("nats", COUNT + 10)));
    cr_assert(delivered("mqtt", COUNT / 2));
    cr_assert(delivered("kafka", 0) && delivered("http", 0) && delivered("deaf", 0));
    nwt_process_signal(&mosquitto->process, SIGCONT);
    cr_assert(NWT_WAIT(60000, delivered("mqtt", COUNT / 2 + 10)));
    nwt_process_signal(&mosquitto->process, SIGSTOP);
    cr_assert_eq(nwt_bridge_stop(bridge), 0, "nor do they hold its end");
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        (void)close(fds[i]);
    }
}

/* What an idle bridge costs is the waking of its threads: the libraries' once a second each. A busy
 * loop does not sleep at all, and shows as time. */
Test(frozen, an_idle_bridge_stands_still)
{
    int64_t before_us, before, until_ms;

    nwt_stream_add(client, "IN", "in.>");
    bridge = nwt_bridge_new(
        folder, "bridge",
        "nats: {url: \"%s\"}\n"
        "connections:\n"
        "  mqtt: {url: \"%s\"}\n  http: {listen: \"127.0.0.1:%d\"}\n"
        "routes:\n"
        "  a:\n    from: {jetstream: in.>, ack_wait: 5m}\n    to: {mqtt: a, qos: 1}\n"
        "  b:\n    from: {mqtt: b, qos: 1}\n    to: {jetstream: in.b}\n"
        "  c:\n    from: {http: \"POST /c\"}\n    to: {jetstream: in.c}\n"
        "  d:\n    from: {file: \"d*.txt\"}\n    to: {nats: d}\n"
        "  e:\n    from: {nats: e}\n    to: {file: e.txt}\n",
        nats->url, mosquitto->url, nwt_port_free());
    nwt_bridge_run(bridge);
    before_us = nwt_process_cpu_us(&bridge->process);
    before = nwt_process_sleeps(&bridge->process);
    until_ms = nwt_now_ms() + 10000; /* the time itself is what is tested */
    while (nwt_wait_step(until_ms)) {
    }
    cr_assert_lt(nwt_process_sleeps(&bridge->process) - before, 200);
    cr_assert_lt(nwt_process_cpu_us(&bridge->process) - before_us, 5000000);
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}
