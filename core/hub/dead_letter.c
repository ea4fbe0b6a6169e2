/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink of dead letters. Where a stream takes the subject they are published to JetStream;
 * elsewhere they go by a core publish that is done when the server has processed it and somebody
 * listens, and they are held while nobody does. Which of the two is asked of the server for each
 * subject, and asked again from time to time. Those of messages of Kafka are stored once (once.h).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hub/hub.h"
#include "hub/jetstream_ends.h"
#include "hub/js_api.h"
#include "hub/once.h"
#include "hub/publish.h"
#include "hub/sink.h"

#define DEADLINE_NS (5 * NW_SECOND_NS)
#define STORED_NS (60 * NW_SECOND_NS) /* how long an answer is believed */
#define NOT_STORED_NS (10 * NW_SECOND_NS)
#define KNOWN 16

struct known {
    char *subject;
    bool stored;
    int64_t until_ns;
};

struct dead_letter_sink {
    struct nw_hub_sink base;
    struct nw_js_call lookup;
    struct nw_message *waiting; /* for the lookup of its subject */
    struct nw_requester_client core;
    struct known known[KNOWN];
    size_t next_known;
    bool said;            /* that they are not stored */
    bool seen;            /* the first message, and whether its source has partitions */
    struct nw_once *once; /* NULL: it has none */
};

/* A core publish: two requests, one that only "nobody listens" answers, and a fence behind it. */
struct letter {
    struct nw_message *message; /* NULL: done */
    int open;                   /* requests */
};

/* ---- the two ways ---- */

static void refuse(struct nw_hub_sink *base, struct nw_message *m, natsStatus s)
{
    struct nw_result r = {.message = m};

    nw_hub_publish_outcome(s, &r.outcome, &r.cause, &r.reason);
    nw_hub_sink_done(base, m, r.outcome, r.cause, r.reason);
}

/* Publish m with reply. What is too large for the server would be held for ever, and in time the
 * whole route with it: then as much of it goes as fits, with its length. */
static natsStatus publish_letter(struct nw_hub *hub, const struct nw_message *m, const char *reply)
{
    struct nw_publication p = {
        .message = m, .subject = nw_message_address(m), .id = nw_message_id(m), .reply = reply};
    natsStatus s = nw_hub_publish(hub, &p);

    if (s == NATS_MAX_PAYLOAD) {
        p.cut_at = (size_t)hub->max_payload / 2; /* the other half is for headers */
        s = nw_hub_publish(hub, &p);
    }
    return s;
}

static void publish_stored(struct dead_letter_sink *k, struct nw_message *m)
{
    struct nw_hub *hub = k->base.hub;
    char reply[NW_REPLY_SUBJECT];
    int64_t slot;
    natsStatus s;

    if (k->once != NULL) {
        nw_once_sent(k->once, m);
    }
    slot = nw_requester_begin(hub->requester, &k->base.client, m, NW_INBOX_EXACT,
                              nw_loop_now(hub->loop) + DEADLINE_NS, reply);
    s = slot < 0 ? NATS_NO_MEMORY : publish_letter(hub, m, reply);
    if (s != NATS_OK) {
        if (slot >= 0) {
            nw_requester_abandon(hub->requester, slot);
        }
        refuse(&k->base, m, s);
    }
}

/* One of the letter's requests. */
static natsStatus begin(struct dead_letter_sink *k, struct letter *l, bool fence)
{
    struct nw_hub *hub = k->base.hub;
    char reply[NW_REPLY_SUBJECT];
    int64_t slot = nw_requester_begin(hub->requester, &k->core, l, NW_INBOX_EXACT,
                                      nw_loop_now(hub->loop) + DEADLINE_NS, reply);
    natsStatus s;

    if (slot < 0) {
        return NATS_NO_MEMORY;
    }
    s = fence ? natsConnection_PublishRequest(hub->nc, reply, reply, "fence", 5)
              : publish_letter(hub, l->message, reply);
    if (s != NATS_OK) {
        nw_requester_abandon(hub->requester, slot);
    } else {
        l->open++;
    }
    return s;
}

static void publish_core(struct dead_letter_sink *k, struct nw_message *m)
{
    struct letter *l = calloc(1, sizeof *l);
    natsStatus s = NATS_NO_MEMORY;

    if (!k->said) {
        k->said = true;
        nw_log(k->base.endpoint, NW_LOG_WARNING,
               "dead letters to %.*s are not stored: no stream takes the subject",
               (int)nw_message_address(m).len, nw_message_address(m).data);
    }
    if (l != NULL) {
        l->message = m;
        s = begin(k, l, false);
        if (s == NATS_OK) {
            s = begin(k, l, true);
        }
    }
    if (s != NATS_OK) {
        refuse(&k->base, m, s);
        if (l != NULL) {
            l->message = NULL;
            if (l->open == 0) {
                free(l);
            }
        }
    }
}

/* Is it the fence that came back? Anything else is an answer of whoever listens. */
static void on_core(struct nw_requester_client *client, struct nw_reply *replies, size_t n)
{
    struct dead_letter_sink *k =
        (struct dead_letter_sink *)((char *)client - offsetof(struct dead_letter_sink, core));

    for (size_t i = 0; i < n; i++) {
        struct letter *l = replies[i].item;
        l->open--;
        if (l->message != NULL && !nw_hub_sink_unanswered(&k->base, l->message, replies[i].kind)) {
            nw_hub_sink_ack(&k->base, l->message, NULL);
        }
        l->message = NULL;
        if (l->open == 0) {
            free(l);
        }
    }
    nw_hub_sink_flush(&k->base);
}

static void on_stored(struct nw_requester_client *client, struct nw_reply *replies, size_t n)
{
    struct dead_letter_sink *k =
        (struct dead_letter_sink *)((char *)client -
                                    offsetof(struct dead_letter_sink, base.client));

    for (size_t i = 0; i < n; i++) {
        struct nw_message *m = replies[i].item;
        if (nw_hub_sink_unanswered(&k->base, m, replies[i].kind)) {
            for (size_t j = 0; j < KNOWN; j++) {
                k->known[j].until_ns = 0; /* the stream may be gone: ask again */
            }
            if (k->once != NULL && replies[i].kind == NW_REPLY_NO_RESPONDER) {
                nw_once_missing(k->once);
            }
        } else {
            struct nw_js_puback ack;
            nw_js_sink_read_puback(replies[i].msg, &ack);
            if (k->once != NULL && ack.is_ack) {
                nw_once_finished(k->once, m, &ack);
            }
            (void)nw_js_sink_take_puback(&k->base, m, &ack, false);
        }
    }
    nw_hub_sink_flush(&k->base);
}

static bool was_published(struct nw_requester_client *client, void *item, struct nw_slice subject)
{
    (void)client;
    return nw_slice_equal(nw_message_address(item), subject);
}

static bool letter_published(struct nw_requester_client *client, void *item,
                             struct nw_slice subject)
{
    const struct letter *l = item;

    (void)client;
    return l->message != NULL && nw_slice_equal(nw_message_address(l->message), subject);
}

/* ---- which of the two ---- */

static const struct known *find_known(const struct dead_letter_sink *k, struct nw_slice subject)
{
    for (size_t i = 0; i < KNOWN; i++) {
        if (k->known[i].subject != NULL && k->known[i].until_ns > nw_loop_now(k->base.hub->loop) &&
            nw_slice_equal(nw_slice_text(k->known[i].subject), subject)) {
            return &k->known[i];
        }
    }
    return NULL;
}

static void remember(struct dead_letter_sink *k, struct nw_slice subject, bool stored)
{
    struct known *known = &k->known[k->next_known++ % KNOWN];

    free(known->subject);
    known->subject = strndup(subject.data, subject.len);
    known->stored = stored;
    known->until_ns = nw_loop_now(k->base.hub->loop) + (stored ? STORED_NS : NOT_STORED_NS);
}

static void on_streams(void *context, const struct nw_js_response *r)
{
    struct dead_letter_sink *k = context;
    struct nw_message *m = k->waiting;
    jv streams = nw_js_member(r->body, "streams");
    bool stored =
        r->ok && jv_get_kind(streams) == JV_KIND_ARRAY && jv_array_length(jv_copy(streams)) > 0;

    jv_free(streams);
    k->waiting = NULL;
    if (k->base.hub->nc == NULL || r->lost) {
        nw_hub_sink_done(&k->base, m, NW_RETRY, NW_CAUSE_OUTAGE,
                         r->lost ? r->text : "the connection to NATS was lost");
        nw_hub_sink_flush(&k->base);
        if (k->base.hub->nc != NULL) {
            nw_hub_sink_ready(&k->base);
        }
        return;
    }
    remember(k, nw_message_address(m), stored);
    if (stored) {
        publish_stored(k, m);
    } else {
        publish_core(k, m);
    }
    nw_hub_sink_flush(&k->base);
    nw_hub_sink_ready(&k->base);
}

static void publish(struct nw_hub_sink *base, struct nw_message *m)
{
    struct dead_letter_sink *k = (struct dead_letter_sink *)base;
    const struct known *known;
    struct nw_slice subject;
    jv request;

    if (!nw_hub_sink_subject(base, m, &subject)) {
        return;
    }
    known = find_known(k, subject);
    if (known != NULL && known->stored) {
        publish_stored(k, m);
    } else if (known != NULL) {
        publish_core(k, m);
    } else {
        request = jv_object_set(jv_object(), jv_string("subject"),
                                jv_string_sized(subject.data, (int)subject.len));
        base->ready = false; /* the others wait for the answer */
        k->waiting = m;
        nw_js_ask(&k->lookup, request, on_streams, "STREAM.NAMES");
    }
}

static enum nw_admission admit(struct nw_hub_sink *base, struct nw_message *m)
{
    struct dead_letter_sink *k = (struct dead_letter_sink *)base;
    int64_t number;

    if (!k->seen) {
        k->seen = true;
        if (nw_message_number(m, NW_META_PARTITION, &number)) {
            k->once = nw_once_new(base, 0, "dead_letter");
        }
    }
    return k->once == NULL ? NW_ADMIT : nw_once_admit(k->once, m);
}

static void received(struct nw_listener *listener)
{
    struct dead_letter_sink *k =
        (struct dead_letter_sink *)((char *)listener -
                                    offsetof(struct dead_letter_sink, base.listener));

    if (k->once != NULL) {
        nw_once_received(k->once);
    }
}

static void lost(struct nw_hub_sink *base)
{
    struct dead_letter_sink *k = (struct dead_letter_sink *)base;

    if (k->once != NULL) {
        nw_once_lost(k->once);
    }
}

static void closed(struct nw_hub_sink *base)
{
    struct dead_letter_sink *k = (struct dead_letter_sink *)base;

    nw_js_cancel(&k->lookup);
    if (k->waiting != NULL) {
        nw_hub_sink_done(base, k->waiting, NW_RETRY, NW_CAUSE_STOPPING, "the route stops");
    }
    nw_requester_cancel(base->hub->requester, &k->core);
    nw_hub_sink_flush(base);
    nw_once_free(k->once);
    for (size_t i = 0; i < KNOWN; i++) {
        free(k->known[i].subject);
    }
    free(k);
}

static const struct nw_hub_sink_ops ops = {
    .admit = admit, .publish = publish, .lost = lost, .closed = closed};

static int open_sink(struct nw_endpoint *endpoint, const struct nw_endpoint_config *config,
                     void **state, struct nw_error *error)
{
    struct dead_letter_sink *k = calloc(1, sizeof *k);

    if (k == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    nw_js_call_init(&k->lookup, config->connection, k);
    k->base.client.complete = on_stored;
    k->base.client.published = was_published;
    k->core.complete = on_core;
    k->core.published = letter_published;
    k->base.listener.received = received;
    nw_hub_sink_open(&k->base, endpoint, config, &ops);
    *state = k;
    return 0;
}

static const struct nw_option no_rows[] = {{.name = NULL}};

static const struct nw_sink_kind sink = {
    .options = no_rows,
    .address = NW_FILL_SUBJECT,
    .address_doc = "the subject of dead letters",
    .promise = "stored where a stream takes the subject; elsewhere whoever listens has it",
    .open = open_sink,
    .send = nw_hub_sink_send,
    .close = nw_hub_sink_close,
};

static const struct nw_connector connector = {
    NW_CONNECTOR_HEAD,
    .name = "dead_letter",
    .version = "0.1.0",
    .summary = "where messages go that cannot be delivered",
    .connection = &nw_hub_connection_kind,
    .sink = &sink,
};

const struct nw_connector *nw_hub_dead_letter(void)
{
    return &connector;
}
