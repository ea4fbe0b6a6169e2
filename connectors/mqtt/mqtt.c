/* SPDX-License-Identifier: Apache-2.0 */
/* The MQTT connector's entry, its options as rows, and what can be checked without a network. */
#include "mqtt.h"

#include <string.h>
#include <strings.h>

#define AT(type, member) offsetof(struct type, member)

static const struct nw_option tls_rows[] = {
    {.name = "ca",
     .type = NW_OPTION_PATH,
     .offset = AT(mqtt_tls, ca),
     .doc = "file with the certificates that are trusted; default: the system's"},
    {.name = "cert",
     .type = NW_OPTION_PATH,
     .offset = AT(mqtt_tls, cert),
     .doc = "file with our certificate chain, where the server asks for one"},
    {.name = "key",
     .type = NW_OPTION_PATH,
     .offset = AT(mqtt_tls, key),
     .doc = "file with the private key of cert"},
    {.name = "verify",
     .type = NW_OPTION_BOOL,
     .offset = AT(mqtt_tls, verify),
     .standard = "true",
     .doc = "check the server's certificate and its name"},
    {.name = NULL},
};

static const struct nw_option will_rows[] = {
    {.name = "topic",
     .type = NW_OPTION_TEXT,
     .offset = AT(mqtt_will, topic),
     .flags = NW_OPTION_REQUIRED,
     .doc = "where the server publishes the will when the bridge is lost"},
    {.name = "payload",
     .type = NW_OPTION_TEXT,
     .offset = AT(mqtt_will, payload),
     .standard = "",
     .doc = "what it publishes"},
    {.name = "qos",
     .type = NW_OPTION_INT,
     .offset = AT(mqtt_will, qos),
     .standard = "1",
     .min = 0,
     .max = 2,
     .doc = "with which QoS"},
    {.name = "retain",
     .type = NW_OPTION_BOOL,
     .offset = AT(mqtt_will, retain),
     .standard = "false",
     .doc = "as a retained message"},
    {.name = NULL},
};

static const struct nw_option connection_rows[] = {
    {.name = "url",
     .type = NW_OPTION_TEXT,
     .offset = AT(mqtt_options, url),
     .flags = NW_OPTION_REQUIRED,
     .doc = "mqtt://host:1883, mqtts://host:8883, ws:// or wss://"},
    {.name = "version",
     .type = NW_OPTION_CHOICE,
     .offset = AT(mqtt_options, version),
     .standard = "5",
     .choices = "5|3.1.1",
     .doc = "version of the protocol"},
    {.name = "client_id",
     .type = NW_OPTION_TEXT,
     .offset = AT(mqtt_options, client_id),
     .doc = "what client ids begin with, followed by the route; default: natsway, the bridge, the "
            "connection and the instance"},
    {.name = "username",
     .type = NW_OPTION_TEXT,
     .offset = AT(mqtt_options, username),
     .doc = "user name"},
    {.name = "password",
     .type = NW_OPTION_SECRET,
     .offset = AT(mqtt_options, password),
     .doc = "password"},
    {.name = "keep_alive",
     .type = NW_OPTION_DURATION,
     .offset = AT(mqtt_options, keep_alive_ms),
     .standard = "30s",
     .min = 1000,
     .max = 65535000,
     .doc = "a silent server is asked after this time and given up after half as much again"},
    {.name = "connect_timeout",
     .type = NW_OPTION_DURATION,
     .offset = AT(mqtt_options, connect_timeout_ms),
     .standard = "10s",
     .min = 1000,
     .max = 600000,
     .doc = "how long an attempt to connect may take"},
    {.name = "session_expiry",
     .type = NW_OPTION_DURATION,
     .offset = AT(mqtt_options, session_expiry_ms),
     .standard = "168h",
     .min = 1000,
     .max = INT64_C(4294967295) * 1000,
     .doc = "how long the server keeps what came while the bridge was away (version 5)"},
    {.name = "clean",
     .type = NW_OPTION_BOOL,
     .offset = AT(mqtt_options, clean),
     .standard = "false",
     .doc = "begin without a session at every connection: what came in between is lost"},
    {.name = "receive_maximum",
     .type = NW_OPTION_INT,
     .offset = AT(mqtt_options, receive_maximum),
     .standard = "100",
     .min = 1,
     .max = 65535,
     .doc = "how many messages the server may send unconfirmed (version 5)"},
    {.name = "tls",
     .type = NW_OPTION_GROUP,
     .offset = AT(mqtt_options, tls),
     .rows = tls_rows,
     .doc = "for mqtts:// and wss://"},
    {.name = "will",
     .type = NW_OPTION_GROUP,
     .offset = AT(mqtt_options, will),
     .rows = will_rows,
     .doc = "the last will"},
    {.name = NULL},
};

#define TOPICS_ROW(structure)                                                           \
    {                                                                                   \
        .name = "topics", .type = NW_OPTION_CHOICE, .offset = AT(structure, topics),    \
        .standard = "nats", .choices = "nats|escaped",                                  \
        .doc = "how topics and subjects become each other: as nats-server does it, or " \
               "losslessly for every topic and subject"                                 \
    }
#define CLIENT_ID_ROW(structure)                                                         \
    {                                                                                    \
        .name = "client_id", .type = NW_OPTION_TEXT, .offset = AT(structure, client_id), \
        .doc = "the client id of this end, exactly"                                      \
    }

static const struct nw_option source_rows[] = {
    {.name = "qos",
     .type = NW_OPTION_INT,
     .offset = AT(mqtt_source_options, qos),
     .standard = "1",
     .min = 0,
     .max = 2,
     .doc = "QoS of the subscription"},
    {.name = "shared",
     .type = NW_OPTION_TEXT,
     .offset = AT(mqtt_source_options, shared),
     .doc = "share the messages with all subscribers of this group ($share)"},
    {.name = "retained",
     .type = NW_OPTION_CHOICE,
     .offset = AT(mqtt_source_options, retained),
     .standard = "keep",
     .choices = "keep|drop",
     .doc = "what the server had retained before the subscription"},
    TOPICS_ROW(mqtt_source_options),
    CLIENT_ID_ROW(mqtt_source_options),
    {.name = NULL},
};

static const struct nw_option sink_rows[] = {
    {.name = "qos",
     .type = NW_OPTION_INT,
     .offset = AT(mqtt_sink_options, qos),
     .standard = "1",
     .min = 0,
     .max = 2,
     .doc = "QoS of what is published"},
    {.name = "retain",
     .type = NW_OPTION_CHOICE,
     .offset = AT(mqtt_sink_options, retain),
     .standard = "keep",
     .choices = "keep|true|false",
     .doc = "publish as retained; keep: if the message was retained where it came from"},
    {.name = "expiry",
     .type = NW_OPTION_DURATION,
     .offset = AT(mqtt_sink_options, expiry_ms),
     .standard = "0s",
     .min = 0,
     .max = INT64_C(4294967295) * 1000,
     .doc = "the server drops the message after this time (version 5); 0s: never"},
    TOPICS_ROW(mqtt_sink_options),
    CLIENT_ID_ROW(mqtt_sink_options),
    {.name = NULL},
};

/* ---- checks ---- */

static bool starts(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

static void check_url(const struct mqtt_options *o, struct nw_check *check)
{
    static const char *const plain[] = {"mqtt://", "tcp://", "ws://"};
    static const char *const secure[] = {"mqtts://", "ssl://", "wss://"};
    const char *host = NULL;
    bool tls = false;

    if (o->url == NULL) {
        return;
    }
    for (size_t i = 0; i < 3; i++) {
        host = starts(o->url, plain[i]) ? o->url + strlen(plain[i]) : host;
        if (starts(o->url, secure[i])) {
            host = o->url + strlen(secure[i]);
            tls = true;
        }
    }
    if (host == NULL) {
        nw_check_error(check, "url", "expected mqtt://host:port or mqtts://host:port, found \"%s\"",
                       o->url);
    } else if (*host == '\0' || *host == ':' || *host == '/') {
        nw_check_error(check, "url", "there is no host in \"%s\"", o->url);
    } else if (!tls && (o->tls.ca != NULL || o->tls.cert != NULL || o->tls.key != NULL)) {
        nw_check_error(check, "tls", "tls needs a url that begins with mqtts:// or wss://");
    }
#ifndef MQTT_HAS_TLS
    if (tls) {
        nw_check_error(check, "url", "this connector was built without TLS");
    }
#endif
}

static void check_connection(const void *options, struct nw_check *check)
{
    const struct mqtt_options *o = options;

    check_url(o, check);
    if ((o->tls.cert == NULL) != (o->tls.key == NULL)) {
        nw_check_error(check, "tls", "cert and key belong together");
    }
    if (o->will.topic != NULL && (o->will.topic[0] == '\0' || strpbrk(o->will.topic, "+#"))) {
        nw_check_error(check, "will.topic", "a topic without wildcards is needed, found \"%s\"",
                       o->will.topic);
    }
    if (o->username == NULL && o->password != NULL && o->version.index == MQTT_VERSION_OPTION_311) {
        nw_check_error(check, "password", "version 3.1.1 has no password without a username");
    }
}

/* A wildcard is a level of its own, and # the last one. */
static const char *filter_mistake(const char *filter)
{
    if (*filter == '\0') {
        return "the filter is empty";
    }
    if (strlen(filter) > 65535) {
        return "the filter is longer than 65535 bytes";
    }
    for (const char *level = filter; level != NULL;) {
        size_t len = strcspn(level, "/");
        bool last = level[len] == '\0';
        if (len > 1 && (memchr(level, '+', len) != NULL || memchr(level, '#', len) != NULL)) {
            return "+ and # stand for whole levels: write a/+/b or a/#";
        }
        if (*level == '#' && !last) {
            return "# can only be the last level";
        }
        level = last ? NULL : level + len + 1;
    }
    return NULL;
}

static void check_source(const char *address, const void *options, const void *connection_options,
                         struct nw_check *check)
{
    const struct mqtt_source_options *o = options;
    const struct mqtt_options *c = connection_options;
    const char *mistake = filter_mistake(address);

    if (mistake != NULL) {
        nw_check_error(check, NULL, "%s", mistake);
    } else if (strncmp(address, "$share/", 7) == 0) {
        nw_check_error(check, NULL, "write the filter alone and the group as `shared: group`");
    }
    if (o->shared != NULL && (o->shared[0] == '\0' || strpbrk(o->shared, "/+#") != NULL)) {
        nw_check_error(check, "shared", "a group has a name without /, + and #");
    }
    if (o->qos == 0) {
        nw_check_warning(check, "qos",
                         "QoS 0 promises nothing: what comes while the bridge or "
                         "NATS is away is lost");
    } else if (c != NULL && c->clean) {
        nw_check_warning(check, NULL,
                         "the connection has `clean: true`: what comes while the "
                         "bridge is away is lost");
    }
}

static void check_sink(const char *address, const void *options, const void *connection_options,
                       struct nw_check *check)
{
    const struct mqtt_sink_options *o = options;
    const struct mqtt_options *c = connection_options;

    (void)address;
    if (o->expiry_ms > 0 && c != NULL && c->version.index == MQTT_VERSION_OPTION_311) {
        nw_check_error(check, "expiry", "version 3.1.1 has no expiry");
    }
}

/* ---- the entry; the functions are in the other files ---- */

int mqtt_connection_open(struct nw_connection *host, const struct nw_connection_config *config,
                         void **state, struct nw_error *error);
void mqtt_connection_close(void *state);
int mqtt_connection_probe(const void *options, struct nw_error *error);

const struct nw_connection_kind mqtt_connection_kind = {
    .options = connection_rows,
    .options_size = sizeof(struct mqtt_options),
    .check = check_connection,
    .open = mqtt_connection_open,
    .close = mqtt_connection_close,
    .probe = mqtt_connection_probe,
};

int mqtt_source_open(struct nw_endpoint *e, const struct nw_endpoint_config *config, void **state,
                     struct nw_error *error);
void mqtt_source_credit(void *state);
void mqtt_source_settle(void *state, const struct nw_result *results, size_t n);
void mqtt_source_stop(void *state);
void mqtt_source_close(void *state);

const struct nw_source_kind mqtt_source_kind = {
    .options = source_rows,
    .options_size = sizeof(struct mqtt_source_options),
    .address = NW_ADDRESS_TOPIC_MQTT,
    .has = NW_HAS(NW_META_QOS) | NW_HAS(NW_META_RETAINED),
    .spooled = true,
    .address_doc = "a topic filter, with + and #",
    .promise = "QoS 1 and 2: at least once, in the order of the server, through the spool; QoS 0: "
               "nothing",
    .check = check_source,
    .open = mqtt_source_open,
    .credit = mqtt_source_credit,
    .settle = mqtt_source_settle,
    .stop = mqtt_source_stop,
    .close = mqtt_source_close,
};

int mqtt_sink_open(struct nw_endpoint *e, const struct nw_endpoint_config *config, void **state,
                   struct nw_error *error);
void mqtt_sink_send(void *state, struct nw_message *const *messages, size_t n);
void mqtt_sink_close(void *state);

const struct nw_sink_kind mqtt_sink_kind = {
    .options = sink_rows,
    .options_size = sizeof(struct mqtt_sink_options),
    .address = NW_FILL_MQTT_TOPIC,
    .address_doc = "the topic",
    .promise = "QoS 1 and 2: confirmed by PUBACK or PUBCOMP, at least once; QoS 0: handed to the "
               "network, nothing more",
    .check = check_sink,
    .open = mqtt_sink_open,
    .send = mqtt_sink_send,
    .close = mqtt_sink_close,
};

NW_CONNECTOR(mqtt)
{
    static const struct nw_connector connector = {
        NW_CONNECTOR_HEAD,
        .name = "mqtt",
        .version = "0.1.0",
        .summary = "MQTT 3.1.1 and 5",
        .connection = &mqtt_connection_kind,
        .source = &mqtt_source_kind,
        .sink = &mqtt_sink_kind,
        .removed = mqtt_sessions_removed,
    };

    return &connector;
}
