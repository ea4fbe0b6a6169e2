/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "hub/carry.h"
#include "hub/hub_options.h"
#include "hub/js_api.h"
#include "hub/js_stored.h"
#include "hub/letters_internal.h"
#include "hub/raw_headers.h"
#include "hub/receive.h"

#define CONNECT_MS 5000

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

int nw_letters_unanswered(struct nw_letters *l, natsStatus s, struct nw_error *error)
{
    const char *text = NULL;

    if (s == NATS_TIMEOUT && natsConnection_GetLastError(l->nc, &text) == NATS_NOT_PERMITTED &&
        text != NULL) {
        return nw_error_set(error, NW_EINVAL, "%s", text);
    }
    return nw_error_set(error, NW_EIO, "%s",
                        s == NATS_NO_RESPONDERS ? "JetStream is not enabled"
                        : s == NATS_TIMEOUT     ? "JetStream does not answer"
                                                : natsStatus_GetText(s));
}

static int refused(struct nw_letters *l, jv failure, struct nw_error *error)
{
    int code = (int)nw_js_number(failure, "code", 500), rc = NW_EINVAL;
    char text[200];

    (void)nw_js_text(failure, "description", text, sizeof text);
    l->error_code = (int)nw_js_number(failure, "err_code", 0);
    if (nw_js_stored_is_missing(l->error_code, text)) {
        rc = NW_ENOTFOUND;
    } else if (code == 503) {
        rc = NW_EIO;
    }
    return nw_error_set(error, rc, "%s", text);
}

int nw_letters_ask(struct nw_letters *l, jv body, jv *out, struct nw_error *error,
                   const char *format, ...)
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
    s = natsConnection_RequestString(&answer, l->nc, subject, jv_string_value(text),
                                     NW_LETTERS_ANSWER_MS);
    jv_free(text);
    l->error_code = 0;
    if (s != NATS_OK) {
        return nw_letters_unanswered(l, s, error);
    }
    *out = jv_parse_sized(natsMsg_GetData(answer), natsMsg_GetDataLength(answer));
    natsMsg_Destroy(answer);
    failure = nw_js_member(*out, "error");
    if (jv_get_kind(*out) != JV_KIND_OBJECT) {
        rc = nw_error_set(error, NW_EIO, "the answer of the JetStream API is no JSON object");
    } else if (jv_get_kind(failure) == JV_KIND_OBJECT) {
        rc = refused(l, failure, error);
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
    int rc = nw_letters_ask(l, jv_object_set(jv_object(), jv_string("subject"), jv_string(pattern)),
                            &answer, error, "STREAM.NAMES");

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
    int rc = nw_letters_ask(l, nw_js_stored_request(sequence, NULL), &answer, error,
                            "STREAM.MSG.GET.%s", stream);

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
    int rc = nw_letters_ask(l, nw_js_stored_removal(sequence), &answer, error,
                            "STREAM.MSG.DELETE.%s", stream);

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
        rc = nw_letters_unanswered(l, s, error);
    }
    return rc;
}
