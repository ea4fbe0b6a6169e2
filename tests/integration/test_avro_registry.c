/* SPDX-License-Identifier: Apache-2.0 */
/* Avro with a schema registry: fetched once, waited for in order, asked with who we are. */
#include "support/bridge.h"
#include "support/http_client.h"
#include "support/http_server.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/port.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA                                                                                     \
    "{\"type\":\"record\",\"name\":\"plant.Event\",\"fields\":[{\"name\":\"n\",\"type\":\"long\"}" \
    "]}"
#define MOST 1000

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static struct nwt_http_server *registry;

/* What the registry does and what it saw. Ids 1 and 2 are there, everything is registered as 7. */
static struct {
    atomic_int schemas[8], registered, looked_up, refused, odd;
    int refuse_with;           /* 0: nothing is refused */
    const char *refuse_answer; /* with this */
    const char *authorization; /* NULL: anybody may */
} seen;

static void answer(struct nwt_http_visit *visit, int status, const char *text)
{
    visit->status = status;
    visit->answer = text;
    visit->answer_len = strlen(text);
}

static void serve_schema(struct nwt_http_visit *visit, int id)
{
    if (id >= 0 && id < 8) {
        atomic_fetch_add(&seen.schemas[id], 1);
    }
    if (id == 1) {
        answer(visit, 200, "{\"schema\":\"\\\"long\\\"\"}");
    } else if (id == 2 || id == 7) {
        answer(visit, 200,
               "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"plant.Event\\\","
               "\\\"fields\\\":[{\\\"name\\\":\\\"n\\\",\\\"type\\\":\\\"long\\\"}]}\","
               "\"schemaType\":\"AVRO\",\"references\":[]}");
    } else if (id == 3) {
        answer(visit, 200, "{\"schema\":\"message A {}\",\"schemaType\":\"PROTOBUF\"}");
    } else {
        answer(visit, 404, "{\"error_code\":40403,\"message\":\"Schema not found\"}");
    }
}

static void serve(void *context, struct nwt_http_visit *visit)
{
    const char *who = nwt_http_visit_header(visit, "Authorization");
    int id;

    (void)context;
    if (seen.authorization != NULL && (who == NULL || strcmp(who, seen.authorization) != 0)) {
        atomic_fetch_add(&seen.refused, 1);
        answer(visit, 401, "{\"error_code\":40101,\"message\":\"who are you\"}");
    } else if (seen.refuse_with != 0) {
        atomic_fetch_add(&seen.refused, 1);
        answer(visit, seen.refuse_with, seen.refuse_answer);
    } else if (sscanf(visit->path, "/schemas/ids/%d", &id) == 1) {
        serve_schema(visit, id);
    } else if (strstr(visit->body, "{\"schema\":\"{\\\"type\\\":\\\"record\\\"") == NULL) {
        atomic_fetch_add(&seen.odd, 1);
        answer(visit, 422, "{}");
    } else if (strcmp(visit->path, "/subjects/events.avro-value/versions") == 0 ||
               strcmp(visit->path, "/subjects/a%2Fb/versions") == 0) {
        atomic_fetch_add(&seen.registered, 1);
        answer(visit, 200, "{\"id\":7}");
    } else if (strcmp(visit->path, "/subjects/plant.Event") == 0) {
        atomic_fetch_add(&seen.looked_up, 1);
        answer(visit, 200, "{\"subject\":\"plant.Event\",\"id\":7,\"version\":1}");
    } else {
        atomic_fetch_add(&seen.odd, 1);
        answer(visit, 404, "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}");
    }
}

static void set_up(void)
{
    memset(&seen, 0, sizeof seen);
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    nwt_stream_add(client, "IN", "in.>");
    nwt_stream_add(client, "OUT", "out.>");
    nwt_stream_add(client, "DEAD", "dead.>");
    registry = nwt_http_server_new(serve, NULL);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_http_server_free(registry);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(avro_registry, .init = set_up, .fini = tear_down, .timeout = 600);

/* ---- help ---- */

static void make_bridge(const char *options)
{
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\n"
                            "dead_letter: dead.in\n"
                            "shutdown_timeout: 10m\n"
                            "routes:\n"
                            "  in:\n"
                            "    from: {jetstream: \"in.>\", ack_wait: 5m}\n"
                            "    map: [{decode: {avro: {registry: \"%s\"%s}}}]\n"
                            "    to: {jetstream: out.in}\n",
                            nats->url, nwt_http_server_url(registry), options);
}

static void publish(int id, int n)
{
    natsMsg *message = NULL;
    char payload[7] = {0, 0, 0, 0, (char)id};
    int len = 5;
    unsigned zigzag = (unsigned)n << 1;

    if (zigzag > 0x7F) {
        payload[len++] = (char)(zigzag | 0x80);
        zigzag >>= 7;
    }
    payload[len++] = (char)zigzag;
    NWT_NATS(natsMsg_Create(&message, "in.x", NULL, payload, len));
    nwt_stream_publish(client, message);
}

/* Numbers 0 and up, by turns with the schemas 1 and 2. */
static void publish_all(int count)
{
    for (int n = 0; n < count; n++) {
        publish(1 + n % 2, n);
    }
    nwt_stream_flush(client);
}

static bool is_next(void *context, natsMsg *message)
{
    int *next = context;
    char expected[40];

    (void)snprintf(expected, sizeof expected, *next % 2 == 0 ? "%d" : "{\"n\":%d}", *next);
    cr_assert_eq(natsMsg_GetDataLength(message), (int)strlen(expected), "%.*s in place of %s",
                 natsMsg_GetDataLength(message), natsMsg_GetData(message), expected);
    cr_assert_eq(memcmp(natsMsg_GetData(message), expected, strlen(expected)), 0);
    ++*next;
    return true;
}

static void expect_all_in_order(int count)
{
    int next = 0;

    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "OUT") == count), "%lld of %d came",
              (long long)nwt_stream_count(client, "OUT"), count);
    (void)nwt_stream_read(client, "OUT", "out.>", is_next, &next);
    cr_assert_eq(next, count);
    cr_assert_eq(nwt_stream_count(client, "DEAD"), 0);
}

/* Whether /api/routes has the text. */
static bool routes_say(const char *text)
{
    char url[100];
    struct nwt_http_answer a;
    bool says;

    (void)snprintf(url, sizeof url, "%s/api/routes", bridge->admin);
    a = nwt_http_request("GET", url, NULL, NULL, 0, 5000);
    says = a.status == 200 && strstr(a.body, text) != NULL;
    nwt_http_done(&a);
    return says;
}

static void expect_holding(const char *reason)
{
    cr_assert(NWT_WAIT(60000, routes_say("\"state\":\"holding\"") && routes_say(reason)), "%s",
              reason);
}

/* ---- decoding ---- */

Test(avro_registry, each_schema_is_fetched_once)
{
    make_bridge("");
    publish_all(MOST);
    nwt_bridge_run(bridge);
    expect_all_in_order(MOST);
    cr_expect_eq(seen.schemas[1], 1);
    cr_expect_eq(seen.schemas[2], 1);
    cr_expect(nwt_bridge_ledger_adds_up(bridge, "in"));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}

Test(avro_registry, messages_wait_in_order_for_a_registry_that_is_away)
{
    nwt_http_server_stop(registry);
    make_bridge("");
    publish_all(MOST);
    nwt_bridge_run(bridge);
    expect_holding("schema registry http://");
    cr_expect_eq(nwt_bridge_number(bridge, "in", "delivered"), 0);
    cr_expect(nwt_bridge_logged(bridge, "holding: it cannot be mapped yet"));
    nwt_http_server_start(registry);
    expect_all_in_order(MOST);
    cr_expect(NWT_WAIT(60000, routes_say("\"state\":\"running\"")));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}

/* The registry never comes: the end does not take shutdown_timeout, and nothing is lost. */
Test(avro_registry, what_waits_stays_at_its_source_when_the_bridge_stops)
{
    nwt_http_server_stop(registry);
    make_bridge("");
    publish_all(MOST);
    nwt_bridge_run(bridge);
    expect_holding("schema registry http://");
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    nwt_http_server_start(registry);
    nwt_bridge_run(bridge);
    expect_all_in_order(MOST);
}

static const struct refusal {
    int status;
    const char *answer, *reason;
} refusals[] = {
    {503, "", "answered 503"},
    {429, "{\"error_code\":42901,\"message\":\"slower\"}", "answered 429: slower"},
    {403, "{\"error_code\":40301,\"message\":\"not you\"}", "answered 403: not you"},
    /* Not the registry's own: somebody else stands there. */
    {404, "<html>nginx</html>", "answered 404"},
    {200, "<html>welcome</html>", "it answered without a schema"},
};

Test(avro_registry, a_refusal_is_no_fault_of_the_message)
{
    make_bridge("");
    publish_all(2);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        seen.refuse_with = refusals[i].status;
        seen.refuse_answer = refusals[i].answer;
        if (i == 0) {
            nwt_bridge_run(bridge);
        }
        expect_holding(refusals[i].reason);
    }
    seen.refuse_with = 0;
    expect_all_in_order(2);
}

static bool says_why(void *context, natsMsg *message)
{
    const char *why = nwt_nats_header(message, "Natsway-Error");
    int *count = context;

    cr_assert_not_null(why);
    cr_expect(strstr(why, *count < 2 ? "has no schema 5" : "schema 3 is not Avro") != NULL, "%s",
              why);
    cr_expect_eq(natsMsg_GetDataLength(message), 6);
    ++*count;
    return true;
}

Test(avro_registry, an_id_that_is_not_there_is_a_dead_letter_and_the_others_go_on)
{
    int count = 0;

    make_bridge("");
    publish(1, 0);
    publish(5, 1);
    publish(5, 1);
    publish(3, 1);
    publish(2, 1);
    nwt_stream_flush(client);
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "DEAD") == 3));
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "OUT") == 2));
    cr_expect_eq(seen.schemas[5], 1);
    nwt_stream_read(client, "DEAD", "dead.>", says_why, &count);
    cr_expect_eq(count, 3);
}

/* Who waits for an answer does not wait for the registry longer than the request may take. */
Test(avro_registry, a_request_is_answered_at_its_deadline)
{
    static const char payload[] = {0, 0, 0, 0, 1, 2};
    struct nwt_http_answer a;
    int port = nwt_port_free();
    char url[60];

    nwt_http_server_stop(registry);
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\n"
                            "connections: {http: {listen: \"127.0.0.1:%d\"}}\n"
                            "routes:\n"
                            "  in:\n"
                            "    from: {http: \"POST /in\", timeout: 1s}\n"
                            "    map: [{decode: {avro: {registry: \"%s\"}}}]\n"
                            "    to: {jetstream: out.in}\n",
                            nats->url, port, nwt_http_server_url(registry));
    nwt_bridge_run(bridge);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/in", port);
    a = nwt_http_request("POST", url, NULL, payload, sizeof payload, 60000);
    cr_expect_eq(a.status, 503, "%d %s", a.status, a.body);
    cr_expect(strcasestr(a.headers, "Retry-After") != NULL, "%s", a.headers);
    nwt_http_done(&a);
    nwt_http_server_start(registry);
    cr_assert(
        NWT_WAIT(60000, (a = nwt_http_request("POST", url, NULL, payload, sizeof payload, 60000),
                         nwt_http_done(&a), a.status / 100 == 2)));
    /* One that was told "not now" may still have come when the registry did. */
    cr_expect_geq(nwt_stream_count(client, "OUT"), 1);
    cr_expect(NWT_WAIT(60000, nwt_bridge_number(bridge, "in", "in_flight") == 0));
}

static void expect_login(const char *options, const char *authorization)
{
    seen.authorization = authorization;
    make_bridge(options);
    publish_all(2);
    nwt_bridge_run(bridge);
    expect_all_in_order(2);
    cr_expect_eq(seen.refused, 0);
}

Test(avro_registry, user_and_password)
{
    expect_login(", user: me, password: \"${PW:-se:cret}\"", "Basic bWU6c2U6Y3JldA==");
}

Test(avro_registry, token)
{
    expect_login(", token: abc", "Bearer abc");
}

Test(avro_registry, a_wrong_login_holds_the_route)
{
    seen.authorization = "Bearer abc";
    make_bridge(", token: wrong");
    publish_all(2);
    nwt_bridge_run(bridge);
    expect_holding("answered 401: who are you");
    cr_expect_not(nwt_bridge_logged(bridge, "wrong"));
}

/* ---- encoding ---- */

/* Three routes in, which name their subjects in three ways, and one back; one registry of all. */
Test(avro_registry, what_was_encoded_decodes_again)
{
    char *schema = nwt_folder_file(folder, "event.avsc");
    const char *url = nwt_http_server_url(registry);

    nwt_file_write(schema, "%s", SCHEMA);
    free(schema);
    bridge = nwt_bridge_new(
        folder, "bridge",
        "nats: {url: \"%s\"}\n"
        "routes:\n"
        "  topic:\n"
        "    from: {jetstream: in.topic}\n"
        "    map: [{encode: {avro: {registry: \"%s\", schema: event.avsc}}}]\n"
        "    to: {nats: events.avro}\n"
        "  record:\n"
        "    from: {jetstream: in.record}\n"
        "    map: [{encode: {avro: {registry: \"%s/\", schema: event.avsc, subject: record, "
        "register: false}}}]\n"
        "    to: {nats: events.avro}\n"
        "  name:\n"
        "    from: {jetstream: in.name}\n"
        "    map: [{encode: {avro: {registry: \"%s\", schema: event.avsc, name: a/b}}}]\n"
        "    to: {nats: events.avro}\n"
        "  back:\n"
        "    from: {nats: events.avro}\n"
        "    map: [{decode: {avro: {registry: \"%s\"}}}]\n"
        "    to: {jetstream: out.back}\n",
        nats->url, url, url, url, url);
    nwt_bridge_run(bridge);
    for (int i = 0; i < 30; i++) {
        static const char *const subjects[] = {"in.topic", "in.record", "in.name"};
        natsMsg *message = NULL;
        NWT_NATS(natsMsg_Create(&message, subjects[i % 3], NULL, "{\"n\":300}", 9));
        nwt_stream_publish(client, message);
    }
    nwt_stream_flush(client);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "OUT") == 30));
    cr_expect_eq(seen.registered, 2);
    cr_expect_eq(seen.looked_up, 1);
    cr_expect_eq(seen.schemas[7], 1);
    cr_expect_eq(seen.odd, 0);
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}

/* The configuration's fault, not the message's. */
Test(avro_registry, a_schema_that_cannot_be_registered_holds_the_route)
{
    char *schema = nwt_folder_file(folder, "event.avsc");

    nwt_file_write(schema, "%s", SCHEMA);
    free(schema);
    seen.refuse_with = 409;
    seen.refuse_answer = "{\"error_code\":409,\"message\":\"incompatible\"}";
    make_bridge("");
    nwt_bridge_write(
        bridge,
        "nats: {url: \"%s\"}\n"
        "dead_letter: dead.in\n"
        "routes:\n"
        "  in:\n"
        "    from: {jetstream: \"in.>\"}\n"
        "    map: [{encode: {avro: {registry: \"%s\", schema: event.avsc, name: a/b}}}]\n"
        "    to: {jetstream: out.in}\n",
        nats->url, nwt_http_server_url(registry));
    nwt_bridge_run(bridge);
    NWT_NATS(natsConnection_PublishString(client->connection, "in.x", "{\"n\":1}"));
    expect_holding("answered 409: incompatible");
    seen.refuse_with = 0;
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "OUT") == 1));
    cr_expect_eq(nwt_stream_count(client, "DEAD"), 0);
}
