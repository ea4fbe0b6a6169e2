/* SPDX-License-Identifier: Apache-2.0 */
#include "file_watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#define EVENTS                                                                          \
    (IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | \
     IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_EXCL_UNLINK)

/* Who watches a path, and in which round it said so last. */
struct watcher {
    struct file_task *task;
    uint32_t round;
};

/* One inotify watch; several tasks share it. */
struct watch {
    int wd;
    char *path;
    struct watcher *watchers;
    size_t count;
};

static struct {
    pthread_mutex_t lock; /* guards running and added */
    bool running;
    struct file_task *added;
    atomic_bool asleep;
    int epoll, inotify, wake;
    /* The loop thread's own. */
    struct file_task *tasks;
    struct watch *watches;
    size_t watch_count;
} loop = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- Watches ---- */

static struct watch *find_watch(int wd)
{
    for (size_t i = 0; i < loop.watch_count; i++) {
        if (loop.watches[i].wd == wd) {
            return &loop.watches[i];
        }
    }
    return NULL;
}

static void drop_watch(struct watch *w)
{
    free(w->path);
    free(w->watchers);
    *w = loop.watches[--loop.watch_count];
}

static struct watch *add_watch(int wd, const char *path)
{
    struct watch *watches = realloc(loop.watches, (loop.watch_count + 1) * sizeof *watches);
    char *copy = strdup(path);

    if (watches != NULL) {
        loop.watches = watches;
    }
    if (watches == NULL || copy == NULL) {
        free(copy);
        return NULL;
    }
    watches[loop.watch_count] = (struct watch){.wd = wd, .path = copy};
    return &watches[loop.watch_count++];
}

static bool join_watch(struct watch *w, struct file_task *task)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->watchers[i].task == task) {
            w->watchers[i].round = task->watch_round;
            return true;
        }
    }
    struct watcher *watchers = realloc(w->watchers, (w->count + 1) * sizeof *watchers);
    if (watchers == NULL) {
        return false;
    }
    w->watchers = watchers;
    watchers[w->count++] = (struct watcher){task, task->watch_round};
    return true;
}

void file_loop_watch_begin(struct file_task *task)
{
    task->watch_round++;
}

bool file_loop_watch(struct file_task *task, const char *path)
{
    int wd = inotify_add_watch(loop.inotify, path, EVENTS);

    if (wd < 0) {
        return false;
    }
    struct watch *w = find_watch(wd);
    if (w == NULL) {
        w = add_watch(wd, path);
    }
    return w != NULL && join_watch(w, task);
}

void file_loop_watch_end(struct file_task *task)
{
    for (size_t i = loop.watch_count; i-- > 0;) {
        struct watch *w = &loop.watches[i];
        for (size_t k = w->count; k-- > 0;) {
            if (w->watchers[k].task == task && w->watchers[k].round != task->watch_round) {
                w->watchers[k] = w->watchers[--w->count];
            }
        }
        if (w->count == 0) {
            inotify_rm_watch(loop.inotify, w->wd);
            drop_watch(w);
        }
    }
}

static void tell(struct file_task *task, const struct file_event *event)
{
    atomic_store(&task->woken, true);
    task->event(task, event);
}

static void tell_watchers(const struct inotify_event *e)
{
    struct watch *w = find_watch(e->wd);

    if (w == NULL) {
        return;
    }
    const struct file_event event = {w->path, e->len > 0 ? e->name : "", e->mask, e->cookie};
    for (size_t i = 0; i < w->count; i++) {
        tell(w->watchers[i].task, &event);
    }
    if ((e->mask & IN_IGNORED) != 0) {
        drop_watch(w); /* the folder is gone, and the watch with it */
    }
}

static void tell_all(uint32_t mask)
{
    const struct file_event event = {NULL, "", mask, 0};

    for (struct file_task *t = loop.tasks; t != NULL; t = t->next) {
        tell(t, &event);
    }
}

void file_loop_read_events(void)
{
    _Alignas(struct inotify_event) char buffer[16 * 1024];

    for (;;) {
        ssize_t n = read(loop.inotify, buffer, sizeof buffer);
        if (n <= 0) {
            return;
        }
        for (char *at = buffer; at < buffer + n;) {
            const struct inotify_event *e = (const struct inotify_event *)at;
            at += sizeof *e + e->len;
            if ((e->mask & IN_Q_OVERFLOW) != 0) {
                tell_all(e->mask);
            } else {
                tell_watchers(e);
            }
        }
    }
}

/* ---- Input ---- */

bool file_loop_await_input(struct file_task *task, int fd)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = task};

    if (epoll_ctl(loop.epoll, EPOLL_CTL_MOD, fd, &e) == 0 ||
        (errno == ENOENT && epoll_ctl(loop.epoll, EPOLL_CTL_ADD, fd, &e) == 0)) {
        return true;
    }
    return false; /* EPERM: a regular file */
}

void file_loop_forget_input(int fd)
{
    epoll_ctl(loop.epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* ---- The thread ---- */

/* Takes over new tasks. false, and the loop is closed, when there is nothing left to do. */
static bool take_added(void)
{
    bool more = true;

    pthread_mutex_lock(&loop.lock);
    while (loop.added != NULL) {
        struct file_task *task = loop.added;
        loop.added = task->next;
        task->next = loop.tasks;
        loop.tasks = task;
    }
    if (loop.tasks == NULL) {
        close(loop.epoll);
        close(loop.inotify);
        close(loop.wake);
        free(loop.watches);
        loop.watches = NULL;
        loop.watch_count = 0;
        loop.running = more = false;
    }
    pthread_mutex_unlock(&loop.lock);
    return more;
}

static void end_task(struct file_task **at)
{
    struct file_task *task = *at;

    *at = task->next;
    file_loop_watch_begin(task);
    file_loop_watch_end(task);
    task->ended(task);
}

/* Run what is due; returns when the next one is. */
static int64_t run_tasks(void)
{
    int64_t next_ns = FILE_NEVER;

    for (struct file_task **at = &loop.tasks; *at != NULL;) {
        struct file_task *task = *at;
        int64_t now_ns = nw_clock_monotonic_ns();
        if (atomic_exchange(&task->woken, false) || task->due_ns <= now_ns) {
            task->due_ns = task->run(task, now_ns);
            if (task->due_ns == FILE_ENDED) {
                end_task(at);
                continue;
            }
        }
        next_ns = task->due_ns < next_ns ? task->due_ns : next_ns;
        at = &task->next;
    }
    return next_ns;
}

static bool any_work(void)
{
    pthread_mutex_lock(&loop.lock);
    bool added = loop.added != NULL;
    pthread_mutex_unlock(&loop.lock);
    if (added) {
        return true;
    }
    for (struct file_task *t = loop.tasks; t != NULL; t = t->next) {
        if (atomic_load(&t->woken)) {
            return true;
        }
    }
    return false;
}

static int timeout_ms(int64_t until_ns)
{
    if (until_ns == FILE_NEVER) {
        return -1;
    }
    int64_t ms =
        (until_ns - nw_clock_monotonic_ns() + FILE_MILLISECOND_NS - 1) / FILE_MILLISECOND_NS;
    return ms <= 0 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

static void wait_for_work(int64_t until_ns)
{
    struct epoll_event events[16];
    uint64_t count;

    /* asleep before the last look: a waker that comes later sees it and writes the eventfd. */
    atomic_store(&loop.asleep, true);
    int n = epoll_wait(loop.epoll, events, 16, any_work() ? 0 : timeout_ms(until_ns));
    atomic_store(&loop.asleep, false);
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr == &loop.wake) {
            (void)!read(loop.wake, &count, sizeof count);
        } else if (events[i].data.ptr == &loop.inotify) {
            file_loop_read_events();
        } else {
            struct file_task *task = events[i].data.ptr;
            task->input_ready = true;
            task->due_ns = 0;
        }
    }
}

static void *loop_main(void *unused)
{
    (void)unused;
    pthread_setname_np(pthread_self(), "nw-files");
    while (take_added()) {
        int64_t next_ns = run_tasks();
        if (loop.tasks != NULL) {
            wait_for_work(next_ns);
        }
    }
    return NULL;
}

static int watch_fd(int fd, void *tag)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = tag};

    return fd < 0 ? -1 : epoll_ctl(loop.epoll, EPOLL_CTL_ADD, fd, &e);
}

/* Under the lock. */
static int start_loop(struct nw_error *error)
{
    pthread_attr_t attr;
    pthread_t thread;

    loop.epoll = epoll_create1(EPOLL_CLOEXEC);
    loop.inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    loop.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = loop.epoll < 0 || watch_fd(loop.inotify, &loop.inotify) != 0 ||
                     watch_fd(loop.wake, &loop.wake) != 0
                 ? errno
                 : 0;
    if (rc == 0) {
        pthread_attr_init(&attr);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        rc = pthread_create(&thread, &attr, loop_main, NULL);
        pthread_attr_destroy(&attr);
    }
    if (rc != 0) {
        close(loop.epoll);
        close(loop.inotify);
        close(loop.wake);
        return nw_error_set(error, NW_EIO, "cannot watch files: %s", strerror(rc));
    }
    loop.running = true;
    return 0;
}

int file_loop_add(struct file_task *task, struct nw_error *error)
{
    int rc = 0;

    task->due_ns = 0;
    pthread_mutex_lock(&loop.lock);
    if (!loop.running) {
        rc = start_loop(error);
    }
    if (rc == 0) {
        task->next = loop.added;
        loop.added = task;
        if (atomic_exchange(&loop.asleep, false)) {
            (void)!write(loop.wake, &(uint64_t){1}, sizeof(uint64_t));
        }
    }
    pthread_mutex_unlock(&loop.lock);
    return rc;
}

void file_loop_wake(struct file_task *task)
{
    if (!atomic_exchange(&task->woken, true) && atomic_exchange(&loop.asleep, false)) {
        (void)!write(loop.wake, &(uint64_t){1}, sizeof(uint64_t));
    }
}
