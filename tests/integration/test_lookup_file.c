/* SPDX-License-Identifier: Apache-2.0 */
/* The step lookup with files that change while the bridge runs. */
#include "support/bridge.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static char *codes;

static void set_up(void)
{
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    codes = nwt_folder_file(folder, "codes.csv");
    nwt_file_write(codes, "code,name\n7,seven\n");
    bridge = nwt_bridge_new(
        folder, "bridge",
        "nats: {url: \"%s\"}\nroutes:\n"
        "  one:\n    from: {nats: in, reply: true}\n"
        "    map: [{lookup: {file: codes.csv, key: .code, into: .name, missing: keep}}]\n"
        "    to: {nats: echo, request: 10s}\n",
        nats->url);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
    free(codes);
}

TestSuite(lookup_file, .init = set_up, .fini = tear_down, .timeout = 600);

static void echo(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *context)
{
    (void)sub;
    (void)context;
    (void)natsConnection_Publish(nc, natsMsg_GetReply(m), natsMsg_GetData(m),
                                 natsMsg_GetDataLength(m));
    natsMsg_Destroy(m);
}

/* What the route makes of code 7. */
static bool gives(const char *name)
{
    char want[100];
    natsMsg *m = NULL;
    bool same;

    if (natsConnection_RequestString(&m, client->connection, "in", "{\"code\":7}", 20000) !=
        NATS_OK) {
        return false;
    }
    snprintf(want, sizeof want, name == NULL ? "{\"code\":7}" : "{\"code\":7,\"name\":\"%s\"}",
             name);
    same = natsMsg_GetDataLength(m) == (int)strlen(want) &&
           memcmp(natsMsg_GetData(m), want, strlen(want)) == 0;
    natsMsg_Destroy(m);
    return same;
}

static natsSubscription *run_bridge(void)
{
    natsSubscription *sub = NULL;

    NWT_NATS(natsConnection_Subscribe(&sub, client->connection, "echo", echo, NULL));
    NWT_NATS(natsConnection_Flush(client->connection));
    nwt_bridge_run(bridge);
    return sub;
}

Test(lookup_file, a_file_that_changes_is_read_again)
{
    natsSubscription *sub = run_bridge();
    char *other = nwt_folder_file(folder, "codes.new");

    cr_assert(NWT_WAIT(60000, gives("seven")));
    nwt_file_write(codes, "code,name\n7,sept\n");
    cr_assert(NWT_WAIT(60000, gives("sept")));
    nwt_file_write(other, "code,name\n8,acht\n");
    cr_assert_eq(rename(other, codes), 0);
    cr_assert(NWT_WAIT(60000, gives(NULL)));
    nwt_file_write(codes, "code,name\n7,sieben\n");
    cr_assert(NWT_WAIT(60000, gives("sieben")));
    cr_expect(nwt_bridge_logged(bridge, "codes.csv has changed and was read again"));
    free(other);
    natsSubscription_Destroy(sub);
}

Test(lookup_file, a_version_that_cannot_be_read_changes_nothing_and_is_said)
{
    natsSubscription *sub = run_bridge();

    cr_assert(NWT_WAIT(60000, gives("seven")));
    nwt_file_write(codes, "code,name\n7,\"half");
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(bridge, "a quoted field does not end")));
    cr_expect(gives("seven"));
    cr_assert_eq(unlink(codes), 0);
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(bridge, "codes.csv cannot be seen any more")));
    cr_expect(gives("seven"));
    nwt_file_write(codes, "code,name\n7,sept\n");
    cr_assert(NWT_WAIT(60000, gives("sept")));
    natsSubscription_Destroy(sub);
}

/* As a folder of Kubernetes: the file is a link through a link that is turned. */
Test(lookup_file, a_link_that_is_turned_is_a_change)
{
    char *target;
    natsSubscription *sub;

    cr_assert_eq(unlink(codes), 0);
    target = nwt_folder_file(folder, "v1.txt");
    nwt_file_write(target, "code,name\n7,one\n");
    free(target);
    target = nwt_folder_file(folder, "v2.txt");
    nwt_file_write(target, "code,name\n7,two\n");
    free(target);
    target = nwt_folder_file(folder, "..data");
    cr_assert_eq(symlink("v1.txt", target), 0);
    cr_assert_eq(symlink("..data", codes), 0);
    sub = run_bridge();
    cr_assert(NWT_WAIT(60000, gives("one")));
    cr_assert_eq(unlink(target), 0);
    cr_assert_eq(symlink("v2.txt", target), 0);
    cr_assert(NWT_WAIT(60000, gives("two")));
    free(target);
    natsSubscription_Destroy(sub);
}
