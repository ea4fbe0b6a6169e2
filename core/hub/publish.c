/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/publish.h"

#include <stdio.h>
#include <strings.h>

#include "base/timestamp.h"
#include "hub/carry.h"
#include "hub/kv_key.h"

static bool same_name(struct nw_slice a, const char *b)
{
    return a.len == strlen(b) && strncasecmp(a.data, b, a.len) == 0;
}

/* Headers that are written from the message's own fields below. */
static bool is_ours(const struct nw_publication *p, struct nw_slice name)
{
    if (p->kv && (same_name(name, NW_KV_OPERATION) || same_name(name, NW_KV_ROLLUP))) {
        return true; /* they would delete or purge the key by themselves */
    }
    if (name.len < 5 || strncasecmp(name.data, "nats", 4) != 0) {
        return false;
    }
    return (p->id.data != NULL && same_name(name, "Nats-Msg-Id")) ||
           same_name(name, NW_CARRY_KEY) || same_name(name, NW_CARRY_TIMESTAMP) ||
           same_name(name, NW_CARRY_TOMBSTONE) || same_name(name, NW_CARRY_ORIGIN) ||
           same_name(name, NW_CARRY_STATUS);
}

/* A message without payload and with this header is taken for the server's own by clients. */
static bool looks_like_status(const struct nw_publication *p, struct nw_slice name)
{
    return nw_message_payload(p->message).len == 0 && same_name(name, "Status");
}

static bool fits(const struct nw_publication *p, struct nw_slice name, struct nw_slice value)
{
    return nw_carry_fits(name, value) && !looks_like_status(p, name);
}

/* Is there a value of the name that NATS cannot carry? */
static bool name_needs_base64(const struct nw_publication *p, struct nw_slice wanted)
{
    size_t count = nw_message_header_count(p->message);

    for (size_t i = 0; i < count; i++) {
        struct nw_slice name, value;
        nw_message_header(p->message, i, &name, &value);
        if (nw_slice_equal(name, wanted) && !fits(p, name, value)) {
            return true;
        }
    }
    return false;
}

static natsStatus add(struct nw_hub *hub, natsMsg *msg, struct nw_slice name, struct nw_slice value,
                      bool as_base64, bool only_one)
{
    struct nw_buffer *b = &hub->scratch;
    const char *text;

    nw_buffer_clear(b);
    nw_carry_encode(b, name, value, as_base64);
    if (b->failed) {
        return NATS_NO_MEMORY;
    }
    text = b->data + strlen(b->data) + 1;
    return only_one ? natsMsgHeader_Set(msg, b->data, text) : natsMsgHeader_Add(msg, b->data, text);
}

/* One of our own headers; its name is unique in the message. */
static natsStatus set(struct nw_hub *hub, natsMsg *msg, struct nw_slice name, struct nw_slice value)
{
    return add(hub, msg, name, value, !nw_carry_fits(name, value), true);
}

static natsStatus set_error(struct nw_hub *hub, natsMsg *msg, int code, const char *text)
{
    natsStatus s = set(hub, msg, NW_LITERAL("Nats-Service-Error"), nw_slice_text(text));
    char number[16];

    (void)snprintf(number, sizeof number, "%d", code);
    return s != NATS_OK
               ? s
               : set(hub, msg, NW_LITERAL("Nats-Service-Error-Code"), nw_slice_text(number));
}

static natsStatus set_fields(struct nw_hub *hub, natsMsg *msg, const struct nw_publication *p)
{
    const struct nw_message *m = p->message;
    struct nw_slice key = nw_message_key(m), origin = nw_message_origin(m);
    int64_t timestamp_ns = nw_message_timestamp(m), status;
    natsStatus s = NATS_OK;
    char text[NW_TIMESTAMP_TEXT_MAX];

    if (p->id.data != NULL) {
        s = set(hub, msg, NW_LITERAL("Nats-Msg-Id"), p->id);
    }
    if (s == NATS_OK && p->after.data != NULL) {
        s = set(hub, msg, NW_LITERAL("Nats-Expected-Last-Msg-Id"), p->after);
    }
    if (s == NATS_OK && nw_message_number(m, NW_META_STATUS, &status)) {
        (void)snprintf(text, sizeof text, "%lld", (long long)status);
        s = set(hub, msg, NW_LITERAL(NW_CARRY_STATUS), nw_slice_text(text));
    }
    if (s == NATS_OK && p->error_code != 0) {
        s = set_error(hub, msg, p->error_code, p->error);
    }
    if (p->bare || s != NATS_OK) {
        return s;
    }
    if (p->cut_at != 0 && nw_message_payload(m).len > p->cut_at) {
        (void)snprintf(text, sizeof text, "%zu", nw_message_payload(m).len);
        s = set(hub, msg, NW_LITERAL("Natsway-Truncated"), nw_slice_text(text));
    }
    if (s == NATS_OK && key.data != NULL) {
        s = set(hub, msg, NW_LITERAL(NW_CARRY_KEY), key);
    }
    if (s == NATS_OK && timestamp_ns != 0) {
        (void)nw_timestamp_format(timestamp_ns, text);
        s = set(hub, msg, NW_LITERAL(NW_CARRY_TIMESTAMP), nw_slice_text(text));
    }
    if (s == NATS_OK && nw_message_payload(m).data == NULL) {
        s = set(hub, msg, NW_LITERAL(NW_CARRY_TOMBSTONE), NW_LITERAL("1"));
        if (s == NATS_OK && p->kv) {
            s = set(hub, msg, NW_LITERAL(NW_KV_OPERATION), NW_LITERAL("DEL"));
        }
    }
    if (s == NATS_OK && origin.data != NULL) {
        s = set(hub, msg, NW_LITERAL(NW_CARRY_ORIGIN), origin);
    }
    return s;
}

static natsStatus set_headers(struct nw_hub *hub, natsMsg *msg, const struct nw_publication *p)
{
    size_t count = nw_message_header_count(p->message);
    natsStatus s = NATS_OK;
    bool all_fit = true;

    for (size_t i = 0; i < count && all_fit; i++) {
        struct nw_slice name, value;
        nw_message_header(p->message, i, &name, &value);
        all_fit = fits(p, name, value);
    }
    for (size_t i = 0; i < count && s == NATS_OK; i++) {
        struct nw_slice name, value;
        nw_message_header(p->message, i, &name, &value);
        if (!is_ours(p, name)) {
            s = add(hub, msg, name, value, !all_fit && name_needs_base64(p, name), count == 1);
        }
    }
    return s == NATS_OK ? set_fields(hub, msg, p) : s;
}

natsStatus nw_hub_publish(struct nw_hub *hub, const struct nw_publication *p)
{
    struct nw_slice payload = nw_message_payload(p->message);
    char subject[4096];
    natsMsg *msg = NULL;
    natsStatus s;

    if (p->subject.len >= sizeof subject) {
        return NATS_INVALID_SUBJECT;
    }
    if (p->cut_at != 0 && payload.len > p->cut_at) {
        payload.len = p->cut_at;
    }
    if (payload.len > (size_t)hub->max_payload) {
        return NATS_MAX_PAYLOAD; /* before it is copied */
    }
    memcpy(subject, p->subject.data, p->subject.len);
    subject[p->subject.len] = '\0';
    s = natsMsg_Create(&msg, subject, p->reply, payload.len == 0 ? "" : payload.data,
                       (int)payload.len);
    if (s == NATS_OK) {
        s = set_headers(hub, msg, p);
    }
    if (s == NATS_OK) {
        s = natsConnection_PublishMsg(hub->nc, msg);
    }
    nw_trash_add(&hub->trash, msg);
    nw_hub_published(hub, p->subject.len + payload.len + 200);
    return s;
}

natsStatus nw_hub_publish_error(struct nw_hub *hub, const char *subject, int code,
                                const char *reason)
{
    natsMsg *msg = NULL;
    natsStatus s = natsMsg_Create(&msg, subject, NULL, "", 0);

    if (s == NATS_OK) {
        s = set_error(hub, msg, code, reason);
    }
    if (s == NATS_OK) {
        s = natsConnection_PublishMsg(hub->nc, msg);
    }
    nw_trash_add(&hub->trash, msg);
    nw_hub_published(hub, strlen(subject) + strlen(reason) + 100);
    return s;
}

void nw_hub_publish_outcome(natsStatus s, enum nw_outcome *outcome, enum nw_cause *cause,
                            const char **reason)
{
    switch (s) {
    case NATS_MAX_PAYLOAD:
        *outcome = NW_REJECT;
        *cause = NW_CAUSE_TOO_LARGE;
        *reason = "the message is larger than the NATS server takes (max_payload)";
        break;
    case NATS_INVALID_SUBJECT:
    case NATS_NO_SERVER_SUPPORT:
        *outcome = NW_REJECT;
        *cause = NW_CAUSE_REFUSED;
        *reason = s == NATS_INVALID_SUBJECT ? "the subject is not valid"
                                            : "the NATS server does not support headers";
        break;
    default:
        *outcome = NW_RETRY;
        *cause = NW_CAUSE_OUTAGE;
        *reason = s == NATS_NO_MEMORY ? "out of memory" : "the connection to NATS was lost";
        break;
    }
}
