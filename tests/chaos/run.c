/* SPDX-License-Identifier: Apache-2.0 */
/* One run of one flow, on the main thread of a process of its own. */
#include "chaos.h"

#include "support/fail.h"
#include "support/wait.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define END_MS 60000

unsigned run_group(const struct run *run, size_t number)
{
    return run->flow->source->group != NULL ? run->flow->source->group(run, number)
                                            : (unsigned)number % run->flow->groups;
}

int64_t run_arrived(struct run *run)
{
    int64_t arrived = run->flow->sink->arrived(run);
    if (arrived >= 0) {
        run->arrived = arrived;
    }
    return run->arrived;
}

const char *run_nats_url(const struct run *run)
{
    static char url[48];
    snprintf(url, sizeof url, "nats://127.0.0.1:%d", nwt_proxy_port(run->nats_proxy));
    return url;
}

static void *feed(void *context)
{
    struct run *run = context;
    while (!run->ending) {
        size_t fed = run->fed, most = run->allowed - fed;
        size_t step = run->burst ? 500 : run->portion / 50 + 1;
        size_t n = most == 0 ? 0 : run->flow->source->feed(run, fed, most < step ? most : step);
        run->fed = fed + n;
        /* This is the pace, not a wait. */
        int pause_us = n == 0 ? 5000 : run->burst ? 0 : 4000;
        nanosleep(&(struct timespec){0, pause_us * 1000}, NULL);
    }
    return NULL;
}

static void configure(struct run *run)
{
    const struct flow *flow = run->flow;
    run->nats_proxy = nwt_proxy_new(run->nats->port);
    flow->source->open(run);
    flow->sink->open(run);
    run->bridge =
        nwt_bridge_new(run->folder, "bridge",
                       "name: chaos\nnats: {url: \"%s\"}\n%s%s\nroutes:\n"
                       "  r:\n    from: {%s}\n    to: {%s}\n"
                       "    on_error: {backoff: 20ms..500ms}\n%s\n",
                       run_nats_url(run), run->connections[0] == '\0' ? "" : "connections:\n",
                       run->connections, run->from, run->to, flow->more == NULL ? "" : flow->more);
    if ((flow->faults & (1u << FAULT_DISK)) != 0 && run->disk == NULL) {
        disk_mount(run, run->bridge->state_dir);
    }
}

static void begin(struct run *run)
{
    run->folder = nwt_folder_new();
    run->nats = nwt_nats_new(run->folder, NULL);
    run->client = nwt_nats_connect(run->nats->url);
    run->numbers = nwt_numbered_new(run->messages, PAYLOAD_SIZE, false);
    run->portion = run->messages / (run->fault_count + 1);
    run->http_way = FAULT_KINDS;
    pthread_mutex_init(&run->file_lock, NULL);
    configure(run);
    nwt_bridge_run(run->bridge);
    if (run->flow->source->feed != NULL && pthread_create(&run->feeder, NULL, feed, run) != 0) {
        nwt_fail("no thread");
    }
}

/* Take in what is at the target. */
static void collect(struct run *run)
{
    if (run->flow->sink->collect != NULL) {
        nwt_numbered_reset(run->numbers);
        run->flow->sink->collect(run);
    }
}

static bool all_there(struct run *run)
{
    if (run_arrived(run) < (int64_t)run->messages) {
        return false;
    }
    collect(run);
    return nwt_numbered_distinct(run->numbers) == run->messages;
}

static void count_result(struct run *run)
{
    const struct nwt_numbered *n = run->numbers;
    struct figures *f = &run->figures;
    f->messages = run->messages;
    f->missing = run->messages - n->distinct;
    f->duplicates = n->duplicates;
    f->wrong = n->wrong;
    f->disordered = n->disordered;
}

static void finish(struct run *run)
{
    run->allowed = run->messages;
    run->burst = true;
    bool all = NWT_WAIT(END_MS, all_there(run));
    run->ending = true;
    if (run->flow->source->feed != NULL) {
        pthread_join(run->feeder, NULL);
    }
    if (!NWT_WAIT(END_MS / 4, nwt_bridge_number(run->bridge, "r", "in_flight") == 0 &&
                                  nwt_bridge_ledger_adds_up(run->bridge, "r"))) {
        run->figures.ledger_wrong++;
    }
    run->figures.exit_code = nwt_bridge_stop(run->bridge);
    collect(run);
    count_result(run);
    if (!all) {
        fprintf(stderr, "chaos: fed %zu, first missing: %zu\n", (size_t)run->fed,
                nwt_numbered_first_missing(run->numbers));
    }
}

static void end(struct run *run)
{
    nwt_bridge_free(run->second);
    nwt_bridge_free(run->bridge);
    run->flow->source->close(run);
    run->flow->sink->close(run);
    disk_unmount(run);
    nwt_proxy_free(run->other_proxy);
    nwt_proxy_free(run->nats_proxy);
    nwt_nats_close(run->client);
    nwt_nats_free(run->nats);
    nwt_numbered_free(run->numbers);
    nwt_folder_free(run->folder);
}

void run_all(struct run *run)
{
    begin(run);
    for (size_t i = 0; i < run->fault_count; i++) {
        fault_run(run, &run->faults[i], i);
    }
    finish(run);
    end(run);
    run->figures.finished = true;
}
