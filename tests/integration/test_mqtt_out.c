/* SPDX-License-Identifier: Apache-2.0 */
/* JetStream to MQTT: both versions, every QoS, and what a message carries. */
#include "support/mqtt_flow.h"
#include "support/mqtt_inbox.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 10000
#define ROUTE(more)                                          \
    "  out:\n    from: {jetstream: \"s.*\", ack_wait: 5m}\n" \
    "    to: {mqtt: \"t/{{wildcard(1)}}\"" more "}\n"

/* No deadline measures speed: each only ends a test that hangs, also on a machine under load. */
#define DEADLINE_MS 60000

TestSuite(mqtt_out, .timeout = 600);

/* ---- many ---- */

static void carry(const char *connection, const char *routes, int qos)
{
    struct nwt_flow *f = nwt_flow_new(COUNT, NULL);
    struct nwt_mqtt_client *reader =
        nwt_mqtt_connect(f->mosquitto->url, "reader", 5, true, nwt_flow_arrived, f);

    nwt_mqtt_subscribe(reader, "t/+", qos);
    nwt_flow_bridge(f, connection, routes);
    nwt_bridge_run(f->bridge);
    nwt_flow_publish_stream(f, 0, COUNT);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_numbered_distinct(f->numbers) == COUNT),
              "%zu of %d arrived", nwt_numbered_distinct(f->numbers), COUNT);
    cr_assert(nwt_numbered_complete(f->numbers, false));
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_number(f->bridge, "out", "delivered") == COUNT));
    cr_assert(nwt_bridge_ledger_adds_up(f->bridge, "out"));
    cr_assert_eq(nwt_bridge_stop(f->bridge), 0);
    nwt_mqtt_close(reader);
    nwt_flow_free(f);
}

Test(mqtt_out, version_5_qos_0)
{
    carry("version: 5", ROUTE(", qos: 0"), 0);
}

Test(mqtt_out, version_5_qos_1)
{
    carry("version: 5", ROUTE(", qos: 1"), 1);
}

Test(mqtt_out, version_5_qos_2)
{
    carry("version: 5", ROUTE(", qos: 2"), 2);
}

Test(mqtt_out, version_311_qos_0)
{
    carry("version: 3.1.1", ROUTE(", qos: 0"), 0);
}

Test(mqtt_out, version_311_qos_1)
{
    carry("version: 3.1.1", ROUTE(", qos: 1"), 1);
}

Test(mqtt_out, version_311_qos_2)
{
    carry("version: 3.1.1", ROUTE(", qos: 2"), 2);
}

/* ---- what a message carries ---- */

static void publish(struct nwt_flow *f, const char *subject, const char *payload,
                    const char *const *headers)
{
    natsMsg *m = NULL;

    NWT_NATS(natsMsg_Create(&m, subject, NULL, payload, (int)strlen(payload)));
    for (; headers != NULL && headers[0] != NULL; headers += 2) {
        NWT_NATS(natsMsgHeader_Add(m, headers[0], headers[1]));
    }
    NWT_NATS(js_PublishMsg(NULL, f->client->js, m, NULL, NULL));
    natsMsg_Destroy(m);
}

static struct nwt_mqtt_client *read_all(struct nwt_flow *f, struct nwt_inbox *inbox,
                                        const char *filter)
{
    struct nwt_mqtt_client *reader =
        nwt_mqtt_connect(f->mosquitto->url, "reader", 5, true, nwt_inbox_arrived, inbox);

    nwt_mqtt_subscribe(reader, filter, 1);
    return reader;
}

Test(mqtt_out, headers_become_properties_of_version_5)
{
    /* clang-format off */
    static const char *const headers[] = {
        "Colour", "red", "Colour", "blue", "Content-Type", "text/plain",
        "Mqtt-Response-Topic", "re/ply", "Mqtt-Correlation-Data", "c-1",
        "Natsway-B64-Edge", "IGEg", "Natsway-B64-Line", "Cg==", NULL};
    /* clang-format on */
    struct nwt_flow *f = nwt_flow_new(1, NULL);
    struct nwt_inbox *inbox = nwt_inbox_new();
    struct nwt_mqtt_client *reader = read_all(f, inbox, "t/+");
    const struct nwt_letter *letter;

    nwt_flow_bridge(f, "", ROUTE(", expiry: 90s"));
    nwt_bridge_run(f->bridge);
    publish(f, "s.7", "hi", headers);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_inbox_count(inbox) == 1));
    letter = nwt_inbox_get(inbox, 0);
    cr_assert_str_eq(letter->topic, "t/7");
    cr_assert_str_eq(letter->payload, "hi");
    cr_assert_not(letter->retained);
    cr_assert_str_eq(nwt_letter_user(letter, "Colour", 0), "red");
    cr_assert_str_eq(nwt_letter_user(letter, "Colour", 1), "blue");
    cr_assert_str_eq(nwt_letter_user(letter, "Edge", 0), " a ",
                     "what NATS cannot carry is restored");
    cr_assert_str_eq(nwt_letter_user(letter, "Natsway-B64-Line", 0),
                     "Cg==", "but for what MQTT cannot carry either");
    cr_assert_null(nwt_letter_user(letter, "Content-Type", 0), "it is a property of its own");
    cr_assert_str_eq(nwt_letter_text(letter, MQTTPROPERTY_CODE_CONTENT_TYPE), "text/plain");
    cr_assert_str_eq(nwt_letter_text(letter, MQTTPROPERTY_CODE_RESPONSE_TOPIC), "re/ply");
    cr_assert_str_eq(nwt_letter_text(letter, MQTTPROPERTY_CODE_CORRELATION_DATA), "c-1");
    cr_assert(nwt_letter_number(letter, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL) > 0 &&
              nwt_letter_number(letter, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL) <= 90);
    nwt_mqtt_close(reader);
    nwt_inbox_free(inbox);
    nwt_flow_free(f);
}

/* Two messages, one of them with the header of a retained one; how many the server keeps. */
static void retain(const char *routes, size_t want)
{
    static const char *const flagged[] = {"Mqtt-Retain", "1", NULL};
    struct nwt_flow *f = nwt_flow_new(1, NULL);
    struct nwt_inbox *inbox = nwt_inbox_new();
    struct nwt_mqtt_client *reader;

    nwt_flow_bridge(f, "", routes);
    nwt_bridge_run(f->bridge);
    publish(f, "s.1", "plain", NULL);
    publish(f, "s.2", "flagged", flagged);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_number(f->bridge, "out", "delivered") == 2));
    reader = read_all(f, inbox, "t/+");
    publish(f, "s.3", "end", NULL); /* behind what was retained */
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_inbox_count(inbox) > want));
    cr_assert_eq(nwt_inbox_count(inbox), want + 1);
    for (size_t i = 0; i < want; i++) {
        cr_assert(nwt_inbox_get(inbox, i)->retained);
    }
    cr_assert_str_eq(nwt_inbox_get(inbox, want)->payload, "end");
    nwt_mqtt_close(reader);
    nwt_inbox_free(inbox);
    nwt_flow_free(f);
}

Test(mqtt_out, retain_keep_retains_what_was_retained)
{
    retain(ROUTE(""), 1);
}

Test(mqtt_out, retain_true_retains_all)
{
    retain(ROUTE(", retain: true"), 2);
}

Test(mqtt_out, retain_false_retains_nothing)
{
    retain(ROUTE(", retain: false"), 0);
}

/* Out as topics and back again: every subject is what it was. */
Test(mqtt_out, escaped_topics_are_lossless)
{
    static const char *const subjects[] = {"s.a.b",   "s.x/y",      "s.x+y", "s.#x",   "s./",
                                           "s.%2F.z", "s.\xc3\xa4", "s.$y",  "s.+.+b", "s.a/.//b"};
    const size_t n = sizeof subjects / sizeof subjects[0];
    struct nwt_flow *f = nwt_flow_new(1, NULL);

    nwt_stream_add(f->client, "back", "back.>");
    nwt_flow_bridge(f, "",
                    "  out:\n    from: {jetstream: \"s.>\"}\n"
                    "    to: {mqtt: \"{{subject}}\", topics: escaped}\n"
                    "  in:\n    from: {mqtt: \"s/#\", topics: escaped}\n"
                    "    to: {jetstream: \"back.{{topic}}\"}\n");
    nwt_bridge_run(f->bridge);
    for (size_t i = 0; i < n; i++) {
        publish(f, subjects[i], subjects[i], NULL);
    }
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_stream_count(f->client, "back") == (int64_t)n),
              "%lld are back", (long long)nwt_stream_count(f->client, "back"));
    for (size_t i = 0; i < n; i++) {
        natsMsg *m = NULL;
        NWT_NATS(js_GetMsg(&m, f->client->js, "back", i + 1, NULL, NULL));
        cr_assert_str_eq(natsMsg_GetSubject(m) + strlen("back."), subjects[i]);
        cr_assert_eq(natsMsg_GetDataLength(m), (int)strlen(subjects[i]));
        natsMsg_Destroy(m);
    }
    nwt_flow_free(f);
}

/* ---- what is refused ---- */

/* The message on s.bad goes to the dead letters with a reason that holds `why`; the one behind it
 * arrives. */
static void refuse(const char *mosquitto, const char *to, const char *payload, const char *where,
                   const char *why)
{
    const char *const bad[] = {"Where", where, NULL}, *const good[] = {"Where", "good", NULL};
    struct nwt_flow *f = nwt_flow_new(1, mosquitto);
    struct nwt_inbox *inbox = nwt_inbox_new();
    struct nwt_mqtt_client *reader = read_all(f, inbox, "t/#");
    char routes[400];
    natsMsg *m = NULL;

    nwt_stream_add(f->client, "dlq", "dlq.>");
    (void)snprintf(routes, sizeof routes,
                   "  out:\n    from: {jetstream: \"s.>\"}\n    to: {mqtt: \"%s\"}\n"
                   "    on_error: {dead_letter: \"dlq.out\"}\n",
                   to);
    nwt_flow_bridge(f, "", routes);
    nwt_bridge_run(f->bridge);
    publish(f, "s.bad", payload, bad);
    publish(f, "s.good", "fine", good);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_stream_count(f->client, "dlq") == 1));
    NWT_NATS(js_GetMsg(&m, f->client->js, "dlq", 1, NULL, NULL));
    cr_assert_not_null(strstr(nwt_nats_header(m, "Natsway-Error"), why), "%s",
                       nwt_nats_header(m, "Natsway-Error"));
    cr_assert_eq(natsMsg_GetDataLength(m), (int)strlen(payload));
    natsMsg_Destroy(m);
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_inbox_count(inbox) == 1));
    cr_assert_str_eq(nwt_inbox_get(inbox, 0)->payload, "fine");
    cr_assert(NWT_WAIT(DEADLINE_MS, nwt_bridge_number(f->bridge, "out", "dead_lettered") == 1));
    cr_assert(nwt_bridge_ledger_adds_up(f->bridge, "out"));
    nwt_mqtt_close(reader);
    nwt_inbox_free(inbox);
    nwt_flow_free(f);
}

Test(mqtt_out, a_topic_with_wildcards_is_a_dead_letter)
{
    refuse(NULL, "t/{{header('Where') | raw}}", "x", "a/#", "wildcard");
}

Test(mqtt_out, a_message_too_large_for_the_server_is_a_dead_letter)
{
    char large[3000];

    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    refuse("max_packet_size 2000", "t/1", large, "large", "larger than the server takes");
}
