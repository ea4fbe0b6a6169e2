/* SPDX-License-Identifier: Apache-2.0 */
#include "support/mosquitto.h"

#include "support/fail.h"
#include "support/port.h"
#include "support/tcp.h"
#include "support/wait.h"
#include <stdio.h>
#include <stdlib.h>

/* CONNECT of MQTT 3.1.1 with a clean session; whatever CONNACK says, it is an answer. */
static bool answers(const struct nwt_mosquitto *mosquitto)
{
    static const unsigned char connect[] = {0x10, 17, 0, 4, 'M', 'Q', 'T', 'T', 4,  2,
                                            0,    10, 0, 5, 'p', 'r', 'o', 'b', 'e'};
    char connack[16];
    return nwt_tcp_ask(mosquitto->port, connect, sizeof connect, connack, sizeof connack) &&
           connack[0] == 0x20;
}

void nwt_mosquitto_start(struct nwt_mosquitto *mosquitto)
{
    const char *program = getenv("MOSQUITTO");
    char *arguments[] = {(char *)(program == NULL ? "mosquitto" : program), "-c", mosquitto->config,
                         NULL};
    nwt_process_start(&mosquitto->process, arguments, NULL, mosquitto->log, mosquitto->log);
    if (!NWT_WAIT(20000, answers(mosquitto) || !nwt_process_running(&mosquitto->process)) ||
        mosquitto->process.pid == 0) {
        char *log = nwt_file_read(mosquitto->log, NULL);
        nwt_fail("mosquitto does not start:\n%s", log == NULL ? "" : log);
    }
}

void nwt_mosquitto_configure(struct nwt_mosquitto *mosquitto, const char *more)
{
    /* Started as root it would become another user, who may not write into the folder. */
    nwt_file_write(mosquitto->config,
                   "listener %d 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\n"
                   "persistence_file mosquitto-%d.db\npersistence_location %s/\n"
                   "max_queued_messages 0\nlog_dest stderr\n%s\n",
                   mosquitto->port, mosquitto->port, mosquitto->folder, more == NULL ? "" : more);
}

struct nwt_mosquitto *nwt_mosquitto_new(struct nwt_folder *folder, const char *more)
{
    struct nwt_mosquitto *mosquitto = calloc(1, sizeof *mosquitto);
    if (mosquitto == NULL) {
        nwt_fail("no memory");
    }
    int port = mosquitto->port = nwt_port_free();
    snprintf(mosquitto->url, sizeof mosquitto->url, "mqtt://127.0.0.1:%d", port);
    mosquitto->config = nwt_folder_file(folder, "mosquitto-%d.conf", port);
    mosquitto->log = nwt_folder_file(folder, "mosquitto-%d.log", port);
    mosquitto->folder = nwt_folder_path(folder);
    nwt_mosquitto_configure(mosquitto, more);
    nwt_mosquitto_start(mosquitto);
    return mosquitto;
}

void nwt_mosquitto_stop(struct nwt_mosquitto *mosquitto)
{
    nwt_process_stop(&mosquitto->process, 10000);
}

void nwt_mosquitto_free(struct nwt_mosquitto *mosquitto)
{
    if (mosquitto == NULL) {
        return;
    }
    nwt_process_kill(&mosquitto->process);
    free(mosquitto->config);
    free(mosquitto->log);
    free(mosquitto);
}
