/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sinks `jetstream: subject` and `kv: bucket/key`. A publish is a request whose answer is the
 * PubAck. Each carries the message's stable id as Nats-Msg-Id, so that what is sent again after an
 * outage is stored once within the stream's duplicate window; for messages of Kafka beyond it too
 * (once.h).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hub/jetstream_ends.h"
#include "hub/js_parse.h"
#include "hub/js_stream.h"
#include "hub/kv_key.h"
#include "hub/once.h"
#include "hub/publish.h"
#include "hub/sink.h"
#include "hub/subject.h"

/* Long: a server that has just started reads its message ids before the first is taken. */
#define DEADLINE_NS (10 * NW_SECOND_NS)
/* "$KV.", a bucket, "." and the longest key. */
#define KV_SUBJECT (NW_SUBJECT_MAX + 272)

struct js_sink_options {
    uint32_t message_id;
    bool only_writer, checkpoints;
    struct nw_js_stream_options stream;
};

struct js_sink {
    struct nw_hub_sink base;
    struct nw_js_stream stream;
    uint32_t message_id;
    bool kv;              /* the address is bucket/key */
    bool is_checkpointed; /* if the source has partitions, which the first message tells */
    struct nw_once *once; /* NULL: not for this source, or not wanted */

    /* With only_writer, each message names the one that must stand before it, so that none passes
     * one that was refused: what follows a refused one is refused too, and sent again behind it.
     * After a failure the chain stays broken until nothing is under way any more; then the first
     * message of a new one names none. */
    bool only_writer, broken;
    struct nw_buffer last_id; /* of the one published before; empty: there was none */
};

static const struct nw_option rows[] = {
    {.name = "message_id",
     .type = NW_OPTION_TEMPLATE,
     .offset = offsetof(struct js_sink_options, message_id),
     .fill = NW_FILL_HEADER,
     .doc = "Nats-Msg-Id of each message; default: the stable id made of its origin"},
    {.name = "only_writer",
     .type = NW_OPTION_BOOL,
     .offset = offsetof(struct js_sink_options, only_writer),
     .standard = "false",
     .doc = "nobody else publishes to the stream, and the route has one lane: each message names "
            "the one before it (Nats-Expected-Last-Msg-Id), so that none is stored before one that "
            "the server refused for a moment"},
    {.name = "checkpoints",
     .type = NW_OPTION_BOOL,
     .offset = offsetof(struct js_sink_options, checkpoints),
     .standard = "true",
     .doc = "from Kafka: keep in the bucket " NW_ONCE_BUCKET " how far each partition is stored, "
            "so that what comes again is stored once however long ago it was"},
    {.name = "stream",
     .type = NW_OPTION_GROUP,
     .offset = offsetof(struct js_sink_options, stream),
     .rows = nw_js_stream_rows,
     .doc = "make this stream if it does not exist; a difference to one that does is reported"},
    {.name = NULL},
};

static const struct nw_option kv_rows[] = {
    {.name = "message_id",
     .type = NW_OPTION_TEMPLATE,
     .offset = offsetof(struct js_sink_options, message_id),
     .fill = NW_FILL_HEADER,
     .doc = "Nats-Msg-Id of each message; default: the stable id made of its origin"},
    {.name = NULL},
};

/* ---- the chain ---- */

static void name_predecessor(struct js_sink *k, struct nw_publication *p)
{
    if (!k->only_writer) {
        return;
    }
    if (k->broken && k->base.client.in_flight == 0) {
        k->broken = false;
        nw_buffer_clear(&k->last_id);
    }
    if (k->last_id.len > 0) {
        p->after = nw_buffer_slice(&k->last_id);
    }
}

static void remember(struct js_sink *k, struct nw_slice id)
{
    if (!k->only_writer) {
        return;
    }
    nw_buffer_clear(&k->last_id);
    nw_buffer_add(&k->last_id, id.data, id.len);
    if (k->last_id.failed) { /* without memory for the id the next one cannot name it */
        nw_buffer_done(&k->last_id);
        k->broken = true;
    }
}

/* A message was not stored. If it is the first that is not, it follows one that was. */
static void break_chain(struct js_sink *k, int error_code)
{
    if (k->only_writer && error_code == NW_JS_ERR_WRONG_LAST_ID && !k->broken) {
        nw_log(k->base.endpoint, NW_LOG_WARNING,
               "only_writer: the stream's last message is not the one that was sent before: "
               "somebody else writes to it");
    }
    k->broken = true;
}

/* ---- sending ---- */

static enum nw_admission admit(struct nw_hub_sink *base, struct nw_message *m)
{
    struct js_sink *k = (struct js_sink *)base;
    int64_t number;

    if (k->is_checkpointed) {
        k->is_checkpointed = false;
        if (nw_message_number(m, NW_META_PARTITION, &number)) {
            k->once = nw_once_new(base, k->message_id, NULL);
        }
    }
    return k->once == NULL ? NW_ADMIT : nw_once_admit(k->once, m);
}

/* It could not be published. */
static void refuse(struct js_sink *k, struct nw_message *m, natsStatus s)
{
    struct nw_result r = {.message = m};

    nw_hub_publish_outcome(s, &r.outcome, &r.cause, &r.reason);
    if (k->once != NULL && r.outcome == NW_REJECT) {
        nw_once_finished(k->once, m, NULL);
    }
    nw_hub_sink_done(&k->base, m, r.outcome, r.cause, r.reason);
}

/* The subject of a key; NW_EINVAL: the address is none of bucket and key. */
static int kv_subject(struct nw_slice address, char room[KV_SUBJECT], struct nw_slice *subject,
                      struct nw_error *error)
{
    struct nw_slice bucket, key;
    int rc, n;

    nw_kv_split(address, &bucket, &key);
    rc = nw_kv_check_bucket(bucket, error);
    rc = rc != 0 ? rc : nw_kv_check_key(key, error);
    if (rc != 0) {
        return rc;
    }
    n = snprintf(room, KV_SUBJECT, "$KV.%.*s.%.*s", (int)bucket.len, bucket.data, (int)key.len,
                 key.data);
    *subject = (struct nw_slice){room, (size_t)n};
    return nw_subject_check(*subject, error);
}

/* The subject of m, in room if it is made; false: m was rejected. */
static bool find_subject(struct js_sink *k, struct nw_message *m, char room[KV_SUBJECT],
                         struct nw_slice *subject)
{
    struct nw_error error;

    if (!k->kv) {
        return nw_hub_sink_subject(&k->base, m, subject);
    }
    if (kv_subject(nw_message_address(m), room, subject, &error) == 0) {
        return true;
    }
    nw_hub_sink_done(&k->base, m, NW_REJECT, NW_CAUSE_REFUSED, error.text);
    nw_hub_sink_flush(&k->base);
    return false;
}

static void publish(struct nw_hub_sink *base, struct nw_message *m)
{
    struct js_sink *k = (struct js_sink *)base;
    struct nw_hub *hub = base->hub;
    struct nw_publication p = {.message = m, .kv = k->kv};
    char reply[NW_REPLY_SUBJECT], room[KV_SUBJECT];
    int64_t slot;
    natsStatus s;

    if (!find_subject(k, m, room, &p.subject)) {
        return;
    }
    p.id = k->message_id != 0 ? nw_message_value(m, k->message_id) : nw_message_id(m);
    p.reply = reply;
    name_predecessor(k, &p);
    if (k->once != NULL) {
        nw_once_sent(k->once, m);
    }
    slot = nw_requester_begin(hub->requester, &base->client, m, NW_INBOX_QUICK,
                              nw_loop_now(hub->loop) + DEADLINE_NS, reply);
    s = slot < 0 ? NATS_NO_MEMORY : nw_hub_publish(hub, &p);
    if (s != NATS_OK) {
        if (slot >= 0) {
            nw_requester_abandon(hub->requester, slot);
        }
        refuse(k, m, s);
        return;
    }
    remember(k, p.id);
}

/* ---- answers ---- */

void nw_js_sink_read_puback(natsMsg *msg, struct nw_js_puback *ack)
{
    struct nw_slice json = {natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg)};

    nw_js_parse_puback(json, ack);
}

/* What an answer that is none of a stored message means. */
static void outcome_of(const struct nw_js_puback *ack, bool chained, enum nw_outcome *outcome,
                       enum nw_cause *cause)
{
    *outcome = NW_RETRY;
    *cause = NW_CAUSE_OUTAGE;
    if (ack->code != 0 && !(chained && ack->error_code == NW_JS_ERR_WRONG_LAST_ID)) {
        nw_js_puback_outcome(ack, outcome, cause);
    }
}

int nw_js_sink_take_puback(struct nw_hub_sink *base, struct nw_message *m,
                           const struct nw_js_puback *ack, bool chained)
{
    enum nw_outcome outcome;
    enum nw_cause cause;
    char reason[300];

    if (ack->is_ack) {
        nw_hub_sink_ack(base, m, NULL);
        return 0;
    }
    outcome_of(ack, chained, &outcome, &cause);
    if (ack->code == 0) {
        (void)snprintf(reason, sizeof reason,
                       "the answer is none of JetStream: something else listens on the subject");
    } else {
        (void)snprintf(reason, sizeof reason, "JetStream: %.*s (%d)",
                       (int)(ack->description.len > 200 ? 200 : ack->description.len),
                       ack->description.data == NULL ? "" : ack->description.data, ack->error_code);
    }
    nw_hub_sink_done(base, m, outcome, cause, reason);
    nw_hub_sink_flush(base);
    return ack->code == 0 ? -1 : ack->error_code;
}

/* What keeps the checkpoints is told before m is given back. */
static int take_answer(struct js_sink *k, struct nw_message *m, natsMsg *msg)
{
    struct nw_js_puback ack;
    enum nw_outcome outcome;
    enum nw_cause cause;

    nw_js_sink_read_puback(msg, &ack);
    if (k->once != NULL) {
        outcome_of(&ack, k->only_writer, &outcome, &cause);
        if (ack.is_ack || outcome == NW_REJECT) {
            nw_once_finished(k->once, m, ack.is_ack ? &ack : NULL);
        }
    }
    return nw_js_sink_take_puback(&k->base, m, &ack, k->only_writer);
}

/* A stream that the route makes may have been deleted: it is made again. */
static void make_stream_again(struct nw_hub_sink *base)
{
    struct js_sink *k = (struct js_sink *)base;

    if (base->ready && k->stream.options->name != NULL) {
        nw_js_stream_ensure(&k->stream);
    }
}

/* Nobody takes the subject: no stream does. */
static void no_stream(struct js_sink *k, struct nw_message *m)
{
    struct nw_slice bucket, key;
    char reason[300];

    if (!k->kv) {
        nw_hub_sink_done(&k->base, m, NW_RETRY, NW_CAUSE_OUTAGE, "no stream takes the subject");
        return;
    }
    nw_kv_split(nw_message_address(m), &bucket, &key);
    (void)snprintf(reason, sizeof reason, "there is no bucket %.*s", (int)bucket.len, bucket.data);
    nw_hub_sink_done(&k->base, m, NW_RETRY, NW_CAUSE_OUTAGE, reason);
    nw_hub_sink_flush(&k->base);
}

static void on_answer(struct nw_requester_client *client, struct nw_reply *replies, size_t n)
{
    struct nw_hub_sink *base =
        (struct nw_hub_sink *)((char *)client - offsetof(struct nw_hub_sink, client));
    struct js_sink *k = (struct js_sink *)base;
    bool missing = false;

    for (size_t i = 0; i < n; i++) {
        struct nw_message *m = replies[i].item;
        int error_code = -1;
        if (replies[i].kind == NW_REPLY_NO_RESPONDER) {
            no_stream(k, m);
            missing = true;
        } else if (replies[i].kind == NW_REPLY_TIMEOUT) {
            nw_hub_sink_done(base, m, NW_RETRY, NW_CAUSE_OUTAGE,
                             "JetStream did not confirm in time");
        } else if (!nw_hub_sink_unanswered(base, m, replies[i].kind)) {
            error_code = take_answer(k, m, replies[i].msg);
        }
        if (error_code != 0) {
            break_chain(k, error_code);
        }
    }
    nw_hub_sink_flush(base);
    if (missing) {
        if (k->once != NULL) {
            nw_once_missing(k->once);
        }
        make_stream_again(base);
    }
}

static bool was_published(struct nw_requester_client *client, void *item, struct nw_slice subject)
{
    const struct js_sink *k =
        (struct js_sink *)((char *)client - offsetof(struct js_sink, base.client));
    struct nw_slice address = nw_message_address(item);
    struct nw_error error;
    char room[KV_SUBJECT];

    return (!k->kv || kv_subject(address, room, &address, &error) == 0) &&
           nw_slice_equal(address, subject);
}

static void on_stream(void *context, const char *failure)
{
    struct nw_hub_sink *base = context;

    if (failure == NULL) {
        nw_hub_sink_ready(base);
    } else {
        nw_hub_sink_not_ready(base, failure);
    }
}

static void prepare(struct nw_hub_sink *base)
{
    struct js_sink *k = (struct js_sink *)base;

    nw_js_stream_ensure(&k->stream);
}

static void lost(struct nw_hub_sink *base)
{
    struct js_sink *k = (struct js_sink *)base;

    nw_js_stream_stop(&k->stream);
    if (k->once != NULL) {
        nw_once_lost(k->once);
    }
}

static void received(struct nw_listener *listener)
{
    struct js_sink *k =
        (struct js_sink *)((char *)listener - offsetof(struct js_sink, base.listener));

    if (k->once != NULL) {
        nw_once_received(k->once);
    }
}

static void closed(struct nw_hub_sink *base)
{
    struct js_sink *k = (struct js_sink *)base;

    nw_js_stream_stop(&k->stream);
    nw_buffer_done(&k->last_id);
    nw_once_free(k->once);
    free(k);
}

static const struct nw_hub_sink_ops ops = {
    .admit = admit, .publish = publish, .prepare = prepare, .lost = lost, .closed = closed};

static int open_kind(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config, bool kv,
                     void **state, struct nw_error *error)
{
    const struct js_sink_options *options = config->options;
    struct js_sink *k = calloc(1, sizeof *k);

    if (k == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    k->kv = kv;
    k->message_id = options->message_id;
    k->only_writer = options->only_writer;
    k->is_checkpointed = options->checkpoints;
    k->base.listener.received = received;
    k->base.client.complete = on_answer;
    k->base.client.published = was_published;
    nw_js_stream_init(&k->stream, config->connection, endpoint, &options->stream, on_stream,
                      &k->base);
    nw_hub_sink_open(&k->base, endpoint, config, &ops);
    *state = k;
    return 0;
}

static int open_sink(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                     void **state, struct nw_error *error)
{
    return open_kind(endpoint, config, false, state, error);
}

static int open_kv(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                   void **state, struct nw_error *error)
{
    return open_kind(endpoint, config, true, state, error);
}

static void check(const char *address, const void *options, const void *connection_options,
                  struct nw_check *c)
{
    const struct js_sink_options *o = options;

    (void)address;
    (void)connection_options;
    nw_js_stream_check(&o->stream, c);
}

const struct nw_sink_kind nw_jetstream_sink = {
    .options = rows,
    .options_size = sizeof(struct js_sink_options),
    .address = NW_FILL_SUBJECT,
    .address_doc = "the subject to publish to; a stream must take it",
    .promise = "confirmed by the stream; a repeat within the stream's duplicate window is stored "
               "once, one from Kafka also beyond it",
    .check = check,
    .open = open_sink,
    .send = nw_hub_sink_send,
    .close = nw_hub_sink_close,
};

/* What can be seen before a message is there. A value never has the slash behind the bucket. */
static void check_kv(const char *address, const void *options, const void *connection_options,
                     struct nw_check *c)
{
    const char *value = strstr(address, "{{"), *slash = strchr(address, '/');
    struct nw_slice bucket, key;
    struct nw_error error;
    int rc;

    (void)options;
    (void)connection_options;
    nw_kv_split(nw_slice_text(address), &bucket, &key);
    if (slash == NULL || slash[1] == '\0') {
        nw_check_error(c, NULL, "expected bucket/key, found \"%s\"", address);
        return;
    }
    if (value != NULL && value < slash) {
        return;
    }
    rc = nw_kv_check_bucket(bucket, &error);
    rc = rc != 0 || value != NULL ? rc : nw_kv_check_key(key, &error);
    if (rc != 0) {
        nw_check_error(c, NULL, "%s", error.text);
    }
}

const struct nw_sink_kind nw_kv_sink = {
    .options = kv_rows,
    .options_size = sizeof(struct js_sink_options),
    .address = NW_FILL_KV_KEY,
    .address_doc = "bucket/key: the key that is put; a message without payload (a tombstone) "
                   "deletes it. The bucket must be there",
    .promise = "confirmed by the bucket; a repeat within the duplicate window of the bucket's "
               "stream is stored once",
    .check = check_kv,
    .open = open_kv,
    .send = nw_hub_sink_send,
    .close = nw_hub_sink_close,
};
