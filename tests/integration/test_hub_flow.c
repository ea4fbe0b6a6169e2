/* SPDX-License-Identifier: Apache-2.0 */
/* NATS at both ends: streams and subjects, both ways; everything that a message has arrives, in
 * order. */
#include "support/bridge.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/numbered.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 12000
#define SIZE 256
#define SUBJECTS 4

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;

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

TestSuite(hub_flow, .init = set_up, .fini = tear_down, .timeout = 600);

static void run_bridge(const char *routes)
{
    bridge =
        nwt_bridge_new(folder, "bridge", "nats: {url: \"%s\"}\nroutes:\n%s", nats->url, routes);
    nwt_bridge_run(bridge);
}

/* Message i: payload, two values of one header, and every third one a key. */
static natsMsg *make(const struct nwt_numbered *n, size_t i, const char *prefix)
{
    char subject[60], payload[SIZE], text[40];
    natsMsg *m = NULL;

    snprintf(subject, sizeof subject, "%s.%zu", prefix, i % SUBJECTS);
    nwt_numbered_payload(n, i, payload);
    NWT_NATS(natsMsg_Create(&m, subject, NULL, payload, SIZE));
    snprintf(text, sizeof text, "first-%zu", i);
    NWT_NATS(natsMsgHeader_Add(m, "Trace", text));
    snprintf(text, sizeof text, "second-%zu", i);
    NWT_NATS(natsMsgHeader_Add(m, "Trace", text));
    if (i % 3 == 0) {
        NWT_NATS(natsMsgHeader_Set(m, "Natsway-Key", text));
    }
    return m;
}

static bool has_its_headers(natsMsg *m, size_t i)
{
    const char **values = NULL, *key = nwt_nats_header(m, "Natsway-Key");
    char first[40], second[40];
    int count = 0;
    bool same;

    snprintf(first, sizeof first, "first-%zu", i);
    snprintf(second, sizeof second, "second-%zu", i);
    if (natsMsgHeader_Values(m, "Trace", &values, &count) != NATS_OK) {
        return false;
    }
    same = count == 2 && strcmp(values[0], first) == 0 && strcmp(values[1], second) == 0;
    free((void *)values);
    if (i % 3 != 0) {
        return same && key == NULL;
    }
    return same && key != NULL && strcmp(key, second) == 0;
}

/* The subject's last token is the group of order. */
static bool take(void *context, natsMsg *m)
{
    struct nwt_numbered *n = context;
    unsigned group = (unsigned)strtoul(strrchr(natsMsg_GetSubject(m), '.') + 1, NULL, 10);
    int64_t i = nwt_numbered_take(n, natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), group);

    cr_assert(i >= 0 && has_its_headers(m, (size_t)i), "headers of %lld differ", (long long)i);
    return nwt_numbered_distinct(n) < n->count;
}

static void on_message(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *context)
{
    (void)nc;
    (void)sub;
    (void)take(context, m);
    natsMsg_Destroy(m);
}

static void publish_stream(const struct nwt_numbered *n, const char *prefix)
{
    for (size_t i = 0; i < n->count; i++) {
        nwt_stream_publish(client, make(n, i, prefix));
    }
    nwt_stream_flush(client);
}

Test(hub_flow, from_a_stream_to_another)
{
    struct nwt_numbered *n = nwt_numbered_new(COUNT, SIZE, true);

    nwt_stream_add(client, "IN", "in.>");
    run_bridge("  copy:\n"
               "    from: {jetstream: \"in.>\", ack_wait: 5m}\n"
               "    to: {jetstream: \"out.{{wildcard(1)}}\",\n"
               "         stream: {name: OUT, subjects: [\"out.>\"]}}\n");
    publish_stream(n, "in");
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "OUT") >= COUNT));
    nwt_stream_read(client, "OUT", "out.>", take, n);
    cr_assert(nwt_numbered_complete(n, false));
    cr_assert(NWT_WAIT(5000, nwt_bridge_number(bridge, "copy", "delivered") == COUNT));
    cr_assert(nwt_bridge_ledger_adds_up(bridge, "copy"));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    nwt_numbered_free(n);
}

static int64_t unacknowledged(const char *stream, const char *durable)
{
    jsConsumerInfo *info = NULL;
    int64_t count = -1;

    if (js_GetConsumerInfo(&info, client->js, stream, durable, NULL, NULL) == NATS_OK) {
        count = (int64_t)info->NumAckPending;
        jsConsumerInfo_Destroy(info);
    }
    return count;
}

Test(hub_flow, from_a_stream_to_a_subject)
{
    struct nwt_numbered *n = nwt_numbered_new(COUNT, SIZE, true);
    natsSubscription *sub = NULL;

    nwt_stream_add(client, "IN", "in.>");
    NWT_NATS(natsConnection_Subscribe(&sub, client->connection, "out.>", on_message, n));
    NWT_NATS(natsSubscription_SetPendingLimits(sub, -1, -1));
    publish_stream(n, "in");
    run_bridge("  down:\n"
               "    from: {jetstream: \"in.>\", durable: mine, ack_wait: 5m}\n"
               "    to: {nats: \"out.{{wildcard(1)}}\"}\n");
    cr_assert(NWT_WAIT(60000, nwt_numbered_distinct(n) == COUNT));
    cr_assert(nwt_numbered_complete(n, false));
    cr_assert(NWT_WAIT(5000, unacknowledged("IN", "mine") == 0));
    NWT_NATS(natsSubscription_Unsubscribe(sub));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    natsSubscription_Destroy(sub);
    nwt_numbered_free(n);
}

Test(hub_flow, from_a_subject_to_a_stream)
{
    struct nwt_numbered *n = nwt_numbered_new(COUNT, SIZE, true);

    run_bridge("  up:\n"
               "    from: {nats: \"in.*\", queue: workers}\n"
               "    to: {jetstream: \"out.{{wildcard(1)}}\",\n"
               "         stream: {name: OUT, subjects: [\"out.>\"]}}\n");
    for (size_t i = 0; i < COUNT; i++) {
        natsMsg *m = make(n, i, "in");
        NWT_NATS(natsConnection_PublishMsg(client->connection, m));
        natsMsg_Destroy(m);
    }
    NWT_NATS(natsConnection_Flush(client->connection));
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "OUT") >= COUNT));
    nwt_stream_read(client, "OUT", "out.>", take, n);
    cr_assert(nwt_numbered_complete(n, false));
    cr_assert_eq(nwt_bridge_number(bridge, "up", "dropped"), 0);
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    nwt_numbered_free(n);
}

/* A queue group shares, so two bridges do not double. */
Test(hub_flow, a_queue_group_shares_the_messages)
{
    struct nwt_numbered *n = nwt_numbered_new(2000, SIZE, false);
    struct nwt_bridge *second;
    const char *routes = "  up:\n"
                         "    from: {nats: \"in.*\", queue: workers}\n"
                         "    to: {nats: \"out.{{wildcard(1)}}\"}\n";
    natsSubscription *sub = NULL;
    int64_t first_count;

    NWT_NATS(natsConnection_Subscribe(&sub, client->connection, "out.>", on_message, n));
    run_bridge(routes);
    second =
        nwt_bridge_new(folder, "second", "nats: {url: \"%s\"}\nroutes:\n%s", nats->url, routes);
    nwt_bridge_run(second);
    for (size_t i = 0; i < n->count; i++) {
        natsMsg *m = make(n, i, "in");
        NWT_NATS(natsConnection_PublishMsg(client->connection, m));
        natsMsg_Destroy(m);
    }
    cr_assert(NWT_WAIT(30000, nwt_numbered_distinct(n) == n->count));
    cr_assert_eq(n->duplicates, 0);
    cr_assert(NWT_WAIT(5000, nwt_bridge_number(bridge, "up", "delivered") +
                                     nwt_bridge_number(second, "up", "delivered") ==
                                 (int64_t)n->count));
    first_count = nwt_bridge_number(bridge, "up", "delivered");
    cr_expect(first_count > 0 && first_count < (int64_t)n->count, "one took all: %lld",
              (long long)first_count);
    NWT_NATS(natsSubscription_Unsubscribe(sub));
    nwt_bridge_free(second);
    natsSubscription_Destroy(sub);
    nwt_numbered_free(n);
}

static bool take_payload(void *context, natsMsg *m)
{
    nwt_numbered_take(context, natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), 0);
    return true;
}

/* What is too large for the server is no outage: it goes to the dead letters, and the rest goes
 * on. */
Test(hub_flow, a_message_too_large_for_the_target_does_not_hold_the_rest)
{
    char *large = calloc(1, 1024 * 1024 - 60);
    struct nwt_numbered *n = nwt_numbered_new(10, SIZE, false);
    char payload[SIZE];

    nwt_stream_add(client, "DLQ", "dlq.>");
    run_bridge("  up:\n"
               "    from: {nats: in}\n"
               "    to: {jetstream: out, stream: {name: OUT, subjects: [out],\n"
               "         max_message_size: 1MiB}}\n"
               "    on_error: {then: dead_letter, dead_letter: dlq.up}\n");
    for (size_t i = 0; i < n->count; i++) {
        nwt_numbered_payload(n, i, payload);
        if (i == 5) {
            memset(large, 'x', 1024 * 1024 - 60);
            NWT_NATS(natsConnection_Publish(client->connection, "in", large, 1024 * 1024 - 60));
        }
        NWT_NATS(natsConnection_Publish(client->connection, "in", payload, SIZE));
    }
    cr_assert(NWT_WAIT(20000, nwt_stream_count(client, "OUT") >= 10));
    nwt_stream_read(client, "OUT", "out", take_payload, n);
    cr_assert(nwt_numbered_complete(n, false));
    cr_assert_eq(nwt_bridge_number(bridge, "up", "received"), 11);
    free(large);
    nwt_numbered_free(n);
}
