/* SPDX-License-Identifier: Apache-2.0 */
/* Which files match a pattern, and which folders have to be watched for it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connectors/file/file_scan.h"
#include "fixture.h"

static char seen[2000], watched[2000];

static void set_up(void)
{
    fixture_begin();
    cr_assert(mkdir("logs", 0755) == 0 && mkdir("logs/a", 0755) == 0 && mkdir("logs/b", 0755) == 0);
    cr_assert_eq(mkdir("logs/b/folder.log", 0755), 0);
    fixture_write("logs/b/2.log", "");
    fixture_write("logs/b/1.log", "");
    fixture_write("logs/b/.hidden.log", "");
    fixture_write("logs/b/1.txt", "");
    fixture_write("logs/a/1.log", "");
    fixture_write("logs/file", "");
    fixture_write("logs/[x]*.log", "");
}

TestSuite(scan, .init = set_up, .fini = fixture_end);

static void note(char *list, const char *path)
{
    strcat(strcat(list, list[0] == '\0' ? "" : " "), path);
}

static void found(void *context, const char *path, const struct file_stat *stat)
{
    (void)context;
    cr_assert(stat->regular);
    note(seen, path);
}

static void watch(void *context, const char *folder)
{
    (void)context;
    note(watched, folder);
}

static struct file_scan run(const char *pattern)
{
    struct file_scan scan = {.watch = watch, .found = found};

    seen[0] = watched[0] = '\0';
    file_scan_run(&scan, pattern);
    return scan;
}

Test(scan, patterns_in_order_of_names)
{
    struct file_scan scan = run("logs/*/*.log");

    cr_assert_str_eq(seen, "logs/a/1.log logs/b/1.log logs/b/2.log");
    cr_assert_str_eq(watched, "logs logs/a logs/b");
    cr_assert(scan.files == 3 && scan.error == 0 && !scan.again);
    run("logs/[ab]/?.log");
    cr_assert_str_eq(seen, "logs/a/1.log logs/b/1.log logs/b/2.log");
    run("logs/*");
    cr_assert_str_eq(seen, "logs/[x]*.log logs/file");
    run("logs/b/.*.log");
    cr_assert_str_eq(seen, "logs/b/.hidden.log");
    scan = run("logs/*/*.none");
    cr_assert(scan.files == 0 && scan.error == 0);
}

Test(scan, one_path)
{
    char path[PATH_MAX], cwd[PATH_MAX / 2];

    cr_assert_not_null(getcwd(cwd, sizeof cwd));
    snprintf(path, sizeof path, "%s/logs/a/1.log", cwd);
    cr_assert_eq(run(path).files, 1);
    cr_assert_str_eq(seen, path);
    cr_assert_eq(run("logs/\\[x\\]\\*.log").files, 1);
    cr_assert_str_eq(seen, "logs/[x]*.log");
    cr_assert_eq(run("logs/b").error, EISDIR);
    cr_assert_eq(run("logs/file/1.log").error, ENOTDIR);
}

/* The nearest folder that is there is watched, so that the rest is seen when it is made. */
Test(scan, what_is_not_there)
{
    struct file_scan scan = run("logs/none/deeper/1.log");

    cr_assert_eq(scan.error, ENOENT);
    cr_assert_str_eq(scan.error_path, "logs/none");
    cr_assert_str_eq(watched, "logs");
    scan = run("logs/a/2.log");
    cr_assert_eq(scan.error, ENOENT);
    cr_assert_str_eq(scan.error_path, "logs/a/2.log");
    cr_assert_str_eq(watched, "logs/a");
    run("nothing/*.log");
    cr_assert_str_eq(watched, ".");
}

Test(scan, what_fits_a_pattern)
{
    cr_assert(file_pattern_fits("/a/*.log", "/a/x.log"));
    cr_assert(!file_pattern_fits("/a/*.log", "/a/x.log.1"));
    cr_assert(!file_pattern_fits("/a/*.log", "/a/b/x.log"));
    cr_assert(!file_pattern_fits("/a/*.log", "/a/.x.log"));
    cr_assert(file_pattern_is_glob("/a/[x]"));
    cr_assert(!file_pattern_is_glob("/a/\\[x\\]"));
}

Test(scan, joining)
{
    char path[PATH_MAX], long_name[PATH_MAX];

    cr_assert(file_join(path, "/", "a"));
    cr_assert_str_eq(path, "/a");
    cr_assert(file_join(path, ".", "a"));
    cr_assert_str_eq(path, "a");
    cr_assert(file_join(path, "b", "a"));
    cr_assert_str_eq(path, "b/a");
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    cr_assert(!file_join(path, "b", long_name));
}
