/* SPDX-License-Identifier: Apache-2.0 */
#include "fakes.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define END          \
    {                \
        .name = NULL \
    }

/* ---- nats, jetstream, dead_letter ---- */

#define NATS(member) offsetof(struct fake_nats, member)

static const struct nw_option tls_rows[] = {
    {.name = "ca", .type = NW_OPTION_PATH, .offset = 0, .doc = "who is trusted"},
    {.name = "cert", .type = NW_OPTION_PATH, .offset = NATS(tls.cert) - NATS(tls), .doc = "ours"},
    {.name = "key", .type = NW_OPTION_PATH, .offset = NATS(tls.key) - NATS(tls), .doc = "its key"},
    END};
static const struct nw_option nats_rows[] = {
    {.name = "url",
     .type = NW_OPTION_LIST,
     .offset = NATS(url),
     .standard = "nats://127.0.0.1:4222",
     .doc = "where the servers are"},
    {.name = "user", .type = NW_OPTION_TEXT, .offset = NATS(user), .doc = "who we are"},
    {.name = "password", .type = NW_OPTION_SECRET, .offset = NATS(password), .doc = "its proof"},
    {.name = "credentials", .type = NW_OPTION_PATH, .offset = NATS(credentials), .doc = "a file"},
    {.name = "tls",
     .type = NW_OPTION_GROUP,
     .offset = NATS(tls),
     .rows = tls_rows,
     .doc = "how the connection is secured"},
    END};

static void check_nats(const void *options, struct nw_check *check)
{
    const struct fake_nats *o = options;

    if (o->tls.cert != NULL && o->tls.key == NULL) {
        nw_check_error(check, "tls.cert", "a certificate needs its key");
    }
    if (o->user != NULL && o->credentials != NULL) {
        nw_check_error(check, "user", "not together with credentials");
    }
}

static const struct nw_connection_kind nats_kind = {
    .options = nats_rows, .options_size = sizeof(struct fake_nats), .check = check_nats};

static const struct nw_option nats_source_rows[] = {
    {.name = "queue",
     .type = NW_OPTION_TEXT,
     .offset = offsetof(struct fake_nats_source, queue),
     .doc = "the queue group"},
    {.name = "reply",
     .type = NW_OPTION_BOOL,
     .offset = offsetof(struct fake_nats_source, reply),
     .standard = "false",
     .doc = "the sender waits for an answer"},
    {.name = "timeout",
     .type = NW_OPTION_DURATION,
     .offset = offsetof(struct fake_nats_source, timeout_ms),
     .standard = "5s",
     .min = 1,
     .max = 3600000,
     .doc = "how long the sender waits"},
    END};
static const struct nw_option nats_sink_rows[] = {
    {.name = "request",
     .type = NW_OPTION_DURATION,
     .offset = offsetof(struct fake_nats_sink, request_ms),
     .min = 1,
     .max = 3600000,
     .doc = "wait so long for an answer"},
    END};
static const struct nw_source_kind nats_source = {.options = nats_source_rows,
                                                  .options_size = sizeof(struct fake_nats_source),
                                                  .address = NW_ADDRESS_SUBJECT,
                                                  .address_doc = "a subject",
                                                  .promise = "nothing"};
static const struct nw_sink_kind nats_sink = {.options = nats_sink_rows,
                                              .options_size = sizeof(struct fake_nats_sink),
                                              .address = NW_FILL_SUBJECT};
static const struct nw_connector nats = {NW_CONNECTOR_HEAD, .name = "nats",
                                         .connection = &nats_kind, .source = &nats_source,
                                         .sink = &nats_sink};

#define JETSTREAM(member) offsetof(struct fake_jetstream_source, member)

static const struct nw_option jetstream_source_rows[] = {
    {.name = "stream", .type = NW_OPTION_TEXT, .offset = JETSTREAM(stream), .doc = "its stream"},
    {.name = "durable", .type = NW_OPTION_TEXT, .offset = JETSTREAM(durable), .doc = "its name"},
    {.name = "deliver",
     .type = NW_OPTION_CHOICE,
     .offset = JETSTREAM(deliver),
     .standard = "all",
     .choices = "all|new|last|sequence=|since=",
     .doc = "where to begin"},
    {.name = "ack_wait",
     .type = NW_OPTION_DURATION,
     .offset = JETSTREAM(ack_wait_ms),
     .standard = "10s",
     .min = 1000,
     .max = INT64_MAX,
     .doc = "how long until it comes again"},
    END};
static const struct nw_option jetstream_sink_rows[] = {
    {.name = "message_id",
     .type = NW_OPTION_TEMPLATE,
     .offset = offsetof(struct fake_jetstream_sink, message_id),
     .standard = "{{id}}",
     .fill = NW_FILL_HEADER,
     .doc = "what repeats are known by"},
    END};
static const struct nw_source_kind jetstream_source = {.options = jetstream_source_rows,
                                                       .options_size =
                                                           sizeof(struct fake_jetstream_source),
                                                       .address = NW_ADDRESS_SUBJECT,
                                                       .has = NW_HAS(NW_META_SEQUENCE)};
static const struct nw_sink_kind jetstream_sink = {.options = jetstream_sink_rows,
                                                   .options_size =
                                                       sizeof(struct fake_jetstream_sink),
                                                   .address = NW_FILL_SUBJECT};
static const struct nw_connector jetstream = {NW_CONNECTOR_HEAD, .name = "jetstream",
                                              .connection = &nats_kind, .source = &jetstream_source,
                                              .sink = &jetstream_sink};

static const struct nw_sink_kind dead_letter_sink = {.address = NW_FILL_SUBJECT};
static const struct nw_connector dead_letter = {
    NW_CONNECTOR_HEAD, .name = "dead_letter", .connection = &nats_kind, .sink = &dead_letter_sink};

/* ---- kafka ---- */

static const struct nw_option kafka_rows[] = {{.name = "brokers",
                                               .type = NW_OPTION_LIST,
                                               .offset = offsetof(struct fake_kafka, brokers),
                                               .flags = NW_OPTION_REQUIRED,
                                               .doc = "who is asked first"},
                                              {.name = "properties",
                                               .type = NW_OPTION_PAIRS,
                                               .offset = offsetof(struct fake_kafka, properties),
                                               .doc = "for the library"},
                                              END};
static const struct nw_option kafka_source_rows[] = {
    {.name = "topics",
     .type = NW_OPTION_LIST,
     .offset = offsetof(struct fake_kafka_source, topics),
     .doc = "several topics"},
    {.name = "group",
     .type = NW_OPTION_TEXT,
     .offset = offsetof(struct fake_kafka_source, group),
     .doc = "the consumer group"},
    {.name = "start",
     .type = NW_OPTION_CHOICE,
     .offset = offsetof(struct fake_kafka_source, start),
     .standard = "earliest",
     .choices = "earliest|latest|since=",
     .doc = "where a new group begins"},
    {.name = "properties",
     .type = NW_OPTION_PAIRS,
     .offset = offsetof(struct fake_kafka_source, properties),
     .doc = "for the library"},
    END};
static const struct nw_option kafka_sink_rows[] = {
    {.name = "key",
     .type = NW_OPTION_TEMPLATE,
     .offset = offsetof(struct fake_kafka_sink, key),
     .fill = NW_FILL_TEXT,
     .doc = "the record's key"},
    {.name = "headers",
     .type = NW_OPTION_TEMPLATES,
     .offset = offsetof(struct fake_kafka_sink, headers),
     .fill = NW_FILL_TEXT,
     .doc = "the record's headers"},
    END};

static void check_properties(const struct nw_pairs *properties, struct nw_check *check)
{
    for (size_t i = 0; i < properties->count; i++) {
        if (strchr(properties->names[i], '.') == NULL) {
            char option[100];

            (void)snprintf(option, sizeof option, "properties.%s", properties->names[i]);
            nw_check_error(check, option, "the library knows no such property");
        }
    }
}

static void check_kafka(const void *options, struct nw_check *check)
{
    check_properties(&((const struct fake_kafka *)options)->properties, check);
}

static void check_kafka_source(const char *address, const void *options,
                               const void *connection_options, struct nw_check *check)
{
    const struct fake_kafka_source *o = options;

    cr_assert_not_null(connection_options);
    if (address[0] == '\0' && o->topics.count == 0) {
        nw_check_error(check, NULL, "expected a topic, or topics");
    }
    if (o->group == NULL) {
        nw_check_warning(check, "group", "everybody reads everything");
    }
    check_properties(&o->properties, check);
}

static const struct nw_connection_kind kafka_kind = {
    .options = kafka_rows, .options_size = sizeof(struct fake_kafka), .check = check_kafka};
static const struct nw_source_kind kafka_source = {
    .options = kafka_source_rows,
    .options_size = sizeof(struct fake_kafka_source),
    .address = NW_ADDRESS_TOPIC_KAFKA,
    .has = NW_HAS(NW_META_PARTITION) | NW_HAS(NW_META_OFFSET) | NW_HAS(NW_META_KEY),
    .address_doc = "a topic",
    .promise = "at least once",
    .check = check_kafka_source};
static const struct nw_sink_kind kafka_sink = {.options = kafka_sink_rows,
                                               .options_size = sizeof(struct fake_kafka_sink),
                                               .address = NW_FILL_KAFKA_TOPIC,
                                               .address_doc = "a topic, a template",
                                               .promise = "acks=all"};
static const struct nw_connector kafka = {NW_CONNECTOR_HEAD,         .name = "kafka",
                                          .summary = "Apache Kafka", .connection = &kafka_kind,
                                          .source = &kafka_source,   .sink = &kafka_sink};

/* ---- mqtt ---- */

static const struct nw_option mqtt_rows[] = {{.name = "url",
                                              .type = NW_OPTION_TEXT,
                                              .offset = offsetof(struct fake_mqtt, url),
                                              .flags = NW_OPTION_REQUIRED,
                                              .doc = "mqtt://HOST:PORT"},
                                             {.name = "version",
                                              .type = NW_OPTION_CHOICE,
                                              .offset = offsetof(struct fake_mqtt, version),
                                              .standard = "5",
                                              .choices = "5|3.1.1",
                                              .doc = "of the protocol"},
                                             {.name = "password",
                                              .type = NW_OPTION_SECRET,
                                              .offset = offsetof(struct fake_mqtt, password),
                                              .doc = "its proof"},
                                             END};
static const struct nw_option mqtt_end_rows[] = {{.name = "shared",
                                                  .type = NW_OPTION_TEXT,
                                                  .offset = offsetof(struct fake_mqtt_end, shared),
                                                  .doc = "the group of a shared subscription"},
                                                 {.name = "qos",
                                                  .type = NW_OPTION_INT,
                                                  .offset = offsetof(struct fake_mqtt_end, qos),
                                                  .standard = "1",
                                                  .min = 0,
                                                  .max = 2,
                                                  .doc = "what is promised"},
                                                 {.name = "topics",
                                                  .type = NW_OPTION_CHOICE,
                                                  .offset = offsetof(struct fake_mqtt_end, topics),
                                                  .standard = "nats",
                                                  .choices = "nats|escaped",
                                                  .doc = "how topics become subjects"},
                                                 END};
static const struct nw_connection_kind mqtt_kind = {.options = mqtt_rows,
                                                    .options_size = sizeof(struct fake_mqtt)};
static const struct nw_source_kind mqtt_source = {.options = mqtt_end_rows,
                                                  .options_size = sizeof(struct fake_mqtt_end),
                                                  .address = NW_ADDRESS_TOPIC_MQTT,
                                                  .has = NW_HAS(NW_META_QOS)};
static const struct nw_sink_kind mqtt_sink = {.options = mqtt_end_rows,
                                              .options_size = sizeof(struct fake_mqtt_end),
                                              .address = NW_FILL_MQTT_TOPIC};
static const struct nw_connector mqtt = {NW_CONNECTOR_HEAD, .name = "mqtt",
                                         .connection = &mqtt_kind, .source = &mqtt_source,
                                         .sink = &mqtt_sink};

/* ---- http ---- */

static const struct nw_option http_rows[] = {{.name = "listen",
                                              .type = NW_OPTION_TEXT,
                                              .offset = offsetof(struct fake_http, listen),
                                              .standard = "127.0.0.1:8080",
                                              .doc = "where it is served"},
                                             {.name = "max_body",
                                              .type = NW_OPTION_SIZE,
                                              .offset = offsetof(struct fake_http, max_body),
                                              .standard = "1MiB",
                                              .min = 1,
                                              .max = 1024 * 1024 * 64,
                                              .doc = "a larger one gets 413"},
                                             END};
static const struct nw_option http_called_rows[] = {
    {.name = "timeout",
     .type = NW_OPTION_DURATION,
     .offset = offsetof(struct fake_http_called, timeout_ms),
     .standard = "30s",
     .min = 1,
     .max = 600000,
     .doc = "how long an answer may take"},
    {.name = "concurrency",
     .type = NW_OPTION_INT,
     .offset = offsetof(struct fake_http_called, concurrency),
     .standard = "1",
     .min = 1,
     .max = 1000,
     .doc = "requests at once"},
    END};
static const struct nw_connection_kind http_kind = {
    .options = http_rows, .options_size = sizeof(struct fake_http), .optional = true};
static const struct nw_source_kind http_served = {
    .address = NW_ADDRESS_HTTP_PATH,
    .has = NW_HAS(NW_META_METHOD) | NW_HAS(NW_META_PARAM) | NW_HAS(NW_META_QUERY)};
static const struct nw_source_kind http_polled = {.address = NW_ADDRESS_HTTP_PATH,
                                                  .has = NW_HAS(NW_META_STATUS)};
static const struct nw_sink_kind http_called = {.options = http_called_rows,
                                                .options_size = sizeof(struct fake_http_called),
                                                .address = NW_FILL_URL};

static const struct nw_source_kind *http_source_for(const char *address)
{
    return strstr(address, "://") != NULL ? &http_polled : &http_served;
}

static const struct nw_connector http = {NW_CONNECTOR_HEAD,        .name = "http",
                                         .connection = &http_kind, .source = &http_served,
                                         .sink = &http_called,     .source_for = http_source_for};

/* ---- file, pulse ---- */

static const struct nw_option file_rows[] = {{.name = "mode",
                                              .type = NW_OPTION_CHOICE,
                                              .offset = offsetof(struct fake_file, mode),
                                              .standard = "lines",
                                              .choices = "lines|whole",
                                              .doc = "lines, or whole files"},
                                             {.name = "max_line",
                                              .type = NW_OPTION_SIZE,
                                              .offset = offsetof(struct fake_file, max_line),
                                              .standard = "1MiB",
                                              .min = 1,
                                              .max = 64 * 1024 * 1024,
                                              .doc = "the longest line"},
                                             END};
static const struct nw_source_kind file_source = {.options = file_rows,
                                                  .options_size = sizeof(struct fake_file),
                                                  .address = NW_ADDRESS_FILE_PATH,
                                                  .has = NW_HAS(NW_META_LINE)};
static const struct nw_sink_kind file_sink = {
    .options = file_rows, .options_size = sizeof(struct fake_file), .address = NW_FILL_PATH};
static const struct nw_connector file = {NW_CONNECTOR_HEAD, .name = "file", .source = &file_source,
                                         .sink = &file_sink};

static const struct nw_source_kind pulse_source = {.address = NW_ADDRESS_FILE_PATH};
static const struct nw_connector pulse = {NW_CONNECTOR_HEAD, .name = "pulse",
                                          .source = &pulse_source};

struct nw_registry *fake_registry(void)
{
    static const struct nw_connector *const all[] = {&nats, &jetstream, &dead_letter, &kafka,
                                                     &mqtt, &http,      &file,        &pulse};
    struct nw_registry *r = nw_registry_new();
    struct nw_error error = {0};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        cr_assert_eq(nw_registry_add(r, all[i], "a fake", &error), 0, "%s", error.text);
    }
    return r;
}

/* ---- the folder ---- */

static char folder[] = "/tmp/natsway-config-XXXXXX";

void folder_enter(void)
{
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void empty(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char name[600];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (entry->d_type == DT_DIR) {
            empty(name);
        } else {
            (void)unlink(name);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    (void)rmdir(path);
}

void folder_leave(void)
{
    (void)chdir("/");
    empty(folder);
}

const char *folder_path(void)
{
    return folder;
}

void folder_write(const char *name, const char *text)
{
    FILE *out = fopen(name, "w");

    cr_assert_not_null(out, "%s", name);
    cr_assert_geq(fputs(text, out), 0);
    cr_assert_eq(fclose(out), 0);
}

char *load_files(const char *const *names, size_t n, struct nw_config **out)
{
    struct nw_config_sources sources = {.paths = names, .count = n};
    struct nw_diagnostics diagnostics = {0};
    struct nw_registry *registry = fake_registry();
    struct nw_config *config = NULL;
    char *text = NULL;
    size_t len = 0;
    FILE *printed = open_memstream(&text, &len);
    int rc = nw_config_load(&sources, registry, &config, &diagnostics);

    cr_assert_not_null(printed);
    nw_diagnostics_print(&diagnostics, printed);
    (void)fclose(printed);
    cr_expect_eq(rc == 0, diagnostics.errors == 0, "%d with %zu errors", rc, diagnostics.errors);
    cr_expect_eq(config != NULL, rc == 0);
    nw_diagnostics_done(&diagnostics);
    nw_registry_free(registry);
    if (out != NULL) {
        *out = config;
    } else {
        nw_config_free(config);
    }
    return text;
}

char *load_text(const char *text, struct nw_config **out)
{
    folder_write("c.yaml", text);
    return load_files((const char *const[]){"c.yaml"}, 1, out);
}
