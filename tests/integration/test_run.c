/* SPDX-License-Identifier: Apache-2.0 */
/* `natsway run` as a process: starting without its servers, signals, and what it refuses. */
#include "support/bridge.h"
#include "support/http_client.h"
#include "support/nats_client.h"
#include "support/nats_server.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COPY                     \
    "nats: {url: \"%s\"}\n"      \
    "routes:\n"                  \
    "  copy:\n"                  \
    "    from: {nats: \"in\"}\n" \
    "    to: {nats: \"out\"}\n"

#define FOLLOW                       \
    "nats: {url: \"%s\"}\n"          \
    "shutdown_timeout: 30s\n"        \
    "routes:\n"                      \
    "  follow:\n"                    \
    "    from: {file: \"in.log\"}\n" \
    "    to: {jetstream: \"log\", stream: {name: LOG, subjects: [log]}}\n"

static struct nwt_folder *folder;
static struct nwt_nats *nats;

static void set_up(void)
{
    folder = nwt_folder_new();
    nats = nwt_nats_new(folder, NULL);
}

static void tear_down(void)
{
    nwt_nats_free(nats);
    nwt_folder_free(folder);
}

TestSuite(run, .init = set_up, .fini = tear_down, .timeout = 600);

/* The body of a page of the admin listener, to be freed. */
static char *page(const struct nwt_bridge *bridge, const char *path, int *status)
{
    char url[80];

    snprintf(url, sizeof url, "%s%s", bridge->admin, path);
    struct nwt_http_answer answer = nwt_http_request("GET", url, NULL, NULL, 0, 5000);
    *status = answer.status;
    free(answer.headers);
    return answer.body;
}

Test(run, waits_for_a_server_that_is_away)
{
    int status;

    nwt_nats_stop(nats);
    struct nwt_bridge *bridge = nwt_bridge_new(folder, "b", COPY, nats->url);
    nwt_bridge_start(bridge, NULL);
    char url[60];
    snprintf(url, sizeof url, "%s/healthz", bridge->admin);
    cr_assert(NWT_WAIT(20000, nwt_http_status(url) == 200));
    char *body = page(bridge, "/readyz", &status);
    cr_expect_eq(status, 503);
    cr_expect(strstr(body, "copy: ") != NULL, "%s", body);
    free(body);

    nwt_nats_start(nats);
    cr_assert(NWT_WAIT(30000, nwt_bridge_ready(bridge)));
    nwt_nats_stop(nats);
    cr_assert(NWT_WAIT(20000, !nwt_bridge_ready(bridge)));
    nwt_nats_start(nats);
    cr_assert(NWT_WAIT(30000, nwt_bridge_ready(bridge)));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    nwt_bridge_free(bridge);
}

/* They stand among lines of the log, so they are such lines, in both formats. */
static void expect_warning(const char *more, const char *begins, const char *ends)
{
    char wanted[1000];
    struct nwt_bridge *bridge = nwt_bridge_new(folder, "bridge", COPY "%s", nats->url, more);

    nwt_bridge_run(bridge);
    snprintf(wanted, sizeof wanted,
             "%s%s:4:11: core NATS promises nothing: what is published while nobody listens is "
             "lost; a stream keeps it, and jetstream: reads it%s",
             begins, bridge->config, ends);
    cr_expect(nwt_bridge_logged(bridge, wanted), "%s", wanted);
    cr_expect_not(nwt_bridge_logged(bridge, "copy: warning:"));
    nwt_bridge_free(bridge);
}

Test(run, logs_what_the_configuration_is_warned_of)
{
    expect_warning("", " level=warning msg=\"", "\" route=copy\n");
}

Test(run, logs_what_the_configuration_is_warned_of_as_json)
{
    expect_warning("log: {format: json}\n", "\"level\":\"warning\",\"msg\":\"",
                   "\",\"route\":\"copy\"}\n");
}

Test(run, ends_with_0_on_sigterm_and_sigint)
{
    static const int signals[] = {SIGTERM, SIGINT};

    for (size_t i = 0; i < 2; i++) {
        struct nwt_bridge *bridge = nwt_bridge_new(folder, "b", COPY, nats->url);
        nwt_bridge_run(bridge);
        nwt_process_signal(&bridge->process, signals[i]);
        cr_expect_eq(nwt_process_wait(&bridge->process, 20000), 0);
        cr_expect(nwt_bridge_logged(bridge, "msg=\"stopped\""));
        nwt_bridge_free(bridge);
    }
}

Test(run, says_what_sighup_does_and_goes_on)
{
    struct nwt_bridge *bridge = nwt_bridge_new(folder, "b", COPY, nats->url);

    nwt_bridge_run(bridge);
    nwt_process_signal(&bridge->process, SIGHUP);
    cr_assert(NWT_WAIT(10000, nwt_bridge_logged(bridge, "SIGHUP")));
    cr_expect(nwt_bridge_ready(bridge));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    nwt_bridge_free(bridge);
}

Test(run, ends_at_once_on_a_second_signal)
{
    char *in = nwt_folder_file(folder, "in.log");
    struct nwt_bridge *bridge = nwt_bridge_new(folder, "b", FOLLOW, nats->url);

    nwt_file_write(in, "%s", "");
    nwt_bridge_run(bridge);
    nwt_process_signal(&nats->process, SIGSTOP);
    nwt_file_append(in, "line\n", 5);
    cr_assert(NWT_WAIT(10000, nwt_bridge_number(bridge, "follow", "in_flight") == 1));
    nwt_process_signal(&bridge->process, SIGTERM);
    cr_assert(NWT_WAIT(10000, nwt_bridge_logged(bridge, "stopping")));
    cr_expect_eq(nwt_process_wait(&bridge->process, 500), -1, "drains");
    nwt_process_signal(&bridge->process, SIGTERM);
    cr_expect_eq(nwt_process_wait(&bridge->process, 5000), 128 + SIGTERM);
    nwt_process_signal(&nats->process, SIGCONT);

    /* What was not confirmed comes again. */
    nwt_bridge_run(bridge);
    cr_assert(NWT_WAIT(20000, nwt_bridge_number(bridge, "follow", "delivered") == 1));
    cr_expect_eq(nwt_bridge_stop(bridge), 0);
    cr_expect(nwt_bridge_logged(bridge, "msg=\"1 delivered\" route=follow"));
    nwt_bridge_free(bridge);
    free(in);
}

Test(run, gives_up_what_is_left_after_the_shutdown_timeout)
{
    char *in = nwt_folder_file(folder, "in.log");
    struct nwt_bridge *bridge = nwt_bridge_new(folder, "b", FOLLOW, nats->url);

    nwt_file_write(in, "%s", "");
    nwt_bridge_write(bridge, FOLLOW "\n", nats->url);
    char *text = nwt_file_read(bridge->config, NULL);
    char *timeout = strstr(text, "timeout: 30s");
    memcpy(timeout, "timeout: 01s", 12);
    nwt_file_write(bridge->config, "%s", text);
    free(text);
    nwt_bridge_run(bridge);
    nwt_process_signal(&nats->process, SIGSTOP);
    nwt_file_append(in, "line\n", 5);
    cr_assert(NWT_WAIT(10000, nwt_bridge_number(bridge, "follow", "in_flight") == 1));
    int64_t began = nwt_now_ms();
    nwt_process_signal(&bridge->process, SIGTERM);
    cr_expect_eq(nwt_process_wait(&bridge->process, 15000), 0);
    cr_expect_geq(nwt_now_ms() - began, 900);
    cr_expect(nwt_bridge_logged(bridge, "1 message"), "says what was left");
    cr_expect(nwt_bridge_logged(bridge, "msg=\"1 not confirmed, which come again\""));
    nwt_process_signal(&nats->process, SIGCONT);
    nwt_bridge_free(bridge);
    free(in);
}

Test(run, a_taken_admin_address_is_a_clear_error_and_nothing_moves)
{
    struct nwt_bridge *first = nwt_bridge_new(folder, "first", COPY, nats->url);
    struct nwt_bridge *second = nwt_bridge_new(folder, "second", COPY, nats->url);

    nwt_bridge_run(first);
    memcpy(second->admin, first->admin, sizeof second->admin);
    nwt_bridge_write(second, COPY, nats->url);
    nwt_bridge_start(second, NULL);
    cr_expect_eq(nwt_process_wait(&second->process, 10000), 1);
    cr_expect(nwt_bridge_logged(second, "the admin address 127.0.0.1:"));
    cr_expect(nwt_bridge_logged(second, "Address already in use"));
    cr_expect(nwt_bridge_logged(second, "admin: off"));
    cr_expect_eq(nwt_bridge_stop(first), 0);
    nwt_bridge_free(first);
    nwt_bridge_free(second);
}

Test(run, one_state_folder_is_for_one_process)
{
    struct nwt_bridge *first = nwt_bridge_new(folder, "first", COPY, nats->url);
    struct nwt_bridge *second = nwt_bridge_new(folder, "second", COPY, nats->url);

    nwt_bridge_run(first);
    free(second->state_dir);
    second->state_dir = strdup(first->state_dir);
    nwt_bridge_start(second, NULL);
    cr_expect_eq(nwt_process_wait(&second->process, 10000), 1);
    cr_expect(nwt_bridge_logged(second, first->state_dir));
    cr_expect_eq(nwt_bridge_stop(first), 0);
    nwt_bridge_free(first);
    nwt_bridge_free(second);
}
