/* SPDX-License-Identifier: Apache-2.0 */
#include "http_message.h"

#include <stdio.h>
#include <stdlib.h>

#include "http_text.h"

#define FIRST_BODY 4096 /* of a body whose length is not announced */
#define LONGEST_DELIVERY 200

/* ---- Reading what stands before the body ---- */

/* Senders of webhooks name each delivery, and repeat the name when they repeat the delivery. */
static bool names_delivery(struct nw_slice name)
{
    static const char *const names[] = {"Idempotency-Key",
                                        "Webhook-Id",
                                        "X-GitHub-Delivery",
                                        "X-Gitlab-Event-UUID",
                                        "X-Shopify-Event-Id",
                                        "X-Shopify-Webhook-Id",
                                        "I-Twilio-Idempotency-Token",
                                        "X-Atlassian-Webhook-Identifier",
                                        "X-Delivery-Id"};

    if (name.len < 10 || strchr("iwxIWX", name.data[0]) == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (http_name_equal(name, http_slice(names[i]))) {
            return true;
        }
    }
    return false;
}

static enum MHD_Result read_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   size_t name_len, const char *value, size_t value_len)
{
    struct http_head *head = context;
    struct nw_slice key = {name, name_len}, text = {value == NULL ? "" : value, value_len};

    (void)kind;
    if (!http_header_comes_in(key)) {
        if (http_name_equal(key, http_slice("Content-Length"))) {
            head->content_length = strtoull(text.data, NULL, 10);
        } else if (http_name_equal(key, http_slice("Expect"))) {
            head->expects = true;
        }
        return MHD_YES;
    }
    if (head->header_count == HTTP_HEADERS) {
        head->too_many = true;
        return MHD_NO;
    }
    if (head->delivery.data == NULL && text.len > 0 && text.len <= LONGEST_DELIVERY &&
        names_delivery(key)) {
        head->delivery = text;
    }
    head->headers[head->header_count].name = key;
    head->headers[head->header_count++].value = text;
    head->bytes += name_len + value_len;
    return MHD_YES;
}

static enum MHD_Result read_query(void *context, enum MHD_ValueKind kind, const char *name,
                                  size_t name_len, const char *value, size_t value_len)
{
    struct http_head *head = context;

    (void)kind;
    if (head->query_count == HTTP_QUERIES) {
        head->too_many = true;
        return MHD_NO;
    }
    head->queries[head->query_count].name = (struct nw_slice){name, name_len};
    head->queries[head->query_count++].value =
        (struct nw_slice){value == NULL ? "" : value, value_len};
    head->bytes += name_len + value_len;
    return MHD_YES;
}

void http_head_read(struct MHD_Connection *connection, struct http_head *head)
{
    head->header_count = head->query_count = head->bytes = 0;
    head->too_many = head->expects = false;
    head->content_length = 0;
    head->delivery = (struct nw_slice){NULL, 0};
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, read_header, head);
    MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, read_query, head);
}

void http_head_name_delivery(struct http_head *head, struct nw_slice name)
{
    if (name.len > 0 && name.len <= LONGEST_DELIVERY) {
        head->delivery = name;
    }
}

/* ---- Making the message ---- */

/* All texts of a message go into one block, one behind the other. */
static struct nw_slice put(char **at, struct nw_slice text)
{
    struct nw_slice copy = {*at, text.len};

    memcpy(*at, text.data, text.len);
    *at += text.len;
    return copy;
}

static bool put_decoded(char **at, struct nw_slice text, struct nw_slice *out)
{
    ptrdiff_t len = http_unescape(text, *at);

    *out = (struct nw_slice){*at, len < 0 ? 0 : (size_t)len};
    *at += out->len;
    return len >= 0;
}

static struct nw_slice put_origin(char **at, struct http_listener *l, struct nw_slice address,
                                  struct nw_slice delivery)
{
    char *start = *at;

    if (delivery.data != NULL) {
        put(at, http_slice("http:"));
        put(at, address);
        put(at, http_slice(":"));
        put(at, delivery);
    } else {
        *at += sprintf(start, "%s%llx", l->origin_prefix, (unsigned long long)l->origin_count++);
    }
    return (struct nw_slice){start, (size_t)(*at - start)};
}

static size_t origin_size(const struct http_match *match, const struct http_head *head)
{
    return head->delivery.data == NULL ? 64 : match->address.len + head->delivery.len + 8;
}

static int add_head(struct nw_message *m, const struct http_head *head, char **at)
{
    struct nw_slice name, value;
    int rc = 0;

    for (size_t i = 0; i < head->header_count && rc == 0; i++) {
        name = put(at, head->headers[i].name);
        value = put(at, head->headers[i].value);
        rc = nw_message_add_header(m, name, value);
    }
    for (size_t i = 0; i < head->query_count && rc == 0; i++) {
        if (!put_decoded(at, head->queries[i].name, &name) ||
            !put_decoded(at, head->queries[i].value, &value)) {
            return NW_EINVAL;
        }
        rc = nw_message_add_query(m, name, value);
    }
    return rc;
}

static int add_path(struct nw_message *m, const struct http_match *match, char **at)
{
    int rc = 0;

    nw_message_set_address(m, put(at, match->address));
    for (size_t i = 0; i < match->param_count && rc == 0; i++) {
        struct nw_slice name = put(at, match->names[i]);
        rc = nw_message_add_param(m, name, put(at, match->values[i]));
    }
    return rc;
}

static int fill(struct http_request *request, struct http_peer *peer, const struct http_head *head,
                struct nw_slice method, const struct http_match *match, char *at)
{
    struct nw_message *m = request->message;
    int rc = add_path(m, match, &at);

    rc = rc != 0 ? rc : add_head(m, head, &at);
    nw_message_set_text(m, NW_META_METHOD, put(&at, method));
    if (peer->remote[0] != '\0') {
        nw_message_set_text(m, NW_META_REMOTE, put(&at, http_slice(peer->remote)));
    }
    if (head->delivery.data != NULL || !request->source->accepts) { /* else the spool makes one */
        nw_message_set_origin(m, put_origin(&at, peer->listener, match->address, head->delivery));
    }
    nw_message_set_cookie(m, (uintptr_t)request);
    return rc;
}

int http_message_make(struct http_peer *peer, struct http_source *source,
                      const struct http_head *head, const char *method,
                      const struct http_match *match, struct http_request **out)
{
    struct nw_slice verb = http_slice(method);
    size_t texts = head->bytes + match->address.len + verb.len + sizeof peer->remote +
                   origin_size(match, head);
    struct nw_message *m = nw_message_new(source->endpoint);

    for (size_t i = 0; i < match->param_count; i++) {
        texts += match->names[i].len + match->values[i].len;
    }
    struct http_request *request =
        m == NULL ? NULL
                  : nw_message_alloc(m, sizeof *request + texts + (size_t)head->content_length);
    if (request == NULL) {
        nw_message_unref(m);
        return NW_ENOMEM;
    }
    *request = (struct http_request){.peer = peer,
                                     .source = source,
                                     .message = m,
                                     .body = (char *)(request + 1) + texts,
                                     .body_capacity = (size_t)head->content_length};
    int rc = fill(request, peer, head, verb, match, (char *)(request + 1));
    if (rc != 0) {
        nw_message_unref(m);
        return rc;
    }
    *out = request;
    return 0;
}

int http_message_add_body(struct http_request *request, const char *data, size_t len)
{
    size_t needed = request->body_len + len;

    if (needed > (size_t)request->source->options->max_body) {
        return NW_EFULL;
    }
    if (needed > request->body_capacity) {
        size_t capacity =
            request->body_capacity < FIRST_BODY ? FIRST_BODY : 2 * request->body_capacity;
        capacity = capacity < needed ? needed : capacity;
        char *body = nw_message_alloc(request->message, capacity);
        if (body == NULL) {
            return NW_ENOMEM;
        }
        memcpy(body, request->body, request->body_len);
        request->body = body;
        request->body_capacity = capacity;
    }
    memcpy(request->body + request->body_len, data, len);
    request->body_len = needed;
    return 0;
}
