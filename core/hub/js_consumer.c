/* SPDX-License-Identifier: Apache-2.0 */
/* Asking and answering goes stream -> info -> (mark of a seek -> create | update) -> (acks seen ->
 * info -> take back) -> done. */
#include "hub/js_consumer.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "hub/js_consumer_config.h"
#include "hub/js_seek.h"
#include "hub/kv_key.h"
#include "hub/subject.h"

#define AGAIN_FIRST_MS 100
#define AGAIN_LONGEST_MS 2000
/* ack_wait while the server takes back what was left. It looks again 100 ms after the change; it is
 * given three times as long, in steps of which it answers each: a server that stands still for a
 * while does not answer, and gets its time all the same. So does one that is slow to answer. Where
 * that was too short the next round has as many steps more. */
#define TAKE_BACK_WAIT_NS (100 * NW_MILLISECOND_NS)
#define TAKE_BACK_STEP_NS (110 * NW_MILLISECOND_NS)
#define TAKE_BACK_STEPS 3
#define TAKE_BACK_PROMPT_NS (20 * NW_MILLISECOND_NS)
#define TAKE_BACK_MOST 6 /* steps, prompt or not */
#define TAKE_BACK_ROUNDS 8
/* Somebody else pulls, or it is what a killed process asked for: that goes when the server has seen
 * the end of its connection. */
#define OTHERS_STEP_NS (100 * NW_MILLISECOND_NS)
#define OTHERS_STEPS 10
/* Where we have the route's lease, it may be what a process asked for that had it before and stands
 * still: that ends by itself (js_source.c). */
#define OTHERS_STEPS_LEASED 60

static void fail(struct nw_js_consumer *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void fail(struct nw_js_consumer *c, const char *format, ...)
{
    char text[500];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    nw_js_consumer_begin(c, c->again_ms);
    c->again_ms = c->again_ms * 2 > AGAIN_LONGEST_MS ? AGAIN_LONGEST_MS : c->again_ms * 2;
    c->done(c->context, text);
}

static void succeed(struct nw_js_consumer *c)
{
    c->again_ms = AGAIN_FIRST_MS;
    c->done(c->context, NULL);
}

static void keep_there(struct nw_js_consumer *c, jv response)
{
    jv_free(c->there);
    c->there = nw_js_member(response, "config");
    c->pending = nw_js_number(response, "num_pending", 0);
}

/* Make or change the consumer; config is taken. */
static void ask_for(struct nw_js_consumer *c, jv config,
                    void (*answer)(void *context, const struct nw_js_response *r))
{
    nw_js_ask(&c->call, nw_js_consumer_request(c, config), answer, "CONSUMER.DURABLE.CREATE.%s.%s",
              c->stream, c->durable);
}

/* ---- taking back ---- */

static void on_restored(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;

    if (!r->ok) {
        fail(c, "consumer %s: %s", c->durable, r->text);
        return;
    }
    keep_there(c, r->body);
    succeed(c);
}

static void wait_ns(struct nw_js_consumer *c, int64_t ns, void (*fire)(struct nw_timer *timer))
{
    c->timer.fire = fire;
    nw_loop_set_timer(c->call.hub->loop, &c->timer, nw_loop_now(c->call.hub->loop) + ns);
}

static struct nw_js_consumer *consumer_of(struct nw_timer *timer)
{
    return (struct nw_js_consumer *)((char *)timer - offsetof(struct nw_js_consumer, timer));
}

/* With one message allowed unacknowledged, where there are more, the server delivers again and
 * nothing new. */
static void ask_for_old(struct nw_js_consumer *c, int64_t ack_wait_ns,
                        void (*answer)(void *context, const struct nw_js_response *r))
{
    jv config = nw_js_consumer_wanted(c, jv_copy(c->there));

    config = jv_object_set(config, jv_string("ack_wait"), jv_number((double)ack_wait_ns));
    config = jv_object_set(config, jv_string("max_ack_pending"), jv_number(1));
    ask_for(c, config, answer);
}

static void on_take_back_step(struct nw_timer *timer);

/* An answer to the change, or to a step: the server runs. */
static void on_stepped(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;

    if (!r->ok) {
        fail(c, "consumer %s: %s", c->durable, r->text);
        return;
    }
    if (c->asked > 0 && nw_clock_monotonic_ns() - c->asked_ns < TAKE_BACK_PROMPT_NS) {
        c->steps++;
    }
    if (c->steps >= TAKE_BACK_STEPS * (c->rounds + 1) ||
        c->asked >= TAKE_BACK_MOST * (c->rounds + 1)) {
        ask_for_old(c, c->options->ack_wait_ms * NW_MILLISECOND_NS, on_restored);
    } else {
        wait_ns(c, TAKE_BACK_STEP_NS, on_take_back_step);
    }
}

static void on_take_back_step(struct nw_timer *timer)
{
    struct nw_js_consumer *c = consumer_of(timer);

    c->asked++;
    c->asked_ns = nw_clock_monotonic_ns();
    nw_js_ask(&c->call, jv_object(), on_stepped, "CONSUMER.INFO.%s.%s", c->stream, c->durable);
}

static void on_released(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;

    if (r->ok) {
        keep_there(c, r->body);
    } else {
        fail(c, "consumer %s: %s", c->durable, r->text);
    }
}

/* New messages may come again. */
static void widen(struct nw_js_consumer *c,
                  void (*answer)(void *context, const struct nw_js_response *r))
{
    c->narrowed = false;
    ask_for(c, nw_js_consumer_wanted(c, jv_copy(c->there)), answer);
}

bool nw_js_consumer_came_back(struct nw_js_consumer *c, bool all)
{
    /* Each round is a delivery more of each message. */
    if (!all && c->options->max_deliver < 0 && c->rounds < TAKE_BACK_ROUNDS) {
        c->rounds++;
        return false;
    }
    if (!all) {
        nw_log(c->endpoint, NW_LOG_WARNING,
               "the server has not delivered again all that was unacknowledged: the rest comes "
               "after the ack wait, behind newer messages");
    }
    c->rounds = 0;
    widen(c, on_released);
    return true;
}

static void ask_info(struct nw_js_consumer *c);

static void on_look_again(struct nw_timer *timer)
{
    ask_info(consumer_of(timer));
}

/* Where it cannot be known, what was acknowledged may come again. */
static void on_acks_seen(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;

    if (r->lost) {
        fail(c, "consumer %s: %s", c->durable, r->text);
        return;
    }
    c->acks_seen = true;
    ask_info(c);
}

static void finish(struct nw_js_consumer *c, jv info)
{
    int64_t unacknowledged = nw_js_number(info, "num_ack_pending", 0);
    bool others = nw_js_number(info, "num_waiting", 0) > 0;
    unsigned most = c->leased ? OTHERS_STEPS_LEASED : OTHERS_STEPS;

    c->taken_back = 0;
    if (unacknowledged <= (int64_t)c->in_flight || c->config->lanes != 1 ||
        (others && c->steps == most)) {
        succeed(c);
        return;
    }
    if (others) {
        c->steps++;
        wait_ns(c, OTHERS_STEP_NS, on_look_again);
        return;
    }
    if (!c->acks_seen) {
        nw_js_ask_after_acks(&c->call, on_acks_seen, c->stream, c->durable);
        return;
    }
    c->steps = c->asked = 0;
    c->taken_back = (size_t)unacknowledged - c->in_flight;
    if (c->taken_back > c->config->max_in_flight) {
        c->taken_back = c->config->max_in_flight; /* the others come behind them */
    }
    c->narrowed = true;
    ask_for_old(c, TAKE_BACK_WAIT_NS, on_stepped);
}

/* ---- making and changing ---- */

/* What cannot be removed goes by itself. */
static void on_mark_removed(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;

    if (r->lost) {
        fail(c, "consumer %s: %s", c->durable, r->text);
    } else {
        succeed(c);
    }
}

static void on_created(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;

    if (!r->ok) {
        fail(c, "consumer %s cannot be made: %s", c->durable, r->text);
        return;
    }
    keep_there(c, r->body);
    c->taken_back = 0;
    nw_log(c->endpoint, NW_LOG_INFO, "made the consumer %s of the stream %s%s", c->durable,
           c->stream, c->interrupted ? ", where an interrupted seek was to go" : "");
    c->start = 0;
    if (c->interrupted) {
        c->interrupted = false;
        nw_js_ask(&c->call, jv_object(), on_mark_removed, "CONSUMER.DELETE.%s.%s" NW_JS_SEEK_MARK,
                  c->stream, c->durable);
    } else {
        succeed(c);
    }
}

static void create(struct nw_js_consumer *c)
{
    ask_for(c, nw_js_consumer_wanted(c, jv_object()), on_created);
}

/* The newest value of each key is all that there is, or all would come. The server's own way to
 * begin with it (last_per_subject) passes over what it was about to send when a process that pulls
 * is killed. */
static void on_bucket(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;
    jv config = nw_js_member(r->body, "config");
    int64_t kept = nw_js_number(config, "max_msgs_per_subject", 0);

    jv_free(config);
    if (!r->ok) {
        fail(c, "stream %s: %s", c->stream, r->text);
    } else if (kept != 1) {
        fail(c,
             "the bucket %s keeps %lld revisions of each key: with `history: true` all of them are "
             "read",
             c->stream + strlen(NW_KV_STREAM), (long long)kept);
    } else {
        create(c);
    }
}

/* Was the consumer deleted by a seek that was killed then? It has left a mark where it was to go.
 */
static void on_mark(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;

    if (r->lost) {
        fail(c, "stream %s: %s", c->stream, r->text);
        return;
    }
    c->interrupted = r->ok;
    c->start = r->ok ? nw_js_consumer_start(r->body) : 0;
    if (c->filter.len > 0 && !c->options->history && c->start == 0) {
        nw_js_ask(&c->call, jv_object(), on_bucket, "STREAM.INFO.%s", c->stream);
    } else {
        create(c);
    }
}

/* The consumer was deleted under us: go on where we were, unless the stream is a new one. */
static void on_stream_info(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;
    jv state = nw_js_member(r->body, "state");

    c->resume = r->ok && jv_get_kind(state) == JV_KIND_OBJECT &&
                nw_js_number(state, "last_seq", 0) >= (int64_t)c->last_sequence;
    jv_free(state);
    create(c);
}

static void on_updated(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;

    if (!r->ok) {
        fail(c, "consumer %s cannot be changed: %s", c->durable, r->text);
        return;
    }
    keep_there(c, r->body);
    finish(c, r->body);
}

static void on_info(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;
    char why[300];

    if (!r->ok && r->error_code == NW_JS_ERR_CONSUMER_NOT_FOUND) {
        c->resume = false;
        if (c->last_sequence > 0) {
            nw_js_ask(&c->call, jv_object(), on_stream_info, "STREAM.INFO.%s", c->stream);
        } else {
            nw_js_ask(&c->call, jv_object(), on_mark, "CONSUMER.INFO.%s.%s" NW_JS_SEEK_MARK,
                      c->stream, c->durable);
        }
        return;
    }
    if (!r->ok && r->error_code == NW_JS_ERR_STREAM_NOT_FOUND && c->filter.len > 0) {
        fail(c, "there is no bucket %s", c->stream + strlen(NW_KV_STREAM));
        return;
    }
    if (!r->ok) {
        fail(c, "stream %s: %s", c->stream, r->text);
        return;
    }
    keep_there(c, r->body);
    if (!nw_js_consumer_usable(c, why, sizeof why)) {
        fail(c, "consumer %s: %s", c->durable, why);
    } else if (nw_js_consumer_differs(c)) {
        ask_for(c, nw_js_consumer_wanted(c, jv_copy(c->there)), on_updated);
    } else {
        finish(c, r->body);
    }
}

static void ask_info(struct nw_js_consumer *c)
{
    if (c->seek != NULL) {
        nw_js_seek_begin(c);
        return;
    }
    nw_js_ask(&c->call, jv_object(), on_info, "CONSUMER.INFO.%s.%s", c->stream, c->durable);
}

/* ---- the stream ---- */

static void on_streams(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;
    jv streams = nw_js_member(r->body, "streams");
    int count = jv_get_kind(streams) == JV_KIND_ARRAY ? jv_array_length(jv_copy(streams)) : 0;
    jv name = count == 0 ? jv_null() : jv_array_get(jv_copy(streams), 0);

    jv_free(streams);
    if (!r->ok) {
        fail(c, "JetStream: %s", r->text);
    } else if (count == 0) {
        fail(c, "no stream takes %s", c->config->address);
    } else if (count > 1) {
        fail(c, "%d streams take parts of %s: say which with `stream:`", count, c->config->address);
    } else if (jv_get_kind(name) == JV_KIND_STRING) {
        (void)snprintf(c->stream, sizeof c->stream, "%s", jv_string_value(name));
        ask_info(c);
    } else {
        fail(c, "JetStream: the answer has no name of a stream");
    }
    jv_free(name);
}

static void ask_stream(struct nw_js_consumer *c)
{
    if (c->filter.len > 0) {
        ask_info(c);
        return;
    }
    if (c->options->stream != NULL) {
        (void)snprintf(c->stream, sizeof c->stream, "%s", c->options->stream);
        ask_info(c);
        return;
    }
    nw_js_ask(&c->call,
              jv_object_set(jv_object(), jv_string("subject"), jv_string(c->config->address)),
              on_streams, "STREAM.NAMES");
}

static void on_begin(struct nw_timer *timer)
{
    ask_stream(consumer_of(timer));
}

/* ---- life ---- */

int nw_js_consumer_init(struct nw_js_consumer *c, struct nw_endpoint *endpoint,
                        const struct nw_endpoint_config *config,
                        void (*done)(void *context, const char *failure), void *context,
                        struct nw_error *error)
{
    struct nw_buffer name = {0};
    bool failed;

    *c = (struct nw_js_consumer){.endpoint = endpoint,
                                 .config = config,
                                 .options = config->options,
                                 .seek = config->seek,
                                 .seek_from = 1,
                                 .again_ms = AGAIN_FIRST_MS,
                                 .there = jv_null(),
                                 .done = done,
                                 .context = context};
    nw_js_call_init(&c->call, config->connection, c);
    if (c->options->durable != NULL) {
        nw_buffer_add_text(&name, c->options->durable);
    } else {
        nw_subject_add_name(&name, config->bridge);
        nw_buffer_add_char(&name, '-');
        nw_subject_add_name(&name, config->route);
    }
    failed = name.failed;
    (void)snprintf(c->durable, sizeof c->durable, "%s", nw_buffer_text(&name));
    nw_buffer_done(&name);
    if (failed) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    return nw_subject_is_name(c->durable)
               ? 0
               : nw_error_set(error, NW_EINVAL, "\"%s\" cannot be the name of a durable",
                              c->durable);
}

int nw_js_consumer_watch(struct nw_js_consumer *c, struct nw_error *error)
{
    struct nw_slice bucket, pattern;

    nw_kv_split(nw_slice_text(c->config->address), &bucket, &pattern);
    (void)snprintf(c->stream, sizeof c->stream, NW_KV_STREAM "%.*s", (int)bucket.len, bucket.data);
    nw_buffer_add_format(&c->filter, NW_KV_SUBJECTS "%.*s.%s", (int)bucket.len, bucket.data,
                         pattern.len == 0 ? ">" : pattern.data);
    return c->filter.failed ? nw_error_set(error, NW_ENOMEM, "out of memory") : 0;
}

void nw_js_consumer_begin(struct nw_js_consumer *c, int64_t wait_ms)
{
    nw_js_cancel(&c->call);
    c->steps = 0;
    c->acks_seen = false;
    wait_ns(c, wait_ms * NW_MILLISECOND_NS, on_begin);
}

void nw_js_consumer_stop(struct nw_js_consumer *c)
{
    nw_loop_cancel_timer(&c->timer);
    nw_js_cancel(&c->call);
}

/* The next start would do it, too. */
static void on_left(void *context, const struct nw_js_response *r)
{
    (void)context;
    (void)r;
}

void nw_js_consumer_leave(struct nw_js_consumer *c)
{
    nw_js_consumer_stop(c);
    if (c->narrowed && c->call.hub->nc != NULL) {
        widen(c, on_left);
    }
}

void nw_js_consumer_free(struct nw_js_consumer *c)
{
    nw_js_consumer_stop(c);
    jv_free(c->there);
    c->there = jv_null();
    nw_buffer_done(&c->filter);
}
