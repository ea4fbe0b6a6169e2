/* SPDX-License-Identifier: Apache-2.0 */
/* The servers and clients that the other tests rely on: each starts, answers, stops, comes back. */
#include "support/kafka_broker.h"
#include "support/kafka_client.h"
#include "support/mosquitto.h"
#include "support/mqtt_client.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/numbered.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT 2000
#define SIZE 256

static struct nwt_folder *folder;

static void set_up(void)
{
    folder = nwt_folder_new();
}

static void tear_down(void)
{
    char *path = strdup(nwt_folder_path(folder));
    nwt_folder_free(folder);
    cr_assert(access(path, F_OK) != 0, "%s is still there", path);
    free(path);
}

TestSuite(support, .init = set_up, .fini = tear_down, .timeout = 600);

static bool take_nats(void *context, natsMsg *message)
{
    struct nwt_numbered *numbers = context;
    nwt_numbered_take(numbers, natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message), 0);
    return numbers->distinct < numbers->count;
}

Test(support, nats_keeps_a_stream_over_a_restart)
{
    struct nwt_nats *server = nwt_nats_new(folder, NULL);
    struct nwt_nats_client *client = nwt_nats_connect(server->url);
    struct nwt_numbered *numbers = nwt_numbered_new(COUNT, SIZE, true);
    nwt_stream_add(client, "s", "s.>");
    char payload[SIZE];
    for (size_t i = 0; i < COUNT; i++) {
        natsMsg *message = NULL;
        nwt_numbered_payload(numbers, i, payload);
        NWT_NATS(natsMsg_Create(&message, "s.a", NULL, payload, SIZE));
        nwt_stream_publish(client, message);
    }
    nwt_stream_flush(client);
    nwt_nats_stop(server);
    nwt_nats_start(server);
    cr_assert(NWT_WAIT(10000, nwt_stream_count(client, "s") == COUNT));
    nwt_stream_read(client, "s", "s.>", take_nats, numbers);
    cr_assert(nwt_numbered_complete(numbers, false));
    nwt_nats_close(client);
    nwt_numbered_free(numbers);
    nwt_nats_free(server);
}

static void take_mqtt(void *context, const char *topic, const MQTTAsync_message *message)
{
    cr_assert_str_eq(topic, "t/1");
    nwt_numbered_take(context, message->payload, (size_t)message->payloadlen, 0);
}

Test(support, mosquitto_carries_both_versions)
{
    struct nwt_mosquitto *server = nwt_mosquitto_new(folder, NULL);
    struct nwt_numbered *numbers = nwt_numbered_new(COUNT, SIZE, true);
    struct nwt_mqtt_client *to =
        nwt_mqtt_connect(server->url, "to", MQTTVERSION_5, true, take_mqtt, numbers);
    struct nwt_mqtt_client *from =
        nwt_mqtt_connect(server->url, "from", MQTTVERSION_3_1_1, true, NULL, NULL);
    nwt_mqtt_subscribe(to, "t/+", 1);
    char payload[SIZE];
    for (size_t i = 0; i < COUNT; i++) {
        nwt_numbered_payload(numbers, i, payload);
        nwt_mqtt_publish(from, "t/1", payload, SIZE, 1, false);
    }
    nwt_mqtt_flush(from);
    cr_assert(NWT_WAIT(10000, nwt_numbered_distinct(numbers) == COUNT));
    cr_assert(nwt_numbered_complete(numbers, false));
    nwt_mqtt_close(from);
    nwt_mqtt_close(to);
    nwt_numbered_free(numbers);
    nwt_mosquitto_free(server);
}

static bool take_kafka(void *context, const rd_kafka_message_t *message)
{
    struct nwt_numbered *numbers = context;
    nwt_numbered_take(numbers, message->payload, message->len, (unsigned)message->partition);
    return numbers->distinct < numbers->count;
}

Test(support, the_shared_kafka_stores)
{
    struct nwt_kafka *server = nwt_kafka_shared(folder);
    struct nwt_numbered *numbers = nwt_numbered_new(COUNT, SIZE, true);
    char topic[40], payload[SIZE];
    snprintf(topic, sizeof topic, "support-%d", (int)getpid());
    nwt_topic_add(server->brokers, topic, 3);
    rd_kafka_t *producer = nwt_producer_new(server->brokers);
    for (size_t i = 0; i < COUNT; i++) {
        nwt_numbered_payload(numbers, i, payload);
        rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION((int32_t)(i % 3)),
                          RD_KAFKA_V_VALUE(payload, SIZE), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_END);
    }
    nwt_producer_flush(producer);
    cr_assert(nwt_topic_count(server->brokers, topic) == COUNT);
    nwt_topic_read(server->brokers, topic, take_kafka, numbers);
    cr_assert(nwt_numbered_complete(numbers, false));
    nwt_producer_free(producer);
    nwt_numbered_free(numbers);
    nwt_kafka_free(server);
}
