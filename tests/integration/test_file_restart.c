/* SPDX-License-Identifier: Apache-2.0 */
/* Reading files goes on where it was: after SIGTERM and SIGKILL in the middle, after an outage of
 * the server, for each route by itself. */
#include "support/file_flow.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT 30000
#define SIZE 200

static struct nwt_file_flow flow;
static struct nwt_numbered *numbers;

static void set_up(void)
{
    nwt_file_flow_init(&flow);
    numbers = nwt_numbered_new(COUNT, SIZE, false);
}

static void tear_down(void)
{
    nwt_file_flow_done(&flow);
    nwt_numbered_free(numbers);
}

TestSuite(file_restart, .init = set_up, .fini = tear_down, .timeout = 600);

static int64_t stored(void)
{
    return nwt_stream_count(flow.client, "LINES");
}

static void run(void)
{
    nwt_file_flow_lines(&flow, "a.log", numbers, 0, COUNT, 1);
    nwt_file_flow_from(&flow, "file: a.log");
    nwt_bridge_run(flow.bridge);
}

static void wait_for_part(size_t part, size_t parts)
{
    cr_assert(NWT_WAIT(60000, stored() >= (int64_t)(COUNT * part / parts)), "%lld",
              (long long)stored());
}

/* What was delivered before SIGTERM does not come again, not even as a repeat that the stream
 * recognises. */
Test(file_restart, sigterm_in_the_middle)
{
    run();
    for (size_t part = 1; part <= 2; part++) {
        wait_for_part(part, 4);
        cr_assert_eq(nwt_bridge_stop(flow.bridge), 0);
        nwt_bridge_run(flow.bridge);
    }
    nwt_file_flow_collect(&flow, numbers, 1);
    cr_assert(nwt_numbered_complete(numbers, false));
    cr_assert(nwt_file_flow_delivered(&flow, "r", COUNT));
    cr_assert_eq(nwt_bridge_number(flow.bridge, "r", "received"), COUNT);
}

/* What comes again then has the same id, and the stream knows it. */
Test(file_restart, sigkill_in_the_middle)
{
    run();
    for (size_t part = 1; part <= 3; part++) {
        wait_for_part(part, 5);
        nwt_bridge_kill(flow.bridge);
        nwt_bridge_run(flow.bridge);
    }
    nwt_file_flow_collect(&flow, numbers, 1);
    cr_assert(nwt_numbered_complete(numbers, false));
    cr_assert_eq(stored(), COUNT);
}

/* The file has just come, a line of it is delivered, and nobody has had the time to say so: it must
 * be known by then, for it has another name at the next start. */
Test(file_restart, killed_when_a_file_has_just_come_and_then_rotated)
{
    struct nwt_numbered *n = nwt_numbered_new(300, SIZE, false);

    for (size_t round = 0; round < 3; round++) {
        size_t at = 100 * round;

        nwt_file_flow_lines(&flow, "a.log", n, at, at + 10, 1);
        if (round == 0) {
            nwt_file_flow_from(&flow, "file: a.log");
        }
        nwt_bridge_run(flow.bridge);
        cr_assert(NWT_WAIT(60000, stored() >= (int64_t)at + 10));
        nwt_file_flow_rename(&flow, "a.log", "a.log.3");
        nwt_file_flow_lines(&flow, "a.log", n, at + 10, at + 40, 1);
        cr_assert(NWT_WAIT(60000, stored() > (int64_t)at + 10));
        nwt_bridge_kill(flow.bridge);
        nwt_file_flow_lines(&flow, "a.log", n, at + 40, at + 70, 1);
        nwt_file_flow_rename(&flow, "a.log", "a.log.2");
        nwt_file_flow_lines(&flow, "a.log", n, at + 70, at + 100, 1);
        nwt_bridge_run(flow.bridge);
        cr_assert(NWT_WAIT(60000, stored() >= (int64_t)at + 100), "%lld", (long long)stored());
        cr_assert_eq(nwt_bridge_stop(flow.bridge), 0);
        nwt_file_flow_rename(&flow, "a.log", "a.log.1");
    }
    nwt_file_flow_collect(&flow, n, 1);
    cr_assert(nwt_numbered_complete(n, false));
    nwt_numbered_free(n);
}

static void stop_and_start_server(int signal)
{
    if (signal == SIGTERM) {
        nwt_nats_stop(flow.nats);
    } else {
        nwt_process_kill(&flow.nats->process);
    }
    cr_assert(NWT_WAIT(60000, !nwt_bridge_ready(flow.bridge)));
    nwt_nats_start(flow.nats);
}

Test(file_restart, server_stopped_and_killed_in_the_middle)
{
    run();
    wait_for_part(1, 4);
    stop_and_start_server(SIGTERM);
    wait_for_part(2, 4);
    stop_and_start_server(SIGKILL);
    nwt_file_flow_collect(&flow, numbers, 1);
    cr_assert(nwt_numbered_complete(numbers, false));
    cr_assert(nwt_file_flow_delivered(&flow, "r", COUNT));
    cr_assert(nwt_bridge_ledger_adds_up(flow.bridge, "r"));
}

static int64_t resident_kib(pid_t pid)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    char *text = nwt_file_read(path, NULL), *at = text == NULL ? NULL : strstr(text, "VmRSS:");
    int64_t kib = at == NULL ? -1 : strtoll(at + strlen("VmRSS:"), NULL, 10);

    free(text);
    return kib;
}

/* Without a server nothing is read beyond what may be in flight, however much there is. */
Test(file_restart, a_large_file_waits_for_the_server_on_disk)
{
    struct nwt_numbered *large = nwt_numbered_new(100000, 1000, false);

    for (size_t i = 0; i < large->count; i += 10000) {
        nwt_file_flow_lines(&flow, "a.log", large, i, i + 10000, 1);
    }
    nwt_nats_stop(flow.nats);
    nwt_file_flow_from(&flow, "file: a.log");
    nwt_bridge_start(flow.bridge, NULL);
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(flow.bridge, "r", "in_flight") > 0));
    int64_t before = -1, received;
    cr_assert(
        NWT_WAIT(60000, (received = nwt_bridge_number(flow.bridge, "r", "received")) == before ||
                            (before = received, false)));
    cr_assert_lt(received, 20000);
    int64_t kib = resident_kib(flow.bridge->process.pid);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    cr_assert_lt(kib, 64 * 1024);
#endif
    cr_assert_gt(kib, 0);
    nwt_numbered_free(large);
}

/* Each has its own place in the files, and its own ids. */
Test(file_restart, two_routes_on_one_pattern)
{
    struct nwt_numbered *n = nwt_numbered_new(5000, SIZE, false);

    nwt_file_flow_lines(&flow, "a.log", n, 0, n->count, 1);
    nwt_file_flow_bridge(&flow, "  one:\n    from: {file: \"a*.log\"}\n"
                                "    to: {jetstream: lines.one}\n"
                                "  two:\n    from: {file: \"a*.log\"}\n"
                                "    to: {jetstream: lines.two}\n    enabled: ${TWO:-true}\n");
    nwt_bridge_run(flow.bridge);
    cr_assert(nwt_file_flow_delivered(&flow, "one", (int64_t)n->count));
    cr_assert(nwt_file_flow_delivered(&flow, "two", (int64_t)n->count));
    cr_assert_eq(stored(), 2 * (int64_t)n->count, "%lld", (long long)stored());
    cr_assert_eq(nwt_bridge_stop(flow.bridge), 0);
    /* One goes on alone; the other catches up by itself. */
    setenv("TWO", "false", 1);
    nwt_bridge_run(flow.bridge);
    nwt_file_flow_append(&flow, "a.log", "more\n");
    cr_assert(nwt_file_flow_delivered(&flow, "one", 1));
    cr_assert_eq(nwt_bridge_stop(flow.bridge), 0);
    setenv("TWO", "true", 1);
    nwt_bridge_run(flow.bridge);
    cr_assert(nwt_file_flow_delivered(&flow, "two", 1));
    cr_assert_eq(stored(), 2 * (int64_t)n->count + 2);
    nwt_numbered_free(n);
}
