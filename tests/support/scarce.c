/* SPDX-License-Identifier: Apache-2.0 */
#include "support/scarce.h"

#include "support/fail.h"
#include "support/wait.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENOUGH 100 /* allocations that no start is without */

static atomic_bool arrived[NWT_SCARCE_FEW];

void nwt_scarce_take(const struct nwt_scarce *s, const char *text)
{
    unsigned of = 0, number = 0;

    if (sscanf(text, "%u-%u", &of, &number) == 2 && of == s->round && number < NWT_SCARCE_FEW) {
        atomic_store(&arrived[number], true);
    }
}

static bool all_arrived(struct nwt_scarce *s)
{
    if (s->look != NULL) {
        s->look();
    }
    for (size_t i = 0; i < NWT_SCARCE_FEW; i++) {
        if (!atomic_load(&arrived[i])) {
            return false;
        }
    }
    return true;
}

void nwt_scarce_init(struct nwt_scarce *s)
{
    *s = (struct nwt_scarce){.folder = nwt_folder_new()};
    s->nats = nwt_nats_new(s->folder, NULL);
    s->client = nwt_nats_connect(s->nats->url);
    s->count_file = nwt_folder_file(s->folder, "count");
    s->bridge = nwt_bridge_new(s->folder, "scarce", "routes: {}");
}

void nwt_scarce_done(struct nwt_scarce *s)
{
    nwt_bridge_free(s->bridge);
    nwt_nats_close(s->client);
    nwt_nats_free(s->nats);
    free(s->count_file);
    nwt_folder_free(s->folder);
}

/* Start it with an allocation that fails; 0: none. */
static void start(struct nwt_scarce *s, long fail_at)
{
    char number[24];

    snprintf(number, sizeof number, "%ld", fail_at);
    setenv("FAIL_AT", number, 1);
    setenv("FAIL_COUNT", s->count_file, 1);
    setenv("LD_PRELOAD", NWT_FAILING_MALLOC, 1);
    nwt_bridge_start(s->bridge, NULL);
    unsetenv("LD_PRELOAD");
    if (s->feed != NULL) {
        s->feed();
    }
}

bool nwt_scarce_runs(struct nwt_scarce *s)
{
    return nwt_process_running(&s->bridge->process);
}

static void fail(struct nwt_scarce *s, long fail_at, const char *what)
{
    char *log = nwt_file_read(s->bridge->log, NULL);

    nwt_fail("allocation %ld: %s; the log says\n%s", fail_at, what, log == NULL ? "" : log);
}

static void end_well(struct nwt_scarce *s, long fail_at)
{
    int code =
        nwt_scarce_runs(s) ? nwt_bridge_stop(s->bridge) : nwt_process_wait(&s->bridge->process, 0);

    if (code != 0 && code != 1 && code != 3 && code != 4) {
        fail(s, fail_at, "it ended in no orderly way");
    }
}

static void new_files(struct nwt_scarce *s)
{
    if (!s->keeps_state) {
        free(s->bridge->state_dir);
        s->bridge->state_dir = nwt_folder_file(s->folder, "state.%u", s->round);
    }
    free(s->bridge->log);
    s->bridge->log = nwt_folder_file(s->folder, "log.%u", s->round);
}

static void one_round(struct nwt_scarce *s, long fail_at)
{
    s->round++;
    memset(arrived, 0, sizeof arrived);
    new_files(s);
    (void)js_DeleteStream(s->client->js, "THROUGH", NULL, NULL);
    s->begin();
    start(s, fail_at);
    (void)NWT_WAIT(10000, all_arrived(s) || !nwt_scarce_runs(s));
    if (!all_arrived(s)) {
        if (nwt_scarce_runs(s)) {
            fail(s, fail_at, "it goes on and nothing comes");
        }
        end_well(s, fail_at);
        start(s, 0);
        if (!NWT_WAIT(20000, all_arrived(s))) {
            fail(s, fail_at, "a message was lost");
        }
    }
    end_well(s, fail_at);
}

static long allocations(const struct nwt_scarce *s)
{
    char *text = nwt_file_read(s->count_file, NULL);
    long count = text == NULL ? 0 : strtol(text, NULL, 10);

    free(text);
    return count;
}

void nwt_scarce_run(struct nwt_scarce *s, long step)
{
    long last;

    one_round(s, 0);
    last = allocations(s);
    if (last < ENOUGH) {
        nwt_fail("only %ld allocations were counted", last);
    }
    step = getenv("NWT_EVERY_ALLOCATION") == NULL ? step : 1;
    for (long i = 1; i <= last; i += step) {
        one_round(s, i);
    }
}
