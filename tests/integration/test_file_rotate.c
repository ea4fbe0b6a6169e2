/* SPDX-License-Identifier: Apache-2.0 */
/* A followed file that is renamed, truncated, deleted, copied: nothing of it is lost, nothing comes
 * twice, and lines come in the order in which they were written. */
#include "support/file_flow.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT 10000
#define SIZE 100

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

TestSuite(file_rotate, .init = set_up, .fini = tear_down, .timeout = 600);

static void run_from(const char *from)
{
    nwt_file_flow_from(&flow, from);
    nwt_bridge_run(flow.bridge);
}

static void write_lines(const char *name, size_t from, size_t to)
{
    nwt_file_flow_lines(&flow, name, numbers, from, to, 1);
}

static void expect_all(void)
{
    nwt_file_flow_collect(&flow, numbers, 1);
    cr_assert(nwt_numbered_complete(numbers, false));
    cr_assert(nwt_file_flow_delivered(&flow, "r", COUNT));
    cr_assert_eq(nwt_bridge_number(flow.bridge, "r", "received"), COUNT);
    cr_assert_eq(nwt_stream_count(flow.client, "LINES"), COUNT);
}

/* a.log.8 -> a.log.9, …, a.log -> a.log.1, as logrotate does it. */
static void rotate(const char *name)
{
    char from[40], to[40];

    for (int i = 9; i > 0; i--) {
        snprintf(from, sizeof from, i == 1 ? "%s" : "%s.%d", name, i - 1);
        snprintf(to, sizeof to, "%s.%d", name, i);
        if (access(nwt_file_flow_path(&flow, from), F_OK) == 0) {
            nwt_file_flow_rename(&flow, from, to);
        }
    }
}

/* The names it gets are outside the pattern. */
Test(file_rotate, by_rename)
{
    run_from("file: a.log");
    for (size_t i = 0; i < COUNT; i += COUNT / 5) {
        write_lines("a.log", i, i + COUNT / 5);
        cr_assert(
            NWT_WAIT(60000, nwt_stream_count(flow.client, "LINES") > (int64_t)i + COUNT / 20));
        rotate("a.log");
    }
    expect_all();
}

/* So quickly that the file may have its second or third name before anybody has looked. */
Test(file_rotate, many_times_at_once)
{
    run_from("file: a.log");
    for (size_t i = 0; i < COUNT; i += COUNT / 8) {
        write_lines("a.log", i, i + COUNT / 8);
        rotate("a.log");
    }
    expect_all();
}

/* As before, and the bridge stands still meanwhile: it learns of it only afterwards. */
Test(file_rotate, many_times_while_nobody_looks)
{
    run_from("file: a.log");
    write_lines("a.log", 0, COUNT / 8);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(flow.client, "LINES") >= COUNT / 8));
    nwt_process_signal(&flow.bridge->process, SIGSTOP);
    for (size_t i = COUNT / 8; i < COUNT; i += COUNT / 8) {
        rotate("a.log");
        write_lines("a.log", i, i + COUNT / 8);
    }
    nwt_process_signal(&flow.bridge->process, SIGCONT);
    expect_all();
}

/* All names belong to the pattern: a new name does not make it another file. */
Test(file_rotate, within_the_pattern)
{
    run_from("file: \"a.log*\"");
    for (size_t i = 0; i < COUNT; i += COUNT / 5) {
        write_lines("a.log", i, i + COUNT / 5);
        rotate("a.log");
    }
    expect_all();
}

/* Who writes goes on in the renamed file for a while. */
Test(file_rotate, the_old_file_is_still_written)
{
    run_from("file: a.log");
    write_lines("a.log", 0, COUNT / 4);
    /* Once it is open it does not matter where it goes; before that, nobody knows of it there. */
    cr_assert(NWT_WAIT(60000, nwt_stream_count(flow.client, "LINES") > 0));
    nwt_file_flow_mkdir(&flow, "old");
    nwt_file_flow_rename(&flow, "a.log", "old/a.log");
    write_lines("old/a.log", COUNT / 4, COUNT / 2);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(flow.client, "LINES") >= COUNT / 2));
    write_lines("a.log", COUNT / 2, COUNT);
    expect_all();
}

/* The last line of a file that is gone has no newline to wait for. */
Test(file_rotate, a_last_line_without_newline)
{
    run_from("file: a.log");
    nwt_file_flow_append(&flow, "a.log", "one\ntwo");
    nwt_file_flow_expect(&flow, 1, "one");
    rotate("a.log");
    nwt_file_flow_append(&flow, "a.log", "three\n");
    char *texts = nwt_file_flow_texts(&flow, 3, NULL);
    cr_assert(strcmp(texts, "one|two|three") == 0 || strcmp(texts, "one|three|two") == 0, "%s",
              texts);
    free(texts);
}

static void copy_and_truncate(const char *name, const char *copy)
{
    size_t len;
    char *text = nwt_file_read(nwt_file_flow_path(&flow, name), &len);

    nwt_file_append(nwt_file_flow_path(&flow, copy), text, len);
    free(text);
    cr_assert_eq(truncate(nwt_file_flow_path(&flow, name), 0), 0);
}

Test(file_rotate, by_copy_and_truncate)
{
    char copy[20];

    run_from("file: a.log");
    for (size_t i = 0; i < COUNT; i += COUNT / 4) {
        write_lines("a.log", i, i + COUNT / 4);
        cr_assert(
            NWT_WAIT(60000, nwt_stream_count(flow.client, "LINES") > (int64_t)i + COUNT / 20));
        snprintf(copy, sizeof copy, "a.log.%zu", i);
        copy_and_truncate("a.log", copy);
    }
    expect_all();
}

/* It has grown beyond where it was read: seen by its content. */
Test(file_rotate, truncated_and_grown_while_nobody_looks)
{
    run_from("file: a.log");
    write_lines("a.log", 0, COUNT / 4);
    cr_assert(nwt_file_flow_delivered(&flow, "r", COUNT / 4));
    nwt_process_signal(&flow.bridge->process, SIGSTOP);
    write_lines("a.log", COUNT / 4, COUNT / 2);
    copy_and_truncate("a.log", "a.log.1");
    write_lines("a.log", COUNT / 2, COUNT);
    nwt_process_signal(&flow.bridge->process, SIGCONT);
    expect_all();
}

Test(file_rotate, truncated_and_written_anew)
{
    run_from("file: a.log");
    nwt_file_flow_append(&flow, "a.log", "one\ntwo\n");
    nwt_file_flow_expect(&flow, 2, "one|two");
    cr_assert_eq(truncate(nwt_file_flow_path(&flow, "a.log"), 0), 0);
    nwt_file_flow_append(&flow, "a.log", "one\n");
    nwt_file_flow_expect(&flow, 3, "one|two|one");
    nwt_file_flow_append(&flow, "a.log", "four\n");
    nwt_file_flow_expect(&flow, 4, "one|two|one|four");
}

/* What is open is read to its end, and a new file of that name is another one. */
Test(file_rotate, deleted)
{
    run_from("file: a.log");
    write_lines("a.log", 0, COUNT / 2);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(flow.client, "LINES") > 0));
    cr_assert_eq(unlink(nwt_file_flow_path(&flow, "a.log")), 0);
    write_lines("a.log", COUNT / 2, COUNT);
    expect_all();
}

/* ---- While the bridge does not run ---- */

static void stop_bridge(void)
{
    cr_assert_eq(nwt_bridge_stop(flow.bridge), 0);
}

Test(file_rotate, by_rename_while_stopped)
{
    run_from("file: a.log");
    write_lines("a.log", 0, COUNT / 4);
    cr_assert(nwt_file_flow_delivered(&flow, "r", COUNT / 4));
    stop_bridge();
    write_lines("a.log", COUNT / 4, COUNT / 2);
    rotate("a.log");
    write_lines("a.log", COUNT / 2, COUNT);
    nwt_bridge_run(flow.bridge);
    nwt_file_flow_collect(&flow, numbers, 1);
    cr_assert(nwt_numbered_complete(numbers, false));
}

/* The new file waits for the old one, which has nothing to read: it goes on at once, and not with
 * the next look at the folder, which is half a minute later. */
Test(file_rotate, within_the_pattern_while_stopped)
{
    nwt_file_flow_mkdir(&flow, "in"); /* where nothing else happens */
    run_from("file: \"in/a.log*\"");
    write_lines("in/a.log", 0, COUNT / 2);
    cr_assert(nwt_file_flow_delivered(&flow, "r", COUNT / 2));
    rotate("in/a.log");
    stop_bridge();
    write_lines("in/a.log", COUNT / 2, COUNT);
    /* Both files are known then, and nothing of the new one is delivered. */
    nwt_nats_stop(flow.nats);
    nwt_bridge_start(flow.bridge, NULL);
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(flow.bridge, "r", "in_flight") > 0));
    nwt_bridge_kill(flow.bridge);
    nwt_nats_start(flow.nats);
    nwt_bridge_run(flow.bridge);
    cr_assert(NWT_WAIT(5000, nwt_stream_count(flow.client, "LINES") == COUNT));
    nwt_file_flow_collect(&flow, numbers, 1);
    cr_assert(nwt_numbered_complete(numbers, false));
}

Test(file_rotate, by_copy_while_stopped)
{
    run_from("file: a.log");
    write_lines("a.log", 0, COUNT / 4);
    cr_assert(nwt_file_flow_delivered(&flow, "r", COUNT / 4));
    stop_bridge();
    write_lines("a.log", COUNT / 4, COUNT / 2);
    copy_and_truncate("a.log", "a.log.1");
    write_lines("a.log", COUNT / 2, COUNT);
    nwt_bridge_run(flow.bridge);
    nwt_file_flow_collect(&flow, numbers, 1);
    cr_assert(nwt_numbered_complete(numbers, false));
}

static ino_t inode_of(const char *name)
{
    struct stat st;

    return stat(nwt_file_flow_path(&flow, name), &st) == 0 ? st.st_ino : 0;
}

/* A new file with the inode of the old one, and longer than it was: not a line is passed over. */
Test(file_rotate, a_reused_inode_is_another_file)
{
    run_from("file: a.log");
    write_lines("a.log", 0, COUNT / 4);
    cr_assert(nwt_file_flow_delivered(&flow, "r", COUNT / 4));
    stop_bridge();
    ino_t inode = inode_of("a.log");
    bool reused = false;
    for (int i = 0; i < 50 && !reused; i++) {
        cr_assert_eq(unlink(nwt_file_flow_path(&flow, "a.log")), 0);
        nwt_file_flow_append(&flow, "a.log", "");
        reused = inode_of("a.log") == inode;
    }
    if (!reused) {
        fprintf(stderr, "support: this file system does not reuse inodes at once\n");
    }
    write_lines("a.log", COUNT / 4, COUNT);
    nwt_bridge_run(flow.bridge);
    nwt_file_flow_collect(&flow, numbers, 1);
    cr_assert(nwt_numbered_complete(numbers, false));
}
