/* SPDX-License-Identifier: Apache-2.0 */
/* While a target is away, resident memory stays where it is, however much waits at the source. */
#include "support/bridge.h"
#include "support/http_client.h"
#include "support/http_load.h"
#include "support/http_server.h"
#include "support/kafka_broker.h"
#include "support/kafka_client.h"
#include "support/mosquitto.h"
#include "support/mqtt_client.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/port.h"
#include "support/tcp.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (INT64_C(1) << 20)
#define SIZE 4000
#define ROUND 5000 /* messages: 20 MB, more than twice the budget */
#define BUDGET "memory: 8MiB\n"
/* Beside the budget: what allocators keep, and buffers of sockets. */
#define SLACK (16 * MIB)
/* In a round, when the window is full. */
#define GROWTH (4 * MIB)

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static char payload[SIZE];
static int64_t idle;

static void set_up(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    cr_skip_test("a sanitizer's memory is in the way");
#endif
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    memset(payload, 'x', sizeof payload);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(memory, .init = set_up, .fini = tear_down, .timeout = 600);

/* Bytes that are resident now. */
static int64_t resident(void)
{
    char path[64], line[200];
    long long kib = -1;
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)bridge->process.pid);
    file = fopen(path, "r");
    cr_assert(file != NULL, "natsway is gone");
    while (kib < 0 && fgets(line, sizeof line, file) != NULL) {
        (void)sscanf(line, "VmRSS: %lld kB", &kib);
    }
    (void)fclose(file);
    cr_assert(kib >= 0);
    return kib * 1024;
}

static void run_bridge(const char *more)
{
    bridge = nwt_bridge_new(
        folder, "bridge", BUDGET "shutdown_timeout: 1s\nnats: {url: \"%s\"}\n%s", nats->url, more);
    nwt_bridge_run(bridge);
    idle = resident();
}

/* Watch for a second whether it becomes more. */
static void expect_at_most(const char *what, int64_t allowed)
{
    int64_t until = nwt_now_ms() + 1000, most = resident();

    while (nwt_now_ms() < until) {
        int64_t now = resident();
        most = now > most ? now : most;
        cr_expect_leq(nwt_bridge_number(bridge, "r", "memory"), 8 * MIB, "%s", what);
        (void)nwt_wait_step(until + 1000);
    }
    cr_expect_leq(most, allowed, "%s: %lld bytes, %lld are allowed, %lld when idle", what,
                  (long long)most, (long long)allowed, (long long)idle);
}

/* The first round has come: the window is full, and within the budget. Returns what is allowed
 * after the next. */
static int64_t expect_full(const char *what)
{
    cr_expect(NWT_WAIT(20000, nwt_bridge_number(bridge, "r", "memory") > MIB), "%s", what);
    expect_at_most(what, idle + 8 * MIB + SLACK);
    return resident() + GROWTH;
}

static void publish(const char *subject)
{
    for (size_t i = 0; i < ROUND; i++) {
        natsMsg *message = NULL;
        NWT_NATS(natsMsg_Create(&message, subject, NULL, payload, sizeof payload));
        nwt_stream_publish(client, message);
    }
    nwt_stream_flush(client);
}

Test(memory, is_flat_while_an_http_target_of_a_stream_is_away)
{
    char text[600];
    int64_t allowed;

    nwt_stream_add(client, "S", "in.>");
    (void)snprintf(text, sizeof text,
                   "routes:\n  r:\n    from: {jetstream: \"in.>\"}\n"
                   "    to: {http: \"POST http://127.0.0.1:%d/\"}\n",
                   nwt_port_free());
    run_bridge(text);
    publish("in.a");
    allowed = expect_full("jetstream");
    publish("in.a");
    expect_at_most("jetstream", allowed);
}

static void produce(rd_kafka_t *producer)
{
    for (size_t i = 0; i < ROUND; i++) {
        rd_kafka_resp_err_t rc =
            rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("memory"), RD_KAFKA_V_PARTITION(0),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_VALUE(payload, sizeof payload), RD_KAFKA_V_END);
        cr_assert_eq(rc, RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    nwt_producer_flush(producer);
}

Test(memory, is_flat_while_nats_is_away_from_kafka)
{
    struct nwt_kafka *kafka = nwt_kafka_shared(folder);
    rd_kafka_t *producer = nwt_producer_new(kafka->brokers);
    char text[600];
    int64_t allowed;

    nwt_topic_add(kafka->brokers, "memory", 1);
    (void)snprintf(text, sizeof text,
                   "connections:\n  kafka: {brokers: \"%s\"}\n"
                   "routes:\n  r:\n    from: {kafka: memory}\n    to: {nats: \"out\"}\n",
                   kafka->brokers);
    run_bridge(text);
    nwt_nats_stop(nats);
    produce(producer);
    allowed = expect_full("kafka");
    produce(producer);
    expect_at_most("kafka", allowed);
    nwt_producer_free(producer);
    nwt_kafka_free(kafka);
}

static void publish_mqtt(struct nwt_mqtt_client *p)
{
    for (size_t i = 0; i < ROUND; i++) {
        nwt_mqtt_publish(p, "t", payload, sizeof payload, 1, false);
    }
    nwt_mqtt_flush(p);
}

Test(memory, is_flat_while_the_spool_of_mqtt_grows)
{
    struct nwt_mosquitto *mosquitto = nwt_mosquitto_new(folder, NULL);
    struct nwt_mqtt_client *p = nwt_mqtt_connect(mosquitto->url, "p", 5, true, NULL, NULL);
    char text[600];
    int64_t allowed;

    (void)snprintf(text, sizeof text,
                   "connections:\n  mqtt: {url: \"%s\"}\n"
                   "routes:\n  r:\n    from: {mqtt: \"t\"}\n    to: {nats: \"out\"}\n",
                   mosquitto->url);
    run_bridge(text);
    nwt_nats_stop(nats);
    publish_mqtt(p);
    allowed = expect_full("mqtt");
    publish_mqtt(p);
    expect_at_most("mqtt", allowed);
    nwt_mqtt_close(p);
    nwt_mosquitto_free(mosquitto);
}

static void append(const char *path)
{
    FILE *file = fopen(path, "a");

    cr_assert(file != NULL);
    for (size_t i = 0; i < ROUND; i++) {
        (void)fprintf(file, "%.*s\n", (int)sizeof payload, payload);
    }
    cr_assert_eq(fclose(file), 0);
}

Test(memory, is_flat_while_nats_is_away_from_a_file)
{
    char *path = nwt_folder_file(folder, "in.log");
    char text[600];
    int64_t allowed;

    append(path);
    (void)snprintf(text, sizeof text,
                   "routes:\n  r:\n    from: {file: \"%s\", start: end}\n    to: {nats: \"out\"}\n",
                   path);
    run_bridge(text);
    nwt_nats_stop(nats);
    append(path);
    allowed = expect_full("file");
    append(path);
    expect_at_most("file", allowed);
    free(path);
}

static void post(const char *url)
{
    struct nwt_numbered *n = nwt_numbered_new(ROUND, SIZE, false);
    struct nwt_http_load load = {.url = url, .numbers = n, .connections = 16, .timeout_ms = 120000};

    nwt_http_load_run(&load);
    cr_expect_eq(load.refused, ROUND);
    nwt_http_load_done(&load);
    nwt_numbered_free(n);
}

Test(memory, is_flat_while_requests_are_refused_because_nats_is_away)
{
    int port = nwt_port_free();
    char text[600], url[80];
    int64_t allowed;

    (void)snprintf(text, sizeof text,
                   "connections:\n  http: {listen: \"127.0.0.1:%d\"}\n"
                   "routes:\n  r:\n    from: {http: \"POST /in\"}\n    to: {nats: \"out\"}\n",
                   port);
    run_bridge(text);
    nwt_nats_stop(nats);
    cr_assert(NWT_WAIT(20000, !nwt_bridge_ready(bridge)));
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/in", port);
    post(url);
    allowed = resident() + GROWTH;
    cr_expect_leq(resident(), idle + 8 * MIB + SLACK);
    post(url);
    expect_at_most("http", allowed);
}

Test(memory, of_a_route_whose_target_is_away_is_not_that_of_another)
{
    char text[900];

    nwt_stream_add(client, "S", "in.>");
    nwt_stream_add(client, "T", "other.>");
    nwt_stream_add(client, "U", "out.>");
    (void)snprintf(text, sizeof text,
                   "routes:\n  r:\n    from: {jetstream: \"in.>\"}\n"
                   "    to: {http: \"POST http://127.0.0.1:%d/\"}\n"
                   "  other:\n    from: {jetstream: \"other.>\"}\n    to: {jetstream: \"out.a\"}\n",
                   nwt_port_free());
    run_bridge(text);
    publish("in.a");
    (void)expect_full("the one that waits");
    publish("other.a");
    cr_expect(NWT_WAIT(30000, nwt_bridge_number(bridge, "other", "delivered") == ROUND));
    cr_expect_leq(resident(), idle + 8 * MIB + SLACK);
}

/* Each request of the pull ends after a few of them. */
Test(memory, is_enough_for_many_large_messages_of_a_stream)
{
    static char large[300000];

    nwt_stream_add(client, "S", "in.>");
    nwt_stream_add(client, "U", "out.>");
    run_bridge("routes:\n  r:\n    from: {jetstream: \"in.>\"}\n"
               "    to: {jetstream: \"out.a\"}\n");
    for (size_t i = 0; i < 100; i++) {
        natsMsg *message = NULL;
        NWT_NATS(natsMsg_Create(&message, "in.a", NULL, large, sizeof large));
        nwt_stream_publish(client, message);
    }
    nwt_stream_flush(client);
    cr_expect(NWT_WAIT(30000, nwt_bridge_number(bridge, "r", "delivered") == 100));
    cr_expect_eq(nwt_stream_count(client, "U"), 100);
    cr_expect_not(nwt_bridge_logged(bridge, "MaxBytes"));
}

/* Send a request but for the last byte of its body. Returns the connection. */
static int upload(int port, const char *body, size_t size)
{
    int fd = nwt_tcp_connect(port);

    cr_assert(fd >= 0);
    cr_assert(dprintf(fd, "POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", size) > 0);
    for (size_t sent = 0; sent + 1 < size;) {
        ssize_t n = write(fd, body + sent, size - 1 - sent);
        cr_assert_gt(n, 0);
        sent += (size_t)n;
    }
    return fd;
}

static int post_one(const char *url, const char *body, size_t size)
{
    struct nwt_http_answer answer = nwt_http_request("POST", url, NULL, body, size, 20000);
    int status = answer.status;

    cr_expect(status != 503 || strstr(answer.body, "too many large requests") != NULL, "%s",
              answer.body);
    nwt_http_done(&answer);
    return status;
}

Test(memory, bounds_the_bodies_that_are_being_received)
{
    static char body[1900000];
    int port = nwt_port_free(), fd;
    char text[600], url[80];

    (void)snprintf(text, sizeof text,
                   "connections:\n  http: {listen: \"127.0.0.1:%d\"}\n"
                   "routes:\n  r:\n    from: {http: \"POST /in\", max_body: 8MiB}\n"
                   "    to: {nats: out}\n",
                   port);
    run_bridge(text);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/in", port);
    fd = upload(port, body, sizeof body);
    cr_expect(NWT_WAIT(20000, post_one(url, body, 900000) == 503)); /* when most of it has come */
    cr_expect_eq(write(fd, "x", 1), 1);
    cr_expect(NWT_WAIT(20000, post_one(url, body, 900000) / 100 == 2));
    cr_expect_eq(close(fd), 0);
}
