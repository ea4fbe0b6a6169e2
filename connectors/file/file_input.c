/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input: the one followed file that has neither a name nor a past. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "file_tail.h"

#define RETRY_NS FILE_SECOND_NS

/* Nothing of it comes twice, so that its ids need to differ from start to start only. */
static struct file_tail *open_input(struct file_source *s)
{
    struct file_stat stat = {.device = (uint64_t)getpid(), .inode = 1};
    struct file_tail *t = file_tail_add(s, STDIN_FILENO, "-", &stat);
    int64_t now_ns = nw_clock_real_ns();

    if (t != NULL) {
        t->input = true;
        t->identity = file_hash(file_hash(1, s->config->instance, strlen(s->config->instance)),
                                &now_ns, sizeof now_ns) |
                      1;
        file_source_say(s, NW_STATE_READY, "%s", "");
    }
    return t;
}

static int64_t work(struct file_source *s, int64_t now_ns)
{
    struct file_tail *t = s->tails;

    if (t == NULL && (!s->may_offer || (t = open_input(s)) == NULL)) {
        return now_ns + RETRY_NS;
    }
    file_tail_advance(s, t);
    t->look = s->task.input_ready || s->input_is_file;
    s->task.input_ready = false;
    if (!s->may_offer || t->ended) {
        file_loop_forget_input(t->fd);
        return FILE_NEVER;
    }
    enum file_tail_result result = file_tail_read(s, t, now_ns);
    if (result == FILE_TAIL_ERROR) {
        file_source_say(s, NW_STATE_FAILED, "cannot read standard input: %s", strerror(errno));
        return FILE_NEVER;
    }
    if (result == FILE_TAIL_BLOCKED || (t->over && !file_tail_offer_rest(s, t))) {
        s->task.input_ready |= t->look;
        return now_ns + RETRY_NS;
    }
    if (t->over) {
        t->ended = true;
        file_loop_forget_input(t->fd);
        file_source_say(s, NW_STATE_READY, "standard input has ended");
        return FILE_NEVER;
    }
    s->input_is_file = !file_loop_await_input(&s->task, t->fd);
    return s->input_is_file || result == FILE_TAIL_MORE ? 0 : FILE_NEVER;
}

static bool no_event(struct file_source *s, const struct file_event *event)
{
    (void)s, (void)event;
    return false;
}

static void note(struct file_source *s)
{
    (void)s; /* there is no place to come back to */
}

const struct file_reader file_input_reader = {
    .event = no_event, .work = work, .note = note, .done = file_follow_done};
