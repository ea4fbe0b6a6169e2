/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: when they are read, what becomes of them, and what is remembered. */
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

#define FILES 300

static struct nwt_file_flow flow;

static void set_up(void)
{
    nwt_file_flow_init(&flow);
    nwt_file_flow_mkdir(&flow, "in");
}

static void tear_down(void)
{
    nwt_file_flow_done(&flow);
}

TestSuite(file_whole, .init = set_up, .fini = tear_down, .timeout = 600);

static bool exists(const char *name)
{
    return access(nwt_file_flow_path(&flow, name), F_OK) == 0;
}

static void run_from(const char *from)
{
    nwt_file_flow_from(&flow, from);
    nwt_bridge_run(flow.bridge);
}

#define MOVE "file: \"in/*.csv\", mode: whole, after: {move: done/}"

static void put(const char *name, const char *text)
{
    nwt_file_flow_append(&flow, "new.tmp", text);
    nwt_file_flow_rename(&flow, "new.tmp", name);
}

Test(file_whole, moved_when_delivered)
{
    nwt_file_flow_append(&flow, "in/a.csv", "a;b\n1;2\n");
    nwt_file_flow_append(&flow, "in/other.txt", "not this");
    run_from(MOVE);
    nwt_file_flow_expect(&flow, 1, "a;b\n1;2\n");
    put("in/b.csv", "moved in");
    nwt_file_flow_expect(&flow, 2, "a;b\n1;2\n|moved in");
    cr_assert(NWT_WAIT(60000, exists("in/done/a.csv") && exists("in/done/b.csv")));
    cr_assert(!exists("in/a.csv") && !exists("in/b.csv") && exists("in/other.txt"));
    /* A name that is taken there gets a number. */
    put("in/a.csv", "again");
    cr_assert(NWT_WAIT(60000, exists("in/done/a.csv.1")));
    cr_assert(nwt_file_flow_delivered(&flow, "r", 3));
}

Test(file_whole, many_files_deleted_when_delivered)
{
    struct nwt_numbered *n = nwt_numbered_new(FILES, 3000, false);
    char name[40];

    for (size_t i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "in/%03zu.csv", i);
        char *path = strdup(nwt_file_flow_path(&flow, name)), payload[3000];
        nwt_numbered_payload(n, i, payload);
        nwt_file_append(path, payload, sizeof payload);
        free(path);
    }
    run_from("file: \"in/*.csv\", mode: whole, after: delete");
    nwt_file_flow_collect(&flow, n, FILES);
    cr_assert(nwt_numbered_complete(n, false));
    for (size_t i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "in/%03zu.csv", i);
        cr_assert(NWT_WAIT(60000, !exists(name)), "%s", name);
    }
    nwt_numbered_free(n);
}

Test(file_whole, nothing_moves_without_a_server)
{
    nwt_file_flow_append(&flow, "in/a.csv", "first");
    nwt_nats_stop(flow.nats);
    nwt_file_flow_from(&flow, MOVE);
    nwt_bridge_start(flow.bridge, NULL);
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(flow.bridge, "r", "in_flight") == 1));
    put("in/b.csv", "second");
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(flow.bridge, "r", "in_flight") == 2));
    cr_assert(exists("in/a.csv") && exists("in/b.csv") && !exists("in/done"));
    cr_assert_eq(nwt_bridge_number(flow.bridge, "r", "delivered"), 0);
    nwt_bridge_kill(flow.bridge);
    cr_assert(exists("in/a.csv") && exists("in/b.csv") && !exists("in/done"));
    nwt_nats_start(flow.nats);
    nwt_bridge_run(flow.bridge);
    char *texts = nwt_file_flow_texts(&flow, 2, NULL);
    cr_assert(strcmp(texts, "first|second") == 0 || strcmp(texts, "second|first") == 0, "%s",
              texts);
    free(texts);
    cr_assert(NWT_WAIT(60000, exists("in/done/a.csv") && exists("in/done/b.csv")));
    cr_assert_eq(nwt_stream_count(flow.client, "LINES"), 2);
}

/* Kept files are delivered once, also after a restart; a change makes a file a new one. */
Test(file_whole, kept_and_changed)
{
    put("in/a.csv", "first");
    run_from("file: \"in/*.csv\", mode: whole");
    nwt_file_flow_expect(&flow, 1, "first");
    cr_assert(nwt_file_flow_delivered(&flow, "r", 1));
    cr_assert_eq(nwt_bridge_stop(flow.bridge), 0);
    nwt_bridge_run(flow.bridge);
    put("in/b.csv", "second");
    nwt_file_flow_expect(&flow, 2, "first|second");
    nwt_file_flow_append(&flow, "in/a.csv", " and more");
    nwt_file_flow_expect(&flow, 3, "first|second|first and more");
    cr_assert(exists("in/a.csv") && exists("in/b.csv"));
}

static bool arrived(const char *text)
{
    char *texts = nwt_file_flow_texts(&flow, 0, NULL);
    bool found = strstr(texts, text) != NULL;

    free(texts);
    return found;
}

/* Who writes in pieces and keeps the file open is waited for: two seconds after the last piece. */
Test(file_whole, an_open_file_is_left_alone_until_it_rests)
{
    run_from("file: \"in/*.csv\", mode: whole");
    int fd = open(nwt_file_flow_path(&flow, "in/a.csv"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    int64_t last_ms = 0;
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(write(fd, "piece ", 6), 6);
        last_ms = nwt_now_ms();
        /* Somebody else's file meanwhile, so that there is time and traffic in between. */
        char name[40];
        snprintf(name, sizeof name, "in/%d.csv", i);
        put(name, "x");
        cr_assert(NWT_WAIT(60000, nwt_stream_count(flow.client, "LINES") >= i + 1));
    }
    cr_assert(NWT_WAIT(60000, arrived("piece piece piece piece piece piece ")));
    cr_assert_geq(nwt_now_ms() - last_ms, 1900);
    close(fd);
}

Test(file_whole, closed_files)
{
    run_from(MOVE);
    for (int i = 0; i < 20; i++) {
        char name[40];
        snprintf(name, sizeof name, "in/%02d.csv", i);
        nwt_file_flow_append(&flow, name, "one two");
    }
    char *texts = nwt_file_flow_texts(&flow, 20, NULL);
    cr_assert_eq(strlen(texts), 20 * 8 - 1, "%s", texts);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(strncmp(texts + 8 * i, "one two", 7), 0, "%s", texts);
    }
    free(texts);
}

Test(file_whole, too_large_stays_where_it_is)
{
    put("in/a.csv", "0123456789");
    put("in/b.csv", "0123456789A");
    run_from("file: \"in/*.csv\", mode: whole, after: delete, max_size: 10B");
    nwt_file_flow_expect(&flow, 1, "0123456789");
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(flow.bridge, "r", "dropped") == 1));
    cr_assert(NWT_WAIT(60000, !exists("in/a.csv")));
    cr_assert(exists("in/b.csv"));
    cr_assert(nwt_bridge_logged(flow.bridge, "b.csv is not delivered: it is larger than max_size"));
    cr_assert(nwt_bridge_ledger_adds_up(flow.bridge, "r"));
}

/* A file that cannot be moved is not delivered again and again; it is moved when that is possible,
 * also after a restart. */
Test(file_whole, what_cannot_be_moved_is_told_and_not_repeated)
{
    nwt_file_flow_append(&flow, "in/done", "in the way");
    put("in/a.csv", "first");
    run_from(MOVE);
    cr_assert(NWT_WAIT(60000, nwt_bridge_logged(flow.bridge, "is delivered, but cannot be moved")));
    cr_assert_eq(nwt_bridge_stop(flow.bridge), 0);
    cr_assert_eq(unlink(nwt_file_flow_path(&flow, "in/done")), 0);
    nwt_bridge_run(flow.bridge);
    cr_assert(NWT_WAIT(60000, exists("in/done/a.csv")));
    put("in/b.csv", "second");
    nwt_file_flow_expect(&flow, 2, "first|second");
}

/* No file is lost, and what comes again has the same id. */
Test(file_whole, killed_in_the_middle)
{
    char name[40];

    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "in/%03d.csv", i);
        nwt_file_flow_append(&flow, name, name);
    }
    run_from(MOVE);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(flow.client, "LINES") >= 20));
    nwt_bridge_kill(flow.bridge);
    nwt_bridge_run(flow.bridge);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(flow.client, "LINES") >= FILES));
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "in/done/%03d.csv", i);
        cr_assert(NWT_WAIT(60000, exists(name)), "%s", name);
    }
    cr_assert_eq(nwt_stream_count(flow.client, "LINES"), FILES);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

static int64_t resident_kib(pid_t pid)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    char *text = nwt_file_read(path, NULL), *at = text == NULL ? NULL : strstr(text, "VmRSS:");
    int64_t kib = at == NULL ? -1 : strtoll(at + strlen("VmRSS:"), NULL, 10);

    free(text);
    return kib;
}

/* Files wait in their folder, not in memory. */
Test(file_whole, many_large_files_are_not_read_at_once)
{
    struct nwt_numbered *n = nwt_numbered_new(150, 900000, false);
    char name[40], *payload = malloc(n->payload_size);

    for (size_t i = 0; i < n->count; i++) {
        snprintf(name, sizeof name, "in/%03zu.csv", i);
        nwt_numbered_payload(n, i, payload);
        nwt_file_append(nwt_file_flow_path(&flow, name), payload, n->payload_size);
    }
    free(payload);
    nwt_nats_stop(flow.nats);
    nwt_file_flow_from(&flow, "file: \"in/*.csv\", mode: whole, after: delete");
    nwt_bridge_start(flow.bridge, NULL);
    cr_assert(NWT_WAIT(60000, nwt_bridge_number(flow.bridge, "r", "in_flight") >= 30));
    nwt_nats_start(flow.nats);
    cr_assert(NWT_WAIT(60000, nwt_stream_count(flow.client, "LINES") > 0));
    cr_assert_leq(resident_kib(flow.bridge->process.pid), 80 * 1024);
    nwt_file_flow_collect(&flow, n, n->count);
    cr_assert(nwt_numbered_complete(n, false));
    nwt_numbered_free(n);
}

#endif
