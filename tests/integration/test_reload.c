/* SPDX-License-Identifier: Apache-2.0 */
/* A running bridge goes over to another configuration: what did not change does not notice, what
 * did goes on where it was, and a file with a mistake changes nothing. */
#include "support/bridge.h"
#include "support/http_client.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/port.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
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
    nwt_stream_add(client, "A", "a");
    nwt_stream_add(client, "B", "b");
    nwt_stream_add(client, "TO", "to.>");
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(reload, .init = set_up, .fini = tear_down, .timeout = 600);

#define STEADY "  steady: {from: {jetstream: a}, to: {jetstream: to.steady}}\n"
#define CHANGING "  changing: {from: {jetstream: b}, map: [{set: {headers: {Version: \"%s\"}}}], "
#define HEAD "nats: {url: \"%s\"}\nroutes:\n"

static void write_routes(const char *routes)
{
    nwt_bridge_write(bridge, HEAD "%s", nats->url, routes);
}

static void start(const char *routes)
{
    bridge = nwt_bridge_new(folder, "bridge", HEAD "%s", nats->url, routes);
    nwt_bridge_run(bridge);
}

/* `natsway reload`; what it printed must have the text. */
static void reload(int code, const char *text)
{
    char *said;
    int found = nwt_bridge_tell(bridge, &said, "reload", NULL);

    cr_assert_eq(found, code, "%d: %s", found, said);
    cr_assert(strstr(said, text) != NULL, "no \"%s\" in: %s", text, said);
    free(said);
}

static void publish(const char *subject, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        char text[30];
        natsMsg *m;
        int len = snprintf(text, sizeof text, "%zu", i);
        NWT_NATS(natsMsg_Create(&m, subject, NULL, text, len));
        nwt_stream_publish(client, m);
    }
    nwt_stream_flush(client);
}

/* Each number once, in order. */
struct sequence {
    size_t next, wrong;
};

static bool take(void *context, natsMsg *m)
{
    struct sequence *s = context;

    s->wrong += strtoul(natsMsg_GetData(m), NULL, 10) != s->next ? 1 : 0;
    s->next++;
    return true;
}

static void expect_sequence(const char *subject, size_t count)
{
    struct sequence s = {0, 0};
    size_t read = nwt_stream_read(client, "TO", subject, take, &s);

    cr_expect_eq(read, count, "%s: %zu of %zu", subject, read, count);
    cr_expect_eq(s.wrong, 0, "%s: %zu are not in their place", subject, s.wrong);
}

static int64_t number(const char *route, const char *field)
{
    return nwt_bridge_number(bridge, route, field);
}

/* How often the text stands in the log. */
static size_t times_logged(const char *text)
{
    char *log = nwt_file_read(bridge->log, NULL);
    size_t count = 0;

    for (const char *at = log; log != NULL && (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    free(log);
    return count;
}

static void write_version(const char *version)
{
    nwt_bridge_write(bridge, HEAD STEADY CHANGING "to: {jetstream: to.changing}}\n", nats->url,
                     version);
}

Test(reload, an_unchanged_route_goes_on_while_another_is_changed_twenty_times)
{
    int64_t before = 0;

    start(STEADY "  changing: {from: {jetstream: b}, to: {jetstream: to.changing}}\n");
    for (size_t i = 0; i < 20; i++) {
        char version[20];
        publish("a", i * 500, (i + 1) * 500);
        publish("b", i * 500, (i + 1) * 500);
        snprintf(version, sizeof version, "v%zu", i);
        write_version(version);
        reload(0, "changing: changed: map\n");
        int64_t received = number("changing", "received");
        cr_expect_geq(received, before, "a counter has gone down from %lld to %lld",
                      (long long)before, (long long)received);
        before = received;
    }
    cr_assert(NWT_WAIT(60000, number("changing", "delivered") == 10000 &&
                                  number("steady", "delivered") == 10000));
    expect_sequence("to.steady", 10000);
    expect_sequence("to.changing", 10000);
    cr_expect_eq(number("steady", "received"), 10000, "nothing came twice");
    cr_expect(nwt_bridge_ledger_adds_up(bridge, "changing"));
    cr_expect_eq(times_logged("connection=nats"), 1, "the connection is the same");
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}

Test(reload, a_bad_file_changes_nothing)
{
    start(STEADY);
    write_routes(STEADY "  other: {from: {jetstream: b}, too: {jetstream: to.other}}\n");
    reload(1, "bridge.yaml:4:33: other: ");
    nwt_process_signal(&bridge->process, SIGHUP);
    cr_assert(NWT_WAIT(10000, times_logged("reload: nothing is changed") == 2));
    cr_expect(times_logged("bridge.yaml:4:33: ") == 2, "the log has its mistakes");
    publish("a", 0, 10);
    cr_expect(NWT_WAIT(10000, number("steady", "delivered") == 10));
    cr_expect_eq(number("other", "received"), -1, "there is no such route");
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}

Test(reload, what_it_cannot_change_is_said)
{
    start(STEADY);
    nwt_bridge_write(bridge, "name: another\nworkers: 7\n" HEAD STEADY, nats->url);
    reload(1, "a reload cannot change name (");
    reload(1, ", workers (");
    cr_expect(nwt_bridge_ready(bridge));
}

Test(reload, sighup_adds_and_removes_routes)
{
    start(STEADY);
    publish("b", 0, 10);
    write_routes("  # another place\n  other: {from: {jetstream: b}, to: {jetstream: to.other}}\n"
                 "  steady:\n    to: {jetstream: to.steady}\n    from: {jetstream: a}\n");
    nwt_process_signal(&bridge->process, SIGHUP);
    cr_assert(NWT_WAIT(20000, number("other", "delivered") == 10));
    cr_expect(nwt_bridge_logged(bridge, "reloaded: 1 unchanged, 0 changed, 1 added, 0 removed"));
    write_routes(STEADY);
    reload(0, "other: removed");
    cr_expect_eq(number("other", "received"), -1);
    publish("a", 0, 10);
    publish("b", 10, 20);
    cr_expect(NWT_WAIT(10000, number("steady", "delivered") == 10));
    /* What came meanwhile is there when the route is there again. */
    write_routes(STEADY "  other: {from: {jetstream: b}, to: {jetstream: to.other}}\n");
    reload(0, "other: added");
    cr_assert(NWT_WAIT(20000, number("other", "delivered") == 20), "it goes on counting");
    expect_sequence("to.other", 20);
    cr_expect(nwt_bridge_ready(bridge));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}

/* ---- memory ---- */

#define LINE 1024
#define LINES 40000

static void write_large_file(const char *path)
{
    size_t size = (size_t)LINE * LINES;
    char *text = malloc(size + 1);

    cr_assert_not_null(text);
    memset(text, 'x', size);
    for (size_t i = 0; i < LINES; i++) {
        char head[20];
        int len = snprintf(head, sizeof head, "%zu ", i);
        memcpy(text + i * LINE, head, (size_t)len);
        text[(i + 1) * LINE - 1] = '\n';
    }
    nwt_file_append(path, text, size);
    free(text);
}

static void write_memory(const char *memory)
{
    nwt_bridge_write(bridge,
                     "memory: %s\n" HEAD STEADY
                     "  follow: {max_in_flight: 100000, from: {file: in.log}, to: {jetstream: "
                     "to.log}}\n",
                     memory, nats->url);
}

static bool metric_is(const char *line)
{
    char url[60];
    snprintf(url, sizeof url, "%s/metrics", bridge->admin);
    struct nwt_http_answer answer = nwt_http_request("GET", url, NULL, NULL, 0, 10000);
    bool is = strstr(answer.body, line) != NULL;
    nwt_http_done(&answer);
    return is;
}

/* The routes do not notice; what is in flight becomes more with it, and less when it settles. */
Test(reload, memory_becomes_more_and_less)
{
    const int64_t mib = 1 << 20;
    char *in = nwt_folder_file(folder, "in.log");

    nwt_file_write(in, "%s", "");
    bridge = nwt_bridge_new(folder, "bridge", HEAD STEADY, nats->url);
    write_memory("8MiB");
    nwt_bridge_run(bridge);
    nwt_process_signal(&nats->process, SIGSTOP);
    write_large_file(in);
    cr_assert(NWT_WAIT(20000, number("follow", "memory") > 2 * mib));
    cr_expect_leq(number("follow", "memory"), 8 * mib);
    write_memory("32MiB");
    reload(0, "reloaded: 2 unchanged, 0 changed");
    cr_expect(metric_is("\nnatsway_memory_budget_bytes 33554432\n"));
    cr_assert(NWT_WAIT(20000, number("follow", "memory") > 9 * mib), "%lld",
              (long long)number("follow", "memory"));
    cr_expect_leq(number("follow", "memory"), 32 * mib);
    write_memory("2MiB");
    reload(0, "reloaded: 2 unchanged, 0 changed");
    cr_expect(metric_is("\nnatsway_memory_budget_bytes 2097152\n"));
    cr_expect(metric_is("\nnatsway_memory_free_bytes 0\n"), "it has not come back yet");
    nwt_process_signal(&nats->process, SIGCONT);
    cr_assert(NWT_WAIT(60000, number("follow", "delivered") == LINES));
    cr_expect_eq(nwt_stream_count(client, "TO"), LINES);
    nwt_file_append(in, "more\n", 5);
    cr_expect(NWT_WAIT(20000, number("follow", "delivered") == LINES + 1));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    free(in);
}

static int post(const char *url, const char *path)
{
    char full[200];

    snprintf(full, sizeof full, "%s%s", url, path);
    struct nwt_http_answer answer = nwt_http_request("POST", full, NULL, "x", 1, 10000);
    nwt_http_done(&answer);
    return answer.status;
}

Test(reload, routes_of_one_listener_come_and_go)
{
    char http[60], head[200];

    snprintf(http, sizeof http, "http://127.0.0.1:%d", nwt_port_free());
    snprintf(head, sizeof head,
             "connections: {http: {listen: \"%s\"}}\nnats: {url: \"%s\"}\nroutes:\n",
             http + strlen("http://"), nats->url);
    bridge =
        nwt_bridge_new(folder, "bridge",
                       "%s  one: {from: {http: \"POST /one\"}, to: {jetstream: to.one}}\n", head);
    nwt_bridge_run(bridge);
    cr_expect_eq(post(http, "/one") / 100, 2);
    cr_expect_eq(post(http, "/two"), 404);
    nwt_bridge_write(bridge,
                     "%s  one: {from: {http: \"POST /one\"}, to: {jetstream: to.one}}\n"
                     "  two: {from: {http: \"POST /two\"}, to: {jetstream: to.two}}\n",
                     head);
    reload(0, "two: added");
    cr_expect(NWT_WAIT(10000, post(http, "/two") / 100 == 2));
    cr_expect_eq(post(http, "/one") / 100, 2);
    nwt_bridge_write(bridge, "%s  two: {from: {http: \"POST /two\"}, to: {jetstream: to.two}}\n",
                     head);
    reload(0, "one: removed");
    cr_expect_eq(post(http, "/one"), 503, "not 404: others may still serve it");
    cr_expect_eq(post(http, "/two") / 100, 2);
    /* Another port is another connection; an address that cannot be had changes nothing. */
    nwt_bridge_write(bridge,
                     "connections: {http: {listen: \"%s\"}}\nnats: {url: \"%s\"}\nroutes:\n"
                     "  two: {from: {http: \"POST /two\"}, to: {jetstream: to.two}}\n",
                     nats->url + strlen("nats://"), nats->url);
    reload(1, "nothing is changed: http: ");
    cr_expect(NWT_WAIT(10000, post(http, "/two") / 100 == 2));
    int port = nwt_port_free();
    nwt_bridge_write(bridge,
                     "connections: {http: {listen: \"127.0.0.1:%d\"}}\nnats: {url: \"%s\"}\n"
                     "routes:\n  two: {from: {http: \"POST /two\"}, to: {jetstream: to.two}}\n",
                     port, nats->url);
    reload(0, "two: changed: connection");
    cr_expect_eq(post(http, "/two"), 0, "the old port is closed");
    snprintf(http, sizeof http, "http://127.0.0.1:%d", port);
    cr_expect(NWT_WAIT(10000, post(http, "/two") / 100 == 2));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}

Test(reload, all_routes_go_over_to_another_server)
{
    struct nwt_nats *second = nwt_nats_new(folder, NULL);
    struct nwt_nats_client *other = nwt_nats_connect(second->url);

    nwt_stream_add(other, "A", "a");
    nwt_stream_add(other, "TO", "to.>");
    start(STEADY);
    publish("a", 0, 10);
    cr_assert(NWT_WAIT(10000, number("steady", "delivered") == 10));
    nwt_bridge_write(bridge, HEAD STEADY, second->url);
    reload(0, "steady: changed: connection");
    NWT_NATS(natsConnection_PublishString(other->connection, "a", "x"));
    cr_expect(NWT_WAIT(20000, number("steady", "delivered") == 11), "it goes on counting");
    cr_expect_eq(nwt_stream_count(other, "TO"), 1);
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    nwt_nats_close(other);
    nwt_nats_free(second);
}

Test(reload, killed_in_the_middle_nothing_is_lost)
{
    start(STEADY "  changing: {from: {jetstream: b}, to: {jetstream: to.changing}}\n");
    for (size_t i = 0; i < 10; i++) {
        char version[20];
        size_t before = times_logged("reading the configuration again");
        publish("a", i * 300, (i + 1) * 300);
        publish("b", i * 300, (i + 1) * 300);
        snprintf(version, sizeof version, "v%zu", i);
        write_version(version);
        nwt_process_signal(&bridge->process, SIGHUP);
        cr_assert(NWT_WAIT(10000, times_logged("reading the configuration again") > before));
        nwt_bridge_kill(bridge);
        nwt_bridge_run(bridge);
    }
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "TO") == 6000));
    expect_sequence("to.steady", 3000);
    expect_sequence("to.changing", 3000);
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}

Test(reload, a_stop_in_the_middle_of_a_reload_is_a_stop)
{
    char *in = nwt_folder_file(folder, "in.log");

    nwt_file_write(in, "%s", "");
    start("  follow: {from: {file: in.log}, to: {jetstream: to.log}}\n");
    nwt_process_signal(&nats->process, SIGSTOP);
    nwt_file_append(in, "line\n", 5);
    cr_assert(NWT_WAIT(10000, number("follow", "in_flight") == 1));
    nwt_bridge_write(
        bridge,
        "shutdown_timeout: 1s\n" HEAD
        "  follow: {lanes: 1, order: key, from: {file: in.log}, to: {jetstream: to.log}}\n",
        nats->url);
    nwt_process_signal(&bridge->process, SIGHUP); /* drains for 30 s */
    cr_assert(NWT_WAIT(10000, nwt_bridge_logged(bridge, "reading the configuration again")));
    nwt_process_signal(&bridge->process, SIGTERM);
    cr_expect_eq(nwt_process_wait(&bridge->process, 20000), 0);
    cr_expect(nwt_bridge_logged(bridge, "nothing is changed: the process is ending"));
    nwt_process_signal(&nats->process, SIGCONT);
    nwt_bridge_run(bridge);
    cr_expect(NWT_WAIT(20000, number("follow", "delivered") == 1));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    free(in);
}

/* ---- who may ask ---- */

static int ask(const char *const *headers)
{
    char url[100];

    snprintf(url, sizeof url, "%s/api/reload", bridge->admin);
    struct nwt_http_answer answer = nwt_http_request("POST", url, headers, "", 0, 10000);
    nwt_http_done(&answer);
    return answer.status;
}

Test(reload, is_for_programs_on_this_machine)
{
    start(STEADY);
    cr_expect_eq(ask((const char *[]){NULL}), 403);
    cr_expect_eq(ask((const char *[]){"Natsway-Admin: 0", NULL}), 403);
    cr_expect_eq(ask((const char *[]){"Natsway-Admin: 1", "Origin: http://a.example", NULL}), 403);
    cr_expect_eq(ask((const char *[]){"Natsway-Admin: 1", "Host: a.example", NULL}), 403);
    cr_expect_not(nwt_bridge_logged(bridge, "reloaded: "));
    cr_expect_eq(ask((const char *[]){"Natsway-Admin: 1", NULL}), 200);
    cr_expect(nwt_bridge_logged(bridge, "reloaded: 1 unchanged, 0 changed"));
    char url[100];
    snprintf(url, sizeof url, "%s/api/reload", bridge->admin);
    cr_expect_eq(nwt_http_status(url), 405);
}

static void write_with_token(const char *token)
{
    char *text;

    write_routes(STEADY);
    text = nwt_file_read(bridge->config, NULL);
    *strrchr(text, '}') = '\0'; /* admin: {listen: … */
    nwt_file_write(bridge->config, "%s, token: %s}\n", text, token);
    free(text);
}

Test(reload, wants_the_token_if_there_is_one)
{
    start(STEADY);
    write_with_token("s3cret");
    reload(0, "reloaded: 1 unchanged");
    reload(1, "NATSWAY_ADMIN_TOKEN");
    cr_expect_eq(ask((const char *[]){"Natsway-Admin: 1", NULL}), 401);
    cr_expect_eq(ask((const char *[]){"Authorization: Bearer wrong!", NULL}), 401);
    setenv("NATSWAY_ADMIN_TOKEN", "s3cret", 1);
    reload(0, "reloaded: 1 unchanged");
    write_with_token("an0ther");
    reload(0, "reloaded: 1 unchanged");
    reload(1, "NATSWAY_ADMIN_TOKEN");
    unsetenv("NATSWAY_ADMIN_TOKEN");
}

Test(reload, says_so_when_there_is_no_bridge)
{
    bridge = nwt_bridge_new(folder, "bridge", HEAD STEADY, nats->url);
    cr_expect_eq(nwt_bridge_tell(bridge, NULL, "reload", NULL), 3);
}

/* ---- what would change ---- */

static void plan(const char *format, int code, const char *text)
{
    char *said;
    int found = nwt_bridge_tell(bridge, &said, "plan", bridge->config, "--format", format, NULL);

    cr_expect_eq(found, code, "%d: %s", found, said);
    cr_expect_str_eq(said, text);
    free(said);
}

Test(reload, plan_says_what_it_would_change_and_changes_nothing)
{
    start(STEADY "  gone: {from: {jetstream: b}, to: {jetstream: to.gone}}\n"
                 "  other: {from: {jetstream: b, durable: one}, to: {jetstream: to.other}}\n");
    plan("text", 0, "3 unchanged\n");
    write_routes(STEADY "  new: {from: {jetstream: b}, to: {jetstream: to.new}}\n"
                        "  other: {order: key, from: {jetstream: b, durable: two}, to: {jetstream: "
                        "to.other}}\n");
    plan("text", 0,
         "new: added\n    reads at the durable bridge-new\n"
         "other: changed: from, options\n    reads at the durable two\n"
         "    leaves the durable one as it is\n"
         "gone: removed\n    leaves the durable bridge-gone as it is\n1 unchanged\n");
    plan("json", 0,
         "{\"refused\":[],\"unchanged\":1,\"routes\":["
         "{\"name\":\"new\",\"change\":\"added\",\"parts\":[],\"position\":\"the durable "
         "bridge-new\"},"
         "{\"name\":\"other\",\"change\":\"changed\",\"parts\":[\"from\",\"options\"],"
         "\"position\":\"the durable two\",\"position_before\":\"the durable one\"},"
         "{\"name\":\"gone\",\"change\":\"removed\",\"parts\":[],"
         "\"position_before\":\"the durable bridge-gone\"}]}\n");
    cr_expect(number("gone", "received") == 0 && number("new", "received") == -1);
    cr_expect_not(nwt_bridge_logged(bridge, "reloaded"));
    nwt_bridge_write(bridge, "workers: 7\nnats: {url: \"%s\", name: x}\nroutes:\n" STEADY,
                     nats->url);
    plan("text", 1,
         "steady: changed: connection\n    goes on at the durable bridge-steady\n"
         "gone: removed\n    leaves the durable bridge-gone as it is\n"
         "other: removed\n    leaves the durable one as it is\n"
         "0 unchanged\na reload would be refused: it cannot change workers\n");
}

Test(reload, plan_knows_of_secrets_without_telling_them)
{
    char *secret = nwt_folder_file(folder, "secret");
    char url[100];

    nwt_file_write(secret, "%s", "hunter2");
    bridge = nwt_bridge_new(folder, "bridge",
                            "connections: {http: {listen: \"127.0.0.1:%d\"}}\n" HEAD
                            "  hook: {from: {http: \"POST /hook\", verify: {github: "
                            "\"${file:secret}\"}}, to: {jetstream: to.hook}}\n",
                            nwt_port_free(), nats->url);
    nwt_bridge_run(bridge);
    plan("text", 0, "1 unchanged\n");
    nwt_file_write(secret, "%s", "hunter3");
    plan("text", 0, "hook: changed: from\n0 unchanged\n");
    snprintf(url, sizeof url, "%s/api/plan", bridge->admin);
    struct nwt_http_answer answer = nwt_http_request(
        "POST", url, (const char *[]){"Natsway-Admin: 1", NULL}, "route x", 7, 5000);
    cr_expect_eq(answer.status, 422);
    nwt_http_done(&answer);
    cr_expect_not(nwt_bridge_logged(bridge, "hunter"));
    free(secret);
}
