/* SPDX-License-Identifier: Apache-2.0 */
/* Request and reply: an HTTP caller gets a NATS answer, a NATS requester an HTTP answer. */
#include "support/bridge.h"
#include "support/http_client.h"
#include "support/http_server.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/port.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 10000

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static char url[48];

static void run_bridge(const char *more, const char *argument)
{
    int port = nwt_port_free();
    char *routes = NULL;
    cr_assert(asprintf(&routes, more, argument) > 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\n"
                            "connections: {http: {listen: \"127.0.0.1:%d\"}}\n"
                            "routes:\n%s",
                            nats->url, port, routes);
    free(routes);
    nwt_bridge_run(bridge);
}

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

TestSuite(http_request, .init = set_up, .fini = tear_down, .timeout = 600);

static struct nwt_http_answer ask(const char *method, const char *path, const char *body)
{
    char target[200];
    snprintf(target, sizeof target, "%s%s", url, path);
    return nwt_http_request(method, target, NULL, body, body == NULL ? 0 : strlen(body), 10000);
}

/* ---- HTTP to NATS ---- */

/* A NATS service whose answer depends on what is asked. */
static void answer(natsConnection *connection, natsSubscription *subscription, natsMsg *message,
                   void *context)
{
    const char *question = natsMsg_GetData(message), *reply = natsMsg_GetReply(message);
    natsMsg *out = NULL;
    char body[200];
    (void)context;
    (void)subscription;
    snprintf(body, sizeof body, "you asked %s", question);
    if (strcmp(question, "silence") != 0 && reply != NULL) {
        NWT_NATS(natsMsg_Create(&out, reply, NULL, body, (int)strlen(body)));
        natsMsgHeader_Set(out, "X-Answer", "yes");
        natsMsgHeader_Set(out, "Content-Type", "text/x-answer");
        if (strcmp(question, "create") == 0) {
            natsMsgHeader_Set(out, "Natsway-Status", "201");
        } else if (strcmp(question, "fail") == 0) {
            natsMsgHeader_Set(out, "Nats-Service-Error", "no such patient");
            natsMsgHeader_Set(out, "Nats-Service-Error-Code", "404");
        } else if (strcmp(question, "odd") == 0) {
            natsMsgHeader_Set(out, "Nats-Service-Error-Code", "7");
        }
        natsConnection_PublishMsg(connection, out);
        natsMsg_Destroy(out);
    }
    natsMsg_Destroy(message);
}

#define LOOKUP                                                      \
    "  lookup:\n"                                                   \
    "    from: {http: \"POST /ask\"}\n"                             \
    "    to: {nats: patient.lookup, request: 4s}\n"                 \
    "  patient:\n"                                                  \
    "    from: {http: \"GET /patients/{id}\"}\n"                    \
    "    map: [{payload: \"{id: ($meta.param.id | tonumber)}\"}]\n" \
    "    to: {nats: patient.lookup, request: 25s}\n%s"

Test(http_request, a_caller_gets_the_nats_answer)
{
    static const struct {
        const char *question;
        int status;
        const char *body;
    } cases[] = {
        {"something", 200, "you asked something"}, {"create", 201, "you asked create"},
        {"fail", 404, "you asked fail"},           {"odd", 500, "you asked odd"},
        {"silence", 504, "{\"error\":"},
    };
    natsSubscription *subscription = NULL;
    NWT_NATS(natsConnection_Subscribe(&subscription, client->connection, "patient.lookup", answer,
                                      NULL));
    NWT_NATS(natsConnection_Flush(client->connection));
    run_bridge(LOOKUP, "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nwt_http_answer got = ask("POST", "/ask", cases[i].question);
        cr_expect_eq(got.status, cases[i].status, "%s: %d %s", cases[i].question, got.status,
                     got.body);
        cr_expect(strncmp(got.body, cases[i].body, strlen(cases[i].body)) == 0, "%s: %s",
                  cases[i].question, got.body);
        if (cases[i].status != 504) {
            cr_expect(strstr(got.headers, "X-Answer: yes\r\n") != NULL, "%s", got.headers);
            cr_expect(strstr(got.headers, "Content-Type: text/x-answer\r\n") != NULL, "%s",
                      got.headers);
        }
        cr_expect(strstr(got.headers, "Nats-") == NULL, "%s", got.headers);
        nwt_http_done(&got);
    }
    struct nwt_http_answer got = ask("GET", "/patients/12", NULL);
    cr_expect_str_eq(got.body, "you asked {\"id\":12}");
    nwt_http_done(&got);
    got = ask("GET", "/patients/x", NULL);
    cr_expect_eq(got.status, 422);
    nwt_http_done(&got);
    natsSubscription_Destroy(subscription);
}

/* As GET, without the bytes. */
Test(http_request, head_is_answered_where_get_is)
{
    natsSubscription *subscription = NULL;
    NWT_NATS(natsConnection_Subscribe(&subscription, client->connection, "patient.lookup", answer,
                                      NULL));
    NWT_NATS(natsConnection_Flush(client->connection));
    run_bridge(LOOKUP, "");
    struct nwt_http_answer got = ask("HEAD", "/patients/12", NULL);
    cr_expect_eq(got.status, 200, "%d", got.status);
    cr_expect(strstr(got.headers, "X-Answer: yes\r\n") != NULL, "%s", got.headers);
    cr_expect(strstr(got.headers, "Content-Length: 19\r\n") != NULL, "%s", got.headers);
    cr_expect_str_eq(got.body, "");
    nwt_http_done(&got);
    got = ask("HEAD", "/ask", NULL);
    cr_expect_eq(got.status, 405, "%d", got.status);
    nwt_http_done(&got);
    natsSubscription_Destroy(subscription);
}

Test(http_request, without_a_responder_it_is_503)
{
    run_bridge(LOOKUP, "");
    struct nwt_http_answer got = ask("POST", "/ask", "anybody?");
    cr_expect_eq(got.status, 503, "%d %s", got.status, got.body);
    cr_expect(strstr(got.headers, "Retry-After: ") != NULL, "%s", got.headers);
    nwt_http_done(&got);
}

Test(http_request, without_nats_it_is_503)
{
    run_bridge("  lookup:\n"
               "    from: {http: \"POST /ask\", timeout: 500ms}\n"
               "    to: {nats: patient.lookup, request: 200ms}\n%s",
               "");
    nwt_nats_stop(nats);
    struct nwt_http_answer got = ask("POST", "/ask", "anybody?");
    cr_expect_eq(got.status, 503, "%d %s", got.status, got.body);
    nwt_http_done(&got);
}

/* ---- NATS to HTTP ---- */

static void price(void *context, struct nwt_http_visit *visit)
{
    static _Thread_local char body[100];
    (void)context;
    if (strcmp(visit->path, "/price/none") == 0) {
        visit->status = 404;
    } else if (strcmp(visit->path, "/price/broken") == 0) {
        visit->status = 500;
    } else if (strcmp(visit->path, "/price/busy") == 0) {
        visit->status = 429;
    } else if (strcmp(visit->path, "/price/wrong") == 0) {
        visit->status = 422;
    } else if (strcmp(visit->path, "/price/elsewhere") == 0) {
        visit->status = 302;
    } else if (strcmp(visit->path, "/price/made") == 0) {
        visit->status = 201;
    }
    visit->answer_len =
        (size_t)snprintf(body, sizeof body, "%s %s %s", visit->method, visit->path, visit->body);
    visit->answer = body;
    visit->header_names[0] = "X-Currency";
    visit->header_values[0] = "EUR";
}

#define ERP                                                     \
    "  erp:\n"                                                  \
    "    from: {nats: erp.price, queue: bridge, reply: true}\n" \
    "    to: {http: \"GET %s/price/{{json('.sku')}}\", timeout: 60s}\n"

static natsMsg *request(const char *question, int64_t timeout_ms)
{
    natsMsg *got = NULL;
    natsConnection_RequestString(&got, client->connection, "erp.price", question, timeout_ms);
    return got;
}

Test(http_request, a_requester_gets_the_http_answer)
{
    struct nwt_http_server *server = nwt_http_server_new(price, NULL);
    run_bridge(ERP, nwt_http_server_url(server));
    natsMsg *got = request("{\"sku\": \"a/../b c\"}", 5000);
    cr_assert(got != NULL);
    cr_expect_str_eq(natsMsg_GetData(got), "GET /price/a%2F..%2Fb%20c ");
    cr_expect_str_eq(nwt_nats_header(got, "X-Currency"), "EUR");
    natsMsg_Destroy(got);
    got = request("{\"sku\": \"made\"}", 5000);
    cr_assert(got != NULL);
    cr_expect_str_eq(nwt_nats_header(got, "Natsway-Status"), "201");
    natsMsg_Destroy(got);
    static const char *const refused[] = {"{\"sku\": \"none\"}", "no json", "{}"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        got = request(refused[i], 5000);
        cr_assert(got != NULL, "%s", refused[i]);
        cr_expect(nwt_nats_header(got, "Nats-Service-Error") != NULL, "%s", refused[i]);
        natsMsg_Destroy(got);
    }
    nwt_http_server_free(server);
}

/* A status that is not one of `ok` is an answer too: the requester gets it whole and at once, also
 * one of `retry_on`, and it holds up nobody else. */
Test(http_request, a_requester_gets_the_http_refusal)
{
    static const struct {
        const char *sku, *code, *says;
    } cases[] = {
        {"none", "404", "Not Found"}, {"wrong", "422", "answered 422"},
        {"elsewhere", "302", "302"},  {"broken", "500", "Internal Server Error"},
        {"busy", "429", "429"},
    };
    struct nwt_http_server *server = nwt_http_server_new(price, NULL);
    char question[40], body[40];
    run_bridge("  erp:\n"
               "    from: {nats: erp.price, reply: true, timeout: 60s}\n"
               "    reply: [{payload: '\"never of a refusal\"'}]\n"
               "    to: {http: \"GET %s/price/{{json('.sku')}}\"}\n",
               nwt_http_server_url(server));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(question, sizeof question, "{\"sku\": \"%s\"}", cases[i].sku);
        snprintf(body, sizeof body, "GET /price/%s ", cases[i].sku);
        natsMsg *got = request(question, 10000);
        cr_assert(got != NULL, "%s", cases[i].sku);
        cr_expect_str_eq(nwt_nats_header(got, "Nats-Service-Error-Code"), cases[i].code);
        cr_expect(strstr(nwt_nats_header(got, "Nats-Service-Error"), cases[i].says) != NULL, "%s",
                  nwt_nats_header(got, "Nats-Service-Error"));
        cr_expect_str_eq(natsMsg_GetData(got), body);
        cr_expect_str_eq(nwt_nats_header(got, "X-Currency"), "EUR");
        natsMsg_Destroy(got);
    }
    cr_expect(nwt_bridge_ledger_adds_up(bridge, "erp"));
    cr_expect_eq(nwt_bridge_number(bridge, "erp", "retries"), 0);
    nwt_http_server_free(server);
}

/* A route that says itself how often to try tries, and the last answer is the answer. */
Test(http_request, a_requester_gets_the_last_refusal)
{
    struct nwt_http_server *server = nwt_http_server_new(price, NULL);
    run_bridge(ERP "    on_error: {retries: 2, backoff: 10ms..20ms, then: drop}\n",
               nwt_http_server_url(server));
    natsMsg *got = request("{\"sku\": \"broken\"}", 20000);
    cr_assert(got != NULL);
    cr_expect_str_eq(nwt_nats_header(got, "Nats-Service-Error-Code"), "500");
    cr_expect_str_eq(natsMsg_GetData(got), "GET /price/broken ");
    cr_expect(NWT_WAIT(5000, nwt_bridge_number(bridge, "erp", "dropped") == 1));
    cr_expect_eq(nwt_bridge_number(bridge, "erp", "retries"), 3);
    natsMsg_Destroy(got);
    nwt_http_server_free(server);
}

/* Requests that are answered, one after the other and many at once, each with its own answer. */
static char other_answer[200];

static void take_price(natsConnection *connection, natsSubscription *subscription, natsMsg *message,
                       void *context)
{
    unsigned char *seen = context;
    size_t number = COUNT;
    (void)connection;
    (void)subscription;
    if (sscanf(natsMsg_GetData(message), "GET /price/%zu ", &number) == 1 && number < COUNT) {
        const char *subject = natsMsg_GetSubject(message);
        seen[number] = (size_t)atoll(strrchr(subject, '.') + 1) == number ? 1 : 2;
    } else {
        snprintf(other_answer, sizeof other_answer, "%s: %s", natsMsg_GetSubject(message),
                 nwt_nats_header(message, "Nats-Service-Error"));
    }
    natsMsg_Destroy(message);
}

static size_t count_seen(const unsigned char *seen, unsigned char what)
{
    size_t n = 0;
    for (size_t i = 0; i < COUNT; i++) {
        n += seen[i] == what;
    }
    return n;
}

Test(http_request, many_requesters_get_each_their_own_answer)
{
    static unsigned char seen[COUNT];
    struct nwt_http_server *server = nwt_http_server_new(price, NULL);
    natsSubscription *subscription = NULL;
    run_bridge(ERP "    order: relaxed\n", nwt_http_server_url(server));
    NWT_NATS(
        natsConnection_Subscribe(&subscription, client->connection, "answers.*", take_price, seen));
    for (size_t i = 0; i < COUNT; i++) {
        char question[40], reply[40];
        snprintf(question, sizeof question, "{\"sku\": %zu}", i);
        snprintf(reply, sizeof reply, "answers.%zu", i);
        NWT_NATS(natsConnection_PublishRequest(client->connection, "erp.price", reply, question,
                                               (int)strlen(question)));
        if (i % 100 == 99) { /* a requester waits for answers too */
            cr_assert(NWT_WAIT(20000, count_seen(seen, 0) <= COUNT - i + 400));
        }
    }
    cr_expect(NWT_WAIT(20000, count_seen(seen, 1) == COUNT),
              "%zu answered, %zu wrongly, received %lld; %s", count_seen(seen, 1),
              count_seen(seen, 2), (long long)nwt_bridge_number(bridge, "erp", "received"),
              other_answer);
    cr_expect(nwt_bridge_ledger_adds_up(bridge, "erp"));
    natsSubscription_Destroy(subscription);
    nwt_http_server_free(server);
}
