/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder: making it, and seeing to it that one process uses it at a time. */
#ifndef NATSWAY_STORE_FOLDER_H
#define NATSWAY_STORE_FOLDER_H

#include <natsway/connector.h>

/* Make folder and its parents, mode 0700, and lock it. Returns a file descriptor that holds the
 * lock until it is closed, or NW_EIO with the reason, which names the process that holds it. */
int nw_folder_lock(const char *folder, struct nw_error *error);

#endif
