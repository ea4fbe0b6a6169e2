/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a running bridge through its admin address. */
#ifndef NATSWAY_OPS_ASK_H
#define NATSWAY_OPS_ASK_H

#include "base/buffer.h"

struct nw_asking {
    const char *url;   /* of the admin address: http://127.0.0.1:8223 */
    const char *token; /* NULL: none */
};

/* POST body to path and append what is answered, for as long as that takes; *status is the
 * answer's. 0; NW_EIO with the reason: nobody answers; NW_ENOMEM. */
int nw_ask(const struct nw_asking *asking, const char *path, struct nw_slice body, long *status,
           struct nw_buffer *answer, struct nw_error *error);

#endif
