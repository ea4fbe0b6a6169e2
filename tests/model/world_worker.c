/* SPDX-License-Identifier: Apache-2.0 */
/* In place of worker.c and bridge.c: what other threads bring waits in lists until a round. */
#include "world_internal.h"

void nw_worker_push(struct nw_worker *w, struct nw_message *newest, struct nw_message *oldest)
{
    struct nw_message *chain[INBOX_MAX];
    size_t n = 0;

    (void)w;
    oldest->next = NULL;
    for (struct nw_message *m = newest; m != NULL; m = m->next) {
        chain[n++] = m;
    }
    while (n > 0) {
        world.inbox[world.inbox_count++] = chain[--n];
    }
}

void nw_worker_post(struct nw_worker *w, struct nw_post *post)
{
    (void)w;
    world.posts[world.post_count++] = post;
}

void nw_worker_disarm(struct nw_worker *w, struct nw_timer *t)
{
    (void)w;
    for (size_t i = 0; i < world.timer_count; i++) {
        if (world.timers[i] == t) {
            world.timers[i] = world.timers[--world.timer_count];
        }
    }
    t->index = 0;
}

int nw_worker_arm(struct nw_worker *w, struct nw_timer *t, int64_t due_ns)
{
    nw_worker_disarm(w, t);
    t->due_ns = due_ns;
    t->index = 1;
    world.timers[world.timer_count++] = t;
    return 0;
}

static void flush(void)
{
    while (world.worker.touched != NULL) {
        struct nw_lane *lane = world.worker.touched;
        world.worker.touched = nw_lane_untouch(lane);
        nw_lane_flush(lane);
    }
}

bool world_worker_has_work(void)
{
    return world.inbox_count > 0 || world.post_count > 0 || world.worker.touched != NULL;
}

/* As the worker's own: messages, posts, then the lanes that were touched. What comes in meanwhile
 * waits for the next. */
void world_round(void)
{
    struct nw_message *messages[INBOX_MAX];
    struct nw_post *posts[POSTS_MAX];
    size_t n = world.inbox_count;

    memcpy(messages, world.inbox, n * sizeof *messages);
    world.inbox_count = 0;
    for (size_t i = 0; i < n; i++) {
        messages[i]->next = NULL;
        nw_lane_take(messages[i]->lane, messages[i]);
    }
    n = world.post_count;
    memcpy(posts, world.posts, n * sizeof *posts);
    world.post_count = 0;
    for (size_t i = 0; i < n; i++) {
        posts[i]->run(posts[i]->context);
    }
    flush();
}

void world_timer(size_t index)
{
    struct nw_timer *t = world.timers[index];

    if (t->due_ns > world.worker.now_ns) {
        world.worker.now_ns = t->due_ns;
    }
    nw_worker_disarm(&world.worker, t);
    t->run(t->context);
    flush();
}

/* ---- the bridge ---- */

void nw_bridge_lane_closed(struct nw_lane *lane)
{
    (void)lane;
    world.closed = true;
}

void nw_bridge_want_replay(struct nw_bridge *bridge)
{
    (void)bridge;
    world.replay_wanted = true;
}

void *nw_connections_find(struct nw_bridge *bridge, const struct nw_connection_spec *spec)
{
    (void)bridge;
    (void)spec;
    return NULL;
}

/* Sums over starts are no part of it. */
int nw_totals_join(struct nw_totals *totals, struct nw_lane *lane)
{
    (void)totals;
    (void)lane;
    return 0;
}

void nw_totals_leave(struct nw_totals *totals, struct nw_lane *lane)
{
    (void)totals;
    (void)lane;
}

void nw_state_touch(struct nw_state_store *store)
{
    (void)store;
}

int nw_state_get(struct nw_state_store *store, const char *owner, const char *key, void **data,
                 size_t *len)
{
    (void)store;
    (void)owner;
    (void)key;
    (void)data;
    (void)len;
    return NW_ENOTFOUND;
}

int nw_state_set(struct nw_state_store *store, const char *owner, const char *key, const void *data,
                 size_t len)
{
    (void)store;
    (void)owner;
    (void)key;
    (void)data;
    (void)len;
    return 0;
}

void nw_state_flush(struct nw_state_store *store)
{
    (void)store;
}
