/* SPDX-License-Identifier: Apache-2.0 */
/* Order in a stream that refuses messages again and again in the middle of a window. */
#include "support/bridge.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 12000
#define ROOM 150 /* messages of the target; those that are read make room */

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

TestSuite(hub_order, .init = set_up, .fini = tear_down, .timeout = 600);

static void add_small_stream(void)
{
    const char *subjects[] = {"out.>"};
    jsStreamConfig config;

    NWT_NATS(jsStreamConfig_Init(&config));
    config.Name = "OUT";
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Retention = js_WorkQueuePolicy;
    config.Discard = js_DiscardNew;
    config.MaxMsgs = ROOM;
    NWT_NATS(js_AddStream(NULL, client->js, &config, NULL, NULL));
}

static void publish_numbers(void)
{
    for (int i = 0; i < COUNT; i++) {
        char text[24];
        natsMsg *message = NULL;
        int n = snprintf(text, sizeof text, "%d", i);
        NWT_NATS(natsMsg_Create(&message, "in.a", NULL, text, n));
        nwt_stream_publish(client, message);
    }
    nwt_stream_flush(client);
}

/* Read all numbers as they come; how many are not the one behind the one before. */
static int read_numbers(void)
{
    natsSubscription *sub = NULL;
    jsSubOptions options;
    int next = 0, wrong = 0;

    NWT_NATS(jsSubOptions_Init(&options));
    options.Config.AckWait = INT64_C(600000000000); /* nothing comes again on a busy machine */
    NWT_NATS(js_PullSubscribe(&sub, client->js, "out.>", "reader", NULL, &options, NULL));
    while (next < COUNT) {
        natsMsgList list = {0};
        natsStatus s = natsSubscription_Fetch(&list, sub, 40, 30000, NULL);
        cr_assert_eq(s, NATS_OK, "%s at %d", natsStatus_GetText(s), next);
        for (int i = 0; i < list.Count; i++) {
            int number = atoi(natsMsg_GetData(list.Msgs[i]));
            wrong += number != next ? 1 : 0;
            next = number >= next ? number + 1 : next;
            NWT_NATS(natsMsg_Ack(list.Msgs[i], NULL));
        }
        natsMsgList_Destroy(&list);
    }
    natsSubscription_Destroy(sub);
    return wrong;
}

static void run(const char *more)
{
    nwt_stream_add(client, "IN", "in.>");
    add_small_stream();
    bridge = nwt_bridge_new(folder, "order",
                            "nats: {url: \"%s\"}\nroutes:\n"
                            "  r:\n    from: {jetstream: \"in.>\", ack_wait: 5m}\n"
                            "    to: {jetstream: \"out.a\"%s}\n"
                            "    on_error: {backoff: 1ms..20ms}\n",
                            nats->url, more);
    nwt_bridge_run(bridge);
    publish_numbers();
}

Test(hub_order, the_only_writer_is_never_overtaken)
{
    run(", only_writer: true");
    cr_assert_eq(read_numbers(), 0);
    cr_assert_geq(nwt_bridge_number(bridge, "r", "retries"), 1);
    cr_assert(NWT_WAIT(30000, nwt_bridge_number(bridge, "r", "delivered") == COUNT));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

/* Somebody who breaks the promise costs time, and a line in the log; nothing is lost. */
Test(hub_order, another_writer_is_said_and_nothing_is_lost)
{
    nwt_stream_add(client, "IN", "in.>");
    nwt_stream_add(client, "OUT", "out.>");
    bridge = nwt_bridge_new(folder, "order",
                            "nats: {url: \"%s\"}\nroutes:\n"
                            "  r:\n    from: {jetstream: \"in.>\", ack_wait: 5m}\n"
                            "    to: {jetstream: \"out.a\", only_writer: true}\n"
                            "    on_error: {backoff: 1ms..20ms}\n",
                            nats->url);
    nwt_bridge_run(bridge);
    publish_numbers();
    for (int i = 0; i < 50; i++) {
        natsMsg *message = NULL;
        NWT_NATS(natsMsg_Create(&message, "out.b", NULL, "x", 1));
        nwt_stream_publish(client, message);
        nwt_stream_flush(client);
    }
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(bridge, "r", "delivered") == COUNT));
    cr_assert_eq(nwt_stream_count(client, "OUT"), COUNT + 50);
    cr_assert(nwt_bridge_logged(bridge, "somebody else writes to it"));
}
