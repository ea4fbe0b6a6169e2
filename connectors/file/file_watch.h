/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: one thread of the process that watches folders with inotify and runs the work of every
 * file source. It starts with the first task and ends with the last one.
 *
 * A source is a task: the loop calls it when it was woken, when something happened in a folder that
 * it watches, when its input can be read, or when the time has come that it asked for.
 */
#ifndef NATSWAY_FILE_WATCH_H
#define NATSWAY_FILE_WATCH_H

#include <stdatomic.h>

#include "file.h"

#define FILE_NEVER INT64_MAX /* run only when woken */
#define FILE_ENDED (-1)      /* remove the task */

static inline int64_t file_sooner(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

/* Something happened in a watched folder: an inotify event. */
struct file_event {
    const char *folder; /* as it was given to file_loop_watch; NULL: anything may have changed */
    const char *name;   /* "": the folder itself, or the file that is watched */
    uint32_t mask;
    uint32_t cookie; /* joins the two halves of a move */
};

struct file_task {
    /* Do a bounded amount of work. Returns when to run again (nw_clock_monotonic_ns), FILE_NEVER,
     * or FILE_ENDED. */
    int64_t (*run)(struct file_task *task, int64_t now_ns);
    /* Only notes what happened; run follows. */
    void (*event)(struct file_task *task, const struct file_event *event);
    /* The loop has let go; the task may be freed. */
    void (*ended)(struct file_task *task);

    bool input_ready; /* set by the loop, cleared by the task */

    /* The loop's. */
    struct file_task *next;
    int64_t due_ns;
    atomic_bool woken;
    uint32_t watch_round;
};

/* Any thread. 0, or NW_EIO when there is no thread, epoll or inotify to be had. */
int file_loop_add(struct file_task *task, struct nw_error *error);

/* Any thread: run it soon. */
void file_loop_wake(struct file_task *task);

/* The rest: only from within the task's own run. */

/* Watch a folder, or a file that stands elsewhere (what a symbolic link leads to). All watches of
 * a task are named again between begin and end; those that were not are dropped. false: it cannot
 * be watched, the task has to look by itself from time to time. */
void file_loop_watch_begin(struct file_task *task);
bool file_loop_watch(struct file_task *task, const char *path);
void file_loop_watch_end(struct file_task *task);

/* Take in at once what has been told so far: event() is called. */
void file_loop_read_events(void);

/* Run the task once when fd can be read or has ended. false: fd can always be read. */
bool file_loop_await_input(struct file_task *task, int fd);
void file_loop_forget_input(int fd);

#endif
