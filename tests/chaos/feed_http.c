/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of a served route, which repeat what was not answered with 2xx. */
#include "chaos.h"

#include "support/http_load.h"
#include "support/port.h"
#include <stdio.h>

#define DAY_MS 86400000
#define ANSWER_MS 3000 /* how long a client waits */

static struct nwt_http_load load;
static pthread_t thread;
static char url[80];

static void open_load(struct run *run)
{
    int port = nwt_port_free();
    run->other_proxy = nwt_proxy_new(port);
    snprintf(run->connections, sizeof run->connections, "  http: {listen: \"127.0.0.1:%d\"}\n",
             port);
    snprintf(run->from, sizeof run->from, "http: \"POST /numbers/{n}\", timeout: 2s");
    snprintf(url, sizeof url, "http://127.0.0.1:%d/numbers", nwt_proxy_port(run->other_proxy));
    load = (struct nwt_http_load){.url = url,
                                  .numbers = run->numbers,
                                  .connections = run->flow->groups,
                                  .repeats = true,
                                  .timeout_ms = DAY_MS,
                                  .answer_ms = ANSWER_MS,
                                  .allowed = &run->allowed,
                                  .ending = &run->ending};
    nwt_http_load_start(&load, &thread);
}

static void close_load(struct run *run)
{
    (void)run;
    nwt_http_load_join(&load, thread);
    nwt_http_load_done(&load);
}

const struct source feed_http = {open_load, NULL, NULL, close_load};
