/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of the configuration: connectors that have rows and checks like the real ones and
 * do nothing, and a folder to load texts from.
 */
#ifndef NATSWAY_TESTS_CONFIG_FAKES_H
#define NATSWAY_TESTS_CONFIG_FAKES_H

#include "config/config.h"
#include "plugin/registry.h"

/* nats, jetstream, dead_letter, kafka, mqtt, http, file, pulse (only a source). */
struct nw_registry *fake_registry(void);

struct fake_nats {
    struct nw_list url;
    const char *user, *password, *credentials;
    struct {
        const char *ca, *cert, *key;
    } tls;
};
struct fake_nats_source {
    const char *queue;
    bool reply;
    int64_t timeout_ms;
};
struct fake_nats_sink {
    int64_t request_ms;
};
struct fake_jetstream_source {
    const char *stream, *durable;
    struct nw_choice deliver;
    int64_t ack_wait_ms;
};
struct fake_jetstream_sink {
    uint32_t message_id;
};
struct fake_kafka {
    struct nw_list brokers;
    struct nw_pairs properties;
};
struct fake_kafka_source {
    struct nw_list topics;
    const char *group;
    struct nw_choice start;
    struct nw_pairs properties;
};
struct fake_kafka_sink {
    uint32_t key;
    struct nw_pairs headers;
};
struct fake_mqtt {
    const char *url, *password;
    struct nw_choice version;
};
struct fake_mqtt_end {
    const char *shared;
    int64_t qos;
    struct nw_choice topics;
};
struct fake_http {
    const char *listen;
    int64_t max_body;
};
struct fake_http_called {
    int64_t timeout_ms, concurrency;
};
struct fake_file {
    struct nw_choice mode;
    int64_t max_line;
};

/* A fresh folder, which is the current one until folder_leave(). */
void folder_enter(void);
void folder_leave(void);
void folder_write(const char *name, const char *text);
const char *folder_path(void);

/* Load the named files; *out is NULL if it failed. Returns what is printed: the caller frees. */
char *load_files(const char *const *names, size_t n, struct nw_config **out);
/* Load text as the file c.yaml. */
char *load_text(const char *text, struct nw_config **out);

#endif
