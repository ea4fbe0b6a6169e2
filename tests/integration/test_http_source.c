/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP requests into JetStream: confirmed is stored, and what is not is said. */
#include "support/bridge.h"
#include "support/http_client.h"
#include "support/http_load.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/port.h"
#include "support/wait.h"
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT 10000
#define SIZE 256
#define CONNECTIONS 64

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static int port;
static char url[48];

/* The bridge with these routes, and a stream IN on in.>. */
static void run_bridge(const char *routes)
{
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\n"
                            "connections:\n"
                            "  http: {listen: \"127.0.0.1:%d\", read_timeout: 700ms}\n"
                            "routes:\n%s",
                            nats->url, port, routes);
    nwt_bridge_run(bridge);
}

#define NUMBERS                                              \
    "  numbers:\n"                                           \
    "    from: {http: \"POST /numbers/{n}\"}\n"              \
    "    map: [{set: {headers: {N: \"{{param('n')}}\"}}}]\n" \
    "    to: {jetstream: in.numbers}\n"

static void set_up(void)
{
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    nwt_stream_add(client, "IN", "in.>");
    port = nwt_port_free();
    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(http_source, .init = set_up, .fini = tear_down, .timeout = 600);

/* One request; checks the status and returns the answer's body, which the caller frees. */
static char *ask(const char *method, const char *path, const char *body, int status)
{
    char target[200];
    snprintf(target, sizeof target, "%s%s", url, path);
    struct nwt_http_answer answer =
        nwt_http_request(method, target, NULL, body, body == NULL ? 0 : strlen(body), 10000);
    cr_expect_eq(answer.status, status, "%s %s: %d %s", method, path, answer.status, answer.body);
    free(answer.headers);
    return answer.body;
}

static void expect(const char *method, const char *path, const char *body, int status)
{
    free(ask(method, path, body, status));
}

/* Order holds for what came over one connection. */
static bool take_stored(void *context, natsMsg *message)
{
    const char *n = nwt_nats_header(message, "N"), *x = nwt_nats_header(message, "X-Number");
    int64_t number =
        nwt_numbered_take(context, natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message),
                          n == NULL ? 0 : (unsigned)(atoll(n) % CONNECTIONS));
    cr_expect(n != NULL && atoll(n) == number, "N is %s", n);
    cr_expect(x != NULL && atoll(x) == number, "X-Number is %s", x);
    return true;
}

static struct nwt_http_load *load_new(struct nwt_numbered *numbers, bool repeats)
{
    static char target[80];
    static struct nwt_http_load load;
    snprintf(target, sizeof target, "%s/numbers", url);
    load = (struct nwt_http_load){.url = target,
                                  .numbers = numbers,
                                  .connections = CONNECTIONS,
                                  .repeats = repeats,
                                  .timeout_ms = 60000};
    return &load;
}

/* All that was confirmed is in the stream. */
static void expect_confirmed_stored(const struct nwt_http_load *load, struct nwt_numbered *numbers)
{
    size_t lost = 0;
    nwt_stream_read(client, "IN", "in.>", take_stored, numbers);
    for (size_t i = 0; i < numbers->count; i++) {
        lost += load->confirmed_numbers[i] && !numbers->seen[i];
    }
    cr_expect_eq(lost, 0, "%zu confirmed requests are not stored", lost);
    cr_expect_eq(numbers->wrong, 0);
}

Test(http_source, a_request_is_answered_when_it_is_stored)
{
    struct nwt_numbered *numbers = nwt_numbered_new(COUNT, SIZE, true);
    struct nwt_http_load *load = load_new(numbers, false);
    run_bridge(NUMBERS);
    nwt_http_load_run(load);
    cr_assert_eq(load->confirmed, COUNT, "%zu confirmed, %zu refused (%d), %zu broken",
                 load->confirmed, load->refused, load->last_refusal, load->broken);
    cr_assert_eq(nwt_stream_count(client, "IN"), COUNT);
    nwt_stream_read(client, "IN", "in.>", take_stored, numbers);
    cr_expect(nwt_numbered_complete(numbers, false));
    cr_expect_eq(nwt_bridge_number(bridge, "numbers", "delivered"), COUNT);
    cr_expect(nwt_bridge_ledger_adds_up(bridge, "numbers"));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    nwt_http_load_done(load);
    nwt_numbered_free(numbers);
}

Test(http_source, what_it_knows_of_a_request_is_in_the_message)
{
    static const char *const headers[] = {"Content-Type: text/x-test",
                                          "X-A: 1",
                                          "x-a: 2",
                                          "X-GitHub-Delivery: d-7",
                                          "Authorization: secret",
                                          "Cookie: secret",
                                          "Nats-Rollup: all",
                                          "Natsway-Key: k",
                                          NULL};
    run_bridge("  hook:\n"
               "    from: {http: \"POST /hooks/{repo}\"}\n"
               "    map:\n"
               "      - set:\n"
               "          headers: {P: \"{{param('repo')}}\", Q: \"{{query('q')}}\",\n"
               "                    M: \"{{method}}\", R: \"{{remote}}\", A: \"{{path}}\"}\n"
               "    to: {jetstream: \"in.{{param('repo')}}\"}\n");
    char target[100];
    snprintf(target, sizeof target, "%s/hooks/a%%2Fb.c?q=x+%%26y", url);
    for (int i = 0; i < 2; i++) { /* a repeated delivery is stored once */
        struct nwt_http_answer answer = nwt_http_request("POST", target, headers, "body", 4, 5000);
        cr_expect_eq(answer.status, 204, "%d %s", answer.status, answer.body);
        nwt_http_done(&answer);
    }
    cr_expect_eq(nwt_stream_count(client, "IN"), 1);
    natsMsg *message = NULL;
    NWT_NATS(js_GetMsg(&message, client->js, "IN", 1, NULL, NULL));
    cr_expect_str_eq(natsMsg_GetSubject(message), "in.a/b%2Ec");
    cr_expect_eq(natsMsg_GetDataLength(message), 4);
    static const struct {
        const char *name, *value;
    } expected[] = {
        {"P", "a/b.c"},          {"Q", "x &y"},           {"M", "POST"},
        {"R", "127.0.0.1"},      {"A", "/hooks/a%2Fb.c"}, {"Content-Type", "text/x-test"},
        {"Authorization", NULL}, {"Cookie", NULL},        {"Nats-Rollup", NULL},
        {"Natsway-Key", NULL},   {"Host", NULL},          {"Content-Length", NULL}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const char *value = nwt_nats_header(message, expected[i].name);
        bool same = value == NULL || expected[i].value == NULL
                        ? value == expected[i].value
                        : strcmp(value, expected[i].value) == 0;
        cr_expect(same, "%s: %s", expected[i].name, value);
    }
    natsMsg_Destroy(message);
}

Test(http_source, an_answer_says_whose_turn_it_is)
{
    run_bridge("  json:\n"
               "    from: {http: \"PUT|POST /json/{id}\", max_body: 1KiB}\n"
               "    map: [{filter: \".keep\"}]\n"
               "    to: {jetstream: in.json}\n"
               "  nowhere:\n"
               "    from: {http: \"POST /nowhere\", timeout: 300ms}\n"
               "    to: {jetstream: no.stream.takes.this}\n");
    expect("POST", "/json/1", "{\"keep\": true}", 204);
    expect("PUT", "/json/1", "{\"keep\": false}", 204);
    cr_expect_eq(nwt_stream_count(client, "IN"), 1);
    expect("POST", "/other", "{}", 404);
    expect("POST", "/json/1/", "{}", 404);
    expect("POST", "/json/..", "{}", 400);
    expect("POST", "/json/%00", "{}", 400);
    char *why = ask("POST", "/json/1", "no json", 422);
    cr_expect(strstr(why, "{\"error\":\"step 1 (filter): not JSON") == why, "%s", why);
    free(why);
    char target[100], large[2000];
    memset(large, 'x', sizeof large);
    snprintf(target, sizeof target, "%s/json/1", url);
    struct nwt_http_answer answer = nwt_http_request("GET", target, NULL, NULL, 0, 5000);
    cr_expect_eq(answer.status, 405);
    cr_expect(strstr(answer.headers, "Allow: PUT, POST\r\n") != NULL, "%s", answer.headers);
    nwt_http_done(&answer);
    answer = nwt_http_request("POST", target, NULL, large, sizeof large, 5000);
    cr_expect_eq(answer.status, 413);
    nwt_http_done(&answer);
    static const char *const chunked[] = {"Transfer-Encoding: chunked", NULL};
    answer = nwt_http_request("POST", target, chunked, large, sizeof large, 5000);
    cr_expect_eq(answer.status, 413);
    nwt_http_done(&answer);
    snprintf(target, sizeof target, "%s/nowhere", url);
    answer = nwt_http_request("POST", target, NULL, "x", 1, 5000);
    cr_expect_eq(answer.status, 503);
    cr_expect(strstr(answer.headers, "Retry-After: ") != NULL, "%s", answer.headers);
    nwt_http_done(&answer);
    cr_expect(NWT_WAIT(5000, nwt_bridge_ledger_adds_up(bridge, "nowhere")));
}

/* Signed with the older of two secrets; whatever else comes is refused and takes no part. */
Test(http_source, a_request_that_is_not_signed_is_refused)
{
    static const char *const good[] = {
        "X-Hub-Signature-256: sha256="
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        NULL};
    char target[100];

    run_bridge("  hook:\n"
               "    from: {http: \"POST /hook\",\n"
               "           verify: {github: [newer, \"It's a Secret to Everybody\"]}}\n"
               "    to: {jetstream: in.hook}\n");
    snprintf(target, sizeof target, "%s/hook", url);
    expect("POST", "/hook", "Hello, World!", 401);
    struct nwt_http_answer answer =
        nwt_http_request("POST", target, good, "Hello, World?", 13, 5000);
    cr_expect_eq(answer.status, 401);
    cr_expect(strstr(answer.body, "{\"error\":\"the signature is wrong\"}") != NULL, "%s",
              answer.body);
    nwt_http_done(&answer);
    cr_expect_eq(nwt_bridge_number(bridge, "hook", "received"), 0);
    answer = nwt_http_request("POST", target, good, "Hello, World!", 13, 5000);
    cr_expect_eq(answer.status, 204);
    nwt_http_done(&answer);
    cr_expect_eq(nwt_stream_count(client, "IN"), 1);
    cr_expect_not(nwt_bridge_logged(bridge, "Everybody"));
}

Test(http_source, nothing_confirmed_is_lost_when_nats_is_away)
{
    struct nwt_numbered *numbers = nwt_numbered_new(COUNT, SIZE, true);
    struct nwt_http_load *load = load_new(numbers, true);
    pthread_t thread;
    run_bridge("  numbers:\n"
               "    from: {http: \"POST /numbers/{n}\", timeout: 1s}\n"
               "    map: [{set: {headers: {N: \"{{param('n')}}\"}}}]\n"
               "    to: {jetstream: in.numbers}\n");
    nwt_http_load_start(load, &thread);
    cr_assert(NWT_WAIT(20000, load->confirmed > COUNT / 5));
    nwt_nats_stop(nats);
    size_t refused = load->refused;
    cr_assert(NWT_WAIT(20000, load->refused > refused + CONNECTIONS));
    cr_expect_eq(load->last_refusal, 503);
    nwt_nats_start(nats);
    nwt_http_load_join(load, thread);
    cr_expect_eq(load->confirmed, COUNT);
    cr_expect_eq(load->broken, 0, "%zu without an answer", load->broken);
    expect_confirmed_stored(load, numbers);
    cr_expect_eq(nwt_numbered_distinct(numbers), COUNT);
    nwt_http_load_done(load);
    nwt_numbered_free(numbers);
}

Test(http_source, it_answers_what_is_under_way_when_it_is_stopped)
{
    struct nwt_numbered *numbers = nwt_numbered_new(COUNT, SIZE, true);
    struct nwt_http_load *load = load_new(numbers, false);
    pthread_t thread;
    run_bridge(NUMBERS);
    nwt_http_load_start(load, &thread);
    cr_assert(NWT_WAIT(20000, load->confirmed > COUNT / 5));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    nwt_http_load_join(load, thread);
    cr_expect_gt(load->broken, 0); /* connections are refused after the end */
    cr_expect(load->refused == 0 || load->last_refusal == 503, "%d", load->last_refusal);
    expect_confirmed_stored(load, numbers);
    nwt_http_load_done(load);
    nwt_numbered_free(numbers);
}

Test(http_source, nothing_confirmed_is_lost_when_it_is_killed)
{
    struct nwt_numbered *numbers = nwt_numbered_new(COUNT, SIZE, true);
    struct nwt_http_load *load = load_new(numbers, true);
    pthread_t thread;
    run_bridge(NUMBERS);
    nwt_http_load_start(load, &thread);
    cr_assert(NWT_WAIT(20000, load->confirmed > COUNT / 5));
    nwt_bridge_kill(bridge);
    nwt_bridge_run(bridge);
    nwt_http_load_join(load, thread);
    cr_expect_eq(load->confirmed, COUNT);
    expect_confirmed_stored(load, numbers);
    cr_expect(nwt_numbered_complete(numbers, false)); /* a repeat is recognised by its key */
    nwt_http_load_done(load);
    nwt_numbered_free(numbers);
}

static int connect_raw(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

Test(http_source, a_body_that_drips_is_cut)
{
    static const char head[] = "POST /numbers/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n";
    char answer[10];
    run_bridge(NUMBERS);
    int fd = connect_raw();
    cr_assert_eq(send(fd, head, sizeof head - 1, MSG_NOSIGNAL), (ssize_t)sizeof head - 1);
    int64_t begun_ms = nwt_now_ms();
    /* One byte each round keeps an inactivity timeout from ever coming. */
    cr_expect(NWT_WAIT(10000, send(fd, "x", 1, MSG_NOSIGNAL) != 1 ||
                                  recv(fd, answer, sizeof answer, MSG_DONTWAIT) == 0));
    cr_expect_geq(nwt_now_ms() - begun_ms, 600);
    close(fd);
}

Test(http_source, clients_that_leave_harm_nobody)
{
    static const char whole[] =
        "POST /numbers/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    run_bridge(NUMBERS);
    for (int i = 0; i < 200; i++) {
        int fd = connect_raw();
        size_t len = i % 2 == 0 ? sizeof whole - 1 : sizeof whole - 3;
        cr_assert_eq(send(fd, whole, len, MSG_NOSIGNAL), (ssize_t)len);
        close(fd);
    }
    expect("POST", "/numbers/2", "x", 204);
    cr_expect(NWT_WAIT(5000, nwt_bridge_number(bridge, "numbers", "in_flight") == 0));
    cr_expect(nwt_bridge_ledger_adds_up(bridge, "numbers"));
}

Test(http_source, lanes_share_a_path)
{
    struct nwt_numbered *numbers = nwt_numbered_new(COUNT, SIZE, true);
    struct nwt_http_load *load = load_new(numbers, false);
    run_bridge(NUMBERS "    lanes: 3\n");
    nwt_http_load_run(load);
    cr_expect_eq(load->confirmed, COUNT);
    cr_expect_eq(nwt_stream_count(client, "IN"), COUNT);
    expect_confirmed_stored(load, numbers);
    nwt_http_load_done(load);
    nwt_numbered_free(numbers);
}

Test(http_source, a_taken_port_is_said)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(fd, 1), 0);
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\n"
                            "connections: {http: {listen: \"127.0.0.1:%d\"}}\n"
                            "routes:\n" NUMBERS,
                            nats->url, port);
    nwt_bridge_start(bridge, NULL);
    cr_expect(NWT_WAIT(10000, nwt_bridge_logged(bridge, "Address already in use")));
    close(fd);
}
