/* SPDX-License-Identifier: Apache-2.0 */
/* stream's info -> consumer's info (until nobody pulls) -> delete an old mark -> make the mark ->
 * delete -> make -> delete the mark */
#include "hub/js_seek.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/timestamp.h"
#include "hub/js_consumer_config.h"

/* What we have asked for ourselves goes when the server has seen that we do not listen any more. */
#define OTHERS_STEP_NS (100 * NW_MILLISECOND_NS)
#define OTHERS_STEPS 20
#define MARK_LIFE_NS (24 * 3600 * NW_SECOND_NS)

/* Once. */
static void tell(struct nw_js_consumer *c, bool moved, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void tell(struct nw_js_consumer *c, bool moved, const char *format, ...)
{
    struct nw_seek *seek = c->seek;
    char text[400];
    va_list args;

    if (c->sought) {
        return;
    }
    c->sought = true;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    seek->done(seek, moved, text);
}

/* A lost connection comes again, and begins anew; any other failure is the end. */
static bool failed(struct nw_js_consumer *c, const struct nw_js_response *r, const char *what)
{
    if (r->ok) {
        return false;
    }
    if (r->lost) {
        nw_js_consumer_begin(c, c->again_ms);
    } else {
        tell(c, false, "%s: %s", what, r->text);
    }
    return true;
}

/* ---- making it again ---- */

static jv put(jv config, const char *name, jv value)
{
    return jv_object_set(config, jv_string(name), value);
}

static void on_mark_removed(void *context, const struct nw_js_response *r)
{
    (void)context; /* if it was not, it goes by itself */
    (void)r;
}

static void on_made(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;
    int64_t to;

    if (failed(c, r, c->durable)) {
        return;
    }
    to = nw_js_consumer_start(r->body);
    to = to < c->stream_first ? c->stream_first : to;
    nw_js_ask(&c->call, jv_object(), on_mark_removed, "CONSUMER.DELETE.%s.%s" NW_JS_SEEK_MARK,
              c->stream, c->durable);
    tell(c, true,
         "the durable %s of the stream %s: from sequence %lld to sequence %lld, %lld messages wait",
         c->durable, c->stream, (long long)c->seek_from, (long long)to,
         (long long)nw_js_number(r->body, "num_pending", 0));
}

/* The configuration of what is there, without a start. */
static jv without_start(const struct nw_js_consumer *c)
{
    jv there = jv_get_kind(c->there) == JV_KIND_OBJECT ? jv_copy(c->there) : jv_object();
    jv config = nw_js_consumer_wanted(c, there);

    config = jv_object_delete(config, jv_string("opt_start_seq"));
    return jv_object_delete(config, jv_string("opt_start_time"));
}

/* The server has told with the mark which sequence it is. */
static void make(struct nw_js_consumer *c)
{
    jv config = put(without_start(c), "deliver_policy", jv_string("by_start_sequence"));

    config = put(config, "opt_start_seq", jv_number((double)c->start));
    nw_js_ask(&c->call, nw_js_consumer_request(c, config), on_made, "CONSUMER.DURABLE.CREATE.%s.%s",
              c->stream, c->durable);
}

static void on_deleted(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;

    if (r->ok || r->error_code == NW_JS_ERR_CONSUMER_NOT_FOUND) {
        make(c);
    } else {
        (void)failed(c, r, c->durable);
    }
}

/* ---- the mark ---- */

static jv sought(const struct nw_js_consumer *c, jv config)
{
    char time[NW_TIMESTAMP_TEXT_MAX];

    switch (c->seek->to) {
    case NW_SEEK_SEQUENCE:
        config = put(config, "deliver_policy", jv_string("by_start_sequence"));
        return put(config, "opt_start_seq", jv_number((double)c->seek->value));
    case NW_SEEK_TIME:
        (void)nw_timestamp_format(c->seek->value, time);
        config = put(config, "deliver_policy", jv_string("by_start_time"));
        return put(config, "opt_start_time", jv_string(time));
    case NW_SEEK_END:
        return put(config, "deliver_policy", jv_string("new"));
    case NW_SEEK_BEGINNING:
    default:
        return put(config, "deliver_policy", jv_string("all"));
    }
}

static void on_marked(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;

    if (failed(c, r, "a consumer that marks where to go cannot be made")) {
        return;
    }
    c->start = nw_js_consumer_start(r->body);
    nw_js_ask(&c->call, jv_object(), on_deleted, "CONSUMER.DELETE.%s.%s", c->stream, c->durable);
}

static void make_mark(struct nw_js_consumer *c)
{
    jv config = sought(c, without_start(c));
    char name[NW_JS_NAME + sizeof NW_JS_SEEK_MARK];

    (void)snprintf(name, sizeof name, "%s" NW_JS_SEEK_MARK, c->durable);
    config = put(jv_object_delete(config, jv_string("name")), "durable_name", jv_string(name));
    config = put(config, "inactive_threshold", jv_number((double)MARK_LIFE_NS));
    config = put(config, "description", jv_string("natsway seek: where the durable is to begin"));
    nw_js_ask(&c->call, nw_js_consumer_request(c, config), on_marked,
              "CONSUMER.DURABLE.CREATE.%s.%s", c->stream, name);
}

static void on_old_mark_removed(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;

    if (r->ok || r->error_code == NW_JS_ERR_CONSUMER_NOT_FOUND) {
        make_mark(c);
    } else {
        (void)failed(c, r, "a consumer that marks where to go cannot be removed");
    }
}

static void mark(struct nw_js_consumer *c)
{
    nw_js_ask(&c->call, jv_object(), on_old_mark_removed, "CONSUMER.DELETE.%s.%s" NW_JS_SEEK_MARK,
              c->stream, c->durable);
}

/* ---- may it be? ---- */

static void ask_info(struct nw_js_consumer *c);

static void on_look_again(struct nw_timer *timer)
{
    ask_info((struct nw_js_consumer *)((char *)timer - offsetof(struct nw_js_consumer, timer)));
}

static void take_info(struct nw_js_consumer *c, jv info)
{
    jv floor = nw_js_member(info, "ack_floor");
    char why[300];

    c->seek_from = c->start > 0 ? c->seek_from : nw_js_number(floor, "stream_seq", 0) + 1;
    jv_free(floor);
    jv_free(c->there);
    c->there = nw_js_member(info, "config");
    if (!nw_js_consumer_usable(c, why, sizeof why)) {
        tell(c, false, "consumer %s: %s", c->durable, why);
    } else if (nw_js_number(info, "num_waiting", 0) == 0) {
        mark(c);
    } else if (c->steps++ < OTHERS_STEPS) {
        c->timer.fire = on_look_again;
        nw_loop_set_timer(c->call.hub->loop, &c->timer,
                          nw_loop_now(c->call.hub->loop) + OTHERS_STEP_NS);
    } else {
        tell(c, false,
             "others read by the durable %s: the route runs elsewhere, too; stop it there",
             c->durable);
    }
}

static void on_info(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;

    if (!r->ok && r->error_code == NW_JS_ERR_CONSUMER_NOT_FOUND && c->start > 0) {
        make(c); /* it was deleted and not made before the connection was lost */
    } else if (!r->ok && r->error_code == NW_JS_ERR_CONSUMER_NOT_FOUND) {
        mark(c); /* it is new, or a seek of before was killed */
    } else if (!failed(c, r, c->durable)) {
        take_info(c, r->body);
    }
}

static void ask_info(struct nw_js_consumer *c)
{
    nw_js_ask(&c->call, jv_object(), on_info, "CONSUMER.INFO.%s.%s", c->stream, c->durable);
}

static void on_stream(void *context, const struct nw_js_response *r)
{
    struct nw_js_consumer *c = context;
    jv config, state;
    int64_t last;
    char retention[40];

    if (failed(c, r, c->stream)) {
        return;
    }
    config = nw_js_member(r->body, "config");
    state = nw_js_member(r->body, "state");
    (void)nw_js_text(config, "retention", retention, sizeof retention);
    c->stream_first = nw_js_number(state, "first_seq", 0);
    last = nw_js_number(state, "last_seq", 0);
    jv_free(config);
    jv_free(state);
    if (strcmp(retention, "limits") != 0) {
        tell(c, false,
             "the stream %s keeps a message until it is acknowledged (retention %s): what was read "
             "is gone, and what waits could be lost with the durable",
             c->stream, retention);
    } else if (c->seek->to == NW_SEEK_SEQUENCE && c->seek->value > last + 1) {
        tell(c, false, "the stream %s ends at sequence %lld", c->stream, (long long)last);
    } else {
        ask_info(c);
    }
}

void nw_js_seek_begin(struct nw_js_consumer *c)
{
    if (c->sought) {
        return;
    }
    nw_js_ask(&c->call, jv_object(), on_stream, "STREAM.INFO.%s", c->stream);
}
