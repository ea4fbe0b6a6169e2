/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a caller is told. A message that was taken: 204 or 202, or what the route says. A reply: its
 * status, headers and bytes, which are lent to libmicrohttpd, not copied. Anything else: a status
 * that says whose turn it is, and the reason as {"error": "…"}.
 */
#include <stdio.h>
#include <stdlib.h>

#include "http_listener.h"
#include "http_text.h"

#define LONGEST_REASON 1000

/* ---- From the outcome to a status ---- */

static unsigned status_of(const struct http_request *request)
{
    switch (request->cause) {
    case NW_CAUSE_MAPPING:
    case NW_CAUSE_REFUSED:
        return 422;
    case NW_CAUSE_TOO_LARGE:
        return 413;
    case NW_CAUSE_TIMEOUT: /* of a request; a confirmation that does not come is an outage */
        return 504;
    case NW_CAUSE_NO_RESPONDER:
    case NW_CAUSE_OUTAGE:
    case NW_CAUSE_STOPPING:
    case NW_CAUSE_NONE:
        break;
    }
    return request->outcome == NW_REJECT && request->cause == NW_CAUSE_NONE ? 422 : 503;
}

static struct nw_slice find(const struct nw_message *m, const char *name)
{
    struct nw_slice key, value;

    for (size_t i = 0; i < nw_message_header_count(m); i++) {
        nw_message_header(m, i, &key, &value);
        if (http_name_equal(key, http_slice(name))) {
            return value;
        }
    }
    return (struct nw_slice){NULL, 0};
}

static unsigned number(struct nw_slice text, unsigned least)
{
    unsigned n = 0;

    for (size_t i = 0; i < text.len && i < 4; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return 0;
        }
        n = n * 10 + (unsigned)(text.data[i] - '0');
    }
    return text.len == 3 && n >= least && n <= 599 ? n : 0;
}

/* A reply names its status in a header: Natsway-Status or Status, or, being a NATS service that
 * failed, Nats-Service-Error-Code. */
static unsigned status_of_reply(const struct nw_message *reply)
{
    int64_t known;

    if (nw_message_number(reply, NW_META_STATUS, &known) && known >= 200 && known <= 599) {
        return (unsigned)known;
    }
    unsigned status = number(find(reply, "Natsway-Status"), 200);
    if (status == 0) {
        status = number(find(reply, "Status"), 200);
    }
    if (status == 0) {
        struct nw_slice code = find(reply, "Nats-Service-Error-Code");
        status = code.data == NULL ? 200 : number(code, 400);
    }
    return status == 0 ? 500 : status;
}

/* A request that was taken: delivered, or stored in the spool. */
static struct http_answer taken(const struct http_request *request)
{
    const struct http_respond *respond = &request->source->options->respond;
    unsigned status = request->stored ? 202 : respond->body != 0 ? 200 : 204;

    return (struct http_answer){.status = respond->status != 0 ? (unsigned)respond->status : status,
                                .taken = true};
}

struct http_answer http_answer_of(const struct http_request *request)
{
    if (request->outcome == NW_ACK && request->reply != NULL) {
        return (struct http_answer){.status = status_of_reply(request->reply),
                                    .reply = request->reply};
    }
    if (request->outcome == NW_ACK) {
        return taken(request);
    }
    struct http_answer answer = {.status = status_of(request), .text = request->reason};
    if (answer.status == 503) {
        answer.retry_after_s =
            request->retry_after_ms == 0 ? 1 : (request->retry_after_ms + 999) / 1000;
        answer.close = request->cause == NW_CAUSE_STOPPING;
    }
    return answer;
}

/* ---- From the answer to a response ---- */

static size_t put_escaped(char *out, struct nw_slice text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len && i < LONGEST_REASON; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\') {
            out[n++] = '\\';
            out[n++] = (char)c;
        } else if (c < 0x20) {
            n += (size_t)sprintf(out + n, "\\u%04x", c);
        } else {
            out[n++] = (char)c;
        }
    }
    return n;
}

static struct MHD_Response *make_error(const struct http_answer *answer)
{
    char body[6 * LONGEST_REASON + 32] = "{\"error\":\"";
    size_t len = strlen(body);
    struct nw_slice text = answer->text;

    if (text.data == NULL || text.len == 0) {
        text = http_slice(http_phrase((long)answer->status));
    }
    len += put_escaped(body + len, text);
    memcpy(body + len, "\"}\n", 3);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(len + 3, body, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return NULL;
    }
    MHD_add_response_header(response, "Content-Type", "application/json");
    if (answer->allow != NULL) {
        MHD_add_response_header(response, "Allow", answer->allow);
    }
    if (answer->retry_after_s != 0) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%u", answer->retry_after_s);
        MHD_add_response_header(response, "Retry-After", seconds);
    }
    if (answer->close) {
        MHD_add_response_header(response, "Connection", "close");
    }
    return response;
}

static void add_header(struct MHD_Response *response, struct nw_slice name, struct nw_slice value)
{
    char small[512], *text = small;
    size_t size = name.len + value.len + 2;

    if (!http_header_name_valid(name) || !http_header_value_valid(value) ||
        (size > sizeof small && (text = malloc(size)) == NULL)) {
        return;
    }
    memcpy(text, name.data, name.len);
    text[name.len] = '\0';
    memcpy(text + name.len + 1, value.data, value.len);
    text[size - 1] = '\0';
    MHD_add_response_header(response, text, text + name.len + 1);
    if (text != small) {
        free(text);
    }
}

static void forget_reply(void *reply)
{
    nw_message_unref(reply);
}

static struct MHD_Response *make_reply(struct http_answer *answer)
{
    struct nw_message *reply = answer->reply;
    struct nw_slice payload = nw_message_payload(reply), name, value;
    bool typed = false;

    if (payload.len == 0 && answer->status >= 400) {
        struct http_answer failed = *answer;
        failed.text = find(reply, "Nats-Service-Error");
        return make_error(&failed);
    }
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        payload.len, payload.data == NULL ? "" : (char *)(uintptr_t)payload.data, forget_reply,
        reply);
    if (response == NULL) {
        return NULL;
    }
    answer->reply = NULL; /* its reference is the response's */
    for (size_t i = 0; i < nw_message_header_count(reply); i++) {
        nw_message_header(reply, i, &name, &value);
        if (http_header_goes_out(name) && !http_name_equal(name, http_slice("Date")) &&
            !http_name_equal(name, http_slice("Status"))) {
            add_header(response, name, value);
            typed = typed || http_name_equal(name, http_slice("Content-Type"));
        }
    }
    if (!typed && payload.len > 0) {
        MHD_add_response_header(response, "Content-Type", http_content_type_guess(payload));
    }
    return response;
}

/* What the route says to a request that was taken, with the values of its message. */
static struct MHD_Response *make_taken(const struct http_request *request)
{
    const struct http_respond *respond = &request->source->options->respond;
    struct nw_slice body = {"", 0};
    bool typed = false;

    if (respond->body != 0) {
        body = nw_message_value(request->message, respond->body);
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body.len, (char *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < respond->headers.count; i++) {
        struct nw_slice name = http_slice(respond->headers.names[i]);
        add_header(response, name, nw_message_value(request->message, respond->headers.slots[i]));
        typed = typed || http_name_equal(name, http_slice("Content-Type"));
    }
    if (!typed && body.len > 0) {
        MHD_add_response_header(response, "Content-Type", http_content_type_guess(body));
    }
    return response;
}

static struct MHD_Response *make_response(struct http_peer *peer)
{
    struct http_answer *answer = &peer->answer;

    if (answer->taken) {
        return make_taken(peer->request);
    }
    return answer->reply != NULL ? make_reply(answer) : make_error(answer);
}

/* Nothing but the status. */
static bool is_bare(const struct http_peer *peer)
{
    const struct http_respond *respond =
        peer->answer.taken ? &peer->source->options->respond : NULL;

    return respond != NULL && respond->body == 0 && respond->headers.count == 0;
}

enum MHD_Result http_answer_queue(struct http_peer *peer)
{
    struct http_answer *answer = &peer->answer;
    unsigned status = answer->status;
    enum MHD_Result rc = MHD_NO;

    if (peer->fifo != &peer->listener->sending) {
        http_peer_move(peer, &peer->listener->sending);
    }
    if (is_bare(peer)) {
        rc = MHD_queue_response(peer->connection, status, peer->listener->no_content);
    } else {
        struct MHD_Response *response = make_response(peer);
        if (response != NULL) {
            rc = MHD_queue_response(peer->connection, status, response);
            MHD_destroy_response(response);
        }
    }
    if (answer->reply != NULL) {
        nw_message_unref(answer->reply);
    }
    *answer = (struct http_answer){0};
    http_peer_detach(peer);
    return rc;
}
