/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP target in this process. When it answers badly it may have taken the message all the
 * same, which is what a repeat is for. */
#include "chaos.h"

#include "support/wait.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATE_MS 3000 /* three times as long as natsway waits */

static void take(struct run *run, const struct nwt_http_visit *visit)
{
    size_t number = strtoul(visit->body, NULL, 10);
    nwt_numbered_take(run->numbers, visit->body, visit->body_len,
                      number < run->messages ? run_group(run, number) : 0);
}

static void serve(void *context, struct nwt_http_visit *visit)
{
    struct run *run = context;
    static atomic_uint visits;
    int way = run->http_way;
    bool taken = way == FAULT_KINDS || way == FAULT_HTTP_SLOW ||
                 (way == FAULT_HTTP_ERROR && visits++ % 2 == 0);
    if (taken) {
        take(run, visit);
    }
    if (way == FAULT_HTTP_ERROR) {
        visit->status = 500;
    } else if (way == FAULT_HTTP_BUSY) {
        visit->status = 429;
        visit->header_names[0] = "Retry-After";
        visit->header_values[0] = "1";
    } else if (way == FAULT_HTTP_SLOW) {
        (void)NWT_WAIT(LATE_MS / NWT_PATIENCE, run->http_way != FAULT_HTTP_SLOW);
    }
}

static void open_server(struct run *run)
{
    run->server = nwt_http_server_new(serve, run);
    int port = atoi(strrchr(nwt_http_server_url(run->server), ':') + 1);
    run->other_proxy = nwt_proxy_new(port);
    snprintf(run->to, sizeof run->to, "http: \"POST http://127.0.0.1:%d/take\", timeout: 1s",
             nwt_proxy_port(run->other_proxy));
}

static int64_t arrived(struct run *run)
{
    return (int64_t)nwt_numbered_distinct(run->numbers);
}

static void close_server(struct run *run)
{
    nwt_http_server_free(run->server);
}

const struct sink take_http = {open_server, arrived, NULL, close_server};
