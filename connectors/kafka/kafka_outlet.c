/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_outlet.h"

#include <string.h>

#define TOPIC_MAX 249
#define NANOSECONDS_IN_MS 1000000

static size_t slot_of(struct nw_slice topic)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < topic.len; i++) {
        hash = (hash ^ (unsigned char)topic.data[i]) * 16777619u;
    }
    return hash & (KAFKA_TOPIC_SLOTS - 1);
}

/* The handle of the topic; NULL with *error if the name cannot be one. */
static rd_kafka_topic_t *find_topic(struct kafka_outlet *o, struct nw_slice name,
                                    rd_kafka_resp_err_t *error)
{
    rd_kafka_topic_t **slot = &o->topics[slot_of(name)];
    char text[TOPIC_MAX + 1];

    if (*slot != NULL) {
        const char *known = rd_kafka_topic_name(*slot);
        if (strlen(known) == name.len && memcmp(known, name.data, name.len) == 0) {
            return *slot;
        }
    }
    if (name.len == 0 || name.len > TOPIC_MAX) {
        *error = RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
        return NULL;
    }
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    if (*slot != NULL) {
        rd_kafka_topic_destroy(*slot);
    }
    *slot = rd_kafka_topic_new(o->rk, text, NULL);
    if (*slot == NULL) {
        *error = rd_kafka_last_error();
    }
    return *slot;
}

/* A number from the template, or RD_KAFKA_PARTITION_UA without one; false if it is no number. */
static bool find_partition(const struct kafka_outlet *o, const struct nw_message *m, int32_t *out)
{
    struct nw_slice value;
    int64_t number = 0;

    *out = RD_KAFKA_PARTITION_UA;
    if (o->options->partition == 0) {
        return true;
    }
    value = nw_message_value(m, o->options->partition);
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9' || number > INT32_MAX) {
            return false;
        }
        number = number * 10 + (value.data[i] - '0');
    }
    *out = (int32_t)number;
    return value.len > 0 && number <= INT32_MAX;
}

static rd_kafka_headers_t *make_headers(const struct nw_message *m)
{
    size_t count = nw_message_header_count(m);
    rd_kafka_headers_t *headers;

    if (count == 0) {
        return NULL;
    }
    headers = rd_kafka_headers_new(count);
    for (size_t i = 0; i < count; i++) {
        struct nw_slice name, value;
        nw_message_header(m, i, &name, &value);
        (void)rd_kafka_header_add(headers, name.data, (ssize_t)name.len, value.data,
                                  (ssize_t)value.len);
    }
    return headers;
}

static struct nw_slice find_payload(const struct kafka_outlet *o, const struct nw_message *m)
{
    struct nw_slice payload = nw_message_payload(m);

    switch (o->options->tombstones.index) {
    case KAFKA_TOMBSTONES_EMPTY:
        return payload.len == 0 ? (struct nw_slice){NULL, 0} : payload;
    case KAFKA_TOMBSTONES_NEVER:
        return payload.data == NULL ? (struct nw_slice){"", 0} : payload;
    default:
        return payload;
    }
}

rd_kafka_resp_err_t nw_kafka_outlet_produce(struct kafka_outlet *o, struct nw_message *m)
{
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__INVALID_ARG;
    rd_kafka_topic_t *topic = find_topic(o, nw_message_address(m), &error);
    struct nw_slice key = nw_message_key(m), payload = find_payload(o, m);
    int64_t timestamp_ms = 0; /* now */
    rd_kafka_headers_t *headers;
    int32_t partition;

    if (topic == NULL) {
        return error;
    }
    if (!find_partition(o, m, &partition)) {
        return RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    }
    if (o->options->timestamp.index == KAFKA_TIMESTAMP_KEEP) {
        timestamp_ms = nw_message_timestamp(m) / NANOSECONDS_IN_MS;
    }
    headers = make_headers(m);
    error = rd_kafka_producev(o->rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition),
                              RD_KAFKA_V_VALUE((void *)payload.data, payload.len),
                              RD_KAFKA_V_KEY((const void *)key.data, key.len),
                              RD_KAFKA_V_TIMESTAMP(timestamp_ms), RD_KAFKA_V_OPAQUE(m),
                              RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR && headers != NULL) {
        rd_kafka_headers_destroy(headers);
    }
    return error;
}

void nw_kafka_outlet_use(struct kafka_outlet *o, rd_kafka_t *rk)
{
    for (size_t i = 0; i < KAFKA_TOPIC_SLOTS; i++) {
        if (o->topics[i] != NULL) {
            rd_kafka_topic_destroy(o->topics[i]);
            o->topics[i] = NULL;
        }
    }
    o->rk = rk;
}
