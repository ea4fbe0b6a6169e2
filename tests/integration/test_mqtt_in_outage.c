/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT to JetStream while servers, and natsway itself, stop, freeze, refuse and come back. */
#include "support/mqtt_flow.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <signal.h>

#define COUNT 10000
#define ROUTE(more)                              \
    "  in:\n    from: {mqtt: \"t/+\"" more "}\n" \
    "    to: {jetstream: \"s.{{wildcard(1)}}\"}\n"

/* No deadline measures speed: each only ends a test that hangs, also on a machine under load. */
#define DEADLINE_MS 60000

TestSuite(mqtt_in_outage, .timeout = 600);

static struct nwt_mqtt_client *publisher(struct nwt_flow *f)
{
    return nwt_mqtt_connect(f->mosquitto->url, "publisher", 5, true, NULL, NULL);
}

/* Everything is in the stream and the bridge's counts say so. */
static void expect_all(struct nwt_flow *f, bool repeats)
{
    cr_assert(nwt_flow_read_stream(f, DEADLINE_MS), "%zu of %zu arrived", f->numbers->distinct,
              f->numbers->count);
    cr_assert(nwt_numbered_complete(f->numbers, repeats));
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_number(f->bridge, "in", "in_flight") == 0));
    cr_assert(nwt_bridge_ledger_adds_up(f->bridge, "in"));
}

static void kill_and_go_on(const char *connection, const char *routes, int qos)
{
    struct nwt_flow *f = nwt_flow_new(COUNT, NULL);
    struct nwt_mqtt_client *p;

    nwt_flow_bridge(f, connection, routes);
    nwt_bridge_run(f->bridge);
    p = publisher(f);
    nwt_flow_publish_mqtt(f, p, 0, 2000, qos);
    for (size_t i = 2000; i < COUNT; i += 2000) {
        /* In the middle of work: the stream has some of these, not all. */
        nwt_flow_publish_mqtt(f, p, i, 1000, qos);
        nwt_bridge_kill(f->bridge);
        nwt_flow_publish_mqtt(f, p, i + 1000, 1000, qos);
        nwt_bridge_run(f->bridge);
    }
    nwt_mqtt_close(p);
    expect_all(f, true);
    cr_assert_lt(f->numbers->duplicates, 1000);
    nwt_flow_free(f);
}

Test(mqtt_in_outage, killed_again_and_again_it_loses_nothing)
{
    kill_and_go_on("", ROUTE(""), 1);
}

Test(mqtt_in_outage, killed_again_and_again_version_5_qos_2)
{
    kill_and_go_on("version: 5", ROUTE(", qos: 2"), 2);
}

Test(mqtt_in_outage, killed_again_and_again_version_311_qos_2)
{
    kill_and_go_on("version: 3.1.1", ROUTE(", qos: 2"), 2);
}

Test(mqtt_in_outage, sigterm_in_the_middle_repeats_nothing)
{
    struct nwt_flow *f = nwt_flow_new(COUNT, NULL);
    struct nwt_mqtt_client *p;

    nwt_flow_bridge(f, "", ROUTE(""));
    nwt_bridge_run(f->bridge);
    p = publisher(f);
    nwt_flow_publish_mqtt(f, p, 0, 5000, 1);
    cr_assert_eq(nwt_bridge_stop(f->bridge), 0);
    nwt_flow_publish_mqtt(f, p, 5000, COUNT - 5000, 1);
    nwt_mqtt_close(p);
    nwt_bridge_run(f->bridge);
    expect_all(f, true);
    cr_assert_leq(f->numbers->duplicates, 20, "%zu: only a PUBACK on its way may be lost",
                  f->numbers->duplicates);
    nwt_flow_free(f);
}

Test(mqtt_in_outage, while_nats_is_away_the_spool_carries)
{
    struct nwt_flow *f = nwt_flow_new(COUNT, NULL);
    struct nwt_mqtt_client *p;

    nwt_flow_bridge(f, "", ROUTE(""));
    nwt_bridge_run(f->bridge);
    p = publisher(f);
    nwt_flow_publish_mqtt(f, p, 0, 2000, 1);
    nwt_nats_stop(f->nats);
    nwt_flow_publish_mqtt(f, p, 2000, COUNT - 2000, 1);
    nwt_mqtt_close(p);
    cr_assert(NWT_WAIT(DEADLINE_MS, !nwt_bridge_ready(f->bridge)));
    /* What was taken survives a kill, too. */
    nwt_bridge_kill(f->bridge);
    nwt_bridge_start(f->bridge, NULL);
    nwt_nats_start(f->nats);
    expect_all(f, true);
    nwt_flow_free(f);
}

Test(mqtt_in_outage, a_full_spool_leaves_the_rest_to_the_broker)
{
    struct nwt_flow *f = nwt_flow_new(COUNT, NULL);
    struct nwt_mqtt_client *p;

    nwt_flow_bridge(f, "", ROUTE("") "    spool: {max_size: 1MiB}\n    max_in_flight: 100\n");
    nwt_bridge_run(f->bridge);
    p = publisher(f);
    nwt_nats_stop(f->nats);
    nwt_flow_publish_mqtt(f, p, 0, COUNT, 1);
    nwt_mqtt_close(p);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_logged(f->bridge, "the spool is full")));
    nwt_nats_start(f->nats);
    expect_all(f, true);
    nwt_flow_free(f);
}

Test(mqtt_in_outage, the_broker_stops_and_comes_back)
{
    struct nwt_flow *f = nwt_flow_new(COUNT, NULL);
    struct nwt_mqtt_client *p;

    nwt_flow_bridge(f, "", ROUTE(""));
    nwt_bridge_run(f->bridge);
    p = publisher(f);
    nwt_flow_publish_mqtt(f, p, 0, 5000, 1);
    nwt_mqtt_close(p);
    nwt_mosquitto_stop(f->mosquitto);
    cr_assert(NWT_WAIT(DEADLINE_MS, !nwt_bridge_ready(f->bridge)));
    nwt_mosquitto_start(f->mosquitto);
    p = publisher(f);
    nwt_flow_publish_mqtt(f, p, 5000, COUNT - 5000, 1);
    nwt_mqtt_close(p);
    expect_all(f, true);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_ready(f->bridge)));
    nwt_flow_free(f);
}

Test(mqtt_in_outage, a_broker_without_our_session_is_subscribed_anew)
{
    struct nwt_flow *f = nwt_flow_new(100, "persistence false");
    struct nwt_mqtt_client *p;

    nwt_flow_bridge(f, "", ROUTE(""));
    nwt_bridge_run(f->bridge);
    nwt_mosquitto_stop(f->mosquitto);
    cr_assert(NWT_WAIT(DEADLINE_MS, !nwt_bridge_ready(f->bridge)));
    nwt_mosquitto_start(f->mosquitto);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_ready(f->bridge)));
    p = publisher(f);
    nwt_flow_publish_mqtt(f, p, 0, 100, 1);
    nwt_mqtt_close(p);
    expect_all(f, false);
    nwt_flow_free(f);
}

Test(mqtt_in_outage, a_broker_that_is_frozen_freezes_no_other_route)
{
    struct nwt_flow *f = nwt_flow_new(100, NULL);

    nwt_flow_bridge(f, "keep_alive: 2s",
                    ROUTE("") "  copy:\n    from: {nats: \"x\"}\n    to: {jetstream: \"s.1\"}\n");
    nwt_bridge_run(f->bridge);
    nwt_process_signal(&f->mosquitto->process, SIGSTOP);
    NWT_NATS(natsConnection_PublishString(f->client->connection, "x", "hello"));
    cr_assert(nwt_flow_stream_has(f, 1, DEADLINE_MS));
    cr_assert(NWT_WAIT(DEADLINE_MS, !nwt_bridge_ready(f->bridge)), "the keep-alive finds it");
    nwt_process_signal(&f->mosquitto->process, SIGCONT);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_ready(f->bridge)));
    nwt_flow_free(f);
}

Test(mqtt_in_outage, a_refused_login_is_said_and_tried_again)
{
    struct nwt_flow *f = nwt_flow_new(1, "allow_anonymous false");

    nwt_flow_bridge(f, "username: me, password: wrong", ROUTE(""));
    nwt_bridge_start(f->bridge, NULL);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_logged(f->bridge, "Not authorized") ||
                                        nwt_bridge_logged(f->bridge, "not authorized")));
    cr_assert_not(nwt_bridge_logged(f->bridge, "wrong"), "no password in the log");
    cr_assert(nwt_process_running(&f->bridge->process));
    nwt_flow_free(f);
}
