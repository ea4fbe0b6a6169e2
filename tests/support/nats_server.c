/* SPDX-License-Identifier: Apache-2.0 */
#include "support/nats_server.h"

#include "support/fail.h"
#include "support/port.h"
#include "support/tcp.h"
#include "support/wait.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The server greets each client, with whatever authentication, once JetStream has its streams. */
static bool answers(const struct nwt_nats *nats)
{
    char greeting[4096];
    return nwt_tcp_ask(nats->port, NULL, 0, greeting, sizeof greeting) &&
           strncmp(greeting, "INFO ", 5) == 0;
}

void nwt_nats_start(struct nwt_nats *nats)
{
    const char *program = getenv("NATS_SERVER");
    char *arguments[] = {(char *)(program == NULL ? "nats-server" : program), "-c", nats->config,
                         NULL};
    nwt_process_start(&nats->process, arguments, NULL, nats->log, nats->log);
    if (!NWT_WAIT(20000, answers(nats) || !nwt_process_running(&nats->process)) ||
        nats->process.pid == 0) {
        char *log = nwt_file_read(nats->log, NULL);
        nwt_fail("nats-server does not start:\n%s", log == NULL ? "" : log);
    }
}

struct nwt_nats *nwt_nats_new(struct nwt_folder *folder, const char *more)
{
    struct nwt_nats *nats = calloc(1, sizeof *nats);
    if (nats == NULL) {
        nwt_fail("no memory");
    }
    nats->port = nwt_port_free();
    snprintf(nats->url, sizeof nats->url, "nats://127.0.0.1:%d", nats->port);
    nats->config = nwt_folder_file(folder, "nats-%d.conf", nats->port);
    nats->log = nwt_folder_file(folder, "nats-%d.log", nats->port);
    nwt_file_write(nats->config,
                   "listen: 127.0.0.1:%d\nserver_name: test%d\n"
                   "jetstream: {store_dir: \"%s/nats-%d\", max_mem: 256M, max_file: 2G}\n%s\n",
                   nats->port, nats->port, nwt_folder_path(folder), nats->port,
                   more == NULL ? "" : more);
    nwt_nats_start(nats);
    return nats;
}

void nwt_nats_stop(struct nwt_nats *nats)
{
    nwt_process_stop(&nats->process, 10000);
}

void nwt_nats_free(struct nwt_nats *nats)
{
    if (nats == NULL) {
        return;
    }
    nwt_process_kill(&nats->process);
    free(nats->config);
    free(nats->log);
    free(nats);
}
