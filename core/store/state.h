/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a bridge on disk: cursors and other small things that must survive a crash, the lock
 * of the state folder, and the instance's name. SQLite in WAL mode; one thread writes, in batches,
 * so that nobody who sets a value waits for the disk.
 */
#ifndef NATSWAY_STORE_STATE_H
#define NATSWAY_STORE_STATE_H

#include <natsway/connector.h>

struct nw_state_store;

/* The newest value of each key is on disk within this time. */
#define NW_STATE_DELAY_MS 100
#define NW_STATE_VALUE_MAX (64 * 1024)

/*
 * Open folder (made with mode 0700 if it is not there), lock it and start the writer. A folder that
 * another process uses is refused with that process's id. Returns 0, or NW_EIO with the reason, or
 * NW_EINVAL if state.db is damaged.
 */
int nw_state_open(const char *folder, struct nw_state_store **out, struct nw_error *error);

/* Write what is set, stop the writer, give up the lock. NULL is allowed. */
void nw_state_close(struct nw_state_store *store);

/* The name of this instance, made at the first start. *out is the caller's, to be freed. */
int nw_state_instance(struct nw_state_store *store, char **out, struct nw_error *error);
/* What tells this folder from every other, whatever the instance is called. As above. */
int nw_state_identity(struct nw_state_store *store, char **out, struct nw_error *error);

/* A copy of the value, for the caller to free; NW_ENOTFOUND if there is none. Any thread; sees what
 * was set before, written or not. */
int nw_state_get(struct nw_state_store *store, const char *owner, const char *key, void **data,
                 size_t *len);

/* Set, or with data NULL remove. Any thread; returns at once. NW_ENOMEM, or NW_EINVAL if too long.
 */
int nw_state_set(struct nw_state_store *store, const char *owner, const char *key, const void *data,
                 size_t len);

/* Wait until all that was set before is on disk. Any thread but a worker's. */
void nw_state_flush(struct nw_state_store *store);

/*
 * Values that change all the time (counts) are collected instead of set: the writer's thread asks
 * for them at most once a second while there is something new, and at the end. put() writes one;
 * failed: what was given the last time could not be written. May take locks that are not held for
 * long.
 */
#define NW_STATE_COLLECT_MS 1000
struct nw_state_writer;
typedef void nw_state_collector(void *context, bool failed, struct nw_state_writer *to);
void nw_state_put(struct nw_state_writer *to, const char *owner, const char *key, const void *data,
                  size_t len);
/* Before the first touch; collector and context must live until the store is closed. */
void nw_state_collect(struct nw_state_store *store, nw_state_collector *collector, void *context);
/* There is something new to collect. Any thread; almost free when it was said before. */
void nw_state_touch(struct nw_state_store *store);
/* Collect now what there is to collect. Any thread; does not wait for it. */
void nw_state_hurry(struct nw_state_store *store);

/* Call each with every owner that has the key, and its value. Before the first collection. 0 or
 * NW_EIO. */
int nw_state_each(struct nw_state_store *store, const char *key,
                  void (*each)(void *context, const char *owner, struct nw_slice value),
                  void *context);

/* The newest error of the writer, or "" if the last write succeeded. Copied into text. */
void nw_state_trouble(struct nw_state_store *store, char *text, size_t size);

#endif
