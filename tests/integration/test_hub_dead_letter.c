/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters: stored where a stream takes the subject, otherwise held until somebody listens. */
#include "support/bridge.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;

static void set_up(void)
{
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    nwt_stream_add(client, "IN", "in.>");
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(hub_dead_letter, .init = set_up, .fini = tear_down, .timeout = 600);

static void run_bridge(const char *map)
{
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\n"
                            "dead_letter: \"dlq.{{route}}\"\n"
                            "routes:\n"
                            "  r:\n"
                            "    from: {jetstream: \"in.>\"}\n"
                            "%s"
                            "    to: {nats: \"out.x\"}\n",
                            nats->url, map);
    nwt_bridge_run(bridge);
}

static void publish(const char *subject, const char *payload, size_t len)
{
    natsMsg *m = NULL;

    NWT_NATS(natsMsg_Create(&m, subject, NULL, payload, (int)len));
    NWT_NATS(natsMsgHeader_Set(m, "X", "1"));
    NWT_NATS(js_PublishMsg(NULL, client->js, m, NULL, NULL));
    natsMsg_Destroy(m);
}

static bool keep(void *context, natsMsg *m)
{
    natsMsg **kept = context;

    NWT_NATS(natsMsg_Create(kept, natsMsg_GetSubject(m), NULL, natsMsg_GetData(m),
                            natsMsg_GetDataLength(m)));
    static const char *const names[] = {"X",
                                        "Natsway-Error",
                                        "Natsway-Route",
                                        "Natsway-Origin",
                                        "Natsway-Attempts",
                                        "Natsway-Truncated",
                                        "Nats-Msg-Id"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = nwt_nats_header(m, names[i]);
        if (value != NULL) {
            NWT_NATS(natsMsgHeader_Set(*kept, names[i], value));
        }
    }
    return false;
}

#define REJECT "    map: [{reject: \"not this one\", when: '.bad'}]\n"

Test(hub_dead_letter, is_stored_with_the_message_and_the_reason)
{
    natsMsg *m = NULL;

    nwt_stream_add(client, "DLQ", "dlq.>");
    run_bridge(REJECT);
    publish("in.1", "{\"bad\":true}", 12);
    publish("in.1", "{\"bad\":false}", 13);
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "r", "dead_lettered") == 1));
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "r", "delivered") == 1));
    nwt_stream_read(client, "DLQ", "dlq.>", keep, &m);
    cr_assert_not_null(m);
    cr_expect_str_eq(natsMsg_GetSubject(m), "dlq.r");
    cr_expect_str_eq(natsMsg_GetData(m), "{\"bad\":true}");
    cr_expect_str_eq(nwt_nats_header(m, "X"), "1");
    cr_expect(strstr(nwt_nats_header(m, "Natsway-Error"), "not this one") != NULL);
    cr_expect_str_eq(nwt_nats_header(m, "Natsway-Route"), "r");
    cr_expect_str_eq(nwt_nats_header(m, "Natsway-Origin"), "js:IN/1");
    cr_expect_str_eq(nwt_nats_header(m, "Natsway-Attempts"), "1");
    cr_expect_eq(strncmp(nwt_nats_header(m, "Nats-Msg-Id"), "dlq.", 4), 0);
    natsMsg_Destroy(m);
}

static bool count_parts(void *context, natsMsg *m)
{
    const int *sum = context;

    *(int *)sum += atoi(natsMsg_GetData(m));
    return true;
}

/* The parts of a split: one is refused, the others arrive, the message is settled once. */
Test(hub_dead_letter, has_only_the_part_that_failed)
{
    natsMsg *letter = NULL;
    int sum = 0;

    nwt_stream_add(client, "DLQ", "dlq.>");
    nwt_stream_add(client, "OUT", "out.>");
    run_bridge("    map:\n"
               "      - split: '.[]'\n"
               "      - reject: 'not {{json(\".\")}}'\n"
               "        when: '. == 4'\n");
    publish("in.a", "[1,2,4,8]", 9);
    publish("in.a", "[16]", 4);
    cr_assert(NWT_WAIT(20000, nwt_stream_count(client, "OUT") == 4));
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "r", "in_flight") == 0));
    nwt_stream_read(client, "DLQ", "dlq.r", keep, &letter);
    cr_assert_not_null(letter);
    cr_expect_str_eq(natsMsg_GetData(letter), "4");
    cr_expect_str_eq(nwt_nats_header(letter, "Natsway-Error"), "not 4");
    cr_expect_str_eq(nwt_nats_header(letter, "X"), "1");
    cr_expect_eq(nwt_stream_count(client, "DLQ"), 1);
    nwt_stream_read(client, "OUT", "out.>", count_parts, &sum);
    cr_expect_eq(sum, 1 + 2 + 8 + 16);
    cr_expect_eq(nwt_bridge_number(bridge, "r", "received"), 2);
    cr_expect_eq(nwt_bridge_number(bridge, "r", "dead_lettered"), 1);
    cr_expect_eq(nwt_bridge_number(bridge, "r", "delivered"), 1);
    cr_assert(nwt_bridge_ledger_adds_up(bridge, "r"));
    natsMsg_Destroy(letter);
}

Test(hub_dead_letter, waits_for_a_listener_where_nothing_stores_it)
{
    natsSubscription *sub = NULL;
    natsMsg *m = NULL;

    run_bridge(REJECT);
    publish("in.1", "{\"bad\":true}", 12);
    cr_assert(NWT_WAIT(20000, nwt_bridge_logged(bridge, "are not stored")));
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "r", "retries") >= 2));
    cr_expect_eq(nwt_bridge_number(bridge, "r", "in_flight"), 1);
    NWT_NATS(natsConnection_SubscribeSync(&sub, client->connection, "dlq.r"));
    cr_assert_eq(natsSubscription_NextMsg(&m, sub, 30000), NATS_OK);
    cr_expect_str_eq(natsMsg_GetData(m), "{\"bad\":true}");
    natsMsg_Destroy(m);
    cr_assert(NWT_WAIT(10000, nwt_bridge_number(bridge, "r", "dead_lettered") == 1));
    cr_assert(nwt_bridge_ledger_adds_up(bridge, "r"));
    natsSubscription_Destroy(sub);
}

/* With the headers of a dead letter it does not fit into max_payload any more. */
Test(hub_dead_letter, that_is_too_large_goes_as_far_as_it_fits)
{
    size_t size = 1024 * 1024 - 20;
    char *large = malloc(size + 1);
    natsMsg *m = NULL;

    memset(large, 'x', size);
    nwt_stream_add(client, "DLQ", "dlq.>");
    run_bridge("");
    publish("in.1", large, size);
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "r", "dead_lettered") == 1));
    nwt_stream_read(client, "DLQ", "dlq.>", keep, &m);
    cr_assert_not_null(m);
    cr_expect_eq(natsMsg_GetDataLength(m), 512 * 1024);
    cr_expect(strstr(nwt_nats_header(m, "Natsway-Error"), "max_payload") != NULL);
    cr_expect_eq(strtoul(nwt_nats_header(m, "Natsway-Truncated"), NULL, 10), size);
    natsMsg_Destroy(m);
    free(large);
}

/* The stream is full and takes no more: the message stays where it is, and so does what comes. */
Test(hub_dead_letter, holds_its_source_while_its_stream_is_full)
{
    jsStreamConfig config;
    const char *subjects[] = {"dlq.>"};

    jsStreamConfig_Init(&config);
    config.Name = "DLQ";
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.MaxMsgs = 1;
    config.Discard = js_DiscardNew;
    NWT_NATS(js_AddStream(NULL, client->js, &config, NULL, NULL));
    run_bridge(REJECT);
    for (int i = 0; i < 3; i++) {
        publish("in.1", "{\"bad\":true}", 12);
    }
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "r", "dead_lettered") == 1));
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "r", "retries") >= 3));
    cr_expect_eq(nwt_bridge_number(bridge, "r", "in_flight"), 2);
    cr_expect_eq(nwt_bridge_number(bridge, "r", "dropped"), 0);
    nwt_bridge_kill(bridge);
    config.MaxMsgs = 10;
    NWT_NATS(js_UpdateStream(NULL, client->js, &config, NULL, NULL));
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(20000, nwt_stream_count(client, "DLQ") == 3));
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "r", "dead_lettered") == 2));
}

/* What a header of somebody else orders a stream to do was not meant for that of the dead letters:
 * it would refuse them for ever, or be emptied. */
Test(hub_dead_letter, obeys_no_header_of_the_message)
{
    static const char *const names[] = {"Nats-Expected-Stream", "Nats-Rollup"};
    jsStreamConfig config;
    const char *subjects[] = {"dlq.>"};
    natsMsg *m = NULL;

    jsStreamConfig_Init(&config);
    config.Name = "DLQ";
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.AllowRollup = true;
    NWT_NATS(js_AddStream(NULL, client->js, &config, NULL, NULL));
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\n"
                            "dead_letter: \"dlq.{{route}}\"\n"
                            "routes:\n"
                            "  r:\n"
                            "    from: {nats: \"core.x\"}\n"
                            "    map: [{reject: \"no\"}]\n"
                            "    to: {nats: \"out.x\"}\n",
                            nats->url);
    nwt_bridge_run(bridge);
    for (size_t i = 0; i < 2; i++) {
        NWT_NATS(natsMsg_Create(&m, "core.x", NULL, "x", 1));
        NWT_NATS(natsMsgHeader_Set(m, names[i], i == 0 ? "OTHER" : "all"));
        NWT_NATS(natsConnection_PublishMsg(client->connection, m));
        natsMsg_Destroy(m);
    }
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "r", "dead_lettered") == 2));
    cr_expect_eq(nwt_stream_count(client, "DLQ"), 2);
}
