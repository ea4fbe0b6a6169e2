/* SPDX-License-Identifier: Apache-2.0 */
/* The connection: it reaches nothing by itself; its endpoints' clients do. */
#include "kafka_connection.h"

#include <stdlib.h>
#include <string.h>

#include "kafka_producer.h"
#include "kafka_properties.h"

#define PROBE_MS 5000

static void check(const void *options, struct nw_check *to)
{
    nw_kafka_connection_check(options, to);
}

static int connection_open(struct nw_connection *host, const struct nw_connection_config *config,
                           void **state, struct nw_error *error)
{
    struct kafka_connection *c = calloc(1, sizeof *c);

    if (c == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    c->host = host;
    c->config = config;
    c->options = config->options;
    (void)pthread_mutex_init(&c->lock, NULL);
    *state = c;
    return 0;
}

static void connection_close(void *state)
{
    struct kafka_connection *c = state;

    nw_kafka_producers_stop(c);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

static void no_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

/* Why nothing answers, as far as librdkafka told. */
static void explain(rd_kafka_t *rk, struct nw_error *error)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(rk);
    char text[300] = "no broker answers";
    rd_kafka_event_t *event;

    while ((event = rd_kafka_queue_poll(queue, 0)) != NULL) {
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR &&
            rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
            nw_kafka_plain_text(rd_kafka_event_error_string(event), text, sizeof text);
        }
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    (void)nw_error_set(error, NW_EIO, "%s", text);
}

static int connection_probe(const void *options, struct nw_error *error)
{
    static const struct nw_pairs none = {.count = 0};
    rd_kafka_conf_t *conf;
    rd_kafka_t *rk;
    char text[300];
    int rc = nw_kafka_properties_conf(RD_KAFKA_PRODUCER, options, &none, &conf, error);

    if (rc != 0) {
        return rc;
    }
    rd_kafka_conf_set_log_cb(conf, no_log);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return nw_error_set(error, NW_EINVAL, "%s", text);
    }
    if (!nw_kafka_reachable(rk, PROBE_MS)) {
        explain(rk, error);
        rc = NW_EIO;
    }
    rd_kafka_destroy(rk);
    return rc;
}

const struct nw_connection_kind nw_kafka_connection_kind = {
    .options = nw_kafka_connection_rows,
    .options_size = sizeof(struct kafka_connection_options),
    .check = check,
    .open = connection_open,
    .close = connection_close,
    .probe = connection_probe,
};

static void log_line(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct kafka_connection *c = rd_kafka_opaque(rk);

    (void)level;
    nw_connection_log(c->host, NW_LOG_DEBUG, "librdkafka %s: %s", facility, text);
}

void nw_kafka_log_to(rd_kafka_conf_t *conf, struct kafka_connection *connection)
{
    rd_kafka_conf_set_opaque(conf, connection);
    rd_kafka_conf_set_log_cb(conf, log_line);
}

bool nw_kafka_reachable(rd_kafka_t *rk, int timeout_ms)
{
    const rd_kafka_metadata_t *metadata = NULL;

    if (rd_kafka_metadata(rk, 0, NULL, &metadata, timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    rd_kafka_metadata_destroy(metadata);
    return true;
}

bool nw_kafka_is_outage(rd_kafka_resp_err_t error)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        return true;
    default:
        return false;
    }
}

void nw_kafka_plain_text(const char *text, char *out, size_t size)
{
    const char *end = strstr(text, " (after ");
    size_t len = end == NULL ? strlen(text) : (size_t)(end - text);

    len = len < size ? len : size - 1;
    memcpy(out, text, len);
    out[len] = '\0';
}
