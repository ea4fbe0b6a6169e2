/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka as source and as sink. The test has a listener of its own, natsway one that the proxy
 * stands before. Number i is in partition i % groups. */
#include "chaos.h"

#include "support/fail.h"
#include "support/kafka_client.h"
#include "support/port.h"
#include "support/wait.h"
#include <stdio.h>
#include <stdlib.h>

#define TOPIC "numbers"
#define ANSWER_MS 1000

static rd_kafka_t *client; /* a producer, or what is asked how much there is */

/* Who reads what is committed, as it comes. */
static rd_kafka_t *reader;
static int64_t committed;

static void open_broker(struct run *run)
{
    int proxy = nwt_port_free(), behind;
    run->kafka = nwt_kafka_new_behind(run->folder, proxy, &behind);
    run->other_proxy = nwt_proxy_new_on(proxy, behind);
    nwt_topic_add(run->kafka->brokers, TOPIC, (int)run->flow->groups);
    client = nwt_producer_new(run->kafka->brokers);
    snprintf(run->connections, sizeof run->connections,
             "  kafka: {brokers: \"127.0.0.1:%d\", properties: {socket.timeout.ms: 3000}}\n",
             proxy);
}

static void close_broker(struct run *run)
{
    nwt_producer_free(client);
    nwt_kafka_free(run->kafka);
}

/* ---- source ---- */

static void open_source(struct run *run)
{
    open_broker(run);
    snprintf(run->from, sizeof run->from,
             "kafka: " TOPIC ", properties: {session.timeout.ms: 6000}");
}

/* librdkafka sends it, again and again if need be, each once and in order. */
static size_t feed(struct run *run, size_t first, size_t n)
{
    char payload[PAYLOAD_SIZE];
    size_t i = 0;
    for (bool taken = true; i < n && taken; i += taken) {
        nwt_numbered_payload(run->numbers, first + i, payload);
        taken = rd_kafka_producev(client, RD_KAFKA_V_TOPIC(TOPIC),
                                  RD_KAFKA_V_PARTITION((int32_t)run_group(run, first + i)),
                                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                  RD_KAFKA_V_VALUE(payload, sizeof payload),
                                  RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_poll(client, 0);
    return i;
}

const struct source feed_kafka = {open_source, feed, NULL, close_broker};

/* ---- sink ---- */

static void open_sink(struct run *run)
{
    open_broker(run);
    snprintf(run->to, sizeof run->to, "kafka: " TOPIC ", partition: \"{{wildcard(1)}}\"");
}

/* librdkafka 2.0 asks a broker that is not there for minutes, whatever the time limit. */
static int64_t arrived(struct run *run)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < (int32_t)run->flow->groups; i++) {
        if (!nwt_process_running(&run->kafka->process)) {
            return -1;
        }
        int64_t low, high;
        if (rd_kafka_query_watermark_offsets(client, TOPIC, i, &low, &high, ANSWER_MS) !=
            RD_KAFKA_RESP_ERR_NO_ERROR) {
            return -1;
        }
        sum += high - low;
    }
    return sum;
}

static void collect(struct run *run)
{
    nwt_topic_read_numbers(run->kafka->brokers, TOPIC, run->numbers);
}

const struct sink take_kafka = {open_sink, arrived, collect, close_broker};

/* ---- sink, in transactions ---- */

/* The offsets count what is not committed, and the marks of transactions. */
static int64_t arrived_committed(struct run *run)
{
    (void)run;
    for (rd_kafka_message_t *m; (m = rd_kafka_consumer_poll(reader, 0)) != NULL;) {
        committed += m->err == RD_KAFKA_RESP_ERR_NO_ERROR;
        rd_kafka_message_destroy(m);
    }
    return committed;
}

static void open_transactional(struct run *run)
{
    open_broker(run);
    reader = nwt_topic_reader(run->kafka->brokers, TOPIC);
    snprintf(run->to, sizeof run->to,
             "kafka: " TOPIC ", partition: \"{{wildcard(1)}}\", transactional: true");
}

static void close_transactional(struct run *run)
{
    nwt_reader_free(reader);
    close_broker(run);
}

const struct sink take_kafka_transactional = {open_transactional, arrived_committed, collect,
                                              close_transactional};
