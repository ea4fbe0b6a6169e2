/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the tests against every adapter of this program, one after the other, in one process: a
 * plain program, so that it runs under every sanitizer, and starts its server once.
 *
 *     contract_NAME [TEXT…]      only tests whose line has every TEXT in it
 *
 * NWC_VERBOSE=1 shows what the connector logs.
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "host.h"
#include "message/message.h"
#include "support/wait.h"

static atomic_int faults;            /* of this test */
static atomic_bool breach_found;     /* one of them was the one that must be found */
static _Atomic(const char *) breach; /* which that is; NULL: none */

void nwc_fault(const char *format, ...)
{
    char text[600];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (atomic_load(&breach) != NULL && strstr(text, atomic_load(&breach)) != NULL) {
        atomic_store(&breach_found, true);
    }
    if (atomic_fetch_add(&faults, 1) < 10) {
        (void)fprintf(stderr, "    fault: %s\n", text);
    }
}

/* What a broken connector does not do it never will. */
int64_t nwc_long_ms(void)
{
    return atomic_load(&breach) != NULL ? 2000 : 90000;
}

bool nwc_failed(void)
{
    return atomic_load(&faults) > 0;
}

static bool is_wanted(const char *line, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strstr(line, argv[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static size_t count_entries(const char *path)
{
    DIR *folder = opendir(path);
    size_t count = 0;

    while (folder != NULL && readdir(folder) != NULL) {
        count++;
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return count;
}

/* Opened and closed again and again, it must leave no thread and no file. The first rounds are for
 * what a library keeps for good. */
static void leaves_nothing(const struct nwc_adapter *a, const char *name)
{
    size_t threads = 0, files = 0;

    (void)a;
    (void)name;
    for (int round = 0; round < 6; round++) {
        if (round == 3) {
            threads = count_entries("/proc/self/task");
            files = count_entries("/proc/self/fd");
        }
        nwc_open();
        nwc_shut();
    }
    NWC_AWAIT(count_entries("/proc/self/task") <= threads, "threads are left: %zu, before %zu",
              count_entries("/proc/self/task"), threads);
    NWC_AWAIT(count_entries("/proc/self/fd") <= files, "files are left open: %zu, before %zu",
              count_entries("/proc/self/fd"), files);
}

static const struct nwc_test common_tests[] = {
    {"opened and closed, nothing is left", leaves_nothing, 64, NULL, false},
    {NULL, NULL, 0, NULL, false}};

/* Returns whether it passed. */
static bool run_test(const struct nwc_adapter *a, const struct nwc_test *test, const char *line,
                     struct nwt_folder *folder)
{
    static unsigned number;
    int64_t began_ms = nwt_now_ms();
    char name[32];

    (void)snprintf(name, sizeof name, "contract%u", ++number);
    atomic_store(&faults, 0);
    atomic_store(&breach_found, false);
    atomic_store(&breach, a->breach);
    nwc_arrived_clear();
    if (a->begin != NULL) {
        a->begin(name);
    }
    nwc_configure(a, name, test, folder);
    test->run(a, name);
    if (nwc_is_open()) {
        nwc_shut();
    }
    if (a->finish != NULL) {
        a->finish(name);
    }
    nwc_unconfigure();
    bool passed = a->breach != NULL ? atomic_load(&breach_found) : !nwc_failed();
    (void)printf("%s %s (%lld ms; longest call %lld ms, close %lld ms)\n",
                 passed ? "passed" : "FAILED", line, (long long)(nwt_now_ms() - began_ms),
                 (long long)nwc_longest_call_ms(), (long long)nwc_longest_close_ms());
    (void)fflush(stdout);
    return passed;
}

static void run_tests(const struct nwc_adapter *a, const struct nwc_test *tests, int argc,
                      char **argv, struct nwt_folder *folder, int *failures)
{
    char line[200];

    for (const struct nwc_test *t = tests; t->name != NULL; t++) {
        (void)snprintf(line, sizeof line, "%s %s: %s", a->name,
                       a->source != NULL ? "source" : "sink", t->name);
        if ((t->applies == NULL || t->applies(a)) && is_wanted(line, argc, argv)) {
            (void)fprintf(stderr, "-- %s\n", line);
            *failures += run_test(a, t, line, folder) ? 0 : 1;
            if (a->breach != NULL || a->brief) {
                return;
            }
        }
    }
}

int main(int argc, char **argv)
{
    struct nwt_folder *folder = nwt_folder_new();
    int failures = 0;

    nwc_host_start(folder);
    for (size_t i = 0; nwc_adapters[i] != NULL; i++) {
        const struct nwc_adapter *a = nwc_adapters[i];
        if (a->start != NULL) {
            a->start(folder);
        }
        run_tests(a, a->source != NULL ? nwc_source_tests : nwc_sink_tests, argc, argv, folder,
                  &failures);
        if (a->breach == NULL && !a->brief) {
            run_tests(a, common_tests, argc, argv, folder, &failures);
        }
        if (a->end != NULL) {
            a->end();
        }
    }
    nwc_host_end();
    nwt_folder_free(folder);
    (void)printf("%d failed\n", failures);
    return failures == 0 ? 0 : 1;
}
