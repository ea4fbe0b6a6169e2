/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd calls for each request: once when its head is there, once for each piece of its
 * body, once when it is complete, and once more when it goes on after it was suspended. All on the
 * loop's thread, inside MHD_run.
 */
#include "http_message.h"
#include "http_text.h"

/* A body that nobody wants is read to its end up to so much: most clients look for an answer only
 * after they have sent everything. */
#define DISCARD_BYTES (8u * 1024 * 1024)

static void refuse(struct http_peer *peer, unsigned status, const char *text)
{
    peer->answer = (struct http_answer){.status = status, .text = http_slice(text)};
}

static void refuse_later(struct http_peer *peer, const char *text)
{
    refuse(peer, 503, text);
    peer->answer.retry_after_s = 1;
}

static void refuse_unrouted(struct http_peer *peer, enum http_found found,
                            const struct http_match *match)
{
    if (found == HTTP_BAD_PATH) {
        refuse(peer, 400, "the path is not well formed");
    } else if (found == HTTP_NO_PATH) {
        refuse(peer, 404, "no route serves this path");
    } else if (found == HTTP_GONE) {
        refuse_later(peer, "this route is stopping");
        peer->answer.close = true;
    } else {
        refuse(peer, 405, "no route serves this method here");
        memcpy(peer->allow, match->allow, sizeof peer->allow);
        peer->answer.allow = peer->allow;
    }
}

static struct nw_slice header_of(void *connection, const char *name)
{
    const char *value = NULL;
    size_t len = 0;

    (void)MHD_lookup_connection_value_n(connection, MHD_HEADER_KIND, name, strlen(name), &value,
                                        &len);
    return (struct nw_slice){value, len};
}

/* The head of a request that a source serves. */
static void begin_routed(struct http_peer *peer, struct http_source *source, struct http_head *head,
                         const char *method, const struct http_match *match)
{
    const char *id = source->options->verify.hmac.id;
    int rc;

    peer->source = source;
    source->active++;
    if (id != NULL) {
        http_head_name_delivery(head, header_of(peer->connection, id));
    }
    if (atomic_load(&source->closing)) {
        refuse_later(peer, "this route is stopping");
    } else if (head->too_many) {
        refuse(peer, 431, "too many headers or query parameters");
    } else if (head->content_length > (uint64_t)source->options->max_body) {
        refuse(peer, 413, "the body is too large");
    } else if ((rc = http_message_make(peer, source, head, method, match, &peer->request)) != 0) {
        if (rc == NW_EINVAL) {
            refuse(peer, 400, "the query is not well formed");
        } else {
            refuse_later(peer, "out of memory");
        }
    }
}

/* Is there no sense in waiting for the rest of a refused request? Then the answer goes out at once
 * and the connection ends with it. */
static bool answers_at_once(const struct http_peer *peer, const struct http_head *head)
{
    return peer->answer.status != 0 && head->content_length > 0 &&
           (head->expects || head->content_length > DISCARD_BYTES);
}

static enum MHD_Result begin(struct http_peer *peer, const char *url, const char *method)
{
    struct http_listener *l = peer->listener;
    struct http_head head;
    struct http_match match;

    match.scratch = l->scratch;
    http_peer_move(peer, &l->reading);
    peer->answer = (struct http_answer){0};
    peer->discarded = 0;
    http_head_read(peer->connection, &head);
    /* The names of params are the router's: the lock is held until they are copied. */
    pthread_mutex_lock(&l->lock);
    enum http_found found =
        http_router_find(l->router, http_slice(method), http_slice(url), l->now_ns, &match);
    if (found == HTTP_FOUND) {
        begin_routed(peer, match.target, &head, method, &match);
    }
    pthread_mutex_unlock(&l->lock);
    if (found != HTTP_FOUND) {
        refuse_unrouted(peer, found, &match);
    }
    return answers_at_once(peer, &head) ? http_answer_queue(peer) : MHD_YES;
}

/* The source has a limit for all bodies that are being received; one alone may be larger. */
static int add_body(struct http_request *request, const char *data, size_t len)
{
    struct http_source *source = request->source;
    int rc;

    if (source->reading > request->counted && source->reading + len > source->memory) {
        return NW_EAGAIN;
    }
    rc = http_message_add_body(request, data, len);
    if (rc == 0) {
        request->counted += len;
        source->reading += len;
    }
    return rc;
}

static enum MHD_Result take_body(struct http_peer *peer, const char *data, size_t len)
{
    if (peer->request != NULL) {
        int rc = add_body(peer->request, data, len);
        if (rc == 0) {
            return MHD_YES;
        }
        http_peer_detach(peer);
        if (rc == NW_EFULL) {
            refuse(peer, 413, "the body is too large");
        } else if (rc == NW_EAGAIN) {
            refuse_later(peer, "too many large requests at once");
        } else {
            refuse_later(peer, "out of memory");
        }
    }
    peer->discarded += len;
    return peer->discarded > DISCARD_BYTES ? MHD_NO : MHD_YES;
}

/* Refuse a request that is not signed as the route wants it. */
static bool is_signed(struct http_peer *peer, const struct http_request *request)
{
    const char *why = http_verify(&peer->source->options->verify, header_of, peer->connection,
                                  (struct nw_slice){request->body, request->body_len},
                                  nw_clock_real_ns() / INT64_C(1000000000));

    if (why == NULL) {
        return true;
    }
    http_peer_detach(peer);
    refuse(peer, 401, why);
    return false;
}

/* The request is complete: the source offers it at the end of this round. */
static enum MHD_Result complete(struct http_peer *peer)
{
    struct http_request *request = peer->request;
    struct http_source *source = peer->source;
    struct http_listener *l = peer->listener;

    if (!is_signed(peer, request)) {
        return http_answer_queue(peer);
    }
    nw_message_set_payload(request->message, (struct nw_slice){request->body, request->body_len});
    if (!source->accepts) { /* otherwise nobody waits for the delivery */
        nw_message_set_deadline(request->message,
                                l->now_ns + source->options->timeout_ms * INT64_C(1000000));
    }
    *(source->batch_last == NULL ? &source->batch_first : &source->batch_last->next) = request;
    source->batch_last = request;
    http_peer_move(peer, &source->waiting);
    peer->suspended = true;
    MHD_suspend_connection(peer->connection);
    return MHD_YES;
}

static struct http_peer *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

enum MHD_Result http_request_handle(void *listener, struct MHD_Connection *connection,
                                    const char *url, const char *method, const char *version,
                                    const char *data, size_t *size, void **context)
{
    struct http_peer *peer = *context;

    (void)listener;
    (void)version;
    if (peer == NULL) {
        peer = peer_of(connection);
        *context = peer;
        return peer == NULL ? MHD_NO : begin(peer, url, method);
    }
    if (*size != 0) {
        size_t len = *size;
        *size = 0;
        return take_body(peer, data, len);
    }
    return peer->answer.status != 0 ? http_answer_queue(peer) : complete(peer);
}

void http_request_completed(void *listener, struct MHD_Connection *connection, void **context,
                            enum MHD_RequestTerminationCode code)
{
    struct http_peer *peer = *context;

    (void)connection;
    (void)code;
    if (peer == NULL) {
        return;
    }
    *context = NULL;
    http_peer_detach(peer);
    if (peer->answer.reply != NULL) {
        nw_message_unref(peer->answer.reply);
    }
    peer->answer = (struct http_answer){0};
    if (peer->source != NULL) {
        peer->source->active--;
        peer->source = NULL;
    }
    http_peer_move(peer, &((struct http_listener *)listener)->idle);
}
