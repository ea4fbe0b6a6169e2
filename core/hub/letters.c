/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/letters.h"

#include <jv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "hub/carry.h"
#include "hub/hub_options.h"
#include "hub/js_api.h"
#include "hub/js_parse.h"
#include "hub/js_stored.h"
#include "hub/raw_headers.h"
#include "hub/receive.h"
#include "hub/subject.h"
#include "hub/token.h"

#define CONNECT_MS 5000
#define ANSWER_MS 10000
#define BATCH 500

/* JetStream's own words for "there is no such message". */
#define ERR_NO_MESSAGE 10037
#define ERR_NO_SEQUENCE 10043
#define ERR_NOT_DELETED 10057

struct nw_letters {
    natsConnection *nc;
    jsCtx *js;
    const char *inbox_prefix;
};

/* ---- the connection ---- */

int nw_letters_open(const void *hub_options, struct nw_letters **out, struct nw_error *error)
{
    const struct nw_hub_options *options = hub_options;
    struct nw_letters *l = calloc(1, sizeof *l);
    natsOptions *o = NULL;
    natsStatus s;

    if (l == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    l->inbox_prefix = options->inbox_prefix;
    if (nw_hub_options_make(options, "natsway dlq", NULL, 0, &o, error) != 0) {
        free(l);
        return NW_EINVAL;
    }
    s = natsOptions_SetTimeout(o, CONNECT_MS);
    s = s == NATS_OK ? natsOptions_SetCustomInboxPrefix(o, l->inbox_prefix) : s;
    s = s == NATS_OK ? natsConnection_Connect(&l->nc, o) : s;
    if (s != NATS_OK) {
        nw_hub_options_explain(options, s, error);
    } else {
        s = natsConnection_JetStream(&l->js, l->nc, NULL);
    }
    natsOptions_Destroy(o);
    if (s != NATS_OK) {
        nw_letters_close(l);
        return NW_EIO;
    }
    *out = l;
    return 0;
}

void nw_letters_close(struct nw_letters *l)
{
    if (l != NULL) {
        jsCtx_Destroy(l->js);
        natsConnection_Destroy(l->nc);
        free(l);
    }
}

/* ---- asking ---- */

static int unanswered(natsStatus s, struct nw_error *error)
{
    return nw_error_set(error, NW_EIO, "%s",
                        s == NATS_NO_RESPONDERS ? "JetStream is not enabled"
                        : s == NATS_TIMEOUT     ? "JetStream does not answer"
                                                : natsStatus_GetText(s));
}

static int refused(jv failure, struct nw_error *error)
{
    int code = (int)nw_js_number(failure, "code", 500);
    int error_code = (int)nw_js_number(failure, "err_code", 0);
    char text[200];
    bool missing = error_code == ERR_NO_MESSAGE || error_code == ERR_NO_SEQUENCE;

    (void)nw_js_text(failure, "description", text, sizeof text);
    missing |= error_code == ERR_NOT_DELETED && strstr(text, "not found") != NULL;
    return nw_error_set(error,
                        missing       ? NW_ENOTFOUND
                        : code == 503 ? NW_EIO
                                      : NW_EINVAL,
                        "%s", text);
}

/* Ask $JS.API.SUBJECT; body is taken. 0 with the answer, an object, in *out, or an error. */
static int ask(struct nw_letters *l, jv body, jv *out, struct nw_error *error, const char *format,
               ...) __attribute__((format(printf, 5, 6)));

static int ask(struct nw_letters *l, jv body, jv *out, struct nw_error *error, const char *format,
               ...)
{
    char method[560], subject[600];
    jv text = jv_dump_string(body, 0), failure;
    natsMsg *answer = NULL;
    natsStatus s;
    va_list args;
    int rc = 0;

    va_start(args, format);
    (void)vsnprintf(method, sizeof method, format, args);
    va_end(args);
    (void)snprintf(subject, sizeof subject, "$JS.API.%s", method);
    s = natsConnection_RequestString(&answer, l->nc, subject, jv_string_value(text), ANSWER_MS);
    jv_free(text);
    if (s != NATS_OK) {
        return unanswered(s, error);
    }
    *out = jv_parse_sized(natsMsg_GetData(answer), natsMsg_GetDataLength(answer));
    natsMsg_Destroy(answer);
    failure = nw_js_member(*out, "error");
    if (jv_get_kind(*out) != JV_KIND_OBJECT) {
        rc = nw_error_set(error, NW_EIO, "the answer of the JetStream API is no JSON object");
    } else if (jv_get_kind(failure) == JV_KIND_OBJECT) {
        rc = refused(failure, error);
    }
    jv_free(failure);
    if (rc != 0) {
        jv_free(*out);
    }
    return rc;
}

int nw_letters_streams(struct nw_letters *l, const char *pattern,
                       void (*tell)(void *context, const char *name), void *context,
                       struct nw_error *error)
{
    jv answer, names;
    int rc = ask(l, jv_object_set(jv_object(), jv_string("subject"), jv_string(pattern)), &answer,
                 error, "STREAM.NAMES");

    if (rc != 0) {
        return rc;
    }
    names = nw_js_member(answer, "streams");
    if (jv_get_kind(names) == JV_KIND_ARRAY) {
        int count = jv_array_length(jv_copy(names));
        for (int i = 0; i < count; i++) {
            jv name = jv_array_get(jv_copy(names), i);
            if (jv_get_kind(name) == JV_KIND_STRING) {
                tell(context, jv_string_value(name));
            }
            jv_free(name);
        }
    }
    jv_free(names);
    jv_free(answer);
    return 0;
}

/* ---- one by one ---- */

int nw_letters_get(struct nw_letters *l, const char *stream, uint64_t sequence,
                   bool (*tell)(void *context, const struct nw_stored *stored), void *context,
                   struct nw_error *error)
{
    struct nw_js_stored *stored;
    jv answer;
    int rc =
        ask(l, nw_js_stored_request(sequence, NULL), &answer, error, "STREAM.MSG.GET.%s", stream);

    if (rc != 0) {
        return rc;
    }
    stored = nw_js_stored_read(answer, stream, error);
    jv_free(answer);
    if (stored == NULL) {
        return NW_EIO;
    }
    (void)tell(context, &stored->stored);
    nw_js_stored_free(stored);
    return 0;
}

int nw_letters_fill(struct nw_message *m, const struct nw_stored *stored)
{
    struct nw_slice payload = stored->payload.data == NULL ? NW_LITERAL("") : stored->payload;

    return nw_receive_into(m, stored->headers, payload, true, stored->stored_ns);
}

int nw_letters_remove(struct nw_letters *l, const char *stream, uint64_t sequence,
                      struct nw_error *error)
{
    jv answer;
    int rc = ask(l, nw_js_stored_removal(sequence), &answer, error, "STREAM.MSG.DELETE.%s", stream);

    if (rc == 0) {
        jv_free(answer);
    }
    return rc;
}

static bool is(struct nw_slice name, const char *text)
{
    return name.len == strlen(text) && strncasecmp(name.data, text, name.len) == 0;
}

/* A header of the stored one that does not go along: it gets a new value, or there is no place for
 * it any more. The name may stand there as base64. */
static bool is_replaced(const struct nw_letter_edit *edit, struct nw_slice name)
{
    if (nw_slice_starts(name, NW_LITERAL(NW_CARRY_B64))) {
        name.data += sizeof NW_CARRY_B64 - 1;
        name.len -= sizeof NW_CARRY_B64 - 1;
    }
    if (is(name, "Nats-Msg-Id") ||
        (edit->payload.data != NULL &&
         (is(name, NW_CARRY_TOMBSTONE) || is(name, "Natsway-Truncated")))) {
        return true;
    }
    for (size_t i = 0; i < edit->count; i++) {
        if (is(name, edit->items[i].name)) {
            return true;
        }
    }
    return false;
}

static natsStatus add_header(natsMsg *msg, struct nw_slice name, struct nw_slice value,
                             bool as_base64)
{
    struct nw_buffer b = {0};
    natsStatus s = NATS_NO_MEMORY;

    nw_carry_encode(&b, name, value, as_base64);
    if (!b.failed) {
        s = natsMsgHeader_Add(msg, b.data, b.data + strlen(b.data) + 1);
    }
    nw_buffer_done(&b);
    return s;
}

static natsStatus set_headers(natsMsg *msg, const struct nw_stored *stored,
                              const struct nw_letter_edit *edit)
{
    struct nw_slice lines = stored->headers, name, value;
    natsStatus s = natsMsgHeader_Set(msg, "Nats-Msg-Id", edit->id);
    bool folded;

    while (s == NATS_OK && nw_raw_headers_next(&lines, &name, &value, &folded)) {
        if (!is_replaced(edit, name)) {
            s = add_header(msg, name, value, false);
        }
    }
    for (size_t i = 0; s == NATS_OK && i < edit->count; i++) {
        struct nw_slice new_name = nw_slice_text(edit->items[i].name);
        struct nw_slice new_value;
        if (edit->items[i].value != NULL) {
            new_value = nw_slice_text(edit->items[i].value);
            s = add_header(msg, new_name, new_value, !nw_carry_fits(new_name, new_value));
        }
    }
    return s;
}

/* Where one puback is an answer of another stream, the letter would not be found any more. */
static int take_puback(const jsPubAck *ack, const char *stream, uint64_t *sequence,
                       struct nw_error *error)
{
    if (strcmp(ack->Stream, stream) != 0) {
        return nw_error_set(error, NW_EINVAL, "it was taken by the stream %s, not by %s",
                            ack->Stream, stream);
    }
    *sequence = ack->Sequence;
    return 0;
}

int nw_letters_publish(struct nw_letters *l, const struct nw_stored *stored,
                       const struct nw_letter_edit *edit, uint64_t *sequence,
                       struct nw_error *error)
{
    struct nw_slice payload = edit->payload.data == NULL ? stored->payload : edit->payload;
    jsPubAck *ack = NULL;
    jsErrCode code = 0;
    natsMsg *msg = NULL;
    natsStatus s = natsMsg_Create(&msg, stored->subject, NULL, payload.data, (int)payload.len);
    int rc = 0;

    s = s == NATS_OK ? set_headers(msg, stored, edit) : s;
    s = s == NATS_OK ? js_PublishMsg(&ack, l->js, msg, NULL, &code) : s;
    natsMsg_Destroy(msg);
    if (s == NATS_OK) {
        rc = take_puback(ack, stored->stream, sequence, error);
        jsPubAck_Destroy(ack);
    } else if (code != 0 || s == NATS_MAX_PAYLOAD) {
        rc = nw_error_set(error, NW_EINVAL, "the stream refuses it: %s", nats_GetLastError(NULL));
    } else {
        rc = unanswered(s, error);
    }
    return rc;
}

/* ---- all of them ---- */

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
        s = natsSubscription_NextMsg(&msg, sub, ANSWER_MS);
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
        return unanswered(s, error);
    }
    if (ask(r->l, jv_object(), &answer, NULL, "CONSUMER.DELETE.%s.%s", r->stream, consumer) == 0) {
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
        rc = ask(r->l, nw_js_stored_request(from == 0 ? 1 : from, r->pattern), &answer, error,
                 "STREAM.MSG.GET.%s", r->stream);
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
    int rc = ask(l, consumer_request(stream, pattern, from, headers_only), &answer, error,
                 "CONSUMER.CREATE.%s", stream);

    if (rc == NW_EINVAL) { /* the stream has only some of the subjects */
        rc = ask(l, consumer_request(stream, NULL, from, headers_only), &answer, error,
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
