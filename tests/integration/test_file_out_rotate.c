/* SPDX-License-Identifier: Apache-2.0 */
/* A stream into a file that is rotated: by size, by age, kept and compressed; nothing is lost. */
#include "support/file_flow.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT 10000
#define SIZE 199                      /* 200 with the newline */
#define LIMIT ((off_t)100 * 1000 + 7) /* no multiple of a line */

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

TestSuite(file_out_rotate, .init = set_up, .fini = tear_down, .timeout = 600);

static void run_to(const char *to)
{
    nwt_file_flow_bridge(
        &flow, "  r:\n    from: {jetstream: \"lines.>\", ack_wait: 5m}\n    to: {%s}\n", to);
    nwt_bridge_run(flow.bridge);
}

static off_t size_of(const char *name)
{
    struct stat st;

    return stat(nwt_file_flow_path(&flow, name), &st) == 0 ? st.st_size : -1;
}

/* Of a.log.N, a.log.N-1, …, a.log.1, a.log: those that are there; how many. */
static int take_all(int highest)
{
    char name[40];
    int files = 0;

    for (int i = highest; i >= 0; i--) {
        snprintf(name, sizeof name, i == 0 ? "a.log" : "a.log.%d", i);
        if (size_of(name) >= 0) {
            files++;
            cr_assert_leq(size_of(name), LIMIT, "%s", name);
            cr_assert(nwt_file_flow_take(&flow, name, numbers), "%s", name);
        }
    }
    return files;
}

Test(file_out_rotate, by_size)
{
    nwt_file_flow_publish(&flow, numbers, 0, COUNT);
    run_to("file: a.log, rotate: {size: 100007B}");
    cr_assert(nwt_file_flow_delivered(&flow, "r", COUNT));
    cr_assert_eq(take_all(40), 20); /* 500 lines in each */
    cr_assert(nwt_numbered_complete(numbers, false));
}

Test(file_out_rotate, some_are_kept)
{
    nwt_file_flow_publish(&flow, numbers, 0, COUNT);
    run_to("file: a.log, rotate: {size: 100007B, keep: 3}, fsync: interval");
    cr_assert(nwt_file_flow_delivered(&flow, "r", COUNT));
    cr_assert_eq(take_all(40), 4);
    cr_assert_eq(numbers->distinct, 2000);
    cr_assert_eq(numbers->wrong + numbers->disordered, 0);
    cr_assert(numbers->seen[COUNT - 2000] && numbers->seen[COUNT - 1]);
}

Test(file_out_rotate, compressed)
{
    char command[600], name[40], path[500];

    nwt_file_flow_publish(&flow, numbers, 0, COUNT);
    run_to("file: a.log, rotate: {size: 400000B, compress: true}");
    cr_assert(nwt_file_flow_delivered(&flow, "r", COUNT));
    cr_assert(NWT_WAIT(60000, size_of("a.log.1.gz") >= 0 && size_of("a.log.1") < 0));
    cr_assert_eq(nwt_bridge_stop(flow.bridge), 0);
    for (int i = 9; i > 0; i--) {
        snprintf(name, sizeof name, "a.log.%d.gz", i);
        if (size_of(name) >= 0) {
            snprintf(path, sizeof path, "%s", nwt_file_flow_path(&flow, name));
            snprintf(command, sizeof command, "gzip -d '%s'", path);
            cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c) */
            snprintf(name, sizeof name, "a.log.%d", i);
            cr_assert(nwt_file_flow_take(&flow, name, numbers));
        }
    }
    cr_assert(nwt_file_flow_take(&flow, "a.log", numbers));
    cr_assert(nwt_numbered_complete(numbers, false));
}

Test(file_out_rotate, by_age)
{
    run_to("file: a.log, rotate: {every: 1s, keep: 1}");
    nwt_file_flow_publish_text(&flow, "lines.in", "old");
    cr_assert(nwt_file_flow_delivered(&flow, "r", 1));
    cr_assert(NWT_WAIT(
        60000, (nwt_file_flow_publish_text(&flow, "lines.in", "new"), size_of("a.log.1") >= 4)));
    char *text = nwt_file_read(nwt_file_flow_path(&flow, "a.log.1"), NULL);
    cr_assert_eq(strncmp(text, "old\n", 4), 0, "%s", text);
    free(text);
}

Test(file_out_rotate, killed_in_the_middle)
{
    if (!nwt_folder_has_attributes(nwt_file_flow_path(&flow, ""))) {
        cr_skip("no extended attributes here");
    }
    nwt_file_flow_publish(&flow, numbers, 0, COUNT);
    run_to("file: a.log, rotate: {size: 100007B}");
    cr_assert(NWT_WAIT(60000, size_of("a.log.4") >= 0));
    nwt_bridge_kill(flow.bridge);
    nwt_bridge_run(flow.bridge);
    cr_assert(NWT_WAIT(90000, nwt_file_contains(nwt_file_flow_path(&flow, "a.log"), "9999:")));
    cr_assert(NWT_WAIT(90000, nwt_bridge_number(flow.bridge, "r", "in_flight") == 0));
    take_all(60);
    cr_assert_eq(numbers->wrong + numbers->disordered, 0);
    cr_assert(nwt_numbered_complete(numbers, true));
}

/* What makes no sense is said by check. */
Test(file_out_rotate, mistakes)
{
    nwt_file_flow_bridge(&flow, "  r:\n    from: {jetstream: \"lines.>\"}\n"
                                "    to: {file: a.log, rotate: {keep: 3}}\n"
                                "  s:\n    from: {jetstream: \"lines.a\"}\n"
                                "    to: {file: \"-\", rotate: {size: 3MiB}}\n");
    cr_assert_eq(nwt_bridge_command(flow.bridge, "check"), 1);
    cr_assert(nwt_bridge_logged(flow.bridge, "expected size or every: when to rotate"));
    cr_assert(nwt_bridge_logged(flow.bridge, "only a file that lines are appended to is rotated"));
}
