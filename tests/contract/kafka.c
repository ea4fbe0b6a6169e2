/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka, with the mock cluster of mock_kafka.c: it can be frozen and be away, and starts at once.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "support/fail.h"
#include "support/kafka_broker.h"
#include "support/kafka_client.h"
#include "support/process.h"
#include "support/wait.h"

const char *const nwc_connector = "kafka";

static struct nwt_process server;
static char brokers[64], connection[300], *out;
static rd_kafka_t *producer;

/* How many lines the cluster has printed. */
static int lines(void)
{
    char *text = nwt_file_read(out, NULL);
    int count = 0;

    for (const char *p = text; p != NULL && *p != '\0'; p++) {
        count += *p == '\n' ? 1 : 0;
    }
    free(text);
    return count;
}

static void start(struct nwt_folder *folder)
{
    char *arguments[] = {(char *)NWC_MOCK_KAFKA, NULL}, *text, *errors;

    out = nwt_folder_file(folder, "mock_kafka.out");
    nwt_file_write(out, "%s", "");
    errors = nwt_folder_file(folder, "mock_kafka.err");
    nwt_process_start(&server, arguments, NULL, out, errors);
    free(errors);
    if (!NWT_WAIT(60000, lines() >= 1)) {
        nwt_fail("the mock cluster does not start");
    }
    text = nwt_file_read(out, NULL);
    (void)snprintf(brokers, sizeof brokers, "%.*s", (int)strcspn(text, "\n"), text);
    free(text);
    (void)snprintf(connection, sizeof connection, "kafka: {brokers: \"%s\"}", brokers);
    producer = nwt_producer_new(brokers);
}

static void end(void)
{
    nwt_producer_free(producer);
    nwt_process_kill(&server);
    free(out);
}

static void freeze(void)
{
    nwt_process_signal(&server, SIGSTOP);
}

static void thaw(void)
{
    nwt_process_signal(&server, SIGCONT);
}

static void tell(int signal)
{
    int before = lines();

    nwt_process_signal(&server, signal);
    if (!NWT_WAIT(60000, lines() > before)) {
        nwt_fail("the mock cluster does not obey");
    }
}

static void away(void)
{
    tell(SIGUSR1);
}

static void back(void)
{
    tell(SIGUSR2);
}

/* To ask for a topic makes it. */
static void begin(const char *name)
{
    if (!NWT_WAIT(60000, nwt_topic_count(brokers, name) >= 0)) {
        nwt_fail("the topic is not made");
    }
}

static void put(const char *name, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        struct nwc_text payload = nwc_payload(i), key = nwc_key(i), header = nwc_header(i);
        rd_kafka_resp_err_t error = rd_kafka_producev(
            producer, RD_KAFKA_V_TOPIC(name), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY(key.data, key.len), RD_KAFKA_V_VALUE(payload.data, payload.len),
            RD_KAFKA_V_HEADER(NWC_HEADER, header.data, (ssize_t)header.len), RD_KAFKA_V_END);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            nwt_fail("produce: %s", rd_kafka_err2str(error));
        }
    }
    nwt_producer_flush(producer);
}

static bool note(void *context, const rd_kafka_message_t *m)
{
    int64_t *left = context;
    rd_kafka_headers_t *headers;
    const void *value = NULL;
    size_t len = 0;

    if (rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)rd_kafka_header_get_last(headers, NWC_HEADER, &value, &len);
    }
    nwc_arrived((struct nw_slice){m->payload, m->len}, (struct nw_slice){m->key, m->key_len},
                (struct nw_slice){value, len});
    return --*left > 0;
}

static void collect(const char *name)
{
    int64_t left = nwt_topic_count(brokers, name);

    if (left > 0) {
        (void)nwt_topic_read(brokers, name, note, &left);
    }
}

/* More than a producer puts into one batch. */
static void spoil(struct nw_message *m)
{
    static char much[2 << 20];

    nw_message_set_payload(m, (struct nw_slice){much, sizeof much});
}

static const struct nwc_adapter source = {.name = "kafka",
                                          .connection = connection,
                                          .source = "{kafka: @, group: @, start: earliest}",
                                          .keys = true,
                                          .headers = true,
                                          .start = start,
                                          .begin = begin,
                                          .put = put,
                                          .freeze = freeze,
                                          .thaw = thaw,
                                          .away = away,
                                          .back = back};
static const struct nwc_adapter sink = {.name = "kafka",
                                        .connection = connection,
                                        .sink = "{kafka: @}",
                                        .keys = true,
                                        .headers = true,
                                        .null_payload = true,
                                        .null_key = true,
                                        .end = end,
                                        .begin = begin,
                                        .collect = collect,
                                        .freeze = freeze,
                                        .thaw = thaw,
                                        .away = away,
                                        .back = back,
                                        .spoil = spoil};

/* ---- in transactions: with a broker of Apache Kafka, for the mock cluster does not keep
 * positions. It is started when a test wants it. ---- */

#define LARGEST 20000 /* bytes of a message that the broker takes */

static struct nwt_folder *folder;
static struct nwt_kafka *kafka;
static char transactional[300];

static void start_transactional(struct nwt_folder *of_program)
{
    folder = of_program;
    (void)snprintf(transactional, sizeof transactional, "kafka: {brokers: \"%s\"}", "127.0.0.1:1");
}

static void begin_transactional(const char *name)
{
    if (kafka == NULL) {
        kafka = nwt_kafka_new(folder, NULL);
        (void)snprintf(transactional, sizeof transactional, "kafka: {brokers: \"%s\"}",
                       kafka->brokers);
    }
    nwt_topic_add_with(kafka->brokers, name, 1, "max.message.bytes", "20000");
}

static void end_transactional(void)
{
    nwt_kafka_free(kafka);
}

/* What is committed. */
static bool note_committed(void *context, const rd_kafka_message_t *m)
{
    int64_t left = 2;

    (void)context;
    return note(&left, m);
}

static void collect_committed(const char *name)
{
    (void)nwt_topic_read(kafka->brokers, name, note_committed, NULL);
}

static void freeze_kafka(void)
{
    nwt_process_signal(&kafka->process, SIGSTOP);
}

static void thaw_kafka(void)
{
    nwt_process_signal(&kafka->process, SIGCONT);
}

static void stop_kafka(void)
{
    nwt_kafka_stop(kafka);
}

static void start_kafka(void)
{
    nwt_kafka_start(kafka);
}

/* A producer of the same transactional.id: the broker aborts the other's transaction, and takes
 * nothing more from it. */
static void take_over(const char *name)
{
    char id[100], reason[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_error_t *error;
    rd_kafka_t *rival;

    (void)snprintf(id, sizeof id, "natsway/contract/%s", name);
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", kafka->brokers, reason, sizeof reason);
    (void)rd_kafka_conf_set(conf, "transactional.id", id, reason, sizeof reason);
    rival = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    error = rival == NULL ? NULL : rd_kafka_init_transactions(rival, 60000);
    if (rival == NULL || error != NULL) {
        nwt_fail("no producer: %s", rival == NULL ? reason : rd_kafka_error_string(error));
    }
    rd_kafka_destroy(rival);
}

/* The library takes it and the broker does not: that aborts the transaction that it is in. */
static void spoil_for_broker(struct nw_message *m)
{
    static char much[2 * LARGEST];

    for (size_t i = 0; i < sizeof much; i++) { /* it cannot be packed into little */
        much[i] = (char)(rand() & 0xFF);
    }
    nw_message_set_payload(m, (struct nw_slice){much, sizeof much});
}

static const struct nwc_adapter transactional_sink = {.name = "kafka, transactional",
                                                      .connection = transactional,
                                                      .sink = "{kafka: @, transactional: true}",
                                                      .impatient =
                                                          "{kafka: @, transactional: true, "
                                                          "properties: {transaction.timeout.ms: "
                                                          "1000, socket.timeout.ms: 1000}}",
                                                      .outlast_ms = 1000,
                                                      .some = 100,
                                                      .keys = true,
                                                      .headers = true,
                                                      .null_payload = true,
                                                      .null_key = true,
                                                      .start = start_transactional,
                                                      .end = end_transactional,
                                                      .begin = begin_transactional,
                                                      .collect = collect_committed,
                                                      .freeze = freeze_kafka,
                                                      .thaw = thaw_kafka,
                                                      .away = stop_kafka,
                                                      .back = start_kafka,
                                                      .spoil = spoil_for_broker,
                                                      .disturb = take_over};

const struct nwc_adapter *const nwc_adapters[] = {&source, &sink, &transactional_sink, NULL};
