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

/* The newest error of the writer, or "" if the last write succeeded. Copied into text. */
void nw_state_trouble(struct nw_state_store *store, char *text, size_t size);

#endif
