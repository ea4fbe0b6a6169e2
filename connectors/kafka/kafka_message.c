/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_message.h"

#include <string.h>

#define NS_IN_MS 1000000

static void release(void *owner)
{
    struct kafka_taken *taken = owner;
    struct kafka_source *s = taken->source;

    rd_kafka_message_destroy(taken->message);
    (void)atomic_fetch_sub(&s->borrowed, 1);
}

static struct nw_slice slice(const void *data, size_t len)
{
    return (struct nw_slice){data, len};
}

/* "kafka:TOPIC/PARTITION/OFFSET"; by hand, because it is made for every message. */
static bool set_origin(struct nw_message *message, const struct kafka_partition *p, int64_t offset)
{
    char digits[24], *text;
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + offset % 10);
        offset /= 10;
    } while (offset > 0);
    text = nw_message_alloc(message, p->origin_len + n);
    if (text == NULL) {
        return false;
    }
    memcpy(text, p->origin, p->origin_len);
    for (size_t i = 0; i < n; i++) {
        text[p->origin_len + i] = digits[n - 1 - i];
    }
    nw_message_set_origin(message, slice(text, p->origin_len + n));
    return true;
}

static bool set_headers(struct nw_message *message, const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t size;

    if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return true; /* it has none */
    }
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        if (nw_message_add_header(message, slice(name, strlen(name)), slice(value, size)) != 0) {
            return false;
        }
    }
    return true;
}

/* A producer may say any time; what is not in 64 bits of nanoseconds (microseconds that were taken
 * for milliseconds) counts as none. */
static void set_timestamp(struct nw_message *message, const rd_kafka_message_t *m)
{
    rd_kafka_timestamp_type_t type;
    int64_t ms = rd_kafka_message_timestamp(m, &type);

    if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && ms >= 0 && ms <= INT64_MAX / NS_IN_MS) {
        nw_message_set_timestamp(message, ms * NS_IN_MS);
    }
}

struct nw_message *nw_kafka_message(struct kafka_source *s, struct kafka_partition *p,
                                    rd_kafka_message_t *m)
{
    struct nw_message *message = nw_message_new(s->endpoint);
    struct kafka_taken *taken = NULL;
    const char *topic = rd_kafka_topic_name(m->rkt);

    if (message != NULL) {
        taken = nw_message_alloc(message, sizeof *taken);
    }
    if (taken == NULL || !set_origin(message, p, m->offset) || !set_headers(message, m)) {
        nw_message_unref(message);
        return NULL;
    }
    *taken = (struct kafka_taken){.source = s, .message = m, .partition = p};
    nw_message_set_cookie(message, (uintptr_t)taken);
    nw_message_set_address(message, slice(topic, strlen(topic)));
    nw_message_set_key(message, slice(m->key, m->key_len));
    nw_message_set_payload(message, slice(m->payload, m->len));
    nw_message_set_number(message, NW_META_PARTITION, m->partition);
    nw_message_set_number(message, NW_META_OFFSET, m->offset);
    set_timestamp(message, m);
    (void)atomic_fetch_add(&s->borrowed, 1);
    nw_message_set_release(message, release, taken);
    return message;
}
