/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of nats.c to be destroyed. nats.c frees them on a thread of its own, which is woken for
 * each one that is destroyed while it sleeps; destroyed together they wake it once. So they are
 * kept until there are many, or much: what remains is little enough to stay. Loop thread.
 */
#ifndef NATSWAY_HUB_TRASH_H
#define NATSWAY_HUB_TRASH_H

#include <nats/nats.h>
#include <stddef.h>

#define NW_TRASH 256
#define NW_TRASH_BYTES ((size_t)256 * 1024) /* of payloads */

struct nw_trash {
    natsMsg *messages[NW_TRASH];
    size_t count, bytes;
};

static inline void nw_trash_empty(struct nw_trash *trash)
{
    for (size_t i = 0; i < trash->count; i++) {
        natsMsg_Destroy(trash->messages[i]);
    }
    trash->count = trash->bytes = 0;
}

/* NULL is allowed. */
static inline void nw_trash_add(struct nw_trash *trash, natsMsg *msg)
{
    if (msg == NULL) {
        return;
    }
    trash->messages[trash->count++] = msg;
    trash->bytes += (size_t)natsMsg_GetDataLength(msg);
    if (trash->count == NW_TRASH || trash->bytes >= NW_TRASH_BYTES) {
        nw_trash_empty(trash);
    }
}

#endif
