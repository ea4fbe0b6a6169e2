/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of each file is watched: a version is complete when its file was closed after writing,
 * or moved in. What inotify does not show (another machine's writes, the far end of a symbolic
 * link) is found by looking at the stamps at times, and counts when it has not changed since the
 * last look.
 */
#include "pump/tables.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "config/lookup_file.h"
#include "log/log.h"
#include "pump/bucket.h"

#define LOOK_MS 5000

struct file {
    struct nw_lookup_spec *spec;
    int watch;                   /* of its folder; -1: none */
    const char *name;            /* in its folder */
    struct nw_file_stamp looked; /* the last time */
    bool gone;                   /* and that was said */
};

struct nw_tables {
    struct file *files;
    size_t file_count;
    int inotify_fd, stop_fd; /* -1: none */
    pthread_t thread;
    bool running;
    struct nw_bucket *buckets;
};

static bool is_used(const struct nw_routes *routes, const struct nw_lookup_spec *spec)
{
    for (size_t i = 0; i < routes->count; i++) {
        const struct nw_route_spec *r = routes->items[i];
        if (r->enabled && (nw_map_looks_into(r->map, spec->lookup) ||
                           nw_map_looks_into(r->reply, spec->lookup))) {
            return true;
        }
    }
    return false;
}

bool nw_tables_need_hub(const struct nw_config *config, const struct nw_routes *routes)
{
    for (const struct nw_lookup_spec *s = config->lookups; s != NULL; s = s->next) {
        if (s->bucket != NULL && is_used(routes, s)) {
            return true;
        }
    }
    return false;
}

/* ---- one file; the thread's ---- */

static void read_again(struct file *f)
{
    struct nw_error error = {.text = ""};

    if (nw_lookup_file_read(f->spec, &error) != 0) {
        nw_log_write(NW_LOG_ERROR, NULL,
                     "lookup: %s has changed and cannot be used, what was there before stays: %s",
                     f->spec->name, error.text);
    } else {
        nw_log_write(NW_LOG_INFO, NULL, "lookup: %s has changed and was read again", f->spec->name);
    }
    f->looked = f->spec->seen;
    f->gone = false;
}

static bool is_same(const struct nw_file_stamp *a, const struct nw_file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed_ns == b->changed_ns;
}

/* complete: what is there now was put there as a whole; otherwise it must have been left alone. */
static void look(struct file *f, bool complete)
{
    struct nw_file_stamp now;
    struct nw_error error;

    if (!nw_lookup_file_stamp(f->spec, &now, &error)) {
        if (!f->gone) {
            nw_log_write(NW_LOG_WARNING, NULL,
                         "lookup: %s cannot be seen any more, what was there before stays: %s",
                         f->spec->name, error.text);
        }
        f->gone = true;
        return;
    }
    f->gone = false;
    if (!is_same(&now, &f->spec->seen) && (complete || is_same(&now, &f->looked))) {
        read_again(f);
    }
    f->looked = now;
}

static void take_event(struct nw_tables *t, const struct inotify_event *e)
{
    for (size_t i = 0; i < t->file_count; i++) {
        struct file *f = &t->files[i];
        bool own = e->len > 0 && strcmp(e->name, f->name) == 0;
        if (f->watch != e->wd) {
            continue;
        }
        if (own && (e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0) {
            read_again(f);
        } else if (!own && (e->mask & (IN_MOVED_TO | IN_CREATE)) != 0) {
            look(f, true); /* a link on its way may have been turned */
        } else if (own && (e->mask & (IN_DELETE | IN_MOVED_FROM)) != 0) {
            look(f, true);
        }
    }
}

static void take_events(struct nw_tables *t)
{
    _Alignas(struct inotify_event) char buffer[4096];
    ssize_t n;

    while ((n = read(t->inotify_fd, buffer, sizeof buffer)) > 0) {
        for (const char *at = buffer; at < buffer + n;) {
            const struct inotify_event *e = (const void *)at;
            if ((e->mask & IN_Q_OVERFLOW) == 0) {
                take_event(t, e);
            }
            at += sizeof *e + e->len;
        }
    }
}

static void *run(void *context)
{
    struct nw_tables *t = context;
    struct pollfd fds[] = {{t->stop_fd, POLLIN, 0}, {t->inotify_fd, POLLIN, 0}};

    while (fds[0].revents == 0) {
        int n = poll(fds, 2, LOOK_MS);
        if (n > 0 && fds[1].revents != 0) {
            take_events(t);
        }
        for (size_t i = 0; n == 0 && i < t->file_count; i++) {
            look(&t->files[i], false);
        }
    }
    return NULL;
}

/* ---- starting and stopping ---- */

static void watch_folder(struct nw_tables *t, struct file *f)
{
    const char *slash = strrchr(f->spec->path, '/');
    size_t len = slash == f->spec->path ? 1 : (size_t)(slash - f->spec->path);
    char *folder = strndup(f->spec->path, len);

    f->name = slash + 1;
    f->watch = -1;
    if (folder != NULL && t->inotify_fd >= 0) {
        f->watch =
            inotify_add_watch(t->inotify_fd, folder,
                              IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE);
    }
    free(folder);
}

static int start_thread(struct nw_tables *t, struct nw_error *error)
{
    t->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC); /* without it the stamps do */
    t->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (t->stop_fd < 0) {
        return nw_error_set(error, NW_EIO, "lookup: %s", strerror(errno));
    }
    for (size_t i = 0; i < t->file_count; i++) {
        watch_folder(t, &t->files[i]);
        look(&t->files[i], true); /* since the configuration was read */
    }
    if (pthread_create(&t->thread, NULL, run, t) != 0) {
        return nw_error_set(error, NW_EIO, "lookup: no thread could be started");
    }
    t->running = true;
    return 0;
}

int nw_tables_start(const struct nw_config *config, const struct nw_routes *routes, void *hub,
                    struct nw_tables **out, struct nw_error *error)
{
    struct nw_tables *t = calloc(1, sizeof *t);
    size_t most = 0;
    int rc = 0;

    *out = NULL;
    if (t == NULL) {
        return nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    t->inotify_fd = t->stop_fd = -1;
    for (const struct nw_lookup_spec *s = config->lookups; s != NULL; s = s->next) {
        most++;
    }
    t->files = calloc(most + 1, sizeof *t->files);
    if (t->files == NULL) {
        rc = nw_error_set(error, NW_ENOMEM, "out of memory");
    }
    for (struct nw_lookup_spec *s = config->lookups; rc == 0 && s != NULL; s = s->next) {
        if (s->path != NULL && is_used(routes, s)) {
            t->files[t->file_count++].spec = s;
        }
    }
    if (rc == 0 && t->file_count > 0) {
        rc = start_thread(t, error);
    }
    for (const struct nw_lookup_spec *s = config->lookups; rc == 0 && s != NULL; s = s->next) {
        if (s->bucket != NULL && hub != NULL && is_used(routes, s) &&
            nw_bucket_start(s, hub, &t->buckets) != 0) {
            rc = nw_error_set(error, NW_ENOMEM, "out of memory");
        }
    }
    if (rc != 0 || most == 0) {
        nw_tables_stop(t);
        return rc;
    }
    *out = t;
    return 0;
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

void nw_tables_stop(struct nw_tables *t)
{
    const uint64_t one = 1;

    if (t == NULL) {
        return;
    }
    if (t->running) {
        while (write(t->stop_fd, &one, sizeof one) < 0 && errno == EINTR) {
        }
        (void)pthread_join(t->thread, NULL);
    }
    nw_buckets_stop(t->buckets);
    close_fd(t->inotify_fd);
    close_fd(t->stop_fd);
    free(t->files);
    free(t);
}
