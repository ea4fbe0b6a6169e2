/* SPDX-License-Identifier: Apache-2.0 */
/* `natsway seek` on a Kafka group: back and forth, in all partitions, and only where no other
 * process is in the group. With checkpoints of what a stream has stored, these agree with it. */
#include "support/bridge.h"
#include "support/kafka_broker.h"
#include "support/kafka_client.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PARTITIONS 4

static struct nwt_folder *folder;
static struct nwt_kafka *kafka;
static struct nwt_nats *nats;
static struct nwt_bridge *bridge;
static rd_kafka_t *producer;
static char name[40], topic[60];
static int64_t delivered;

static void set_up(void)
{
    folder = nwt_folder_new();
    kafka = nwt_kafka_shared(folder);
    nats = nwt_nats_new(folder, NULL);
    snprintf(name, sizeof name, "seek%d", (int)getpid());
    snprintf(topic, sizeof topic, "seek-%d", (int)getpid());
    nwt_topic_add(kafka->brokers, topic, PARTITIONS);
    producer = nwt_producer_new(kafka->brokers);
    delivered = 0;
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_producer_free(producer);
    nwt_nats_free(nats);
    nwt_kafka_free(kafka);
    nwt_folder_free(folder);
}

TestSuite(seek_kafka, .init = set_up, .fini = tear_down, .timeout = 600);

static struct nwt_bridge *make_bridge(const char *file, int lanes)
{
    return nwt_bridge_new(folder, file,
                          "name: %s\nnats: {url: \"%s\"}\n"
                          "connections: {kafka: {brokers: \"%s\"}}\n"
                          "routes:\n  r: {lanes: %d, from: {kafka: %s}, to: {nats: out}}\n",
                          name, nats->url, kafka->brokers, lanes, topic);
}

/* So many in each partition. */
static void produce(int count)
{
    for (int i = 0; i < count * PARTITIONS; i++) {
        rd_kafka_resp_err_t error = rd_kafka_producev(
            producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(i % PARTITIONS),
            RD_KAFKA_V_VALUE("x", 1), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        cr_assert_eq(error, RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    nwt_producer_flush(producer);
}

static void seek(const char *option, const char *value, int code, const char *text)
{
    char *said;
    int found = nwt_bridge_tell(bridge, &said, "seek", "r", option, value, NULL);

    cr_assert_eq(found, code, "%d: %s", found, said);
    cr_assert(strstr(said, text) != NULL, "no \"%s\" in: %s", text, said);
    free(said);
}

/* So many more come; what the group stands at afterwards says that it is not one beyond them. */
static void expect_more(int64_t count, int64_t committed)
{
    delivered += count;
    cr_assert(NWT_WAIT(30000, nwt_bridge_number(bridge, "r", "delivered") >= delivered),
              "%lld of %lld", (long long)nwt_bridge_number(bridge, "r", "delivered"),
              (long long)delivered);
    cr_expect_eq(nwt_bridge_number(bridge, "r", "delivered"), delivered);
    char group[60];
    snprintf(group, sizeof group, "%s-r", name);
    cr_expect(NWT_WAIT(20000, nwt_group_committed(kafka->brokers, group, topic) == committed));
    cr_expect_eq(nwt_bridge_number(bridge, "r", "delivered"), delivered);
}

/* The broker's times are in milliseconds: what is produced from then on is behind it. */
static void pass_moment(char out[40])
{
    struct timespec t, later;
    struct tm utc;
    char seconds[30];

    (void)clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += 1;
    t.tv_nsec = 0;
    (void)gmtime_r(&t.tv_sec, &utc);
    (void)strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out, 40, "%sZ", seconds);
    cr_assert(
        NWT_WAIT(5000, clock_gettime(CLOCK_REALTIME, &later) == 0 && later.tv_sec >= t.tv_sec));
}

Test(seek_kafka, a_group_back_and_forth)
{
    char time[40], from[100];

    bridge = make_bridge("bridge", 2);
    nwt_bridge_run(bridge);
    produce(25);
    expect_more(100, 100);
    pass_moment(time);
    produce(10);
    expect_more(40, 140);
    snprintf(from, sizeof from, "r: moved: the group %s-r: %s/0 from 35 to 0, %s/1 from 35 to 0",
             name, topic, topic);
    seek("--to", "beginning", 0, from);
    expect_more(140, 140);
    seek("--to-sequence", "30", 0, "/3 from 35 to 30");
    expect_more(20, 140);
    seek("--to", time, 0, "/0 from 35 to 25");
    expect_more(40, 140);
    seek("--to", "end", 0, "/0 from 35 to 35");
    produce(1);
    expect_more(4, 144);
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}

Test(seek_kafka, not_where_the_group_has_another_member)
{
    struct nwt_bridge *first = make_bridge("first", 1);

    bridge = first;
    nwt_bridge_run(first);
    produce(5);
    expect_more(20, 20);
    bridge = make_bridge("second", 1);
    nwt_bridge_run(bridge);
    seek("--to", "beginning", 1, "nothing is moved: group ");
    cr_expect(nwt_bridge_logged(bridge, "has another member"));
    cr_assert(NWT_WAIT(20000, nwt_bridge_ready(bridge)));
    cr_expect_eq(nwt_bridge_number(first, "r", "delivered"), 20);
    cr_expect_eq(nwt_bridge_number(bridge, "r", "delivered"), 0);
    nwt_bridge_free(first);
}

/* ---- into a stream, with checkpoints ---- */

#define USERS                                                                                     \
    "authorization: {users: [{user: all, password: p}, {user: denied, password: p, permissions: " \
    "{publish: {deny: [\"$JS.API.STREAM.PURGE.KV_natsway-checkpoints\"]}}}]}\n"                   \
    "no_auth_user: all"

static struct nwt_nats_client *client;

/* A stream that forgets ids soon, and a route into it. */
static void make_stored(const char *login)
{
    const char *subjects[] = {"in.>", "probe"};
    jsStreamConfig config;
    nwt_nats_free(nats);
    nats = nwt_nats_new(folder, USERS);
    client = nwt_nats_connect(nats->url);
    jsStreamConfig_Init(&config);
    config.Name = "IN";
    config.Subjects = subjects;
    config.SubjectsLen = 2;
    config.Duplicates = INT64_C(100000000);
    NWT_NATS(js_AddStream(NULL, client->js, &config, NULL, NULL));
    bridge = nwt_bridge_new(folder, "stored",
                            "name: %s\nnats: {url: \"%s\"%s}\n"
                            "connections: {kafka: {brokers: \"%s\"}}\n"
                            "routes:\n  r: {from: {kafka: %s}, to: {jetstream: in.x}}\n",
                            name, nats->url, login, kafka->brokers, topic);
    nwt_bridge_run(bridge);
}

static bool count_message(void *count, natsMsg *message)
{
    (void)message;
    ++*(int *)count;
    return true;
}

/* How many messages of the route the stream has. */
static int stored(void)
{
    int count = 0;
    nwt_stream_read(client, "IN", "in.>", count_message, &count);
    return count;
}

/* Until so many are confirmed, committed and in a checkpoint, and the stream has forgotten them. */
static void expect_kept(int64_t count, int64_t committed)
{
    expect_more(count, committed);
    cr_assert(NWT_WAIT(20000, nwt_stream_count(client, "KV_natsway-checkpoints") == PARTITIONS));
    nwt_stream_pass_window(client, "probe");
}

Test(seek_kafka, what_a_stream_has_is_stored_again_and_once)
{
    make_stored("");
    produce(25);
    expect_kept(100, 100);
    cr_expect_eq(stored(), 100);
    seek("--to", "beginning", 0, "/0 from 25 to 0");
    expect_kept(100, 100);
    cr_expect_eq(stored(), 200, "%d", stored());
    /* The checkpoints are of the new position: what comes again after a kill is known. */
    seek("--to-sequence", "5", 0, "/0 from 25 to 5");
    cr_assert(NWT_WAIT(30000, stored() == 280), "%d", stored());
    nwt_bridge_kill(bridge);
    nwt_stream_pass_window(client, "probe");
    produce(1);
    nwt_bridge_run(bridge);
    char group[60];
    snprintf(group, sizeof group, "%s-r", name);
    cr_expect(NWT_WAIT(30000, nwt_group_committed(kafka->brokers, group, topic) == 104));
    cr_expect_eq(stored(), 284, "%d", stored());
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    nwt_nats_close(client);
}

Test(seek_kafka, not_where_the_checkpoints_would_stay)
{
    make_stored(", user: denied, password: p");
    produce(5);
    expect_kept(20, 20);
    seek("--to", "beginning", 1,
         "nothing is moved: the route's checkpoints cannot be removed from natsway-checkpoints: "
         "the NATS server does not permit the call");
    produce(1);
    expect_more(4, 24);
    cr_expect_eq(stored(), 24, "%d", stored());
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    nwt_nats_close(client);
}
