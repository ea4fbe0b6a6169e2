/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disk space kept in reserve: a file that is there only to be deleted when the disk is full, so
 * that what must still be written finds room. No locks: its owner guards it.
 */
#ifndef NATSWAY_STORE_RESERVE_H
#define NATSWAY_STORE_RESERVE_H

#include <natsway/connector.h>

/* held: the space is there, or was not wanted. */
struct nw_reserve {
    char *path;
    int64_t size;
    bool held;
};

/* Try to take size bytes in folder/file; not succeeding is no error, see held. 0 or NW_ENOMEM. */
int nw_reserve_init(struct nw_reserve *r, const char *folder, const char *file, int64_t size);
/* Forget it; the file stays for the next start. */
void nw_reserve_done(struct nw_reserve *r);

/* Delete the file; true if that gave room. */
bool nw_reserve_give_up(struct nw_reserve *r);
/* Take the space again if it is not held; true if it is held now. */
bool nw_reserve_take(struct nw_reserve *r);

#endif
