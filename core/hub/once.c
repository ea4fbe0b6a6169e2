/* SPDX-License-Identifier: Apache-2.0 */
#include "hub/once.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/timestamp.h"
#include "hub/once_state.h"

/* A partition that was silent for so long may have been with another process, which died: Kafka
 * takes longer to notice that. */
#define SILENT_NS (4 * NW_SECOND_NS)
#define MOVES_MOST 3
#define BLINDS_MOST 2

/* ---- partitions ---- */

static void free_partition(struct nw_once_partition *p)
{
    if (p != NULL) {
        nw_once_track_done(&p->track);
        free(p->record);
        free(p->subject);
        free(p->name);
        free(p);
    }
}

static char *make_subject(struct nw_once *o, const struct nw_once_name *name)
{
    const struct nw_endpoint_config *c = o->sink->config;
    struct nw_buffer b = {0};
    char target[12];

    nw_buffer_add_text(&b, "$KV." NW_ONCE_BUCKET ".");
    (void)snprintf(target, sizeof target, "%u", (unsigned)name->target);
    nw_once_name_key(&b, c->bridge, c->route, o->which != NULL ? o->which : target,
                     name->partition);
    return nw_buffer_take(&b);
}

static struct nw_once_partition *add_partition(struct nw_once *o, const struct nw_once_name *name)
{
    struct nw_once_partition *p = calloc(1, sizeof *p);

    if (p == NULL) {
        return NULL;
    }
    p->name = strndup(name->partition.data, name->partition.len);
    p->subject = make_subject(o, name);
    p->stored_until = -1;
    p->read = p->restart = true;
    if (p->name == NULL || p->subject == NULL ||
        nw_table_put(&o->by_name, nw_slice_text(p->name), p) != 0) {
        free_partition(p);
        return NULL;
    }
    nw_once_track_restart(&p->track, 0);
    p->next = o->partitions;
    o->partitions = p;
    return p;
}

struct nw_once_partition *nw_once_partition_of(struct nw_once *o, const struct nw_message *m,
                                               struct nw_once_name *name)
{
    struct nw_once_partition *p = o->recent;
    int64_t number;

    if (!nw_message_number(m, NW_META_PARTITION, &number) ||
        !nw_once_name_read(nw_message_origin(m), nw_message_id(m), name)) {
        return NULL;
    }
    if (p == NULL || !nw_slice_equal(nw_slice_text(p->name), name->partition)) {
        p = nw_table_find(&o->by_name, name->partition);
        p = p != NULL ? p : add_partition(o, name);
        o->recent = p != NULL ? p : o->recent;
    }
    return p;
}

uint64_t nw_once_hash(struct nw_once *o, struct nw_slice partition, struct nw_slice id,
                      struct nw_slice timestamp)
{
    struct nw_buffer *b = &o->hub->scratch;

    nw_buffer_clear(b);
    nw_buffer_add_slice(b, partition);
    nw_buffer_add_char(b, '\0');
    nw_buffer_add_slice(b, id);
    nw_buffer_add_char(b, '\0');
    nw_buffer_add_slice(b, timestamp);
    return nw_siphash(o->key, nw_buffer_slice(b)).words[0];
}

struct nw_slice nw_once_id(const struct nw_once *o, const struct nw_message *m)
{
    return o->message_id != 0 ? nw_message_value(m, o->message_id) : nw_message_id(m);
}

/* ---- admission ---- */

bool nw_once_needs_look(struct nw_once *o, struct nw_once_partition *p, const struct nw_message *m,
                        const struct nw_once_name *name)
{
    const struct nw_once_ticket *ticket = (void *)nw_message_cookie(m);
    int64_t now = nw_loop_now(o->hub->loop), since;
    const struct nw_once_entry *e;

    if (ticket == NULL) {
        if (nw_once_track_came_back(&p->track, name->offset, name->part)) {
            p->checked = false;
            p->read = p->restart = true;
        } else if (now - p->seen_ns > SILENT_NS) {
            p->checked = false;
        }
    } else if (p->checked) {
        e = nw_once_track_at(&p->track, ticket->index);
        since = e == NULL || e->sent_ns < p->checked_ns ? p->checked_ns : e->sent_ns;
        if (now - since > o->window_ns / 2) { /* half: it still has to get there */
            p->checked = false;
            p->read = true;
        }
    }
    return !p->checked;
}

static bool is_stored(struct nw_once *o, const struct nw_once_partition *p,
                      const struct nw_message *m, int64_t offset)
{
    char time[NW_TIMESTAMP_TEXT_MAX];

    if (offset > p->stored_until) {
        return false;
    }
    (void)nw_timestamp_format(nw_message_timestamp(m), time);
    return nw_once_set_has(
        &o->set, offset,
        nw_once_hash(o, nw_slice_text(p->name), nw_once_id(o, m), nw_slice_text(time)));
}

/* The set is kept until all partitions are past it. */
static void pass(struct nw_once *o, struct nw_once_partition *p)
{
    if (p->stored_until < 0 || !nw_once_track_all_finished(&p->track) ||
        p->track.next <= p->stored_until) {
        return;
    }
    p->stored_until = -1;
    for (p = o->partitions; p != NULL; p = p->next) {
        if (p->stored_until >= 0) {
            return;
        }
    }
    nw_once_set_clear(&o->set);
}

/* Note that m is on its way, if that is new. */
static struct nw_once_ticket *note(struct nw_once *o, struct nw_once_partition *p,
                                   struct nw_message *m, const struct nw_once_name *name)
{
    struct nw_once_ticket *ticket = (void *)nw_message_cookie(m);
    uint64_t floor = name->offset <= p->stored_until ? p->from : o->last_sequence;
    int64_t now = nw_loop_now(o->hub->loop);

    p->seen_ns = now;
    if (ticket != NULL) {
        return ticket;
    }
    ticket = nw_message_alloc(m, sizeof *ticket);
    if (ticket == NULL ||
        nw_once_track_add(&p->track, name->offset, name->part, floor, now, &ticket->index) != 0) {
        return NULL; /* it is sent, and not counted as unfinished */
    }
    ticket->partition = p;
    nw_message_set_cookie(m, (uintptr_t)ticket);
    return ticket;
}

static void finish(struct nw_once *o, const struct nw_once_ticket *ticket)
{
    struct nw_once_partition *p = ticket->partition;

    nw_once_track_finish(&p->track, ticket->index);
    pass(o, p);
    nw_once_keep_soon(o, p);
}

enum nw_admission nw_once_admit(struct nw_once *o, struct nw_message *m)
{
    struct nw_once_name name;
    struct nw_once_partition *p;
    struct nw_once_ticket *ticket;

    o->admitted = NULL;
    if (o->off || o->blind) {
        return NW_ADMIT;
    }
    if (o->looking) {
        return NW_ADMIT_LATER;
    }
    p = nw_once_partition_of(o, m, &name);
    if (p == NULL) {
        return NW_ADMIT;
    }
    if (nw_once_needs_look(o, p, m, &name)) {
        nw_once_look(o); /* which may end at once, and m with it */
        return NW_ADMIT_LATER;
    }
    if (!is_stored(o, p, m, name.offset)) {
        o->admitted = m;
        o->admitted_to = p;
        o->admitted_name = name;
        return NW_ADMIT;
    }
    ticket = note(o, p, m, &name);
    if (ticket != NULL) {
        finish(o, ticket);
    }
    nw_metric_count(o->sink->endpoint, "stored_already", 1);
    return NW_ADMIT_STORED;
}

void nw_once_sent(struct nw_once *o, struct nw_message *m)
{
    if (o->admitted == m) {
        (void)note(o, o->admitted_to, m, &o->admitted_name);
    }
    o->admitted = NULL;
}

/* ---- answers ---- */

static void forget_stream(struct nw_once *o)
{
    o->stream.name[0] = '\0';
    for (struct nw_once_partition *p = o->partitions; p != NULL; p = p->next) {
        p->checked = false;
        p->read = true;
    }
}

/* Answers of a stream that we do not know of, or that began anew. */
static void take_sequence(struct nw_once *o, const struct nw_once_ticket *ticket,
                          const struct nw_js_puback *ack)
{
    const struct nw_once_entry *e = nw_once_track_at(&ticket->partition->track, ticket->index);

    bool same = nw_slice_equal(ack->stream, nw_slice_text(o->stream.name));

    if (o->stream.name[0] == '\0' || (o->looking && !same)) {
        return; /* a look under way speaks of one stream; the next answer will tell */
    }
    if (!same) {
        forget_stream(o);
        if (++o->moves > MOVES_MOST) {
            nw_once_give_up(o, NW_LOG_WARNING, "the messages go into more than one stream");
        }
    } else if (!ack->duplicate && e != NULL && ack->sequence <= e->floor && !o->looking) {
        forget_stream(o); /* it was made again */
    } else if (ack->sequence > o->last_sequence) {
        o->last_sequence = ack->sequence;
    }
}

void nw_once_finished(struct nw_once *o, struct nw_message *m, const struct nw_js_puback *ack)
{
    const struct nw_once_ticket *ticket = (void *)nw_message_cookie(m);

    if (o->blind && ack != NULL) {
        o->blind = false;
        if (++o->blinds > BLINDS_MOST) {
            nw_once_give_up(o, NW_LOG_WARNING, "the stream is not one of this account");
        }
    }
    if (ticket == NULL) {
        return;
    }
    if (ack != NULL) {
        take_sequence(o, ticket, ack);
    }
    finish(o, ticket);
}

void nw_once_missing(struct nw_once *o)
{
    o->blind = false;
    if (!o->looking) {
        forget_stream(o);
    }
}

void nw_once_give_up(struct nw_once *o, enum nw_level level, const char *text)
{
    nw_once_look_stop(o);
    o->off = true;
    if (strcmp(o->said, text) != 0) {
        (void)snprintf(o->said, sizeof o->said, "%s", text);
        nw_log(o->sink->endpoint, level,
               "what comes again after a restart, or after an outage longer than the stream's "
               "duplicate window, is stored again: %s",
               text);
    }
    nw_hub_sink_feed(o->sink);
}

/* ---- life ---- */

struct nw_once *nw_once_new(struct nw_hub_sink *sink, uint32_t message_id, const char *which)
{
    struct nw_once *o = calloc(1, sizeof *o);

    if (o == NULL) {
        return NULL;
    }
    o->sink = sink;
    o->hub = sink->hub;
    o->message_id = message_id;
    o->which = which;
    o->key.words[0] = (uint64_t)nw_clock_monotonic_ns();
    o->key.words[1] = (uint64_t)(uintptr_t)o;
    nw_once_keep_init(o);
    nw_once_look_init(o);
    return o;
}

void nw_once_received(struct nw_once *o)
{
    nw_once_read_received(&o->read);
}

void nw_once_lost(struct nw_once *o)
{
    nw_once_look_stop(o);
    if (o->off) {
        forget_stream(o); /* nobody has counted what was sent since */
    }
    o->off = o->blind = false;
    o->blinds = o->moves = 0;
}

void nw_once_free(struct nw_once *o)
{
    if (o == NULL) {
        return;
    }
    nw_once_look_stop(o);
    nw_once_keep_last(o);
    nw_once_keep_stop(o);
    nw_loop_cancel_timer(&o->again);
    while (o->partitions != NULL) {
        struct nw_once_partition *p = o->partitions;
        o->partitions = p->next;
        free_partition(p);
    }
    nw_table_done(&o->by_name);
    nw_once_set_clear(&o->set);
    free(o);
}
