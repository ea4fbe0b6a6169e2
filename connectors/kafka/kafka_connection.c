/* SPDX-License-Identifier: Apache-2.0 */
/* The connection: it reaches nothing by itself; its endpoints' clients do. */
#include "kafka_connection.h"

#include <stdlib.h>
#include <string.h>

#include "kafka_producer.h"
#include "kafka_properties.h"

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

const struct nw_connection_kind nw_kafka_connection_kind = {
    .options = nw_kafka_connection_rows,
    .options_size = sizeof(struct kafka_connection_options),
    .check = check,
    .open = connection_open,
    .close = connection_close,
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
