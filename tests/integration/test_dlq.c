/* SPDX-License-Identifier: Apache-2.0 */
/* `natsway dlq` with a real server: dead letters are found, changed, sent through their routes
 * again, and none is lost on the way. */
#include "support/bridge.h"
#include "support/http_client.h"
#include "support/http_server.h"
#include "support/mosquitto.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/numbered.h"
#include "support/port.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT 4000
#define SIZE 64

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static char *out, *error; /* of the last command */

static void set_up(void)
{
    folder = nwt_folder_new();
    setenv("TMPDIR", nwt_folder_path(folder), 1); /* what a killed command leaves there */
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    nwt_stream_add(client, "IN", "in.>");
    nwt_stream_add(client, "OUT", "out.>");
    nwt_stream_add(client, "DLQ", "dlq.>");
}

static void tear_down(void)
{
    free(out);
    free(error);
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(dlq, .init = set_up, .fini = tear_down, .timeout = 600);

/* ---- the bridge and its letters ---- */

#define HEAD "nats: {url: \"%s\"}\n%sroutes:\n"
#define TOP "dead_letter: \"dlq.{{route}}\"\n"
#define ROUTE(name, map, to)                     \
    "  " name ":\n"                              \
    "    from: {jetstream: \"in." name ".*\"}\n" \
    "    map: [" map "]\n"                       \
    "    to: " to "\n"
#define TO_OUT "{jetstream: \"out.{{wildcard(1)}}\"}"
#define REFUSE "{reject: \"not this one\"}"
#define ACCEPT ROUTE("r", "", TO_OUT)

/* The same file, with another map or target. */
static void set_routes(const char *routes)
{
    char *format = NULL;
    cr_assert(asprintf(&format, HEAD "%s", nats->url,
                       strstr(routes, "dead_letter: \"") == NULL ? TOP : "", routes) > 0);
    if (bridge == NULL) {
        bridge = nwt_bridge_new(folder, "plant", "%s", format);
    } else {
        nwt_bridge_write(bridge, "%s", format);
    }
    free(format);
}

static void publish(const char *subject, const void *payload, size_t len)
{
    natsMsg *m = NULL;
    NWT_NATS(natsMsg_Create(&m, subject, NULL, payload, (int)len));
    NWT_NATS(natsMsgHeader_Set(m, "X", "1"));
    NWT_NATS(natsMsgHeader_Set(m, "Natsway-Key", "k"));
    nwt_stream_publish(client, m);
}

static void publish_text(const char *subject, const char *text)
{
    publish(subject, text, strlen(text));
    nwt_stream_flush(client);
}

/* Run the routes until there are so many dead letters. */
static void make_letters(const char *routes, int64_t count)
{
    set_routes(routes);
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "DLQ") == count));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

/* ---- the command ---- */

static char *file_of(const char *name)
{
    return nwt_folder_file(folder, "%s", name);
}

/* natsway dlq WORDS FILE to its end; what it says is in out and error. */
static int dlq_with(const char *in_path, const char *words)
{
    struct nwt_process process;
    char *out_path = file_of("out.txt"), *error_path = file_of("error.txt"), all[300];
    int code;

    unlink(out_path);
    unlink(error_path);
    snprintf(all, sizeof all, "dlq %s", words);
    nwt_bridge_spawn(bridge, &process, all, in_path, out_path, error_path);
    code = nwt_process_wait(&process, 60000 * NWT_PATIENCE);
    nwt_process_kill(&process);
    free(out);
    free(error);
    out = nwt_file_read(out_path, NULL);
    error = nwt_file_read(error_path, NULL);
    free(out_path);
    free(error_path);
    return code;
}

static void expect_dlq(int code, const char *words)
{
    int got = dlq_with(NULL, words);
    cr_assert_eq(got, code, "natsway dlq %s: exit %d\n%s%s", words, got, out, error);
}

static size_t lines(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += *text == '\n' ? 1 : 0;
    }
    return count;
}

static bool says(const char *text)
{
    return strstr(out, text) != NULL || strstr(error, text) != NULL;
}

/* ---- what arrived ---- */

static bool take_number(void *context, natsMsg *m)
{
    (void)nwt_numbered_take(context, natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), 0);
    return true;
}

static bool keep(void *context, natsMsg *m)
{
    natsMsg **kept = context;
    static const char *const names[] = {
        "X", "Y", "Natsway-Error", "Natsway-Address", "Nats-Msg-Id", "Natsway-Key"};

    natsMsg_Destroy(*kept);
    NWT_NATS(natsMsg_Create(kept, natsMsg_GetSubject(m), NULL, natsMsg_GetData(m),
                            natsMsg_GetDataLength(m)));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = nwt_nats_header(m, names[i]);
        if (value != NULL) {
            NWT_NATS(natsMsgHeader_Set(*kept, names[i], value));
        }
    }
    return true;
}

/* The last message of a stream; the caller's. */
static natsMsg *last_of(const char *stream, const char *subject)
{
    natsMsg *m = NULL;
    nwt_stream_read(client, stream, subject, keep, &m);
    cr_assert_not_null(m);
    return m;
}

static struct nwt_numbered *make_many(void)
{
    struct nwt_numbered *n = nwt_numbered_new(COUNT, SIZE, true);
    char payload[SIZE];

    for (size_t i = 0; i < COUNT; i++) {
        nwt_numbered_payload(n, i, payload);
        publish("in.r.x", payload, SIZE);
    }
    nwt_stream_flush(client);
    make_letters(ROUTE("r", REFUSE, TO_OUT), COUNT);
    return n;
}

/* ---- tests ---- */

/* Beside a bridge that runs with the same file and state. */
Test(dlq, retry_sends_thousands_through_their_route_and_removes_them)
{
    struct nwt_numbered *n = make_many();
    natsMsg *m;

    set_routes(ACCEPT);
    nwt_bridge_run(bridge);
    expect_dlq(0, "ls");
    cr_expect_eq(lines(out), COUNT);
    expect_dlq(0, "retry");
    cr_expect(says("4000 delivered of 4000 dead letters"), "%s%s", out, error);
    cr_expect_eq(nwt_stream_count(client, "DLQ"), 0);
    nwt_stream_read(client, "OUT", "out.>", take_number, n);
    cr_expect(nwt_numbered_complete(n, false));
    m = last_of("OUT", "out.>");
    cr_expect_str_eq(natsMsg_GetSubject(m), "out.x");
    cr_expect_str_eq(nwt_nats_header(m, "X"), "1");
    cr_expect_str_eq(nwt_nats_header(m, "Natsway-Key"), "k");
    cr_expect_null(nwt_nats_header(m, "Natsway-Error"));
    cr_expect_null(nwt_nats_header(m, "Natsway-Address"));
    cr_expect_eq(strncmp(nwt_nats_header(m, "Nats-Msg-Id"), "js:IN/", 6), 0);
    natsMsg_Destroy(m);
    expect_dlq(0, "retry");
    cr_expect(says("0 delivered of 0 dead letters"));
    nwt_numbered_free(n);
}

/* What is not delivered is still there; what was delivered and not yet removed is not stored twice.
 */
Test(dlq, retry_that_is_killed_loses_nothing)
{
    struct nwt_numbered *n = make_many();
    struct nwt_process process;
    char *log = file_of("killed.txt");
    int64_t there;

    set_routes(ACCEPT "    max_in_flight: 4\n"); /* so slowly that it can be met */
    nwt_bridge_spawn(bridge, &process, "dlq retry", NULL, log, log);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "OUT") > COUNT / 20));
    nwt_process_kill(&process);
    there = nwt_stream_count(client, "DLQ");
    cr_expect_gt(there, 0, "it was too late to kill it");
    nwt_stream_read(client, "OUT", "out.>", take_number, n);
    nwt_stream_read(client, "DLQ", "dlq.>", take_number, n);
    cr_expect_eq(nwt_numbered_distinct(n), COUNT);
    nwt_numbered_reset(n);
    expect_dlq(0, "retry");
    cr_expect_eq(nwt_stream_count(client, "DLQ"), 0);
    nwt_stream_read(client, "OUT", "out.>", take_number, n);
    cr_expect(nwt_numbered_complete(n, false));
    nwt_numbered_free(n);
    free(log);
}

/* The server is killed in the middle and comes back: the command goes on by itself, and what it
 * removed before is not there again. */
Test(dlq, retry_outlasts_a_server_that_is_killed)
{
    struct nwt_numbered *n = make_many();
    struct nwt_process process;
    char *log = file_of("outage.txt");

    set_routes(ACCEPT "    max_in_flight: 4\n");
    nwt_bridge_spawn(bridge, &process, "dlq retry --timeout 5m", NULL, log, log);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "OUT") > COUNT / 20));
    nwt_process_kill(&nats->process);
    nwt_nats_start(nats);
    cr_expect_eq(nwt_process_wait(&process, 120000 * NWT_PATIENCE), 0);
    nwt_process_kill(&process);
    expect_dlq(0, "ls"); /* not the server's count: after a kill it may count what is not there */
    cr_expect_str_eq(out, "");
    nwt_stream_read(client, "OUT", "out.>", take_number, n);
    cr_expect_eq(nwt_numbered_distinct(n), COUNT);
    nwt_numbered_free(n);
    free(log);
}

/* A client id of the user's own is the bridge's: the broker would put out the older of two. */
Test(dlq, retry_to_mqtt_leaves_the_bridge_connected)
{
    static const char routes[] = ROUTE("r", "%s", "{mqtt: \"t\", qos: 1, client_id: mine}") ROUTE(
        "s", "%s", "{mqtt: \"t\", qos: 1}") "connections: {mqtt: {url: \"%s\", client_id: ours}}\n";
    struct nwt_mosquitto *mosquitto = nwt_mosquitto_new(folder, NULL);
    char text[800];

    publish_text("in.r.a", "1");
    publish_text("in.s.a", "2");
    snprintf(text, sizeof text, routes, REFUSE, REFUSE, mosquitto->url);
    make_letters(text, 2);
    snprintf(text, sizeof text, routes, "", "", mosquitto->url);
    set_routes(text);
    nwt_bridge_run(bridge);
    expect_dlq(0, "retry");
    cr_expect(says("2 delivered of 2"), "%s%s", out, error);
    cr_expect(nwt_file_contains(mosquitto->log, "as mine-retry "));
    cr_expect_not(nwt_file_contains(mosquitto->log, "already connected"));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    nwt_mosquitto_free(mosquitto);
}

/* It stays, with the reason, and does not become another dead letter. */
Test(dlq, retry_leaves_what_is_rejected_again)
{
    publish_text("in.r.a", "{\"bad\":true}");
    publish_text("in.r.b", "{\"bad\":false}");
    make_letters(ROUTE("r", REFUSE, TO_OUT), 2);
    set_routes(ROUTE("r", "{reject: \"still bad\", when: '.bad'}", TO_OUT));
    expect_dlq(1, "retry");
    cr_expect(says("1  r  rejected again: still bad"), "%s%s", out, error);
    cr_expect(says("1 delivered, 1 rejected again of 2 dead letters"), "%s%s", out, error);
    cr_expect_eq(nwt_stream_count(client, "DLQ"), 1);
    cr_expect_eq(nwt_stream_count(client, "OUT"), 1);
    expect_dlq(1, "retry --format json");
    cr_expect(says("\"outcome\":\"rejected\",\"reason\":\"still bad\""), "%s", out);
    expect_dlq(0, "ls");
    cr_expect(says("not this one"));
}

static void serve(void *context, struct nwt_http_visit *visit)
{
    int *status = context;
    visit->status = __atomic_load_n(status, __ATOMIC_SEQ_CST);
}

/* The target is away: the letters stay, all of them, and the exit code says so. */
Test(dlq, retry_leaves_all_when_the_target_is_away)
{
    int status = 400;
    struct nwt_http_server *http = nwt_http_server_new(serve, &status);
    char routes[300];

    snprintf(routes, sizeof routes,
             ROUTE("r", "", "{http: \"POST %s/x\"}") ROUTE("s", REFUSE, TO_OUT),
             nwt_http_server_url(http));
    publish_text("in.r.a", "1");
    publish_text("in.r.a", "2");
    publish_text("in.s.a", "3");
    make_letters(routes, 3);
    nwt_http_server_stop(http);
    snprintf(routes, sizeof routes, ROUTE("r", "", "{http: \"POST %s/x\"}") ROUTE("s", "", TO_OUT),
             nwt_http_server_url(http));
    set_routes(routes);
    expect_dlq(3, "retry --timeout 1s");
    cr_expect(says("1 delivered, 2 not delivered of 3 dead letters"), "%s%s", out, error);
    cr_expect(says("route r: a target is away: "), "<%s>", error);
    cr_expect_eq(nwt_stream_count(client, "DLQ"), 2);
    cr_expect_eq(nwt_stream_count(client, "OUT"), 1);
    nwt_http_server_start(http);
    __atomic_store_n(&status, 200, __ATOMIC_SEQ_CST);
    expect_dlq(0, "retry");
    cr_expect_eq(nwt_stream_count(client, "DLQ"), 0);
    nwt_http_server_free(http);
}

/* ---- several targets ---- */

struct visits {
    int a, b, status_of_b;
};

static void serve_two(void *context, struct nwt_http_visit *visit)
{
    struct visits *v = context;
    bool is_a = strcmp(visit->path, "/a") == 0;

    __atomic_fetch_add(is_a ? &v->a : &v->b, 1, __ATOMIC_SEQ_CST);
    visit->status = is_a ? 200 : __atomic_load_n(&v->status_of_b, __ATOMIC_SEQ_CST);
}

/* Routes with this map, and these targets of the server. */
static const char *to_two(struct nwt_http_server *http, const char *map, const char *first,
                          const char *second)
{
    static char routes[400];
    const char *url = nwt_http_server_url(http);
    snprintf(routes, sizeof routes,
             ROUTE("r", "%s", "[{http: \"POST %s/%s\"}, {http: \"POST %s/%s\"}]"), map, url, first,
             url, second);
    return routes;
}

static void expect_visits(struct visits *v, int a, int b)
{
    cr_expect(v->a == a && v->b == b, "%d and %d instead of %d and %d", v->a, v->b, a, b);
    cr_expect_eq(nwt_stream_count(client, "DLQ"), 0);
    v->a = v->b = 0;
}

/* A target that has the message does not get it again, wherever it stands in the file now. */
Test(dlq, retry_sends_to_the_target_that_refused)
{
    struct visits v = {.status_of_b = 400};
    struct nwt_http_server *http = nwt_http_server_new(serve_two, &v);

    publish_text("in.r.a", "1");
    make_letters(to_two(http, "", "a", "b"), 1);
    expect_dlq(0, "show");
    cr_expect(says("Natsway-Target"));
    cr_expect(v.a == 1 && v.b == 1);
    v = (struct visits){.status_of_b = 200};
    expect_dlq(0, "retry");
    expect_visits(&v, 0, 1);

    v.status_of_b = 400;
    publish_text("in.r.a", "2");
    make_letters(to_two(http, "", "a", "b"), 1);
    v = (struct visits){.status_of_b = 200};
    set_routes(to_two(http, "", "b", "a"));
    expect_dlq(0, "retry");
    expect_visits(&v, 0, 1);
    nwt_http_server_free(http);
}

/* What no target has seen goes to all of them, and so does what cannot be told. */
Test(dlq, retry_sends_to_all_targets_what_none_has_seen)
{
    struct visits v = {.status_of_b = 200};
    struct nwt_http_server *http = nwt_http_server_new(serve_two, &v);

    publish_text("in.r.a", "1");
    make_letters(to_two(http, REFUSE, "a", "b"), 1);
    set_routes(to_two(http, "", "a", "b"));
    expect_dlq(0, "retry");
    expect_visits(&v, 1, 1);

    v.status_of_b = 400;
    publish_text("in.r.a", "2");
    make_letters(to_two(http, "", "a", "b"), 1);
    v = (struct visits){.status_of_b = 200};
    set_routes(to_two(http, "", "a", "b2"));
    expect_dlq(0, "retry");
    expect_visits(&v, 1, 1);
    nwt_http_server_free(http);
}

Test(dlq, edit_changes_payload_and_headers_and_retry_sends_them)
{
    char *in = file_of("in.txt");
    natsMsg *m;

    publish_text("in.r.a", "{\"bad\":true}");
    make_letters(ROUTE("r", "{reject: \"bad\", when: '.bad'}", TO_OUT), 1);
    nwt_file_write(in, "{\"bad\":false}");
    cr_expect_eq(dlq_with(in, "edit --seq 1 --header X: --header Y:2 --key other"), 0, "%s", error);
    cr_expect_str_eq(out, "1 is now 2\n");
    cr_expect_eq(nwt_stream_count(client, "DLQ"), 1);
    m = last_of("DLQ", "dlq.>");
    cr_expect_str_eq(natsMsg_GetData(m), "{\"bad\":false}");
    cr_expect_str_eq(nwt_nats_header(m, "Natsway-Error"), "bad");
    cr_expect_eq(strncmp(nwt_nats_header(m, "Nats-Msg-Id"), "dlq.", 4), 0);
    natsMsg_Destroy(m);
    expect_dlq(1, "edit --seq 2");
    cr_expect(says("standard input is empty"));
    expect_dlq(1, "edit --seq 1");
    cr_expect(says("there is no such dead letter"));
    expect_dlq(0, "retry");
    m = last_of("OUT", "out.>");
    cr_expect_str_eq(natsMsg_GetSubject(m), "out.a");
    cr_expect_str_eq(natsMsg_GetData(m), "{\"bad\":false}");
    cr_expect_null(nwt_nats_header(m, "X"));
    cr_expect_str_eq(nwt_nats_header(m, "Y"), "2");
    cr_expect_str_eq(nwt_nats_header(m, "Natsway-Key"), "other");
    natsMsg_Destroy(m);
    free(in);
}

/* On a terminal the payload is opened in an editor. */
Test(dlq, edit_opens_the_editor_on_a_terminal)
{
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    char *new_text = file_of("new.txt"), editor[400];
    natsMsg *m;

    cr_assert(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    publish_text("in.r.a", "old");
    make_letters(ROUTE("r", REFUSE, TO_OUT), 1);
    nwt_file_write(new_text, "new\n");
    unsetenv("VISUAL");
    setenv("EDITOR", "true", 1);
    cr_expect_eq(dlq_with(ptsname(terminal), "edit --seq 1"), 0);
    cr_expect_str_eq(out, "1 is unchanged\n");
    setenv("EDITOR", "false", 1);
    cr_expect_eq(dlq_with(ptsname(terminal), "edit --seq 1"), 1);
    cr_expect(says("stays as it is"));
    snprintf(editor, sizeof editor, "cp '%s'", new_text);
    setenv("EDITOR", editor, 1);
    cr_expect_eq(dlq_with(ptsname(terminal), "edit --seq 1 --dry-run"), 0);
    cr_expect_str_eq(out, "would change 1\n");
    cr_expect_eq(dlq_with(ptsname(terminal), "edit --seq 1"), 0);
    cr_expect_str_eq(out, "1 is now 2\n");
    m = last_of("DLQ", "dlq.>");
    cr_expect_str_eq(natsMsg_GetData(m), "new");
    natsMsg_Destroy(m);
    close(terminal);
    free(new_text);
}

#define TWO_ROUTES                                       \
    ROUTE("r", "{reject: \"no {{json('.')}}\"}", TO_OUT) \
    ROUTE("s", "{reject: \"Nope\"}", TO_OUT)

Test(dlq, filters_choose_and_dry_runs_change_nothing)
{
    char words[100];

    for (int i = 1; i <= 4; i++) {
        snprintf(words, sizeof words, "%d", i);
        publish_text(i % 2 == 0 ? "in.s.a" : "in.r.a", words);
    }
    make_letters(TWO_ROUTES, 4);
    expect_dlq(0, "ls --route s");
    cr_expect_eq(lines(out), 2);
    expect_dlq(0, "ls --reason nope");
    cr_expect_eq(lines(out), 2);
    expect_dlq(0, "ls --reason 3");
    cr_expect_eq(lines(out), 1);
    expect_dlq(0, "ls --subject dlq.r");
    cr_expect_eq(lines(out), 2);
    expect_dlq(0, "ls --seq 1-2,4");
    cr_expect_eq(lines(out), 3);
    expect_dlq(0, "ls --since 1h");
    cr_expect_eq(lines(out), 4);
    expect_dlq(0, "ls --since 2100-01-01T00:00:00Z");
    cr_expect_eq(lines(out), 0);
    expect_dlq(2, "ls --route x");
    cr_expect(says("there is no route \"x\""));
    expect_dlq(0, "ls --format json --route r --reason 3");
    cr_expect(
        says(
            "\"route\":\"r\",\"origin\":\"js:IN/3\",\"attempts\":1,\"reason\":\"no 3\",\"size\":1"),
        "%s", out);
    set_routes(ACCEPT ROUTE("s", "", TO_OUT));
    expect_dlq(0, "purge --all --dry-run");
    cr_expect(says("would purge 4 dead letters"));
    expect_dlq(0, "retry --dry-run --route s");
    cr_expect(says("would retry 2 dead letters"));
    cr_expect_eq(nwt_stream_count(client, "DLQ"), 4);
    cr_expect_eq(nwt_stream_count(client, "OUT"), 0);
    expect_dlq(0, "retry --reason nope");
    cr_expect_eq(nwt_stream_count(client, "OUT"), 2);
    expect_dlq(0, "purge --reason 3");
    cr_expect_str_eq(out, "purged 1 dead letter\n");
    expect_dlq(0, "ls");
    cr_expect_eq(lines(out), 1);
    cr_expect(says("no 1"));
}

Test(dlq, show_has_all_of_a_letter)
{
    publish("in.r.a", "{\"n\": 1}", 8);
    publish("in.r.b", "\xff\x00", 2);
    nwt_stream_flush(client);
    make_letters(ROUTE("r", REFUSE, TO_OUT), 2);
    expect_dlq(0, "show --seq 1");
    cr_expect_eq(lines(out), 1);
    cr_expect(says("\"address\":\"in.r.a\",\"key\":\"k\",\"headers\":{"), "%s", out);
    cr_expect(says("\"X\":[\"1\"]"));
    cr_expect(says("\"payload\":{\"n\":1}"));
    cr_expect(says("\"reason\":\"not this one\""));
    expect_dlq(0, "show");
    cr_expect_eq(lines(out), 2);
    cr_expect(says("\"payload_base64\":\"/wA=\""));
    expect_dlq(1, "show --seq 9");
}

static bool add_up(void *context, natsMsg *m)
{
    *(int *)context += atoi(natsMsg_GetData(m));
    return true;
}

/* A part goes on behind its split, with the key that was set before it, and has an id of its own:
 * the stream has its brothers already. */
Test(dlq, retry_of_a_part_of_a_split_goes_on_behind_it)
{
    static const char split[] = "{set: {key: \"{{json('.k')}}\"}}, {split: '.v[]'}, "
                                "{reject: \"not {{json('.')}}\", when: '. == %s'}";
    char routes[400], map[200];
    natsMsg *m;
    int sum = 0;

    snprintf(map, sizeof map, split, "4");
    snprintf(routes, sizeof routes, ROUTE("r", "%s", TO_OUT), map);
    publish_text("in.r.a", "{\"k\":\"key\",\"v\":[1,2,4,8]}");
    make_letters(routes, 1);
    cr_assert_eq(nwt_stream_count(client, "OUT"), 3);
    snprintf(map, sizeof map, split, "5");
    snprintf(routes, sizeof routes, ROUTE("r", "%s", TO_OUT), map);
    set_routes(routes);
    expect_dlq(0, "retry");
    cr_expect_eq(nwt_stream_count(client, "DLQ"), 0);
    nwt_stream_read(client, "OUT", "out.>", add_up, &sum);
    cr_expect_eq(sum, 15);
    m = last_of("OUT", "out.>");
    cr_expect_str_eq(natsMsg_GetData(m), "4");
    cr_expect_str_eq(nwt_nats_header(m, "Natsway-Key"), "key");
    natsMsg_Destroy(m);
    publish_text("in.r.a", "{\"k\":\"x\",\"v\":[5]}");
    make_letters(routes, 1);
    set_routes(ACCEPT);
    expect_dlq(1, "retry");
    cr_expect(says("does not have that any more"), "%s%s", out, error);
}

/* What only HTTP knows of a request is kept, and its port, which the bridge has, is left alone. */
Test(dlq, retry_knows_what_the_source_knew)
{
    static const char routes[] =
        "  hook:\n"
        "    from: {http: \"POST /hooks/{repo}\", connection: http}\n"
        "    map: [%s{payload: '{r: $meta.param.repo, q: $meta.query.q, m: $meta.method}'}]\n"
        "    to: {jetstream: \"out.{{param('repo')}}\"}\n"
        "    on_error: {then: dead_letter}\n"
        "connections: {http: {listen: \"127.0.0.1:%d\"}}\n";
    int port = nwt_port_free();
    struct nwt_http_answer answer;
    char text[600], url[100];
    natsMsg *m;

    snprintf(text, sizeof text, routes, "{reject: \"no\"}, ", port);
    set_routes(text);
    nwt_bridge_run(bridge);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/hooks/a%%20b?q=1", port);
    answer = nwt_http_request("POST", url, NULL, "x", 1, 20000);
    nwt_http_done(&answer);
    cr_assert(NWT_WAIT(20000, nwt_stream_count(client, "DLQ") == 1));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
    snprintf(text, sizeof text, routes, "", port);
    set_routes(text);
    nwt_bridge_run(bridge);
    expect_dlq(0, "retry");
    m = last_of("OUT", "out.>");
    cr_expect_str_eq(natsMsg_GetSubject(m), "out.a%20b");
    cr_expect_str_eq(natsMsg_GetData(m), "{\"r\":\"a b\",\"q\":\"1\",\"m\":\"POST\"}");
    natsMsg_Destroy(m);
}

/* What is no letter is none of ours, and letters of a route that is gone stay. */
Test(dlq, leaves_what_is_no_letter_and_what_has_no_route)
{
    publish_text("in.r.a", "1");
    make_letters(ROUTE("r", REFUSE, TO_OUT), 1);
    publish_text("dlq.r", "no letter at all");
    set_routes(ROUTE("s", "", TO_OUT));
    expect_dlq(0, "ls");
    cr_expect_eq(lines(out), 1);
    expect_dlq(1, "retry");
    cr_expect(says("its route is not in the configuration any more"));
    expect_dlq(0, "purge --all");
    cr_expect_str_eq(out, "purged 1 dead letter\n");
    cr_expect_eq(nwt_stream_count(client, "DLQ"), 1);
}

/* Bridges that share a stream see their own, where the subjects tell them apart. */
Test(dlq, letters_of_another_bridge_are_apart_by_their_subjects)
{
    natsMsg *m = NULL;

    set_routes(ACCEPT "dead_letter: \"dlq.{{bridge}}.{{route}}\"\n");
    for (int i = 0; i < 3; i++) {
        NWT_NATS(natsMsg_Create(&m, i == 0 ? "dlq.plant.r" : "dlq.other.r", NULL, "2", 1));
        NWT_NATS(natsMsgHeader_Set(m, "Natsway-Error", "e"));
        NWT_NATS(natsMsgHeader_Set(m, "Natsway-Route", "r"));
        nwt_stream_publish(client, m);
    }
    nwt_stream_flush(client);
    expect_dlq(0, "ls");
    cr_expect_eq(lines(out), 1);
}

/* A letter of an older version says less. */
Test(dlq, retry_takes_letters_without_an_address)
{
    natsMsg *m = NULL;

    set_routes(
        "  r:\n    from: {jetstream: \"in.one\"}\n    to: {jetstream: \"out.{{token(2)}}\"}\n");
    NWT_NATS(natsMsg_Create(&m, "dlq.r", NULL, "2", 1));
    NWT_NATS(natsMsgHeader_Set(m, "Natsway-Error", "e"));
    NWT_NATS(natsMsgHeader_Set(m, "Natsway-Route", "r"));
    NWT_NATS(natsMsgHeader_Set(m, "Natsway-Attempts", "1"));
    nwt_stream_publish(client, m);
    nwt_stream_flush(client);
    expect_dlq(0, "retry");
    m = last_of("OUT", "out.>");
    cr_expect_str_eq(natsMsg_GetSubject(m), "out.one");
    natsMsg_Destroy(m);
}

/* A work queue has no place for a consumer of ours, and the server names a part of the subjects. */
Test(dlq, reads_streams_that_take_no_consumer)
{
    const char *subjects[] = {"dlq.r", "other"};
    jsStreamConfig config;

    NWT_NATS(js_DeleteStream(client->js, "DLQ", NULL, NULL));
    jsStreamConfig_Init(&config);
    config.Name = "DLQ";
    config.Subjects = subjects;
    config.SubjectsLen = 2;
    config.Retention = js_WorkQueuePolicy;
    NWT_NATS(js_AddStream(NULL, client->js, &config, NULL, NULL));
    publish_text("other", "0");
    publish_text("in.r.a", "1");
    publish_text("in.r.a", "2");
    make_letters(ROUTE("r", REFUSE, TO_OUT), 3);
    set_routes(ACCEPT);
    expect_dlq(0, "ls");
    cr_expect_eq(lines(out), 2);
    expect_dlq(0, "ls --seq 3");
    cr_expect_eq(lines(out), 1);
    expect_dlq(0, "retry");
    cr_expect_eq(nwt_stream_count(client, "DLQ"), 1);
    cr_expect_eq(nwt_stream_count(client, "OUT"), 2);
}

Test(dlq, says_what_is_missing)
{
    set_routes(ACCEPT);
    NWT_NATS(js_DeleteStream(client->js, "DLQ", NULL, NULL));
    expect_dlq(1, "ls");
    cr_expect_str_eq(error,
                     "natsway dlq ls: no stream takes the subject \"dlq.*\", so dead letters "
                     "are not stored\n");
    nwt_nats_stop(nats);
    expect_dlq(3, "retry");
    cr_expect_eq(lines(error), 1, "%s", error);
}
