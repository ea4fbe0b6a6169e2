/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of nats.c to be destroyed. nats.c frees them on a thread of its own, which is woken for
 * each one that is destroyed while it sleeps; destroyed together they wake it once. Loop thread.
 */
#ifndef NATSWAY_HUB_TRASH_H
#define NATSWAY_HUB_TRASH_H

#include <nats/nats.h>
#include <stddef.h>

#define NW_TRASH 1024

struct nw_trash {
    natsMsg *messages[NW_TRASH];
    size_t count;
};

static inline void nw_trash_empty(struct nw_trash *trash)
{
    for (size_t i = 0; i < trash->count; i++) {
        natsMsg_Destroy(trash->messages[i]);
    }
    trash->count = 0;
}

/* NULL is allowed. */
static inline void nw_trash_add(struct nw_trash *trash, natsMsg *msg)
{
    if (msg == NULL) {
        return;
    }
    if (trash->count == NW_TRASH) {
        nw_trash_empty(trash);
    }
    trash->messages[trash->count++] = msg;
}

#endif
