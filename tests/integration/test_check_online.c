/* SPDX-License-Identifier: Apache-2.0 */
/* `check --online`: each system is connected to once, and each that cannot be reached is named. */
#include "support/bridge.h"
#include "support/kafka_broker.h"
#include "support/kafka_client.h"
#include "support/mosquitto.h"
#include "support/nats_server.h"
#include "support/port.h"
#include <criterion/criterion.h>

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_mosquitto *mosquitto;
static struct nwt_bridge *bridge;

static void set_up(void)
{
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
    mosquitto = nwt_mosquitto_new(folder, NULL);
}

static void tear_down(void)
{
    nwt_bridge_free(bridge);
    nwt_mosquitto_free(mosquitto);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(check_online, .init = set_up, .fini = tear_down, .timeout = 600);

static void make_bridge(const char *kafka)
{
    bridge = nwt_bridge_new(folder, "bridge",
                            "nats: {url: \"%s\"}\n"
                            "connections:\n"
                            "  five: {type: mqtt, url: \"%s\"}\n"
                            "  three: {type: mqtt, version: 3.1.1, url: \"%s\"}\n"
                            "  kafka: {brokers: \"%s\"}\n"
                            "  hooks: {type: http, listen: \"127.0.0.1:1\"}\n"
                            "routes:\n  r:\n    from: {jetstream: x}\n    to: {kafka: y}\n",
                            nats->url, mosquitto->url, mosquitto->url, kafka);
}

Test(check_online, connects_to_each)
{
    struct nwt_kafka *kafka = nwt_kafka_shared(folder);

    make_bridge(kafka->brokers);
    cr_expect_eq(nwt_bridge_command_with(bridge, "check", "--online"), 0);
    cr_expect(nwt_file_contains(bridge->out, "connected: nats\n"));
    cr_expect(nwt_file_contains(bridge->out, "connected: five\n"));
    cr_expect(nwt_file_contains(bridge->out, "connected: three\n"));
    cr_expect(nwt_file_contains(bridge->out, "connected: kafka\n"));
    cr_expect(nwt_file_contains(bridge->out, "ok: 1 route"));
    nwt_kafka_free(kafka);
}

Test(check_online, names_what_cannot_be_reached)
{
    char nobody[32];

    snprintf(nobody, sizeof nobody, "127.0.0.1:%d", nwt_port_free());
    nwt_nats_stop(nats);
    nwt_mosquitto_stop(mosquitto);
    make_bridge(nobody);
    cr_expect_eq(nwt_bridge_command_with(bridge, "check", "--online"), 3);
    cr_expect(nwt_bridge_logged(bridge, ":1:7: nats cannot be reached: no NATS server answers"));
    cr_expect(nwt_bridge_logged(bridge, ":3:3: five cannot be reached: cannot connect: Connection "
                                        "refused"));
    cr_expect(nwt_bridge_logged(bridge, ":4:3: three cannot be reached: cannot connect: Connection "
                                        "refused"));
    cr_expect(nwt_bridge_logged(bridge, ":5:3: kafka cannot be reached: "));
    cr_expect_not(nwt_file_contains(bridge->out, "ok:"));
}

/* A route that one process at a time runs needs a bucket: it is read, and left as it is. */
Test(check_online, says_whether_the_bucket_of_leases_can_be_used)
{
    const char *route = "nats: {%surl: \"%s\"}\nconnections:\n  kafka: {brokers: \"%s\"}\n"
                        "dead_letter: dlq.x\nroutes:\n  r:\n    from: {jetstream: x}\n    to: "
                        "{kafka: y, transactional: true}\n";
    struct nwt_kafka *kafka = nwt_kafka_shared(folder);

    nwt_nats_free(nats);
    nats = nwt_nats_new(folder, "authorization {users: [{user: all, password: all}, {user: some, "
                                "password: some, permissions: {publish: {deny: "
                                "[\"$JS.API.STREAM.MSG.GET.>\"]}}}]}\nno_auth_user: all\n");
    bridge = nwt_bridge_new(folder, "bridge", route, "", nats->url, kafka->brokers);
    cr_expect_eq(nwt_bridge_command_with(bridge, "check", "--online"), 0);
    cr_expect(nwt_file_contains(bridge->out, "leases: the KV bucket natsway-leases is to be made"));
    nwt_bridge_write(bridge, route, "user: some, password: some, ", nats->url, kafka->brokers);
    cr_expect_eq(nwt_bridge_command_with(bridge, "check", "--online"), 3);
    cr_expect(nwt_bridge_logged(bridge, ": r: its lease cannot be read from the KV bucket "
                                        "natsway-leases: Permissions Violation"));
    nwt_kafka_free(kafka);
}
