/* SPDX-License-Identifier: Apache-2.0 */
/* A mosquitto broker on a port of its own, with persistence. MOSQUITTO names the program. */
#ifndef NATSWAY_TESTS_MOSQUITTO_H
#define NATSWAY_TESTS_MOSQUITTO_H

#include "support/folder.h"
#include "support/process.h"

struct nwt_mosquitto {
    struct nwt_process process;
    int port;
    char url[48]; /* mqtt://127.0.0.1:PORT */
    char *config, *log;
    const char *folder;
};

/* Start one and wait until it answers. Everybody may do everything and its queues are unbounded,
 * unless `more` (further lines of its configuration, or NULL) says otherwise. */
struct nwt_mosquitto *nwt_mosquitto_new(struct nwt_folder *folder, const char *more);
/* Write its configuration anew, for the next start. */
void nwt_mosquitto_configure(struct nwt_mosquitto *mosquitto, const char *more);
/* Start it again, on the same port and with what it kept. */
void nwt_mosquitto_start(struct nwt_mosquitto *mosquitto);
/* Stop it in its orderly way: it then writes its sessions. Killed, it loses them. */
void nwt_mosquitto_stop(struct nwt_mosquitto *mosquitto);
/* End it and forget it. NULL is allowed. */
void nwt_mosquitto_free(struct nwt_mosquitto *mosquitto);

#endif
