/* SPDX-License-Identifier: Apache-2.0 */
#include "support/kafka_mixed.h"

#include "support/fail.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* nats.c (3.4.1) takes the line after an empty header value for the value, so neither a test nor
 * the hub can read such headers with it. 1 when the hub reads them in another way. */
#define EMPTY_VALUES 0

static void add_header(struct nwt_mixed *m, const char *name, const void *value, size_t len)
{
    size_t i = m->header_count++;
    m->names[i] = name;
    memcpy(m->values[i], value, len);
    m->value_lens[i] = len;
}

static void make_headers(size_t i, struct nwt_mixed *m)
{
    static const char bytes[] = {'\0', '\r', '\n', (char)0xff, ' '};
    char text[40];
    add_header(m, "n", text, (size_t)snprintf(text, sizeof text, "%zu", i));
    if (i % 3 == 1) {
        add_header(m, "trace", text, (size_t)snprintf(text, sizeof text, "first-%zu", i));
        add_header(m, "trace", text, (size_t)snprintf(text, sizeof text, "second-%zu", i));
    }
    if (i % 7 == 2) {
        add_header(m, "bytes", bytes, sizeof bytes);
    }
    if (EMPTY_VALUES && i % 11 == 3) {
        add_header(m, "empty", "", 0);
    }
    if (i % 13 == 4) {
        add_header(m, "na me: x", " edges ", 7);
    }
}

void nwt_mixed_make(const struct nwt_numbered *n, size_t i, struct nwt_mixed *m)
{
    memset(m, 0, sizeof *m);
    m->key_null = i % 5 == 0 || (!EMPTY_VALUES && i % 5 == 1);
    if (i % 5 > 1) {
        m->key_len = (size_t)snprintf(m->key, sizeof m->key, "key %zu/\xc3\xa4", i % 37);
    }
    m->tombstone = i % 50 == 7;
    if (i % 50 != 7 && i % 50 != 8) {
        nwt_numbered_payload(n, i, m->payload);
        m->payload_len = n->payload_size;
    }
    m->timestamp_ms = NWT_MIXED_TIME_MS + (int64_t)i;
    make_headers(i, m);
}

static void produce_one(rd_kafka_t *producer, const char *topic, int32_t partition,
                        const struct nwt_mixed *m)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(m->header_count);
    for (size_t i = 0; i < m->header_count; i++) {
        rd_kafka_header_add(headers, m->names[i], -1, m->values[i], (ssize_t)m->value_lens[i]);
    }
    rd_kafka_resp_err_t error = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_VALUE(m->tombstone ? NULL : (void *)m->payload, m->payload_len),
        RD_KAFKA_V_KEY(m->key_null ? NULL : (const void *)m->key, m->key_len),
        RD_KAFKA_V_TIMESTAMP(m->timestamp_ms), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        nwt_fail("produce: %s", rd_kafka_err2str(error));
    }
}

void nwt_mixed_produce(rd_kafka_t *producer, const char *topic, int partitions,
                       const struct nwt_numbered *n, size_t from, size_t to)
{
    struct nwt_mixed m;
    for (size_t i = from; i < to; i++) {
        nwt_mixed_make(n, i, &m);
        produce_one(producer, topic, (int32_t)(i % (size_t)partitions), &m);
        rd_kafka_poll(producer, 0);
    }
    nwt_producer_flush(producer);
}

static bool same_bytes(const void *a, size_t a_len, bool a_null, const void *b, size_t b_len)
{
    return a_null == (b == NULL) && a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

/* The order of values within a name must hold; that of names may be another. */
static const char *compare_headers(const struct nwt_mixed *m, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t len, found = 0, used = 0;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return "has no headers";
    }
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &len) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        if (strncmp(name, "Natsway-", 8) == 0 || strncmp(name, "Nats-", 5) == 0) {
            continue;
        }
        size_t k = 0;
        while (k < m->header_count && ((used >> k & 1) != 0 || strcmp(m->names[k], name) != 0)) {
            k++;
        }
        if (k == m->header_count ||
            !same_bytes(m->values[k], m->value_lens[k], false, value, len)) {
            return name;
        }
        used |= (size_t)1 << k;
        found++;
    }
    return found == m->header_count ? NULL : "lacks headers";
}

static const char *compare(const struct nwt_mixed *m, const rd_kafka_message_t *message)
{
    if (!same_bytes(m->key, m->key_len, m->key_null, message->key, message->key_len)) {
        return "key";
    }
    if (!same_bytes(m->payload, m->payload_len, m->tombstone, message->payload, message->len)) {
        return "payload";
    }
    if (rd_kafka_message_timestamp(message, NULL) != m->timestamp_ms) {
        return "timestamp";
    }
    return compare_headers(m, message);
}

static int64_t number_of(const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t len;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, "n", &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return -1;
    }
    return strtoll(value, NULL, 10);
}

void nwt_mixed_take(struct nwt_numbered *n, const rd_kafka_message_t *message, unsigned groups)
{
    struct nwt_mixed expected;
    int64_t number = number_of(message);
    const char *what = "number";
    if (number >= 0 && (size_t)number < n->count) {
        nwt_mixed_make(n, (size_t)number, &expected);
        what = compare(&expected, message);
    }
    if (what != NULL && n->wrong < 5) {
        fprintf(stderr, "support: message %lld: %s differs\n", (long long)number, what);
    }
    nwt_numbered_note(n, what == NULL ? number : -1,
                      number < 0 ? 0 : (unsigned)((size_t)number % groups));
}
