/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT in both versions, with a mosquitto. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "support/fail.h"
#include "support/mosquitto.h"
#include "support/mqtt_client.h"
#include "support/wait.h"

const char *const nwc_connector = "mqtt";

#define V311 4
#define V5 5

static struct nwt_mosquitto *server;
static struct nwt_folder *folder;
static struct nwt_mqtt_client *client; /* of the running test */
static char of_5[200], of_311[200], filter[64];

static void start(struct nwt_folder *of_program)
{
    folder = of_program;
    server = nwt_mosquitto_new(folder, "max_packet_size 100000");
    (void)snprintf(of_5, sizeof of_5, "mqtt: {url: \"%s\", client_id: \"@\", receive_maximum: 20}",
                   server->url);
    (void)snprintf(of_311, sizeof of_311, "mqtt: {url: \"%s\", client_id: \"@\", version: 3.1.1}",
                   server->url);
}

static void end(void)
{
    nwt_mosquitto_free(server);
}

static void freeze(void)
{
    nwt_process_signal(&server->process, SIGSTOP);
}

static void thaw(void)
{
    nwt_process_signal(&server->process, SIGCONT);
}

static void away(void)
{
    nwt_mosquitto_stop(server);
}

/* ---- sources ---- */

/* By a program of its own: a source that cannot store holds up every client of its library in this
 * process. */
static void put(const char *name, size_t from, size_t to, const char *qos)
{
    static struct nwt_process publisher;
    char topic[64], port[16], *file = nwt_folder_file(folder, "%s-%zu.lines", name, from);
    char *arguments[] = {"mosquitto_pub", "-h", "127.0.0.1", "-p", port, "-q",
                         (char *)qos,     "-t", topic,       "-l", NULL};

    (void)snprintf(topic, sizeof topic, "in/%s/topic", name);
    (void)snprintf(port, sizeof port, "%d", server->port);
    for (size_t i = from; i < to; i++) {
        char line[100];
        int n = snprintf(line, sizeof line, "%s\n", nwc_payload(i).data);
        nwt_file_append(file, line, (size_t)n);
    }
    nwt_process_start(&publisher, arguments, file, "/dev/null", "/dev/null");
    if (nwt_process_wait(&publisher, NWC_LONG_MS) != 0) {
        nwt_fail("mosquitto_pub does not publish");
    }
    free(file);
}

static void put_0(const char *name, size_t from, size_t to)
{
    put(name, from, to, "0");
}

static void put_1(const char *name, size_t from, size_t to)
{
    put(name, from, to, "1");
}

static void put_2(const char *name, size_t from, size_t to)
{
    put(name, from, to, "2");
}

static void back(void)
{
    nwt_mosquitto_start(server);
}

/* Who connects with the same name ends the other's connection. */
static void take_over(const char *name, int version)
{
    struct nwt_mqtt_client *rival = nwt_mqtt_connect(server->url, name, version, false, NULL, NULL);

    nwt_mqtt_close(rival);
}

static void disturb_5(const char *name)
{
    take_over(name, V5);
}

static void disturb_311(const char *name)
{
    take_over(name, V311);
}

/* ---- sinks: a client with a session that is kept over outages ---- */

static void on_message(void *context, const char *topic, const MQTTAsync_message *message)
{
    const char *header = NULL;
    size_t len = 0;

    (void)context;
    (void)topic;
    for (int i = 0; i < message->properties.count; i++) {
        const MQTTProperty *p = &message->properties.array[i];
        if (p->identifier == MQTTPROPERTY_CODE_USER_PROPERTY &&
            (size_t)p->value.data.len == strlen(NWC_HEADER) &&
            memcmp(p->value.data.data, NWC_HEADER, strlen(NWC_HEADER)) == 0) {
            header = p->value.value.data;
            len = (size_t)p->value.value.len;
        }
    }
    nwc_arrived((struct nw_slice){message->payload, (size_t)message->payloadlen},
                (struct nw_slice){NULL, 0}, (struct nw_slice){header, len});
}

static void listen_again(void)
{
    client = nwt_mqtt_connect(server->url, filter, V5, false, on_message, NULL);
    nwt_mqtt_subscribe(client, filter, 2);
}

static void begin_out(const char *name)
{
    (void)snprintf(filter, sizeof filter, "out/%s/#", name);
    listen_again();
}

static void finish_out(const char *name)
{
    (void)name;
    nwt_mqtt_close(client);
    client = NULL;
}

static void away_out(void)
{
    nwt_mqtt_close(client);
    client = NULL;
    away();
}

static void back_out(void)
{
    back();
    listen_again();
}

/* More than the server takes in one packet, as it has said when we connected. */
static void spoil(struct nw_message *m)
{
    static char much[200000];

    nw_message_set_payload(m, (struct nw_slice){much, sizeof much});
}

#define SOURCE(NAME, CONNECTION, QOS)                                                          \
    .name = (NAME), .connection = (CONNECTION), .source = "{mqtt: \"in/@/#\", qos: " #QOS "}", \
    .some = 100, .put = put_##QOS, .away = away, .back = back
#define SINK(NAME, CONNECTION, QOS)                                                               \
    .name = (NAME), .connection = (CONNECTION), .sink = "{mqtt: \"out/@/topic\", qos: " #QOS "}", \
    .begin = begin_out, .finish = finish_out, .freeze = freeze, .thaw = thaw, .away = away_out,   \
    .back = back_out

/* Enough for all: a source that cannot store at all holds its library's lock until the process
 * ends, by design, and nothing else would run in this one. */
#define UNDER_WAY NWC_MAX

static const struct nwc_adapter source_0 = {SOURCE("mqtt 5, QoS 0", of_5, 0), .loses = true,
                                            .start = start};
static const struct nwc_adapter source_1 = {SOURCE("mqtt 5, QoS 1", of_5, 1),
                                            .under_way = UNDER_WAY, .freeze = freeze, .thaw = thaw,
                                            .disturb = disturb_5};
static const struct nwc_adapter source_2 = {SOURCE("mqtt 5, QoS 2", of_5, 2),
                                            .under_way = UNDER_WAY};
static const struct nwc_adapter old_source_1 = {SOURCE("mqtt 3.1.1, QoS 1", of_311, 1),
                                                .under_way = UNDER_WAY, .disturb = disturb_311};
static const struct nwc_adapter sink_1 = {SINK("mqtt 5, QoS 1", of_5, 1), .headers = true,
                                          .spoil = spoil, .disturb = disturb_5};
static const struct nwc_adapter sink_2 = {SINK("mqtt 5, QoS 2", of_5, 2), .headers = true,
                                          .brief = true};
static const struct nwc_adapter old_sink_1 = {SINK("mqtt 3.1.1, QoS 1", of_311, 1), .brief = true,
                                              .end = end};

const struct nwc_adapter *const nwc_adapters[] = {&source_0, &source_1, &source_2,   &old_source_1,
                                                  &sink_1,   &sink_2,   &old_sink_1, NULL};
