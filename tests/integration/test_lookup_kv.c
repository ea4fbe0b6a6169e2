/* SPDX-License-Identifier: Apache-2.0 */
/* The step lookup with a KV bucket: what is put and deleted counts at once, and nothing is lost
 * while there is no bucket. */
#include "support/bridge.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static kvStore *kv;

static void set_up(void)
{
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    nwt_stream_add(client, "IN", "in");
    nwt_stream_add(client, "OUT", "out");
    bridge =
        nwt_bridge_new(folder, "bridge",
                       "nats: {url: \"%s\"}\nroutes:\n"
                       "  one:\n    from: {jetstream: in}\n"
                       "    map: [{lookup: {kv: codes, key: .code, into: .name, missing: keep}}]\n"
                       "    to: {jetstream: out}\n",
                       nats->url);
}

static void tear_down(void)
{
    kvStore_Destroy(kv);
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(lookup_kv, .init = set_up, .fini = tear_down, .timeout = 600);

static void make_bucket(void)
{
    kvConfig config;

    NWT_NATS(kvConfig_Init(&config));
    config.Bucket = "codes";
    config.StorageType = js_FileStorage;
    NWT_NATS(js_CreateKeyValue(&kv, client->js, &config));
}

static void put(const char *key, const char *value)
{
    NWT_NATS(kvStore_PutString(NULL, kv, key, value));
}

static void send(const char *payload)
{
    natsMsg *m = NULL;

    NWT_NATS(natsMsg_Create(&m, "in", NULL, payload, (int)strlen(payload)));
    nwt_stream_publish(client, m);
    nwt_stream_flush(client);
}

static bool keep_last(void *context, natsMsg *m)
{
    snprintf(context, 200, "%.*s", natsMsg_GetDataLength(m), natsMsg_GetData(m));
    return true;
}

/* One message more, and what the route makes of it. */
static bool gives(const char *payload, const char *want)
{
    int64_t before = nwt_stream_count(client, "OUT");
    char last[200] = "";

    send(payload);
    if (before < 0 || !NWT_WAIT(60000, nwt_stream_count(client, "OUT") > before)) {
        return false;
    }
    nwt_stream_read(client, "OUT", "out", keep_last, last);
    return strcmp(last, want) == 0;
}

Test(lookup_kv, what_is_put_and_deleted_counts)
{
    make_bucket();
    put("7", "seven");
    put("a=20b", "{\"n\": 1}");
    put("gone", "x");
    NWT_NATS(kvStore_Delete(kv, "gone"));
    nwt_bridge_run(bridge);
    cr_expect(gives("{\"code\":7}", "{\"code\":7,\"name\":\"seven\"}"));
    cr_expect(gives("{\"code\":\"a b\"}", "{\"code\":\"a b\",\"name\":{\"n\":1}}"));
    cr_expect(gives("{\"code\":\"gone\"}", "{\"code\":\"gone\"}"));
    put("7", "sept");
    put("8.x", "acht");
    cr_assert(NWT_WAIT(60000, gives("{\"code\":7}", "{\"code\":7,\"name\":\"sept\"}")));
    cr_assert(NWT_WAIT(60000, gives("{\"code\":\"8.x\"}", "{\"code\":\"8.x\",\"name\":\"acht\"}")));
    NWT_NATS(kvStore_Delete(kv, "7"));
    cr_assert(NWT_WAIT(60000, gives("{\"code\":7}", "{\"code\":7}")));
    NWT_NATS(kvStore_Purge(kv, "8.x", NULL));
    cr_assert(NWT_WAIT(60000, gives("{\"code\":\"8.x\"}", "{\"code\":\"8.x\"}")));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

Test(lookup_kv, without_a_bucket_messages_wait_and_it_is_said_why)
{
    for (int i = 0; i < 50; i++) {
        send("{\"code\":7}");
    }
    nwt_bridge_start(bridge, NULL);
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(bridge, "the bucket codes: it does not exist")));
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(bridge, "one", "in_flight") == 50));
    cr_expect_eq(nwt_stream_count(client, "OUT"), 0);
    make_bucket();
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "OUT") == 50));
    put("7", "seven");
    cr_assert(NWT_WAIT(60000, gives("{\"code\":7}", "{\"code\":7,\"name\":\"seven\"}")));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

/* What changed while the server was away, or we were, is there afterwards. */
Test(lookup_kv, a_server_that_comes_again_has_it_all)
{
    char key[20], value[20];

    make_bucket();
    for (int i = 0; i < 3000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        snprintf(value, sizeof value, "v%d", i);
        put(key, value);
    }
    nwt_bridge_run(bridge);
    cr_expect(gives("{\"code\":\"k2999\"}", "{\"code\":\"k2999\",\"name\":\"v2999\"}"));
    cr_expect(gives("{\"code\":\"k0\"}", "{\"code\":\"k0\",\"name\":\"v0\"}"));
    nwt_nats_stop(nats);
    nwt_nats_start(nats);
    cr_assert(NWT_WAIT(60000, kvStore_PutString(NULL, kv, "k1", "new") == NATS_OK));
    cr_assert(NWT_WAIT(60000, nwt_bridge_ready(bridge)));
    cr_assert(NWT_WAIT(60000, gives("{\"code\":\"k1\"}", "{\"code\":\"k1\",\"name\":\"new\"}")));
    cr_expect(gives("{\"code\":\"k2\"}", "{\"code\":\"k2\",\"name\":\"v2\"}"));
    nwt_bridge_kill(bridge);
    nwt_bridge_run(bridge);
    cr_expect(gives("{\"code\":\"k2\"}", "{\"code\":\"k2\",\"name\":\"v2\"}"));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}
