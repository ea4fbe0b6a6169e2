/* SPDX-License-Identifier: Apache-2.0 */
/* A stream into files: appended lines, whole files, paths that are templates, standard output. */
#include "support/file_flow.h"
#include "support/wait.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT 12000
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

TestSuite(file_out, .init = set_up, .fini = tear_down, .timeout = 600);

/* A route from the stream, with what stands in the braces of its target. */
static void make_bridge(const char *to)
{
    nwt_file_flow_bridge(
        &flow, "  r:\n    from: {jetstream: \"lines.>\", ack_wait: 5m}\n    to: {%s}\n", to);
}

static void run_to(const char *to)
{
    make_bridge(to);
    nwt_bridge_run(flow.bridge);
}

static bool is_text(const char *name, const char *text)
{
    char *got = nwt_file_read(nwt_file_flow_path(&flow, name), NULL);
    bool same = got != NULL && strcmp(got, text) == 0;

    free(got);
    return same;
}

static void expect_all(const char *name)
{
    cr_assert(nwt_file_flow_delivered(&flow, "r", COUNT));
    cr_assert(nwt_file_flow_take(&flow, name, numbers));
    cr_assert(nwt_numbered_complete(numbers, false));
    cr_assert(nwt_bridge_ledger_adds_up(flow.bridge, "r"));
}

Test(file_out, lines_in_order)
{
    nwt_file_flow_publish(&flow, numbers, 0, COUNT / 2);
    run_to("file: out/sub/a.log");
    nwt_file_flow_publish(&flow, numbers, COUNT / 2, COUNT);
    expect_all("out/sub/a.log");
    cr_assert_eq(nwt_bridge_stop(flow.bridge), 0);
}

Test(file_out, lines_with_a_sync_for_each_interval)
{
    nwt_file_flow_publish(&flow, numbers, 0, COUNT);
    run_to("file: a.log, fsync: interval, fsync_interval: 50ms");
    expect_all("a.log");
}

/* What is written is confirmed only when it is on disk: with a long interval that is seen. */
Test(file_out, nothing_is_confirmed_before_it_is_on_disk)
{
    nwt_file_flow_publish(&flow, numbers, 0, 100);
    run_to("file: a.log, fsync: interval, fsync_interval: 60s");
    cr_assert(
        NWT_WAIT(60000, nwt_file_flow_take(&flow, "a.log", numbers) && numbers->distinct == 100));
    cr_assert_eq(nwt_bridge_number(flow.bridge, "r", "delivered"), 0);
    cr_assert_eq(nwt_bridge_number(flow.bridge, "r", "in_flight"), 100);
    /* At the end there is no waiting for the interval, and nothing comes again. */
    cr_assert_eq(nwt_bridge_stop(flow.bridge), 0);
    nwt_bridge_run(flow.bridge);
    nwt_file_flow_publish_text(&flow, "lines.in", "last");
    cr_assert(NWT_WAIT(60000, nwt_file_contains(nwt_file_flow_path(&flow, "a.log"), "last\n")));
    size_t len;
    free(nwt_file_read(nwt_file_flow_path(&flow, "a.log"), &len));
    cr_assert_eq(len, 100 * (SIZE + 1) + 5);
}

/* Levels of the subject name files; what is put in stays one name. */
Test(file_out, a_path_of_the_subject)
{
    make_bridge("file: \"out/{{token(2)}}/{{header('Name')}}.log\"");
    const char *names[] = {"plain", "..", "../../escape", "/etc/x", "a/b"};
    for (size_t i = 0; i < 5; i++) {
        natsMsg *m = NULL;
        NWT_NATS(natsMsg_Create(&m, "lines.one", NULL, names[i], (int)strlen(names[i])));
        NWT_NATS(natsMsgHeader_Set(m, "Name", names[i]));
        nwt_stream_publish(flow.client, m);
    }
    nwt_stream_flush(flow.client);
    nwt_file_flow_publish_text(&flow, "lines.two", "no header: refused");
    nwt_bridge_run(flow.bridge);
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(flow.bridge, "r", "received") == 6 &&
                                  nwt_bridge_number(flow.bridge, "r", "in_flight") == 0));
    cr_assert(is_text("out/one/plain.log", "plain\n"));
    DIR *d = opendir(nwt_file_flow_path(&flow, "out/one"));
    cr_assert_not_null(d);
    size_t files = 0;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        cr_assert(e->d_type == DT_REG || e->d_name[0] == '.', "%s", e->d_name);
        files += e->d_type == DT_REG;
    }
    closedir(d);
    cr_assert_eq(files, 5, "%zu", files);
    cr_assert_neq(access(nwt_file_flow_path(&flow, "escape.log"), F_OK), 0);
    cr_assert_neq(access(nwt_file_flow_path(&flow, "out/two"), F_OK), 0);
    cr_assert_eq(nwt_bridge_number(flow.bridge, "r", "delivered"), 5);
}

/* More files than are kept open. */
Test(file_out, many_files)
{
    char subject[40], name[40];

    run_to("file: \"out/{{token(2)}}.log\", open_files: 3");
    for (int i = 0; i < 200; i++) {
        snprintf(subject, sizeof subject, "lines.%d", i % 20);
        nwt_file_flow_publish_text(&flow, subject, subject);
    }
    cr_assert(nwt_file_flow_delivered(&flow, "r", 200));
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "out/%d.log", i);
        char *text = nwt_file_read(nwt_file_flow_path(&flow, name), NULL), expected[400] = "";
        for (int k = 0; k < 10; k++) {
            snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "lines.%d\n",
                     i);
        }
        cr_assert_str_eq(text, expected);
        free(text);
    }
}

Test(file_out, append_or_begin_anew)
{
    nwt_file_flow_append(&flow, "a.log", "before\nwithout its end");
    nwt_file_flow_publish_text(&flow, "lines.in", "one");
    run_to("file: a.log");
    cr_assert(nwt_file_flow_delivered(&flow, "r", 1));
    cr_assert(is_text("a.log", "before\nwithout its end\none\n"));
    cr_assert_eq(nwt_bridge_stop(flow.bridge), 0);

    nwt_bridge_write(flow.bridge,
                     "nats: {url: \"%s\"}\nroutes:\n  r:\n    from: {jetstream: \"lines.>\"}\n"
                     "    to: {file: a.log, append: false}",
                     flow.nats->url);
    nwt_bridge_run(flow.bridge);
    nwt_file_flow_publish_text(&flow, "lines.in", "two");
    nwt_file_flow_publish_text(&flow, "lines.in", "three");
    cr_assert(NWT_WAIT(60000, is_text("a.log", "two\nthree\n")));
}

/* Who rotates renames the file: a new one is made at its path. */
Test(file_out, a_file_that_is_moved_away_is_made_anew)
{
    run_to("file: a.log");
    nwt_file_flow_publish_text(&flow, "lines.in", "one");
    cr_assert(nwt_file_flow_delivered(&flow, "r", 1));
    nwt_file_flow_rename(&flow, "a.log", "a.log.1");
    nwt_file_flow_publish_text(&flow, "lines.in", "two");
    cr_assert(nwt_file_flow_delivered(&flow, "r", 2));
    cr_assert(is_text("a.log.1", "one\n") && is_text("a.log", "two\n"));
    cr_assert_eq(unlink(nwt_file_flow_path(&flow, "a.log")), 0);
    nwt_file_flow_publish_text(&flow, "lines.in", "three");
    cr_assert(nwt_file_flow_delivered(&flow, "r", 3));
    cr_assert(is_text("a.log", "three\n"));
}

/* ---- Whole files ---- */

#define WHOLES 400
#define WHOLE_SIZE 20000

static volatile bool reading;

/* One name that is written again and again: whoever reads it sees one of the payloads, whole. */
static void *read_again_and_again(void *context)
{
    struct nwt_numbered *seen = context;

    while (reading) {
        size_t len;
        char *text = nwt_file_read(nwt_file_flow_path(&flow, "out/same.bin"), &len);
        if (text != NULL) {
            nwt_numbered_take(seen, text, len, 0);
        }
        free(text);
    }
    return NULL;
}

Test(file_out, whole_files_are_never_seen_in_part)
{
    struct nwt_numbered *n = nwt_numbered_new(WHOLES, WHOLE_SIZE, true);
    struct nwt_numbered *seen = nwt_numbered_new(WHOLES, WHOLE_SIZE, true);
    pthread_t reader;
    char name[40];

    nwt_file_flow_bridge(&flow, "  r:\n    from: {jetstream: \"lines.>\"}\n    to:\n"
                                "      - {file: \"out/{{sequence}}.bin\", mode: whole}\n"
                                "      - {file: out/same.bin, mode: whole}\n");
    reading = true;
    pthread_create(&reader, NULL, read_again_and_again, seen);
    nwt_bridge_run(flow.bridge);
    nwt_file_flow_publish(&flow, n, 0, WHOLES);
    bool delivered = nwt_file_flow_delivered(&flow, "r", WHOLES);
    reading = false;
    pthread_join(reader, NULL);
    cr_assert(delivered);
    for (size_t i = 1; i <= WHOLES; i++) {
        size_t len;
        snprintf(name, sizeof name, "out/%zu.bin", i);
        char *text = nwt_file_read(nwt_file_flow_path(&flow, name), &len);
        cr_assert(text != NULL && nwt_numbered_take(n, text, len, 0) == (int64_t)i - 1, "%s", name);
        free(text);
    }
    cr_assert_eq(seen->wrong, 0);
    cr_assert_gt(seen->total, 0);
    DIR *d = opendir(nwt_file_flow_path(&flow, "out"));
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        cr_assert(strstr(e->d_name, ".tmp") == NULL, "%s", e->d_name);
    }
    closedir(d);
    nwt_numbered_free(n);
    nwt_numbered_free(seen);
}

/* ---- Standard output ---- */

Test(file_out, standard_output)
{
    nwt_file_flow_publish(&flow, numbers, 0, COUNT);
    run_to("file: \"-\"");
    expect_all("bridge.out");
    cr_assert_eq(nwt_bridge_stop(flow.bridge), 0);
}

/* `natsway run … | head`: the pipe never comes back. */
Test(file_out, standard_output_that_is_closed)
{
    const char *pipe = nwt_file_flow_path(&flow, "bridge.out");
    cr_assert_eq(mkfifo(pipe, 0600), 0);
    int reader = open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    cr_assert_geq(reader, 0);
    run_to("file: \"-\"");
    nwt_file_flow_publish(&flow, numbers, 0, 10);
    cr_assert(nwt_file_flow_delivered(&flow, "r", 10));
    close(reader);
    nwt_file_flow_publish(&flow, numbers, 10, 30);
    cr_assert(NWT_WAIT(10000, nwt_bridge_logged(flow.bridge, "failed: standard output is closed")));
    cr_expect_not(nwt_bridge_ready(flow.bridge));
    cr_expect_eq(nwt_bridge_number(flow.bridge, "r", "delivered"), 10);
    int64_t begun_ms = nwt_now_ms();
    cr_expect_eq(nwt_bridge_stop(flow.bridge), 0);
    cr_expect_lt(nwt_now_ms() - begun_ms, 15000); /* not its shutdown_timeout */
    cr_expect(nwt_bridge_logged(flow.bridge, "20 messages are not confirmed"));

    cr_assert_eq(unlink(nwt_file_flow_path(&flow, "bridge.out")), 0);
    nwt_bridge_run(flow.bridge);
    cr_expect(nwt_file_flow_delivered(&flow, "r", 20));
}
