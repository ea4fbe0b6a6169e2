/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The middle of a look (once.h): the state of the stream, from which sequence on each partition is
 * to be looked for, and the set of what is stored behind that. The stream is read once for all
 * partitions that wait.
 */
#include "hub/carry.h"
#include "hub/once_state.h"
#include "hub/raw_headers.h"

#define MOST 2000000 /* messages to be read; longer than that nobody wants to wait */

/* ---- what the stream has stored ---- */

/* All is sent that comes: nothing is known of what was before. */
static void begin_anew(struct nw_once *o, struct nw_once_partition *p)
{
    p->history = (struct nw_once_history){0};
    nw_once_history_add(&p->history, (struct nw_once_point){p->offset, o->end});
    p->from = o->end;
    p->owned = false;
}

static void take_stored(void *context, uint64_t sequence, natsMsg *msg)
{
    struct nw_once *o = context;
    struct nw_slice lines = nw_raw_headers(msg), name, value;
    struct nw_slice id = NW_ABSENT, origin = NW_ABSENT, timestamp = NW_ABSENT;
    struct nw_once_partition *p;
    struct nw_once_name of;
    bool folded;

    while (nw_raw_headers_next(&lines, &name, &value, &folded)) {
        if (nw_slice_equal(name, NW_LITERAL("Nats-Msg-Id"))) {
            id = value;
        } else if (nw_slice_equal(name, NW_LITERAL(NW_CARRY_ORIGIN))) {
            origin = value;
        } else if (nw_slice_equal(name, NW_LITERAL(NW_CARRY_TIMESTAMP))) {
            timestamp = value;
        }
    }
    if (!nw_once_name_read(origin, id, &of)) {
        return;
    }
    p = nw_table_find(&o->by_name, of.partition);
    if (p == NULL || !p->wanted || !p->read || sequence <= p->from || of.offset < p->offset) {
        return;
    }
    if (nw_once_set_add(&o->set, of.offset, nw_once_hash(o, of.partition, id, timestamp)) != 0) {
        o->overflow = true;
    } else if (of.offset > p->stored_until) {
        p->stored_until = of.offset;
    }
}

static void on_read(void *context, enum nw_once_read_end how, const struct nw_js_response *failure,
                    const char *text)
{
    struct nw_once *o = context;

    if (how == NW_ONCE_READ_FAILED && failure != NULL) {
        nw_once_look_fail_by(o, failure, "what the stream has stored cannot be read");
        return;
    }
    if (how == NW_ONCE_READ_FAILED) {
        nw_once_look_fail(o, text);
        return;
    }
    for (struct nw_once_partition *p = o->partitions; p != NULL; p = p->next) {
        if (how == NW_ONCE_READ_TOO_MUCH && p->wanted && p->read) {
            begin_anew(o, p);
        }
    }
    if (how == NW_ONCE_READ_TOO_MUCH || o->overflow) {
        nw_log(o->sink->endpoint, NW_LOG_WARNING,
               "so much was stored in %s since the last checkpoint that not all of it is looked "
               "at: some of it may be stored again",
               o->stream.name);
    }
    nw_once_claim(o);
}

static void filter_of(struct nw_once *o, struct nw_buffer *b)
{
    if (!o->transforms) {
        nw_once_name_filter(b, o->sink->config->address);
    }
}

/* Read behind the lowest of all that are wanted. */
static void read_stored(struct nw_once *o, uint64_t until)
{
    struct nw_once_piece piece = {.stream = o->stream.name, .until = until, .most = MOST};
    struct nw_buffer filter = {0};

    piece.after = until;
    for (struct nw_once_partition *p = o->partitions; p != NULL; p = p->next) {
        if (p->wanted && p->read && p->from < piece.after) {
            piece.after = p->from;
        }
    }
    if (piece.after >= until) {
        nw_once_claim(o);
        return;
    }
    filter_of(o, &filter);
    piece.subject = filter.len == 0 ? NULL : nw_buffer_text(&filter);
    nw_once_read_begin(&o->read, &piece);
    nw_buffer_done(&filter);
}

/* The last message that the filter takes. */
static void on_last(void *context, const struct nw_js_response *r)
{
    struct nw_once *o = context;
    jv message = nw_js_member(r->body, "message");
    uint64_t sequence = (uint64_t)nw_js_number(message, "seq", 0);

    jv_free(message);
    if (!r->ok && r->error_code != NW_ONCE_ERR_NO_MESSAGE) {
        nw_once_look_fail_by(o, r, "what the stream has stored cannot be read");
        return;
    }
    read_stored(o, r->ok ? sequence : 0);
}

static void ask_last(struct nw_once *o)
{
    struct nw_buffer filter = {0};

    filter_of(o, &filter);
    if (filter.len == 0) {
        read_stored(o, o->end);
    } else {
        nw_js_ask(&o->call,
                  jv_object_set(jv_object(), jv_string("last_by_subj"),
                                jv_string(nw_buffer_text(&filter))),
                  on_last, "STREAM.MSG.GET.%s", o->stream.name);
    }
    nw_buffer_done(&filter);
}

/* ---- the stream ---- */

/* From which sequence on p's messages are to be looked for. */
static void choose(struct nw_once *o, struct nw_once_partition *p)
{
    struct nw_once_point now = nw_once_track_point(&p->track, o->last_sequence);
    struct nw_slice record = nw_slice_text(p->record);

    if (!p->restart && now.position < p->offset) {
        p->offset = now.position;
    }
    if (p->owned && !p->restart) {
        p->from = now.sequence;
        return;
    }
    p->owned = false;
    p->revision = p->record_revision;
    if (!nw_once_record_read(record, &o->stream, &p->history)) {
        begin_anew(o, p);
        return;
    }
    nw_once_history_cut(&p->history, p->offset);
    if (!nw_once_history_find(&p->history, p->offset, &p->from) || p->from > o->end) {
        begin_anew(o, p);
    }
}

/* Streams in which what was stored need not be found any more: what is missing in them says
 * nothing, and to send only that would bring back old values. */
static const char *unsuited(jv config)
{
    char retention[20];

    (void)nw_js_text(config, "retention", retention, sizeof retention);
    if (nw_js_number(config, "max_msgs_per_subject", -1) > 0) {
        return "the stream keeps only so many messages of each subject";
    }
    if (retention[0] != '\0' && strcmp(retention, "limits") != 0) {
        return "the stream drops what was consumed";
    }
    return NULL;
}

static bool has_member(jv object, const char *name)
{
    jv value = nw_js_member(object, name);
    bool has = jv_get_kind(value) == JV_KIND_OBJECT;

    jv_free(value);
    return has;
}

/* info is not taken. */
static const char *read_info(struct nw_once *o, jv info)
{
    jv config = nw_js_member(info, "config"), state = nw_js_member(info, "state");
    char created[sizeof o->stream.created];
    const char *why = unsuited(config);

    (void)nw_js_text(info, "created", created, sizeof created);
    o->end = (uint64_t)nw_js_number(state, "last_seq", 0);
    if (strcmp(created, o->stream.created) != 0) {
        for (struct nw_once_partition *p = o->partitions; p != NULL; p = p->next) {
            p->checked = p->owned = false; /* what is known is of another stream */
            p->read = true;
        }
        memcpy(o->stream.created, created, sizeof created);
        o->last_sequence = 0;
    }
    o->last_sequence = o->end > o->last_sequence ? o->end : o->last_sequence;
    o->window_ns = nw_js_number(config, "duplicate_window", 0);
    o->replicas = nw_js_number(config, "num_replicas", 1);
    o->transforms = has_member(config, "subject_transform");
    jv_free(config);
    jv_free(state);
    return why;
}

static void on_info(void *context, const struct nw_js_response *r)
{
    struct nw_once *o = context;
    const char *why;

    if (!r->ok) {
        o->stream.name[0] = '\0';
        if (r->error_code == NW_JS_ERR_STREAM_NOT_FOUND) {
            nw_once_look_fail(o, "the stream is gone");
        } else {
            nw_once_look_fail_by(o, r, "the stream's state cannot be read");
        }
        return;
    }
    why = read_info(o, r->body);
    if (why != NULL) {
        nw_once_give_up(o, NW_LOG_INFO, why);
        return;
    }
    for (struct nw_once_partition *p = o->partitions; p != NULL; p = p->next) {
        uint64_t before = p->from;
        if (p->wanted) {
            choose(o, p);
        }
        if (p->stored_until >= 0 && before < p->from) {
            p->from = before; /* the floor of what is in the set still holds */
        }
    }
    ask_last(o);
}

void nw_once_find(struct nw_once *o)
{
    nw_js_ask(&o->call, jv_object(), on_info, "STREAM.INFO.%s", o->stream.name);
}

void nw_once_find_init(struct nw_once *o)
{
    nw_once_read_init(&o->read, o->hub, o);
    o->read.each = take_stored;
    o->read.done = on_read;
}
