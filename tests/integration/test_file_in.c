/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of files into a stream: what a line is, where reading begins, what is waited for. */
#include "support/file_flow.h"
#include "support/http_client.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT 12000
#define SIZE 128
#define FILES 4

static struct nwt_file_flow flow;

static void set_up(void)
{
    nwt_file_flow_init(&flow);
}

static void tear_down(void)
{
    nwt_file_flow_done(&flow);
}

TestSuite(file_in, .init = set_up, .fini = tear_down, .timeout = 600);

static void expect_numbers(struct nwt_numbered *n, size_t groups)
{
    nwt_file_flow_collect(&flow, n, groups);
    cr_assert(nwt_numbered_complete(n, false));
    cr_assert(nwt_file_flow_delivered(&flow, "r", (int64_t)n->count));
    cr_assert(nwt_bridge_ledger_adds_up(flow.bridge, "r"));
    nwt_numbered_free(n);
}

Test(file_in, one_file_that_grows)
{
    struct nwt_numbered *n = nwt_numbered_new(COUNT, SIZE, false);

    nwt_file_flow_lines(&flow, "a.log", n, 0, COUNT / 2, 1);
    nwt_file_flow_from(&flow, "file: a.log");
    nwt_bridge_run(flow.bridge);
    for (size_t i = COUNT / 2; i < COUNT; i += COUNT / 20) {
        nwt_file_flow_lines(&flow, "a.log", n, i, i + COUNT / 20, 1);
    }
    expect_numbers(n, 1);
    cr_assert_eq(nwt_bridge_stop(flow.bridge), 0);
}

Test(file_in, files_of_a_pattern)
{
    struct nwt_numbered *n = nwt_numbered_new(COUNT, SIZE, false);
    char name[40];

    nwt_file_flow_mkdir(&flow, "logs");
    nwt_file_flow_mkdir(&flow, "logs/a");
    for (size_t f = 0; f < FILES; f++) {
        snprintf(name, sizeof name, "logs/a/%zu.log", f);
        nwt_file_flow_lines(&flow, name, n, f, COUNT / 2, FILES);
    }
    nwt_file_flow_append(&flow, "logs/a/other.txt", "not this\n");
    nwt_file_flow_append(&flow, "logs/a/.hidden.log", "nor this\n");
    nwt_file_flow_from(&flow, "file: \"logs/*/*.log\"");
    nwt_bridge_run(flow.bridge);
    for (size_t f = 0; f < FILES; f++) {
        snprintf(name, sizeof name, "logs/a/%zu.log", f);
        nwt_file_flow_lines(&flow, name, n, COUNT / 2 + f, COUNT, FILES);
    }
    expect_numbers(n, FILES);
}

Test(file_in, what_a_line_is)
{
    nwt_file_flow_append(&flow, "a.log", "one\r\n\ntwo \n\r\nlone\rreturn\nthr");
    nwt_file_flow_from(&flow, "file: a.log");
    nwt_bridge_run(flow.bridge);
    nwt_file_flow_expect(&flow, 5, "one||two ||lone\rreturn");
    nwt_file_flow_append(&flow, "a.log", "ee");
    nwt_file_flow_append(&flow, "a.log", "\nfour\r");
    nwt_file_flow_append(&flow, "a.log", "\n");
    nwt_file_flow_expect(&flow, 7, "one||two ||lone\rreturn|three|four");
}

Test(file_in, a_line_that_is_too_long_is_counted_and_passed_over)
{
    char *line = malloc(300001);

    memset(line, 'x', 300000);
    line[300000] = '\0';
    nwt_file_flow_append(&flow, "a.log", "before\n");
    nwt_file_flow_append(&flow, "a.log", line);
    nwt_file_flow_append(&flow, "a.log", "\n");
    line[2000] = '\0'; /* just as long as may be */
    nwt_file_flow_append(&flow, "a.log", line);
    nwt_file_flow_append(&flow, "a.log", "\nx");
    nwt_file_flow_append(&flow, "a.log", line);
    nwt_file_flow_append(&flow, "a.log", "\nafter\n");
    nwt_file_flow_from(&flow, "file: a.log, max_line: 2000B");
    nwt_bridge_run(flow.bridge);
    char *texts = nwt_file_flow_texts(&flow, 3, NULL);
    cr_assert(strncmp(texts, "before|x", 8) == 0 && strcmp(texts + 7 + 2000, "|after") == 0, "%s",
              texts);
    cr_assert(nwt_file_flow_delivered(&flow, "r", 3));
    cr_assert_eq(nwt_bridge_number(flow.bridge, "r", "dropped"), 2);
    cr_assert_eq(nwt_bridge_number(flow.bridge, "r", "received"), 5);
    cr_assert(nwt_bridge_logged(flow.bridge, "line 2 is longer than max_line"));
    cr_assert(nwt_bridge_logged(flow.bridge, "line 4 is longer than max_line"));
    cr_assert(nwt_bridge_ledger_adds_up(flow.bridge, "r"));
    free(texts);
    free(line);
}

Test(file_in, a_missing_folder_and_file_are_waited_for)
{
    nwt_file_flow_from(&flow, "file: later/sub/a.log");
    nwt_bridge_start(flow.bridge, NULL);
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(flow.bridge, "waiting for the folder")));
    nwt_file_flow_mkdir(&flow, "later");
    nwt_file_flow_mkdir(&flow, "later/sub");
    nwt_file_flow_append(&flow, "later/sub/a.log", "one\n");
    nwt_file_flow_expect(&flow, 1, "one");
    cr_assert(NWT_WAIT(60000, nwt_bridge_ready(flow.bridge)));
}

Test(file_in, files_that_come_later_are_read_from_their_beginning)
{
    nwt_file_flow_mkdir(&flow, "logs");
    nwt_file_flow_from(&flow, "file: \"logs/*.log\", start: end");
    nwt_bridge_run(flow.bridge);
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(flow.bridge, "waiting for files")));
    nwt_file_flow_append(&flow, "logs/a.log", "one\n");
    nwt_file_flow_expect(&flow, 1, "one");
    nwt_file_flow_append(&flow, "b.tmp", "two\nthree\n");
    nwt_file_flow_rename(&flow, "b.tmp", "logs/b.log");
    nwt_file_flow_expect(&flow, 3, "one|two|three");
}

/* What is there at the very first start is old; later starts go on where the last one was. */
Test(file_in, start_at_the_end)
{
    nwt_file_flow_append(&flow, "a.log", "old\nolder\nbegun");
    nwt_file_flow_from(&flow, "file: a.log, start: end");
    nwt_bridge_run(flow.bridge);
    nwt_file_flow_append(&flow, "a.log", " before\nnew\n");
    nwt_file_flow_expect(&flow, 2, "begun before|new");
    cr_assert_eq(nwt_bridge_stop(flow.bridge), 0);
    nwt_file_flow_append(&flow, "a.log", "meanwhile\n");
    nwt_bridge_run(flow.bridge);
    nwt_file_flow_expect(&flow, 3, "begun before|new|meanwhile");
}

Test(file_in, what_cannot_be_read_is_told_and_waited_for)
{
    nwt_file_flow_mkdir(&flow, "a.log");
    nwt_file_flow_from(&flow, "file: a.log");
    nwt_bridge_start(flow.bridge, NULL);
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(flow.bridge, "a.log: Is a directory")));
    cr_assert(!nwt_bridge_ready(flow.bridge));
    cr_assert_eq(rmdir(nwt_file_flow_path(&flow, "a.log")), 0);
    nwt_file_flow_append(&flow, "a.log", "one\n");
    nwt_file_flow_expect(&flow, 1, "one");
    cr_assert(NWT_WAIT(60000, nwt_bridge_ready(flow.bridge)));
}

static bool has_its_place(void *context, natsMsg *m)
{
    const char *expected = context, *origin = nwt_nats_header(m, "Natsway-Origin");

    cr_assert_str_eq(natsMsg_GetSubject(m), expected);
    cr_assert(origin != NULL && strncmp(origin, "file:", 5) == 0 &&
                  strcmp(origin + strlen(origin) - 2, "/4") == 0,
              "%s", origin);
    return false;
}

/* The file's own path is the address, and the place in it is known to templates. */
Test(file_in, a_line_knows_where_it_was)
{
    nwt_file_flow_append(&flow, "a.log", "one\ntwo\n");
    nwt_file_flow_bridge(&flow, "  r:\n    from: {file: a.log}\n"
                                "    map: [{filter: '$meta.line == 2'}]\n"
                                "    to: {jetstream: 'lines.{{line}}.{{offset}}'}\n");
    nwt_bridge_run(flow.bridge);
    nwt_file_flow_expect(&flow, 1, "two");
    nwt_stream_read(flow.client, "LINES", "lines.>", has_its_place, (void *)"lines.2.4");
}

/* What makes no sense is said by check, with its place. */
Test(file_in, mistakes)
{
    nwt_file_flow_bridge(&flow, "  a:\n    from: {file: a.log, after: delete}\n"
                                "    to: {jetstream: lines.a}\n"
                                "  b:\n    from: {file: \"**/b.log\"}\n"
                                "    to: {jetstream: lines.b}\n"
                                "  c:\n    from: {file: \"-\", mode: whole}\n"
                                "    to: {jetstream: lines.c}\n"
                                "  d:\n    from: {file: d.log, max_line: 1GiB}\n"
                                "    to: {jetstream: lines.d}\n");
    cr_assert_eq(nwt_bridge_command(flow.bridge, "check"), 1);
    cr_assert(nwt_bridge_logged(flow.bridge, "bridge.yaml:4:32: a: after: only a whole file can"));
    cr_assert(nwt_bridge_logged(flow.bridge, "bridge.yaml:7:18: b: ** is not known"));
    cr_assert(nwt_bridge_logged(flow.bridge, "bridge.yaml:10:29: c: mode: standard input"));
    cr_assert(nwt_bridge_logged(flow.bridge, "bridge.yaml:13:35: d: max_line: expected a size"));
}

/* ---- Standard input ---- */

Test(file_in, standard_input_is_read_to_its_end)
{
    struct nwt_numbered *n = nwt_numbered_new(COUNT, SIZE, false);

    nwt_file_flow_lines(&flow, "input", n, 0, COUNT, 1);
    nwt_file_flow_from(&flow, "file: \"-\"");
    nwt_bridge_start(flow.bridge, nwt_file_flow_path(&flow, "input"));
    expect_numbers(n, 1);
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(flow.bridge, "standard input has ended")));
    cr_assert(nwt_bridge_ready(flow.bridge));
    nwt_process_signal(&flow.bridge->process, SIGINT);
    cr_assert_eq(nwt_process_wait(&flow.bridge->process, 60000), 0);
}

/* From a pipe: what is there is delivered at once, the last line also without its newline. */
Test(file_in, standard_input_is_a_pipe)
{
    const char *path = nwt_file_flow_path(&flow, "pipe");

    cr_assert_eq(mkfifo(path, 0600), 0);
    FILE *pipe = fopen(path, "r+e"); /* opens without a reader */
    nwt_file_flow_from(&flow, "file: \"-\"");
    nwt_bridge_start(flow.bridge, path);
    fputs("one\ntw", pipe);
    fflush(pipe);
    nwt_file_flow_expect(&flow, 1, "one");
    fputs("o\nthree", pipe);
    fclose(pipe);
    nwt_file_flow_expect(&flow, 3, "one|two|three");
    cr_assert_eq(nwt_bridge_stop(flow.bridge), 0);
}
