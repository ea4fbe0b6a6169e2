/* SPDX-License-Identifier: Apache-2.0 */
/* A nats-server with JetStream on a port and a store of its own. NATS_SERVER names the program. */
#ifndef NATSWAY_TESTS_NATS_SERVER_H
#define NATSWAY_TESTS_NATS_SERVER_H

#include "support/folder.h"
#include "support/process.h"

struct nwt_nats {
    struct nwt_process process;
    int port;
    char url[48]; /* nats://127.0.0.1:PORT */
    char *config, *log;
};

/* Start one and wait until it answers. more: further lines of its configuration, or NULL. */
struct nwt_nats *nwt_nats_new(struct nwt_folder *folder, const char *more);
/* Start it again, on the same port and store. */
void nwt_nats_start(struct nwt_nats *nats);
/* Stop it in its orderly way. For the other ways see process.h. */
void nwt_nats_stop(struct nwt_nats *nats);
/* End it and forget it. NULL is allowed. */
void nwt_nats_free(struct nwt_nats *nats);

#endif
