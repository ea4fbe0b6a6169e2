/* SPDX-License-Identifier: Apache-2.0 */
/* What goes away and comes back: the server killed, stopped, not there yet; the bridge killed. */
#include "support/bridge.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/numbered.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 24000
#define SIZE 256
#define ACK_WAIT_MS 30000 /* the standard */

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_nats_client *client;
static struct nwt_bridge *bridge;
static struct nwt_numbered *numbers;

static void set_up(void)
{
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
    client = nwt_nats_connect(nats->url);
    numbers = nwt_numbered_new(COUNT, SIZE, false);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_nats_close(client);
    nwt_nats_free(nats);
    nwt_numbered_free(numbers);
    nwt_folder_free(folder);
}

TestSuite(hub_outage, .init = set_up, .fini = tear_down, .timeout = 600);

static void make_bridge(const char *options)
{
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\nroutes:\n  r:\n"
                            "    from: {jetstream: in}\n"
                            "    to: {jetstream: out}\n%s",
                            nats->url, options);
}

static void publish(size_t from, size_t to)
{
    char payload[SIZE];

    for (size_t i = from; i < to; i++) {
        natsMsg *m = NULL;
        nwt_numbered_payload(numbers, i, payload);
        NWT_NATS(natsMsg_Create(&m, "in", NULL, payload, SIZE));
        nwt_stream_publish(client, m);
    }
    nwt_stream_flush(client);
}

static bool take(void *context, natsMsg *m)
{
    (void)context;
    nwt_numbered_take(numbers, natsMsg_GetData(m), (size_t)natsMsg_GetDataLength(m), 0);
    return numbers->distinct < numbers->count;
}

/* All are in the second stream, once and in order: repeats carry the same id. */
static void expect_all(void)
{
    cr_assert(NWT_WAIT(60000, nwt_stream_count(client, "OUT") >= COUNT), "only %lld",
              (long long)nwt_stream_count(client, "OUT"));
    nwt_stream_read(client, "OUT", "out", take, NULL);
    cr_assert(nwt_numbered_complete(numbers, false));
    cr_assert_eq(nwt_stream_count(client, "OUT"), COUNT);
}

static void half_way(size_t part, size_t parts)
{
    int64_t wanted = (int64_t)(COUNT * part / parts);

    cr_assert(NWT_WAIT(30000, nwt_stream_count(client, "OUT") >= wanted));
}

/* A killed server forgets acknowledgments it had not written yet; what it then delivers again is
 * recognised by its id. */
Test(hub_outage, killed_server_loses_nothing)
{
    nwt_stream_add(client, "IN", "in");
    nwt_stream_add(client, "OUT", "out");
    publish(0, COUNT);
    make_bridge("");
    nwt_bridge_run(bridge);
    for (size_t part = 1; part <= 3; part++) {
        half_way(part, 6);
        nwt_process_kill(&nats->process);
        cr_assert(NWT_WAIT(10000, !nwt_bridge_ready(bridge)));
        nwt_nats_start(nats);
    }
    expect_all();
    cr_assert(NWT_WAIT(10000, nwt_bridge_ready(bridge)));
    cr_assert(NWT_WAIT(10000, nwt_bridge_number(bridge, "r", "in_flight") == 0));
    cr_assert(nwt_bridge_ledger_adds_up(bridge, "r"));
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

/* A server that stands still answers nothing, and its connection stays open. */
Test(hub_outage, server_that_stands_still_is_noticed_and_loses_nothing)
{
    nwt_stream_add(client, "IN", "in");
    nwt_stream_add(client, "OUT", "out");
    publish(0, COUNT);
    make_bridge("");
    nwt_bridge_run(bridge);
    half_way(1, 4);
    nwt_process_signal(&nats->process, SIGSTOP);
    cr_assert(NWT_WAIT(15000, nwt_bridge_logged(bridge, "does not answer")));
    cr_assert(NWT_WAIT(1000, !nwt_bridge_ready(bridge)));
    nwt_process_signal(&nats->process, SIGCONT);
    expect_all();
    cr_assert_eq(nwt_bridge_stop(bridge), 0);
}

/* What the killed bridge had in flight comes first, not after the ack wait. */
Test(hub_outage, killed_bridge_goes_on_at_once_and_in_order)
{
    nwt_stream_add(client, "IN", "in");
    nwt_stream_add(client, "OUT", "out");
    publish(0, COUNT);
    make_bridge("");
    for (size_t part = 1; part <= 3; part++) {
        int64_t before;
        nwt_bridge_run(bridge);
        before = nwt_stream_count(client, "OUT");
        cr_assert(
            NWT_WAIT(ACK_WAIT_MS / 2 / NWT_PATIENCE, nwt_stream_count(client, "OUT") > before));
        half_way(part, 6);
        nwt_bridge_kill(bridge);
    }
    nwt_bridge_run(bridge);
    expect_all();
}

Test(hub_outage, stop_in_the_middle_leaves_the_rest_for_the_next_start)
{
    nwt_stream_add(client, "IN", "in");
    nwt_stream_add(client, "OUT", "out");
    publish(0, COUNT);
    make_bridge("");
    for (size_t part = 1; part <= 3; part++) {
        nwt_bridge_run(bridge);
        half_way(part, 6);
        cr_assert_eq(nwt_bridge_stop(bridge), 0);
    }
    nwt_bridge_run(bridge);
    expect_all();
    cr_assert(NWT_WAIT(5000, nwt_bridge_number(bridge, "r", "in_flight") == 0));
}

/* The server is not there at start: that is said, and the bridge goes on trying. */
Test(hub_outage, server_may_come_later)
{
    nwt_stream_add(client, "IN", "in");
    nwt_stream_add(client, "OUT", "out");
    publish(0, COUNT);
    nwt_nats_stop(nats);
    make_bridge("");
    nwt_bridge_start(bridge, NULL);
    cr_assert(NWT_WAIT(10000, nwt_bridge_logged(bridge, "no NATS server answers at 127.0.0.1")));
    cr_assert_not(nwt_bridge_ready(bridge));
    nwt_nats_start(nats);
    cr_assert(NWT_WAIT(10000, nwt_bridge_ready(bridge)));
    expect_all();
}

/* The consumer is deleted under the route: it goes on behind what it had. */
Test(hub_outage, deleted_consumer_is_made_again_where_it_was)
{
    nwt_stream_add(client, "IN", "in");
    nwt_stream_add(client, "OUT", "out");
    publish(0, COUNT / 2);
    make_bridge("");
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(30000, nwt_bridge_number(bridge, "r", "delivered") == COUNT / 2));
    NWT_NATS(js_DeleteConsumer(client->js, "IN", "bridge-r", NULL, NULL));
    publish(COUNT / 2, COUNT);
    expect_all();
    cr_assert(NWT_WAIT(10000, nwt_bridge_number(bridge, "r", "in_flight") == 0));
    cr_expect_eq(nwt_bridge_number(bridge, "r", "received"), COUNT);
}

/* A stream that the route makes is made again when somebody deletes it. */
Test(hub_outage, deleted_stream_is_made_again)
{
    nwt_stream_add(client, "IN", "in");
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\nroutes:\n  r:\n"
                            "    from: {jetstream: in}\n"
                            "    to: {jetstream: out, stream: {name: OUT, subjects: [out]}}\n",
                            nats->url);
    nwt_bridge_run(bridge);
    publish(0, 1);
    cr_assert(NWT_WAIT(30000, nwt_bridge_number(bridge, "r", "delivered") == 1));
    NWT_NATS(js_DeleteStream(client->js, "OUT", NULL, NULL));
    publish(1, 3);
    cr_assert(NWT_WAIT(30000, nwt_bridge_number(bridge, "r", "delivered") == 3));
    cr_expect_eq(nwt_stream_count(client, "OUT"), 2);
}

/* The target's stream appears only later, and is full for a while. */
Test(hub_outage, missing_stream_holds_the_route)
{
    nwt_stream_add(client, "IN", "in");
    publish(0, COUNT);
    make_bridge("    on_error: {backoff: 100ms..1s}\n");
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(10000, nwt_bridge_logged(bridge, "no stream takes the subject")));
    nwt_stream_add(client, "OUT", "out");
    expect_all();
    cr_assert(NWT_WAIT(10000, nwt_bridge_number(bridge, "r", "in_flight") == 0));
    cr_assert(nwt_bridge_ledger_adds_up(bridge, "r"));
}
