/* SPDX-License-Identifier: Apache-2.0 */
/* A transactional sink as the pump calls it: nothing here waits. */
#include "kafka_transaction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kafka_transaction *make(struct nw_endpoint *endpoint,
                                      const struct nw_endpoint_config *config)
{
    struct kafka_transaction *t = calloc(1, sizeof *t);
    pthread_condattr_t attributes;

    if (t == NULL) {
        return NULL;
    }
    t->endpoint = endpoint;
    t->config = config;
    t->options = config->options;
    t->connection = config->connection;
    t->fixed_topic = strstr(config->address, "{{") == NULL;
    t->outlet.options = t->options;
    if (asprintf(&t->name, "natsway/%s/%s", config->bridge, config->route) < 0) {
        t->name = NULL;
    }
    t->incoming = calloc(config->max_in_flight, sizeof(struct nw_message *));
    t->held = calloc(config->max_in_flight, sizeof(struct nw_message *));
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&t->wake, &attributes);
    (void)pthread_cond_init(&t->watch_wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&t->lock, NULL);
    if (t->name == NULL || t->incoming == NULL || t->held == NULL) {
        nw_kafka_transaction_free(t);
        return NULL;
    }
    return t;
}

void nw_kafka_transaction_free(struct kafka_transaction *t)
{
    nw_kafka_positions_done(&t->positions);
    nw_kafka_stored_done(&t->stored);
    nw_kafka_stored_done(&t->next);
    if (t->group != NULL) {
        rd_kafka_consumer_group_metadata_destroy(t->group);
    }
    (void)pthread_cond_destroy(&t->wake);
    (void)pthread_cond_destroy(&t->watch_wake);
    (void)pthread_mutex_destroy(&t->lock);
    free(t->incoming);
    free(t->held);
    free(t->name);
    free(t);
}

/* While one half is committed, the other comes in. */
static void set_limits(struct kafka_transaction *t)
{
    size_t half = t->config->max_in_flight / 2, most = (size_t)t->options->transaction_messages;

    t->most = most > half ? half : most;
    t->most = t->most < 1 ? 1 : t->most;
    t->limit = t->most;
    t->wait_ms = t->config->retry_first_ms;
}

static int start_thread(struct kafka_transaction *t, struct nw_error *error)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int rc;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    rc = pthread_create(&thread, &attributes, nw_kafka_transaction_run, t);
    (void)pthread_attr_destroy(&attributes);
    return rc == 0 ? 0 : nw_error_set(error, NW_EIO, "no thread for the transactions");
}

int nw_kafka_transaction_open(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                              struct kafka_transaction **out, struct nw_error *error)
{
    struct kafka_transaction *t = make(endpoint, config);
    int rc;

    if (t == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    set_limits(t);
    t->positions.connection = t->connection;
    t->positions.group = t->name;
    t->positions.topic =
        t->options->position_topic != NULL ? t->options->position_topic : config->address;
    t->group = rd_kafka_consumer_group_metadata_new(t->name);
    rc = nw_kafka_transaction_make(t, error);
    if (rc == 0) {
        nw_endpoint_state(endpoint, NW_STATE_CONNECTING, NULL);
        *out = t;
        rc = start_thread(t, error);
    }
    if (rc != 0) {
        nw_kafka_transaction_unmake(t);
        nw_kafka_transaction_free(t);
    }
    return rc;
}

void nw_kafka_transaction_send(struct kafka_transaction *t, struct nw_message *const *messages,
                               size_t n)
{
    (void)pthread_mutex_lock(&t->lock);
    (void)memcpy(t->incoming + t->incoming_count, messages, n * sizeof(struct nw_message *));
    t->incoming_count += n;
    if (t->waits) {
        (void)pthread_cond_signal(&t->wake);
    }
    (void)pthread_mutex_unlock(&t->lock);
}

void nw_kafka_transaction_close(struct kafka_transaction *t)
{
    (void)pthread_mutex_lock(&t->lock);
    t->closing = true;
    (void)pthread_cond_signal(&t->wake);
    (void)pthread_cond_signal(&t->watch_wake);
    (void)pthread_mutex_unlock(&t->lock);
}
