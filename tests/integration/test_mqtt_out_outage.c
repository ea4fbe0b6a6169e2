/* SPDX-License-Identifier: Apache-2.0 */
/* JetStream to MQTT while servers, and natsway itself, stop, freeze, refuse and come back. */
#include "support/mqtt_flow.h"
#include "support/mqtt_inbox.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define COUNT 10000
#define ROUTE                                  \
    "  out:\n    from: {jetstream: \"s.*\"}\n" \
    "    to: {mqtt: \"t/{{wildcard(1)}}\"}\n"
#define COPY "  copy:\n    from: {nats: x}\n    to: {jetstream: copied}\n"

/* No deadline measures speed: each only ends a test that hangs, also on a machine under load. */
#define DEADLINE_MS 90000

TestSuite(mqtt_out_outage, .timeout = 600);

/* With a session, so that a broker that restarts keeps what is to be read. */
static struct nwt_mqtt_client *reader_of(struct nwt_flow *f)
{
    return nwt_mqtt_connect(f->mosquitto->url, "reader", 5, false, nwt_flow_arrived, f);
}

static bool arrived(struct nwt_flow *f, size_t count)
{
    return NWT_WAIT(DEADLINE_MS, nwt_numbered_distinct(f->numbers) >= count);
}

static void expect_all(struct nwt_flow *f, bool repeats)
{
    cr_assert(arrived(f, f->numbers->count), "%zu of %zu arrived",
              nwt_numbered_distinct(f->numbers), f->numbers->count);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_number(f->bridge, "out", "in_flight") == 0));
    cr_assert(nwt_numbered_complete(f->numbers, repeats));
    cr_assert(nwt_bridge_ledger_adds_up(f->bridge, "out"));
}

Test(mqtt_out_outage, the_broker_stops_and_comes_back)
{
    struct nwt_flow *f = nwt_flow_new(COUNT, NULL);
    struct nwt_mqtt_client *reader = reader_of(f);

    nwt_mqtt_subscribe(reader, "t/+", 1);
    nwt_flow_bridge(f, "", ROUTE);
    nwt_bridge_run(f->bridge);
    nwt_flow_publish_stream(f, 0, COUNT / 2);
    cr_assert(arrived(f, 1000));
    nwt_mosquitto_stop(f->mosquitto);
    nwt_mqtt_close(reader);
    nwt_flow_publish_stream(f, COUNT / 2, COUNT / 2);
    cr_assert(NWT_WAIT(DEADLINE_MS, !nwt_bridge_ready(f->bridge)));
    nwt_mosquitto_start(f->mosquitto);
    reader = reader_of(f);
    expect_all(f, true);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_ready(f->bridge)));
    nwt_mqtt_close(reader);
    nwt_flow_free(f);
}

Test(mqtt_out_outage, a_broker_that_is_frozen_freezes_no_other_route)
{
    struct nwt_flow *f = nwt_flow_new(COUNT, NULL);
    struct nwt_mqtt_client *reader = reader_of(f);

    nwt_mqtt_subscribe(reader, "t/+", 1);
    nwt_stream_add(f->client, "c", "copied");
    nwt_flow_bridge(f, "keep_alive: 2s", ROUTE COPY);
    nwt_bridge_run(f->bridge);
    nwt_flow_publish_stream(f, 0, COUNT / 2);
    cr_assert(arrived(f, 1000));
    nwt_process_signal(&f->mosquitto->process, SIGSTOP);
    for (int i = 0; i < 1000; i++) {
        NWT_NATS(natsConnection_PublishString(f->client->connection, "x", "hello"));
    }
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_stream_count(f->client, "c") == 1000));
    cr_assert(NWT_WAIT(DEADLINE_MS, !nwt_bridge_ready(f->bridge)), "the keep-alive finds it");
    NWT_NATS(natsConnection_PublishString(f->client->connection, "x", "hello"));
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_stream_count(f->client, "c") == 1001));
    nwt_process_signal(&f->mosquitto->process, SIGCONT);
    nwt_flow_publish_stream(f, COUNT / 2, COUNT / 2);
    /* The reader may have been given up by the broker: it comes back under its name. */
    nwt_mqtt_close(reader);
    reader = reader_of(f);
    expect_all(f, true);
    nwt_mqtt_close(reader);
    nwt_flow_free(f);
}

Test(mqtt_out_outage, killed_again_and_again_it_loses_nothing)
{
    struct nwt_flow *f = nwt_flow_new(COUNT, NULL);
    struct nwt_mqtt_client *reader = reader_of(f);

    nwt_mqtt_subscribe(reader, "t/+", 1);
    nwt_flow_bridge(f, "", ROUTE);
    nwt_bridge_run(f->bridge);
    for (size_t i = 0; i < COUNT; i += 2500) {
        nwt_flow_publish_stream(f, i, 2500);
        cr_assert(arrived(f, i + 500)); /* in the middle of work */
        nwt_bridge_kill(f->bridge);
        nwt_bridge_run(f->bridge);
    }
    expect_all(f, true);
    nwt_mqtt_close(reader);
    nwt_flow_free(f);
}

/* How many of the stream's messages, from the first on, the bridge has acknowledged. */
static size_t confirmed_of(struct nwt_flow *f)
{
    jsConsumerInfo *info = NULL;
    size_t confirmed;

    NWT_NATS(js_GetConsumerInfo(&info, f->client->js, "s", "flow-out", NULL, NULL));
    confirmed = (size_t)info->AckFloor.Stream;
    jsConsumerInfo_Destroy(info);
    return confirmed;
}

Test(mqtt_out_outage, sigterm_in_the_middle_leaves_the_rest_to_the_stream)
{
    struct nwt_flow *f = nwt_flow_new(COUNT, NULL);
    struct nwt_mqtt_client *reader = reader_of(f);
    size_t confirmed;

    nwt_mqtt_subscribe(reader, "t/+", 1);
    nwt_flow_bridge(f, "", ROUTE);
    nwt_bridge_run(f->bridge);
    nwt_flow_publish_stream(f, 0, COUNT);
    cr_assert(arrived(f, 500));
    cr_assert_eq(nwt_bridge_stop(f->bridge), 0);
    /* What the stream was told to forget has arrived, and nothing else has, nor twice. */
    confirmed = confirmed_of(f);
    cr_assert(arrived(f, confirmed));
    cr_assert_eq(f->numbers->total, confirmed);
    cr_assert_lt(confirmed, COUNT, "stopped in the middle");
    nwt_bridge_run(f->bridge);
    expect_all(f, true);
    nwt_mqtt_close(reader);
    nwt_flow_free(f);
}

Test(mqtt_out_outage, the_last_will_is_published_for_a_killed_bridge_only)
{
    struct nwt_flow *f = nwt_flow_new(1, NULL);
    struct nwt_inbox *inbox = nwt_inbox_new();
    struct nwt_mqtt_client *reader =
        nwt_mqtt_connect(f->mosquitto->url, "reader", 5, true, nwt_inbox_arrived, inbox);

    nwt_mqtt_subscribe(reader, "will", 1);
    nwt_flow_bridge(f, "will: {topic: will, payload: gone, retain: true}", ROUTE);
    nwt_bridge_run(f->bridge);
    cr_assert_eq(nwt_bridge_stop(f->bridge), 0);
    nwt_mqtt_publish(reader, "will", "stopped", 7, 1, false);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_inbox_count(inbox) == 1));
    cr_assert_str_eq(nwt_inbox_get(inbox, 0)->payload, "stopped");
    nwt_bridge_run(f->bridge);
    nwt_bridge_kill(f->bridge);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_inbox_count(inbox) == 2));
    cr_assert_str_eq(nwt_inbox_get(inbox, 1)->payload, "gone");
    nwt_mqtt_close(reader);
    reader = nwt_mqtt_connect(f->mosquitto->url, "reader", 5, true, nwt_inbox_arrived, inbox);
    nwt_mqtt_subscribe(reader, "will", 1);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_inbox_count(inbox) == 3), "it was retained");
    cr_assert(nwt_inbox_get(inbox, 2)->retained);
    nwt_mqtt_close(reader);
    nwt_inbox_free(inbox);
    nwt_flow_free(f);
}

/* Version 5 says "Not authorized", 3.1.1 "not authorized". */
static void refuse_login(const char *connection, const char *said)
{
    struct nwt_flow *f = nwt_flow_new(100, "allow_anonymous false");
    struct nwt_mqtt_client *reader;

    nwt_flow_bridge(f, connection, ROUTE);
    nwt_bridge_start(f->bridge, NULL);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_logged(f->bridge, said)));
    cr_assert_not(nwt_bridge_ready(f->bridge));
    cr_assert_not(nwt_bridge_logged(f->bridge, "secret"), "no password in the log");
    nwt_flow_publish_stream(f, 0, 100);
    nwt_mosquitto_stop(f->mosquitto);
    nwt_mosquitto_configure(f->mosquitto, NULL);
    nwt_mosquitto_start(f->mosquitto);
    reader = reader_of(f);
    nwt_mqtt_subscribe(reader, "t/+", 1);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_ready(f->bridge)), "allowed in, it goes on");
    nwt_mqtt_close(reader);
    nwt_flow_free(f);
}

Test(mqtt_out_outage, a_refused_login_is_said_and_tried_again)
{
    refuse_login("username: me, password: secret", "Not authorized");
}

Test(mqtt_out_outage, a_refused_login_of_version_311_is_said_and_tried_again)
{
    refuse_login("version: 3.1.1, username: me, password: secret", "not authorized");
}
