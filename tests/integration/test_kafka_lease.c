/* SPDX-License-Identifier: Apache-2.0 */
/* Several processes with one route from a stream to Kafka in transactions: one of them runs it,
 * whoever ends and stands still, and who reads what is committed sees each message once and in
 * order. */
#include "support/bridge.h"
#include "support/http_client.h"
#include "support/kafka_broker.h"
#include "support/kafka_client.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/numbered.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT 6000
#define SIZE 100
#define HAS "this process has the lease of the route"
#define LOST "the lease of the route is lost"
#define STANDS_BY "standing by: "

static struct nwt_folder *folder;
static struct nwt_kafka *kafka;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *one, *two;
static struct nwt_numbered *n;
static char topic[60], name[60], group[100];

static void set_up(void)
{
    folder = nwt_folder_new();
    kafka = nwt_kafka_shared(folder);
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    n = nwt_numbered_new(COUNT, SIZE, true);
    snprintf(name, sizeof name, "lease%d", (int)getpid());
    snprintf(topic, sizeof topic, "lease-%d", (int)getpid());
    snprintf(group, sizeof group, "natsway/%s/out", name);
    nwt_topic_add(kafka->brokers, topic, 1);
    nwt_stream_add(client, "OUT", "out.>");
}

static void tear_down(void)
{
    nwt_bridge_free(one);
    nwt_bridge_free(two);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_kafka_free(kafka);
    nwt_folder_free(folder);
    nwt_numbered_free(n);
}

TestSuite(kafka_lease, .init = set_up, .fini = tear_down, .timeout = 600);

/* login: of the NATS user, "" or with a comma behind; more: further routes. */
#define ROUTE                                                                                   \
    "name: %s\nshutdown_timeout: 5s\nnats: {%surl: \"%s\"}\nconnections:\n  kafka: {brokers: "  \
    "\"%s\"}\ndead_letter: dlq.x\nroutes:\n  out:\n    from: {jetstream: \"out.>\"}\n    "      \
    "max_in_flight: 600\n    to: {kafka: %s, transactional: true, transaction_messages: 150}\n" \
    "%s"

static struct nwt_bridge *make_bridge(const char *file)
{
    return nwt_bridge_new(folder, file, ROUTE, name, "", nats->url, kafka->brokers, topic, "");
}

/* Two, the first of which has the lease. */
static void run_two(void)
{
    one = make_bridge("one");
    two = make_bridge("two");
    nwt_bridge_run(one);
    nwt_bridge_run(two);
}

static void publish_numbers(size_t from, size_t to)
{
    nwt_stream_publish_numbers(client, "out.x", n, from, to);
}

static size_t arrived(void)
{
    return nwt_topic_read_numbers(kafka->brokers, topic, n);
}

static int64_t position(void)
{
    return nwt_group_committed(kafka->brokers, group, topic);
}

static void expect_each_once_in_order(size_t count)
{
    cr_assert(NWT_WAIT(60000, position() == (int64_t)count + 1));
    cr_assert(NWT_WAIT(30000, arrived() >= count), "%zu of %zu arrived, the first missing is %zu",
              n->total, count, nwt_numbered_first_missing(n));
    cr_expect_eq(n->total, count, "%zu arrived, %zu of them repeats", n->total, n->duplicates);
    cr_expect_eq(n->distinct, count);
    cr_expect_eq(n->wrong, 0);
    cr_expect_eq(n->disordered, 0, "%zu came behind later ones", n->disordered);
}

/* How often the text stands in the log. */
static int logged(const struct nwt_bridge *bridge, const char *text)
{
    char *log = nwt_file_read(bridge->log, NULL);
    int count = 0;
    for (const char *at = log; at != NULL && (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    free(log);
    return count;
}

/* Whether a page of the admin address has the text. */
static bool shows(const struct nwt_bridge *bridge, const char *path, const char *text)
{
    char url[80];
    snprintf(url, sizeof url, "%s%s", bridge->admin, path);
    struct nwt_http_answer answer = nwt_http_request("GET", url, NULL, NULL, 0, 2000);
    bool has = answer.body != NULL && strstr(answer.body, text) != NULL;
    nwt_http_done(&answer);
    return has;
}

/* What the key has: the value, or "" behind a delete marker. */
static void read_key(char *out, size_t size)
{
    char subject[100];
    natsMsg *message = NULL;
    snprintf(subject, sizeof subject, "$KV.natsway-leases.%s.out", name);
    NWT_NATS(js_GetLastMsg(&message, client->js, "KV_natsway-leases", subject, NULL, NULL));
    snprintf(out, size, "%.*s", natsMsg_GetDataLength(message), natsMsg_GetData(message));
    natsMsg_Destroy(message);
}

Test(kafka_lease, one_runs_and_the_other_stands_by_and_says_so)
{
    char key[600];
    run_two();
    publish_numbers(0, 1000);
    expect_each_once_in_order(1000);
    cr_expect(shows(one, "/api/routes", "\"state\":\"running\""));
    cr_expect(shows(one, "/api/routes", "\"lease\":{\"held\":true}"));
    cr_expect(shows(one, "/metrics", "natsway_lease_held{route=\"out\"} 1"));
    cr_expect(shows(two, "/api/routes", "\"state\":\"standby\""));
    cr_expect(shows(two, "/api/routes", "\"lease\":{\"held\":false,\"holder\":\""));
    cr_expect(shows(two, "/metrics", "natsway_lease_held{route=\"out\"} 0"));
    cr_expect(shows(two, "/readyz", "out: standing by: "));
    cr_expect(nwt_bridge_ready(two));
    cr_expect_eq(nwt_bridge_number(two, "out", "received"), 0);
    cr_expect_eq(logged(two, STANDS_BY), 1);
    cr_expect_eq(logged(two, HAS), 0);
    cr_expect_eq(nwt_bridge_tell(two, NULL, "seek", "out", "--to", "beginning", NULL), 1);
    cr_expect(nwt_bridge_logged(two, "runs the route, since "));
    read_key(key, sizeof key);
    cr_expect_not_null(strstr(key, "\"instance\":"), "%s", key);
    cr_expect_eq(nwt_bridge_stop(two), 0);
    cr_expect_eq(logged(one, LOST), 0);
}

Test(kafka_lease, killed_the_other_goes_on_in_order)
{
    run_two();
    publish_numbers(0, COUNT / 2);
    cr_assert(NWT_WAIT(30000, position() > 500));
    nwt_bridge_kill(one);
    publish_numbers(COUNT / 2, COUNT);
    expect_each_once_in_order(COUNT);
    cr_expect_eq(logged(two, HAS), 1);
    nwt_bridge_run(one);
    cr_expect_eq(logged(one, STANDS_BY), 1);
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(two, "out", "in_flight") == 0));
    cr_expect(nwt_bridge_ledger_adds_up(two, "out"));
}

/* The holder stands still with `under_way` messages not yet seen, until the other has taken over
 * and is `done` with what there is; then it goes on, and stands by. */
static void stand_still(struct nwt_bridge *holder, struct nwt_bridge *other, size_t from,
                        size_t under_way, bool done)
{
    const size_t to = from + COUNT / 3;
    int had = logged(other, HAS), lost = logged(holder, LOST), stood = logged(holder, STANDS_BY);
    publish_numbers(from, from + under_way);
    cr_assert(NWT_WAIT(30000, position() > (int64_t)from + (int64_t)under_way / 5));
    nwt_process_signal(&holder->process, SIGSTOP);
    cr_assert(NWT_WAIT(30000, logged(other, HAS) > had));
    publish_numbers(from + under_way, to);
    if (done) {
        cr_assert(NWT_WAIT(60000, position() == (int64_t)to + 1));
    }
    nwt_process_signal(&holder->process, SIGCONT);
    cr_assert(NWT_WAIT(30000, logged(holder, LOST) > lost && logged(holder, STANDS_BY) > stood));
    cr_assert(NWT_WAIT(60000, position() == (int64_t)to + 1));
    cr_expect(NWT_WAIT(20000, nwt_bridge_number(holder, "out", "in_flight") == 0));
}

Test(kafka_lease, standing_still_it_is_overtaken_by_nobody)
{
    run_two();
    stand_still(one, two, 0, 1500, false); /* it wakes up while the other takes over */
    stand_still(two, one, COUNT / 3, 1500, true);
    stand_still(one, two, 2 * COUNT / 3, 0, true); /* what it asked for is not filled */
    expect_each_once_in_order(COUNT);
}

/* Asked to end, it gives the lease back, and the other need not wait. */
Test(kafka_lease, stopped_it_gives_the_lease_back)
{
    char key[600];
    run_two();
    publish_numbers(0, COUNT / 2);
    cr_assert(NWT_WAIT(30000, position() > 500));
    cr_expect_eq(nwt_bridge_stop(one), 0);
    cr_expect_eq(logged(one, LOST), 0);
    cr_assert(NWT_WAIT(10000, logged(two, HAS) == 1));
    publish_numbers(COUNT / 2, COUNT);
    expect_each_once_in_order(COUNT);
    cr_expect_eq(nwt_bridge_stop(two), 0);
    read_key(key, sizeof key);
    cr_expect_str_eq(key, "");
}

/* What the dead process of the same folder had is the next one's, at once: it never stands by. */
Test(kafka_lease, killed_and_started_again_it_has_its_lease_at_once)
{
    one = make_bridge("one");
    nwt_bridge_run(one);
    for (size_t i = 0; i < 3; i++) {
        size_t from = i * COUNT / 3, to = (i + 1) * COUNT / 3;
        publish_numbers(from, to);
        cr_assert(NWT_WAIT(30000, position() > (int64_t)from + 300));
        nwt_bridge_kill(one);
        nwt_bridge_run(one);
        cr_expect(shows(one, "/api/routes", "\"lease\":{\"held\":true}"));
    }
    expect_each_once_in_order(COUNT);
    cr_expect_eq(logged(one, STANDS_BY), 0);
}

/* While NATS is away nobody has it; then one of them has. */
Test(kafka_lease, an_outage_of_nats)
{
    run_two();
    publish_numbers(0, COUNT / 2);
    cr_assert(NWT_WAIT(30000, position() > 500));
    nwt_process_kill(&nats->process);
    cr_assert(NWT_WAIT(20000, logged(one, LOST) == 1));
    cr_assert(NWT_WAIT(10000, !nwt_bridge_ready(two) && shows(two, "/readyz", "out: its lease: ")));
    nwt_nats_start(nats);
    publish_numbers(COUNT / 2, COUNT);
    expect_each_once_in_order(COUNT);
    cr_assert(NWT_WAIT(20000, nwt_bridge_ready(one) && nwt_bridge_ready(two)));
    cr_expect_eq(shows(one, "/metrics", "natsway_lease_held{route=\"out\"} 1") +
                     shows(two, "/metrics", "natsway_lease_held{route=\"out\"} 1"),
                 1);
}

/* A reload that removes the route gives its lease back; one that adds it stands by. */
Test(kafka_lease, a_route_that_is_removed_gives_its_lease_back)
{
    run_two();
    publish_numbers(0, 500);
    expect_each_once_in_order(500);
    nwt_bridge_write(one,
                     "name: %s\nshutdown_timeout: 5s\nnats: {url: \"%s\"}\nroutes:\n  idle:\n    "
                     "from: {nats: x}\n    to: {nats: y}\n",
                     name, nats->url);
    cr_assert_eq(nwt_bridge_tell(one, NULL, "reload", NULL), 0);
    cr_assert(NWT_WAIT(10000, logged(two, HAS) == 1));
    nwt_bridge_write(one, ROUTE, name, "", nats->url, kafka->brokers, topic, "");
    cr_assert_eq(nwt_bridge_tell(one, NULL, "reload", NULL), 0);
    cr_assert(NWT_WAIT(10000, logged(one, STANDS_BY) == 1));
    publish_numbers(500, 1000);
    expect_each_once_in_order(1000);
    cr_expect(NWT_WAIT(20000, nwt_bridge_number(two, "out", "delivered") == 500));
}

#define NO_BUCKET                                                                      \
    "authorization {users: [{user: all, password: all}, {user: some, password: some, " \
    "permissions: {publish: {deny: [\"$JS.API.STREAM.CREATE.>\", \"$KV.>\"]}}}]}\n"    \
    "no_auth_user: all\n"

/* The bucket is needed: without it nothing is taken, and what to do is said. */
Test(kafka_lease, without_the_bucket_nothing_is_taken)
{
    nwt_nats_free(nats);
    nats = nwt_nats_new(folder, NO_BUCKET);
    nwt_nats_close(client);
    client = nwt_nats_connect(nats->url);
    nwt_stream_add(client, "OUT", "out.>");
    one = nwt_bridge_new(folder, "one", ROUTE, name, "user: some, password: some, ", nats->url,
                         kafka->brokers, topic, "");
    nwt_bridge_start(one, NULL);
    publish_numbers(0, 100);
    cr_assert(NWT_WAIT(20000, shows(one, "/readyz", "the bucket natsway-leases cannot be made")));
    cr_expect_not(nwt_bridge_ready(one));
    cr_expect_eq(nwt_bridge_number(one, "out", "received"), 0);
    cr_expect_eq(logged(one, "the route waits for its lease"), 1);
    cr_assert_eq(nwt_bridge_stop(one), 0);
    nwt_bridge_write(one, ROUTE, name, "", nats->url, kafka->brokers, topic, "");
    nwt_bridge_run(one);
    expect_each_once_in_order(100);
}
