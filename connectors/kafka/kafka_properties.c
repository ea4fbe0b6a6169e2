/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_properties.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct property {
    const char *name, *value;
};

#define SOCKET_TIMEOUT "socket.timeout.ms"
#define SOCKET_TIMEOUT_MS 15000
#define FETCH_WAIT "fetch.wait.max.ms"
#define FETCH_WAIT_ROOM_MS 1000 /* librdkafka wants so much between the two */

/*
 * For every client. Reconnects: a broker that is back is noticed within 2 s. A connection that is
 * only half there (what is sent vanishes) is given up when an answer is missing for the socket's
 * timeout, for which librdkafka takes a minute; one on which nothing is asked, by its keepalive
 * (open_socket).
 */
static const struct property common[] = {
    {SOCKET_TIMEOUT, "15000"},
    {"socket.keepalive.enable", "true"},
    {"socket.nagle.disable", "true"},
    {"reconnect.backoff.ms", "100"},
    {"reconnect.backoff.max.ms", "2000"},
    {NULL, NULL},
};

/* From it librdkafka makes fetch.max.bytes as well. */
#define FETCH_AHEAD "queued.max.messages.kbytes"
#define FETCH_LEAST ((size_t)64)

/*
 * Up to 2.1 librdkafka stops fetching for as long as a second when queued.min.messages is reached,
 * so that is set out of reach and memory is bounded by the bytes (nw_kafka_properties_fetch);
 * from 2.2 on the pause can be set (fetch.queue.backoff.ms, passed over where it does not exist).
 * New topics and partitions are seen within topic.metadata.refresh.interval.ms.
 */
static const struct property consumer[] = {
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "earliest"},
    {"partition.assignment.strategy", "cooperative-sticky"},
    {"session.timeout.ms", "10000"},
    {"queued.min.messages", "1000000"},
    {"topic.metadata.refresh.interval.ms", "10000"},
    {NULL, NULL},
};

/*
 * message.timeout.ms: librdkafka tries for ever, so that an outage neither repeats nor reorders.
 * enable.gapless.guarantee: a message that the broker refuses stops the producer before a later
 * one passes it; kafka_producer.c goes on from there. The queue is bounded by what the pump has in
 * flight.
 */
static const struct property producer[] = {
    {"enable.idempotence", "true"},
    {"enable.gapless.guarantee", "true"},
    {"acks", "all"},
    {"message.timeout.ms", "0"},
    {"linger.ms", "5"},
    {"queue.buffering.max.messages", "10000000"},
    {"topic.metadata.propagation.max.ms", "10000"},
    {NULL, NULL},
};

/* What a user may not set, and why. */
static const struct property owned[] = {
    {"bootstrap.servers", "use `brokers`"},
    {"metadata.broker.list", "use `brokers`"},
    {"group.id", "use `group` of the source"},
    {"group.instance.id", "it is made from the bridge's `instance`, the route and the lane"},
    {"enable.auto.commit", "natsway commits what was delivered"},
    {"auto.commit.enable", "natsway commits what was delivered"},
    {"auto.commit.interval.ms", "natsway commits what was delivered"},
    {"enable.auto.offset.store", "natsway commits what was delivered"},
    {"offset.store.method", "natsway commits what was delivered"},
    {"auto.offset.reset", "use `start` of the source"},
    {"isolation.level", "use `isolation` of the source"},
    {"enable.partition.eof", "natsway needs it off"},
    {"enable.idempotence", "without it messages are repeated and reordered"},
    {"enable.gapless.guarantee", "without it messages are reordered"},
    {"acks", "a message counts as delivered when all in-sync replicas have it"},
    {"request.required.acks", "a message counts as delivered when all in-sync replicas have it"},
    {"message.timeout.ms", "natsway keeps a message until it is delivered"},
    {"delivery.timeout.ms", "natsway keeps a message until it is delivered"},
    {"message.send.max.retries", "natsway keeps a message until it is delivered"},
    {"retries", "natsway keeps a message until it is delivered"},
    {"delivery.report.only.error", "natsway needs every delivery report"},
    {"transactional.id", "use `transactional` of the sink"},
    {"partitioner", "use `partitioner` of the sink"},
    {"log.queue", "natsway takes librdkafka's log itself"},
    {NULL, NULL},
};

static const char *why_owned(const char *name)
{
    for (const struct property *p = owned; p->name != NULL; p++) {
        if (strcmp(p->name, name) == 0) {
            return p->value;
        }
    }
    return NULL;
}

static void check_one(rd_kafka_conf_t *conf, const char *name, const char *value,
                      struct nw_check *check)
{
    char option[256];
    struct nw_error error;
    const char *why = why_owned(name);

    (void)snprintf(option, sizeof option, "properties.%s", name);
    if (why != NULL) {
        nw_check_error(check, option, "%s cannot be set: %s", name, why);
    } else if (nw_kafka_property_set(conf, name, value, &error) != 0) {
        nw_check_error(check, option, "%s", error.text);
    }
}

void nw_kafka_properties_check(const struct nw_pairs *properties, struct nw_check *check)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    for (size_t i = 0; i < properties->count; i++) {
        check_one(conf, properties->names[i], properties->texts[i], check);
    }
    rd_kafka_conf_destroy(conf);
}

void nw_kafka_connection_check(const struct kafka_connection_options *options,
                               struct nw_check *check)
{
    if (options->brokers.count == 0) {
        nw_check_error(check, "brokers", "at least one broker is needed");
    }
    if (options->user != NULL && options->password == NULL) {
        nw_check_error(check, "user", "a user needs a `password`");
    }
    if (options->password != NULL && options->user == NULL) {
        nw_check_error(check, "password", "a password needs a `user`");
    }
    if ((options->tls.cert == NULL) != (options->tls.key == NULL)) {
        nw_check_error(check, options->tls.cert == NULL ? "tls.key" : "tls.cert",
                       "`cert` and `key` belong together");
    }
    nw_kafka_properties_check(&options->properties, check);
}

int nw_kafka_property_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                          struct nw_error *error)
{
    char text[400];

    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) {
        return nw_error_set(error, NW_EINVAL, "%s", text);
    }
    return 0;
}

static int set_all(rd_kafka_conf_t *conf, const struct property *p, struct nw_error *error)
{
    int rc = 0;

    for (; rc == 0 && p->name != NULL; p++) {
        rc = nw_kafka_property_set(conf, p->name, p->value, error);
    }
    return rc;
}

static int set_pairs(rd_kafka_conf_t *conf, const struct nw_pairs *pairs, struct nw_error *error)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < pairs->count; i++) {
        rc = nw_kafka_property_set(conf, pairs->names[i], pairs->texts[i], error);
    }
    return rc;
}

static int set_brokers(rd_kafka_conf_t *conf, const struct nw_list *brokers, struct nw_error *error)
{
    size_t size = 1;
    char *text;
    int rc;

    for (size_t i = 0; i < brokers->count; i++) {
        size += strlen(brokers->items[i]) + 1;
    }
    text = calloc(size, 1);
    if (text == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < brokers->count; i++) {
        (void)strcat(strcat(text, i == 0 ? "" : ","), brokers->items[i]);
    }
    rc = nw_kafka_property_set(conf, "bootstrap.servers", text, error);
    free(text);
    return rc;
}

/* Set what is given. */
static int set_optional(rd_kafka_conf_t *conf, const char *name, const char *value,
                        struct nw_error *error)
{
    return value == NULL ? 0 : nw_kafka_property_set(conf, name, value, error);
}

static int set_security(rd_kafka_conf_t *conf, const struct kafka_connection_options *o,
                        struct nw_error *error)
{
    static const char *const mechanisms[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};
    const struct kafka_tls_options *tls = &o->tls;
    bool encrypted = tls->enabled || tls->ca != NULL || tls->cert != NULL;
    const char *protocol = NULL, *mechanism = NULL;
    int rc;

    if (o->user != NULL) {
        protocol = encrypted ? "sasl_ssl" : "sasl_plaintext";
        mechanism = mechanisms[o->mechanism.index];
    } else if (encrypted) {
        protocol = "ssl";
    }
    rc = set_optional(conf, "security.protocol", protocol, error);
    rc = rc != 0 ? rc : set_optional(conf, "sasl.mechanisms", mechanism, error);
    rc = rc != 0 ? rc : set_optional(conf, "sasl.username", o->user, error);
    rc = rc != 0 ? rc : set_optional(conf, "sasl.password", o->password, error);
    rc = rc != 0 ? rc : set_optional(conf, "ssl.ca.location", tls->ca, error);
    rc = rc != 0 ? rc : set_optional(conf, "ssl.certificate.location", tls->cert, error);
    rc = rc != 0 ? rc : set_optional(conf, "ssl.key.location", tls->key, error);
    rc = rc != 0 ? rc : set_optional(conf, "ssl.key.password", tls->key_password, error);
    if (rc == 0 && encrypted) {
        rc = nw_kafka_property_set(conf, "enable.ssl.certificate.verification",
                                   tls->verify ? "true" : "false", error);
        rc = rc != 0 ? rc
                     : nw_kafka_property_set(conf, "ssl.endpoint.identification.algorithm",
                                             tls->verify ? "https" : "none", error);
    }
    return rc;
}

static bool is_given(const struct nw_pairs *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The longest wait that a user asks the broker for must end before its answer is given up. */
static int set_timeout(rd_kafka_conf_t *conf, const struct kafka_connection_options *options,
                       const struct nw_pairs *own, struct nw_error *error)
{
    char text[32] = "";
    size_t len = sizeof text;
    long wait;

    if (is_given(&options->properties, SOCKET_TIMEOUT) || is_given(own, SOCKET_TIMEOUT) ||
        rd_kafka_conf_get(conf, FETCH_WAIT, text, &len) != RD_KAFKA_CONF_OK) {
        return 0;
    }
    wait = strtol(text, NULL, 10);
    if (wait + FETCH_WAIT_ROOM_MS <= SOCKET_TIMEOUT_MS) {
        return 0;
    }
    (void)snprintf(text, sizeof text, "%ld", wait + SOCKET_TIMEOUT_MS); /* its most: 300000 */
    return nw_kafka_property_set(conf, SOCKET_TIMEOUT, wait > 285000 ? "300000" : text, error);
}

/* As librdkafka's own, and the kernel asks early whether the other side is still there: after two
 * hours of silence it would be of no use. */
static int open_socket(int domain, int type, int protocol, void *opaque)
{
    static const struct {
        int option, value;
    } early[] = {{TCP_KEEPIDLE, 15}, {TCP_KEEPINTVL, 5}, {TCP_KEEPCNT, 3}};
    int fd = socket(domain, type | SOCK_CLOEXEC, protocol);

    (void)opaque;
    for (size_t i = 0; fd >= 0 && i < sizeof early / sizeof early[0]; i++) {
        (void)setsockopt(fd, IPPROTO_TCP, early[i].option, &early[i].value, sizeof(int));
    }
    return fd;
}

int nw_kafka_properties_fetch(rd_kafka_conf_t *conf, const struct kafka_connection_options *options,
                              const struct nw_pairs *own, size_t bytes, struct nw_error *error)
{
    size_t kib = bytes / 2 / 1024;
    char text[32];

    if (is_given(&options->properties, FETCH_AHEAD) || is_given(own, FETCH_AHEAD)) {
        return 0;
    }
    (void)snprintf(text, sizeof text, "%zu", kib < FETCH_LEAST ? FETCH_LEAST : kib);
    return nw_kafka_property_set(conf, FETCH_AHEAD, text, error);
}

int nw_kafka_properties_conf(rd_kafka_type_t type, const struct kafka_connection_options *options,
                             const struct nw_pairs *own, rd_kafka_conf_t **out,
                             struct nw_error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int rc = set_all(conf, common, error);

    rc = rc != 0 ? rc : set_all(conf, type == RD_KAFKA_CONSUMER ? consumer : producer, error);
    rc = rc != 0 ? rc : set_brokers(conf, &options->brokers, error);
    rc = rc != 0 ? rc : set_security(conf, options, error);
    rc = rc != 0 ? rc : set_pairs(conf, &options->properties, error);
    rc = rc != 0 ? rc : set_pairs(conf, own, error);
    rc = rc != 0 || type != RD_KAFKA_CONSUMER ? rc : set_timeout(conf, options, own, error);
    if (rc != 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    if (type == RD_KAFKA_CONSUMER) {
        (void)nw_kafka_property_set(conf, "fetch.queue.backoff.ms", "10", NULL);
    }
    rd_kafka_conf_set_socket_cb(conf, open_socket);
    *out = conf;
    return 0;
}
