/* SPDX-License-Identifier: Apache-2.0 */
/* The position of a route is moved back and forth while the bridge runs; what it reads then is
 * exactly what stands from there on. */
#include "support/bridge.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/proxy.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static int64_t delivered; /* by the route until now */

static void set_up(void)
{
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(seek, .init = set_up, .fini = tear_down, .timeout = 600);

static void start(const char *routes)
{
    bridge =
        nwt_bridge_new(folder, "bridge", "nats: {url: \"%s\"}\nroutes:\n%s", nats->url, routes);
    nwt_bridge_run(bridge);
}

static void seek(const char *option, const char *value, int code, const char *text)
{
    char *said;
    int found = nwt_bridge_tell(bridge, &said, "seek", "r", option, value, NULL);

    cr_assert_eq(found, code, "%d: %s", found, said);
    cr_assert(strstr(said, text) != NULL, "no \"%s\" in: %s", text, said);
    free(said);
}

/* So many more come, and not one beyond them. */
static void expect_more(int64_t count)
{
    delivered += count;
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "r", "delivered") >= delivered),
              "%lld of %lld", (long long)nwt_bridge_number(bridge, "r", "delivered"),
              (long long)delivered);
    int64_t found = nwt_bridge_number(bridge, "r", "delivered");
    cr_assert_eq(found, delivered, "%lld of %lld", (long long)found, (long long)delivered);
    cr_expect_eq(nwt_bridge_number(bridge, "r", "in_flight"), 0);
}

static void publish(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        natsMsg *m;
        NWT_NATS(natsMsg_Create(&m, "in", NULL, "x", 1));
        nwt_stream_publish(client, m);
    }
    nwt_stream_flush(client);
}

/* The present moment, in UTC; what happens before is before it. */
static void now(char out[40])
{
    struct timespec t;
    struct tm utc;
    char seconds[30];

    (void)clock_gettime(CLOCK_REALTIME, &t);
    (void)gmtime_r(&t.tv_sec, &utc);
    (void)strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out, 40, "%s.%09ldZ", seconds, t.tv_nsec);
}

#define ROUTE "  r: {from: {jetstream: in}, to: {nats: out}}\n"

Test(seek, a_stream_back_and_forth)
{
    char time[40];

    nwt_stream_add(client, "IN", "in");
    start(ROUTE);
    publish(100);
    expect_more(100);
    now(time);
    publish(50);
    expect_more(50);
    seek("--to", "beginning", 0,
         "r: moved: the durable bridge-r of the stream IN: from sequence 151 to sequence 1, 150 "
         "messages");
    expect_more(150);
    seek("--to-sequence", "141", 0, "from sequence 151 to sequence 141, 10 messages wait");
    expect_more(10);
    seek("--to", time, 0, "from sequence 151 to sequence 101, 50 messages wait");
    expect_more(50);
    seek("--to", "end", 0, "from sequence 151 to sequence 151, 0 messages wait");
    publish(5);
    expect_more(5);
    /* A restart goes on there. */
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    publish(3);
    nwt_bridge_run(bridge);
    expect_more(3);
    seek("--to-sequence", "1000", 1, "nothing is moved: the stream IN ends at sequence 158");
    publish(1);
    expect_more(1);
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}

Test(seek, a_stream_from_which_nobody_reads_yet)
{
    nwt_stream_add(client, "IN", "in");
    publish(20);
    start("  r: {lanes: 3, from: {jetstream: in, deliver: new}, to: {nats: out}}\n");
    seek("--to-sequence", "11", 0, "to sequence 11, 10 messages wait");
    expect_more(10);
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    cr_expect(nwt_bridge_logged(bridge, "msg=\"10 delivered"), "and not one more");
}

Test(seek, not_where_the_route_runs_elsewhere_too)
{
    struct nwt_bridge *first;

    nwt_stream_add(client, "IN", "in");
    start(ROUTE);
    publish(10);
    expect_more(10);
    first = bridge;
    bridge = nwt_bridge_new(folder, "second", "name: bridge\nnats: {url: \"%s\"}\nroutes:\n" ROUTE,
                            nats->url);
    nwt_bridge_run(bridge);
    seek("--to", "beginning", 1,
         "nothing is moved: others read by the durable bridge-r: the route runs elsewhere, too");
    cr_expect_eq(nwt_bridge_stop(first), 0);
    nwt_bridge_free(first);
    seek("--to", "beginning", 0, "10 messages wait");
    delivered = 0;
    expect_more(10);
}

/* How many messages the durable has delivered since it was made; -1: not all are acknowledged. */
static int64_t read_by_durable(void)
{
    jsConsumerInfo *info = NULL;

    if (js_GetConsumerInfo(&info, client->js, "IN", "bridge-r", NULL, NULL) != NATS_OK) {
        return -1;
    }
    int64_t count =
        info->NumPending > 0 || info->NumAckPending > 0 ? -1 : (int64_t)info->Delivered.Consumer;
    jsConsumerInfo_Destroy(info);
    return count;
}

/* Killed when this request is sent, which does not arrive. A hundred messages were read and the
 * seek goes to the 91st; one more comes later. */
static void kill_seek_at(const char *request, int64_t expected)
{
    struct nwt_process command;
    struct nwt_proxy *proxy = nwt_proxy_new(nats->port);

    bridge = nwt_bridge_new(folder, "killed",
                            "name: bridge\nnats: {url: \"nats://127.0.0.1:%d\"}\nroutes:\n"
                            "  r: {from: {jetstream: in, deliver: new}, to: {nats: out}}\n",
                            nwt_proxy_port(proxy));
    nwt_bridge_run(bridge);
    publish(100);
    cr_assert(NWT_WAIT(20000, read_by_durable() == 100));
    nwt_proxy_vanish_at(proxy, request);
    nwt_bridge_begin_to_tell(bridge, &command, "seek", "r", "--to-sequence", "91", NULL);
    cr_assert(NWT_WAIT(20000, nwt_proxy_has_vanished(proxy)), "%s", request);
    nwt_bridge_kill(bridge);
    cr_expect_neq(nwt_process_wait(&command, 20000), 0);
    nwt_proxy_set(proxy, NWT_PROXY_OPEN);
    publish(1);
    nwt_bridge_run(bridge);
    cr_expect(NWT_WAIT(20000, read_by_durable() == expected), "%s: %lld instead of %lld", request,
              (long long)read_by_durable(), (long long)expected);
    nwt_bridge_free(bridge);
    bridge = NULL;
    nwt_proxy_free(proxy);
}

/* It is where it was, or where it was to go: never where `deliver:` says. */
Test(seek, killed_at_any_moment_a_position_is_not_lost)
{
    static const struct {
        const char *request;
        int64_t expected;
    } cases[] = {
        {"CONSUMER.DURABLE.CREATE.IN.bridge-r=seek ", 101},
        {"CONSUMER.DELETE.IN.bridge-r ", 101},
        {"CONSUMER.DURABLE.CREATE.IN.bridge-r ", 11},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nwt_stream_add(client, "IN", "in");
        kill_seek_at(cases[i].request, cases[i].expected);
        NWT_NATS(js_DeleteStream(client->js, "IN", NULL, NULL));
    }
}

/* A mark of a seek that was killed is in nobody's way. */
Test(seek, after_one_that_was_killed)
{
    jsConsumerInfo *info = NULL;

    nwt_stream_add(client, "IN", "in");
    kill_seek_at("CONSUMER.DELETE.IN.bridge-r ", 101);
    start(ROUTE);
    seek("--to-sequence", "100", 0, "from sequence 102 to sequence 100, 2 messages wait");
    cr_expect(NWT_WAIT(20000, read_by_durable() == 2));
    cr_expect(NWT_WAIT(20000, js_GetConsumerInfo(&info, client->js, "IN", "bridge-r=seek", NULL,
                                                 NULL) == NATS_NOT_FOUND));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}

static void add_stream(jsRetentionPolicy retention)
{
    const char *subjects[] = {"in"};
    jsStreamConfig config;

    NWT_NATS(jsStreamConfig_Init(&config));
    config.Name = "IN";
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Retention = retention;
    NWT_NATS(js_AddStream(NULL, client->js, &config, NULL, NULL));
}

Test(seek, not_where_a_stream_keeps_nothing_that_was_read)
{
    add_stream(js_WorkQueuePolicy);
    start(ROUTE);
    publish(10);
    expect_more(10);
    seek("--to", "beginning", 1, "the stream IN keeps a message until it is acknowledged");
    publish(10);
    expect_more(10);
}

Test(seek, not_where_a_stream_keeps_what_somebody_wants)
{
    add_stream(js_InterestPolicy);
    start(ROUTE);
    cr_assert(NWT_WAIT(10000, nwt_bridge_logged(bridge, "made the consumer")));
    publish(10);
    expect_more(10);
    seek("--to", "end", 1, "(retention interest)");
    publish(10);
    expect_more(10);
}

Test(seek, not_what_has_no_position)
{
    start("  r: {from: {nats: in}, to: {nats: out}}\n  off: {enabled: false, from: {jetstream: "
          "in}, to: {nats: b}}\n");
    seek("--to", "beginning", 1, "the source of r (nats) keeps nothing that could be read again");
    cr_expect_eq(nwt_bridge_tell(bridge, NULL, "seek", "nobody", "--to", "end", NULL), 1);
    cr_expect_eq(nwt_bridge_tell(bridge, NULL, "seek", "off", "--to", "end", NULL), 1);
    cr_expect_eq(nwt_bridge_tell(bridge, NULL, "seek", "r", NULL), 2);
    cr_expect_eq(nwt_bridge_tell(bridge, NULL, "seek", "r", "--to", "yesterday", NULL), 2);
    cr_expect_eq(nwt_bridge_tell(bridge, NULL, "seek", "r", "--to-sequence", "-1", NULL), 2);
    cr_expect(nwt_bridge_ready(bridge), "nothing was stopped for it");
}

/* ---- files ---- */

static void write_lines(const char *path, int from, int to)
{
    for (int i = from; i < to; i++) {
        char line[40];
        nwt_file_append(path, line, (size_t)snprintf(line, sizeof line, "line %d\n", i));
    }
}

Test(seek, a_file_back_and_forth)
{
    char *path = nwt_folder_file(folder, "a.data"), *second = nwt_folder_file(folder, "b.data");
    char time[40], text[300];

    write_lines(path, 0, 100);
    start("  r: {from: {file: \"*.data\"}, to: {nats: out}}\n");
    expect_more(100);
    snprintf(text, sizeof text, "r: moved: %s from byte 790 to byte 0", path);
    seek("--to", "beginning", 0, text);
    expect_more(100);
    seek("--to-sequence", "91", 0, "from byte 790 to byte 710");
    expect_more(10);
    seek("--to", "end", 0, "from byte 790 to byte 790");
    write_lines(path, 100, 105);
    expect_more(5);
    now(time);
    write_lines(second, 0, 20);
    expect_more(20);
    seek("--to", time, 0, "b.data from byte 150 to byte 0");
    expect_more(20);
    seek("--to-sequence", "1000", 0, "b.data from byte 150 to byte 150");
    /* A restart goes on there. */
    seek("--to-sequence", "11", 0, "b.data from byte 150 to byte 70");
    expect_more(105 - 10 + 10);
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    write_lines(path, 105, 106);
    nwt_bridge_run(bridge);
    expect_more(1);
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    free(path);
    free(second);
}

Test(seek, not_whole_files)
{
    char *path = nwt_folder_file(folder, "a.txt");

    nwt_file_write(path, "%s", "text");
    start("  r: {from: {file: \"*.txt\", mode: whole}, to: {nats: out}}\n");
    expect_more(1);
    seek("--to", "beginning", 1, "only files that are followed have a position: mode: whole");
    cr_expect_eq(nwt_bridge_number(bridge, "r", "delivered"), 1);
    free(path);
}
