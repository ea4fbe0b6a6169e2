/* SPDX-License-Identifier: Apache-2.0 */
/* Request and reply through a bridge: a NATS requester, a route, a NATS service. */
#include "support/bridge.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 10000

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

TestSuite(hub_request, .init = set_up, .fini = tear_down, .timeout = 600);

static void run_bridge(const char *route)
{
    bridge = nwt_bridge_new(folder, "bridge", "nats: {url: \"%s\"}\nroutes:\n  r:\n%s", nats->url,
                            route);
    nwt_bridge_run(bridge);
}

/* The service: answers with what it was asked, twice, and two values of a header. */
static void serve(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *closure)
{
    natsMsg *answer = NULL;
    char text[200];

    (void)sub;
    (void)closure;
    snprintf(text, sizeof text, "%s%s", natsMsg_GetData(m), natsMsg_GetData(m));
    NWT_NATS(natsMsg_Create(&answer, natsMsg_GetReply(m), NULL, text, (int)strlen(text)));
    NWT_NATS(natsMsgHeader_Add(answer, "Answer", "1"));
    NWT_NATS(natsMsgHeader_Add(answer, "Answer", "2"));
    NWT_NATS(natsConnection_PublishMsg(nc, answer));
    natsMsg_Destroy(answer);
    natsMsg_Destroy(m);
}

static natsSubscription *start_service(natsMsgHandler handler)
{
    natsSubscription *sub = NULL;

    NWT_NATS(natsConnection_Subscribe(&sub, client->connection, "service.*", handler, NULL));
    NWT_NATS(natsSubscription_SetPendingLimits(sub, -1, -1));
    NWT_NATS(natsConnection_Flush(client->connection));
    return sub;
}

static natsMsg *ask(const char *text)
{
    natsMsg *answer = NULL;

    NWT_NATS(natsConnection_Request(&answer, client->connection, "ask.me", text, (int)strlen(text),
                                    60000));
    return answer;
}

static void expect_error(const char *text, const char *code, const char *says)
{
    natsMsg *answer = ask(text);
    const char *error = nwt_nats_header(answer, "Nats-Service-Error");
    const char *number = nwt_nats_header(answer, "Nats-Service-Error-Code");

    cr_expect_eq(natsMsg_GetDataLength(answer), 0);
    cr_assert(error != NULL && number != NULL, "the answer is none of an error");
    cr_expect_str_eq(number, code);
    cr_expect(strstr(error, says) != NULL, "%s", error);
    natsMsg_Destroy(answer);
}

#define ROUTE                                                  \
    "    from: {nats: \"ask.*\", reply: true, timeout: 60s}\n" \
    "    map: [{reject: \"no such question\", when: '. == \"bad\"'}]\n"

Test(hub_request, is_answered_by_the_service_behind)
{
    natsSubscription *sub = start_service(serve);
    natsMsg *answer;
    const char **values = NULL;
    int count = 0;

    run_bridge(ROUTE "    to: {nats: \"service.{{wildcard(1)}}\", request: 50s}\n");
    answer = ask("1");
    cr_expect_str_eq(natsMsg_GetData(answer), "11");
    NWT_NATS(natsMsgHeader_Values(answer, "Answer", &values, &count));
    cr_assert_eq(count, 2);
    cr_expect_str_eq(values[0], "1");
    cr_expect_str_eq(values[1], "2");
    cr_expect_null(nwt_nats_header(answer, "Natsway-Origin"));
    free((void *)values);
    natsMsg_Destroy(answer);
    natsSubscription_Destroy(sub);
}

static void count_answers(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *closure)
{
    unsigned char *seen = closure;
    size_t i = (size_t)(strrchr(natsMsg_GetSubject(m), '.') + 1 - natsMsg_GetSubject(m));

    (void)nc;
    (void)sub;
    i = strtoul(natsMsg_GetSubject(m) + i, NULL, 10);
    char expected[40];
    snprintf(expected, sizeof expected, "%zu%zu", i, i);
    if (i < COUNT && strcmp(natsMsg_GetData(m), expected) == 0) {
        __atomic_add_fetch(&seen[i], 1, __ATOMIC_RELAXED);
    }
    natsMsg_Destroy(m);
}

static size_t answered_once(const unsigned char *seen)
{
    size_t n = 0;

    for (size_t i = 0; i < COUNT; i++) {
        n += __atomic_load_n(&seen[i], __ATOMIC_RELAXED) == 1;
    }
    return n;
}

/* Many at once: each gets its own answer. */
Test(hub_request, thousands_at_once_get_their_own_answers)
{
    natsSubscription *sub = start_service(serve), *answers = NULL;
    unsigned char *seen = calloc(COUNT, 1);

    run_bridge(ROUTE "    to: {nats: \"service.{{wildcard(1)}}\", request: 50s}\n");
    NWT_NATS(
        natsConnection_Subscribe(&answers, client->connection, "answer.*", count_answers, seen));
    NWT_NATS(natsSubscription_SetPendingLimits(answers, -1, -1));
    for (size_t i = 0; i < COUNT; i++) {
        char reply[40], text[20];
        snprintf(reply, sizeof reply, "answer.%zu", i);
        snprintf(text, sizeof text, "%zu", i);
        NWT_NATS(natsConnection_PublishRequestString(client->connection, "ask.me", reply, text));
        if (i % 1000 == 999) { /* core NATS does not wait */
            NWT_NATS(natsConnection_Flush(client->connection));
            cr_assert(NWT_WAIT(20000, answered_once(seen) + 1000 > i));
        }
    }
    cr_assert(NWT_WAIT(20000, answered_once(seen) == COUNT), "%zu", answered_once(seen));
    cr_assert(NWT_WAIT(5000, nwt_bridge_number(bridge, "r", "delivered") == COUNT));
    NWT_NATS(natsSubscription_Unsubscribe(answers));
    NWT_NATS(natsSubscription_Unsubscribe(sub));
    natsSubscription_Destroy(answers);
    natsSubscription_Destroy(sub);
}

Test(hub_request, failures_are_answers)
{
    natsSubscription *sub;
    int64_t began;

    run_bridge(ROUTE "    to: {nats: \"service.{{wildcard(1)}}\", request: 3s}\n");
    expect_error("\"bad\"", "422", "no such question");
    expect_error("1", "503", "nobody listens");
    NWT_NATS(natsConnection_SubscribeSync(&sub, client->connection, "service.*"));
    NWT_NATS(natsConnection_Flush(client->connection));
    began = nwt_now_ms();
    expect_error("1", "504", "no answer in time");
    cr_expect(nwt_now_ms() - began >= 2900 && nwt_now_ms() - began < 30000);
    natsSubscription_Destroy(sub);
    cr_assert(NWT_WAIT(5000, nwt_bridge_number(bridge, "r", "in_flight") == 0));
    cr_assert(nwt_bridge_ledger_adds_up(bridge, "r"));
}

/* Without `request:` the answer says that the target has it. */
Test(hub_request, the_confirmation_is_an_answer)
{
    natsMsg *answer;

    nwt_stream_add(client, "OUT", "out.>");
    run_bridge(ROUTE "    to: {jetstream: \"out.{{wildcard(1)}}\"}\n");
    answer = ask("1");
    cr_expect_eq(natsMsg_GetDataLength(answer), 0);
    cr_expect_null(nwt_nats_header(answer, "Nats-Service-Error"));
    cr_expect_eq(nwt_stream_count(client, "OUT"), 1);
    natsMsg_Destroy(answer);
}

static void refuse(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *closure)
{
    natsMsg *answer = NULL;

    (void)sub;
    (void)closure;
    NWT_NATS(natsMsg_Create(&answer, natsMsg_GetReply(m), NULL, "", 0));
    NWT_NATS(natsMsgHeader_Set(answer, "Nats-Service-Error", "unknown patient"));
    NWT_NATS(natsMsgHeader_Set(answer, "Nats-Service-Error-Code", "404"));
    NWT_NATS(natsConnection_PublishMsg(nc, answer));
    natsMsg_Destroy(answer);
    natsMsg_Destroy(m);
}

/* A service's error is its answer to who waits, and a refusal where nobody does. */
Test(hub_request, an_error_of_the_service_is_an_answer_or_a_refusal)
{
    natsSubscription *sub = start_service(refuse);

    nwt_stream_add(client, "IN", "in.>");
    nwt_stream_add(client, "DLQ", "dlq");
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\nroutes:\n  r:\n" ROUTE
                            "    to: {nats: \"service.{{wildcard(1)}}\", request: 50s}\n"
                            "  stored:\n"
                            "    from: {jetstream: \"in.>\"}\n"
                            "    to: {nats: \"service.{{wildcard(1)}}\", request: 50s}\n"
                            "    on_error: {then: dead_letter, dead_letter: dlq}\n",
                            nats->url);
    nwt_bridge_run(bridge);
    expect_error("1", "404", "unknown patient");
    NWT_NATS(js_Publish(NULL, client->js, "in.a", "1", 1, NULL, NULL));
    cr_assert(NWT_WAIT(10000, nwt_bridge_number(bridge, "stored", "dead_lettered") == 1));
    cr_expect_eq(nwt_stream_count(client, "DLQ"), 1);
    NWT_NATS(natsSubscription_Unsubscribe(sub));
    natsSubscription_Destroy(sub);
}
