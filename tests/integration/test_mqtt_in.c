/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT to JetStream: both versions, every QoS, and what may go wrong on the way. */
#include "support/mqtt_flow.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 10000
#define ROUTE(more)                              \
    "  in:\n    from: {mqtt: \"t/+\"" more "}\n" \
    "    to: {jetstream: \"s.{{wildcard(1)}}\"}\n"

/* No deadline measures speed: each only ends a test that hangs, also on a machine under load. */
#define DEADLINE_MS 60000

TestSuite(mqtt_in, .timeout = 600);

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

static void carry(const char *connection, const char *routes, int qos)
{
    struct nwt_flow *f = nwt_flow_new(COUNT, NULL);
    struct nwt_mqtt_client *p;

    nwt_flow_bridge(f, connection, routes);
    nwt_bridge_run(f->bridge);
    p = publisher(f);
    if (qos > 0) {
        nwt_flow_publish_mqtt(f, p, 0, COUNT, qos);
    }
    for (size_t i = 0; qos == 0 && i < COUNT; i += 500) {
        /* Nobody holds QoS 0 for a slow reader: not faster than it is read. */
        nwt_flow_publish_mqtt(f, p, i, 500, 0);
        cr_assert(nwt_flow_stream_has(f, i + 500, DEADLINE_MS));
    }
    nwt_mqtt_close(p);
    expect_all(f, false);
    cr_assert_eq(nwt_bridge_number(f->bridge, "in", "delivered"), COUNT);
    cr_assert_eq(nwt_bridge_stop(f->bridge), 0);
    nwt_flow_free(f);
}

Test(mqtt_in, version_5_qos_0)
{
    carry("version: 5", ROUTE(", qos: 0"), 0);
}

Test(mqtt_in, version_5_qos_1)
{
    carry("version: 5", ROUTE(", qos: 1"), 1);
}

Test(mqtt_in, version_5_qos_2)
{
    carry("version: 5", ROUTE(", qos: 2"), 2);
}

Test(mqtt_in, version_311_qos_0)
{
    carry("version: 3.1.1", ROUTE(", qos: 0"), 0);
}

Test(mqtt_in, version_311_qos_1)
{
    carry("version: 3.1.1", ROUTE(", qos: 1"), 1);
}

Test(mqtt_in, version_311_qos_2)
{
    carry("version: 3.1.1", ROUTE(", qos: 2"), 2);
}

Test(mqtt_in, lanes_of_a_shared_subscription)
{
    struct nwt_flow *f = nwt_flow_new(COUNT, NULL);
    struct nwt_mqtt_client *p;

    nwt_flow_bridge(f, "", ROUTE(", shared: g") "    lanes: 3\n");
    nwt_bridge_run(f->bridge);
    p = publisher(f);
    nwt_flow_publish_mqtt(f, p, 0, COUNT, 1);
    nwt_mqtt_close(p);
    cr_assert(nwt_flow_read_stream(f, DEADLINE_MS));
    cr_assert_eq(f->numbers->duplicates, 0, "each message goes to one lane");
    cr_assert_eq(f->numbers->wrong, 0);
    nwt_flow_free(f);
}

Test(mqtt_in, lanes_without_a_group_are_refused)
{
    struct nwt_flow *f = nwt_flow_new(1, NULL);

    nwt_flow_bridge(f, "", ROUTE("") "    lanes: 2\n");
    nwt_bridge_start(f->bridge, NULL);
    cr_assert(
        NWT_WAIT(DEADLINE_MS, nwt_bridge_logged(f->bridge, "several lanes need `shared: group`")));
    nwt_flow_free(f);
}

/* ---- what a message carries ---- */

static bool take_first(void *context, natsMsg *message)
{
    natsMsg **out = context;
    natsMsg *copy = NULL;
    const char **keys = NULL;
    int count = 0;

    NWT_NATS(natsMsg_Create(&copy, natsMsg_GetSubject(message), NULL, natsMsg_GetData(message),
                            natsMsg_GetDataLength(message)));
    if (natsMsgHeader_Keys(message, &keys, &count) == NATS_OK) {
        for (int i = 0; i < count; i++) {
            const char **values = NULL;
            int n = 0;
            NWT_NATS(natsMsgHeader_Values(message, keys[i], &values, &n));
            for (int k = 0; k < n; k++) {
                NWT_NATS(natsMsgHeader_Add(copy, keys[i], values[k]));
            }
            free((void *)values);
        }
        free((void *)keys);
    }
    *out = copy;
    return false;
}

static void add_text(MQTTProperties *p, enum MQTTPropertyCodes code, const char *text,
                     const char *value)
{
    MQTTProperty property = {.identifier = code};

    property.value.data = (MQTTLenString){(int)strlen(text), (char *)text};
    if (value != NULL) {
        property.value.value = (MQTTLenString){(int)strlen(value), (char *)value};
    }
    cr_assert_eq(MQTTProperties_add(p, &property), 0);
}

static void expect_header(natsMsg *m, const char *name, const char *value)
{
    const char *found = nwt_nats_header(m, name);

    cr_assert(found != NULL && strcmp(found, value) == 0, "%s is %s", name,
              found == NULL ? "missing" : found);
}

Test(mqtt_in, properties_of_version_5_become_headers)
{
    struct nwt_flow *f = nwt_flow_new(1, NULL);
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    struct nwt_mqtt_client *p;
    natsMsg *m = NULL;
    const char **values = NULL;
    int n = 0;

    nwt_flow_bridge(f, "", ROUTE(""));
    nwt_bridge_run(f->bridge);
    p = publisher(f);
    add_text(&options.properties, MQTTPROPERTY_CODE_USER_PROPERTY, "Colour", "red");
    add_text(&options.properties, MQTTPROPERTY_CODE_USER_PROPERTY, "Colour", "blue");
    add_text(&options.properties, MQTTPROPERTY_CODE_USER_PROPERTY, "Nats-Msg-Id", "evil");
    add_text(&options.properties, MQTTPROPERTY_CODE_CONTENT_TYPE, "text/plain", NULL);
    add_text(&options.properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC, "re/ply", NULL);
    add_text(&options.properties, MQTTPROPERTY_CODE_CORRELATION_DATA, "c-1", NULL);
    cr_assert_eq(MQTTAsync_send(nwt_mqtt_handle(p), "t/7", 2, "hi", 1, 1, &options), 0);
    MQTTProperties_free(&options.properties);
    cr_assert(nwt_flow_stream_has(f, 1, DEADLINE_MS));
    nwt_stream_read(f->client, "s", "s.7", take_first, &m);
    cr_assert_not_null(m);
    expect_header(m, "Content-Type", "text/plain");
    expect_header(m, "Mqtt-Response-Topic", "re/ply");
    expect_header(m, "Mqtt-Correlation-Data", "c-1");
    expect_header(m, "Mqtt-Retain", "1");
    NWT_NATS(natsMsgHeader_Values(m, "Colour", &values, &n));
    cr_assert_eq(n, 2);
    cr_assert_str_eq(values[0], "red");
    cr_assert_str_eq(values[1], "blue");
    free((void *)values);
    cr_assert_str_neq(nwt_nats_header(m, "Nats-Msg-Id"), "evil");
    natsMsg_Destroy(m);
    nwt_mqtt_close(p);
    nwt_flow_free(f);
}

static void retained(const char *connection, const char *routes, size_t want)
{
    struct nwt_flow *f = nwt_flow_new(1, NULL);
    struct nwt_mqtt_client *p = publisher(f);

    nwt_mqtt_publish(p, "t/1", "old", 3, 1, true);
    nwt_mqtt_flush(p);
    nwt_flow_bridge(f, connection, routes);
    nwt_bridge_run(f->bridge);
    nwt_mqtt_publish(p, "t/1", "new", 3, 1, true);
    nwt_mqtt_close(p);
    cr_assert(nwt_flow_stream_has(f, want, DEADLINE_MS));
    /* Not again after a restart: the session is there. */
    cr_assert_eq(nwt_bridge_stop(f->bridge), 0);
    nwt_bridge_run(f->bridge);
    cr_assert_eq(nwt_stream_count(f->client, "s"), (int64_t)want);
    nwt_flow_free(f);
}

Test(mqtt_in, retained_messages_are_kept)
{
    retained("version: 5", ROUTE(""), 2);
}

Test(mqtt_in, retained_messages_are_dropped)
{
    retained("version: 5", ROUTE(", retained: drop"), 1);
}

Test(mqtt_in, retained_messages_are_dropped_with_version_311)
{
    retained("version: 3.1.1", ROUTE(", retained: drop"), 1);
}
