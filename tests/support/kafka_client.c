/* SPDX-License-Identifier: Apache-2.0 */
#include "support/kafka_client.h"

#include "support/fail.h"
#include "support/numbered.h"
#include "support/wait.h"
#include <stdlib.h>

#define TIMEOUT_MS 30000

static rd_kafka_t *make_client(rd_kafka_type_t type, const char *const *properties,
                               void (*on_delivery)(rd_kafka_t *, const rd_kafka_message_t *,
                                                   void *))
{
    char text[500];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (; *properties != NULL; properties += 2) {
        if (rd_kafka_conf_set(conf, properties[0], properties[1], text, sizeof text) !=
            RD_KAFKA_CONF_OK) {
            nwt_fail("%s", text);
        }
    }
    if (on_delivery != NULL) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    }
    rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof text);
    if (client == NULL) {
        nwt_fail("%s", text);
    }
    return client;
}

static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *context)
{
    (void)producer;
    (void)context;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        nwt_fail("produce: %s", rd_kafka_err2str(message->err));
    }
}

rd_kafka_t *nwt_producer_new(const char *brokers)
{
    const char *const properties[] = {"bootstrap.servers",
                                      brokers,
                                      "enable.idempotence",
                                      "true",
                                      "linger.ms",
                                      "5",
                                      "queue.buffering.max.messages",
                                      "1000000",
                                      "reconnect.backoff.max.ms",
                                      "500",
                                      NULL};
    return make_client(RD_KAFKA_PRODUCER, properties, delivered);
}

void nwt_producer_flush(rd_kafka_t *producer)
{
    rd_kafka_resp_err_t error = rd_kafka_flush(producer, 2 * TIMEOUT_MS);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        nwt_fail("flush: %s", rd_kafka_err2str(error));
    }
}

void nwt_producer_free(rd_kafka_t *producer)
{
    if (producer != NULL) {
        rd_kafka_destroy(producer);
    }
}

static rd_kafka_t *make_reader(const char *brokers, const char *group)
{
    const char *const properties[] = {"bootstrap.servers",
                                      brokers,
                                      "group.id",
                                      group,
                                      "enable.auto.commit",
                                      "false",
                                      "fetch.wait.max.ms",
                                      "20",
                                      "auto.offset.reset",
                                      "earliest",
                                      "enable.partition.eof",
                                      "true",
                                      NULL};
    return make_client(RD_KAFKA_CONSUMER, properties, NULL);
}

/* Of one topic; the caller destroys it. NULL as long as the broker does not know the topic. */
static const rd_kafka_metadata_t *find_topic(rd_kafka_t *client, const char *topic)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    const rd_kafka_metadata_t *metadata = NULL;
    rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, handle, &metadata, TIMEOUT_MS);
    rd_kafka_topic_destroy(handle);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return NULL;
    }
    bool known = metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; known && i < metadata->topics[0].partition_cnt; i++) {
        known = metadata->topics[0].partitions[i].leader >= 0;
    }
    if (!known || metadata->topics[0].partition_cnt == 0) {
        rd_kafka_metadata_destroy(metadata);
        return NULL;
    }
    return metadata;
}

/* All partitions of the topic at an offset; NULL if it is not known. The caller destroys it. */
static rd_kafka_topic_partition_list_t *list_partitions(rd_kafka_t *client, const char *topic,
                                                        int64_t offset)
{
    const rd_kafka_metadata_t *metadata = find_topic(client, topic);
    if (metadata == NULL) {
        return NULL;
    }
    int count = metadata->topics[0].partition_cnt;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int i = 0; i < count; i++) {
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = offset;
    }
    rd_kafka_metadata_destroy(metadata);
    return list;
}

static bool topic_known(rd_kafka_t *client, const char *topic, int partitions)
{
    rd_kafka_topic_partition_list_t *list = list_partitions(client, topic, 0);
    bool known = list != NULL && list->cnt == partitions;
    if (list != NULL) {
        rd_kafka_topic_partition_list_destroy(list);
    }
    return known;
}

void nwt_topic_add(const char *brokers, const char *topic, int partitions)
{
    nwt_topic_add_with(brokers, topic, partitions, NULL, NULL);
}

void nwt_topic_add_with(const char *brokers, const char *topic, int partitions, const char *name,
                        const char *value)
{
    char text[200];
    rd_kafka_t *client = nwt_producer_new(brokers);
    rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(topic, partitions, 1, text, sizeof text);
    if (wanted == NULL) {
        nwt_fail("topic %s: %s", topic, text);
    }
    if (name != NULL) {
        rd_kafka_NewTopic_set_config(wanted, name, value);
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_CreateTopics(client, &wanted, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    if (event == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        !NWT_WAIT(TIMEOUT_MS, topic_known(client, topic, partitions))) {
        nwt_fail("topic %s: %s", topic,
                 event == NULL ? "no answer" : rd_kafka_event_error_string(event));
    }
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(wanted);
    rd_kafka_destroy(client);
}

void nwt_topic_delete(const char *brokers, const char *topic)
{
    rd_kafka_t *client = nwt_producer_new(brokers);
    rd_kafka_DeleteTopic_t *wanted = rd_kafka_DeleteTopic_new(topic);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DELETETOPICS);
    rd_kafka_AdminOptions_set_operation_timeout(options, TIMEOUT_MS / 2, NULL, 0);
    rd_kafka_DeleteTopics(client, &wanted, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    if (event == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        nwt_fail("topic %s: %s", topic,
                 event == NULL ? "no answer" : rd_kafka_event_error_string(event));
    }
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_DeleteTopic_destroy(wanted);
    rd_kafka_destroy(client);
}

void nwt_topic_remove(const char *brokers, const char *topic, int32_t partition, int64_t before)
{
    rd_kafka_t *client = nwt_producer_new(brokers);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = before;
    rd_kafka_DeleteRecords_t *wanted = rd_kafka_DeleteRecords_new(list);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);

    rd_kafka_DeleteRecords(client, &wanted, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    if (event == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        nwt_fail("topic %s: %s", topic,
                 event == NULL ? "no answer" : rd_kafka_event_error_string(event));
    }
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteRecords_destroy(wanted);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(client);
}

/* Returns the number of partitions. */
static int assign_all(rd_kafka_t *reader, const char *topic)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    /* A broker that has just begun to run again may not answer the first time. */
    if (!NWT_WAIT(TIMEOUT_MS,
                  (list = list_partitions(reader, topic, RD_KAFKA_OFFSET_BEGINNING)) != NULL)) {
        nwt_fail("there is no topic %s", topic);
    }
    rd_kafka_assign(reader, list);
    int count = list->cnt;
    rd_kafka_topic_partition_list_destroy(list);
    return count;
}

rd_kafka_t *nwt_topic_reader(const char *brokers, const char *topic)
{
    rd_kafka_t *reader = make_reader(brokers, "tests-reader");
    assign_all(reader, topic);
    return reader;
}

void nwt_reader_free(rd_kafka_t *reader)
{
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
}

size_t nwt_topic_read(const char *brokers, const char *topic,
                      bool (*each)(void *context, const rd_kafka_message_t *message), void *context)
{
    rd_kafka_t *reader = make_reader(brokers, "tests-reader");
    int partitions = assign_all(reader, topic);
    size_t count = 0;
    int at_end = 0;
    for (bool more = true; more && at_end < partitions;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, 2 * TIMEOUT_MS);
        if (message == NULL) {
            nwt_fail("topic %s cannot be read to its end", topic);
        }
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            count++;
            more = each(context, message);
        } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            at_end++;
        }
        rd_kafka_message_destroy(message);
    }
    nwt_reader_free(reader);
    return count;
}

static bool take_number(void *numbered, const rd_kafka_message_t *message)
{
    nwt_numbered_take(numbered, message->payload, message->len, (unsigned)message->partition);
    return true;
}

size_t nwt_topic_read_numbers(const char *brokers, const char *topic, struct nwt_numbered *n)
{
    nwt_numbered_reset(n);
    return nwt_topic_read(brokers, topic, take_number, n);
}

int64_t nwt_topic_count(const char *brokers, const char *topic)
{
    rd_kafka_t *reader = make_reader(brokers, "tests-reader");
    rd_kafka_topic_partition_list_t *list = list_partitions(reader, topic, 0);
    int64_t sum = list == NULL ? -1 : 0;
    for (int i = 0; list != NULL && i < list->cnt && sum >= 0; i++) {
        int64_t low, high;
        rd_kafka_resp_err_t error =
            rd_kafka_query_watermark_offsets(reader, topic, i, &low, &high, TIMEOUT_MS);
        sum = error == RD_KAFKA_RESP_ERR_NO_ERROR ? sum + high - low : -1;
    }
    if (list != NULL) {
        rd_kafka_topic_partition_list_destroy(list);
    }
    rd_kafka_destroy(reader);
    return sum;
}

int nwt_group_members(const char *brokers, const char *group)
{
    rd_kafka_t *reader = make_reader(brokers, "tests-reader");
    const struct rd_kafka_group_list *list = NULL;
    int count = -1;
    if (rd_kafka_list_groups(reader, group, &list, TIMEOUT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        count = list->group_cnt == 1 ? list->groups[0].member_cnt : 0;
        rd_kafka_group_list_destroy(list);
    }
    rd_kafka_destroy(reader);
    return count;
}

int64_t nwt_group_committed(const char *brokers, const char *group, const char *topic)
{
    rd_kafka_t *reader = make_reader(brokers, group);
    rd_kafka_topic_partition_list_t *list = list_partitions(reader, topic, RD_KAFKA_OFFSET_INVALID);
    int64_t sum = 0;
    if (list != NULL &&
        rd_kafka_committed(reader, list, TIMEOUT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int i = 0; i < list->cnt; i++) {
            sum += list->elems[i].offset > 0 ? list->elems[i].offset : 0;
        }
    }
    if (list != NULL) {
        rd_kafka_topic_partition_list_destroy(list);
    }
    rd_kafka_destroy(reader);
    return sum;
}
