/* SPDX-License-Identifier: Apache-2.0 */
#include "store/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int nw_reserve_init(struct nw_reserve *r, const char *folder, const char *file, int64_t size)
{
    *r = (struct nw_reserve){.size = size};
    if (asprintf(&r->path, "%s/%s", folder, file) < 0) {
        r->path = NULL;
        return NW_ENOMEM;
    }
    (void)nw_reserve_take(r);
    return 0;
}

void nw_reserve_done(struct nw_reserve *r)
{
    free(r->path);
    *r = (struct nw_reserve){0};
}

bool nw_reserve_give_up(struct nw_reserve *r)
{
    if (!r->held) {
        return false;
    }
    r->held = false;
    return unlink(r->path) == 0;
}

bool nw_reserve_take(struct nw_reserve *r)
{
    int fd, rc;

    if (r->held) {
        return true;
    }
    fd = open(r->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    do {
        rc = posix_fallocate(fd, 0, r->size);
    } while (rc == EINTR);
    (void)close(fd);
    if (rc == ENOSPC || rc == EDQUOT || rc == EIO) {
        (void)unlink(r->path);
        return false;
    }
    r->held = true; /* also where the file system cannot allocate: then there is no reserve */
    return true;
}
