/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are answered when they are in the spool: always, or while NATS is away. */
#include "support/bridge.h"
#include "support/http_client.h"
#include "support/http_load.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/port.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT 6000
#define SIZE 256
#define CONNECTIONS 32

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static int port;
static char url[48];

static void make_bridge(const char *routes)
{
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\n"
                            "connections: {http: {listen: \"127.0.0.1:%d\"}}\n"
                            "routes:\n%s",
                            nats->url, port, routes);
}

static void run_bridge(const char *routes)
{
    make_bridge(routes);
    nwt_bridge_run(bridge);
}

/* The route `numbers`, with more options in from: and at the route. */
#define NUMBERS(from_more, more)                             \
    "  numbers:\n"                                           \
    "    from: {http: \"POST /numbers/{n}\"" from_more "}\n" \
    "    map: [{set: {headers: {N: \"{{param('n')}}\"}}}]\n" \
    "    to: {jetstream: in.numbers}\n" more
#define ACCEPTED NUMBERS(", respond: accepted", "")
#define IN_OUTAGE NUMBERS(", timeout: 2s", "    spool: {max_size: 1GiB}\n")

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

TestSuite(http_spool, .init = set_up, .fini = tear_down, .timeout = 600);

static struct nwt_http_answer ask(const char *path, const char *const *headers, const char *body)
{
    char target[200];
    snprintf(target, sizeof target, "%s%s", url, path);
    return nwt_http_request("POST", target, headers, body, strlen(body), 20000);
}

/* The status alone. */
static int post(const char *path, const char *const *headers, const char *body)
{
    struct nwt_http_answer answer = ask(path, headers, body);
    int status = answer.status;
    nwt_http_done(&answer);
    return status;
}

/* Order holds for what came over one connection. */
static bool take_stored(void *context, natsMsg *message)
{
    const char *n = nwt_nats_header(message, "N");
    int64_t number =
        nwt_numbered_take(context, natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message),
                          n == NULL ? 0 : (unsigned)(atoll(n) % CONNECTIONS));
    cr_expect(n != NULL && atoll(n) == number, "N is %s", n);
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
                                  .timeout_ms = 120000};
    return &load;
}

/* So many are in the stream, each once and in order. */
static void expect_all(struct nwt_numbered *numbers)
{
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "IN") >= (int64_t)numbers->count),
              "%lld in the stream", (long long)nwt_stream_count(client, "IN"));
    nwt_stream_read(client, "IN", "in.>", take_stored, numbers);
    cr_expect(nwt_numbered_complete(numbers, false));
}

static void expect_settled(const char *route)
{
    cr_expect(NWT_WAIT(20000, nwt_bridge_number(bridge, route, "in_flight") == 0));
    cr_expect(nwt_bridge_ledger_adds_up(bridge, route));
}

Test(http_spool, what_is_accepted_is_delivered_in_order)
{
    struct nwt_numbered *numbers = nwt_numbered_new(COUNT, SIZE, true);
    struct nwt_http_load *load = load_new(numbers, false);
    run_bridge(ACCEPTED);
    cr_expect_eq(post("/other", NULL, "x"), 404);
    nwt_http_load_run(load);
    cr_assert_eq(load->confirmed, COUNT, "%zu confirmed, %zu refused (%d)", load->confirmed,
                 load->refused, load->last_refusal);
    expect_all(numbers);
    cr_expect(NWT_WAIT(20000, nwt_bridge_number(bridge, "numbers", "delivered") == COUNT));
    expect_settled("numbers");
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    nwt_http_load_done(load);
    nwt_numbered_free(numbers);
}

/* Killed while NATS is away, and again when it is back: what had its 202 arrives, in order, once.
 */
Test(http_spool, what_is_accepted_outlives_a_kill_while_nats_is_away)
{
    struct nwt_numbered *numbers = nwt_numbered_new(COUNT, SIZE, true);
    struct nwt_http_load *load = load_new(numbers, false);
    run_bridge(ACCEPTED);
    nwt_nats_stop(nats);
    nwt_http_load_run(load);
    cr_assert_eq(load->confirmed, COUNT, "%zu confirmed, %zu refused (%d)", load->confirmed,
                 load->refused, load->last_refusal);
    nwt_bridge_kill(bridge);
    nwt_bridge_start(bridge, NULL);
    nwt_nats_start(nats);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "IN") > COUNT / 10));
    nwt_bridge_kill(bridge);
    nwt_bridge_run(bridge);
    expect_all(numbers);
    expect_settled("numbers");
    nwt_http_load_done(load);
    nwt_numbered_free(numbers);
}

/* The load is killed under: who had a 202 is in the stream. Who had none asks again, so there are
 * repeats. */
Test(http_spool, killed_under_load_it_keeps_what_it_accepted)
{
    struct nwt_numbered *numbers = nwt_numbered_new(COUNT, SIZE, true);
    struct nwt_http_load *load = load_new(numbers, true);
    pthread_t thread;
    size_t lost = 0;
    run_bridge(ACCEPTED);
    nwt_http_load_start(load, &thread);
    for (size_t i = 1; i <= 3; i++) {
        cr_assert(NWT_WAIT(30000, load->confirmed > i * COUNT / 5));
        nwt_bridge_kill(bridge);
        nwt_bridge_run(bridge);
    }
    nwt_http_load_join(load, thread);
    cr_expect_eq(load->confirmed, COUNT);
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(bridge, "numbers", "in_flight") == 0 &&
                                  nwt_stream_count(client, "IN") >= COUNT));
    nwt_stream_read(client, "IN", "in.>", take_stored, numbers);
    for (size_t i = 0; i < COUNT; i++) {
        lost += load->confirmed_numbers[i] && !numbers->seen[i];
    }
    cr_expect_eq(lost, 0, "%zu accepted requests are not stored", lost);
    cr_expect_eq(numbers->wrong, 0);
    nwt_http_load_done(load);
    nwt_numbered_free(numbers);
}

/* With spool: at the route the outage is not seen by any caller, and nothing overtakes. */
Test(http_spool, an_outage_fills_the_spool_if_the_route_asks)
{
    struct nwt_numbered *numbers = nwt_numbered_new(COUNT, SIZE, true);
    struct nwt_http_load *load = load_new(numbers, false);
    pthread_t thread;
    run_bridge(IN_OUTAGE);
    nwt_http_load_start(load, &thread);
    cr_assert(NWT_WAIT(30000, load->confirmed > COUNT / 5));
    nwt_nats_stop(nats);
    nwt_http_load_join(load, thread);
    cr_expect_eq(load->confirmed, COUNT, "%zu refused (%d), %zu broken", load->refused,
                 load->last_refusal, load->broken);
    cr_expect_eq(post("/numbers/no", NULL, "spooled"), 202);
    nwt_bridge_kill(bridge);
    nwt_bridge_start(bridge, NULL);
    nwt_nats_start(nats);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "IN") >= COUNT + 1));
    cr_expect(NWT_WAIT(20000, post("/numbers/no", NULL, "delivered") == 204));
    nwt_http_load_done(load);
    nwt_numbered_free(numbers);
}

Test(http_spool, nothing_overtakes_what_the_spool_holds)
{
    struct nwt_numbered *numbers = nwt_numbered_new(COUNT, SIZE, true);
    struct nwt_http_load *load = load_new(numbers, false);
    pthread_t thread;
    run_bridge(IN_OUTAGE);
    nwt_http_load_start(load, &thread);
    cr_assert(NWT_WAIT(30000, load->confirmed > COUNT / 5));
    nwt_nats_stop(nats);
    cr_assert(NWT_WAIT(30000, load->confirmed > COUNT / 2));
    nwt_nats_start(nats);
    nwt_http_load_join(load, thread);
    cr_expect_eq(load->confirmed, COUNT, "%zu refused (%d), %zu broken", load->refused,
                 load->last_refusal, load->broken);
    expect_all(numbers);
    expect_settled("numbers");
    cr_expect_eq(nwt_bridge_number(bridge, "numbers", "dropped"), 0);
    nwt_http_load_done(load);
    nwt_numbered_free(numbers);
}

/* Without it a caller is told that it is not the time. */
Test(http_spool, a_route_that_does_not_ask_has_no_spool)
{
    char *path = NULL;
    run_bridge(NUMBERS(", timeout: 1s", ""));
    nwt_nats_stop(nats);
    cr_expect_eq(post("/numbers/1", NULL, "x"), 503);
    cr_assert(asprintf(&path, "%s/spool.db", bridge->state_dir) > 0);
    cr_expect_neq(access(path, F_OK), 0, "there is a %s", path);
    free(path);
}

Test(http_spool, what_is_left_is_delivered_though_the_route_spools_no_more)
{
    run_bridge(ACCEPTED);
    nwt_nats_stop(nats);
    cr_expect_eq(post("/numbers/1", NULL, "left"), 202);
    nwt_bridge_kill(bridge);
    nwt_bridge_write(bridge,
                     "nats: {url: \"%s\"}\n"
                     "connections: {http: {listen: \"127.0.0.1:%d\"}}\n"
                     "routes:\n%s",
                     nats->url, port, NUMBERS("", ""));
    nwt_nats_start(nats);
    nwt_bridge_run(bridge);
    cr_expect(NWT_WAIT(30000, nwt_stream_count(client, "IN") == 1));
}

static void fill(size_t size)
{
    char *body = malloc(size + 1);
    int status = 0;
    memset(body, 'x', size);
    body[size] = '\0';
    for (int i = 0; i < 1000 && status != 503; i++) {
        status = post("/numbers/1", NULL, body);
        cr_assert(status == 202 || status == 503, "%d", status);
    }
    cr_expect_eq(status, 503);
    free(body);
}

Test(http_spool, a_full_spool_answers_503_until_there_is_room)
{
    run_bridge(NUMBERS(", respond: accepted", "    spool: {max_size: 1MiB}\n"));
    nwt_nats_stop(nats);
    fill(100 * 1000);
    struct nwt_http_answer answer = ask("/numbers/1", NULL, "x");
    cr_expect_eq(answer.status, 503);
    cr_expect(strcasestr(answer.headers, "Retry-After: 5") != NULL, "%s", answer.headers);
    cr_expect(strstr(answer.body, "spool is full") != NULL, "%s", answer.body);
    nwt_http_done(&answer);
    cr_expect(nwt_bridge_logged(bridge, "the spool is full"));
    nwt_nats_start(nats);
    cr_expect(NWT_WAIT(30000, post("/numbers/1", NULL, "again") == 202));
    cr_expect(NWT_WAIT(30000, nwt_bridge_ready(bridge)));
    expect_settled("numbers");
}

Test(http_spool, drop_oldest_takes_all_and_counts_what_went)
{
    char *body = malloc(100 * 1000 + 1);
    memset(body, 'x', 100 * 1000);
    body[100 * 1000] = '\0';
    run_bridge(NUMBERS(", respond: accepted", "    max_in_flight: 1\n"
                                              "    spool: {max_size: 1MiB, full: drop_oldest}\n"));
    nwt_nats_stop(nats);
    for (int i = 0; i < 30; i++) {
        cr_assert_eq(post("/numbers/1", NULL, body), 202);
    }
    int64_t dropped = nwt_bridge_number(bridge, "numbers", "dropped");
    cr_expect(dropped >= 15 && dropped < 30, "%lld", (long long)dropped);
    cr_expect(nwt_bridge_logged(bridge, "drop_oldest"));
    nwt_nats_start(nats);
    cr_expect(NWT_WAIT(30000, nwt_stream_count(client, "IN") == 30 - dropped), "%lld, %lld",
              (long long)nwt_stream_count(client, "IN"), (long long)dropped);
    expect_settled("numbers");
    cr_expect_eq(nwt_bridge_number(bridge, "numbers", "dropped"), dropped);
    free(body);
}

/* One is under way; those behind it grow too old on disk. */
Test(http_spool, what_is_too_old_is_dropped_and_counted)
{
    run_bridge(NUMBERS(", respond: accepted", "    max_in_flight: 1\n"
                                              "    spool: {max_age: 100ms}\n"));
    nwt_nats_stop(nats);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(post("/numbers/1", NULL, "x"), 202);
    }
    int64_t stored_ms = nwt_now_ms();
    cr_assert(NWT_WAIT(10000, nwt_now_ms() > stored_ms + 100));
    nwt_nats_start(nats);
    cr_expect(NWT_WAIT(30000, nwt_bridge_number(bridge, "numbers", "dropped") == 9), "%lld",
              (long long)nwt_bridge_number(bridge, "numbers", "dropped"));
    cr_expect(nwt_bridge_logged(bridge, "older than spool.max_age"));
    expect_settled("numbers");
    cr_expect_eq(nwt_stream_count(client, "IN"), 1);
}

/* A sender's own name of a delivery is its id, also over the spool and a kill. */
Test(http_spool, a_delivery_that_is_repeated_is_recognised)
{
    static const char *const first[] = {"X-GitHub-Delivery: one", NULL};
    static const char *const second[] = {"X-GitHub-Delivery: two", NULL};
    run_bridge(ACCEPTED);
    nwt_nats_stop(nats);
    cr_expect_eq(post("/numbers/1", first, "x"), 202);
    nwt_bridge_kill(bridge);
    nwt_bridge_start(bridge, NULL);
    cr_expect(NWT_WAIT(20000, post("/numbers/1", first, "x") == 202));
    cr_expect_eq(post("/numbers/1", second, "x"), 202);
    nwt_nats_start(nats);
    cr_expect(NWT_WAIT(30000, nwt_bridge_number(bridge, "numbers", "delivered") == 3));
    cr_expect_eq(nwt_stream_count(client, "IN"), 2);
}

static void expect_answer(const char *path, int status, const char *header, const char *body)
{
    struct nwt_http_answer answer = ask(path, NULL, "{\"a\":7}");
    cr_expect_eq(answer.status, status, "%s: %d %s", path, answer.status, answer.body);
    cr_expect(header == NULL || strcasestr(answer.headers, header) != NULL, "%s", answer.headers);
    cr_expect_str_eq(answer.body, body);
    nwt_http_done(&answer);
}

Test(http_spool, the_route_says_what_is_answered)
{
    run_bridge(
        "  delivered:\n"
        "    from: {http: \"POST /d/{n}\", respond: {status: 201,"
        " headers: {Location: \"/d/{{param('n')}}\"}, body: '{\"a\":{{json(\".a\")}}}'}}\n"
        "    to: {jetstream: in.d}\n"
        "  accepted:\n"
        "    from: {http: \"POST /a/{n}\", respond: {when: accepted, body: \"ok "
        "{{param('n')}}\"}}\n"
        "    to: {jetstream: in.a}\n"
        "  plain:\n"
        "    from: {http: \"POST /p\", respond: {status: 200}}\n"
        "    to: {jetstream: in.p}\n"
        "  strict:\n"
        "    from: {http: \"POST /s\", respond: {when: accepted, body: '{{json(\".b\")}}'}}\n"
        "    to: {jetstream: in.s}\n"
        "  late:\n"
        "    from: {http: \"POST /l\", respond: {body: '{{json(\".b\")}}'}}\n"
        "    to: {jetstream: in.l}\n");
    expect_answer("/d/5", 201, "Location: /d/5", "{\"a\":7}");
    expect_answer("/d/6", 201, "Content-Type: application/json", "{\"a\":7}");
    expect_answer("/a/5", 202, NULL, "ok 5");
    expect_answer("/p", 200, "Content-Length: 0", "");
    cr_expect(NWT_WAIT(20000, nwt_stream_count(client, "IN") == 4));
    /* What has no answer is not taken. */
    cr_expect_eq(post("/s", NULL, "{\"a\":7}"), 422);
    cr_expect_eq(post("/l", NULL, "{\"a\":7}"), 422);
    cr_expect_eq(post("/s", NULL, "{\"b\":7}"), 202);
    cr_expect(NWT_WAIT(20000, nwt_stream_count(client, "IN") == 5));
}

/* Bytes in the middle of a file. */
static void damage(const char *path)
{
    static const char zeros[3 * 4096] = {0};
    struct stat st;
    FILE *file = fopen(path, "r+");
    cr_assert(file != NULL && fstat(fileno(file), &st) == 0 && st.st_size > 40 * 4096, "%s", path);
    cr_assert_eq(fseek(file, st.st_size / 2 / 4096 * 4096, SEEK_SET), 0);
    cr_assert_eq(fwrite(zeros, sizeof zeros, 1, file), 1);
    cr_assert_eq(fclose(file), 0);
}

Test(http_spool, what_can_be_read_of_a_damaged_spool_is_delivered)
{
    struct nwt_numbered *numbers = nwt_numbered_new(1000, SIZE, true);
    struct nwt_http_load *load = load_new(numbers, false);
    char *path = NULL;
    run_bridge(ACCEPTED "shutdown_timeout: 1s\n");
    nwt_nats_stop(nats);
    nwt_http_load_run(load);
    cr_assert_eq(load->confirmed, numbers->count);
    (void)nwt_bridge_stop(bridge);
    cr_expect(nwt_bridge_logged(bridge, "1000 in the spool"));
    cr_assert(asprintf(&path, "%s/spool.db", bridge->state_dir) > 0);
    damage(path);
    nwt_nats_start(nats);
    nwt_bridge_run(bridge);
    cr_expect(nwt_bridge_logged(bridge, "the spool was damaged: what could be read"));
    cr_expect(NWT_WAIT(30000, nwt_bridge_number(bridge, "numbers", "delivered") > 800));
    expect_settled("numbers");
    nwt_stream_read(client, "IN", "in.>", take_stored, numbers);
    cr_expect(numbers->distinct > 800 && numbers->distinct < 1000, "%zu", numbers->distinct);
    cr_expect_eq(numbers->wrong + numbers->disordered + numbers->duplicates, 0);
    cr_expect_eq(post("/numbers/1", NULL, "more"), 202);
    free(path);
    nwt_http_load_done(load);
    nwt_numbered_free(numbers);
}

/* A small file system of our own for the state folder. */
static bool mount_small(const char *path, unsigned kib)
{
    char options[40];
    snprintf(options, sizeof options, "size=%uk", kib);
    return mkdir(path, 0700) == 0 && unshare(CLONE_NEWNS) == 0 &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", path, "tmpfs", 0, options) == 0;
}

/* Another's file fills the disk up to the reserve and a little more, and goes again. */
Test(http_spool, a_full_disk_is_said_and_503)
{
    static const char ballast[5 * 1024 * 1024] = {1};
    char *path = NULL;
    make_bridge(ACCEPTED);
    if (!mount_small(bridge->state_dir, 25 * 1024)) {
        cr_skip_test("mounting is not allowed");
    }
    cr_assert(asprintf(&path, "%s/ballast", bridge->state_dir) > 0);
    nwt_file_append(path, ballast, sizeof ballast);
    nwt_bridge_run(bridge);
    nwt_nats_stop(nats);
    fill(200 * 1000);
    cr_expect(nwt_bridge_logged(bridge, "the disk of state_dir is full"));
    cr_expect_eq(post("/numbers/1", NULL, "x"), 503);
    cr_expect_not(nwt_bridge_ready(bridge));
    cr_assert_eq(unlink(path), 0);
    nwt_nats_start(nats);
    cr_expect(NWT_WAIT(60000, post("/numbers/1", NULL, "again") == 202));
    expect_settled("numbers");
    cr_expect_gt(nwt_stream_count(client, "IN"), 10);
    cr_expect(NWT_WAIT(20000, nwt_bridge_ready(bridge)));
    free(path);
}
