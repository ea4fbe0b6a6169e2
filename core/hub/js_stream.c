/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/js_stream.h"

#include <stdio.h>

#include "base/clock.h"
#include "hub/subject.h"

#define AT(member) offsetof(struct nw_js_stream_options, member)
#define AGAIN_NS (2 * NW_SECOND_NS)
#define DAY_MS (INT64_C(24) * 3600 * 1000)

static const char *const storages[] = {"file", "memory"};
static const char *const retentions[] = {"limits", "interest", "workqueue"};
static const char *const discards[] = {"old", "new"};

const struct nw_option nw_js_stream_rows[] = {
    {.name = "name",
     .type = NW_OPTION_TEXT,
     .offset = AT(name),
     .flags = NW_OPTION_REQUIRED,
     .doc = "name of the stream"},
    {.name = "subjects",
     .type = NW_OPTION_LIST,
     .offset = AT(subjects),
     .flags = NW_OPTION_REQUIRED,
     .doc = "the subjects it takes"},
    {.name = "storage",
     .type = NW_OPTION_CHOICE,
     .offset = AT(storage),
     .standard = "file",
     .choices = "file|memory",
     .doc = "where its messages are kept"},
    {.name = "retention",
     .type = NW_OPTION_CHOICE,
     .offset = AT(retention),
     .standard = "limits",
     .choices = "limits|interest|workqueue",
     .doc = "what decides how long a message is kept"},
    {.name = "discard",
     .type = NW_OPTION_CHOICE,
     .offset = AT(discard),
     .standard = "old",
     .choices = "old|new",
     .doc = "at a limit: drop the oldest, or refuse the newest"},
    {.name = "replicas",
     .type = NW_OPTION_INT,
     .offset = AT(replicas),
     .standard = "1",
     .min = 1,
     .max = 5,
     .doc = "number of servers of the cluster that keep it"},
    {.name = "max_age",
     .type = NW_OPTION_DURATION,
     .offset = AT(max_age_ms),
     .min = 100,
     .max = 36500 * DAY_MS,
     .doc = "messages older than this are dropped"},
    {.name = "max_bytes",
     .type = NW_OPTION_SIZE,
     .offset = AT(max_bytes),
     .min = 1,
     .max = INT64_C(1) << 50,
     .doc = "size of the stream at which discard begins"},
    {.name = "max_messages",
     .type = NW_OPTION_INT,
     .offset = AT(max_messages),
     .min = 1,
     .max = INT64_C(1) << 50,
     .doc = "number of messages at which discard begins"},
    {.name = "max_message_size",
     .type = NW_OPTION_SIZE,
     .offset = AT(max_message_size),
     .min = 1,
     .max = INT32_MAX,
     .doc = "larger messages are refused"},
    {.name = "duplicate_window",
     .type = NW_OPTION_DURATION,
     .offset = AT(duplicate_window_ms),
     .min = 100,
     .max = 3650 * DAY_MS,
     .doc = "how long a repeated message id is recognised; default: the server's, 2m"},
    {.name = "description",
     .type = NW_OPTION_TEXT,
     .offset = AT(description),
     .doc = "text kept with the stream"},
    {.name = NULL},
};

void nw_js_stream_check(const struct nw_js_stream_options *o, struct nw_check *check)
{
    struct nw_error error;

    if (o->name == NULL) { /* there is no `stream:` */
        return;
    }
    if (!nw_subject_is_name(o->name)) {
        nw_check_error(check, "stream.name",
                       "a stream's name cannot have blanks, dots, \"*\", \">\", \"/\" or \"\\\"");
    }
    if (o->subjects.count == 0) {
        nw_check_error(check, "stream.subjects", "say which subjects the stream takes");
    }
    for (size_t i = 0; i < o->subjects.count; i++) {
        if (nw_subject_check_pattern(nw_slice_text(o->subjects.items[i]), &error) != 0) {
            nw_check_error(check, "stream.subjects", "\"%s\": %s", o->subjects.items[i],
                           error.text);
        }
    }
}

/* ---- what is asked for ---- */

static jv put(jv object, const char *name, jv value)
{
    return jv_object_set(object, jv_string(name), value);
}

static jv put_number(jv object, const char *name, int64_t value, int64_t factor)
{
    return value == 0 ? object : put(object, name, jv_number((double)(value * factor)));
}

static jv wanted_config(const struct nw_js_stream_options *o)
{
    jv c = jv_object(), subjects = jv_array();

    for (size_t i = 0; i < o->subjects.count; i++) {
        subjects = jv_array_append(subjects, jv_string(o->subjects.items[i]));
    }
    c = put(c, "name", jv_string(o->name));
    c = put(c, "subjects", subjects);
    c = put(c, "storage", jv_string(storages[o->storage.index]));
    c = put(c, "retention", jv_string(retentions[o->retention.index]));
    c = put(c, "discard", jv_string(discards[o->discard.index]));
    c = put_number(c, "num_replicas", o->replicas, 1);
    c = put_number(c, "max_age", o->max_age_ms, NW_MILLISECOND_NS);
    c = put_number(c, "max_bytes", o->max_bytes, 1);
    c = put_number(c, "max_msgs", o->max_messages, 1);
    c = put_number(c, "max_msg_size", o->max_message_size, 1);
    c = put_number(c, "duplicate_window", o->duplicate_window_ms, NW_MILLISECOND_NS);
    return o->description == NULL ? c : put(c, "description", jv_string(o->description));
}

/* The server wants some fields that need not be said. */
static jv create_request(const struct nw_js_stream_options *o)
{
    jv c = wanted_config(o);

    c = o->max_bytes == 0 ? put(c, "max_bytes", jv_number(-1)) : c;
    c = o->max_messages == 0 ? put(c, "max_msgs", jv_number(-1)) : c;
    c = o->max_message_size == 0 ? put(c, "max_msg_size", jv_number(-1)) : c;
    return put(c, "max_consumers", jv_number(-1));
}

/* ---- what is there ---- */

static void report_difference(struct nw_js_stream *s, jv there)
{
    jv wanted = wanted_config(s->options);

    jv_object_foreach(wanted, name, value)
    {
        jv other = jv_object_get(jv_copy(there), jv_copy(name));
        if (jv_is_valid(other) && jv_equal(jv_copy(value), jv_copy(other)) == 0) {
            jv a = jv_dump_string(jv_copy(value), 0), b = jv_dump_string(jv_copy(other), 0);
            nw_log(s->endpoint, NW_LOG_WARNING,
                   "the stream %s exists and differs: %s is %s, the route wants %s",
                   s->options->name, jv_string_value(name), jv_string_value(b), jv_string_value(a));
            jv_free(a);
            jv_free(b);
        }
        jv_free(other);
        jv_free(name);
        jv_free(value);
    }
    jv_free(wanted);
}

static void try_again(struct nw_js_stream *s, const char *text)
{
    char why[300];

    (void)snprintf(why, sizeof why, "stream %s: %s", s->options->name, text);
    nw_loop_set_timer(s->call.hub->loop, &s->timer, nw_loop_now(s->call.hub->loop) + AGAIN_NS);
    s->done(s->context, why);
}

static void on_created(void *context, const struct nw_js_response *r)
{
    struct nw_js_stream *s = context;

    if (!r->ok) {
        try_again(s, r->text);
        return;
    }
    nw_log(s->endpoint, NW_LOG_INFO, "made the stream %s", s->options->name);
    s->done(s->context, NULL);
}

static void on_info(void *context, const struct nw_js_response *r)
{
    struct nw_js_stream *s = context;

    if (r->ok) {
        jv config = nw_js_member(r->body, "config");
        if (!s->reported && jv_get_kind(config) == JV_KIND_OBJECT) {
            report_difference(s, config);
            s->reported = true;
        }
        jv_free(config);
        s->done(s->context, NULL);
    } else if (r->error_code == NW_JS_ERR_STREAM_NOT_FOUND) {
        nw_js_ask(&s->call, create_request(s->options), on_created, "STREAM.CREATE.%s",
                  s->options->name);
    } else {
        try_again(s, r->text);
    }
}

static void on_timer(struct nw_timer *timer)
{
    nw_js_stream_ensure(
        (struct nw_js_stream *)((char *)timer - offsetof(struct nw_js_stream, timer)));
}

void nw_js_stream_init(struct nw_js_stream *s, struct nw_hub *hub, struct nw_endpoint *endpoint,
                       const struct nw_js_stream_options *options,
                       void (*done)(void *context, const char *failure), void *context)
{
    *s = (struct nw_js_stream){
        .endpoint = endpoint, .options = options, .done = done, .context = context};
    s->timer.fire = on_timer;
    nw_js_call_init(&s->call, hub, s);
}

void nw_js_stream_ensure(struct nw_js_stream *s)
{
    if (s->options->name == NULL) {
        s->done(s->context, NULL);
        return;
    }
    if (!s->call.busy) {
        nw_js_ask(&s->call, jv_object(), on_info, "STREAM.INFO.%s", s->options->name);
    }
}

void nw_js_stream_stop(struct nw_js_stream *s)
{
    nw_loop_cancel_timer(&s->timer);
    nw_js_cancel(&s->call);
}
