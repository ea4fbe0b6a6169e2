/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka to JetStream, each message once, also where the stream has long forgotten the ids: its
 * duplicate window is 100 ms here. What is stored is compared with what was produced.
 */
#include "support/bridge.h"
#include "support/http_client.h"
#include "support/kafka_broker.h"
#include "support/kafka_mixed.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT 20000
#define PARTITIONS 4
#define KILLS 10
#define OUTAGES 5
#define WINDOW_NS INT64_C(100000000)
#define LARGE 20000 /* bytes */

static struct nwt_folder *folder;
static struct nwt_kafka *kafka;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static struct nwt_numbered *n;
static char name[40], topic[60];
static unsigned probes;

/* Who logs in as this may not make the bucket; who does not may do all. */
#define DENIED ", user: denied, password: p"
#define USERS                                                                                 \
    "authorization: {users: [{user: all, password: p}, {user: denied, password: p, "          \
    "permissions: {publish: {deny: [\"$JS.API.STREAM.CREATE.KV_natsway-checkpoints\"]}}}]}\n" \
    "no_auth_user: all"

static void set_up(void)
{
    static unsigned test;
    folder = nwt_folder_new();
    kafka = nwt_kafka_shared(folder);
    nats = nwt_nats_new(folder, USERS);
    client = nwt_nats_connect(nats->url);
    n = nwt_numbered_new(COUNT, NWT_MIXED_SIZE, true);
    snprintf(name, sizeof name, "once%d-%u", (int)getpid(), ++test);
    snprintf(topic, sizeof topic, "%s", name);
    nwt_topic_add(kafka->brokers, topic, PARTITIONS);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_kafka_free(kafka);
    nwt_folder_free(folder);
    nwt_numbered_free(n);
}

TestSuite(kafka_once, .init = set_up, .fini = tear_down, .timeout = 600);

static void add_stream_on(const char *stream, const char *subject, int32_t largest)
{
    const char *subjects[] = {subject, "probe"};
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    config.Name = stream;
    config.Subjects = subjects;
    config.SubjectsLen = strcmp(stream, "IN") == 0 ? 2 : 1;
    config.Duplicates = WINDOW_NS;
    config.MaxMsgSize = largest;
    if (nwt_stream_count(client, stream) < 0) {
        NWT_NATS(js_AddStream(NULL, client->js, &config, NULL, NULL));
    } else {
        NWT_NATS(js_UpdateStream(NULL, client->js, &config, NULL, NULL));
    }
}

static void add_stream(int32_t largest)
{
    add_stream_on("IN", "in.>", largest);
}

/* Messages in the stream, without those of ours. */
static int64_t stored(void)
{
    int64_t count = nwt_stream_count(client, "IN");
    return count < 0 ? -1 : count - (int64_t)probes;
}

static void let_the_window_pass(void)
{
    probes += nwt_stream_pass_window(client, "probe");
}

static void make_bridge(const char *login, const char *more)
{
    bridge = nwt_bridge_new(folder, "bridge",
                            "name: %s\nnats: {url: \"%s\"%s}\n"
                            "connections:\n  kafka: {brokers: \"%s\"}\nroutes:\n"
                            "  in:\n    from: {kafka: %s}\n"
                            "    to: {jetstream: \"in.{{partition}}\"}\n%s",
                            name, nats->url, login, kafka->brokers, topic, more);
}

static bool take(void *context, natsMsg *message)
{
    const char *number = nwt_nats_header(message, "n");
    (void)context;
    nwt_numbered_note(n, number == NULL ? -1 : strtoll(number, NULL, 10),
                      (unsigned)strtoul(natsMsg_GetSubject(message) + 3, NULL, 10));
    return true;
}

/* Each message once, and in order. */
static void all_are_stored_once(void)
{
    cr_assert(
        NWT_WAIT(60000, nwt_bridge_number(bridge, "in", "in_flight") == 0 && stored() >= COUNT));
    nwt_stream_read(client, "IN", "in.>", take, NULL);
    cr_assert(nwt_numbered_complete(n, false), "%zu stored twice", n->duplicates);
    cr_assert_eq(stored(), COUNT);
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

/* Produce part i of so many, and wait until some of it is stored. */
static void move_some_of(rd_kafka_t *producer, size_t i, size_t parts)
{
    size_t part = COUNT / parts;
    nwt_mixed_produce(producer, topic, PARTITIONS, n, i * part, (i + 1) * part);
    int64_t some = (int64_t)(i * part + 100 + i * part / (2 * parts));
    cr_assert(NWT_WAIT(60000, stored() >= some), "%d of %d", (int)stored(), (int)some);
}

Test(kafka_once, killed_again_and_again_beyond_the_duplicate_window)
{
    add_stream(-1);
    make_bridge("", "");
    nwt_bridge_run(bridge);
    rd_kafka_t *producer = nwt_producer_new(kafka->brokers);
    for (size_t i = 0; i < KILLS; i++) {
        move_some_of(producer, i, KILLS);
        nwt_bridge_kill(bridge);
        let_the_window_pass();
        nwt_bridge_run(bridge);
    }
    nwt_producer_free(producer);
    all_are_stored_once();
}

/* The server is killed with messages under way, of which it has stored some. The bridge stands
 * still until the stream has forgotten the ids of those. */
Test(kafka_once, an_outage_longer_than_the_duplicate_window)
{
    add_stream(-1);
    make_bridge("", "");
    nwt_bridge_run(bridge);
    rd_kafka_t *producer = nwt_producer_new(kafka->brokers);
    for (size_t i = 0; i < OUTAGES; i++) {
        move_some_of(producer, i, OUTAGES);
        nwt_process_kill(&nats->process);
        nwt_process_signal(&bridge->process, SIGSTOP);
        nwt_nats_start(nats);
        let_the_window_pass();
        nwt_process_signal(&bridge->process, SIGCONT);
    }
    nwt_producer_free(producer);
    all_are_stored_once();
}

static void produce_large(rd_kafka_t *producer, size_t number)
{
    char text[20], *payload = calloc(1, LARGE);
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
    cr_assert_not_null(payload);
    snprintf(text, sizeof text, "%zu", number);
    rd_kafka_header_add(headers, "n", -1, text, -1);
    cr_assert_eq(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
                                   RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                   RD_KAFKA_V_VALUE(payload, LARGE), RD_KAFKA_V_HEADERS(headers),
                                   RD_KAFKA_V_END),
                 RD_KAFKA_RESP_ERR_NO_ERROR);
    free(payload);
}

/* -1: there is none. */
static int64_t metric(const char *which)
{
    char url[60], text[100];
    snprintf(url, sizeof url, "%s/metrics", bridge->admin);
    snprintf(text, sizeof text, "\n%s{route=\"in\"} ", which);
    struct nwt_http_answer answer = nwt_http_request("GET", url, NULL, NULL, 0, 10000);
    const char *at = strstr(answer.body, text);
    int64_t count = at == NULL ? -1 : strtoll(at + strlen(text), NULL, 10);
    nwt_http_done(&answer);
    return count;
}

static int64_t passed_over(void)
{
    return metric("natsway_stored_already_total");
}

/* The stream refuses a message, and its dead letter has nowhere to go: it stays Kafka's. Those
 * behind it are stored. When the bridge is killed and started again only the one is stored. */
Test(kafka_once, what_was_refused_is_sent_again_though_its_followers_are_stored)
{
    const size_t refused = 1000, all = 3000;
    add_stream(LARGE / 2);
    make_bridge("", "    on_error: {dead_letter: nobody.listens}\n");
    nwt_bridge_run(bridge);
    rd_kafka_t *producer = nwt_producer_new(kafka->brokers);
    nwt_mixed_produce(producer, topic, 1, n, 0, refused);
    produce_large(producer, refused);
    nwt_mixed_produce(producer, topic, 1, n, refused + 1, all);
    nwt_producer_free(producer);
    cr_assert(NWT_WAIT(30000, stored() == (int64_t)all - 1), "%d", (int)stored());
    nwt_bridge_kill(bridge);
    add_stream(-1);
    let_the_window_pass();
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(30000, stored() >= (int64_t)all));
    cr_assert(NWT_WAIT(30000, nwt_bridge_number(bridge, "in", "in_flight") == 0));
    nwt_stream_read(client, "IN", "in.>", take, NULL);
    cr_assert_eq(nwt_numbered_distinct(n), all);
    cr_assert_geq(passed_over(), (int64_t)(all - refused - 1));
    cr_assert_eq(n->duplicates, 0, "%zu stored twice", n->duplicates);
}

static bool take_letter(void *context, natsMsg *message)
{
    const char *number = nwt_nats_header(message, "n");
    nwt_numbered_note(context, number == NULL ? -1 : strtoll(number, NULL, 10), 0);
    return true;
}

/* Every 50th message is refused and becomes a dead letter. Those are stored once, too. */
Test(kafka_once, dead_letters_are_stored_once)
{
    const size_t each = 50, all = 3000, parts = 4;
    struct nwt_numbered *letters = nwt_numbered_new(all, NWT_MIXED_SIZE, true);
    add_stream(LARGE / 2);
    add_stream_on("DLQ", "dlq.>", -1);
    make_bridge("", "    on_error: {dead_letter: \"dlq.{{route}}\"}\n");
    nwt_bridge_run(bridge);
    rd_kafka_t *producer = nwt_producer_new(kafka->brokers);
    for (size_t i = 0; i < all; i += each) {
        produce_large(producer, i);
        nwt_mixed_produce(producer, topic, 1, n, i + 1, i + each);
        if (i % (all / parts) == all / parts - each) {
            int64_t some = (int64_t)(i / each);
            cr_assert(NWT_WAIT(30000, nwt_stream_count(client, "DLQ") >= some));
            nwt_bridge_kill(bridge);
            let_the_window_pass();
            nwt_bridge_run(bridge);
        }
    }
    nwt_producer_free(producer);
    cr_assert(NWT_WAIT(60000, stored() >= (int64_t)(all - all / each) &&
                                  nwt_bridge_number(bridge, "in", "in_flight") == 0));
    nwt_stream_read(client, "DLQ", "dlq.>", take_letter, letters);
    cr_assert_eq(nwt_numbered_distinct(letters), all / each);
    cr_assert_eq(letters->duplicates, 0, "%zu stored twice", letters->duplicates);
    nwt_stream_read(client, "IN", "in.>", take, NULL);
    cr_assert_eq(n->duplicates, 0, "%zu stored twice", n->duplicates);
    nwt_numbered_free(letters);
}

/* Another process takes the partitions over when the first is killed. */
Test(kafka_once, another_process_takes_over_beyond_the_duplicate_window)
{
    char group[80];
    add_stream(-1);
    snprintf(group, sizeof group, "%s-in", name);
    make_bridge("", "");
    nwt_bridge_run(bridge);
    rd_kafka_t *producer = nwt_producer_new(kafka->brokers);
    for (size_t i = 0; i < 3; i++) {
        move_some_of(producer, i, 3);
        nwt_bridge_kill(bridge);
        nwt_bridge_free(bridge);
        let_the_window_pass();
        bridge = nwt_bridge_new(folder, i % 2 == 0 ? "other" : "third",
                                "name: %s\nnats: {url: \"%s\"}\n"
                                "connections:\n  kafka: {brokers: \"%s\"}\nroutes:\n"
                                "  in:\n    from: {kafka: %s}\n    lanes: 2\n"
                                "    to: {jetstream: \"in.{{partition}}\"}\n",
                                name, nats->url, kafka->brokers, topic);
        nwt_bridge_run(bridge);
    }
    nwt_mixed_produce(producer, topic, PARTITIONS, n, COUNT / 3 * 3, COUNT);
    nwt_producer_free(producer);
    all_are_stored_once();
}

/* A stream that was emptied, or made again, has none of what its checkpoint speaks of: all that
 * comes again is stored. */
Test(kafka_once, a_stream_made_again_gets_what_comes_again)
{
    add_stream(-1);
    make_bridge("", "");
    nwt_bridge_run(bridge);
    rd_kafka_t *producer = nwt_producer_new(kafka->brokers);
    nwt_mixed_produce(producer, topic, PARTITIONS, n, 0, COUNT / 2);
    cr_assert(NWT_WAIT(60000, stored() > COUNT / 4));
    nwt_bridge_kill(bridge);
    NWT_NATS(js_DeleteStream(client->js, "IN", NULL, NULL));
    probes = 0;
    add_stream(-1);
    nwt_bridge_run(bridge);
    nwt_mixed_produce(producer, topic, PARTITIONS, n, COUNT / 2, COUNT);
    nwt_producer_free(producer);
    /* What the route has received goes on counting from before the kill; this does not. */
    static const char delivered[] = "natsway_delivery_seconds_count";
    cr_assert(NWT_WAIT(60000, metric(delivered) >= COUNT / 2 &&
                                  nwt_bridge_number(bridge, "in", "in_flight") == 0 &&
                                  stored() == metric(delivered)),
              "%d are stored, %d were delivered", (int)stored(), (int)metric(delivered));
}

/* The topic is made again and its offsets begin anew: those are other messages. */
Test(kafka_once, a_topic_made_again_has_other_messages)
{
    add_stream(-1);
    make_bridge("", "");
    nwt_bridge_run(bridge);
    rd_kafka_t *producer = nwt_producer_new(kafka->brokers);
    nwt_mixed_produce(producer, topic, PARTITIONS, n, 0, 100);
    nwt_producer_free(producer);
    cr_assert(NWT_WAIT(30000, stored() == 100));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    nwt_topic_delete(kafka->brokers, topic);
    nwt_topic_add(kafka->brokers, topic, PARTITIONS);
    producer = nwt_producer_new(kafka->brokers);
    nwt_mixed_produce(producer, topic, PARTITIONS, n, 100, 200);
    nwt_producer_free(producer);
    let_the_window_pass();
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(30000, stored() == 200), "%d", (int)stored());
}

/* Who may not make the bucket does without. */
Test(kafka_once, without_the_bucket_it_goes_on)
{
    add_stream(-1);
    make_bridge(DENIED, "");
    nwt_bridge_run(bridge);
    rd_kafka_t *producer = nwt_producer_new(kafka->brokers);
    nwt_mixed_produce(producer, topic, PARTITIONS, n, 0, COUNT);
    nwt_producer_free(producer);
    all_are_stored_once();
    cr_assert(nwt_bridge_logged(bridge, "duplicate window, is stored again"));
    cr_assert(nwt_bridge_logged(bridge, "bucket natsway-checkpoints cannot be made"));
}
