/* SPDX-License-Identifier: Apache-2.0 */
/* `order:` while a target refuses one key only: who waits, and who passes. */
#include "support/bridge.h"
#include "support/http_server.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/numbered.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 2000
#define SIZE 100
#define KEYS 8
#define BAD 3 /* the key that is refused, and the first number that has it */
#define GOOD_COUNT (COUNT - COUNT / KEYS)

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static struct nwt_http_server *server;
static struct nwt_numbered *numbers;
static atomic_int refusals, at_once[KEYS], crowded;
static atomic_bool refuses;

static void take(void *context, struct nwt_http_visit *visit)
{
    unsigned key = (unsigned)atoi(visit->path + 1) % KEYS;
    (void)context;
    if (atomic_fetch_add(&at_once[key], 1) > 0) {
        atomic_fetch_add(&crowded, 1);
    }
    if (key == BAD && refuses) {
        atomic_fetch_add(&refusals, 1);
        visit->status = 503;
    } else {
        (void)nwt_numbered_take(numbers, visit->body, visit->body_len, key);
    }
    atomic_fetch_sub(&at_once[key], 1);
}

static void set_up(void)
{
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    nwt_stream_add(client, "OUT", "out.>");
    numbers = nwt_numbered_new(COUNT, SIZE, true);
    server = nwt_http_server_new(take, NULL);
    refuses = true;
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_http_server_free(server);
    nwt_numbered_free(numbers);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(order, .init = set_up, .fini = tear_down, .timeout = 600);

/* The key is in the subject. Before anything is published: a target that has refused something is
 * not ready, which is waited for here. */
static void run_bridge(const char *target, const char *more)
{
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\n"
                            "routes:\n"
                            "  out:\n"
                            "    from: {jetstream: \"out.*\", ack_wait: 5m}\n"
                            "    map: [{set: {key: \"{{wildcard(1)}}\"}}]\n"
                            "    to: {%s}\n"
                            "    on_error: {backoff: 5ms..20ms}\n"
                            "%s",
                            nats->url, target, more);
    nwt_bridge_run(bridge);
}

static void run_to_http(const char *more)
{
    char target[120];
    snprintf(target, sizeof target, "http: \"PUT %s/{{wildcard(1)}}\"",
             nwt_http_server_url(server));
    run_bridge(target, more);
}

static void publish(size_t from, size_t to)
{
    char payload[SIZE], subject[40];
    for (size_t i = from; i < to; i++) {
        natsMsg *message = NULL;
        nwt_numbered_payload(numbers, i, payload);
        snprintf(subject, sizeof subject, "out.%zu", i % KEYS);
        NWT_NATS(natsMsg_Create(&message, subject, NULL, payload, SIZE));
        nwt_stream_publish(client, message);
    }
    nwt_stream_flush(client);
}

static bool arrived(size_t count)
{
    return NWT_WAIT(30000, nwt_numbered_distinct(numbers) == count);
}

static void expect_settled(void)
{
    cr_expect(NWT_WAIT(20000, nwt_bridge_number(bridge, "out", "delivered") == COUNT));
    cr_expect_eq(nwt_bridge_number(bridge, "out", "in_flight"), 0);
    cr_expect(nwt_bridge_ledger_adds_up(bridge, "out"));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
}

Test(order, key_lets_other_keys_pass_and_keeps_the_order_of_each)
{
    run_to_http("    order: key\n");
    publish(0, COUNT);
    cr_assert(arrived(GOOD_COUNT), "%zu", nwt_numbered_distinct(numbers));
    cr_assert(NWT_WAIT(30000, refusals > 5));
    cr_expect_eq(numbers->last[BAD], -1);
    refuses = false;
    cr_assert(arrived(COUNT));
    cr_expect(nwt_numbered_complete(numbers, false));
    cr_expect_eq(crowded, 0, "%d requests met another of their key", crowded);
    expect_settled();
}

/* When nothing but the refused key is left to send it looks like the target; it is not. */
Test(order, a_key_that_fails_for_long_does_not_hold_what_comes_later)
{
    run_to_http("    order: key\n");
    publish(0, COUNT / 2);
    cr_assert(arrived(GOOD_COUNT / 2));
    int before = refusals;
    cr_assert(NWT_WAIT(30000, refusals > before + 40));
    publish(COUNT / 2, COUNT);
    cr_assert(arrived(GOOD_COUNT), "%zu", nwt_numbered_distinct(numbers));
    refuses = false;
    cr_assert(arrived(COUNT));
    cr_expect(nwt_numbered_complete(numbers, false));
    expect_settled();
}

Test(order, relaxed_lets_all_others_pass)
{
    run_to_http("    order: relaxed\n");
    publish(0, COUNT / 2);
    cr_assert(arrived(GOOD_COUNT / 2), "%zu", nwt_numbered_distinct(numbers));
    int before = refusals;
    cr_assert(NWT_WAIT(30000, refusals > before + 400));
    publish(COUNT / 2, COUNT);
    cr_assert(arrived(GOOD_COUNT), "%zu", nwt_numbered_distinct(numbers));
    refuses = false;
    cr_assert(arrived(COUNT));
    cr_expect_eq(numbers->duplicates, 0);
    expect_settled();
}

Test(order, strict_lets_nothing_pass)
{
    run_to_http("");
    publish(0, COUNT);
    cr_assert(NWT_WAIT(30000, refusals > 10));
    cr_expect_eq(nwt_numbered_distinct(numbers), BAD);
    refuses = false;
    cr_assert(arrived(COUNT));
    cr_expect(nwt_numbered_complete(numbers, false));
    cr_expect_eq(numbers->disordered, 0);
    expect_settled();
}

/* ---- a JetStream target: for one subject there is no stream ---- */

static void run_to_jetstream(const char *more)
{
    char name[24], subject[40];
    for (int i = 0; i < KEYS; i++) {
        snprintf(name, sizeof name, "COPY%d", i);
        snprintf(subject, sizeof subject, "copy.%d", i);
        if (i != BAD) {
            nwt_stream_add(client, name, subject);
        }
    }
    run_bridge("jetstream: \"copy.{{wildcard(1)}}\"", more);
}

static int64_t copied(void)
{
    char name[24];
    int64_t sum = 0;
    for (int i = 0; i < KEYS; i++) {
        snprintf(name, sizeof name, "COPY%d", i);
        int64_t n = i == BAD && refuses ? 0 : nwt_stream_count(client, name);
        sum += n < 0 ? 0 : n;
    }
    return sum;
}

static bool take_copy(void *context, natsMsg *message)
{
    nwt_numbered_take(context, natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message),
                      (unsigned)atoi(natsMsg_GetSubject(message) + 5));
    return true;
}

static void add_bad_stream(void)
{
    nwt_stream_add(client, "COPY3", "copy.3");
    refuses = false;
}

static void expect_copies_in_order(void)
{
    char name[24];
    for (int i = 0; i < KEYS; i++) {
        snprintf(name, sizeof name, "COPY%d", i);
        nwt_stream_read(client, name, "copy.*", take_copy, numbers);
    }
    cr_expect(nwt_numbered_complete(numbers, false));
}

Test(order, key_lets_other_keys_into_jetstream)
{
    run_to_jetstream("    order: key\n");
    publish(0, COUNT);
    cr_assert(NWT_WAIT(30000, copied() == GOOD_COUNT), "%lld", (long long)copied());
    add_bad_stream();
    cr_assert(NWT_WAIT(30000, copied() == COUNT), "%lld", (long long)copied());
    expect_copies_in_order();
    expect_settled();
}

/* What was under way until the failure was known has passed; nothing else does. */
Test(order, strict_lets_nothing_pass_once_it_has_failed)
{
    run_to_jetstream("    max_in_flight: 64\n");
    publish(0, COUNT);
    cr_assert(NWT_WAIT(30000, nwt_bridge_number(bridge, "out", "retries") > 10));
    int64_t passed = copied();
    cr_expect(passed >= BAD && passed < GOOD_COUNT, "%lld", (long long)passed);
    cr_assert(NWT_WAIT(30000, nwt_bridge_number(bridge, "out", "retries") > 60));
    cr_expect_eq(copied(), passed);
    add_bad_stream();
    cr_assert(NWT_WAIT(30000, copied() == COUNT), "%lld", (long long)copied());
    expect_copies_in_order();
    expect_settled();
}

Test(order, relaxed_lets_others_into_jetstream)
{
    run_to_jetstream("    order: relaxed\n");
    publish(0, COUNT);
    cr_assert(NWT_WAIT(30000, copied() == GOOD_COUNT), "%lld", (long long)copied());
    add_bad_stream();
    cr_assert(NWT_WAIT(30000, copied() == COUNT), "%lld", (long long)copied());
    expect_settled();
}
