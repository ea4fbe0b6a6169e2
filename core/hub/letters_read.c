/* SPDX-License-Identifier: Apache-2.0 */
/* Reading all that a stream has of dead letters. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "hub/js_api.h"
#include "hub/js_parse.h"
#include "hub/js_stored.h"
#include "hub/letters_internal.h"
#include "hub/raw_headers.h"
#include "hub/subject.h"
#include "hub/token.h"

#define BATCH 500

static bool is(struct nw_slice name, const char *text)
{
    return name.len == strlen(text) && strncasecmp(name.data, text, name.len) == 0;
}

/* A consumer of its own that goes away by itself; explicit acknowledgments are not asked for. */
static jv consumer_request(const char *stream, const char *pattern, uint64_t from,
                           bool headers_only)
{
    jv config = jv_object();

    config = jv_object_set(config, jv_string("deliver_policy"), jv_string("by_start_sequence"));
    config = jv_object_set(config, jv_string("opt_start_seq"),
                           jv_number((double)(from == 0 ? 1 : from)));
    config = jv_object_set(config, jv_string("ack_policy"), jv_string("none"));
    config = jv_object_set(config, jv_string("replay_policy"), jv_string("instant"));
    config = jv_object_set(config, jv_string("inactive_threshold"), jv_number(30e9));
    config = jv_object_set(config, jv_string("mem_storage"), jv_true());
    config = jv_object_set(config, jv_string("num_replicas"), jv_number(1));
    if (headers_only) {
        config = jv_object_set(config, jv_string("headers_only"), jv_true());
    }
    if (pattern != NULL) {
        config = jv_object_set(config, jv_string("filter_subject"), jv_string(pattern));
    }
    return jv_object_set(jv_object_set(jv_object(), jv_string("stream_name"), jv_string(stream)),
                         jv_string("config"), config);
}

/* What tell is told, and how far it is. */
struct reading {
    struct nw_letters *l;
    const char *stream, *pattern;
    bool headers_only;
    bool (*tell)(void *context, const struct nw_stored *stored);
    void *context;
    uint64_t left; /* to come */
    bool over;
};

/* With the headers only the server says in one of them how large the payload is. */
static size_t size_of(const struct reading *r, natsMsg *msg)
{
    struct nw_slice lines = nw_raw_headers(msg), name, value;
    bool folded;

    while (r->headers_only && nw_raw_headers_next(&lines, &name, &value, &folded)) {
        if (is(name, "Nats-Msg-Size")) {
            return strtoul(value.data, NULL, 10);
        }
    }
    return (size_t)natsMsg_GetDataLength(msg);
}

static void take(struct reading *r, natsMsg *msg)
{
    struct nw_stored stored = {.stream = r->stream, .subject = natsMsg_GetSubject(msg)};
    struct nw_js_metadata meta;

    if (!nw_js_parse_metadata(natsMsg_GetReply(msg), &meta)) {
        return;
    }
    r->left -= r->left > 0 ? 1 : 0;
    stored.sequence = meta.sequence;
    stored.stored_ns = meta.timestamp_ns;
    stored.size = size_of(r, msg);
    stored.headers = nw_raw_headers(msg);
    if (!r->headers_only) {
        stored.payload =
            (struct nw_slice){stored.size == 0 ? "" : natsMsg_GetData(msg), stored.size};
    }
    if (nw_subject_matches(nw_slice_text(r->pattern), nw_slice_text(stored.subject)) &&
        !r->tell(r->context, &stored)) {
        r->over = true;
    }
}

/* One request and what it brings. The server ends it with a message of its own when it has no more.
 */
static natsStatus pull(struct reading *r, natsSubscription *sub, const char *subject,
                       const char *inbox)
{
    char body[64];
    natsStatus s;

    (void)snprintf(body, sizeof body, "{\"batch\":%d,\"no_wait\":true}", BATCH);
    s = natsConnection_PublishRequestString(r->l->nc, subject, inbox, body);
    for (int i = 0; s == NATS_OK && i < BATCH && !r->over; i++) {
        natsMsg *msg = NULL;
        s = natsSubscription_NextMsg(&msg, sub, NW_LETTERS_ANSWER_MS);
        if (s == NATS_OK && natsMsg_GetReply(msg) == NULL) {
            r->over = true; /* 404, 408, 409 */
        } else if (s == NATS_OK) {
            take(r, msg);
            r->over |= r->left == 0;
        }
        natsMsg_Destroy(msg);
    }
    return s;
}

static int read_consumer(struct reading *r, const char *consumer, struct nw_error *error)
{
    char inbox[64], subject[600], token[NW_TOKEN_RANDOM];
    natsSubscription *sub = NULL;
    natsStatus s;
    jv answer;

    nw_token_random(token);
    (void)snprintf(inbox, sizeof inbox, "%.20s.%s", r->l->inbox_prefix, token);
    (void)snprintf(subject, sizeof subject, "$JS.API.CONSUMER.MSG.NEXT.%s.%s", r->stream, consumer);
    s = natsConnection_SubscribeSync(&sub, r->l->nc, inbox);
    while (s == NATS_OK && !r->over) {
        s = pull(r, sub, subject, inbox);
    }
    natsSubscription_Destroy(sub);
    if (s != NATS_OK) {
        return nw_letters_unanswered(r->l, s, error);
    }
    if (nw_letters_ask(r->l, jv_object(), &answer, NULL, "CONSUMER.DELETE.%s.%s", r->stream,
                       consumer) == 0) {
        jv_free(answer);
    }
    return 0;
}

/* Without a consumer, which a work queue allows only one of: message by message. */
static int read_slowly(struct reading *r, uint64_t from, struct nw_error *error)
{
    int rc = 0;

    while (rc == 0 && !r->over) {
        struct nw_js_stored *stored;
        jv answer;
        rc = nw_letters_ask(r->l, nw_js_stored_request(from == 0 ? 1 : from, r->pattern), &answer,
                            error, "STREAM.MSG.GET.%s", r->stream);
        if (rc == 0) {
            stored = nw_js_stored_read(answer, r->stream, error);
            jv_free(answer);
            if (stored == NULL) {
                return NW_EIO;
            }
            from = stored->stored.sequence + 1;
            r->over = !r->tell(r->context, &stored->stored);
            nw_js_stored_free(stored);
        }
    }
    return rc == NW_ENOTFOUND ? 0 : rc;
}

int nw_letters_read(struct nw_letters *l, const char *stream, const char *pattern, uint64_t from,
                    bool headers_only, bool (*tell)(void *context, const struct nw_stored *stored),
                    void *context, struct nw_error *error)
{
    struct reading r = {l, stream, pattern, headers_only, tell, context, 0, false};
    char consumer[256];
    jv answer;
    int rc = nw_letters_ask(l, consumer_request(stream, pattern, from, headers_only), &answer,
                            error, "CONSUMER.CREATE.%s", stream);

    if (rc == NW_EINVAL) { /* the stream has only some of the subjects */
        rc = nw_letters_ask(l, consumer_request(stream, NULL, from, headers_only), &answer, error,
                            "CONSUMER.CREATE.%s", stream);
    }
    if (rc == NW_EINVAL) {
        return read_slowly(&r, from, error);
    }
    if (rc != 0) {
        return rc;
    }
    r.left = (uint64_t)nw_js_number(answer, "num_pending", 0);
    r.over = r.left == 0;
    (void)nw_js_text(answer, "name", consumer, sizeof consumer);
    jv_free(answer);
    return read_consumer(&r, consumer, error);
}
