/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The look (once.h): 1. which stream takes the subject, 2. the checkpoints of the partitions whose
 * messages wait; where all are still our own that is all. 3. What the stream has stored behind them
 * (once_find.c), 4. the checkpoints put anew.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/clock.h"
#include "hub/once_state.h"

#define AGAIN_NS (1 * NW_SECOND_NS)

static void ask_record(struct nw_once *o);

/* ---- ends ---- */

void nw_once_look_stop(struct nw_once *o)
{
    o->looking = false;
    nw_js_cancel(&o->call);
    nw_once_read_stop(&o->read);
    o->claims = 0;
    for (struct nw_once_partition *p = o->partitions; p != NULL; p = p->next) {
        p->wanted = false;
        free(p->record);
        p->record = NULL;
    }
}

static void on_again(struct nw_timer *timer)
{
    struct nw_once *o = (struct nw_once *)((char *)timer - offsetof(struct nw_once, again));

    if (o->hub->nc != NULL && o->sink->why[0] != '\0') {
        nw_hub_sink_ready(o->sink);
    }
}

/* It did not work now: the messages go back, and the pump tries again. */
void nw_once_look_fail(struct nw_once *o, const char *text)
{
    char why[256];

    nw_once_look_stop(o);
    (void)snprintf(why, sizeof why, "looking for what is stored: %.200s", text);
    nw_loop_set_timer(o->hub->loop, &o->again, nw_loop_now(o->hub->loop) + AGAIN_NS);
    nw_hub_sink_not_ready(o->sink, why);
}

/* A call failed. */
void nw_once_look_fail_by(struct nw_once *o, const struct nw_js_response *r, const char *what)
{
    char text[400];

    (void)snprintf(text, sizeof text, "%s: %s", what, r->text);
    if (r->lost || r->code == 503 || r->code == 408) {
        nw_once_look_fail(o, text);
    } else {
        nw_once_give_up(o, NW_LOG_WARNING, text);
    }
}

/* A partition's look is over. */
static void settle(struct nw_once *o, struct nw_once_partition *p)
{
    if (p->restart) {
        nw_once_track_restart(&p->track, p->offset);
    } else if (p->read) {
        nw_once_track_lower(&p->track, p->from);
    }
    p->checked = true;
    p->checked_ns = p->seen_ns = nw_loop_now(o->hub->loop);
    p->read = p->restart = p->wanted = false;
    free(p->record);
    p->record = NULL;
}

static void end(struct nw_once *o)
{
    for (struct nw_once_partition *p = o->partitions; p != NULL; p = p->next) {
        if (p->wanted) {
            settle(o, p);
        }
    }
    o->looking = false;
    if (o->set.count > o->set_before) {
        nw_log(o->sink->endpoint, NW_LOG_INFO,
               "%zu messages behind the checkpoint are stored in %s already; those that come "
               "again are not stored twice",
               o->set.count - o->set_before, o->stream.name);
    }
    nw_hub_sink_feed(o->sink);
}

/* ---- 4. the checkpoints anew ---- */

void nw_once_look_claimed(struct nw_once *o)
{
    bool failed = false;

    for (struct nw_once_partition *p = o->partitions; p != NULL; p = p->next) {
        failed |= p->wanted && p->failed;
    }
    if (failed) {
        nw_once_look_fail(o, "the checkpoint could not be put");
    } else {
        end(o);
    }
}

static void on_bucket(void *context, const struct nw_js_response *r)
{
    struct nw_once *o = context;

    if (!r->ok) {
        nw_once_look_fail_by(o, r, "the bucket " NW_ONCE_BUCKET " cannot be made");
        return;
    }
    nw_log(o->sink->endpoint, NW_LOG_INFO, "made the bucket " NW_ONCE_BUCKET);
    o->bucket_missing = false;
    nw_once_claim(o);
}

static jv put(jv object, const char *name, jv value)
{
    return jv_object_set(object, jv_string(name), value);
}

static void make_bucket(struct nw_once *o)
{
    jv c = jv_object();

    c = put(c, "name", jv_string("KV_" NW_ONCE_BUCKET));
    c = put(c, "subjects", jv_array_append(jv_array(), jv_string("$KV." NW_ONCE_BUCKET ".>")));
    c = put(c, "max_msgs_per_subject", jv_number(1));
    c = put(c, "discard", jv_string("new"));
    c = put(c, "storage", jv_string("file"));
    c = put(c, "retention", jv_string("limits"));
    c = put(c, "num_replicas", jv_number((double)(o->replicas < 1 ? 1 : o->replicas)));
    c = put(c, "max_msgs", jv_number(-1));
    c = put(c, "max_bytes", jv_number(-1));
    c = put(c, "max_consumers", jv_number(-1));
    c = put(c, "allow_rollup_hdrs", jv_true());
    c = put(c, "deny_delete", jv_true());
    c = put(c, "allow_direct", jv_true());
    c = put(c, "description", jv_string("natsway: how far partitions of Kafka are stored"));
    nw_js_ask(&o->call, c, on_bucket, "STREAM.CREATE.KV_" NW_ONCE_BUCKET);
}

/* Also where the checkpoint is not changed: it is a claim. */
void nw_once_claim(struct nw_once *o)
{
    bool sent = true;

    if (o->bucket_missing) {
        make_bucket(o);
        return;
    }
    o->claims = 1; /* until all are sent */
    for (struct nw_once_partition *p = o->partitions; p != NULL; p = p->next) {
        if (p->wanted && !p->owned) {
            p->failed = false;
            sent = sent && (p->putting || nw_once_put(o, p)); /* one is as good as another */
            o->claims += sent ? 1 : 0;
        }
    }
    if (!sent) {
        nw_once_look_fail(o, "the checkpoint could not be put");
    } else if (--o->claims == 0) {
        nw_once_look_claimed(o);
    }
}

/* ---- 2. the checkpoints ---- */

static void after_records(struct nw_once *o)
{
    bool all_known = true;

    for (struct nw_once_partition *p = o->partitions; p != NULL; p = p->next) {
        if (p->wanted) {
            p->owned = p->owned && p->revision == p->record_revision && !o->bucket_missing;
            p->read = p->read || !p->owned;
            all_known = all_known && !p->read;
        }
    }
    if (all_known) {
        end(o);
    } else {
        nw_once_find(o);
    }
}

/* message, of the answer, is not taken. */
static void keep_record(struct nw_once_partition *p, jv message)
{
    jv data = nw_js_member(message, "data");
    struct nw_buffer b = {0};

    p->record_revision = (uint64_t)nw_js_number(message, "seq", 0);
    if (jv_get_kind(data) == JV_KIND_STRING &&
        nw_base64_decode(&b, nw_slice_text(jv_string_value(data)), NULL) == 0) {
        p->record = nw_buffer_take(&b);
    }
    nw_buffer_done(&b);
    jv_free(data);
}

static void on_record(void *context, const struct nw_js_response *r)
{
    struct nw_once *o = context;

    if (r->ok) {
        jv message = nw_js_member(r->body, "message");
        keep_record(o->at, message);
        jv_free(message);
    } else if (r->error_code == NW_JS_ERR_STREAM_NOT_FOUND) {
        o->bucket_missing = true;
    } else if (r->error_code != NW_ONCE_ERR_NO_MESSAGE) {
        nw_once_look_fail_by(o, r, "the checkpoint cannot be read from the bucket " NW_ONCE_BUCKET);
        return;
    }
    o->at = o->at->next;
    ask_record(o);
}

/* Of o->at, or the next one that is wanted. */
static void ask_record(struct nw_once *o)
{
    jv request;

    while (o->at != NULL && (!o->at->wanted || o->bucket_missing)) {
        o->at = o->at->next;
    }
    if (o->at == NULL) {
        after_records(o);
        return;
    }
    request = put(jv_object(), "last_by_subj", jv_string(o->at->subject));
    nw_js_ask(&o->call, request, on_record, "STREAM.MSG.GET.KV_" NW_ONCE_BUCKET);
}

static void ask_records(struct nw_once *o)
{
    o->at = o->partitions;
    o->bucket_missing = false;
    ask_record(o);
}

/* ---- 1. which stream ---- */

static void on_names(void *context, const struct nw_js_response *r)
{
    struct nw_once *o = context;
    jv streams = nw_js_member(r->body, "streams");
    jv first =
        jv_get_kind(streams) == JV_KIND_ARRAY ? jv_array_get(jv_copy(streams), 0) : jv_null();
    bool found = r->ok && jv_get_kind(first) == JV_KIND_STRING;

    if (found) {
        (void)snprintf(o->stream.name, sizeof o->stream.name, "%s", jv_string_value(first));
    }
    jv_free(first);
    jv_free(streams);
    if (found) {
        ask_records(o);
    } else if (!r->ok) {
        nw_once_look_fail_by(o, r, "which stream takes the subject cannot be asked");
    } else {
        nw_once_look_stop(o);
        o->blind = true; /* the answer to the publish says what is wrong */
        nw_hub_sink_feed(o->sink);
    }
}

/* Which partitions, and from which offset on: of all messages that wait. */
static void gather(struct nw_once *o)
{
    struct nw_hub_sink *sink = o->sink;

    for (size_t i = 0; i < sink->count; i++) {
        const struct nw_message *m = nw_hub_sink_waiting(sink, i);
        struct nw_once_name name;
        struct nw_once_partition *p = nw_once_partition_of(o, m, &name);
        if (p == NULL || !nw_once_needs_look(o, p, m, &name)) {
            continue;
        }
        if (!p->wanted || name.offset < p->offset) {
            p->offset = name.offset;
        }
        p->wanted = true;
        p->record_revision = 0;
    }
}

void nw_once_look(struct nw_once *o)
{
    struct nw_slice subject = nw_message_address(nw_hub_sink_waiting(o->sink, 0));
    jv request;

    o->looking = true;
    o->overflow = false;
    o->set_before = o->set.count;
    gather(o);
    if (o->stream.name[0] != '\0') {
        ask_records(o);
        return;
    }
    request = put(jv_object(), "subject", jv_string_sized(subject.data, (int)subject.len));
    nw_js_ask(&o->call, request, on_names, "STREAM.NAMES");
}

void nw_once_look_init(struct nw_once *o)
{
    nw_js_call_init(&o->call, o->hub, o);
    nw_once_find_init(o);
    o->again.fire = on_again;
}
