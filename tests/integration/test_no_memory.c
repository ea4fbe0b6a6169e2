/* SPDX-License-Identifier: Apache-2.0 */
/* One allocation that fails, in flows of files, HTTP and MQTT: see support/scarce.h. */
#include "support/http_client.h"
#include "support/http_server.h"
#include "support/mosquitto.h"
#include "support/mqtt_client.h"
#include "support/port.h"
#include "support/scarce.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP 8

static struct nwt_scarce scarce;
static struct nwt_http_server *server;
static struct nwt_mosquitto *mosquitto;
static struct nwt_mqtt_client *mqtt;
static int port;

static void set_up(void)
{
#ifdef __SANITIZE_ADDRESS__
    cr_skip_test("the sanitizer has an allocator of its own");
#endif
    nwt_scarce_init(&scarce);
    port = nwt_port_free();
}

static void tear_down(void)
{
    nwt_http_server_free(server);
    nwt_mqtt_close(mqtt);
    nwt_mosquitto_free(mosquitto);
    nwt_scarce_done(&scarce);
}

TestSuite(no_memory, .init = set_up, .fini = tear_down, .timeout = 3600);

/* ---- files, with rules ---- */

static char *file_of_round(const char *name)
{
    return nwt_folder_file(scarce.folder, "%s.%u.log", name, scarce.round);
}

static void begin_file(void)
{
    char *in = file_of_round("in"), *out = file_of_round("out");

    nwt_bridge_write(scarce.bridge,
                     "nats: {url: \"%s\"}\nroutes:\n"
                     "  in:\n"
                     "    from: {file: \"%s\"}\n"
                     "    map:\n"
                     "      - decode: text\n"
                     "      - set: {key: \"{{json('.')}}\", headers: {X: \"{{line}}\"}}\n"
                     "      - payload: '{a: ., b: [.[0:2]]}'\n"
                     "      - dedupe: {id: \"{{key}}\"}\n"
                     "    to: {jetstream: \"through.{{key}}\","
                     " stream: {name: THROUGH, subjects: [through.>]}}\n"
                     "  out:\n"
                     "    from: {jetstream: through.>, stream: THROUGH}\n"
                     "    map: [{payload: .a}, {encode: text}]\n"
                     "    to: {file: \"%s\"}\n",
                     scarce.nats->url, in, out);
    for (unsigned i = 0; i < NWT_SCARCE_FEW; i++) {
        char line[40];
        int n = snprintf(line, sizeof line, "%u-%u\n", scarce.round, i);
        nwt_file_append(in, line, (size_t)n);
    }
    free(in);
    free(out);
}

static void look_file(void)
{
    char *path = file_of_round("out"), *text = nwt_file_read(path, NULL), *rest = text, *line;

    while (text != NULL && (line = strsep(&rest, "\n")) != NULL) {
        if (rest != NULL) {
            nwt_scarce_take(&scarce, line);
        }
    }
    free(text);
    free(path);
}

Test(no_memory, files)
{
    scarce.begin = begin_file;
    scarce.look = look_file;
    nwt_scarce_run(&scarce, STEP);
}

/* ---- HTTP ---- */

static void serve(void *context, struct nwt_http_visit *visit)
{
    (void)context;
    nwt_scarce_take(&scarce, visit->body);
}

static void begin_http(void)
{
    nwt_bridge_write(
        scarce.bridge,
        "nats: {url: \"%s\"}\nconnections: {http: {listen: \"127.0.0.1:%d\"}}\nroutes:\n"
        "  in: {from: {http: \"POST /in\"}, to: {jetstream: through.in,"
        " stream: {name: THROUGH, subjects: [through.>]}}}\n"
        "  out: {from: {jetstream: through.>, stream: THROUGH}, to: {http: \"POST %s/out\"}}",
        scarce.nats->url, port, nwt_http_server_url(server));
}

static bool is_taken(const char *url, const char *body)
{
    struct nwt_http_answer answer = nwt_http_request("POST", url, NULL, body, strlen(body), 10000);
    int status = answer.status;

    nwt_http_done(&answer);
    return status / 100 == 2;
}

/* As a sender does who wants it to arrive: until it is taken. */
static void feed_http(void)
{
    char url[60], body[40];

    snprintf(url, sizeof url, "http://127.0.0.1:%d/in", port);
    for (unsigned i = 0; i < NWT_SCARCE_FEW && nwt_scarce_runs(&scarce); i++) {
        snprintf(body, sizeof body, "%u-%u", scarce.round, i);
        cr_assert(NWT_WAIT(20000, is_taken(url, body) || !nwt_scarce_runs(&scarce)), "%s", body);
    }
}

Test(no_memory, http)
{
    server = nwt_http_server_new(serve, NULL);
    scarce.begin = begin_http;
    scarce.feed = feed_http;
    nwt_scarce_run(&scarce, STEP);
}

/* ---- MQTT ---- */

static void mqtt_arrived(void *context, const char *topic, const MQTTAsync_message *message)
{
    char text[40];

    (void)context;
    if (strncmp(topic, "out", 3) == 0) {
        snprintf(text, sizeof text, "%.*s", message->payloadlen, (char *)message->payload);
        nwt_scarce_take(&scarce, text);
    }
}

static void write_mqtt(void)
{
    nwt_bridge_write(scarce.bridge,
                     "nats: {url: \"%s\"}\nconnections: {mqtt: {url: \"%s\"}}\nroutes:\n"
                     "  in: {from: {mqtt: \"in/#\", qos: 1}, to: {jetstream: through.in,"
                     " stream: {name: THROUGH, subjects: [through.>]}}}\n"
                     "  out: {from: {jetstream: through.>, stream: THROUGH},"
                     " to: {mqtt: out/x, qos: 1}}",
                     scarce.nats->url, mosquitto->url);
}

static void begin_mqtt(void)
{
    write_mqtt();
    for (unsigned i = 0; i < NWT_SCARCE_FEW; i++) {
        char text[40];
        int n = snprintf(text, sizeof text, "%u-%u", scarce.round, i);
        nwt_mqtt_publish(mqtt, "in/x", text, (size_t)n, 1, false);
    }
    nwt_mqtt_flush(mqtt);
}

Test(no_memory, mqtt)
{
    mosquitto = nwt_mosquitto_new(scarce.folder, NULL);
    mqtt = nwt_mqtt_connect(mosquitto->url, "tester", 5, true, mqtt_arrived, NULL);
    nwt_mqtt_subscribe(mqtt, "out/#", 1);
    write_mqtt();
    nwt_bridge_run(scarce.bridge); /* the broker keeps messages only for who has been there */
    cr_assert_eq(nwt_bridge_stop(scarce.bridge), 0);
    scarce.begin = begin_mqtt;
    scarce.keeps_state = true;
    nwt_scarce_run(&scarce, STEP);
}
