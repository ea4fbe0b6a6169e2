/* SPDX-License-Identifier: Apache-2.0 */
/* Writing files when something is in the way: the process killed, the disk full, the folder not
 * one, the server away. */
#include "support/file_flow.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT 20000
#define SIZE 200

static struct nwt_file_flow flow;
static struct nwt_numbered *numbers;
static const char *mounted;

static void set_up(void)
{
    nwt_file_flow_init(&flow);
    numbers = nwt_numbered_new(COUNT, SIZE, false);
    mounted = NULL;
}

static void tear_down(void)
{
    nwt_bridge_free(flow.bridge);
    flow.bridge = NULL;
    if (mounted != NULL) {
        umount2(mounted, MNT_DETACH);
    }
    nwt_file_flow_done(&flow);
    nwt_numbered_free(numbers);
}

TestSuite(file_out_outage, .init = set_up, .fini = tear_down, .timeout = 600);

static void make_bridge(const char *to)
{
    nwt_file_flow_bridge(&flow,
                         "  r:\n    from: {jetstream: \"lines.>\"}\n"
                         "    to: {%s}\n",
                         to);
}

static int64_t lines_in(const char *name)
{
    struct stat st;

    return stat(nwt_file_flow_path(&flow, name), &st) == 0 ? st.st_size / (SIZE + 1) : 0;
}

/* Whether the last number is written: it ends the file. */
static bool has_last(const char *name, const struct nwt_numbered *n)
{
    char line[SIZE], expected[SIZE];
    FILE *file = fopen(nwt_file_flow_path(&flow, name), "re");
    bool same =
        file != NULL && fseek(file, -SIZE - 1, SEEK_END) == 0 && fread(line, 1, SIZE, file) == SIZE;

    if (file != NULL) {
        fclose(file);
    }
    nwt_numbered_payload(n, n->count - 1, expected);
    return same && memcmp(line, expected, SIZE) == 0;
}

/* All are there, whole and in order; those that were under way when it was killed perhaps twice. */
static void expect_all(const char *name)
{
    cr_assert(NWT_WAIT(90000, has_last(name, numbers)), "%lld lines", (long long)lines_in(name));
    cr_assert(NWT_WAIT(90000, nwt_bridge_number(flow.bridge, "r", "in_flight") == 0));
    cr_assert(nwt_file_flow_take(&flow, name, numbers));
    cr_assert(nwt_numbered_complete(numbers, true));
}

Test(file_out_outage, killed_in_the_middle)
{
    nwt_file_flow_publish(&flow, numbers, 0, COUNT);
    make_bridge("file: a.log");
    nwt_bridge_run(flow.bridge);
    for (int part = 1; part <= 2; part++) {
        cr_assert(NWT_WAIT(60000, lines_in("a.log") >= COUNT / 4 * part));
        nwt_bridge_kill(flow.bridge);
        nwt_bridge_run(flow.bridge);
    }
    expect_all("a.log");
}

/* The kernel may write a part of a line before the process is dead. It comes again whole. */
Test(file_out_outage, a_torn_line_is_cut_off)
{
    if (!nwt_folder_has_attributes(nwt_file_flow_path(&flow, ""))) {
        cr_skip("no extended attributes here");
    }
    make_bridge("file: a.log");
    nwt_file_flow_publish(&flow, numbers, 0, COUNT / 2);
    nwt_bridge_run(flow.bridge);
    cr_assert(nwt_file_flow_delivered(&flow, "r", COUNT / 2));
    nwt_bridge_kill(flow.bridge);
    char torn[SIZE + 1] = "";
    nwt_numbered_payload(numbers, COUNT / 2, torn);
    torn[SIZE / 2] = '\0';
    nwt_file_flow_append(&flow, "a.log", torn);
    nwt_file_flow_publish(&flow, numbers, COUNT / 2, COUNT);
    nwt_bridge_run(flow.bridge);
    expect_all("a.log");
    cr_assert_eq(nwt_bridge_stop(flow.bridge), 0);

    /* After an orderly end it is somebody else's: it is kept, and gets its end. */
    nwt_file_flow_append(&flow, "a.log", "theirs");
    nwt_file_flow_publish_text(&flow, "lines.in", "last");
    nwt_bridge_run(flow.bridge);
    cr_assert(
        NWT_WAIT(60000, nwt_file_contains(nwt_file_flow_path(&flow, "a.log"), "\ntheirs\nlast\n")));
}

Test(file_out_outage, server_killed_in_the_middle)
{
    nwt_file_flow_publish(&flow, numbers, 0, COUNT);
    make_bridge("file: a.log");
    nwt_bridge_run(flow.bridge);
    cr_assert(NWT_WAIT(60000, lines_in("a.log") >= COUNT / 4));
    nwt_process_kill(&flow.nats->process);
    cr_assert(NWT_WAIT(60000, !nwt_bridge_ready(flow.bridge)));
    nwt_nats_start(flow.nats);
    expect_all("a.log");
    cr_assert(nwt_bridge_ledger_adds_up(flow.bridge, "r"));
}

/* A file system of so many KiB at NAME; false, with a message, where that is not allowed. */
static bool mount_small(const char *name, int kib)
{
    char options[40];

    nwt_file_flow_mkdir(&flow, name);
    mounted = strdup(nwt_file_flow_path(&flow, name));
    snprintf(options, sizeof options, "size=%dk", kib);
    if (mount("tmpfs", mounted, "tmpfs", 0, options) != 0) {
        fprintf(stderr, "support: a full disk is not tested: mount: %s\n", strerror(errno));
        mounted = NULL;
        return false;
    }
    return true;
}

Test(file_out_outage, a_full_disk_holds_the_route)
{
    if (!mount_small("disk", 2048)) {
        cr_skip_test("mounting is not allowed");
    }
    char *ballast = calloc(1, 1024 * 1024);
    nwt_file_append(nwt_file_flow_path(&flow, "disk/ballast"), ballast, 1024 * 1024);
    free(ballast);
    struct nwt_numbered *n = nwt_numbered_new(9000, SIZE, false); /* 1.8 MB */
    nwt_file_flow_publish(&flow, n, 0, n->count);
    make_bridge("file: disk/a.log");
    nwt_bridge_start(flow.bridge, NULL);
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(flow.bridge, "No space left on device")));
    cr_assert(NWT_WAIT(60000, !nwt_bridge_ready(flow.bridge)));
    cr_assert_gt(lines_in("disk/a.log"), 4000);
    cr_assert_lt(nwt_bridge_number(flow.bridge, "r", "delivered"), 6000);
    cr_assert_eq(nwt_bridge_number(flow.bridge, "r", "dropped"), 0);
    cr_assert_eq(unlink(nwt_file_flow_path(&flow, "disk/ballast")), 0);
    cr_assert(NWT_WAIT(90000, has_last("disk/a.log", n)));
    cr_assert(NWT_WAIT(90000, nwt_bridge_number(flow.bridge, "r", "in_flight") == 0));
    cr_assert(nwt_file_flow_take(&flow, "disk/a.log", n));
    cr_assert(nwt_numbered_complete(n, true)); /* the server repeats what takes long */
    cr_assert(NWT_WAIT(60000, nwt_bridge_ready(flow.bridge)));
    nwt_numbered_free(n);
}

Test(file_out_outage, a_full_disk_holds_whole_files)
{
    if (!mount_small("disk", 1024)) {
        cr_skip_test("mounting is not allowed");
    }
    char *ballast = calloc(1, 700 * 1024);
    nwt_file_append(nwt_file_flow_path(&flow, "disk/ballast"), ballast, 700 * 1024);
    free(ballast);
    struct nwt_numbered *n = nwt_numbered_new(20, 40000, false);
    nwt_file_flow_publish(&flow, n, 0, n->count);
    make_bridge("file: \"disk/{{sequence}}\", mode: whole");
    nwt_bridge_start(flow.bridge, NULL);
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(flow.bridge, "No space left on device")));
    cr_assert_eq(unlink(nwt_file_flow_path(&flow, "disk/ballast")), 0);
    cr_assert(nwt_file_flow_delivered(&flow, "r", (int64_t)n->count));
    for (size_t i = 1; i <= n->count; i++) {
        char name[40];
        size_t len;
        snprintf(name, sizeof name, "disk/%zu", i);
        cr_assert(NWT_WAIT(60000, access(nwt_file_flow_path(&flow, name), F_OK) == 0), "%s", name);
        char *text = nwt_file_read(nwt_file_flow_path(&flow, name), &len);
        cr_assert(text != NULL && nwt_numbered_take(n, text, len, 0) == (int64_t)i - 1, "%s", name);
        free(text);
    }
    nwt_numbered_free(n);
}

Test(file_out_outage, what_cannot_be_written_is_told_and_waited_for)
{
    nwt_file_flow_append(&flow, "out", "a file where a folder should be");
    nwt_file_flow_publish_text(&flow, "lines.in", "one");
    make_bridge("file: out/a.log");
    nwt_bridge_start(flow.bridge, NULL);
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(flow.bridge, "out/a.log: Not a directory")));
    cr_assert(!nwt_bridge_ready(flow.bridge));
    cr_assert_eq(unlink(nwt_file_flow_path(&flow, "out")), 0);
    cr_assert(nwt_file_flow_delivered(&flow, "r", 1));
    cr_assert(nwt_file_contains(nwt_file_flow_path(&flow, "out/a.log"), "one\n"));
}
