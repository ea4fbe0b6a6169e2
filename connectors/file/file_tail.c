/* SPDX-License-Identifier: Apache-2.0 */
/* The work on followed files: whose turn it is to be read, and when one has come to its end. */
#include <errno.h>
#include <string.h>

#include "file_tail.h"

/* A file that was moved out of the pattern may be written to for a while by who has it open. */
#define MOVED_NS (60 * FILE_SECOND_NS)
#define DELETED_NS (10 * FILE_SECOND_NS)
#define GONE_LOOK_NS FILE_SECOND_NS /* changes of files that are gone may not be told */
#define RETRY_NS FILE_SECOND_NS

static bool at_end(const struct file_tail *t)
{
    return !t->look && (t->chunk == NULL || t->begin == t->end);
}

/* A file at the same path may go on now. Returns when to run for it: at once, because it may stand
 * before t in the list, and nothing else may happen that makes us look at it. */
static int64_t release_successor(struct file_source *s, const struct file_tail *t)
{
    int64_t due_ns = FILE_NEVER;

    for (struct file_tail *other = s->tails; other != NULL; other = other->next) {
        if (other->before == t) {
            other->before = NULL;
            other->look = true;
            due_ns = 0;
        }
    }
    return due_ns;
}

/* The end of a file that is gone: its last line, then it is forgotten. Returns when to look again;
 * t may be freed: then true is in *ended. */
static int64_t finish(struct file_source *s, struct file_tail *t, int64_t now_ns, bool *ended)
{
    int64_t quiet_ns = now_ns - t->grown_ns, due_ns = now_ns + GONE_LOOK_NS;

    if (t->look || (!t->over && !t->gone)) {
        return FILE_NEVER;
    }
    if (t->chunk != NULL && (t->over || quiet_ns >= FILE_QUIET_NS) &&
        (!s->may_offer || !file_tail_offer_rest(s, t))) {
        return now_ns + RETRY_NS;
    }
    if (t->over || quiet_ns >= (t->stat.links == 0 ? DELETED_NS : MOVED_NS)) {
        int64_t successor_ns = release_successor(s, t);
        if (t->batches == NULL && t->chunk == NULL) {
            file_tail_remove(s, t);
            *ended = true;
            return successor_ns;
        }
        due_ns = file_sooner(due_ns, successor_ns);
    }
    if (!t->over) {
        t->look = true;
    }
    return due_ns;
}

/* Move t to the head of the list, with those behind it following: it is read next. */
static void begin_with(struct file_source *s, struct file_tail *t)
{
    struct file_tail *last = t;

    if (s->tails == t) {
        return;
    }
    while (last->next != NULL) {
        last = last->next;
    }
    last->next = s->tails;
    for (struct file_tail *p = s->tails;; p = p->next) {
        if (p->next == t) {
            p->next = NULL;
            break;
        }
    }
    s->tails = t;
}

/* Read one tail; returns when to run again, or FILE_ENDED without credit. */
static int64_t read_tail(struct file_source *s, struct file_tail *t, int64_t now_ns)
{
    switch (file_tail_read(s, t, now_ns)) {
    case FILE_TAIL_MORE:
        return 0;
    case FILE_TAIL_BLOCKED:
        return FILE_ENDED;
    case FILE_TAIL_REPLACED:
        file_follow_replaced(s, t);
        return 0;
    case FILE_TAIL_ERROR:
        file_source_say(s, NW_STATE_DOWN, "cannot read %s: %s", t->path, strerror(errno));
        s->scan_wanted = true;
        return now_ns + RETRY_NS;
    default:
        t->look = false;
        return release_successor(s, t);
    }
}

static bool wants_reading(const struct file_source *s, const struct file_tail *t)
{
    return s->may_offer && t->before == NULL && !t->again && !at_end(t);
}

static int64_t work(struct file_source *s, int64_t now_ns)
{
    int64_t due_ns = FILE_NEVER;
    struct file_tail *next;

    file_follow_order(s);
    s->backlog_bytes = 0;
    for (struct file_tail *t = s->tails; t != NULL; t = next) {
        bool ended = false;
        file_tail_advance(s, t);
        if (wants_reading(s, t)) {
            int64_t at_ns = read_tail(s, t, now_ns);
            if (at_ns == FILE_ENDED) {
                begin_with(s, t);
                due_ns = file_sooner(due_ns, now_ns + RETRY_NS); /* credit() comes before */
                break;
            }
            due_ns = file_sooner(due_ns, at_ns);
        }
        next = t->next;
        due_ns = file_sooner(due_ns, finish(s, t, now_ns, &ended));
    }
    for (struct file_tail *t = s->tails; t != NULL; t = t->next) {
        int64_t unread = t->stat.size - t->offset;
        s->backlog_bytes += (int64_t)(t->end - t->begin) + (unread > 0 && !t->over ? unread : 0);
    }
    return due_ns;
}

const struct file_reader file_tail_reader = {.scan = file_follow_scan,
                                             .event = file_follow_event,
                                             .work = work,
                                             .note = file_follow_note,
                                             .done = file_follow_done};
