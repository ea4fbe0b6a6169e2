/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/js_api.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"

#define DEADLINE_NS (4 * NW_SECOND_NS)

jv nw_js_member(jv object, const char *name)
{
    if (jv_get_kind(object) != JV_KIND_OBJECT) {
        return jv_null();
    }
    return jv_object_get(jv_copy(object), jv_string(name));
}

int64_t nw_js_number(jv object, const char *name, int64_t standard)
{
    jv value = nw_js_member(object, name);
    int64_t n = jv_get_kind(value) == JV_KIND_NUMBER ? (int64_t)jv_number_value(value) : standard;

    jv_free(value);
    return n;
}

bool nw_js_text(jv object, const char *name, char *out, size_t size)
{
    jv value = nw_js_member(object, name);
    bool is_text = jv_get_kind(value) == JV_KIND_STRING;

    (void)snprintf(out, size, "%s", is_text ? jv_string_value(value) : "");
    jv_free(value);
    return is_text;
}

/* ---- responses ---- */

static void fail(struct nw_js_response *r, const char *text)
{
    r->ok = false;
    r->away = true;
    (void)snprintf(r->text, sizeof r->text, "%s", text);
}

static void read_error(struct nw_js_response *r, jv error)
{
    char description[200];

    r->ok = false;
    r->code = (int)nw_js_number(error, "code", 500);
    r->error_code = (int)nw_js_number(error, "err_code", 0);
    (void)nw_js_text(error, "description", description, sizeof description);
    (void)snprintf(r->text, sizeof r->text, "%s", description);
}

static void read_message(struct nw_js_response *r, natsMsg *msg)
{
    jv error;

    jv_free(r->body);
    r->body = jv_parse_sized(natsMsg_GetData(msg), natsMsg_GetDataLength(msg));
    if (jv_get_kind(r->body) != JV_KIND_OBJECT) {
        jv_free(r->body);
        r->body = jv_object();
        fail(r, "the answer of the JetStream API is no JSON object");
        return;
    }
    error = nw_js_member(r->body, "error");
    r->ok = true;
    if (jv_get_kind(error) == JV_KIND_OBJECT) {
        read_error(r, error);
    }
    jv_free(error);
}

static void on_reply(struct nw_requester_client *client, struct nw_reply *replies, size_t n)
{
    struct nw_js_call *call =
        (struct nw_js_call *)((char *)client - offsetof(struct nw_js_call, client));
    struct nw_js_response r = {.body = jv_object()};

    (void)n; /* one at a time */
    switch (replies[0].kind) {
    case NW_REPLY_MESSAGE:
        if (call->is_bare) {
            r.ok = true;
        } else {
            read_message(&r, replies[0].msg);
        }
        break;
    case NW_REPLY_NO_RESPONDER:
        fail(&r, "JetStream is not enabled");
        break;
    case NW_REPLY_TIMEOUT:
        fail(&r, "JetStream does not answer");
        r.lost = true;
        break;
    case NW_REPLY_DENIED:
        fail(&r, "the NATS server does not permit the call");
        break;
    case NW_REPLY_CANCELLED:
        jv_free(r.body);
        return;
    case NW_REPLY_LOST:
    default:
        fail(&r, "the connection to NATS was lost");
        r.lost = true;
        break;
    }
    call->busy = false;
    call->done(call->context, &r);
    jv_free(r.body);
}

static bool was_published(struct nw_requester_client *client, void *item, struct nw_slice subject)
{
    struct nw_js_call *call =
        (struct nw_js_call *)((char *)client - offsetof(struct nw_js_call, client));

    (void)item;
    return nw_slice_equal(nw_slice_text(call->subject), subject);
}

/* ---- requests ---- */

void nw_js_call_init(struct nw_js_call *call, struct nw_hub *hub, void *context)
{
    *call = (struct nw_js_call){.hub = hub, .context = context};
    call->client.complete = on_reply;
    call->client.published = was_published;
}

static natsStatus send(struct nw_js_call *call, const char *text)
{
    struct nw_hub *hub = call->hub;
    char reply[NW_REPLY_SUBJECT];
    int64_t slot;
    natsStatus s;

    if (hub->nc == NULL) {
        return NATS_CONNECTION_CLOSED;
    }
    slot = nw_requester_begin(hub->requester, &call->client, NULL, NW_INBOX_EXACT,
                              nw_loop_now(hub->loop) + DEADLINE_NS, reply);
    if (slot < 0) {
        return NATS_NO_MEMORY;
    }
    s = natsConnection_PublishRequest(hub->nc, call->subject, reply, text, (int)strlen(text));
    if (s != NATS_OK) {
        nw_requester_abandon(hub->requester, slot);
    }
    return s;
}

/* The subject is set. */
static void ask(struct nw_js_call *call, const char *text,
                void (*done)(void *context, const struct nw_js_response *response))
{
    natsStatus s;

    call->done = done;
    call->busy = true;
    s = send(call, text);
    if (s != NATS_OK) {
        struct nw_js_response r = {.body = jv_object()};
        call->busy = false;
        fail(&r, natsStatus_GetText(s));
        r.lost = true;
        done(call->context, &r);
        jv_free(r.body);
    }
}

void nw_js_ask(struct nw_js_call *call, jv body,
               void (*done)(void *context, const struct nw_js_response *response),
               const char *format, ...)
{
    char method[560];
    jv text = jv_dump_string(body, 0);
    va_list args;

    va_start(args, format);
    (void)vsnprintf(method, sizeof method, format, args);
    va_end(args);
    (void)snprintf(call->subject, sizeof call->subject, "$JS.API.%s", method);
    call->is_bare = false;
    ask(call, jv_string_value(text), done);
    jv_free(text);
}

/* That a message is being worked on which no stream has: it changes nothing, and stands in line. */
void nw_js_ask_after_acks(struct nw_js_call *call,
                          void (*done)(void *context, const struct nw_js_response *response),
                          const char *stream, const char *consumer)
{
    (void)snprintf(call->subject, sizeof call->subject,
                   "$JS.ACK.%s.%s.1.9223372036854775807.9223372036854775807.0.0", stream, consumer);
    call->is_bare = true;
    ask(call, "+WPI", done);
}

void nw_js_cancel(struct nw_js_call *call)
{
    if (call->busy) {
        nw_requester_cancel(call->hub->requester, &call->client);
        call->busy = false;
    }
}
