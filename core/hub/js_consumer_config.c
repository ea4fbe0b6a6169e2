/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/js_consumer_config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/duration.h"
#include "base/timestamp.h"
#include "hub/kv_key.h"
#include "hub/subject.h"

#define AT(member) offsetof(struct nw_js_source_options, member)

enum deliver { DELIVER_ALL, DELIVER_NEW, DELIVER_LAST, DELIVER_SEQUENCE, DELIVER_SINCE };

#define DURABLE_ROW                                                       \
    {                                                                     \
        .name = "durable", .type = NW_OPTION_TEXT, .offset = AT(durable), \
        .doc = "name of the consumer; default: made of bridge and route"  \
    }

/* What the consumers of both sources have. */
#define CONSUMER_ROWS                                                                             \
    {.name = "ack_wait",                                                                          \
     .type = NW_OPTION_DURATION,                                                                  \
     .offset = AT(ack_wait_ms),                                                                   \
     .standard = "10s",                                                                           \
     .min = 500,                                                                                  \
     .max = 24 * 3600 * 1000,                                                                     \
     .doc = "after this time without a sign of life the server delivers a message again"},        \
        {.name = "max_deliver",                                                                   \
         .type = NW_OPTION_INT,                                                                   \
         .offset = AT(max_deliver),                                                               \
         .standard = "-1",                                                                        \
         .min = -1,                                                                               \
         .max = 1000000,                                                                          \
         .doc = "deliver a message at most so often; -1: for ever"},                              \
        {.name = "max_ack_pending",                                                               \
         .type = NW_OPTION_INT,                                                                   \
         .offset = AT(max_ack_pending),                                                           \
         .standard = "100000",                                                                    \
         .min = -1,                                                                               \
         .max = 10000000,                                                                         \
         .doc = "unacknowledged messages at which the server waits, of all lanes and processes"}, \
    {                                                                                             \
        .name = "batch", .type = NW_OPTION_INT, .offset = AT(batch), .standard = "500", .min = 1, \
        .max = 10000, .doc = "messages asked for at once"                                         \
    }

const struct nw_option nw_js_source_rows[] = {
    {.name = "stream",
     .type = NW_OPTION_TEXT,
     .offset = AT(stream),
     .doc = "name of the stream; default: the one that takes the subject"},
    DURABLE_ROW,
    {.name = "deliver",
     .type = NW_OPTION_CHOICE,
     .offset = AT(deliver),
     .standard = "all",
     .choices = "all|new|last|sequence=|since=",
     .doc = "where a new consumer begins: {sequence: 100}, {since: 1h} or {since: "
            "2026-01-01T00:00:00Z}"},
    CONSUMER_ROWS,
    {.name = NULL},
};

const struct nw_option nw_kv_source_rows[] = {
    {.name = "history",
     .type = NW_OPTION_BOOL,
     .offset = AT(history),
     .standard = "false",
     .doc =
         "where a new consumer begins: false: with the newest value of each key, for buckets that "
         "keep one; true: with all revisions that the bucket keeps"},
    DURABLE_ROW,
    CONSUMER_ROWS,
    {.name = NULL},
};

/* ---- options ---- */

static bool parse_sequence(const char *text, uint64_t *out)
{
    char *end;

    *out = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *out > 0;
}

/* An age or a moment, as a moment. */
static bool parse_since(const char *text, int64_t *out_ns)
{
    int64_t ms;

    if (nw_timestamp_parse(nw_slice_text(text), out_ns, NULL) == 0) {
        return true;
    }
    if (nw_duration_parse(nw_slice_text(text), &ms, NULL) != 0 ||
        ms > INT64_MAX / NW_MILLISECOND_NS) {
        return false;
    }
    *out_ns = nw_clock_real_ns() - ms * NW_MILLISECOND_NS;
    return true;
}

static void check_durable(const struct nw_js_source_options *o, struct nw_check *check)
{
    if (o->durable != NULL && !nw_subject_is_name(o->durable)) {
        nw_check_error(check, "durable", "\"%s\" cannot be the name of a durable", o->durable);
    }
}

void nw_kv_source_check(const char *address, const void *options, const void *connection_options,
                        struct nw_check *check)
{
    struct nw_slice bucket, pattern;
    struct nw_error error;
    int rc;

    (void)connection_options;
    nw_kv_split(nw_slice_text(address), &bucket, &pattern);
    rc = nw_kv_check_bucket(bucket, &error);
    if (rc == 0 && strchr(address, '/') != NULL) {
        rc = nw_kv_check_pattern(pattern, &error);
    }
    if (rc != 0) {
        nw_check_error(check, NULL, "%s", error.text);
    }
    check_durable(options, check);
}

void nw_js_source_check(const char *address, const void *options, const void *connection_options,
                        struct nw_check *check)
{
    const struct nw_js_source_options *o = options;
    bool has_address = address != NULL && address[0] != '\0';
    struct nw_error error;
    uint64_t sequence;
    int64_t since;

    (void)connection_options;
    if (has_address && nw_subject_check_pattern(nw_slice_text(address), &error) != 0) {
        nw_check_error(check, NULL, "%s", error.text);
    }
    if (!has_address && o->stream == NULL) {
        nw_check_error(check, NULL, "give a subject, or the name of a stream with `stream:`");
    }
    if (o->stream != NULL && !nw_subject_is_name(o->stream)) {
        nw_check_error(check, "stream", "\"%s\" cannot be the name of a stream", o->stream);
    }
    check_durable(o, check);
    if (o->deliver.index == DELIVER_SEQUENCE && !parse_sequence(o->deliver.value, &sequence)) {
        nw_check_error(check, "deliver", "expected a sequence number from 1, found \"%s\"",
                       o->deliver.value);
    }
    if (o->deliver.index == DELIVER_SINCE && !parse_since(o->deliver.value, &since)) {
        nw_check_error(check, "deliver",
                       "expected an age like 1h or a time like 2026-01-01T00:00:00Z, found \"%s\"",
                       o->deliver.value);
    }
}

/* ---- as a configuration ---- */

static jv put_text(jv object, const char *name, const char *value)
{
    return jv_object_set(object, jv_string(name), jv_string(value));
}

static jv put_number(jv object, const char *name, int64_t value)
{
    return jv_object_set(object, jv_string(name), jv_number((double)value));
}

static jv put_start(const struct nw_js_consumer *c, jv config)
{
    const struct nw_choice *deliver = &c->options->deliver;
    char time[NW_TIMESTAMP_TEXT_MAX];
    uint64_t sequence = 1;
    int64_t since = 0;

    if (c->resume || c->start > 0) {
        int64_t start = c->start > 0 ? c->start : (int64_t)c->last_sequence + 1;
        config = put_text(config, "deliver_policy", "by_start_sequence");
        return put_number(config, "opt_start_seq", start);
    }
    switch (deliver->index) {
    case DELIVER_NEW:
        return put_text(config, "deliver_policy", "new");
    case DELIVER_LAST:
        return put_text(config, "deliver_policy", "last");
    case DELIVER_SEQUENCE:
        (void)parse_sequence(deliver->value, &sequence);
        config = put_text(config, "deliver_policy", "by_start_sequence");
        return put_number(config, "opt_start_seq", (int64_t)sequence);
    case DELIVER_SINCE:
        (void)parse_since(deliver->value, &since);
        (void)nw_timestamp_format(since, time);
        config = put_text(config, "deliver_policy", "by_start_time");
        return put_text(config, "opt_start_time", time);
    case DELIVER_ALL:
    default:
        return put_text(config, "deliver_policy", "all");
    }
}

static const char *wanted_filter(const struct nw_js_consumer *c)
{
    const char *address = c->config->address;

    if (c->filter.len > 0) {
        return c->filter.data;
    }
    return address == NULL || strcmp(address, ">") == 0 ? "" : address;
}

static jv put_filter(const struct nw_js_consumer *c, jv config)
{
    const char *filter = wanted_filter(c);

    config = jv_object_delete(config, jv_string("filter_subjects"));
    if (filter[0] == '\0') {
        return jv_object_delete(config, jv_string("filter_subject"));
    }
    return put_text(config, "filter_subject", filter);
}

jv nw_js_consumer_wanted(const struct nw_js_consumer *c, jv there)
{
    jv config = there;

    if (jv_object_length(jv_copy(config)) == 0) {
        config = put_text(config, "durable_name", c->durable);
        config = put_text(config, "ack_policy", "explicit");
        config = put_text(config, "replay_policy", "instant");
        config = put_start(c, config);
    }
    config = put_filter(c, config);
    config = put_number(config, "ack_wait", c->options->ack_wait_ms * NW_MILLISECOND_NS);
    config = put_number(config, "max_deliver", c->options->max_deliver);
    return put_number(config, "max_ack_pending", c->options->max_ack_pending);
}

jv nw_js_consumer_request(const struct nw_js_consumer *c, jv config)
{
    jv request = jv_object_set(jv_object(), jv_string("stream_name"), jv_string(c->stream));

    return jv_object_set(request, jv_string("config"), config);
}

/* ---- what exists ---- */

int64_t nw_js_consumer_start(jv info)
{
    jv delivered = nw_js_member(info, "delivered");
    int64_t start = nw_js_number(delivered, "stream_seq", 0) + 1;

    jv_free(delivered);
    return start < 1 ? 1 : start;
}

bool nw_js_consumer_usable(const struct nw_js_consumer *c, char *why, size_t size)
{
    char text[100];

    if (jv_get_kind(c->there) != JV_KIND_OBJECT) {
        (void)snprintf(why, size, "the server does not tell its configuration");
        return false;
    }
    if (nw_js_text(c->there, "deliver_subject", text, sizeof text) && text[0] != '\0') {
        (void)snprintf(why, size, "it is a push consumer; choose another `durable:`");
        return false;
    }
    if (nw_js_text(c->there, "ack_policy", text, sizeof text) && strcmp(text, "explicit") != 0) {
        (void)snprintf(why, size,
                       "it does not acknowledge each message (ack policy %s); choose another "
                       "`durable:`",
                       text);
        return false;
    }
    return true;
}

bool nw_js_consumer_differs(const struct nw_js_consumer *c)
{
    jv wanted = nw_js_consumer_wanted(c, jv_copy(c->there));
    bool differs = jv_equal(jv_copy(wanted), jv_copy(c->there)) == 0;
    char before[300];

    (void)nw_js_text(c->there, "filter_subject", before, sizeof before);
    if (strcmp(before, wanted_filter(c)) != 0) {
        nw_log(c->endpoint, NW_LOG_WARNING,
               "the filter of the existing consumer %s is changed from \"%s\" to \"%s\"",
               c->durable, before, wanted_filter(c));
    }
    jv_free(wanted);
    return differs;
}
