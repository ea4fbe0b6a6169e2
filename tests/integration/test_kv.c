/* SPDX-License-Identifier: Apache-2.0 */
/* The connector kv: keys of a bucket put, deleted and watched. */
#include "support/bridge.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 3000

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
    nwt_stream_add(client, "IN", "in.>");
    nwt_stream_add(client, "OUT", "out.>");
}

static void tear_down(void)
{
    kvStore_Destroy(kv);
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(kv, .init = set_up, .fini = tear_down, .timeout = 600);

static void make_bucket(uint8_t history)
{
    kvConfig config;

    NWT_NATS(kvConfig_Init(&config));
    config.Bucket = "codes";
    config.History = history;
    config.StorageType = js_FileStorage;
    NWT_NATS(js_CreateKeyValue(&kv, client->js, &config));
}

static void make_bridge(const char *route)
{
    bridge = nwt_bridge_new(folder, "bridge", "nats: {url: \"%s\"}\nroutes:\n  r:\n%s", nats->url,
                            route);
}

static void make_target(void)
{
    make_bridge("    from: {jetstream: \"in.>\"}\n"
                "    to: {kv: \"codes/{{wildcard(1)}}\"}\n"
                "    on_error: {then: drop}\n");
}

/* payload NULL: a tombstone. */
static void send(const char *key, const char *payload, const char *header, const char *value)
{
    natsMsg *m = NULL;
    char subject[64];

    snprintf(subject, sizeof subject, "in.%s", key);
    NWT_NATS(natsMsg_Create(&m, subject, NULL, payload == NULL ? "" : payload,
                            payload == NULL ? 0 : (int)strlen(payload)));
    if (payload == NULL) {
        NWT_NATS(natsMsgHeader_Set(m, "Natsway-Tombstone", "1"));
    }
    if (header != NULL) {
        NWT_NATS(natsMsgHeader_Set(m, header, value));
    }
    nwt_stream_publish(client, m);
    nwt_stream_flush(client);
}

/* value NULL: the key is not there. */
static bool has(const char *key, const char *value)
{
    kvEntry *entry = NULL;
    natsStatus s = kvStore_Get(&entry, kv, key);
    bool same = value == NULL ? s == NATS_NOT_FOUND
                              : s == NATS_OK && strcmp(kvEntry_ValueString(entry), value) == 0;

    kvEntry_Destroy(entry);
    return same;
}

static bool has_revisions(int count)
{
    return nwt_stream_count(client, "KV_codes") == count;
}

/* ---- the target ---- */

Test(kv, a_message_is_put_and_a_tombstone_deletes)
{
    make_bucket(10);
    make_target();
    nwt_bridge_run(bridge);
    send("a", "1", NULL, NULL);
    send("b.c", "2", NULL, NULL);
    send("empty", "", NULL, NULL);
    cr_assert(NWT_WAIT(60000, has_revisions(3)));
    cr_expect(has("a", "1"));
    cr_expect(has("b.c", "2"));
    cr_expect(has("empty", ""), "an empty payload is a value");
    send("a", NULL, NULL, NULL);
    cr_assert(NWT_WAIT(60000, has_revisions(4)));
    cr_expect(has("a", NULL));
    cr_expect(has("b.c", "2"));
    send("a", "3", NULL, NULL);
    cr_assert(NWT_WAIT(60000, has("a", "3")));
}

Test(kv, headers_of_a_message_do_not_delete)
{
    natsMsg *m = NULL;

    make_bucket(10);
    make_bridge("    from: {nats: core}\n    to: {kv: codes/a}\n");
    nwt_bridge_run(bridge);
    for (int i = 1; i <= 3; i++) {
        NWT_NATS(natsMsg_Create(&m, "core", NULL, i == 3 ? "last" : "one", i == 3 ? 4 : 3));
        NWT_NATS(natsMsgHeader_Set(m, "Nats-Rollup", "sub"));
        NWT_NATS(natsMsgHeader_Set(m, "KV-Operation", "PURGE"));
        NWT_NATS(natsConnection_PublishMsg(client->connection, m));
        natsMsg_Destroy(m);
    }
    NWT_NATS(natsConnection_Flush(client->connection));
    cr_assert(NWT_WAIT(60000, has_revisions(3)));
    cr_expect(has("a", "last"));
}

Test(kv, without_a_bucket_messages_are_held_until_it_is_there)
{
    make_target();
    nwt_bridge_run(bridge);
    send("a", "1", NULL, NULL);
    send("b", "2", NULL, NULL);
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(bridge, "there is no bucket codes")));
    cr_expect_eq(nwt_bridge_number(bridge, "r", "delivered"), 0);
    make_bucket(1);
    cr_assert(NWT_WAIT(60000, has_revisions(2)));
    cr_expect(has("a", "1"));
    cr_expect(has("b", "2"));
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(bridge, "r", "delivered") == 2));
}

Test(kv, a_key_that_is_none_is_rejected)
{
    make_bucket(1);
    make_bridge("    from: {jetstream: \"in.>\"}\n"
                "    to: {kv: \"codes/x{{raw(header('End'))}}\"}\n"
                "    on_error: {then: drop}\n");
    nwt_bridge_run(bridge);
    send("a", "1", "End", ".");
    send("a", "2", "End", "y z");
    send("a", "3", "End", ".y");
    cr_assert(NWT_WAIT(60000, has("x.y", "3")));
    cr_expect_eq(nwt_bridge_number(bridge, "r", "dropped"), 2);
    cr_expect(nwt_bridge_logged(bridge, "KV key"));
}

static void send_many(void)
{
    for (int i = 0; i < MANY; i++) {
        natsMsg *m = NULL;
        char subject[64];

        snprintf(subject, sizeof subject, "in.k%d", i);
        NWT_NATS(natsMsg_Create(&m, subject, NULL, subject, (int)strlen(subject)));
        nwt_stream_publish(client, m);
    }
    nwt_stream_flush(client);
}

static int64_t last_revision(const char *stream)
{
    jsStreamInfo *info = NULL;
    int64_t last = -1;

    if (js_GetStreamInfo(&info, client->js, stream, NULL, NULL) == NATS_OK) {
        last = (int64_t)info->State.LastSeq;
        jsStreamInfo_Destroy(info);
    }
    return last;
}

Test(kv, a_killed_bridge_puts_each_message_once)
{
    make_bucket(1);
    make_target();
    send_many();
    for (int kills = 1; kills <= 3; kills++) {
        nwt_bridge_start(bridge, NULL);
        cr_assert(NWT_WAIT(60000, last_revision("KV_codes") >= kills * (MANY / 5)));
        nwt_bridge_kill(bridge);
    }
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(60000, has_revisions(MANY)));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    cr_expect_eq(last_revision("KV_codes"), MANY, "a repeat was stored again");
}

/* ---- the source ---- */

static void make_watch(const char *from)
{
    char route[500];

    snprintf(route, sizeof route,
             "    from: {kv: %s}\n"
             "    map: [{set: {headers: {Key: \"{{key}}\", Revision: \"{{sequence}}\"}}}]\n"
             "    to: {jetstream: \"out.{{wildcard(1)}}\"}\n"
             "    on_error: {then: drop}\n",
             from);
    make_bridge(route);
}

static void put(const char *key, const char *value)
{
    NWT_NATS(kvStore_PutString(NULL, kv, key, value));
}

/* a=1, a=2, b.x=3, c=4, c deleted, b.y purged: revisions 1 to 7. */
static void fill_bucket(uint8_t history)
{
    make_bucket(history);
    put("a", "1");
    put("a", "2");
    put("b.x", "3");
    put("c", "4");
    NWT_NATS(kvStore_Delete(kv, "c"));
    put("b.y", "6");
    NWT_NATS(kvStore_Purge(kv, "b.y", NULL));
}

/* "KEY=VALUE@REVISION " of each message; "-" for a tombstone. */
static bool add_message(void *context, natsMsg *m)
{
    char *text = context;
    size_t len = strlen(text);
    bool gone = nwt_nats_header(m, "Natsway-Tombstone") != NULL;

    if (strcmp(natsMsg_GetSubject(m) + 4, nwt_nats_header(m, "Key")) != 0) {
        len += (size_t)snprintf(text + len, 1000 - len, "(%s) ", natsMsg_GetSubject(m));
    }
    snprintf(text + len, 1000 - len, "%s=%.*s@%s ", nwt_nats_header(m, "Key"),
             gone ? 1 : natsMsg_GetDataLength(m), gone ? "-" : natsMsg_GetData(m),
             nwt_nats_header(m, "Revision"));
    return true;
}

static void expect(int count, const char *wanted)
{
    char text[1000] = "";

    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "OUT") >= count));
    nwt_stream_read(client, "OUT", "out.>", add_message, text);
    cr_assert_str_eq(text, wanted);
}

Test(kv, a_watch_begins_with_the_newest_of_each_key)
{
    fill_bucket(1);
    make_watch("codes");
    nwt_bridge_run(bridge);
    expect(4, "a=2@2 b.x=3@3 c=-@5 b.y=-@7 ");
    put("a", "8");
    NWT_NATS(kvStore_Delete(kv, "a"));
    NWT_NATS(kvStore_Purge(kv, "b.x", NULL));
    expect(7, "a=2@2 b.x=3@3 c=-@5 b.y=-@7 a=8@8 a=-@9 b.x=-@10 ");
    cr_expect_eq(nwt_bridge_number(bridge, "r", "dropped"), 0);
}

Test(kv, a_watch_with_history_has_every_revision)
{
    fill_bucket(5);
    make_watch("codes/>, history: true");
    nwt_bridge_run(bridge);
    expect(6, "a=1@1 a=2@2 b.x=3@3 c=4@4 c=-@5 b.y=-@7 ");
}

Test(kv, old_revisions_come_only_where_history_says_so)
{
    fill_bucket(5);
    make_watch("codes");
    nwt_bridge_start(bridge, NULL);
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(bridge, "the bucket codes keeps 5 revisions")));
    cr_expect_eq(nwt_stream_count(client, "OUT"), 0);
}

Test(kv, a_pattern_takes_its_keys_only)
{
    fill_bucket(1);
    make_watch("\"codes/b.*\"");
    nwt_bridge_run(bridge);
    expect(2, "(out.x) b.x=3@3 (out.y) b.y=-@7 ");
}

Test(kv, a_watch_waits_for_its_bucket)
{
    make_watch("codes");
    nwt_bridge_start(bridge, NULL);
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(bridge, "there is no bucket codes")));
    make_bucket(1);
    put("a", "1");
    expect(1, "a=1@1 ");
}

static void put_many(const char *value)
{
    for (int i = 0; i < MANY; i++) {
        natsMsg *m = NULL;
        char subject[64];

        snprintf(subject, sizeof subject, "$KV.codes.k%d", i);
        NWT_NATS(natsMsg_Create(&m, subject, NULL, value, (int)strlen(value)));
        nwt_stream_publish(client, m);
    }
    nwt_stream_flush(client);
}

Test(kv, a_killed_watch_gives_every_key_once)
{
    make_bucket(1);
    put_many("1");
    make_watch("codes");
    for (int kills = 1; kills <= 3; kills++) {
        nwt_bridge_start(bridge, NULL);
        cr_assert(NWT_WAIT(60000, last_revision("OUT") >= kills * (MANY / 5)));
        nwt_bridge_kill(bridge);
    }
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "OUT") >= MANY &&
                                  nwt_bridge_number(bridge, "r", "in_flight") == 0));
    cr_expect_eq(nwt_stream_count(client, "OUT"), MANY, "a repeat was stored again");
}

static bool count_new(void *context, natsMsg *m)
{
    *(int *)context += natsMsg_GetDataLength(m) == 3 && memcmp(natsMsg_GetData(m), "new", 3) == 0;
    return true;
}

static bool has_all_new(void)
{
    int count = 0;

    nwt_stream_read(client, "OUT", "out.>", count_new, &count);
    return count == MANY;
}

Test(kv, what_was_replaced_while_it_was_held_is_not_waited_for)
{
    NWT_NATS(js_DeleteStream(client->js, "OUT", NULL, NULL));
    make_bucket(1);
    put_many("old");
    make_watch("codes");
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(bridge, "no stream takes the subject")));
    nwt_bridge_kill(bridge);
    put_many("new");
    nwt_stream_add(client, "OUT", "out.>");
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(60000, has_all_new()));
    cr_expect_not(nwt_bridge_logged(bridge, "has not delivered again"));
}
