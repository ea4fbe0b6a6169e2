/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What inotify tells of names: files that come, and files that are moved on before they were even
 * seen, several times and quickly. A name that a file of the pattern was moved to is kept here,
 * with the path of the pattern that it came from, so that the next move of it is understood too,
 * and its file is followed wherever in the watched folders it ends.
 *
 * An event tells how a name changed, but what stands there is seen only later, when it may be
 * another file already. That does no harm: whatever is found at the name came the same way, and for
 * what has left it again the next event is already in the queue.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "file_tail.h"

#define RENAMES_MAX 256 /* the oldest is forgotten first */

struct file_rename {
    struct file_rename *next;
    uint32_t cookie; /* while only the first half of the move is told; or 0 */
    char *name;      /* where it is now; NULL: between the two halves */
    char *path;      /* where it was found first */
};

static void free_rename(struct file_rename *r)
{
    free(r->name);
    free(r->path);
    free(r);
}

void file_renames_done(struct file_source *s)
{
    while (s->renames != NULL) {
        struct file_rename *next = s->renames->next;
        free_rename(s->renames);
        s->renames = next;
    }
}

static void forget_name(struct file_source *s, const char *name)
{
    struct file_rename **at = &s->renames;

    for (size_t n = 0; *at != NULL; n++) {
        struct file_rename *r = *at;
        if (n >= RENAMES_MAX || (r->name != NULL && strcmp(r->name, name) == 0)) {
            *at = r->next;
            free_rename(r);
        } else {
            at = &r->next;
        }
    }
}

/* Where in the pattern the file at a name comes from; NULL: from nowhere. */
static const char *path_of(const struct file_source *s, const char *name)
{
    for (const struct file_rename *r = s->renames; r != NULL; r = r->next) {
        if (r->name != NULL && strcmp(r->name, name) == 0) {
            return r->path;
        }
    }
    for (const struct file_tail *t = s->tails; t != NULL; t = t->next) {
        if (strcmp(t->name, name) == 0) {
            return t->path;
        }
    }
    return file_pattern_fits(s->config->address, name) ? name : NULL;
}

/* Follow what stands at a name. */
static void look_at(struct file_source *s, const char *name, const char *path)
{
    struct file_stat stat;
    struct file_tail *t;

    if (file_stat_path(name, &stat) != 0 || !stat.regular ||
        (t = file_follow_take(s, name, path, &stat)) == NULL) {
        return;
    }
    t->gone = !file_pattern_fits(s->config->address, name);
    /* A scan may have seen it at its new name before the move was told. */
    if (strcmp(t->path, path) != 0 && t->offset == 0 && t->chunk == NULL && t->batches == NULL) {
        s->order_wanted |= file_tail_repath(s, t, path);
    }
}

static void moved_from(struct file_source *s, const char *name, uint32_t cookie)
{
    const char *path = path_of(s, name);
    struct file_rename *r = path == NULL ? NULL : calloc(1, sizeof *r);

    for (struct file_tail *t = s->tails; t != NULL; t = t->next) {
        if (strcmp(t->name, name) == 0) {
            t->move = cookie;
            t->look = true;
        }
    }
    if (r != NULL && (r->path = strdup(path)) != NULL) {
        r->cookie = cookie;
        r->next = s->renames;
        s->renames = r;
    } else {
        free(r);
    }
    forget_name(s, name);
}

static void moved_to(struct file_source *s, const char *name, uint32_t cookie)
{
    forget_name(s, name);
    for (struct file_tail *t = s->tails; t != NULL; t = t->next) {
        if (t->move == cookie) {
            t->move = 0;
            file_tail_rename(t, name);
        } else if (strcmp(t->name, name) == 0) {
            file_tail_rename(t, "");
        }
    }
    for (struct file_rename *r = s->renames; r != NULL; r = r->next) {
        if (r->cookie == cookie && (r->name = strdup(name)) != NULL) {
            r->cookie = 0;
            look_at(s, name, r->path);
            return;
        }
    }
    if (file_pattern_fits(s->config->address, name)) {
        look_at(s, name, name);
    }
}

static void see_name(struct file_source *s, const struct file_event *e, const char *name)
{
    if ((e->mask & IN_MOVED_FROM) != 0) {
        moved_from(s, name, e->cookie);
    } else if ((e->mask & IN_MOVED_TO) != 0) {
        moved_to(s, name, e->cookie);
    } else if ((e->mask & IN_DELETE) != 0) {
        forget_name(s, name);
    } else if ((e->mask & IN_CREATE) != 0 && file_pattern_fits(s->config->address, name)) {
        look_at(s, name, name);
    }
}

bool file_follow_event(struct file_source *s, const struct file_event *e)
{
    char path[PATH_MAX];
    bool known = false, any = e->folder == NULL || e->name[0] == '\0';

    if (!any && !file_join(path, e->folder, e->name)) {
        return true;
    }
    if (!any && s->scanned && (e->mask & IN_ISDIR) == 0) {
        see_name(s, e, path);
    }
    for (struct file_tail *t = s->tails; t != NULL; t = t->next) {
        if (any || strcmp(t->name, path) == 0) {
            t->look = known = true;
        }
    }
    for (struct file_tail *t = s->tails; t != NULL && !known; t = t->next) {
        t->look |= t->gone;
    }
    return e->folder == NULL || (e->mask & ~(uint32_t)(IN_MODIFY | IN_CLOSE_WRITE)) != 0;
}

/* ---- Order ---- */

static bool is_older(const struct file_tail *a, const struct file_tail *b)
{
    if (a->born_ns != b->born_ns) {
        return a->born_ns < b->born_ns;
    }
    if (a->generation != b->generation) {
        return a->generation < b->generation;
    }
    return a->stat.inode < b->stat.inode; /* of one tick of the clock: most likely right */
}

static struct file_tail *predecessor(const struct file_source *s, const struct file_tail *t)
{
    struct file_tail *best = NULL;

    for (struct file_tail *other = s->tails; other != NULL; other = other->next) {
        bool busy = other->look || other->before != NULL || other->begin != other->end;
        if (other != t && busy && strcmp(other->path, t->path) == 0 && is_older(other, t) &&
            (best == NULL || is_older(best, other))) {
            best = other;
        }
    }
    return best;
}

void file_follow_order(struct file_source *s)
{
    for (struct file_tail *t = s->tails; t != NULL && s->order_wanted; t = t->next) {
        if (t->settled == 0 && t->offset == 0) {
            t->before = predecessor(s, t);
        }
    }
    s->order_wanted = false;
}
