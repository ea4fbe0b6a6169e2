/* SPDX-License-Identifier: Apache-2.0 */
/* The admin listener of a running bridge: its pages, and whom it answers. */
#include "support/bridge.h"
#include "support/http_client.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/port.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct nwt_folder *folder;
static struct nwt_nats *nats;
static struct nwt_bridge *bridge;
static struct nwt_http_answer answer;

static void set_up(void)
{
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
    bridge = nwt_bridge_new(folder, "plant-1",
                            "nats: {url: \"%s\"}\n"
                            "routes:\n"
                            "  copy:\n"
                            "    from: {nats: \"in\"}\n"
                            "    map: [{filter: \".keep\"}]\n"
                            "    to: {jetstream: \"out\", stream: {name: OUT, subjects: [out]}}\n"
                            "  asleep:\n"
                            "    enabled: false\n"
                            "    from: {nats: \"other\"}\n"
                            "    to: {nats: \"another\"}\n",
                            nats->url);
    nwt_bridge_run(bridge);
}

static void tear_down(void)
{
    nwt_http_done(&answer);
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    nwt_bridge_free(bridge);
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(admin, .init = set_up, .fini = tear_down, .timeout = 600);

static void ask(const char *method, const char *path, const char *header)
{
    const char *const headers[] = {header, NULL};
    char url[100];

    nwt_http_done(&answer);
    snprintf(url, sizeof url, "%s%s", bridge->admin, path);
    answer = nwt_http_request(method, url, header == NULL ? NULL : headers, NULL, 0, 5000);
}

static bool has(const char *text)
{
    return strstr(answer.body, text) != NULL;
}

static bool metrics_have(const char *text)
{
    ask("GET", "/metrics", NULL);
    return has(text);
}

static void publish(const char *payload)
{
    struct nwt_nats_client *client = nwt_nats_connect(nats->url);

    NWT_NATS(natsConnection_PublishString(client->connection, "in", payload));
    NWT_NATS(natsConnection_Flush(client->connection));
    nwt_nats_close(client);
}

Test(admin, shows_the_ledger_of_each_route)
{
    publish("{\"keep\":true}");
    publish("{\"keep\":false}");
    cr_assert(NWT_WAIT(10000, nwt_bridge_number(bridge, "copy", "delivered") == 1 &&
                                  nwt_bridge_number(bridge, "copy", "filtered") == 1));
    ask("GET", "/api/routes", NULL);
    cr_expect_eq(answer.status, 200);
    cr_expect(has("{\"bridge\":\"plant-1\",\"routes\":[{\"name\":"), "%s", answer.body);
    cr_expect(has("\"name\":\"copy\",\"state\":\"running\",\"from\":\"nats\""), "%s", answer.body);
    cr_expect(has("\"received\":2,\"delivered\":1,\"filtered\":1,\"dead_lettered\":0,"
                  "\"dropped\":0,\"in_flight\":0,\"retries\":0,\"lag\":"));
    cr_expect(has("\"last_error\":null"));
    cr_expect(strstr(answer.headers, "application/json") != NULL);
}

Test(admin, has_prometheus_metrics)
{
    static const char *const lines[] = {
        "\n# TYPE natsway_messages_received_total counter\n",
        "\nnatsway_messages_received_total{route=\"copy\"} 1\n",
        "\nnatsway_messages_delivered_total{route=\"copy\"} 1\n",
        "\nnatsway_messages_filtered_total{route=\"copy\"} 0\n",
        "\nnatsway_messages_dead_lettered_total{route=\"copy\"} 0\n",
        "\nnatsway_messages_dropped_total{route=\"copy\"} 0\n",
        "\nnatsway_retries_total{route=\"copy\"} 0\n",
        "\n# TYPE natsway_messages_in_flight gauge\n",
        "\nnatsway_messages_in_flight{route=\"copy\"} 0\n",
        "\n# TYPE natsway_delivery_seconds histogram\n",
        "\nnatsway_delivery_seconds_bucket{route=\"copy\",le=\"+Inf\"} 1\n",
        "\nnatsway_delivery_seconds_count{route=\"copy\"} 1\n",
        "\nnatsway_connection_up{connection=\"nats\"} 1\n",
        "\n# TYPE natsway_source_lag gauge\n",
    };

    publish("{\"keep\":true}");
    cr_assert(NWT_WAIT(10000, nwt_bridge_number(bridge, "copy", "delivered") == 1));
    ask("GET", "/metrics", NULL);
    cr_expect_eq(answer.status, 200);
    cr_expect(strstr(answer.headers, "text/plain; version=0.0.4") != NULL);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        cr_expect(has(lines[i]), "%s is missing in %s", lines[i], answer.body);
    }
}

Test(admin, tells_the_process_from_its_routes)
{
    ask("GET", "/healthz", NULL);
    cr_expect_eq(answer.status, 200);
    ask("GET", "/readyz", NULL);
    cr_expect_eq(answer.status, 200);
    nwt_nats_stop(nats);
    cr_assert(NWT_WAIT(20000, !nwt_bridge_ready(bridge)));
    ask("GET", "/readyz", NULL);
    cr_expect_eq(answer.status, 503);
    cr_expect(has("copy: "), "%s", answer.body);
    cr_expect_not(has("asleep"), "a route that shall not run is not waited for");
    ask("GET", "/healthz", NULL);
    cr_expect_eq(answer.status, 200);
    cr_expect(NWT_WAIT(10000, metrics_have("natsway_connection_up{connection=\"nats\"} 0\n")), "%s",
              answer.body);
    nwt_nats_start(nats);
    cr_assert(NWT_WAIT(20000, nwt_bridge_ready(bridge)));
}

Test(admin, answers_only_what_is_there_and_only_get)
{
    ask("GET", "/nothing", NULL);
    cr_expect_eq(answer.status, 404);
    cr_expect(has("/api/routes"));
    ask("POST", "/api/routes", NULL);
    cr_expect_eq(answer.status, 405);
    ask("HEAD", "/healthz", NULL);
    cr_expect_eq(answer.status, 200);
}

Test(admin, does_not_answer_a_page_of_somebody_else)
{
    ask("GET", "/api/routes", "Host: evil.example");
    cr_expect_eq(answer.status, 403);
    ask("GET", "/api/routes", "Host: 127.0.0.1.evil.example:8223");
    cr_expect_eq(answer.status, 403);
    ask("GET", "/api/routes", "Host: localhost:1");
    cr_expect_eq(answer.status, 200);
    ask("GET", "/api/routes", "Host: [::1]:8223");
    cr_expect_eq(answer.status, 200);
}

Test(admin, wants_its_token_from_everybody)
{
    struct nwt_bridge *open = bridge;

    bridge = nwt_bridge_new(folder, "closed",
                            "nats: {url: \"%s\"}\n"
                            "routes: {copy: {from: {nats: a}, to: {nats: b}}}\n",
                            nats->url);
    char *text = nwt_file_read(bridge->config, NULL);
    *strrchr(text, '}') = '\0'; /* admin: {listen: … */
    nwt_file_write(bridge->config, "%s, token: s3cret}\n", text);
    free(text);
    nwt_bridge_start(bridge, NULL);
    char url[60];
    snprintf(url, sizeof url, "%s/healthz", bridge->admin);
    cr_assert(NWT_WAIT(20000, nwt_http_status(url) == 401));
    ask("GET", "/api/routes", "Authorization: Bearer wrong!");
    cr_expect_eq(answer.status, 401);
    ask("GET", "/api/routes", "Authorization: Bearer s3cre");
    cr_expect_eq(answer.status, 401);
    ask("GET", "/api/routes", "Authorization: Bearer s3cret");
    cr_expect_eq(answer.status, 200);
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    nwt_bridge_free(bridge);
    bridge = open;
}
