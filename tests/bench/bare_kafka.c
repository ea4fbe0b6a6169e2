/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka: an idempotent producer with acks=all, and a consumer that commits what is confirmed. */
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "bare.h"

#define BATCH 1000
#define PARTITIONS 256

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) {
        die("%s", why);
    }
}

static rd_kafka_t *producer;
static rd_kafka_topic_t *topic;

static void send_kafka(long i, const char *data, size_t len)
{
    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, 0, (void *)(uintptr_t)data, len, NULL, 0,
                            (void *)i) != 0) {
        struct timespec pause = {0, 200000};
        (void)nanosleep(&pause, NULL);
    }
}

static void *take_reports(void *context)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(producer);

    (void)context;
    for (;;) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 1000);
        const rd_kafka_message_t *m;
        if (event == NULL) {
            continue;
        }
        while ((m = rd_kafka_event_message_next(event)) != NULL) {
            if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
                die("produce: %s", rd_kafka_err2str(m->err));
            }
            ring_done((long)m->_private);
        }
        rd_kafka_event_destroy(event);
    }
    return NULL;
}

const struct bare_sink *sink_kafka(const char *brokers, const char *to)
{
    static const struct bare_sink sink = {.send = send_kafka, .borrows = true};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    pthread_t thread;
    char why[256];

    set(conf, "bootstrap.servers", brokers);
    set(conf, "enable.idempotence", "true");
    set(conf, "queue.buffering.max.messages", "200000");
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
    producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (producer == NULL) {
        die("%s", why);
    }
    topic = rd_kafka_topic_new(producer, to, NULL);
    if (pthread_create(&thread, NULL, take_reports, NULL) != 0) {
        die("no thread");
    }
    return &sink;
}

/* The next offset of each partition that may be committed; guarded by the ring's lock. */
static int64_t settled[PARTITIONS];

static void note_offset(struct slot *slot, bool last)
{
    (void)last;
    settled[slot->part] = slot->number + 1;
}

static void copy_offsets(void *into)
{
    memcpy(into, settled, sizeof settled);
}

static void commit(rd_kafka_t *consumer, const char *from)
{
    static int64_t committed[PARTITIONS];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    int64_t now[PARTITIONS];

    ring_locked(copy_offsets, now);
    for (int p = 0; p < PARTITIONS; p++) {
        if (now[p] > committed[p]) {
            rd_kafka_topic_partition_list_add(list, from, p)->offset = now[p];
            committed[p] = now[p];
        }
    }
    if (list->cnt > 0) {
        (void)rd_kafka_commit(consumer, list, 1);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static rd_kafka_t *subscribe(const char *brokers, const char *from, const char *group)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_t *consumer;
    char why[256];

    set(conf, "bootstrap.servers", brokers);
    set(conf, "group.id", group);
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "enable.auto.commit", "false");
    set(conf, "fetch.wait.max.ms", "10");
    set(conf, "session.timeout.ms", "6000");
    set(conf, "queued.min.messages", "1000000"); /* fetching pauses each time it is reached */
    consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (consumer == NULL) {
        die("%s", why);
    }
    (void)rd_kafka_poll_set_consumer(consumer);
    (void)rd_kafka_topic_partition_list_add(list, from, RD_KAFKA_PARTITION_UA);
    (void)rd_kafka_subscribe(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    return consumer;
}

void source_kafka(const char *brokers, const char *from, const char *group)
{
    rd_kafka_t *consumer = subscribe(brokers, from, group);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
    int64_t committed_ns = monotonic_ns();

    ring_settle = note_offset;
    for (;;) {
        rd_kafka_message_t *batch[BATCH];
        ssize_t n = rd_kafka_consume_batch_queue(queue, 5, batch, BATCH);
        for (ssize_t i = 0; i < n; i++) {
            if (batch[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                struct slot *slot = ring_next();
                slot->number = batch[i]->offset;
                slot->part = batch[i]->partition;
                ring_submit(batch[i]->payload, batch[i]->len);
            }
            rd_kafka_message_destroy(batch[i]); /* the sink has copied it */
        }
        if (n < BATCH) {
            ring_idle();
        }
        if (monotonic_ns() - committed_ns > 1000000000) {
            committed_ns = monotonic_ns();
            commit(consumer, from);
        }
    }
}
