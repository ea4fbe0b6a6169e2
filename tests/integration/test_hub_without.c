/* SPDX-License-Identifier: Apache-2.0 */
/* A NATS server without JetStream, or that does not let its API be asked: the routes that need it
 * say so and wait, the others go on, dead letters go to whoever listens. */
#include "support/bridge.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define DENIED                                                                      \
    "authorization: {users: [{user: bridge, password: pw, permissions: {publish: {" \
    "deny: [\"$JS.API.STREAM.NAMES\"]}}}, {user: other, password: pw}]}\n"

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;

static void set_up(void)
{
    folder = nwt_folder_new();
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(hub_without, .init = set_up, .fini = tear_down, .timeout = 600);

static void start(const char *server, const char *user)
{
    char url[100];
    char *in = nwt_folder_file(folder, "in.txt");

    nats = nwt_nats_new(folder, server);
    snprintf(url, sizeof url, "nats://%s127.0.0.1:%d", user, nats->port);
    client = nwt_nats_connect(url);
    nwt_file_write(in, "bad\n");
    free(in);
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"nats://127.0.0.1:%d\"%s}\n"
                            "dead_letter: \"dlq.{{route}}\"\n"
                            "routes:\n"
                            "  stored:\n    from: {jetstream: in.x}\n    to: {nats: a}\n"
                            "  bad:\n    from: {file: in.txt}\n    map: [{reject: no}]\n"
                            "    to: {nats: b}\n"
                            "  copy:\n    from: {nats: c}\n    to: {nats: d}\n",
                            nats->port, *user == '\0' ? "" : ", user: bridge, password: pw");
    nwt_bridge_start(bridge, NULL);
}

static void expect_the_others_to_go_on(const char *why)
{
    natsSubscription *letters = NULL, *copies = NULL;
    natsMsg *m = NULL;

    NWT_NATS(natsConnection_SubscribeSync(&letters, client->connection, "dlq.>"));
    NWT_NATS(natsConnection_SubscribeSync(&copies, client->connection, "d"));
    cr_assert(NWT_WAIT(20000, nwt_bridge_logged(bridge, why)));
    cr_assert_eq(natsSubscription_NextMsg(&m, letters, 60000), NATS_OK);
    cr_expect_str_eq(natsMsg_GetSubject(m), "dlq.bad");
    cr_expect_str_eq(natsMsg_GetData(m), "bad");
    natsMsg_Destroy(m);
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "bad", "dead_lettered") == 1));
    NWT_NATS(natsConnection_PublishString(client->connection, "c", "hello"));
    cr_assert_eq(natsSubscription_NextMsg(&m, copies, 60000), NATS_OK);
    natsMsg_Destroy(m);
    natsSubscription_Destroy(letters);
    natsSubscription_Destroy(copies);
    cr_assert(!nwt_bridge_ready(bridge));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

Test(hub_without, jetstream)
{
    start("jetstream: false", "");
    expect_the_others_to_go_on("JetStream is not enabled");
}

Test(hub_without, permission_to_ask_for_streams)
{
    start(DENIED, "other:pw@");
    expect_the_others_to_go_on("does not permit");
}
