/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/receive.h"

#include <strings.h>

#include "base/timestamp.h"
#include "hub/carry.h"
#include "hub/kv_key.h"
#include "hub/raw_headers.h"

static void destroy(void *msg)
{
    natsMsg_Destroy(msg);
}

static bool is(struct nw_slice name, const char *text)
{
    return name.len == strlen(text) && strncasecmp(name.data, text, name.len) == 0;
}

static bool begins(struct nw_slice name, const char *text)
{
    size_t len = strlen(text);

    return name.len >= len && strncasecmp(name.data, text, len) == 0;
}

/* The small whole number in text, or -1. */
static int64_t number_of(struct nw_slice text)
{
    int64_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || text.len > 9) {
            return -1;
        }
        n = n * 10 + (text.data[i] - '0');
    }
    return text.len == 0 ? -1 : n;
}

/* Headers that become fields of the message. true: it was one. */
static bool take_field(struct nw_message *m, struct nw_slice name, struct nw_slice value)
{
    int64_t time_ns, number;

    if (is(name, NW_CARRY_KEY)) {
        nw_message_set_key(m, value);
        return true;
    }
    if (is(name, NW_CARRY_TIMESTAMP) && nw_timestamp_parse(value, &time_ns, NULL) == 0) {
        nw_message_set_timestamp(m, time_ns);
        return true;
    }
    if (is(name, NW_CARRY_TOMBSTONE)) {
        if (nw_message_payload(m).len == 0) {
            nw_message_set_payload(m, NW_ABSENT);
        }
        return true;
    }
    if (is(name, NW_CARRY_STATUS) || is(name, "Nats-Service-Error-Code")) {
        number = number_of(value);
        if (number >= 100 && number <= 599) {
            nw_message_set_number(m, NW_META_STATUS, number);
        }
        return is(name, NW_CARRY_STATUS);
    }
    return false;
}

static int take_header(struct nw_message *m, struct nw_slice name, struct nw_slice value)
{
    if (begins(name, "Natsway-") || begins(name, "Nats-")) {
        if (take_field(m, name, value)) {
            return 0;
        }
    }
    return nw_message_add_header(m, name, value);
}

/* A header that went as base64: what it stands for, copied into the message. */
static int take_encoded(struct nw_message *m, struct nw_slice name, struct nw_slice value)
{
    struct nw_buffer plain_name = {0}, plain_value = {0};
    int rc = nw_carry_decode(name, value, &plain_name, &plain_value);

    if (rc == 0) {
        struct nw_slice n = nw_buffer_slice(&plain_name), v = nw_buffer_slice(&plain_value);
        struct nw_slice n2 = nw_message_copy(m, n.data, n.len);
        struct nw_slice v2 = nw_message_copy(m, v.data, v.len);
        rc = n2.data == NULL || v2.data == NULL ? NW_ENOMEM : take_header(m, n2, v2);
    } else if (rc == NW_EINVAL) {
        rc = nw_message_add_header(m, name, value); /* somebody else's */
    }
    nw_buffer_done(&plain_name);
    nw_buffer_done(&plain_value);
    return rc;
}

/* A value over several lines: their breaks become blanks. */
static struct nw_slice unfold(struct nw_message *m, struct nw_slice value)
{
    char *text = nw_message_alloc(m, value.len + 1);
    size_t len = 0;

    if (text == NULL) {
        return NW_ABSENT;
    }
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        bool is_break = c == '\r' || c == '\n' || c == '\0';
        if (!is_break) {
            text[len++] = c;
        } else if (len > 0 && text[len - 1] != ' ') {
            text[len++] = ' ';
        }
    }
    return (struct nw_slice){text, len};
}

/* Was it meant for where the message was stored, and for nobody who gets it? */
static bool is_for_storing(struct nw_slice name, enum nw_received_from from)
{
    return (from != NW_FROM_CORE && begins(name, "Nats-Expected-")) ||
           (from == NW_FROM_BUCKET && (is(name, NW_KV_ROLLUP) || is(name, "Nats-TTL")));
}

static int take_headers(struct nw_message *m, struct nw_slice lines, enum nw_received_from from)
{
    struct nw_slice name, value;
    bool folded;
    int rc = 0;

    while (rc == 0 && nw_raw_headers_next(&lines, &name, &value, &folded)) {
        if (is_for_storing(name, from)) {
            continue;
        }
        if (from == NW_FROM_BUCKET && (is(name, NW_KV_OPERATION) || is(name, NW_KV_MARKER))) {
            nw_message_set_payload(m, NW_ABSENT);
        }
        value = folded ? unfold(m, value) : value;
        if (value.data == NULL) {
            rc = NW_ENOMEM;
        } else if (begins(name, NW_CARRY_B64)) {
            rc = take_encoded(m, name, value);
        } else {
            rc = take_header(m, name, value);
        }
    }
    return rc;
}

int nw_receive_into(struct nw_message *m, struct nw_slice headers, struct nw_slice payload,
                    enum nw_received_from from, int64_t timestamp_ns)
{
    nw_message_set_payload(m, payload);
    if (timestamp_ns != 0) {
        nw_message_set_timestamp(m, timestamp_ns);
    }
    return take_headers(m, headers, from);
}

struct nw_message *nw_receive(struct nw_endpoint *endpoint, natsMsg *msg,
                              enum nw_received_from from, int64_t timestamp_ns)
{
    struct nw_message *m = nw_message_new(endpoint);
    int len = natsMsg_GetDataLength(msg);
    struct nw_slice payload = {len == 0 ? "" : natsMsg_GetData(msg), (size_t)len};

    if (m == NULL) {
        return NULL;
    }
    if (nw_receive_into(m, nw_raw_headers(msg), payload, from, timestamp_ns) != 0) {
        nw_message_unref(m);
        return NULL;
    }
    nw_message_set_release(m, destroy, msg);
    return m;
}
