/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watching a KV bucket: all that it has, and then every change. An ephemeral consumer that pushes
 * the newest message of each key; a new one whenever the session is new, a message is missing or
 * the server is silent, so that what is told is always the whole bucket once more.
 */
#ifndef NATSWAY_HUB_KV_WATCH_H
#define NATSWAY_HUB_KV_WATCH_H

#include <natsway/connector.h>

struct nw_kv_watch;

/* All calls are on the hub's loop thread and must not block. */
struct nw_kv_watcher {
    void *context;
    /* From here on everything is told anew. */
    void (*begin)(void *context);
    void (*put)(void *context, struct nw_slice key, struct nw_slice value);
    void (*removed)(void *context, struct nw_slice key);
    /* All that was there has been told; from now on changes are. */
    void (*loaded)(void *context);
    /* It is not watched, for this reason; it is tried again by itself. */
    void (*trouble)(void *context, const char *text);
};

/* hub: the state of the connection to NATS. bucket must outlive the watch. 0 or NW_ENOMEM. */
int nw_kv_watch_start(void *hub, const char *bucket, const struct nw_kv_watcher *watcher,
                      struct nw_kv_watch **out);
/* Nothing is told any more when it returns. Any thread but the loop's; NULL is allowed. */
void nw_kv_watch_stop(struct nw_kv_watch *watch);

#endif
