/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/kv_watch.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "hub/js_api.h"
#include "hub/js_parse.h"
#include "hub/raw_headers.h"
#include "hub/token.h"

#define HEARTBEAT_NS (5 * NW_SECOND_NS)
#define SILENCE_NS (2 * HEARTBEAT_NS + 2 * NW_SECOND_NS)
#define AGAIN_FIRST_MS 100
#define AGAIN_LONGEST_MS 2000
#define ROUND_MOST 1000 /* messages, before others have their turn */

struct nw_kv_watch {
    struct nw_hub *hub;
    const char *bucket;
    struct nw_kv_watcher watcher;
    struct nw_listener listener;
    struct nw_task open_task, close_task, more_task;
    sem_t closed;
    struct nw_js_call call;
    struct nw_timer timer; /* of the next try, or of the server's silence */
    int64_t again_ms, heard_ns;

    natsSubscription *sub; /* NULL: not watching */
    bool made, loaded;     /* the consumer; what was there when it was made */
    bool more_posted, closing;
    uint64_t next;    /* the consumer's sequence of the next message */
    char prefix[300]; /* of subjects: "$KV.BUCKET." */
};

#define WATCH_OF(pointer, member) \
    ((struct nw_kv_watch *)((char *)(pointer)-offsetof(struct nw_kv_watch, member)))

static void begin(struct nw_kv_watch *w);

/* ---- beginning anew ---- */

static void stop(struct nw_kv_watch *w)
{
    nw_loop_cancel_timer(&w->timer);
    nw_js_cancel(&w->call);
    natsSubscription_Destroy(w->sub); /* without a listener the server removes the consumer */
    w->sub = NULL;
    w->made = w->loaded = false;
}

static void on_again(struct nw_timer *timer)
{
    begin(WATCH_OF(timer, timer));
}

static void begin_later(struct nw_kv_watch *w, int64_t wait_ms)
{
    stop(w);
    w->timer.fire = on_again;
    nw_loop_set_timer(w->hub->loop, &w->timer,
                      nw_loop_now(w->hub->loop) + wait_ms * NW_MILLISECOND_NS);
}

static void fail(struct nw_kv_watch *w, const char *text)
{
    begin_later(w, w->again_ms);
    w->again_ms = w->again_ms * 2 > AGAIN_LONGEST_MS ? AGAIN_LONGEST_MS : w->again_ms * 2;
    w->watcher.trouble(w->watcher.context, text);
}

static void on_silence(struct nw_timer *timer)
{
    struct nw_kv_watch *w = WATCH_OF(timer, timer);

    if (nw_loop_now(w->hub->loop) - w->heard_ns >= SILENCE_NS) {
        begin(w); /* it says by itself what is wrong */
        return;
    }
    nw_loop_set_timer(w->hub->loop, &w->timer, w->heard_ns + SILENCE_NS);
}

/* ---- what comes ---- */

static void be_loaded(struct nw_kv_watch *w)
{
    w->loaded = true;
    w->again_ms = AGAIN_FIRST_MS;
    w->watcher.loaded(w->watcher.context);
}

/* A delete, a purge, or that the server let it expire. */
static bool is_removal(natsMsg *msg)
{
    struct nw_slice lines = nw_raw_headers(msg), name, value;
    bool folded;

    while (nw_raw_headers_next(&lines, &name, &value, &folded)) {
        if (nw_slice_equal(name, NW_LITERAL("KV-Operation")) ||
            nw_slice_equal(name, NW_LITERAL("Nats-Marker-Reason"))) {
            return true;
        }
    }
    return false;
}

static void take_entry(struct nw_kv_watch *w, natsMsg *msg)
{
    struct nw_slice key = nw_slice_text(natsMsg_GetSubject(msg));
    struct nw_slice value = {natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg)};

    if (!nw_slice_starts(key, nw_slice_text(w->prefix))) {
        return;
    }
    key = (struct nw_slice){key.data + strlen(w->prefix), key.len - strlen(w->prefix)};
    if (is_removal(msg)) {
        w->watcher.removed(w->watcher.context, key);
    } else {
        w->watcher.put(w->watcher.context, key, value.len == 0 ? (struct nw_slice){"", 0} : value);
    }
}

/* Heartbeats and flow control. false: messages are missing. */
static bool take_status(struct nw_kv_watch *w, natsMsg *msg)
{
    const char *reply = natsMsg_GetReply(msg), *text = NULL;

    if (reply != NULL && reply[0] != '\0') {
        (void)natsConnection_Publish(w->hub->nc, reply, "", 0);
        return true;
    }
    if (natsMsgHeader_Get(msg, "Nats-Consumer-Stalled", &text) == NATS_OK) {
        (void)natsConnection_Publish(w->hub->nc, text, "", 0);
    }
    if (natsMsgHeader_Get(msg, "Nats-Last-Consumer", &text) != NATS_OK) {
        return true;
    }
    if (strtoull(text, NULL, 10) + 1 != w->next) {
        return false;
    }
    if (!w->loaded) { /* what was there is gone by now */
        be_loaded(w);
    }
    return true;
}

/* false: the watch must begin anew. */
static bool take(struct nw_kv_watch *w, natsMsg *msg)
{
    struct nw_js_metadata meta;

    w->heard_ns = nw_loop_now(w->hub->loop);
    if (!nw_js_parse_metadata(natsMsg_GetReply(msg), &meta)) {
        return take_status(w, msg);
    }
    if (meta.consumer_sequence != w->next) {
        return false;
    }
    w->next++;
    take_entry(w, msg);
    if (meta.pending == 0 && !w->loaded) {
        be_loaded(w);
    }
    return true;
}

static void read_all(struct nw_kv_watch *w)
{
    for (size_t i = 0; w->sub != NULL && w->made; i++) {
        natsMsg *msg = NULL;
        natsStatus s;
        bool good;

        if (i == ROUND_MOST) {
            if (!w->more_posted) {
                w->more_posted = true;
                nw_loop_post(w->hub->loop, &w->more_task);
            }
            return;
        }
        s = natsSubscription_NextMsg(&msg, w->sub, 0);
        if (s != NATS_OK) {
            return;
        }
        good = take(w, msg);
        nw_trash_add(&w->hub->trash, msg);
        if (!good) {
            begin(w);
            return;
        }
    }
}

static void on_received(struct nw_listener *listener)
{
    read_all(WATCH_OF(listener, listener));
}

static void run_more(struct nw_task *task)
{
    struct nw_kv_watch *w = WATCH_OF(task, more_task);

    w->more_posted = false;
    if (w->closing) {
        (void)sem_post(&w->closed);
    } else {
        read_all(w);
    }
}

/* ---- the consumer ---- */

/* Nothing was there, and nothing has come since. */
static bool is_empty(jv response)
{
    jv delivered = nw_js_member(response, "delivered");
    bool empty = nw_js_number(response, "num_pending", 0) == 0 &&
                 nw_js_number(delivered, "consumer_seq", 0) == 0;

    jv_free(delivered);
    return empty;
}

static void on_made(void *context, const struct nw_js_response *r)
{
    struct nw_kv_watch *w = context;
    char text[400];

    if (!r->ok) {
        if (r->error_code == NW_JS_ERR_STREAM_NOT_FOUND) {
            (void)snprintf(text, sizeof text, "it does not exist");
        } else {
            (void)snprintf(text, sizeof text, "%s", r->text);
        }
        fail(w, text);
        return;
    }
    w->made = true;
    w->heard_ns = nw_loop_now(w->hub->loop);
    w->timer.fire = on_silence;
    nw_loop_set_timer(w->hub->loop, &w->timer, w->heard_ns + SILENCE_NS);
    w->watcher.begin(w->watcher.context);
    if (is_empty(r->body)) {
        be_loaded(w);
    }
    read_all(w);
}

static jv text_of(const char *text)
{
    return jv_string(text);
}

static jv request_of(const struct nw_kv_watch *w, const char *inbox)
{
    char stream[280], filter[300];
    jv config = jv_object();

    (void)snprintf(stream, sizeof stream, "KV_%s", w->bucket);
    (void)snprintf(filter, sizeof filter, "%s>", w->prefix);
    config = jv_object_set(config, text_of("deliver_subject"), text_of(inbox));
    config = jv_object_set(config, text_of("deliver_policy"), text_of("last_per_subject"));
    config = jv_object_set(config, text_of("ack_policy"), text_of("none"));
    config = jv_object_set(config, text_of("replay_policy"), text_of("instant"));
    config = jv_object_set(config, text_of("filter_subject"), text_of(filter));
    config = jv_object_set(config, text_of("max_deliver"), jv_number(1));
    config = jv_object_set(config, text_of("flow_control"), jv_true());
    config = jv_object_set(config, text_of("idle_heartbeat"), jv_number((double)HEARTBEAT_NS));
    config = jv_object_set(config, text_of("mem_storage"), jv_true());
    config = jv_object_set(config, text_of("num_replicas"), jv_number(1));
    return jv_object_set(jv_object_set(jv_object(), text_of("stream_name"), text_of(stream)),
                         text_of("config"), config);
}

static void begin(struct nw_kv_watch *w)
{
    char token[NW_TOKEN_RANDOM], inbox[80];

    stop(w);
    if (w->hub->nc == NULL) {
        return; /* on_up comes */
    }
    nw_token_random(token);
    (void)snprintf(inbox, sizeof inbox, "%.20s.%s", w->hub->options->inbox_prefix, token);
    if (natsConnection_SubscribeSync(&w->sub, w->hub->nc, inbox) != NATS_OK) {
        w->sub = NULL;
        fail(w, "cannot subscribe");
        return;
    }
    (void)natsSubscription_SetPendingLimits(w->sub, -1, -1);
    w->next = 1;
    nw_js_ask(&w->call, request_of(w, inbox), on_made, "CONSUMER.CREATE.KV_%s", w->bucket);
}

/* ---- the session ---- */

static void on_up(struct nw_listener *listener)
{
    begin(WATCH_OF(listener, listener));
}

static void on_down(struct nw_listener *listener, const char *text)
{
    struct nw_kv_watch *w = WATCH_OF(listener, listener);
    char why[300];

    stop(w);
    (void)snprintf(why, sizeof why, "NATS: %s", text);
    w->watcher.trouble(w->watcher.context, why);
}

static void run_open(struct nw_task *task)
{
    struct nw_kv_watch *w = WATCH_OF(task, open_task);

    nw_hub_listen(w->hub, &w->listener);
}

static void run_close(struct nw_task *task)
{
    struct nw_kv_watch *w = WATCH_OF(task, close_task);

    nw_hub_unlisten(&w->listener);
    stop(w);
    w->closing = true;
    if (!w->more_posted) { /* otherwise that task is still to run */
        (void)sem_post(&w->closed);
    }
}

int nw_kv_watch_start(void *hub, const char *bucket, const struct nw_kv_watcher *watcher,
                      struct nw_kv_watch **out)
{
    struct nw_kv_watch *w = calloc(1, sizeof *w);

    if (w == NULL) {
        return NW_ENOMEM;
    }
    w->hub = hub;
    w->bucket = bucket;
    w->watcher = *watcher;
    w->again_ms = AGAIN_FIRST_MS;
    (void)snprintf(w->prefix, sizeof w->prefix, "$KV.%s.", bucket);
    (void)sem_init(&w->closed, 0, 0);
    nw_js_call_init(&w->call, hub, w);
    w->listener.up = on_up;
    w->listener.down = on_down;
    w->listener.received = on_received;
    w->open_task.run = run_open;
    w->close_task.run = run_close;
    w->more_task.run = run_more;
    *out = w;
    nw_loop_post(w->hub->loop, &w->open_task);
    return 0;
}

void nw_kv_watch_stop(struct nw_kv_watch *w)
{
    if (w == NULL) {
        return;
    }
    nw_loop_post(w->hub->loop, &w->close_task);
    while (sem_wait(&w->closed) != 0) {
    }
    (void)sem_destroy(&w->closed);
    free(w);
}
