/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The benchmark: each flow with natsway and with its bare limit, in turn, on the same servers, and
 * what each reached: messages a second, processor time of the process for each message, and its
 * largest resident memory. The rate counts from the first message that is seen at the target to the
 * last, so that start and group join do not count.
 *
 *     bench BARE-PROGRAM [FLOW]...        ROUNDS=3 COUNT=200000
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load.h"
#include "support/bridge.h"
#include "support/fail.h"
#include "support/kafka_broker.h"
#include "support/kafka_client.h"
#include "support/mosquitto.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/port.h"
#include "support/wait.h"

#define ROUNDS_MAX 9

/* The servers, and the one run that is under way. */
static struct world {
    const char *bare;
    struct nwt_folder *folder;
    struct nwt_nats *nats;
    struct nwt_nats_client *client;
    struct nwt_kafka *kafka;
    struct nwt_mosquitto *mosquitto;
    struct load *load;
    size_t count; /* messages of a run */
    int run;      /* number of the run: names are made of it */
    int port;     /* of the HTTP listener */
} world;

struct figures {
    double rate, cpu_us, memory_mb;
};

/* A flow: prepare makes source and target of one run; bare and bridge say how to start the two. */
struct flow {
    const char *name;
    size_t share; /* this many of a hundred of COUNT: slow flows take less */
    void (*prepare)(void);
    char *const *(*bare)(void);
    struct nwt_bridge *(*bridge)(void);
    void (*load)(void); /* may be NULL: the source is filled by prepare */
    int64_t (*arrived)(void);
};

static char text[8][300]; /* arguments of the run */

static char *say(int slot, const char *format, int number)
{
    (void)snprintf(text[slot], sizeof text[slot], format, number);
    return text[slot];
}

/* ---- JetStream as target and as source ---- */

static void prepare_stream(void)
{
    nwt_stream_add(world.client, say(0, "out%d", world.run), say(1, "out.%d", world.run));
}

static int64_t stream_count(void)
{
    return nwt_stream_count(world.client, text[0]);
}

static void prepare_full_stream(void)
{
    char payload[LOAD_PAYLOAD];

    if (nwt_stream_count(world.client, "full") >= (int64_t)world.count) {
        return;
    }
    nwt_stream_add(world.client, "full", "full");
    for (size_t i = 0; i < world.count; i++) {
        natsMsg *m;
        load_payload(payload, i);
        nwt_nats_check(natsMsg_Create(&m, "full", NULL, payload, LOAD_PAYLOAD), "message");
        nwt_stream_publish(world.client, m);
    }
    nwt_stream_flush(world.client);
}

/* ---- Kafka ---- */

static void prepare_stream_and_topic(void)
{
    nwt_topic_add(world.kafka->brokers, say(2, "to%d", world.run), 4);
    prepare_full_stream();
}

static void prepare_full_topic(void)
{
    static bool full;
    char payload[LOAD_PAYLOAD];
    rd_kafka_t *producer;

    prepare_stream();
    if (full) {
        return;
    }
    full = true;
    nwt_topic_add(world.kafka->brokers, "full", 4);
    producer = nwt_producer_new(world.kafka->brokers);
    for (size_t i = 0; i < world.count; i++) {
        load_payload(payload, i);
        while (rd_kafka_producev(producer, RD_KAFKA_V_TOPIC("full"),
                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                 RD_KAFKA_V_VALUE(payload, LOAD_PAYLOAD),
                                 RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            (void)rd_kafka_poll(producer, 10);
        }
    }
    nwt_producer_flush(producer);
    nwt_producer_free(producer);
}

static char *const *bare_kafka_jetstream(void)
{
    static char *arguments[8];
    char *const list[8] = {text[7],
                           "kafka-jetstream",
                           world.kafka->brokers,
                           "full",
                           say(3, "bare%d", world.run),
                           world.nats->url,
                           text[1],
                           NULL};

    memcpy(arguments, list, sizeof list);
    return arguments;
}

static struct nwt_bridge *bridge_kafka_jetstream(void)
{
    return nwt_bridge_new(world.folder, say(4, "bridge%d", world.run),
                          "nats: {url: \"%s\"}\n"
                          "connections:\n  kafka: {brokers: \"%s\"}\n"
                          "routes:\n  r:\n    from: {kafka: full, group: g%d, start: earliest}\n"
                          "    to: {jetstream: \"%s\"}\n",
                          world.nats->url, world.kafka->brokers, world.run, text[1]);
}

static char *const *bare_jetstream_kafka(void)
{
    static char *arguments[8];
    char *const list[8] = {text[7],
                           "jetstream-kafka",
                           world.nats->url,
                           "full",
                           say(3, "bare%d", world.run),
                           world.kafka->brokers,
                           text[2],
                           NULL};

    memcpy(arguments, list, sizeof list);
    return arguments;
}

static struct nwt_bridge *bridge_jetstream_kafka(void)
{
    return nwt_bridge_new(world.folder, say(4, "bridge%d", world.run),
                          "nats: {url: \"%s\"}\n"
                          "connections:\n  kafka: {brokers: \"%s\"}\n"
                          "routes:\n  r:\n    from: {jetstream: full, durable: d%d}\n"
                          "    to: {kafka: \"%s\"}\n",
                          world.nats->url, world.kafka->brokers, world.run, text[2]);
}

static int64_t topic_count(void)
{
    return nwt_topic_count(world.kafka->brokers, text[2]);
}

/* ---- MQTT ---- */

/* A topic of each run's own: the sessions of earlier runs live on at the broker, and would be given
 * what this one publishes, to be found as a backlog by the next. */
static void prepare_mqtt(void)
{
    prepare_stream();
    (void)say(5, "bench%d", world.run);
}

static char *const *bare_mqtt_jetstream(void)
{
    static char *arguments[7];
    char *const list[7] = {text[7], "mqtt-jetstream", say(3, "%d", world.mosquitto->port),
                           text[5], world.nats->url,  text[1],
                           NULL};

    memcpy(arguments, list, sizeof list);
    return arguments;
}

static struct nwt_bridge *bridge_mqtt_jetstream(void)
{
    return nwt_bridge_new(world.folder, say(4, "bridge%d", world.run),
                          "nats: {url: \"%s\"}\n"
                          "connections:\n  mqtt: {url: \"%s\"}\n"
                          "routes:\n  r:\n    from: {mqtt: %s, qos: 1}\n"
                          "    to: {jetstream: \"%s\"}\n",
                          world.nats->url, world.mosquitto->url, text[5], text[1]);
}

static void load_mqtt_topic(void)
{
    world.load = load_mqtt(world.mosquitto->port, text[5], world.count);
}

/* ---- HTTP ---- */

static void prepare_http(void)
{
    prepare_stream();
    world.port = nwt_port_free();
}

static char *const *bare_http_jetstream(void)
{
    static char *arguments[6];
    char *const list[6] = {text[7],         "http-jetstream", say(3, "%d", world.port),
                           world.nats->url, text[1],          NULL};

    memcpy(arguments, list, sizeof list);
    return arguments;
}

static struct nwt_bridge *bridge_http_jetstream(void)
{
    return nwt_bridge_new(world.folder, say(4, "bridge%d", world.run),
                          "nats: {url: \"%s\"}\n"
                          "connections:\n  http: {listen: \"127.0.0.1:%d\"}\n"
                          "routes:\n  r:\n    from: {http: \"POST /bench\"}\n"
                          "    to: {jetstream: \"%s\"}\n",
                          world.nats->url, world.port, text[1]);
}

static void load_http_path(void)
{
    world.load = load_http(world.port, "/bench", world.count);
}

/* ---- file ---- */

static void prepare_file(void)
{
    char payload[LOAD_PAYLOAD + 1];
    FILE *f;

    prepare_stream();
    (void)snprintf(text[2], sizeof text[2], "%s/lines%d", nwt_folder_path(world.folder), world.run);
    f = fopen(text[2], "w");
    payload[LOAD_PAYLOAD] = '\n';
    for (size_t i = 0; f != NULL && i < world.count; i++) {
        load_payload(payload, i);
        (void)fwrite(payload, 1, sizeof payload, f);
    }
    if (f == NULL || fclose(f) != 0) {
        nwt_fail("%s cannot be written", text[2]);
    }
}

static char *const *bare_file_jetstream(void)
{
    static char *arguments[6];
    char *const list[6] = {text[7], "file-jetstream", text[2], world.nats->url, text[1], NULL};

    memcpy(arguments, list, sizeof list);
    return arguments;
}

static struct nwt_bridge *bridge_file_jetstream(void)
{
    return nwt_bridge_new(world.folder, say(4, "bridge%d", world.run),
                          "nats: {url: \"%s\"}\n"
                          "routes:\n  r:\n    from: {file: \"%s\"}\n    to: {jetstream: \"%s\"}\n",
                          world.nats->url, text[2], text[1]);
}

static void prepare_stream_and_path(void)
{
    (void)snprintf(text[2], sizeof text[2], "%s/out%d", nwt_folder_path(world.folder), world.run);
    prepare_full_stream();
}

static char *const *bare_jetstream_file(void)
{
    static char *arguments[7];
    char *const list[7] = {
        text[7], "jetstream-file", world.nats->url, "full", say(3, "bare%d", world.run), text[2],
        NULL};

    memcpy(arguments, list, sizeof list);
    return arguments;
}

static struct nwt_bridge *bridge_jetstream_file(void)
{
    return nwt_bridge_new(world.folder, say(4, "bridge%d", world.run),
                          "nats: {url: \"%s\"}\n"
                          "routes:\n  r:\n    from: {jetstream: full, durable: d%d}\n"
                          "    to: {file: \"%s\"}\n",
                          world.nats->url, world.run, text[2]);
}

static int64_t line_count(void)
{
    struct stat st;

    return stat(text[2], &st) == 0 ? (int64_t)st.st_size / (LOAD_PAYLOAD + 1) : 0;
}

static const struct flow flows[] = {
    {"kafka-jetstream", 100, prepare_full_topic, bare_kafka_jetstream, bridge_kafka_jetstream, NULL,
     stream_count},
    {"jetstream-kafka", 100, prepare_stream_and_topic, bare_jetstream_kafka, bridge_jetstream_kafka,
     NULL, topic_count},
    {"mqtt-jetstream", 30, prepare_mqtt, bare_mqtt_jetstream, bridge_mqtt_jetstream,
     load_mqtt_topic, stream_count},
    {"http-jetstream", 40, prepare_http, bare_http_jetstream, bridge_http_jetstream, load_http_path,
     stream_count},
    {"file-jetstream", 100, prepare_file, bare_file_jetstream, bridge_file_jetstream, NULL,
     stream_count},
    {"jetstream-file", 100, prepare_stream_and_path, bare_jetstream_file, bridge_jetstream_file,
     NULL, line_count},
};

/* ---- measuring ---- */

static double memory_mb(pid_t pid)
{
    char path[64], line[256];
    double kb = 0;
    FILE *f;

    (void)snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "VmHWM:", 6) == 0) {
            kb = atof(line + 6);
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return kb / 1024;
}

static struct figures measure(const struct flow *flow, struct nwt_process *process)
{
    int64_t first = 0, cpu_us, began_ms, last = 0;
    double seconds;

    if (flow->load != NULL) {
        flow->load();
    }
    if (!NWT_WAIT(60000, (first = flow->arrived()) > 0)) {
        nwt_fail("%s: nothing arrived", flow->name);
    }
    began_ms = nwt_now_ms();
    cpu_us = nwt_process_cpu_us(process);
    if (!NWT_WAIT(120000, (last = flow->arrived()) >= (int64_t)world.count)) {
        nwt_fail("%s: only %lld of %zu arrived", flow->name, (long long)last, world.count);
    }
    seconds = (double)(nwt_now_ms() - began_ms + 1) / 1000;
    return (struct figures){(double)(last - first) / seconds,
                            (double)(nwt_process_cpu_us(process) - cpu_us) / (double)(last - first),
                            memory_mb(process->pid)};
}

static struct figures run_bare(const struct flow *flow)
{
    struct nwt_process process = {.pid = 0};
    struct figures f;
    char *out;

    world.run++;
    flow->prepare();
    (void)snprintf(text[7], sizeof text[7], "%s", world.bare);
    out = nwt_folder_file(world.folder, "bare%d.out", world.run);
    nwt_process_start(&process, flow->bare(), NULL, out, NULL);
    if (flow->load != NULL && !NWT_WAIT(60000, nwt_file_contains(out, "ready"))) {
        nwt_fail("%s: the bare program is not ready", flow->name);
    }
    f = measure(flow, &process);
    nwt_process_kill(&process);
    free(out);
    return f;
}

static struct figures run_bridge(const struct flow *flow)
{
    struct nwt_bridge *bridge;
    struct figures f;

    world.run++;
    flow->prepare();
    bridge = flow->bridge();
    if (flow->load != NULL) {
        nwt_bridge_run(bridge);
    } else {
        nwt_bridge_start(bridge, NULL);
    }
    f = measure(flow, &bridge->process);
    (void)nwt_bridge_stop(bridge);
    nwt_bridge_free(bridge);
    return f;
}

static void end_load(const struct flow *flow)
{
    if (world.load != NULL) {
        size_t failed = load_finish(world.load);
        world.load = NULL;
        if (failed > 0) {
            (void)printf("%s: %zu requests failed\n", flow->name, failed);
        }
    }
}

static int by_rate(const void *a, const void *b)
{
    double x = ((const struct figures *)a)->rate, y = ((const struct figures *)b)->rate;

    return x < y ? -1 : x > y;
}

static void run_flow(const struct flow *flow, size_t count, int rounds)
{
    struct figures bare[ROUNDS_MAX], bridge[ROUNDS_MAX];
    const struct figures *b, *n;

    world.count = count * flow->share / 100;
    for (int i = 0; i < rounds; i++) {
        bare[i] = run_bare(flow);
        end_load(flow);
        bridge[i] = run_bridge(flow);
        end_load(flow);
    }
    qsort(bare, (size_t)rounds, sizeof bare[0], by_rate);
    qsort(bridge, (size_t)rounds, sizeof bridge[0], by_rate);
    b = &bare[rounds / 2];
    n = &bridge[rounds / 2];
    (void)printf("| %-16s | %7.0f | %6.1f | %7.0f | %6.1f | %5.1f | %5.2f |\n", flow->name, b->rate,
                 b->cpu_us, n->rate, n->cpu_us, n->memory_mb, n->rate / b->rate);
    (void)fflush(stdout);
}

/* Apache Kafka takes a while to start. */
static bool needs_kafka(int argc, char **argv)
{
    bool needs = argc == 2;

    for (int i = 2; i < argc; i++) {
        needs |= strstr(argv[i], "kafka") != NULL;
    }
    return needs;
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    bool wanted = argc == 2;

    for (int i = 2; i < argc; i++) {
        wanted |= strcmp(argv[i], name) == 0;
    }
    return wanted;
}

static long setting(const char *name, long standard)
{
    const char *value = getenv(name);

    return value == NULL ? standard : atol(value);
}

int main(int argc, char **argv)
{
    long rounds = setting("ROUNDS", 3), count = setting("COUNT", 200000);

    if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX || count < 1000) {
        (void)fprintf(stderr, "usage: bench BARE-PROGRAM [FLOW]...\n");
        return 2;
    }
    world.bare = argv[1];
    world.folder = nwt_folder_new();
    world.nats = nwt_nats_new(world.folder, NULL);
    world.client = nwt_nats_connect(world.nats->url);
    world.mosquitto = nwt_mosquitto_new(world.folder, "max_queued_messages 0\n");
    world.kafka = needs_kafka(argc, argv) ? nwt_kafka_new(world.folder, NULL) : NULL;
    (void)printf("| flow             | bare /s | CPU us | ours /s | CPU us | MB    | ratio |\n"
                 "|------------------|---------|--------|---------|--------|-------|-------|\n");
    (void)fflush(stdout);
    for (size_t i = 0; i < sizeof flows / sizeof flows[0]; i++) {
        if (is_wanted(flows[i].name, argc, argv)) {
            run_flow(&flows[i], (size_t)count, (int)rounds);
        }
    }
    nwt_nats_close(world.client);
    nwt_mosquitto_free(world.mosquitto);
    nwt_kafka_free(world.kafka);
    nwt_nats_free(world.nats);
    nwt_folder_free(world.folder);
    return 0;
}
